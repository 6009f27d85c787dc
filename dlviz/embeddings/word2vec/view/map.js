// The map of words: their vectors, and as magnified arrows the updates of this step.

import { redrawOnChange, tween } from "../../../kit/js/animation.js";
import { drawArrow, drawDisc, drawHaloText, drawLine, labelPlacer } from "../../../kit/js/canvas.js";
import { h, fillIn } from "../../../kit/js/dom.js";
import { argmin, format } from "../../../kit/js/numbers.js";
import { hidpiContext, maxAbs, themeColors } from "../../../kit/js/heatmap.js";

const MARGIN = 26;
const EDGE = 10;
const LINE_HEIGHT = 14;
/** The most labels, and the milliseconds in which a word moves to its new position. */
const MAX_LABELS = 60;
const TRANSITION = 320;
/** The longest arrow, in pixels. */
const ARROW = 60;

/** Return the largest of the numbers 1, 2 and 5 · 10^k that is not above `value`. */
export function roundDown(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  return [5, 2, 1].map((n) => n * unit).find((one) => one <= value * 1.0000001) ?? unit;
}

/** @param {{messages: Record<string, string>, root: HTMLElement, signal: AbortSignal, point: (row: number, hold?: boolean) => void}} options */
export function wordMap({ messages, root, signal, point }) {
  const canvas = h("canvas", { class: "word2vec-canvas", role: "img" });
  const legend = h("p", { class: "word2vec-axes" });
  const box = h("div", { class: "word2vec-map" }, canvas);
  const element = h("div", {}, box, legend);
  let state = null;
  let shown = null;
  /** Largest coordinate in the picture. It stays while everything fits, so that growing vectors are seen to grow. */
  let extent = 0;
  let size = [0, 0];
  let colors = null;
  const redraw = redrawOnChange({ root, element: box, signal, draw: paint });
  const positions = tween({ redraw });

  function draw(next) {
    const isNew = next.snapshot !== state?.snapshot;
    state = next;
    if (isNew) {
      const most = Math.max(1e-9, maxAbs(next.snapshot.coordinates));
      if (most > extent || most < extent / 2.4) extent = 1.2 * most;
      positions.go(next.snapshot.coordinates, next.moving ? TRANSITION : 0);
    }
    redraw();
  }
  function paint(width) {
    size = [width, Math.floor(box.clientHeight)];
    if (!state || width < 40) return;
    shown = positions.now();
    colors = themeColors(root);
    const { scene, snapshot, row } = state;
    const context = hidpiContext(canvas, size[0], size[1]);
    const known = new Set(snapshot.table.inputs);
    const count = scene.labels.length;
    for (let k = 0; k < count; k += 1) drawDisc(context, at(k), 2.2, colors["ink-3"]);
    const factor = magnification();
    for (const [name, one, , x, y, dx, dy] of snapshot.arrows) {
      const color = name === "w" ? colors.select : one === snapshot.table.rows[0] ? colors.good : colors.flow;
      const start = name === "w" && one < count ? at(one) : clampToEdge(toPixels(x, y));
      if (name === "u") drawDiamond(context, start, color);
      drawArrow(context, start, [start[0] + dx * factor * scale(), start[1] - dy * factor * scale()], color);
    }
    for (const one of known) if (one < count) drawDisc(context, at(one), 5, colors.select);
    if (row >= 0) drawDisc(context, at(row), 5, colors.ink);
    drawLabels(context, row, known);
    drawScaleBar(context);
    updateCaption(factor);
  }
  const scale = () => (Math.min(...size) / 2 - MARGIN) / extent;
  const toPixels = (x, y) => [size[0] / 2 + x * scale(), size[1] / 2 - y * scale()];
  /** Move a row of U that lies outside to the edge, in its direction from the center. @param {number[]} point */
  function clampToEdge([x, y]) {
    const [dx, dy] = [x - size[0] / 2, y - size[1] / 2];
    const share = Math.min(1, (size[0] / 2 - EDGE) / Math.abs(dx), (size[1] / 2 - EDGE) / Math.abs(dy));
    return [size[0] / 2 + dx * share, size[1] / 2 + dy * share];
  }
  const at = (k) => toPixels(shown[2 * k], shown[2 * k + 1]);
  /** @param {CanvasRenderingContext2D} context @param {number[]} center @param {string} color */
  function drawDiamond(context, [x, y], color) {
    drawLine(context, [[x, y - 6], [x + 6, y], [x, y + 6], [x - 6, y], [x, y - 6], [x + 6, y]], color, 1.5);
  }
  /** What a step is multiplied with so that the longest arrow is seen. */
  function magnification() {
    const longest = Math.max(...state.snapshot.arrows.map(([, , , , , dx, dy]) => Math.hypot(dx, dy)).filter(Number.isFinite), 0) * scale();
    return longest > 0 ? roundDown(ARROW / longest) : 1;
  }
  /** Draw labels where they do not overlap: those of this step first, then frequent words. */
  function drawLabels(context, row, known) {
    const { scene, snapshot } = state;
    const place = labelPlacer();
    let count = 0;
    const [target] = snapshot.table.rows;
    const outputs = snapshot.arrows.filter(([name]) => name === "u").sort((a, b) => Number(b[1] === target) - Number(a[1] === target));
    const candidates = [
      ...(row >= 0 ? [[at(row), scene.labels[row], colors.ink, true]] : []),
      ...[...known].filter((one) => one < scene.labels.length).map((one) => [at(one), scene.labels[one], colors.select, true]),
      ...outputs.map(([, one, word, x, y]) => [clampToEdge(toPixels(x, y)), `U[${word}]`, one === target ? colors.good : colors.flow, true]),
      ...scene.labels.slice(0, 4 * MAX_LABELS).map((label, one) => [at(one), label, colors["ink-3"], false]),
    ];
    context.textBaseline = "middle";
    for (const [[x, y], label, color, bold] of candidates) {
      context.font = `${bold ? "600 " : ""}11.5px ${colors.font}`;
      const width = context.measureText(label).width;
      const left = x + 8 + width > size[0] - 3 ? x - 8 - width : x + 8;
      const isVisible = x > 0 && y > 0 && x < size[0] && y < size[1];
      if (!isVisible || !place([[left - 2, y - LINE_HEIGHT / 2, left + width + 2, y + LINE_HEIGHT / 2]])) continue;
      drawHaloText(context, label, [left, y], color, colors.paper);
      count += 1;
      if (count >= MAX_LABELS) break;
    }
  }
  /** Draw a scale bar. */
  function drawScaleBar(context) {
    const length = roundDown(0.6 * extent);
    const right = 8 + length * scale();
    const bottom = size[1] - 9;
    drawLine(context, [[8, bottom - 4], [8, bottom], [right, bottom], [right, bottom - 4]], colors["ink-3"], 1.5);
    context.fillStyle = colors["ink-3"];
    context.font = `10.5px ${colors.font}`;
    context.fillText(format(length), right + 6, bottom - 3);
  }
  function updateCaption(factor) {
    const { snapshot } = state;
    legend.textContent = fillIn(messages.axes_caption, { share: Math.round(100 * snapshot.variance_ratio), factor: format(factor) });
    canvas.setAttribute("aria-label", fillIn(messages.map_alt, { share: Math.round(100 * snapshot.variance_ratio) }));
  }

  function nearest(event) {
    const distance = (k) => Math.hypot(at(k)[0] - event.offsetX, at(k)[1] - event.offsetY);
    return shown ? argmin(state.scene.labels.length, distance, 14) : -1;
  }
  canvas.addEventListener("pointermove", (event) => point(nearest(event)), { signal });
  canvas.addEventListener("pointerleave", () => point(-1), { signal });
  canvas.addEventListener("click", (event) => {
    const row = nearest(event);
    if (row >= 0) point(row, true);
  }, { signal });
  return { element, draw };
}
