// Contour map: shades, contour lines with their values, paths, arrows, and a crosshair.

import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { pixelCanvas, hidpiContext } from "../../kit/js/heatmap.js";
import { scale, ticks } from "../../kit/js/scale.js";
import { grayscale, heightOf } from "./colormap.js";

const LEFT = 50;
const BOTTOM = 36;
const TOP = 8;
const RIGHT = 14;
/** Length of the longer of an optimizer's two arrows, in pixels. */
const ARROW = 44;

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, pick: (number: number) => void}} options pick: called with the path nearest to a click
 */
export function contourMap({ messages, signal, pick }) {
  const canvas = h("canvas");
  const box = h("div", { class: "optim-map", tabindex: "0", role: "img", "aria-label": messages.map_alt }, canvas);
  const readout = h("output", { class: "optim-readout" });
  const element = h("div", {}, box, readout);
  let scene = null;
  let surface = null;
  let state = null;
  let cursor = null;
  let [width, height] = [400, 400];
  let shades = null;
  let [context, colors, pixelX, pixelY] = [null, null, null, null];

  function show(next, decoded) {
    scene = next;
    surface = decoded;
    shades = null;
  }
  /** The pixel of a path's point at step t. */
  const pixelOf = (path, t) => [pixelX(path.points[2 * t]), pixelY(path.points[2 * t + 1])];

  /** @param {{paths: any[], step: number, colors: any, opened: string, width: number}} next */
  function draw(next) {
    if (colors?.paper !== next.colors.paper) shades = null;
    state = next;
    colors = state.colors;
    width = Math.max(120, next.width - LEFT - RIGHT);
    const ratio = (surface.y[1] - surface.y[0]) / (surface.x[1] - surface.x[0]);
    height = Math.round(width * Math.min(1, Math.max(0.55, ratio)));
    pixelX = scale(surface.x, [LEFT, LEFT + width]).pixel;
    pixelY = scale(surface.y, [TOP + height, TOP]).pixel;
    context = hidpiContext(canvas, next.width, height + TOP + BOTTOM);
    shades ??= drawShades();
    // A pixel is centered on its grid point, so the outermost pixels reach half a cell beyond the edge and are clipped.
    const [dx, dy] = [width / (surface.columns - 1), height / (surface.rows - 1)];
    context.save();
    context.beginPath();
    context.rect(LEFT, TOP, width, height);
    context.clip();
    context.drawImage(shades, LEFT - dx / 2, TOP - dy / 2, width + dx, height + dy);
    drawContours(dx, dy);
    for (const [x, y] of [...scene.minima, ...scene.marked]) drawCross(pixelX(x), pixelY(y));
    for (const path of state.paths) drawPath(path);
    context.restore();
    drawAxes();
    for (const path of state.paths) drawMarker(path);
    drawCrosshair();
    updateReadout();
  }

  function drawShades() {
    const shadeOf = grayscale(colors);
    const { rows, columns, values } = surface;
    return pixelCanvas(rows, columns, (p, data) => {
      const value = values[(rows - 1 - Math.floor(p / columns)) * columns + (p % columns)];
      data.set(shadeOf(value, heightOf(surface, value)), 4 * p);
      data[4 * p + 3] = 255;
    });
  }
  function drawContours(dx, dy) {
    const placed = [];
    Object.assign(context, { font: `10.5px ${colors.mono}`, textAlign: "center", textBaseline: "middle" });
    const occupied = state.paths.flatMap((path) => Array.from({ length: Math.min(path.size, 400) }, (_, t) => pixelOf(path, t)));
    context.globalAlpha = 0.55;
    const labels = surface.levels.map((level) => {
      const lines = level.lines.map((line) => line.map(([c, r]) => [LEFT + c * dx, TOP + height - r * dy]));
      for (const line of lines) stroke(line, colors["ink-3"], 0.8);
      return [level.value, lines.reduce((a, b) => (b.length > a.length ? b : a), [])];
    });
    context.globalAlpha = 1;
    for (const [value, points] of labels) {
      const text = format(value, 3);
      const halfWidth = context.measureText(text).width / 2 + 4;
      const free = ([x, y]) => x > LEFT + halfWidth && x < LEFT + width - halfWidth && y > TOP + 8 && y < TOP + height - 8 && placed.every(([a, b, r]) => Math.abs(a - x) > halfWidth + r || Math.abs(b - y) > 13) && !occupied.some(([a, b]) => Math.abs(a - x) < halfWidth + 3 && Math.abs(b - y) < 10);
      const position = [0.5, 0.25, 0.75, 0.1, 0.9, 0.4, 0.6].map((fraction) => points[Math.floor(fraction * points.length)]).find((point) => point && free(point));
      if (!position || points.length < 12) continue;
      placed.push([...position, halfWidth]);
      drawLabel(text, position);
    }
  }
  function drawLabel(text, [x, y]) {
    Object.assign(context, { lineWidth: 3, lineJoin: "round", strokeStyle: colors.paper });
    context.strokeText(text, x, y);
    context.fillStyle = colors["ink-2"];
    context.fillText(text, x, y);
  }
  function stroke(points, strokeStyle, lineWidth, dash = []) {
    Object.assign(context, { strokeStyle, lineWidth });
    context.setLineDash(dash);
    context.beginPath();
    for (const [x, y] of points) context.lineTo(x, y);
    context.stroke();
    context.setLineDash([]);
  }
  function drawCross(x, y) {
    for (const [color, lineWidth] of [[colors.paper, 4], [colors.ink, 1.6]]) {
      for (const sign of [1, -1]) stroke([[x - 5, y - 5 * sign], [x + 5, y + 5 * sign]], color, lineWidth);
    }
  }
  function drawPath(path) {
    const points = [];
    // After a path has left for good, its far jumps would only cover the picture.
    const until = Math.min(state.step, path.size - 1, path.ended?.step ?? Infinity);
    for (let t = 0; t <= until; t += 1) {
      const [x, y] = pixelOf(path, t);
      // A canvas cannot draw to infinity, so distant points are clamped far outside the picture.
      if (!Number.isFinite(x + y)) break;
      points.push([clamp(x, -1e5, 1e5), clamp(y, -1e5, 1e5)]);
    }
    const color = colors[path.color];
    context.lineJoin = "round";
    const bold = path.name === state.opened;
    stroke(points, colors.paper, bold ? 6 : 4);
    stroke(points, color, bold ? 3 : 1.8, path.dash ? [6, 3] : []);
    context.fillStyle = color;
    if (path.size <= 400) for (const [x, y] of points) context.fillRect(x - 1.3, y - 1.3, 2.6, 2.6);
  }
  /** The current point of a path, clamped to the edge if it is outside the picture. */
  function currentPoint(path) {
    let t = Math.min(state.step, path.size - 1, path.ended?.step ?? Infinity);
    while (t > 0 && !pixelOf(path, t).every(Number.isFinite)) t -= 1;
    const [x, y] = pixelOf(path, t);
    const at = [clamp(x, LEFT, LEFT + width), clamp(y, TOP, TOP + height)];
    return { t, at, outside: Math.abs(at[0] - x) + Math.abs(at[1] - y) > 0.5 };
  }
  function drawMarker(path) {
    const { t, at, outside } = currentPoint(path);
    if (!outside) drawArrows(path, t, at);
    context.beginPath();
    context.arc(at[0], at[1], path.name === state.opened ? 6.5 : 5, 0, 7);
    context.fillStyle = outside ? colors.paper : colors[path.color];
    context.fill();
    Object.assign(context, { strokeStyle: outside ? colors[path.color] : colors.paper, lineWidth: 2 });
    context.stroke();
  }
  /** An arrow against the gradient (downhill), and one against the momentum (the next step). */
  function drawArrows(path, t, at) {
    // Near a minimum the directions are only rounding errors.
    if (!path.arrays.gradient || !(Math.hypot(...vector(path.arrays.gradient, t)) > 1e-4 * path.maxGradientNorm)) return;
    const vectors = ["gradient", path.momentum].map((name) => (name ? vector(path.arrays[name], t) : [0, 0]));
    const longest = Math.max(...vectors.map(([x, y]) => Math.hypot(x, y)));
    if (!(longest > 0) || !Number.isFinite(longest)) return;
    vectors.forEach(([x, y], n) => {
      const size = (ARROW * Math.hypot(x, y)) / longest;
      if (size < 3) return;
      drawArrow(at, [at[0] - (ARROW * x) / longest, at[1] + (ARROW * y) / longest], n ? colors[path.color] : colors.ink, n === 0);
    });
  }
  function drawArrow([x, y], [tipX, tipY], color, dashed) {
    const angle = Math.atan2(tipY - y, tipX - x);
    const head = [-0.45, 0.45].map((turn) => [tipX - 9 * Math.cos(angle + turn), tipY - 9 * Math.sin(angle + turn)]);
    for (const [stroked, lineWidth] of [[colors.paper, 4.5], [color, 2]]) {
      stroke([[x, y], [tipX, tipY]], stroked, lineWidth, dashed && stroked === color ? [4, 3] : []);
      stroke([head[0], [tipX, tipY], head[1]], stroked, lineWidth);
    }
  }
  function drawAxes() {
    Object.assign(context, { strokeStyle: colors.line, lineWidth: 1 });
    context.strokeRect(LEFT + 0.5, TOP + 0.5, width - 1, height - 1);
    Object.assign(context, { font: `10.5px ${colors.mono}`, fillStyle: colors["ink-3"], textBaseline: "top", textAlign: "center" });
    for (const value of ticks(surface.x[0], surface.x[1], width / 70)) context.fillText(format(value, 3), pixelX(value), TOP + height + 5);
    Object.assign(context, { textAlign: "right", textBaseline: "middle" });
    for (const value of ticks(surface.y[0], surface.y[1], height / 50)) context.fillText(format(value, 3), LEFT - 6, clamp(pixelY(value), TOP + 6, TOP + height - 6));
    Object.assign(context, { font: `600 11px ${colors.font}`, fillStyle: colors["ink-2"], textAlign: "center", textBaseline: "bottom" });
    context.fillText(scene.axes[0], LEFT + width / 2, TOP + height + BOTTOM);
    context.save();
    context.translate(2, TOP + height / 2);
    context.rotate(-Math.PI / 2);
    context.textBaseline = "top";
    context.fillText(scene.axes[1], 0, 0);
    context.restore();
  }

  /** The pixel of a grid point. */
  const pixelAt = ([row, column]) => [pixelX(coordinate(surface, "x", column)), pixelY(coordinate(surface, "y", row))];
  function drawCrosshair() {
    if (!cursor) return;
    const [x, y] = pixelAt(cursor);
    context.globalAlpha = 0.7;
    stroke([[LEFT, y], [LEFT + width, y]], colors.accent, 1);
    stroke([[x, TOP], [x, TOP + height]], colors.accent, 1);
    context.globalAlpha = 1;
  }
  function updateReadout() {
    if (cursor) {
      const [row, column] = cursor;
      const pair = scene.pair && `${scene.pair} = `;
      const loss = format(surface.values[row * surface.columns + column], 5);
      readout.textContent = fillIn(messages.readout, { pair, x: format(coordinate(surface, "x", column), 4), y: format(coordinate(surface, "y", row), 4), loss });
    } else {
      const levels = surface.levels.map((level) => format(level.value, 3)).join(", ");
      readout.textContent = levels && fillIn(messages.levels, { levels });
    }
  }
  function hover(next) {
    cursor = next && [clamp(next[0], 0, surface.rows - 1), clamp(next[1], 0, surface.columns - 1)];
    if (state) draw(state);
  }
  function gridPoint(event) {
    return [Math.round((1 - (event.offsetY - TOP) / height) * (surface.rows - 1)), Math.round(((event.offsetX - LEFT) / width) * (surface.columns - 1))];
  }
  function pickNearest(x, y, maxDistance) {
    const distances = state.paths.map((path) => {
      const pixels = Array.from({ length: currentPoint(path).t + 1 }, (_, t) => pixelOf(path, t));
      return Math.min(...pixels.map(([px, py]) => Math.hypot(px - x, py - y)));
    });
    const best = Math.min(...distances);
    if (best <= maxDistance) pick(distances.indexOf(best));
  }

  box.addEventListener("pointermove", (event) => surface && hover(gridPoint(event)), { signal });
  for (const event of ["pointerleave", "blur"]) box.addEventListener(event, () => hover(null), { signal });
  box.addEventListener("click", (event) => pickNearest(event.offsetX, event.offsetY, 14), { signal });
  box.addEventListener("keydown", (event) => {
    const moves = { ArrowUp: [1, 0], ArrowDown: [-1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const move = moves[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || (!move && event.key !== "Enter")) return;
    event.preventDefault();
    event.stopPropagation();
    const from = cursor ?? [Math.floor(surface.rows / 2), Math.floor(surface.columns / 2)];
    if (move) hover([from[0] + move[0], from[1] + move[1]]);
    else pickNearest(...pixelAt(from), Infinity);
  }, { signal });

  return { element, show, draw };
}

/** The coordinate of row or column n of a surface's grid, which may lie between two grid points. */
export function coordinate(surface, name, n) {
  const [low, high] = surface[name];
  return low + (n / (surface[name === "x" ? "columns" : "rows"] - 1)) * (high - low);
}

/** The two numbers of an array at a step. */
export function vector({ width, values }, t) {
  return [values[width * t], values[width * t + width - 1]];
}

function clamp(value, low, high) {
  return Math.max(low, Math.min(high, value));
}
