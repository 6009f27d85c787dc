// The plane: what the discriminator says of each place, real points, fakes that move, their gradients, and the generator's grid.

import { drawRing } from "../../kit/js/canvas.js";
import { h, s, fillIn } from "../../kit/js/dom.js";
import { redrawOnChange, tween } from "../../kit/js/animation.js";
import { format } from "../../kit/js/numbers.js";
import { channels, hidpiContext, pixelCanvas, themeColors } from "../../kit/js/heatmap.js";
import { planeAxes } from "../../kit/js/plane_axes.js";
import { planeCursor } from "../../kit/js/plane_cursor.js";
import { placeReadout } from "../../kit/js/readout.js";
import { roundDown } from "../../kit/js/scale.js";

const BOX = { left: 38, top: 6, size: 360 };
const WIDTH = BOX.left + BOX.size + 8;
const HEIGHT = BOX.top + BOX.size + 22;
/** Opacity of a color where the discriminator is sure, so that points stand out from it. */
const MAX_OPACITY = 0.5;
/** Length in pixels of an arrow of the printed size, and of the longest one. */
const ARROW = 24;
const MAX_ARROW = 48;
/** A click within so many pixels of a fake selects it. */
const PICK_RADIUS = 12;
/** Pixels between two painted points of one stroke. */
const STROKE_SPACING = 7;
/** Milliseconds at most in which the fakes move from one snapshot to the next. */
const MOVE = 300;

/**
 * @param {{messages: Record<string, string>, root: HTMLElement, signal: AbortSignal, select: (fake: number) => void, paint: (points: number[][]) => void}} options
 */
