// Projection of a layer: grid lines and points on two axes, animated from layer to layer.

import { h, fillIn } from "../../kit/js/dom.js";
import { hidpiContext } from "../../kit/js/heatmap.js";
import { tween } from "../../kit/js/animation.js";
import { markerPainter } from "./class_markers.js";

/** Width of the panels beside the network. */
export const SIDE = 212;
const MARGIN = 8;
/** Stride between drawn grid lines, and milliseconds of the animation from one layer to another. */
const LINE_STRIDE = 3;
const DURATION = 700;

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, select: (layer: number) => void}} options
 */
export function projectionPanel({ messages, signal, select }) {
  const canvas = h("canvas", { role: "img" });
  const slider = /** @type {HTMLInputElement} */ (h("input", { type: "range", min: 0, step: 1, "aria-label": messages.projection_layer }));
  const title = h("output", { class: "boundary-line" });
  const axes = h("div", { class: "boundary-line dlviz-soft" });
  const element = h("div", { class: "dlviz-panel" }, h("div", { class: "boundary-title" }, h("b", {}, messages.projection)), h("label", { class: "boundary-slider" }, slider, title), canvas, axes);
  let scene = null;
  let colors = null;
  let drawnLayer = 0;
  let timer = 0;
  /** Pixels of the grid and then of the points, which move from layer to layer. */
  const pixels = tween({ redraw });
  slider.addEventListener("input", () => select(Number(slider.value)), { signal });
  signal.addEventListener("abort", () => cancelAnimationFrame(timer));

  function show(next) {
    scene = next;
    slider.max = String(scene.projections.length - 1);
  }
  /** Grid and then points of a layer in pixels, with the same scale on both axes. */
  function toPixels({ grid, points }) {
    const [low, high] = [[Infinity, Infinity], [-Infinity, -Infinity]];
    for (let k = 0; k < grid.length; k += 1) {
      const axis = k % 2;
      if (grid[k] < low[axis]) low[axis] = grid[k];
      if (grid[k] > high[axis]) high[axis] = grid[k];
    }
    const scale = (SIDE - 2 * MARGIN) / (Math.max(high[0] - low[0], high[1] - low[1]) || 1);
    return [...grid, ...points].map((value, k) => {
      const axis = k % 2;
      const offset = (value - (low[axis] + high[axis]) / 2) * scale;
      return SIDE / 2 + (axis ? -offset : offset);
    });
  }
  function axesText(projection) {
    if (!projection) return messages.no_projection;
    if (projection.units < 3) return projection.units === 1 ? messages.axis_one : messages.axis_two;
    const [first, second] = projection.explained_variance_ratio.map((ratio) => Math.round(100 * ratio));
    return fillIn(messages.axis_many, { first, second });
  }

  function draw(themeColors, selected) {
    colors = themeColors;
    const last = scene.projections.length - 1;
    const index = Math.min(selected, last);
    const layer = scene.layers[index];
    const units = fillIn(layer.units === 1 ? messages.units_one : messages.units, { count: layer.units });
    const text = index ? `${layer.name} · ${layer.kind} · ${units}` : messages.projection_input;
    slider.value = String(index);
    slider.style.setProperty("--done", `${last > 0 ? (100 * index) / last : 0}%`);
    slider.setAttribute("aria-valuetext", text);
    title.textContent = text;
    canvas.setAttribute("aria-label", fillIn(messages.projection_alt, { layer: text }));
    const projection = scene.projections[index];
    axes.textContent = axesText(projection);
    pixels.go(projection ? toPixels(projection) : [], index === drawnLayer ? 0 : DURATION);
    drawnLayer = index;
    drawFrame();
  }
  function redraw() {
    cancelAnimationFrame(timer);
    timer = requestAnimationFrame(drawFrame);
  }
  function drawFrame() {
    const context = hidpiContext(canvas, SIDE, SIDE);
    const positions = pixels.now();
    if (!positions.length) return;
    const points = positions.slice(2 * scene.map_side ** 2);
    drawGrid(context, positions);
    const { labels, preds } = scene;
    const drawMarker = markerPainter(scene, colors, labels.length > 400 ? 2 : 2.6);
    for (let p = 0; p < labels.length; p += 1) drawMarker(context, points[2 * p], points[2 * p + 1], labels[p], labels[p] === preds[p] ? "correct" : "wrong");
  }
  /** Grid lines, each piece in the color of the class that is most probable where it starts. */
  function drawGrid(context, grid) {
    const { map_side: side, classes, mapWinners } = scene;
    const paths = classes.map(() => new Path2D());
    const addSegment = (a, b) => {
      const path = paths[mapWinners[a]];
      path.moveTo(grid[2 * a], grid[2 * a + 1]);
      path.lineTo(grid[2 * b], grid[2 * b + 1]);
    };
    const hasLine = (k) => k % LINE_STRIDE === 0 || k === side - 1;
    for (let r = 0; r < side; r += 1) {
      for (let c = 0; c < side; c += 1) {
        const a = r * side + c;
        if (c + 1 < side && hasLine(r)) addSegment(a, a + 1);
        if (r + 1 < side && hasLine(c)) addSegment(a, a + side);
      }
    }
    context.lineWidth = 1;
    context.globalAlpha = 0.65;
    paths.forEach((path, label) => {
      context.strokeStyle = colors[scene.markers[label].color];
      context.stroke(path);
    });
    context.globalAlpha = 1;
  }
  return { element, show, draw };
}
