// The plane: points that get noise or walk back, arrows of the network's predictions, the path of one point, and a cursor that reads.

import { drawArrow, drawDisc, drawLine, drawRing, scaledPath } from "../../kit/js/canvas.js";
import { h, fillIn } from "../../kit/js/dom.js";
import { tween } from "../../kit/js/animation.js";
import { format } from "../../kit/js/numbers.js";
import { hidpiContext } from "../../kit/js/heatmap.js";
import { cellCenter, planeAxes } from "../../kit/js/plane_axes.js";
import { planeCursor } from "../../kit/js/plane_cursor.js";
import { placeReadout } from "../../kit/js/readout.js";
import { part, subscript } from "./decode.js";

const LEFT = 38;
const TOP = 6;
/** Paths of so many samples are drawn, and so many of their last steps where each adds noise. */
const PATHS = 36;
const TRAIL = 5;
/** A click within so many pixels of a point picks it. */
const PICK_RADIUS = 12;
/** Opacity of the data behind samples. */
export const GHOST = 0.4;

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, pick: (point: number) => void}} options
 */
export function planePicture({ messages, signal, pick }) {
  const canvas = h("canvas");
  const button = h("button", { type: "button", class: "diff-canvas" }, canvas);
  const readout = h("output", { class: "dlviz-readout", hidden: "" });
  const element = h("div", { class: "diff-plane" }, button, readout);
  let state = null;
  let axes = null;
  let size = 384;
  let timer = 0;
  const cursor = planeCursor({ button, canvas, signal, changed: paint, pick: (pixel, isKey) => pick(nearestPoint(pixel, isKey ? Infinity : PICK_RADIUS)) });
  const motion = tween({ redraw: () => { timer = requestAnimationFrame(paint); } });
  signal.addEventListener("abort", () => cancelAnimationFrame(timer));

  /**
   * @param {any} next
   *   points, labels: at this frame; frames: all states of the points; frame: which one this is; backward: whether samples walk back;
   *   grid: predictions at this step; arrows: which of them; point: the chosen one; x0: predicted data of the points; k: the step's number;
   *   ms: time in which points move; smooth: whether the steps back add no noise
   */
  function draw(next) {
    state = next;
    size = Math.max(220, Math.min(380, next.width - LEFT - 8));
    axes = planeAxes({ left: LEFT, top: TOP, size }, next.scene.limits);
    cursor.show(axes, next.scene.side);
    button.setAttribute("aria-label", messages[next.backward ? "plane_alt_walk" : "plane_alt_noise"]);
    if (next.points) motion.go(next.points, next.ms, true);
    paint();
  }
  function paint() {
    if (!state) return;
    const context = hidpiContext(canvas, LEFT + size + 8, TOP + size + 22);
    const { colors } = state;
    axes.clipped(context, () => {
      drawArrows(context);
      if (state.backward) drawGhosts(context);
      if (state.backward) drawPaths(context);
      drawPoints(context);
      drawSelected(context);
    });
    axes.draw(context, colors, [messages.axis_across, messages.axis_up]);
    cursor.draw(context, colors);
    button.toggleAttribute("data-over-point", cursor.visible && nearestPoint(cursor.at, PICK_RADIUS) >= 0);
    readout.hidden = !cursor.visible;
    if (cursor.visible) {
      readout.replaceChildren(...read().map((line) => h("div", {}, line)));
      placeReadout(readout, cursor.pixel());
    }
  }
  /** The data that samples should become. */
  function drawGhosts(context) {
    const data = part(state.scene.process.x, 0, 2 * count());
    context.globalAlpha = GHOST;
    for (let p = 0; p < count(); p += 1) drawDisc(context, axes.pixel([data[2 * p], data[2 * p + 1]]), 2, state.colors["ink-3"]);
    context.globalAlpha = 1;
  }
  const count = () => state.scene.process.x.length / (2 * state.scene.process.times.length);
  /** Arrows of equal length; the stronger, the more opaque. */
  function drawArrows(context) {
    const vectors = arrowVectors(state);
    if (!vectors) return;
    const length = 0.74 * (size / state.scene.side);
    const most = vectors.reduce((best, [, , , , strength]) => (strength > best ? strength : best), 0);
    for (const [x, y, dx, dy, strength] of vectors) {
      if (!(strength > 0)) continue;
      const [px, py] = axes.pixel([x, y]);
      const [tx, ty] = axes.pixel([x + dx, y + dy]);
      const long = Math.hypot(tx - px, ty - py) || 1;
      const [ux, uy] = [(tx - px) / long, (ty - py) / long];
      const end = (side) => [px + (side * ux * length) / 2, py + (side * uy * length) / 2];
      context.globalAlpha = 0.22 + 0.78 * Math.sqrt(strength / most);
      drawArrow(context, end(-1), end(1), state.colors.flow, { width: 1.4, head: 5 });
    }
    context.globalAlpha = 1;
    // The names of the axes stand in two corners, where arrows would run through them.
    const cell = size / state.scene.side;
    const [wide, high] = [66, 18].map((pixels) => cell * Math.ceil(pixels / cell));
    context.fillStyle = state.colors.paper;
    for (const [x, y] of [[LEFT, TOP], [LEFT + size - wide, TOP + size - high]]) context.fillRect(x, y, wide, high);
  }
  function drawPaths(context) {
    const { frames, frame, points, smooth } = state;
    if (!frames || !points) return;
    context.globalAlpha = 0.45;
    for (let k = 0; k < Math.min(PATHS, points.length / 2); k += 1) drawLine(context, way(k, frame).slice(smooth ? 0 : -TRAIL), state.colors["ink-2"], 1);
    context.globalAlpha = 1;
  }
  /** Pixels of the states of a point up to a frame. */
  function way(point, last) {
    const { frames, points } = state;
    return Array.from({ length: last + 1 }, (_, i) => axes.pixel([frames[i * points.length + 2 * point], frames[i * points.length + 2 * point + 1]]));
  }
  function drawPoints(context) {
    const { points, labels, scene, colors } = state;
    if (!points) return;
    const moved = motion.now();
    const shown = moved.length === points.length ? moved : points;
    const paths = scene.markers.map(({ path }) => scaledPath(path, points.length > 500 ? 2.4 : 3));
    for (let p = 0; p < points.length / 2; p += 1) {
      const [x, y] = axes.pixel([shown[2 * p], shown[2 * p + 1]]);
      if (!Number.isFinite(x + y)) continue;
      const label = labels ? labels[p] : 0;
      context.save();
      context.translate(x, y);
      context.strokeStyle = colors.paper;
      context.lineWidth = 1.6;
      context.stroke(paths[label]);
      context.fillStyle = colors[scene.markers[label].color];
      context.fill(paths[label]);
      context.restore();
    }
  }
  /** The whole path of the chosen point, where it is now, and the data that the network predicts from there. */
  function drawSelected(context) {
    const { point, points, frames, x0, colors } = state;
    if (!points || point < 0 || 2 * point >= points.length || !frames) return;
    drawLine(context, way(point, frames.length / points.length - 1), colors.select, 1.2);
    const now = axes.pixel([points[2 * point], points[2 * point + 1]]);
    if (x0) {
      const to = axes.pixel([x0[2 * point], x0[2 * point + 1]]);
      drawLine(context, [now, to], colors.select, 2, [4, 4]);
      drawRing(context, to, 5, colors.paper, 5);
      drawRing(context, to, 5, colors.select, 2.5);
    }
    drawDisc(context, now, 6, colors.paper);
    drawDisc(context, now, 4.5, colors.select);
  }
  /** What torch computed at the cell of the cursor. */
  function read() {
    const { grid, scene, k } = state;
    const cell = cursor.row * scene.side + cursor.column;
    const pair = (values) => `(${[...values].map((value) => format(value, 3)).join(", ")})`;
    const place = fillIn(messages["read.place"], { x: pair(gridPoint(scene, cell)) });
    if (!grid) return [place, messages["read.none"]];
    const at = (values) => pair(values.subarray(2 * cell, 2 * cell + 2));
    return [place, fillIn(messages["read.noise"], { value: at(grid.noise) }), fillIn(messages["read.score"], { value: at(grid.score) }), fillIn(messages["read.x0"], { value: at(grid.x0) }), fillIn(messages["read.t"], { k: subscript(Math.max(1, k)), t: Math.max(0, k - 1) })];
  }
  function nearestPoint(pixel, radius) {
    return state.points ? axes.nearest(state.points, pixel, radius) : -1;
  }
  return { element, draw };
}

/** Center of a cell of the grid, row by row from the top. */
function gridPoint({ limits, side }, cell) {
  return cellCenter(limits, side, Math.floor(cell / side), cell % side);
}

/** Place, direction and strength of every arrow; null without arrows. @param {any} state @returns {number[][] | null} */
export function arrowVectors({ scene, grid, arrows }) {
  if (!grid || arrows === "off") return null;
  return Array.from({ length: scene.side * scene.side }, (_, cell) => {
    const [x, y] = gridPoint(scene, cell);
    const [a, b] = grid[arrows].subarray(2 * cell, 2 * cell + 2);
    const [dx, dy] = arrows === "score" ? [a, b] : [a - x, b - y];
    return [x, y, dx, dy, Math.hypot(dx, dy)];
  });
}
