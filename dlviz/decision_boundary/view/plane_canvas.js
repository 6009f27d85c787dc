// The plane: probabilities as colors, the boundary, the points, a cursor that reads, and a brush that adds points.

import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { pixelCanvas, hidpiContext } from "../../kit/js/heatmap.js";
import { contour } from "./contour.js";
import { legend, painter, token } from "./class_markers.js";
import { ticks } from "../../kit/js/scale.js";
import { place, scale } from "./scale.js";

const BOX = { left: 38, top: 6, size: 360 };
const WIDE = BOX.left + BOX.size + 8;
const HIGH = BOX.top + BOX.size + 22;
/** How much of a class's color the surest place has, so that points stand out from it. */
const STRONG = 0.6;
/** A click so many pixels from a point means it. */
const NEAR = 9;
/** Pixels between two points of one stroke of the brush. */
const APART = 14;

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, add: (points: number[][]) => void, clear: () => void, pick: (point: number) => void, start: () => void}} options
 */
export function field({ messages, signal, add, clear, pick, start }) {
  const canvas = h("canvas");
  const button = h("button", { type: "button", class: "plane-field" }, canvas);
  const readout = h("output", { class: "plane-line plane-readout" });
  const keys = h("div", { class: "plane-keys" });
  const wipe = h("button", { type: "button", class: "plane-button", hidden: "" }, messages.clear);
  const begin = h("button", { type: "button", class: "plane-button", hidden: "" }, messages.walk_start);
  const element = h("div", { class: "plane-panel" }, button, readout, keys, h("div", { class: "plane-tools" }, begin, wipe));
  let scene = null;
  let picture = null;
  let state = { colors: null, brush: -1, painted: [], live: false, walk: null, startable: false };
  let at = { row: 0, column: 0, seen: false };
  let last = null;

  function show(next) {
    if (scene && scene.side !== next.side) at = { ...at, row: Math.floor(next.side / 2), column: Math.floor(next.side / 2) };
    if (!scene) at = { row: Math.floor(next.side / 2), column: Math.floor(next.side / 2), seen: false };
    scene = next;
    button.setAttribute("aria-label", fillIn(messages.plane, { classes: scene.classes.join(", ") }));
    keys.replaceChildren(...legend(scene.classes, messages));
  }

  function draw(next) {
    state = { ...state, ...next };
    picture = document.createElement("canvas");
    const context = hidpiContext(picture, WIDE, HIGH);
    const to = scale(scene.limits, BOX);
    context.drawImage(heatmap(), BOX.left, BOX.top, BOX.size, BOX.size);
    if (state.walk?.after) line(context, scene, true);
    line(context, seen(), false);
    axes(context, to);
    context.save();
    context.beginPath();
    context.rect(BOX.left, BOX.top, BOX.size, BOX.size);
    context.clip();
    dots(context, to);
    rings(context, to);
    context.restore();
    begin.hidden = !state.startable;
    wipe.hidden = !(state.live && state.painted.length);
    button.toggleAttribute("data-brush", state.live && state.brush >= 0);
    put();
  }

  /** What is drawn: the plane as it is, or after the step that is explained. */
  function seen() {
    return { ...scene, ...state.walk?.after };
  }
  function heatmap() {
    const { colors } = state;
    const { side, heat, winners, classes } = seen();
    const channels = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
    const paper = channels(colors.paper);
    const tints = classes.map((_, label) => channels(colors[token(label)]));
    const bad = channels(colors.bad);
    return pixelCanvas(side, side, (p, data) => {
      const chance = heat[winners[p] * side * side + p];
      const odd = !Number.isFinite(chance);
      const share = odd ? 1 : STRONG * Math.max(0, (chance - 1 / classes.length) / (1 - 1 / classes.length));
      const tint = odd ? bad : tints[winners[p]];
      for (let c = 0; c < 3; c += 1) data[4 * p + c] = paper[c] + (tint[c] - paper[c]) * share;
      data[4 * p + 3] = 255;
    });
  }
  function line(context, { heat, winners, side }, ghost) {
    const cell = BOX.size / side;
    const pieces = contour(heat, winners, side);
    context.beginPath();
    for (let k = 0; k < pieces.length; k += 4) {
      // Pieces come in no order along the line, so where they stand decides which a dashed one leaves out.
      if (ghost && (Math.floor(pieces[k]) + Math.floor(pieces[k + 1])) % 4 > 1) continue;
      context.moveTo(BOX.left + (pieces[k] + 0.5) * cell, BOX.top + (pieces[k + 1] + 0.5) * cell);
      context.lineTo(BOX.left + (pieces[k + 2] + 0.5) * cell, BOX.top + (pieces[k + 3] + 0.5) * cell);
    }
    context.lineCap = "round";
    for (const [color, wide] of ghost ? [[state.colors.paper, 3.5], [state.colors.ink, 1.4]] : [[state.colors.paper, 4], [state.colors.ink, 1.6]]) {
      context.strokeStyle = color;
      context.lineWidth = wide;
      context.stroke();
    }
  }
  /** Around the points whose step is explained. */
  function rings(context, to) {
    for (const [x, y] of state.walk?.places ?? []) {
      for (const [color, wide] of [[state.colors.paper, 5], [state.colors.accent, 2.5]]) {
        context.beginPath();
        context.arc(to.x(x), to.y(y), 10, 0, 2 * Math.PI);
        context.strokeStyle = color;
        context.lineWidth = wide;
        context.stroke();
      }
    }
  }
  function axes(context, to) {
    const { colors } = state;
    const [left, right, bottom, top] = scene.limits;
    context.strokeStyle = colors.line;
    context.lineWidth = 1;
    context.strokeRect(BOX.left - 0.5, BOX.top - 0.5, BOX.size + 1, BOX.size + 1);
    context.fillStyle = colors["ink-3"];
    context.font = `10px ${getComputedStyle(button).getPropertyValue("--mono")}`;
    context.textAlign = "center";
    context.textBaseline = "top";
    for (const value of ticks(left, right, 5)) context.fillText(format(value, 3), to.x(value), BOX.top + BOX.size + 6);
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const value of ticks(bottom, top, 5)) context.fillText(format(value, 3), BOX.left - 5, to.y(value));
  }
  function dots(context, to) {
    const { points, labels, guesses } = seen();
    const count = labels.length;
    const stroke = painter(state.colors, count > 1000 ? 2.4 : count > 400 ? 3 : 4);
    // The wrong ones last, so that no right one hides them.
    for (const wanted of ["right", "wrong"]) {
      for (let p = 0; p < count; p += 1) {
        const kind = labels[p] === guesses[p] ? "right" : "wrong";
        if (kind === wanted) stroke(context, to.x(points[2 * p]), to.y(points[2 * p + 1]), labels[p], kind);
      }
    }
    for (const [x, y, label] of state.painted.slice(count - scene.painted_from)) stroke(context, to.x(x), to.y(y), label, "new");
  }

  /** The picture, and over it the cursor. */
  function put() {
    if (!picture) return;
    const context = hidpiContext(canvas, WIDE, HIGH);
    context.drawImage(picture, 0, 0, WIDE, HIGH);
    if (at.seen) {
      const cell = BOX.size / scene.side;
      const [x, y] = [BOX.left + at.column * cell, BOX.top + at.row * cell];
      const size = Math.max(cell, 5);
      for (const [color, wide] of [[state.colors.paper, 4], [state.colors.accent, 2]]) {
        context.strokeStyle = color;
        context.lineWidth = wide;
        context.strokeRect(x + cell / 2 - size / 2 - 1, y + cell / 2 - size / 2 - 1, size + 2, size + 2);
      }
    }
    tell();
  }
  function tell() {
    if (!at.seen) {
      readout.textContent = paints() ? messages.paint : state.live ? `${messages.read} ${messages.walk_pick}` : messages.read;
      return;
    }
    const { side, heat, classes, limits } = seen();
    const [x, y] = place(limits, side, at.row, at.column);
    const p = at.row * side + at.column;
    const chances = classes.map((name, label) => `${name} ${format(heat[label * side * side + p], 4)}`);
    readout.textContent = fillIn(messages.at, { x: format(x, 3), y: format(y, 3), chances: chances.join(" · ") });
  }

  function under(event) {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }
  function stand(px, py) {
    const cell = BOX.size / scene.side;
    const within = (value) => Math.max(0, Math.min(scene.side - 1, Math.floor(value)));
    at = { row: within((py - BOX.top) / cell), column: within((px - BOX.left) / cell), seen: true };
  }
  function inside([px, py]) {
    return px >= BOX.left && py >= BOX.top && px < BOX.left + BOX.size && py < BOX.top + BOX.size;
  }
  /** The learner's point nearest to a place on the canvas, within so many pixels; −1 for none. */
  function nearest([px, py], most) {
    const to = scale(scene.limits, BOX);
    let [best, far] = [-1, most];
    for (let p = 0; p < scene.labels.length; p += 1) {
      const away = Math.hypot(to.x(scene.points[2 * p]) - px, to.y(scene.points[2 * p + 1]) - py);
      if (away <= far) [best, far] = [p, away];
    }
    return best < 0 ? -1 : best * scene.point_every;
  }
  function choose(to, most) {
    const point = state.live && state.brush < 0 ? nearest(to, most) : -1;
    if (point >= 0) pick(point);
  }
  /** As many digits as a pixel is worth. */
  function dab([px, py]) {
    last = [px, py];
    add([[...scale(scene.limits, BOX).value(px, py).map((value) => Number(value.toPrecision(5))), state.brush]]);
  }

  const paints = () => state.live && state.brush >= 0;
  button.addEventListener("pointerdown", (event) => {
    const to = under(event);
    stand(...to);
    if (paints() && event.button === 0 && inside(to)) {
      button.setPointerCapture(event.pointerId);
      dab(to);
    }
    put();
    if (event.button === 0) choose(to, NEAR);
  }, { signal });
  button.addEventListener("pointermove", (event) => {
    const to = under(event);
    stand(...to);
    button.toggleAttribute("data-pick", state.live && state.brush < 0 && nearest(to, NEAR) >= 0);
    if (last && event.buttons && inside(to) && Math.hypot(to[0] - last[0], to[1] - last[1]) >= APART) dab(to);
    put();
  }, { signal });
  for (const end of ["pointerup", "pointercancel"]) button.addEventListener(end, () => { last = null; }, { signal });
  button.addEventListener("focus", () => {
    at.seen = true;
    put();
  }, { signal });
  for (const away of ["pointerleave", "blur"]) {
    button.addEventListener(away, () => {
      at.seen = away === "pointerleave" && document.activeElement === button && button.matches(":focus-visible");
      put();
    }, { signal });
  }
  button.addEventListener("keydown", (event) => {
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const move = moves[event.key];
    const enters = event.key === "Enter" && state.live;
    if ((!move && !enters) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    at.seen = true;
    const far = event.shiftKey ? 8 : 1;
    const within = (value) => Math.max(0, Math.min(scene.side - 1, value));
    if (move) at = { row: within(at.row + move[0] * far), column: within(at.column + move[1] * far), seen: true };
    else if (!paints()) choose(scale(scene.limits, BOX).pixel(place(scene.limits, scene.side, at.row, at.column)), Infinity);
    else add([[...place(scene.limits, scene.side, at.row, at.column).map((value) => Number(value.toPrecision(5))), state.brush]]);
    put();
  }, { signal });
  wipe.addEventListener("click", clear, { signal });
  begin.addEventListener("click", start, { signal });

  return { element, show, draw };
}
