// The map of words: their vectors, and as magnified arrows the updates of this step.

import { h, fillIn } from "../../../kit/js/dom.js";
import { format } from "../../../kit/js/numbers.js";
import { hidpiContext } from "../../../kit/js/heatmap.js";
import { tween } from "../../explorer/view/tween.js";
import { drawArrow } from "../../explorer/view/map_drawing.js";

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
  let requested = 0;
  /** Largest coordinate in the picture. It stays while everything fits, so that growing vectors are seen to grow. */
  let extent = 0;
  let size = [0, 0];
  const positions = tween({ redraw: redraw });

  function redraw() {
    if (!requested) requested = requestAnimationFrame(paint);
  }
  function draw(next) {
    const fresh = next.snapshot !== state?.snapshot;
    state = next;
    if (fresh) {
      fit();
      positions.go(next.snapshot.coordinates, next.moving ? TRANSITION : 0);
    }
    redraw();
  }
  function fit() {
    let most = 1e-9;
    const see = (value) => {
      if (Math.abs(value) > most && Number.isFinite(value)) most = Math.abs(value);
    };
    state.snapshot.coordinates.forEach(see);
    if (most > extent || most < extent / 2.4) extent = 1.2 * most;
  }
  function paint() {
    requested = 0;
    size = [Math.floor(box.clientWidth), Math.floor(box.clientHeight)];
    if (!state || size[0] < 40) return;
    shown = positions.now();
    const { colors, scene, snapshot, row } = state;
    const context = hidpiContext(canvas, size[0], size[1]);
    const known = new Set(snapshot.table.inputs);
    context.fillStyle = colors["ink-3"];
    const count = scene.labels.length;
    for (let k = 0; k < count; k += 1) disc(context, at(k), 2.2);
    const factor = magnification();
    for (const [name, one, , x, y, dx, dy] of snapshot.arrows) {
      const color = name === "w" ? colors.accent : one === snapshot.table.rows[0] ? colors.good : colors.flow;
      const start = name === "w" && one < count ? at(one) : clampToEdge(toPixels(x, y));
      if (name === "u") diamond(context, start, color);
      drawArrow(context, color, start, [start[0] + dx * factor * scale(), start[1] - dy * factor * scale()]);
    }
    context.fillStyle = colors.accent;
    for (const one of known) if (one < count) disc(context, at(one), 5);
    if (row >= 0) {
      context.fillStyle = colors.ink;
      disc(context, at(row), 5);
    }
    labels(context, row, known);
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
  /** @param {CanvasRenderingContext2D} context @param {number[]} center @param {number} r */
  function disc(context, [x, y], r) {
    context.beginPath();
    context.arc(x, y, r, 0, 2 * Math.PI);
    context.fill();
  }
  /** @param {CanvasRenderingContext2D} context @param {number[]} center @param {string} color */
  function diamond(context, [x, y], color) {
    context.strokeStyle = color;
    context.lineWidth = 1.5;
    context.beginPath();
    for (const [dx, dy] of [[0, -6], [6, 0], [0, 6], [-6, 0]]) context.lineTo(x + dx, y + dy);
    context.closePath();
    context.stroke();
  }
  /** What a step is multiplied with so that the longest arrow is seen. */
  function magnification() {
    const longest = Math.max(...state.snapshot.arrows.map(([, , , , , dx, dy]) => Math.hypot(dx, dy)).filter(Number.isFinite), 0) * scale();
    return longest > 0 ? roundDown(ARROW / longest) : 1;
  }
  /** Draw labels where they do not overlap: those of this step first, then frequent words. */
  function labels(context, row, known) {
    const { colors, scene, snapshot } = state;
    const placed = [];
    const [target] = snapshot.table.rows;
    const outputs = snapshot.arrows.filter(([name]) => name === "u").sort((a, b) => Number(b[1] === target) - Number(a[1] === target));
    const candidates = [
      ...(row >= 0 ? [[at(row), scene.labels[row], colors.ink, true]] : []),
      ...[...known].filter((one) => one < scene.labels.length).map((one) => [at(one), scene.labels[one], colors.accent, true]),
      ...outputs.map(([, one, word, x, y]) => [clampToEdge(toPixels(x, y)), `U[${word}]`, one === target ? colors.good : colors.flow, true]),
      ...scene.labels.slice(0, 4 * MAX_LABELS).map((label, one) => [at(one), label, colors["ink-3"], false]),
    ];
    context.textBaseline = "middle";
    const { fontFamily } = getComputedStyle(root);
    for (const [[x, y], label, color, bold] of candidates) {
      context.font = `${bold ? "600 " : ""}11.5px ${fontFamily}`;
      const long = context.measureText(label).width;
      const left = x + 8 + long > size[0] - 3 ? x - 8 - long : x + 8;
      const area = [left - 2, y - LINE_HEIGHT / 2, left + long + 2, y + LINE_HEIGHT / 2];
      if (!(x > 0 && y > 0 && x < size[0] && y < size[1]) || placed.some((one) => area[0] < one[2] && one[0] < area[2] && area[1] < one[3] && one[1] < area[3])) continue;
      placed.push(area);
      context.strokeStyle = colors.paper;
      context.lineWidth = 3;
      context.strokeText(label, left, y);
      context.fillStyle = color;
      context.fillText(label, left, y);
      if (placed.length >= MAX_LABELS) break;
    }
  }
  /** Draw a scale bar. */
  function drawScaleBar(context) {
    const { colors } = state;
    const length = roundDown(0.6 * extent);
    const long = length * scale();
    context.strokeStyle = colors["ink-3"];
    context.lineWidth = 1.5;
    context.beginPath();
    for (const [dx, dy] of [[0, -4], [0, 0], [long, 0], [long, -4]]) context.lineTo(8 + dx, size[1] - 9 + dy);
    context.stroke();
    context.fillStyle = colors["ink-3"];
    context.font = `10.5px ${getComputedStyle(root).fontFamily}`;
    context.fillText(format(length), 14 + long, size[1] - 12);
  }
  function updateCaption(factor) {
    const { snapshot } = state;
    legend.textContent = fillIn(messages.axes_caption, { share: Math.round(100 * snapshot.variance_ratio), factor: format(factor) });
    canvas.setAttribute("aria-label", fillIn(messages.map_alt, { share: Math.round(100 * snapshot.variance_ratio) }));
  }

  function nearest(event) {
    let best = -1;
    let least = 14 ** 2;
    for (let k = 0; shown && k < state.scene.labels.length; k += 1) {
      const [x, y] = at(k);
      const distance = (x - event.offsetX) ** 2 + (y - event.offsetY) ** 2;
      if (distance < least) [best, least] = [k, distance];
    }
    return best;
  }
  canvas.addEventListener("pointermove", (event) => point(nearest(event)), { signal });
  canvas.addEventListener("pointerleave", () => point(-1), { signal });
  canvas.addEventListener("click", (event) => {
    const row = nearest(event);
    if (row >= 0) point(row, true);
  }, { signal });
  signal.addEventListener("abort", () => cancelAnimationFrame(requested));
  return { element, draw };
}
