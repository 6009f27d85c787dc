// Surface in 3-D, drawn and rotated by plotly; heights are logarithmic, like the shades of the map.

import { arrowDirection, h, onKeys } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { plotly } from "../../kit/js/plotly.js";
import { coordinate, heightColors, heightOf } from "./contour_map.js";

/** A 3-D trace without hover text and legend. */
const SCATTER = { type: "scatter3d", hoverinfo: "skip", showlegend: false };
const CAMERA = { eye: { x: 0.71, y: -1.2, z: 1.13 }, center: { x: 0.03, y: 0, z: -0.23 } };

/** Height of the picture in pixels. @param {number} width */
const heightFor = (width) => Math.round(Math.min(width * 0.8, 500));

/** plotly reads its texts as HTML; a zero-width space after "<" keeps a name from becoming a tag. */
const escapeMarkup = (text) => text.replaceAll("<", "<\u200b");

/**
 * @param {{model: any, messages: Record<string, string>, signal: AbortSignal}} options
 */
export function surface3d({ model, messages, signal }) {
  const plot = h("div", { class: "optim-surface3d", tabindex: "0", role: "img", "aria-label": messages.view_3d_alt });
  const note = h("p", { class: "optim-levels" }, messages.view_3d_loading);
  const element = h("div", { hidden: "" }, plot, note);
  let [scene, surface, library, baseTraces, requested] = [null, null, null, null, false];
  let state = null;
  let theme = "";

  function show(next, decoded) {
    [scene, surface, baseTraces] = [next, decoded, null];
  }
  function draw(next) {
    state = next;
    plot.style.height = `${heightFor(next.width)}px`;
    if (library) return paint();
    if (requested) return undefined;
    requested = true;
    plot.ariaBusy = "true";
    return plotly(model).then((loaded) => {
      if (signal.aborted) return undefined;
      library = loaded;
      note.textContent = messages.view_3d_help;
      return paint();
    }).catch(() => {
      requested = false;
      note.textContent = messages.view_3d_failed;
    }).finally(() => {
      plot.ariaBusy = null;
    });
  }
  function paint() {
    const { colors, width } = state;
    if (!baseTraces || theme !== colors.paper) baseTraces = surfaceTraces(colors);
    theme = colors.paper;
    return library.react(plot, [...baseTraces, ...state.paths.flatMap((path) => pathTraces(path, colors))], { ...layout(colors), width, height: heightFor(width) }, { displayModeBar: false, displaylogo: false });
  }

  /** The camera after the learner's rotation, which a new drawing must not reset. */
  function camera() {
    return /** @type {any} */ (plot)._fullLayout?.scene?._scene?.getCamera();
  }
  const elevation = (value) => heightOf(surface, value);
  /** The surface and its contour lines, which are the same at every step. */
  function surfaceTraces(colors) {
    const { rows, columns, values } = surface;
    const table = (call) => Array.from({ length: rows }, (_, r) => Array.from({ length: columns }, (__, c) => call(values[r * columns + c])));
    const shadeOf = heightColors(colors);
    const rgb = (height) => `rgb(${shadeOf(0, height).join(",")})`;
    const surfaceTrace = {
      type: "surface", x: Array.from({ length: columns }, (_, c) => coordinate(surface, "x", c)), y: Array.from({ length: rows }, (_, r) => coordinate(surface, "y", r)), z: table(elevation), customdata: table((value) => value),
      cmin: 0, cmax: 1, colorscale: [0, 0.25, 0.5, 0.75, 1].map((height) => [height, rgb(height)]), showscale: false, opacity: 0.96, contours: { x: { highlight: false }, y: { highlight: false }, z: { highlight: false } },
      lighting: { ambient: 0.7, diffuse: 0.6, specular: 0.08, roughness: 0.9 }, lightposition: { x: -1e4, y: -1e4, z: 2e4 }, meta: scene.pair && `${escapeMarkup(scene.pair)} = `, hovertemplate: "%{meta}(%{x:.3g}, %{y:.3g}): %{customdata:.4g}<extra></extra>",
    };
    const line = { x: [], y: [], z: [] };
    for (const level of surface.levels) {
      for (const contour of level.lines) {
        for (const [c, r] of contour) addPoint(line, coordinate(surface, "x", c), coordinate(surface, "y", r), elevation(level.value) + 0.004);
        addPoint(line, null, null, null);
      }
    }
    const cross = { x: [], y: [], z: [] };
    for (const [x, y] of [...scene.minima, ...scene.marked]) addPoint(cross, x, y, elevation(nearestValue(x, y)) + 0.012);
    return [surfaceTrace, { ...SCATTER, mode: "markers", ...cross, marker: { symbol: "x", size: 3.5, color: colors.ink } }, { ...SCATTER, mode: "lines", ...line, line: { color: colors["ink-3"], width: 1.5 } }];
  }
  /** The value at the nearest grid point. */
  function nearestValue(x, y) {
    const gridIndex = (name, value, count) => Math.max(0, Math.min(count - 1, Math.round(((value - surface[name][0]) / (surface[name][1] - surface[name][0])) * (count - 1))));
    return surface.values[gridIndex("y", y, surface.rows) * surface.columns + gridIndex("x", x, surface.columns)];
  }
  function addPoint(line, x, y, z) {
    line.x.push(x);
    line.y.push(y);
    line.z.push(z);
  }
  /** A path up to the current step, without the parts outside the picture. */
  function pathTraces(path, colors) {
    const line = { x: [], y: [], z: [] };
    const inside = (value, [low, high]) => value >= low && value <= high;
    for (let t = 0; t <= Math.min(state.step, path.size - 1); t += 1) {
      const [x, y] = path.points[t];
      if (inside(x, surface.x) && inside(y, surface.y)) addPoint(line, x, y, elevation(path.losses[t]) + 0.012);
      else addPoint(line, null, null, null);
    }
    const last = line.x.length - 1;
    const color = colors[path.color];
    const end = { x: [line.x[last]], y: [line.y[last]], z: [line.z[last]] };
    return [
      { ...SCATTER, mode: "lines", ...line, line: { color, width: path.name === state.opened ? 8 : 5, dash: path.dash ? "dash" : "solid" } },
      { ...SCATTER, mode: "markers", ...end, marker: { color, size: 5, line: { color: colors.paper, width: 1 } } },
    ];
  }
  function layout(colors) {
    const axis = (title) => ({ title: { text: escapeMarkup(title), font: { size: 11 } }, color: colors["ink-3"], gridcolor: colors.line, zeroline: false, showspikes: false, showbackground: false, tickfont: { size: 11 } });
    const labeled = surface.levels.filter((_, k) => k % 2 === 0);
    return {
      paper_bgcolor: "rgba(0,0,0,0)", margin: { l: 0, r: 0, t: 0, b: 0 }, showlegend: false, hoverlabel: { bgcolor: colors.raised, font: { color: colors.ink, size: 11 } },
      font: { color: colors.ink, family: colors.font },
      scene: {
        aspectmode: "manual", aspectratio: { x: 1.1, y: 1.1, z: 0.65 }, camera: camera() ?? CAMERA,
        xaxis: axis(scene.axes[0]), yaxis: axis(scene.axes[1]),
        zaxis: { ...axis(messages.height), tickvals: labeled.map((level) => elevation(level.value)), ticktext: labeled.map((level) => format(level.value, 3)), range: [0, 1.03] },
      },
    };
  }

  /** Arrow keys rotate and tilt the surface, as dragging does. */
  onKeys(plot, signal, (event) => {
    const direction = arrowDirection(event);
    if (!direction || !library) return false;
    const { x, y, z } = camera().eye;
    const [distance, azimuth] = [Math.hypot(x, y, z), Math.atan2(y, x) + 0.15 * direction[0]];
    const tilt = Math.max(-1.4, Math.min(1.5, Math.asin(z / distance) - 0.12 * direction[1]));
    const eye = { x: distance * Math.cos(tilt) * Math.cos(azimuth), y: distance * Math.cos(tilt) * Math.sin(azimuth), z: distance * Math.sin(tilt) };
    library.relayout(plot, { "scene.camera": { ...camera(), eye } });
    return true;
  });
  signal.addEventListener("abort", () => library?.purge(plot));

  return { element, show, draw };
}
