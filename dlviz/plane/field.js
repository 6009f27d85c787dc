// The plane: probabilities as colours, the boundary, the points, a cursor that reads, and a brush that adds points.

import { h, fillIn } from "../kit/js/dom.js";
import { format } from "../kit/js/numbers.js";
import { pixels, sharp } from "../kit/js/heat.js";
import { contour } from "./contour.js";
import { legend, painter, token } from "./marks.js";
import { ticks } from "../kit/js/ticks.js";
import { place, scale } from "./scale.js";

const BOX = { left: 38, top: 6, size: 360 };
const WIDE = BOX.left + BOX.size + 8;
const HIGH = BOX.top + BOX.size + 22;
/** How much of a class's colour the surest place has, so that points stand out from it. */
const STRONG = 0.6;
/** Pixels between two points of one stroke of the brush. */
const APART = 14;

/**
 * @param {{words: Record<string, string>, signal: AbortSignal, add: (points: number[][]) => void, clear: () => void}} options
 */
export function field({ words, signal, add, clear }) {
  const canvas = h("canvas");
  const button = h("button", { type: "button", class: "plane-field" }, canvas);
  const readout = h("output", { class: "plane-line plane-readout" });
  const keys = h("div", { class: "plane-keys" });
  const wipe = h("button", { type: "button", class: "plane-button", hidden: "" }, words.clear);
  const element = h("div", { class: "plane-panel" }, button, readout, keys, wipe);
  let scene = null;
  let picture = null;
  let state = { colours: null, brush: -1, painted: [], live: false };
  let at = { row: 0, column: 0, seen: false };
  let last = null;

  function show(next) {
    if (scene && scene.side !== next.side) at = { ...at, row: Math.floor(next.side / 2), column: Math.floor(next.side / 2) };
    if (!scene) at = { row: Math.floor(next.side / 2), column: Math.floor(next.side / 2), seen: false };
    scene = next;
    button.setAttribute("aria-label", fillIn(words.plane, { classes: scene.classes.join(", ") }));
    keys.replaceChildren(...legend(scene.classes, words));
  }

  function draw(next) {
    state = { ...state, ...next };
    picture = document.createElement("canvas");
    const context = sharp(picture, WIDE, HIGH);
    const to = scale(scene.limits, BOX);
    context.drawImage(heatmap(), BOX.left, BOX.top, BOX.size, BOX.size);
    line(context);
    axes(context, to);
    context.save();
    context.beginPath();
    context.rect(BOX.left, BOX.top, BOX.size, BOX.size);
    context.clip();
    dots(context, to);
    context.restore();
    wipe.hidden = !(state.live && state.painted.length);
    button.toggleAttribute("data-brush", state.live && state.brush >= 0);
    put();
  }

  function heatmap() {
    const { colours } = state;
    const { side, heat, winners, classes } = scene;
    const channels = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
    const paper = channels(colours.paper);
    const tints = classes.map((_, label) => channels(colours[token(label)]));
    const bad = channels(colours.bad);
    return pixels(side, side, (p, data) => {
      const chance = heat[winners[p] * side * side + p];
      const odd = !Number.isFinite(chance);
      const share = odd ? 1 : STRONG * Math.max(0, (chance - 1 / classes.length) / (1 - 1 / classes.length));
      const tint = odd ? bad : tints[winners[p]];
      for (let c = 0; c < 3; c += 1) data[4 * p + c] = paper[c] + (tint[c] - paper[c]) * share;
      data[4 * p + 3] = 255;
    });
  }
  function line(context) {
    const cell = BOX.size / scene.side;
    const pieces = contour(scene.heat, scene.winners, scene.side);
    context.beginPath();
    for (let k = 0; k < pieces.length; k += 4) {
      context.moveTo(BOX.left + (pieces[k] + 0.5) * cell, BOX.top + (pieces[k + 1] + 0.5) * cell);
      context.lineTo(BOX.left + (pieces[k + 2] + 0.5) * cell, BOX.top + (pieces[k + 3] + 0.5) * cell);
    }
    context.lineCap = "round";
    for (const [colour, wide] of [[state.colours.paper, 4], [state.colours.ink, 1.6]]) {
      context.strokeStyle = colour;
      context.lineWidth = wide;
      context.stroke();
    }
  }
  function axes(context, to) {
    const { colours } = state;
    const [left, right, bottom, top] = scene.limits;
    context.strokeStyle = colours.line;
    context.lineWidth = 1;
    context.strokeRect(BOX.left - 0.5, BOX.top - 0.5, BOX.size + 1, BOX.size + 1);
    context.fillStyle = colours["ink-3"];
    context.font = `10px ${getComputedStyle(button).getPropertyValue("--mono")}`;
    context.textAlign = "center";
    context.textBaseline = "top";
    for (const value of ticks(left, right, 5)) context.fillText(format(value, 3), to.x(value), BOX.top + BOX.size + 6);
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const value of ticks(bottom, top, 5)) context.fillText(format(value, 3), BOX.left - 5, to.y(value));
  }
  function dots(context, to) {
    const { points, labels, guesses } = scene;
    const count = labels.length;
    const stroke = painter(state.colours, count > 1000 ? 2.4 : count > 400 ? 3 : 4);
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
    const context = sharp(canvas, WIDE, HIGH);
    context.drawImage(picture, 0, 0, WIDE, HIGH);
    if (at.seen) {
      const cell = BOX.size / scene.side;
      const [x, y] = [BOX.left + at.column * cell, BOX.top + at.row * cell];
      const size = Math.max(cell, 5);
      for (const [colour, wide] of [[state.colours.paper, 4], [state.colours.accent, 2]]) {
        context.strokeStyle = colour;
        context.lineWidth = wide;
        context.strokeRect(x + cell / 2 - size / 2 - 1, y + cell / 2 - size / 2 - 1, size + 2, size + 2);
      }
    }
    tell();
  }
  function tell() {
    if (!at.seen) {
      readout.textContent = state.live && state.brush >= 0 ? words.paint : words.read;
      return;
    }
    const { side, heat, classes, limits } = scene;
    const [x, y] = place(limits, side, at.row, at.column);
    const p = at.row * side + at.column;
    const chances = classes.map((name, label) => `${name} ${format(heat[label * side * side + p], 4)}`);
    readout.textContent = fillIn(words.at, { x: format(x, 3), y: format(y, 3), chances: chances.join(" · ") });
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
  }, { signal });
  button.addEventListener("pointermove", (event) => {
    const to = under(event);
    stand(...to);
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
    const enters = event.key === "Enter" && paints();
    if ((!move && !enters) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    at.seen = true;
    const far = event.shiftKey ? 8 : 1;
    const within = (value) => Math.max(0, Math.min(scene.side - 1, value));
    if (move) at = { row: within(at.row + move[0] * far), column: within(at.column + move[1] * far), seen: true };
    else add([[...place(scene.limits, scene.side, at.row, at.column).map((value) => Number(value.toPrecision(5))), state.brush]]);
    put();
  }, { signal });
  wipe.addEventListener("click", clear, { signal });

  return { element, show, draw };
}
