// The surface in space, drawn and turned by plotly; heights are logarithmic, as the tones of the map are.

import { h } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { plotly } from "../../kit/js/plotly.js";
import { shareOf, tone } from "./colormap.js";

const CAMERA = { eye: { x: 0.75, y: -1.25, z: 1.3 }, center: { x: 0, y: 0, z: -0.15 } };

/** plotly reads its texts as markup, and a name is none: a space of no width keeps it from being read so. */
const literal = (text) => text.replaceAll("<", "<\u200b");

/**
 * @param {{model: any, messages: Record<string, string>, signal: AbortSignal}} options
 */
export function solid({ model, messages, signal }) {
  const place = h("div", { class: "des-solid", tabindex: "0", role: "img", "aria-label": messages.solid_alt });
  const note = h("p", { class: "des-readout" }, messages.solid_wait);
  const element = h("div", { hidden: "" }, place, note);
  let [scene, ground, library, base, asked] = [null, null, null, null, false];
  let state = null;
  let theme = "";

  function show(next, decoded) {
    [scene, ground, base] = [next, decoded, null];
  }
  function draw(next) {
    state = next;
    place.style.height = `${Math.round(next.width * 0.8)}px`;
    if (library) return paint();
    if (asked) return undefined;
    asked = true;
    return plotly(model).then((found) => {
      if (signal.aborted) return;
      library = found;
      note.textContent = [messages.solid_note, ...(model.get("live") ? [] : [messages.solid_page])].join(" · ");
      paint();
    }).catch(() => {
      asked = false;
      note.textContent = messages.solid_failed;
    });
  }
  function paint() {
    const { colors, width } = state;
    if (!base || theme !== colors.paper) base = grounds(colors);
    theme = colors.paper;
    const size = { width, height: Math.round(width * 0.8) };
    return library.react(place, [...base, ...state.paths.flatMap((path) => way(path, colors))], { ...layout(colors), ...size }, { displayModeBar: false, displaylogo: false });
  }

  /** As the learner has turned it: a new drawing must not turn it back. */
  function camera() {
    return place._fullLayout?.scene?._scene?.getCamera();
  }
  const up = (value) => shareOf(ground, value);
  function along(name, n) {
    const [low, high] = ground[name];
    return low + (n / (ground[name === "x" ? "columns" : "rows"] - 1)) * (high - low);
  }
  /** The surface itself and its lines of equal height: the same at every step. */
  function grounds(colors) {
    const { rows, columns, values } = ground;
    const table = (call) => Array.from({ length: rows }, (_, r) => Array.from({ length: columns }, (__, c) => call(values[r * columns + c])));
    const paintOf = tone(colors);
    const hue = (share) => `rgb(${paintOf(0, share).join(",")})`;
    const surface = {
      type: "surface", x: Array.from({ length: columns }, (_, c) => along("x", c)), y: Array.from({ length: rows }, (_, r) => along("y", r)), z: table(up), customdata: table((value) => value),
      cmin: 0, cmax: 1, colorscale: [[0, hue(0)], [1, hue(1)]], showscale: false, opacity: 0.96, contours: { x: { highlight: false }, y: { highlight: false }, z: { highlight: false } },
      lighting: { ambient: 0.85, diffuse: 0.35, specular: 0.02, roughness: 1 }, meta: scene.pair && `${literal(scene.pair)} = `, hovertemplate: "%{meta}(%{x:.3g}, %{y:.3g}): %{customdata:.4g}<extra></extra>",
    };
    const line = { x: [], y: [], z: [] };
    for (const level of ground.levels) {
      for (const chain of level.chains) {
        for (const [c, r] of chain) put(line, along("x", c), along("y", r), up(level.value) + 0.004);
        put(line, null, null, null);
      }
    }
    const cross = { x: [], y: [], z: [] };
    for (const [x, y] of [...scene.minima, ...scene.marked]) put(cross, x, y, up(near(x, y)) + 0.012);
    return [surface, { type: "scatter3d", mode: "markers", ...cross, marker: { symbol: "x", size: 3.5, color: colors.ink }, hoverinfo: "skip", showlegend: false }, { type: "scatter3d", mode: "lines", ...line, line: { color: colors["ink-3"], width: 1.5 }, hoverinfo: "skip", showlegend: false }];
  }
  /** The number at the place of the grid that is nearest. */
  function near(x, y) {
    const at = (name, value, count) => Math.max(0, Math.min(count - 1, Math.round(((value - ground[name][0]) / (ground[name][1] - ground[name][0])) * (count - 1))));
    return ground.values[at("y", y, ground.rows) * ground.columns + at("x", x, ground.columns)];
  }
  function put(line, x, y, z) {
    line.x.push(x);
    line.y.push(y);
    line.z.push(z);
  }
  /** A path up to where it stands; what lies outside the picture is left out. */
  function way(path, colors) {
    const line = { x: [], y: [], z: [] };
    const inside = (value, [low, high]) => value >= low && value <= high;
    for (let t = 0; t <= Math.min(state.step, path.size - 1); t += 1) {
      const [x, y] = [path.points[2 * t], path.points[2 * t + 1]];
      if (inside(x, ground.x) && inside(y, ground.y)) put(line, x, y, up(path.losses[t]) + 0.012);
      else put(line, null, null, null);
    }
    const last = line.x.length - 1;
    const color = colors[path.color];
    const ball = { x: [line.x[last]], y: [line.y[last]], z: [line.z[last]] };
    return [
      { type: "scatter3d", mode: "lines", ...line, line: { color, width: path.name === state.opened ? 8 : 5, dash: path.dash ? "dash" : "solid" }, hoverinfo: "skip", showlegend: false },
      { type: "scatter3d", mode: "markers", ...ball, marker: { color, size: 5, line: { color: colors.paper, width: 1 } }, hoverinfo: "skip", showlegend: false },
    ];
  }
  function layout(colors) {
    const side = (title) => ({ title: { text: literal(title), font: { size: 11 } }, color: colors["ink-3"], gridcolor: colors.line, zeroline: false, showspikes: false, showbackground: false, tickfont: { size: 10 } });
    const named = ground.levels.filter((_, k) => k % 2 === 0);
    return {
      paper_bgcolor: "rgba(0,0,0,0)", margin: { l: 0, r: 0, t: 0, b: 0 }, showlegend: false, hoverlabel: { bgcolor: colors.raised, font: { color: colors.ink, size: 11 } },
      font: { color: colors.ink, family: colors.font },
      scene: {
        aspectmode: "manual", aspectratio: { x: 1.1, y: 1.1, z: 0.65 }, camera: camera() ?? CAMERA,
        xaxis: side(scene.axes[0]), yaxis: side(scene.axes[1]),
        zaxis: { ...side(""), tickvals: named.map((level) => up(level.value)), ticktext: named.map((level) => format(level.value, 3)), range: [0, 1.03] },
      },
    };
  }

  /** Arrow keys turn it and tilt it, as a mouse does. */
  place.addEventListener("keydown", (event) => {
    const turns = { ArrowLeft: [-0.15, 0], ArrowRight: [0.15, 0], ArrowUp: [0, 0.12], ArrowDown: [0, -0.12] };
    const turn = turns[event.key];
    if (!turn || !library || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const { x, y, z } = camera().eye;
    const [far, flat] = [Math.hypot(x, y, z), Math.atan2(y, x) + turn[0]];
    const rise = Math.max(-1.4, Math.min(1.5, Math.asin(z / far) + turn[1]));
    const eye = { x: far * Math.cos(rise) * Math.cos(flat), y: far * Math.cos(rise) * Math.sin(flat), z: far * Math.sin(rise) };
    library.relayout(place, { "scene.camera": { ...camera(), eye } });
  }, { signal });
  signal.addEventListener("abort", () => library?.purge(place));

  return { element, show, draw };
}
