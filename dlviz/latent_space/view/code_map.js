// The map of codes: points by class, a probe that is dragged, the selected example with its ellipse, a path, and decoded pictures behind.

import { tween } from "../../kit/js/animation.js";
import { drawBox, drawDisc, drawHaloText, drawLine, drawRing, scaledPath } from "../../kit/js/canvas.js";
import { arrowDirection, fillIn, h, onKeys, s } from "../../kit/js/dom.js";
import { channels, hidpiContext, pixelRatio } from "../../kit/js/heatmap.js";
import { argmin, format } from "../../kit/js/numbers.js";
import { planeAxes, pointerPixel } from "../../kit/js/plane_axes.js";
import { placeReadout } from "../../kit/js/readout.js";
import { ticks } from "../../kit/js/scale.js";
import { drawExample } from "./draw_example.js";

const LEFT = 40;
const TOP = 4;
const BELOW = 22;
/** A click within so many pixels of a point selects it; a pointer that moved less has not dragged. */
const PICK_RADIUS = 9;
const DRAG_DISTANCE = 4;
/** Milliseconds in which the points move from one snapshot to the next. */
const MOTION = 300;
/** Ellipses that are drawn at most, and the points of each. */
const MOST_ELLIPSES = 300;
const ELLIPSE_POINTS = 32;
const CROSS = "M-3,-3L3,3M-3,3L3,-3";
const STAR = "M0,-8L2.4,-2.6L8,-2.2L3.6,1.5L5,7.2L0,4L-5,7.2L-3.6,1.5L-8,-2.2L-2.4,-2.6Z";
const DIAMOND = "M0,-4.5L4.5,0L0,4.5L-4.5,0Z";

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, redraw: () => void, moveProbe: (place: number[]) => void, select: (row: number, isShifted: boolean) => void}} options
 *   redraw: requests an animation frame; moveProbe: called with a place of the map; select: called with the index of an example
 */
