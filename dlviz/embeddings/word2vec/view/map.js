// The map of words: where their vectors stand, and, many times larger, the step that those of this example are about to take.

import { h, fillIn } from "../../../kit/js/dom.js";
import { format } from "../../../kit/js/numbers.js";
import { hidpiContext } from "../../../kit/js/heatmap.js";
import { motion } from "../../explorer/view/tween.js";
import { arrow } from "../../explorer/view/map_drawing.js";

const MARGIN = 26;
const EDGE = 10;
const TALL = 14;
/** Labels at most, and milliseconds in which a word walks to its new place. */
const WRITTEN = 60;
const WALK = 320;
/** The longest arrow, in pixels. */
const ARROW = 60;

/** The round number 1, 2 or 5 · 10^k that is not above `value`. */
export function round(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  return [5, 2, 1].map((n) => n * unit).find((one) => one <= value * 1.0000001) ?? unit;
}

/** @param {{messages: Record<string, string>, root: HTMLElement, signal: AbortSignal, point: (row: number, hold?: boolean) => void}} options */
export function map({ messages, root, signal, point }) {
  const canvas = h("canvas", { class: "w2v-canvas", role: "img" });
  const legend = h("p", { class: "w2v-axes" });
  const box = h("div", { class: "w2v-map" }, canvas);
  const element = h("div", {}, box, legend);
  let state = null;
  let shown = null;
  let asked = 0;
  /** How far from the middle the picture goes; it stays while everything fits, so that what grows is seen to grow. */
  let reach = 0;
  let size = [0, 0];
  const walk = motion({ redraw: ask });

  function ask() {
    if (!asked) asked = requestAnimationFrame(paint);
  }
  function draw(next) {
    const fresh = next.frame !== state?.frame;
    state = next;
    if (fresh) {
      fit();
      walk.go(next.frame.places, next.moving ? WALK : 0);
    }
    ask();
  }
  function fit() {
    let most = 1e-9;
    const see = (value) => {
      if (Math.abs(value) > most && Number.isFinite(value)) most = Math.abs(value);
    };
    state.frame.places.forEach(see);
    if (most > reach || most < reach / 2.4) reach = 1.2 * most;
  }
  function paint() {
    asked = 0;
    size = [Math.floor(box.clientWidth), Math.floor(box.clientHeight)];
    if (!state || size[0] < 40) return;
    shown = walk.now();
    const { colors, scene, frame, row } = state;
    const context = hidpiContext(canvas, ...size);
    const known = new Set(frame.card.inputs);
    context.fillStyle = colors["ink-3"];
    const count = scene.labels.length;
    for (let k = 0; k < count; k += 1) disc(context, at(k), 2.2);
    const factor = scaled();
    for (const [name, one, , x, y, dx, dy] of frame.arrows) {
      const color = name === "w" ? colors.accent : one === frame.card.rows[0] ? colors.good : colors.flow;
      const start = name === "w" && one < count ? at(one) : inside(put(x, y));
      if (name === "u") diamond(context, start, color);
      arrow(context, color, start, [start[0] + dx * factor * unit(), start[1] - dy * factor * unit()]);
    }
    context.fillStyle = colors.accent;
    for (const one of known) if (one < count) disc(context, at(one), 5);
    if (row >= 0) {
      context.fillStyle = colors.ink;
      disc(context, at(row), 5);
    }
    labels(context, row, known);
    ruler(context);
    tell(factor);
  }
  const unit = () => (Math.min(...size) / 2 - MARGIN) / reach;
  const put = (x, y) => [size[0] / 2 + x * unit(), size[1] / 2 - y * unit()];
  /** Rows of U may lie far out; such a one stands at the edge, where it lies as seen from the middle. */
  function inside([x, y]) {
    const [dx, dy] = [x - size[0] / 2, y - size[1] / 2];
    const share = Math.min(1, (size[0] / 2 - EDGE) / Math.abs(dx), (size[1] / 2 - EDGE) / Math.abs(dy));
    return [size[0] / 2 + dx * share, size[1] / 2 + dy * share];
  }
  const at = (k) => put(shown[2 * k], shown[2 * k + 1]);
  function disc(context, [x, y], r) {
    context.beginPath();
    context.arc(x, y, r, 0, 2 * Math.PI);
    context.fill();
  }
  function diamond(context, [x, y], color) {
    context.strokeStyle = color;
    context.lineWidth = 1.5;
    context.beginPath();
    for (const [dx, dy] of [[0, -6], [6, 0], [0, 6], [-6, 0]]) context.lineTo(x + dx, y + dy);
    context.closePath();
    context.stroke();
  }
  /** What a step is multiplied with so that the longest arrow is seen. */
  function scaled() {
    const longest = Math.max(...state.frame.arrows.map(([, , , , , dx, dy]) => Math.hypot(dx, dy)).filter(Number.isFinite), 0) * unit();
    return longest > 0 ? round(ARROW / longest) : 1;
  }
  /** Labels where none stands yet: those of this step first, then frequent words. */
  function labels(context, row, known) {
    const { colors, scene, frame } = state;
    const taken = [];
    const [target] = frame.card.rows;
    const outputs = frame.arrows.filter(([name]) => name === "u").sort((a, b) => (b[1] === target) - (a[1] === target));
    const wanted = [
      ...(row >= 0 ? [[at(row), scene.labels[row], colors.ink, true]] : []),
      ...[...known].filter((one) => one < scene.labels.length).map((one) => [at(one), scene.labels[one], colors.accent, true]),
      ...outputs.map(([, one, word, x, y]) => [inside(put(x, y)), `U[${word}]`, one === target ? colors.good : colors.flow, true]),
      ...scene.labels.slice(0, 4 * WRITTEN).map((label, one) => [at(one), label, colors["ink-3"], false]),
    ];
    context.textBaseline = "middle";
    const { fontFamily } = getComputedStyle(root);
    for (const [[x, y], label, color, bold] of wanted) {
      context.font = `${bold ? "600 " : ""}11.5px ${fontFamily}`;
      const long = context.measureText(label).width;
      const left = x + 8 + long > size[0] - 3 ? x - 8 - long : x + 8;
      const area = [left - 2, y - TALL / 2, left + long + 2, y + TALL / 2];
      if (!(x > 0 && y > 0 && x < size[0] && y < size[1]) || taken.some((one) => area[0] < one[2] && one[0] < area[2] && area[1] < one[3] && one[1] < area[3])) continue;
      taken.push(area);
      context.strokeStyle = colors.paper;
      context.lineWidth = 3;
      context.strokeText(label, left, y);
      context.fillStyle = color;
      context.fillText(label, left, y);
      if (taken.length >= WRITTEN) break;
    }
  }
  /** How long a vector of some round length is on the map. */
  function ruler(context) {
    const { colors } = state;
    const length = round(0.6 * reach);
    const long = length * unit();
    context.strokeStyle = colors["ink-3"];
    context.lineWidth = 1.5;
    context.beginPath();
    for (const [dx, dy] of [[0, -4], [0, 0], [long, 0], [long, -4]]) context.lineTo(8 + dx, size[1] - 9 + dy);
    context.stroke();
    context.fillStyle = colors["ink-3"];
    context.font = `10.5px ${getComputedStyle(root).fontFamily}`;
    context.fillText(format(length), 14 + long, size[1] - 12);
  }
  function tell(factor) {
    const { frame } = state;
    legend.textContent = fillIn(messages.axes_told, { share: Math.round(100 * frame.share), factor: format(factor) });
    canvas.setAttribute("aria-label", fillIn(messages.map_alt, { share: Math.round(100 * frame.share) }));
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
  signal.addEventListener("abort", () => cancelAnimationFrame(asked));
  return { element, draw };
}
