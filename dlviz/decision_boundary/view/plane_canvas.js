// The plane: probabilities as colors, the boundary, the points, a cursor that reads probabilities, and a brush that paints points.

import { drawBox, drawRing } from "../../kit/js/canvas.js";
import { arrowDirection, h, fillIn, onKeys } from "../../kit/js/dom.js";
import { tween } from "../../kit/js/animation.js";
import { argmin, format } from "../../kit/js/numbers.js";
import { channels, pixelCanvas, hidpiContext, scratch } from "../../kit/js/heatmap.js";
import { contour } from "./contour.js";
import { legend, markerPainter } from "./class_markers.js";
import { cellCenter, planeAxes, pointerPixel } from "../../kit/js/plane_axes.js";
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
  let cursor = { row: 0, column: 0, visible: false };
  let lastPainted = null;

  function show(next) {
    const center = Math.floor(next.side / 2);
    if (scene?.side !== next.side) cursor = { ...cursor, row: center, column: center };
    scene = next;
    before = background;
    pictures += 1;
    const now = performance.now();
    fade.go([pictures], now - shownAt < 2 * FADE ? 0 : FADE);
    shownAt = now;
    axes = planeAxes(BOX, scene.limits);
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
    if (cursor.visible) {
      const cell = BOX.size / scene.side;
      const [x, y] = [BOX.left + cursor.column * cell, BOX.top + cursor.row * cell];
      const size = Math.max(cell, 5);
      const box = [x + cell / 2 - size / 2 - 1, y + cell / 2 - size / 2 - 1, size + 2, size + 2];
      drawBox(context, box, state.colors.paper, 4);
      drawBox(context, box, state.colors.select, 2);
    }
    hint.textContent = hintText();
    readout.hidden = !cursor.visible;
    readout.textContent = cursor.visible ? probabilityText() : "";
    if (cursor.visible) placeReadout(readout, axes.pixel(cursorPoint()));
  }
  function hintText() {
    if (isPainting()) return messages.paint_hint;
    return state.live && state.trainable ? `${messages.hover_hint} ${messages.explain_hint}` : messages.hover_hint;
  }
  function probabilityText() {
    const { side, probs, classes } = outputs();
    const [x, y] = cursorPoint();
    const p = cursor.row * side + cursor.column;
    const texts = classes.map((name, label) => `p(${name}) ${format(probs[label * side * side + p])}`);
    return fillIn(messages.probs_at, { x: format(x, 3), y: format(y, 3), probs: texts.join(" · ") });
  }

  function cursorPoint() {
    return cellCenter(scene.limits, scene.side, cursor.row, cursor.column);
  }
  function moveCursor(row, column) {
    const clamp = (value) => Math.max(0, Math.min(scene.side - 1, value));
    cursor = { row: clamp(row), column: clamp(column), visible: true };
  }
  function moveCursorTo([px, py]) {
    const cell = BOX.size / scene.side;
    moveCursor(Math.floor((py - BOX.top) / cell), Math.floor((px - BOX.left) / cell));
  }
  /** The data point nearest to a pixel, within so many pixels; −1 for none. */
  function nearestPoint([px, py], radius) {
    const best = argmin(scene.labels.length, (p) => distance(axes.pixel([scene.points[2 * p], scene.points[2 * p + 1]]), [px, py]), radius);
    return best < 0 ? -1 : best * scene.point_stride;
  }
  function pickNearest(pixel, radius) {
    const point = isPickable() ? nearestPoint(pixel, radius) : -1;
    if (point >= 0) pick(point);
  }
  /** Paint a point; five digits are finer than a pixel. */
  function paintAt(point) {
    paint([[...point.map((value) => Number(value.toPrecision(5))), state.brush]]);
  }
  function paintPixel(pixel) {
    lastPainted = pixel;
    paintAt(axes.point(pixel));
  }
  /** Whether a click on a point explains its training step. */
  function isPickable() {
    return state.live && state.trainable && state.brush < 0;
  }
  function isPainting() {
    return state.live && state.brush >= 0;
  }

  button.addEventListener("pointerdown", (event) => {
    const pixel = pointerPixel(canvas, event);
    moveCursorTo(pixel);
    if (isPainting() && event.button === 0 && axes.contains(pixel)) {
      button.setPointerCapture(event.pointerId);
      paintPixel(pixel);
    }
    drawCursor();
    if (event.button === 0) pickNearest(pixel, PICK_RADIUS);
  }, { signal });
  button.addEventListener("pointermove", (event) => {
    const pixel = pointerPixel(canvas, event);
    moveCursorTo(pixel);
    button.toggleAttribute("data-clickable", isPickable() && nearestPoint(pixel, PICK_RADIUS) >= 0);
    if (lastPainted && event.buttons && axes.contains(pixel) && distance(pixel, lastPainted) >= STROKE_SPACING) paintPixel(pixel);
    drawCursor();
  }, { signal });
  for (const end of ["pointerup", "pointercancel"]) button.addEventListener(end, () => { lastPainted = null; }, { signal });
  button.addEventListener("focus", () => {
    cursor.visible = true;
    drawCursor();
  }, { signal });
  for (const end of ["pointerleave", "blur"]) {
    button.addEventListener(end, () => {
      cursor.visible = end === "pointerleave" && document.activeElement === button && button.matches(":focus-visible");
      drawCursor();
    }, { signal });
  }
  onKeys(button, signal, (event) => {
    const direction = arrowDirection(event);
    if (!direction && !(event.key === "Enter" && state.live)) return false;
    const distance = event.shiftKey ? 8 : 1;
    cursor.visible = true;
    if (direction) moveCursor(cursor.row + direction[1] * distance, cursor.column + direction[0] * distance);
    else if (isPainting()) paintAt(cursorPoint());
    else pickNearest(axes.pixel(cursorPoint()), Infinity);
    drawCursor();
    return true;
  });
  clearButton.addEventListener("click", clear, { signal });
  explainButton.addEventListener("click", explain, { signal });

  return { element, show, draw };
}

function distance([x, y], [toX, toY]) {
  return Math.hypot(x - toX, y - toY);
}
