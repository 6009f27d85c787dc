// The plane: probabilities as colors, the boundary, the points, a cursor that reads probabilities, and a brush that paints points.

import { drawRing } from "../../kit/js/canvas.js";
import { h, fillIn } from "../../kit/js/dom.js";
import { tween } from "../../kit/js/animation.js";
import { format } from "../../kit/js/numbers.js";
import { channels, pixelCanvas, hidpiContext, scratch } from "../../kit/js/heatmap.js";
import { contour } from "./contour.js";
import { legend, markerPainter } from "./class_markers.js";
import { planeAxes } from "../../kit/js/plane_axes.js";
import { planeCursor } from "../../kit/js/plane_cursor.js";
import { placeReadout } from "../../kit/js/readout.js";

const BOX = { left: 38, top: 6, size: 360 };
const WIDTH = BOX.left + BOX.size + 8;
const HEIGHT = BOX.top + BOX.size + 22;
/** Opacity of a class's color where its probability is 1, so that points stand out from it. */
const MAX_OPACITY = 0.6;
/** A click within so many pixels of a point picks it. */
const PICK_RADIUS = 9;
/** Pixels between two painted points of one stroke. */
const STROKE_SPACING = 14;
/** Milliseconds in which one snapshot turns into the next. */
const FADE = 250;

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, paint: (points: number[][]) => void, clear: () => void, pick: (point: number) => void, explain: () => void}} options
 */