export function codeMap({ messages, signal, redraw, moveProbe, select }) {
  const canvas = h("canvas");
  const button = h("button", { type: "button", class: "lat-map", "aria-label": messages.map }, canvas);
  const readout = h("output", { class: "dlviz-readout lat-readout", hidden: "" });
  const legend = h("div", { class: "lat-legend" });
  const element = h("div", { class: "lat-left" }, h("div", { class: "lat-frame" }, button, readout), legend);
  const motion = tween({ redraw });
  let scene = null;
  /** @type {ReturnType<typeof planeAxes>} */
  let axes = null;
  let size = 0;
  let state = null;
  /** The decoded pictures on a canvas of their own, and what they show. */
  let pictures = null;
  let pictured = null;
  /** The point under the pointer, −1 for none; where the pointer went down, and whether it has dragged. */
  let hovered = -1;
  let pressed = null;
  let dragging = false;
  /** Whether the frame is that of the ellipses, and shall be. */
  let isWide = false;
  let wantsWide = false;

  function show(next) {
    const isSame = scene && scene.rows.length === next.rows.length;
    scene = next;
    pictured = null;
    move(isSame ? MOTION : 0);
    button.setAttribute("aria-label", fillIn(messages.map, { count: next.count }));
    showLegend();
  }
  /** Move to the places of the scene; with all ellipses the frame is wide enough for these. */
  function move(duration) {
    isWide = wantsWide;
    motion.go([...(isWide ? scene.wide_limits : scene.limits), ...scene.points], duration);
  }
  function showLegend() {
    const mark = (path, style) => s("svg", { width: 14, height: 14, viewBox: "-1.8 -1.8 3.6 3.6", "aria-hidden": "true" }, s("path", { d: path, style }));
    const classes = scene.classes.slice(0, scene.most_classes).map((one) => h("span", {}, mark(one.path, `fill: color-mix(in srgb, var(--${one.color}) ${100 * one.share}%, var(--paper))`), one.name));
    legend.replaceChildren(...classes);
  }

  /** @param {{colors: Record<string, string>, width: number, anomalies: boolean, example: number, selection: any, probe: number[], pathStep: number, background: any, ellipses: boolean, samples: any, drawing: any, picking: boolean, snapped: number[] | null}} next */
  function draw(next) {
    const duration = state ? MOTION : 0;
    state = next;
    wantsWide = next.ellipses && Boolean(scene.wide_limits);
    if (wantsWide !== isWide) move(duration);
    const { colors } = next;
    size = next.width - LEFT - 2;
    const context = hidpiContext(canvas, next.width, size + TOP + BELOW);
    const now = motion.now();
    axes = planeAxes({ left: LEFT, top: TOP, size }, now.slice(0, 4));
    button.toggleAttribute("data-picking", next.picking);
    axes.clipped(context, () => {
      if (next.background?.isShown) drawPictures(context);
      drawEllipses(context);
      drawPoints(context, now);
      drawMarks(context);
    });
    if (next.background?.isShown) clearNames(context);
    if (scene.size === 1 && scene.classes.length) drawClassRows(context);
    else axes.draw(context, colors, scene.axis_names);
    showReadout();
  }
  /** Make room for the names of the axes over the decoded pictures; `planeAxes` writes them in the corners. */
  function clearNames(context) {
    const [across, up] = scene.axis_names;
    Object.assign(context, { font: `11px ${state.colors.mono}`, fillStyle: state.colors.paper });
    const room = (name) => context.measureText(`→ ${name}`).width + 8;
    if (scene.size > 1 || !scene.classes.length) context.fillRect(LEFT, TOP, room(up), 18);
    context.fillRect(LEFT + size - room(across), TOP + size - 18, room(across), 18);
  }
  /** The frame of codes of one number: their axis below, and the class of each row at the left. */
  function drawClassRows(context) {
    const { colors } = state;
    drawBox(context, [LEFT - 0.5, TOP - 0.5, size + 1, size + 1], colors.line);
    Object.assign(context, { font: `11px ${colors.mono}`, fillStyle: colors["ink-2"], textBaseline: "top", textAlign: "center" });
    for (const value of ticks(axes.across.low, axes.across.high, 5)) context.fillText(format(value, 3), axes.across.pixel(value), TOP + size + 5);
    Object.assign(context, { textBaseline: "middle", textAlign: "right" });
    scene.classes.slice(0, scene.most_classes).forEach(({ name }, k) => context.fillText(name.length > 5 ? `${name.slice(0, 4)}…` : name, LEFT - 6, axes.up.pixel(k) - 2));
    Object.assign(context, { textBaseline: "alphabetic" });
    drawHaloText(context, `${scene.axis_names[0]} →`, [LEFT + size - 4, TOP + size - 5], colors["ink-2"], colors.paper);
  }
  function drawPictures(context) {
    const { background, colors } = state;
    const key = `${size} ${colors.paper}`;
    if (pictured !== background.values || pictures?.dataset.key !== key) {
      pictures = document.createElement("canvas");
      const inner = hidpiContext(pictures, size, size);
      pictures.dataset.key = key;
      const cell = size / background.side;
      const length = background.values.length / background.side ** 2;
      for (let k = 0; k < background.side ** 2; k += 1) {
        /** @type {[number, number, number, number]} */
        const box = [(k % background.side) * cell + 1, Math.floor(k / background.side) * cell + 1, cell - 2, cell - 2];
        inner.fillStyle = colors.raised;
        inner.fillRect(...box);
        drawExample(inner, box, background.values.subarray(k * length, (k + 1) * length), scene.picture, colors, { small: true, isFaint: true });
      }
      pictured = background.values;
    }
    context.drawImage(pictures, ...pictureBox());
  }
  /** Left, top, width and height of the part of the map in which codes are decoded. @returns {[number, number, number, number]} */
  function pictureBox() {
    const [left, right, bottom, top] = scene.limits;
    const [[x, y], [toX, toY]] = [axes.pixel([left, top]), axes.pixel([right, bottom])];
    return [x, y, toX - x, toY - y];
  }
  /** The points and after them the anomalies, if these are shown; a path does not end at one. */
  function countShown() {
    return scene.rows.length + (state.anomalies && !state.picking ? scene.anomalies.length / 2 : 0);
  }
  /** The number of a point's example; the anomalies follow the data. */
  function numberOf(k) {
    return scene.rows[k] ?? scene.count + k - scene.rows.length;
  }
  function placeOf(k, now = motion.now()) {
    const j = 2 * (k - scene.rows.length);
    if (j >= 0) return axes.pixel([scene.anomalies[j], scene.anomalies[j + 1]]);
    return axes.pixel([now[4 + 2 * k], now[5 + 2 * k]]);
  }
  function drawEllipses(context) {
    if (!scene.ellipses) return;
    const chosen = scene.rows.indexOf(state.example);
    const most = state.ellipses ? Math.min(scene.rows.length, MOST_ELLIPSES) : 0;
    context.globalAlpha = 0.4;
    for (let k = 0; k < most; k += 1) if (k !== chosen) drawEllipse(context, k, colorOf(k), 1);
    context.globalAlpha = 1;
    if (chosen >= 0) drawEllipse(context, chosen, state.colors.select, 2);
  }
  /** The ellipse of two standard deviations. */
  function drawEllipse(context, k, color, width) {
    const now = motion.now();
    const [a, b, c, d] = scene.ellipses.subarray(4 * k, 4 * k + 4);
    const points = Array.from({ length: ELLIPSE_POINTS + 1 }, (_, j) => {
      const [cos, sin] = [2 * Math.cos((2 * Math.PI * j) / ELLIPSE_POINTS), 2 * Math.sin((2 * Math.PI * j) / ELLIPSE_POINTS)];
      return axes.pixel([now[4 + 2 * k] + a * cos + b * sin, now[5 + 2 * k] + c * cos + d * sin]);
    });
    drawLine(context, points, color, width);
  }
  function colorOf(k) {
    if (!scene.labels) return state.colors["ink-2"];
    const { color, share } = scene.classes[scene.labels[k]];
    if (share === 1) return state.colors[color];
    const paper = channels(state.colors.paper);
    return `rgb(${channels(state.colors[color]).map((value, c) => Math.round(share * value + (1 - share) * paper[c])).join(",")})`;
  }
  function drawPoints(context, now) {
    const count = scene.rows.length;
    // Smaller over decoded pictures, so that these can be seen.
    const radius = count > 1000 || state.background?.isShown ? 2.8 : count > 400 ? 3.2 : 4;
    const ratio = pixelRatio();
    const half = Math.ceil(2 * radius) + 3;
    const drawn = new Map();
    for (let k = 0; k < count; k += 1) {
      const [x, y] = placeOf(k, now);
      if (!Number.isFinite(x + y)) continue;
      const label = scene.labels ? scene.labels[k] : 0;
      if (!drawn.has(label)) drawn.set(label, drawMarker(k, radius, half));
      const marker = drawn.get(label);
      context.drawImage(marker, Math.round((x - half) * ratio) / ratio, Math.round((y - half) * ratio) / ratio, marker.width / ratio, marker.height / ratio);
    }
    const cross = new Path2D(CROSS);
    for (let k = count; k < countShown(); k += 1) {
      const place = placeOf(k);
      if (Number.isFinite(place[0] + place[1])) stamp(context, place, cross, "", state.colors.paper, 4, [state.colors.ink, 1.5]);
    }
  }
  /** A picture of a point's marker, drawn once a frame: its class's color, a thin line of ink around it, which stands out from paper, and one of paper, which stands out from what is like ink. */
  function drawMarker(k, radius, half) {
    // Half of it can be seen. Over a gray picture it must fill a pixel.
    const line = state.background?.isShown ? 2.8 : 2;
    const canvas = document.createElement("canvas");
    const context = hidpiContext(canvas, 2 * half, 2 * half);
    const path = scaledPath(scene.labels ? scene.classes[scene.labels[k]].path : "M-1,0A1,1 0 1 0 1,0A1,1 0 1 0 -1,0Z", radius);
    stamp(context, [half, half], path, "", state.colors.paper, line + 2);
    stamp(context, [half, half], path, colorOf(k), state.colors.ink, line);
    return canvas;
  }
  function drawMarks(context) {
    const { colors, selection, samples, drawing } = state;
    for (let k = 0; k < (samples?.places.length ?? 0) / 2; k += 1) stamp(context, axes.pixel([samples.places[2 * k], samples.places[2 * k + 1]]), new Path2D(DIAMOND), colors.paper, colors.paper, 4, [colors.ink, 1.6]);
    const { path } = selection;
    if (path) {
      const points = Array.from({ length: path.places.length / 2 }, (_, k) => axes.pixel([path.places[2 * k], path.places[2 * k + 1]]));
      drawLine(context, [points[0], points[points.length - 1]], colors.paper, 5);
      drawLine(context, [points[0], points[points.length - 1]], colors.select, 2);
      for (const point of points) drawDisc(context, point, 3, colors.select);
      drawRing(context, points[points.length - 1], 9, colors.select, 2);
    }
    if (drawing?.place) stamp(context, axes.pixel(drawing.place), new Path2D(STAR), colors.select, colors.paper, 3);
    if (selection.place) {
      drawRing(context, axes.pixel(selection.place), 9, colors.paper, 5);
      drawRing(context, axes.pixel(selection.place), 9, colors.select, 2.2);
    }
    if (state.snapped) drawBox(context, cellBox(state.snapped), colors.select, 1.5);
    const at = axes.pixel(path ? [path.places[2 * state.pathStep], path.places[2 * state.pathStep + 1]] : state.probe);
    drawDisc(context, at, 6.5, colors.paper);
    drawRing(context, at, 6, colors.select, 2.6);
    drawLine(context, [[at[0] - 11, at[1]], [at[0] + 11, at[1]]], colors.select, 1.4);
    drawLine(context, [[at[0], at[1] - 11], [at[0], at[1] + 11]], colors.select, 1.4);
  }
  function cellBox([row, column]) {
    const [left, top, width, height] = pictureBox();
    const { side } = state.background;
    return [left + (column * width) / side, top + (row * height) / side, width / side, height / side];
  }
  function showReadout() {
    readout.hidden = hovered < 0 || dragging;
    if (readout.hidden) return;
    const j = hovered - scene.rows.length;
    const label = j < 0 && scene.labels ? scene.classes[scene.labels[hovered]].name : "";
    const values = { index: j < 0 ? scene.rows[hovered] : j, label, error: format(j < 0 ? scene.errors[hovered] : scene.anomaly_errors[j], 3) };
    readout.textContent = fillIn(j >= 0 ? messages.point_anomaly : label ? messages.point_of : messages.point, values);
    placeReadout(readout, placeOf(hovered));
  }

  /** The drawn point nearest to a pixel, within so many pixels; −1 for none. */
  function nearest([x, y], radius) {
    const now = motion.now();
    return argmin(countShown(), (k) => {
      const [px, py] = placeOf(k, now);
      const distance = Math.hypot(px - x, py - y);
      return Number.isFinite(distance) ? distance : Infinity;
    }, radius);
  }
  /** Move the probe to a pixel, or to the nearest one of the map. A second key may be pressed before the next frame, so it begins there. */
  function goTo([x, y]) {
    const inside = (value, low) => Math.max(low, Math.min(low + size, value));
    state.probe = axes.point([inside(x, LEFT), inside(y, TOP)]);
    moveProbe(state.probe);
  }

  button.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    pressed = pointerPixel(canvas, event);
    dragging = false;
    button.setPointerCapture(event.pointerId);
  }, { signal });
  button.addEventListener("pointermove", (event) => {
    const pixel = pointerPixel(canvas, event);
    if (pressed && !dragging && Math.hypot(pixel[0] - pressed[0], pixel[1] - pressed[1]) > DRAG_DISTANCE) dragging = !state.picking;
    if (dragging) goTo(pixel);
    hovered = nearest(pixel, PICK_RADIUS);
    redraw();
  }, { signal });
  button.addEventListener("pointerup", (event) => {
    const pixel = pointerPixel(canvas, event);
    if (pressed && !dragging) {
      const k = nearest(pixel, state.picking ? 3 * PICK_RADIUS : PICK_RADIUS);
      if (k >= 0) select(numberOf(k), event.shiftKey);
      else if (!state.picking && axes.contains(pixel)) goTo(pixel);
    }
    pressed = null;
    dragging = false;
    redraw();
  }, { signal });
  button.addEventListener("pointercancel", () => {
    pressed = null;
    dragging = false;
  }, { signal });
  button.addEventListener("pointerleave", () => {
    hovered = -1;
    redraw();
  }, { signal });
  onKeys(button, signal, (event) => {
    const direction = arrowDirection(event);
    if (!direction && event.key !== "Enter") return false;
    const at = axes.pixel(state.probe);
    const distance = size / (event.shiftKey ? 8 : 40);
    if (direction) goTo([at[0] + direction[0] * distance, at[1] + direction[1] * distance]);
    else {
      const k = nearest(at, Infinity);
      if (k >= 0) select(numberOf(k), event.shiftKey);
    }
    return true;
  });
  return { element, show, draw, focus: () => button.focus() };
}

/** Fill a path at a place, on a halo; an outline is its color and width. */
function stamp(context, [x, y], path, color, paper, halo, outline = null) {
  context.save();
  context.translate(x, y);
  context.lineJoin = "round";
  context.strokeStyle = paper;
  context.lineWidth = halo;
  context.stroke(path);
  if (color) {
    context.fillStyle = color;
    context.fill(path);
  }
  if (outline) {
    [context.strokeStyle, context.lineWidth] = outline;
    context.stroke(path);
  }
  context.restore();
}