export function planeView({ messages, root, signal, select, paint }) {
  const canvas = h("canvas");
  const button = h("button", { type: "button", class: "duel-canvas" }, canvas);
  const readout = h("output", { class: "dlviz-readout", hidden: "" });
  const legend = h("div", { class: "duel-legend" });
  const hint = h("p", { class: "duel-hint dlviz-soft" });
  const element = h("div", { class: "dlviz-panel duel-plane" }, h("div", { class: "duel-picture" }, button, readout), legend, hint);
  let scene = null;
  /** @type {ReturnType<typeof planeAxes>} */
  let axes = null;
  let state = { heat: true, arrows: true, grid: false, selected: -1, brush: false, painted: [] };
  const cursor = planeCursor({
    button, canvas, signal, isPainting: () => state.brush, paint: (point) => paint([point]), spacing: STROKE_SPACING,
    pick: (pixel, isKey) => select(axes.nearest(scene.fakes, pixel, isKey ? Infinity : PICK_RADIUS)),
    changed() {
      showReadout();
      redraw();
    },
  });
  let shownAt = -MOVE;
  /** The discriminator's opinion as a picture, and the scene and theme that it was made of. */
  let heat = { of: null, theme: "", picture: null };
  let colors = null;
  let size = 0;
  const redraw = redrawOnChange({ root, element, signal, draw });
  const motion = tween({ redraw });

  function show(next) {
    scene = next;
    axes = planeAxes(BOX, scene.limits);
    cursor.show(axes, scene.side);
    const now = performance.now();
    motion.go(joined(scene.fakes, scene.warp), Math.min(MOVE, now - shownAt));
    shownAt = now;
    size = arrowSize(scene);
    showLegend();
    showReadout();
    redraw();
  }
  /** @param {Partial<typeof state>} next */
  function update(next) {
    state = { ...state, ...next };
    button.toggleAttribute("data-brush", state.brush);
    showLegend();
    showReadout();
    redraw();
  }

  /** Suffix of the messages about the discriminator's output. */
  function kind() {
    return scene.output === "score" ? "_score" : "";
  }
  function showLegend() {
    if (!scene) return;
    const [real, fake] = scene.markers;
    const mark = ({ color, path }) => s("svg", { width: 14, height: 14, viewBox: "-1.5 -1.5 3 3", "aria-hidden": "true", style: `--class: var(--${color})` }, s("path", { d: path }));
    const entry = (node, text, title = null) => h("span", { class: "duel-entry", title }, node, h("span", {}, text));
    const bar = h("span", { class: "duel-bar", style: `--real: var(--${real.color}); --fake: var(--${fake.color})` });
    const [low, high] = heatRange(scene).ends.map((value) => format(value, 3));
    const arrow = s("svg", { width: ARROW + 4, height: 10, class: "duel-arrow", "aria-hidden": "true" }, s("path", { d: `M1,5H${ARROW + 1}m-5,-4l5,4l-5,4` }));
    const [shown, count] = [scene.real.length / 2, scene.real_count];
    legend.replaceChildren(
      entry(mark(real), shown < count ? fillIn(messages.real_some, { shown, count }) : messages.real), entry(mark(fake), messages.fake),
      ...(state.heat ? [entry(bar, fillIn(messages.heat_high, { value: high }), messages[`heat_title${kind()}`])] : []),
      ...(state.arrows && size > 0 ? [entry(arrow, fillIn(messages.arrow_scale, { size: format(size, 2) }), messages.arrow_title)] : []),
    );
    bar.before(fillIn(messages[`heat_low${kind()}`], { value: low }));
    button.setAttribute("aria-label", messages[state.brush ? "plane_paint" : "plane"]);
    hint.textContent = state.brush ? messages.paint_hint : scene.outside ? fillIn(messages.outside, { count: scene.outside, all: scene.fakes.length / 2 }) : messages.hover_hint;
  }

  function draw() {
    if (!scene || !axes) return;
    colors = themeColors(root);
    const context = hidpiContext(canvas, WIDTH, HEIGHT);
    const now = motion.now();
    const at = (k) => axes.pixel([now[2 * k], now[2 * k + 1]]);
    axes.clipped(context, () => {
      if (state.heat) {
        context.imageSmoothingEnabled = true; // hidpiContext() turns it off
        context.drawImage(heatPicture(), BOX.left, BOX.top, BOX.size, BOX.size);
      }
      if (state.grid && scene.warp) drawGrid(context, now.slice(scene.fakes.length));
      for (const center of scene.centers) drawCenter(context, center);
      const count = scene.real.length / 2;
      drawMarkers(context, scene.markers[0], count, (k) => axes.pixel([scene.real[2 * k], scene.real[2 * k + 1]]), count > 300 ? 2.2 : 3);
      // Painted points that the kernel has not answered yet.
      drawMarkers(context, scene.markers[0], state.painted.length, (k) => axes.pixel(state.painted[k]), 3);
      // Below the fakes, which a clump of arrows would hide.
      if (state.arrows && size > 0) drawArrows(context, at);
      drawMarkers(context, scene.markers[1], scene.fakes.length / 2, at, scene.fakes.length > 600 ? 2.4 : 3);
      if (state.selected >= 0) {
        drawRing(context, at(state.selected), 8, colors.paper, 5);
        drawRing(context, at(state.selected), 8, colors.select, 2.5);
      }
    });
    axes.draw(context, colors);
    cursor.draw(context, colors);
  }
  function heatPicture() {
    if (heat.of === scene && heat.theme === root.dataset.theme) return heat.picture;
    const paper = channels(colors.paper);
    const [real, fake] = scene.markers.map(({ color }) => channels(colors[color]));
    const bad = channels(colors.bad);
    const { middle, reach } = heatRange(scene);
    const picture = pixelCanvas(scene.side, scene.side, (p, data) => {
      const share = (scene.heat[p] - middle) / reach;
      const tint = Number.isFinite(share) ? (share < 0 ? fake : real) : bad;
      const opacity = Number.isFinite(share) ? MAX_OPACITY * Math.min(1, Math.abs(share)) : 1;
      for (let c = 0; c < 3; c += 1) data[4 * p + c] = paper[c] + (tint[c] - paper[c]) * opacity;
      data[4 * p + 3] = 255;
    });
    heat = { of: scene, theme: root.dataset.theme, picture };
    return picture;
  }
  function drawGrid(context, warp) {
    const columns = warp.length / 2 / scene.warp_rows;
    const point = (k) => axes.pixel([warp[2 * k], warp[2 * k + 1]]);
    context.beginPath();
    for (let row = 0; row < scene.warp_rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        const k = row * columns + column;
        const here = point(k);
        if (column + 1 < columns) segment(context, here, point(k + 1));
        if (row + 1 < scene.warp_rows) segment(context, here, point(k + columns));
      }
    }
    context.strokeStyle = colors["ink-2"];
    context.globalAlpha = 0.75;
    context.lineWidth = 1;
    context.stroke();
    context.globalAlpha = 1;
  }
  function drawCenter(context, center) {
    const [x, y] = axes.pixel(center);
    const radius = axes.pixel([center[0] + scene.radius, center[1]])[0] - x;
    context.setLineDash([3, 3]);
    drawRing(context, [x, y], radius, colors["ink-3"], 1);
    context.setLineDash([]);
  }
  function drawMarkers(context, { color, path }, count, at, radius) {
    const shape = new Path2D(path);
    const all = new Path2D();
    for (let k = 0; k < count; k += 1) {
      const [x, y] = at(k);
      if (Number.isFinite(x) && Number.isFinite(y)) all.addPath(shape, new DOMMatrix([radius, 0, 0, radius, x, y]));
    }
    context.strokeStyle = colors.paper;
    context.lineWidth = 1.4;
    context.stroke(all);
    context.fillStyle = colors[color];
    context.fill(all);
  }
  /** Arrows in the direction in which a step of the generator pushes each fake. */
  function drawArrows(context, at) {
    const lines = new Path2D();
    for (const k of new Set([...scene.arrows, ...(state.selected >= 0 ? [state.selected] : [])])) {
      const [gx, gy] = [scene.gradients[2 * k], scene.gradients[2 * k + 1]];
      const norm = Math.hypot(gx, gy);
      const length = Math.min(MAX_ARROW, (ARROW * norm) / size);
      const [x, y] = at(k);
      if (!(length > 1) || !Number.isFinite(x)) continue;
      const [ux, uy] = [gx / norm, -gy / norm];
      const [toX, toY] = [x + ux * length, y + uy * length];
      const head = Math.min(5, length / 2);
      lines.moveTo(x, y);
      lines.lineTo(toX, toY);
      lines.moveTo(toX - head * (ux - 0.7 * uy), toY - head * (uy + 0.7 * ux));
      lines.lineTo(toX, toY);
      lines.lineTo(toX - head * (ux + 0.7 * uy), toY - head * (uy - 0.7 * ux));
    }
    for (const [color, width] of [[colors.paper, 3], [colors.flow, 1.5]]) {
      context.strokeStyle = color;
      context.lineWidth = Number(width);
      context.stroke(lines);
    }
  }
  function showReadout() {
    // It would cover what is being painted.
    readout.hidden = !cursor.visible || !scene || state.brush;
    if (readout.hidden) return;
    const p = cursor.row * scene.side + cursor.column;
    const values = [...axes.point(cursor.pixel()), scene.heat[p], scene.heat_logits[p], scene.heat_gradients[2 * p], scene.heat_gradients[2 * p + 1]];
    const [x, y, d, logit, gx, gy] = values.map((value) => format(value, 3));
    readout.textContent = fillIn(messages[`at${kind()}`], { x, y, d, logit, gx, gy });
    placeReadout(readout, cursor.pixel());
  }
  return { element, show, update };
}

function segment(context, [x, y], [toX, toY]) {
  context.moveTo(x, y);
  context.lineTo(toX, toY);
}

/** Both arrays one after the other. */
function joined(first, second) {
  const all = new Float32Array(first.length + (second?.length ?? 0));
  all.set(first);
  if (second) all.set(second, first.length);
  return all;
}

/** The value without color, how far the values go from it, and the values at both ends of the color bar. */
function heatRange({ heat, middle, output }) {
  let reach = 0.5;
  if (output === "score") reach = Math.max(...heat.filter(Number.isFinite).map((value) => Math.abs(value - middle)), 0) || 1;
  return { middle, reach, ends: [middle - reach, middle + reach] };
}

/** A round size that is near the longer ones of the drawn gradients; 0 where there is none. */
function arrowSize({ arrows, gradients }) {
  const norms = arrows.map((k) => Math.hypot(gradients[2 * k], gradients[2 * k + 1])).filter((norm) => Number.isFinite(norm) && norm > 0).sort((a, b) => a - b);
  return norms.length ? roundDown(norms[Math.floor(0.8 * (norms.length - 1))]) : 0;
}
