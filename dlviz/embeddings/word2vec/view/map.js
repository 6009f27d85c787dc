// The map of words: their vectors, and as magnified arrows the updates of this step.

import { redrawOnChange, tween } from "../../../kit/js/animation.js";
import { drawArrow, drawDisc, drawLine } from "../../../kit/js/canvas.js";
import { h, fillIn } from "../../../kit/js/dom.js";
import { argmin, format } from "../../../kit/js/numbers.js";
import { hidpiContext, maxAbs, themeColors } from "../../../kit/js/heatmap.js";
import { drawLabels, labelMeasurer } from "../../../kit/js/map_labels.js";
import { roundDown } from "../../../kit/js/scale.js";

const MARGIN = 26;
const EDGE = 10;
/** Milliseconds in which a word moves to its new position. */
const TRANSITION = 320;
/** The longest arrow, in pixels. */
const ARROW = 60;

/** @param {{messages: Record<string, string>, root: HTMLElement, signal: AbortSignal, point: (row: number, options?: {hold?: boolean, at?: {clientX: number, clientY: number} | null}) => void}} options */
export function wordMap({ messages, root, signal, point }) {
  const canvas = h("canvas", { class: "word2vec-canvas", role: "img" });
  const legend = h("p", { class: "word2vec-axes" });
  const box = h("div", { class: "word2vec-map" }, canvas);
  const element = h("div", { class: "word2vec-right" }, box, legend);
  let state = null;
  let shown = null;
  /** Largest coordinate in the picture. It stays while everything fits, so that growing vectors are seen to grow. */
  let extent = 0;
  let size = [0, 0];
  let [colors, measure, drawnLabels] = [null, null, []];
  const redraw = redrawOnChange({ root, element: box, signal, draw: paint });
  const positions = tween({ redraw });

  function draw(next) {
    const isNew = next.snapshot !== state?.snapshot;
    state = next;
    if (isNew) {
      const most = Math.max(1e-9, maxAbs(next.snapshot.coordinates));
      if (most > extent || most < extent / 2) extent = 1.08 * most;
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
      const start = name === "w" && one < count ? at(one) : clampToEdge(toPixels(x, y));
      // The other examples of the step are fainter.
      context.globalAlpha = name === "u" || known.has(one) ? 1 : 0.4;
      drawArrow(context, start, [start[0] + dx * factor * scale(), start[1] - dy * factor * scale()], colors.flow);
      if (name === "u") drawDiamond(context, start, outputColor(one));
    }
    context.globalAlpha = 1;
    for (const one of known) if (one < count) drawDisc(context, at(one), 5, colors["class-2"]);
    if (row >= 0) drawDisc(context, at(row), 5, colors.select);
    labelWords(context, row, known);
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
  const outputColor = (one) => colors[one === state.snapshot.table.rows[0] ? "class-3" : "class-4"];
  /** Label the words of this step first, then frequent words. */
  function labelWords(context, row, known) {
    const { scene, snapshot } = state;
    const count = scene.labels.length;
    const [target] = snapshot.table.rows;
    const outputs = snapshot.arrows.filter(([name]) => name === "u").sort((a, b) => Number(b[1] === target) - Number(a[1] === target));
    const points = [...scene.labels.map((_, one) => at(one)), ...outputs.map(([, , , x, y]) => clampToEdge(toPixels(x, y)))];
    const first = new Set([...(row >= 0 ? [row] : []), ...[...known].filter((one) => one < count), ...outputs.map((_, k) => count + k)]);
    measure ??= labelMeasurer(colors.font);
    drawnLabels = drawLabels(context, {
      names: [...scene.labels, ...outputs.map(([, , word]) => `U[${word}]`)], at: { x: points.map(([x]) => x), y: points.map(([, y]) => y) }, rows: new Set([...first, ...scene.labels.keys()]), first,
      color: (one) => (one === row ? colors.select : one >= count ? outputColor(outputs[one - count][1]) : known.has(one) ? colors["class-2"] : colors["ink-3"]),
      paper: colors.paper, measure, width: size[0], height: size[1], reserved: [[0, size[1] - 24, 90, size[1]]], before: drawnLabels.filter((label) => label.row < count),
    });
  }
  /** Draw a scale bar. */
  function drawScaleBar(context) {
    const length = roundDown(0.6 * extent);
    const right = 8 + length * scale();
    const bottom = size[1] - 9;
    drawLine(context, [[8, bottom - 4], [8, bottom], [right, bottom], [right, bottom - 4]], colors["ink-3"], 1.5);
    context.fillStyle = colors["ink-3"];
    context.font = `11px ${colors.font}`;
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
  canvas.addEventListener("pointermove", (event) => point(nearest(event), { at: event }), { signal });
  canvas.addEventListener("pointerleave", () => point(-1), { signal });
  canvas.addEventListener("click", (event) => {
    const row = nearest(event);
    if (row >= 0) point(row, { hold: true, at: event });
  }, { signal });
  return { element, draw };
}