export function planeCanvas({ messages, signal, paint, clear, pick, explain }) {
  const canvas = h("canvas");
  const button = h("button", { type: "button", class: "boundary-canvas" }, canvas);
  const readout = h("output", { class: "dlviz-readout boundary-readout", hidden: "" });
  const hint = h("p", { class: "boundary-hint" });
  const classes = h("div", { class: "boundary-legend" });
  const clearButton = h("button", { type: "button", class: "boundary-button", hidden: "" }, messages.clear);
  const explainButton = h("button", { type: "button", class: "boundary-button", hidden: "" }, messages.explain);
  const element = h("div", { class: "dlviz-panel" }, h("div", { class: "boundary-plane" }, button, readout), classes, hint, h("div", { class: "boundary-buttons" }, explainButton, clearButton));
  let scene = null;
  /** @type {ReturnType<typeof planeAxes>} */
  let axes = null;
  /** Canvases of this picture and of the one before, in turns. */
  const layers = [h("canvas"), h("canvas")];
  /** Everything but the cursor, which is redrawn on every move. */
  let background = null;
  /** The picture before this one, which fades; how many pictures there were, and when the last one came. */
  let before = null;
  let pictures = 0;
  let shownAt = 0;
  let timer = 0;
  const fade = tween({ redraw: () => { timer = requestAnimationFrame(drawCursor); } });
  signal.addEventListener("abort", () => cancelAnimationFrame(timer));
  let state = { colors: null, brush: -1, painted: [], live: false, trainable: true, explained: null, explainable: false };
  const cursor = planeCursor({
    button, canvas, signal, changed: drawCursor, isPainting, spacing: STROKE_SPACING,
    paint: (point) => paint([[...point, state.brush]]),
    pick(pixel, isKey) {
      const point = nearestPoint(pixel, isKey ? Infinity : PICK_RADIUS);
      if (point >= 0) pick(point * scene.point_stride);
    },
  });

  function show(next) {
    scene = next;
    before = background;
    pictures += 1;
    const now = performance.now();
    fade.go([pictures], now - shownAt < 2 * FADE ? 0 : FADE);
    shownAt = now;
    axes = planeAxes(BOX, scene.limits);
    cursor.show(axes, scene.side);
    button.setAttribute("aria-label", fillIn(messages.plane, { classes: scene.classes.join(", ") }));
    classes.replaceChildren(...legend(scene, messages));
  }

  function draw(next) {
    state = { ...state, ...next };
    background = layers[Number(before === layers[0])];
    const context = hidpiContext(background, WIDTH, HEIGHT);
    context.drawImage(probabilityMap(), BOX.left, BOX.top, BOX.size, BOX.size);
    if (state.explained?.after) drawBoundary(context, scene, true);
    drawBoundary(context, outputs(), false);
    axes.draw(context, state.colors);
    axes.clipped(context, () => {
      drawPoints(context);
      drawRings(context);
    });
    explainButton.hidden = !state.explainable;
    clearButton.hidden = !(state.live && (state.painted.length || scene.labels.length > scene.painted_start));
    button.toggleAttribute("data-brush", isPainting());
    drawCursor();
  }

  /** The outputs that are drawn: those of the scene, or those after the explained step. */
  function outputs() {
    return { ...scene, ...state.explained?.after };
  }
  function probabilityMap() {
    const { colors } = state;
    const { side, probs, winners, classes } = outputs();
    const paper = channels(colors.paper);
    const tints = scene.markers.map(({ color }) => channels(colors[color]));
    const bad = channels(colors.bad);
    return pixelCanvas(side, side, (p, data) => {
      const prob = probs[winners[p] * side * side + p];
      const finite = Number.isFinite(prob);
      const opacity = finite ? MAX_OPACITY * Math.max(0, (prob - 1 / classes.length) / (1 - 1 / classes.length)) : 1;
      const tint = finite ? tints[winners[p]] : bad;
      for (let c = 0; c < 3; c += 1) data[4 * p + c] = paper[c] + (tint[c] - paper[c]) * opacity;
      data[4 * p + 3] = 255;
    }, scratch);
  }
  function drawBoundary(context, { probs, winners, side }, dashed) {
    const cell = BOX.size / side;
    const segments = contour(probs, winners, side);
    context.beginPath();
    for (let k = 0; k < segments.length; k += 4) {
      // Segments are not in order along the line, so a dashed line leaves out those at some positions.
      if (dashed && (Math.floor(segments[k]) + Math.floor(segments[k + 1])) % 4 > 1) continue;
      context.moveTo(BOX.left + (segments[k] + 0.5) * cell, BOX.top + (segments[k + 1] + 0.5) * cell);
      context.lineTo(BOX.left + (segments[k + 2] + 0.5) * cell, BOX.top + (segments[k + 3] + 0.5) * cell);
    }
    context.lineCap = "round";
    const { paper, ink } = state.colors;
    for (const [color, width] of dashed ? [[paper, 3.5], [ink, 1.4]] : [[paper, 4], [ink, 1.6]]) {
      context.strokeStyle = color;
      context.lineWidth = width;
      context.stroke();
    }
  }
  /** Rings around the points whose step is explained. */
  function drawRings(context) {
    for (const [x, y] of state.explained?.positions ?? []) {
      drawRing(context, axes.pixel([x, y]), 10, state.colors.paper, 5);
      drawRing(context, axes.pixel([x, y]), 10, state.colors.select, 2.5);
    }
  }
  function drawPoints(context) {
    const { points, labels, preds } = outputs();
    const count = labels.length;
    const drawMarker = markerPainter(scene, state.colors, count > 1000 ? 2.4 : count > 400 ? 3 : 4);
    // Wrong ones last, so that no correct one covers them.
    for (const wanted of ["correct", "wrong"]) {
      for (let p = 0; p < count; p += 1) {
        const kind = labels[p] === preds[p] ? "correct" : "wrong";
        if (kind === wanted) drawMarker(context, ...axes.pixel([points[2 * p], points[2 * p + 1]]), labels[p], kind);
      }
    }
    // Painted points that the kernel has not answered yet.
    for (const [x, y, label] of state.painted.slice(count - scene.painted_start)) drawMarker(context, ...axes.pixel([x, y]), label, "painted");
  }

  /** Draw the background, the cursor over it, and the text below. */
  function drawCursor() {
    if (!background) return;
    const context = hidpiContext(canvas, WIDTH, HEIGHT);
    const share = fade.now()[0] - pictures + 1;
    if (before && share < 1) context.drawImage(before, 0, 0, WIDTH, HEIGHT);
    context.globalAlpha = before ? share : 1;
    context.drawImage(background, 0, 0, WIDTH, HEIGHT);
    context.globalAlpha = 1;
    cursor.draw(context, state.colors);
    button.toggleAttribute("data-clickable", cursor.visible && nearestPoint(cursor.at, PICK_RADIUS) >= 0);
    hint.textContent = hintText();
    readout.hidden = !cursor.visible;
    readout.textContent = cursor.visible ? probabilityText() : "";
    if (cursor.visible) placeReadout(readout, cursor.pixel());
  }
  function hintText() {
    if (isPainting()) return messages.paint_hint;
    return state.live && state.trainable ? `${messages.hover_hint} ${messages.explain_hint}` : messages.hover_hint;
  }
  function probabilityText() {
    const { side, probs, classes } = outputs();
    const [x, y] = axes.point(cursor.pixel());
    const p = cursor.row * side + cursor.column;
    const texts = classes.map((name, label) => `p(${name}) ${format(probs[label * side * side + p])}`);
    return fillIn(messages.probs_at, { x: format(x, 3), y: format(y, 3), probs: texts.join(" · ") });
  }

  /** The point of which a click at a pixel explains the training step; −1 for none. */
  function nearestPoint(pixel, radius) {
    return state.live && state.trainable && !isPainting() ? axes.nearest(scene.points, pixel, radius) : -1;
  }
  function isPainting() {
    return state.live && state.brush >= 0;
  }
  clearButton.addEventListener("click", clear, { signal });
  explainButton.addEventListener("click", explain, { signal });

  return { element, show, draw };
}
