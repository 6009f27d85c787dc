// The two matrices as heat maps, a row a word. Long ones are cut into blocks that stand side by side; rows of this step are framed.

import { h, fillIn } from "../../../kit/js/dom.js";
import { format, shape } from "../../../kit/js/numbers.js";
import { heatmap, hidpiContext } from "../../../kit/js/heatmap.js";

/** Room of one matrix, the gap between its blocks, the largest cell, and from which height on a row has its word beside it. */
const WIDE = 150;
const HIGH = 400;
const GAP = 9;
const CELL = 18;
const NAMED = 11;
const NAMES = 62;

/**
 * How many blocks, and how large a cell: as large as can be.
 * @param {number} rows @param {number} columns
 */
export function laid(rows, columns) {
  let best = null;
  for (let blocks = 1; blocks <= 6; blocks += 1) {
    const long = Math.ceil(rows / blocks);
    const high = Math.min(CELL, Math.floor(HIGH / long));
    const wide = Math.min(CELL, Math.floor((WIDE - (blocks - 1) * GAP) / (blocks * columns)));
    const next = { blocks, long, high: Math.max(1, high), wide: Math.max(1, wide) };
    if (!best || Math.min(next.high, next.wide) > Math.min(best.high, best.wide)) best = next;
  }
  return best;
}

/** @param {{messages: Record<string, string>, signal: AbortSignal, point: (row: number, hold?: boolean) => void}} options */
export function matrices({ messages, signal, point }) {
  const [w, u] = ["w", "u"].map((name) => one(name, messages));
  const scale = h("p", { class: "w2v-scale" });
  const element = h("div", { class: "w2v-matrices", tabindex: "0", role: "application" }, w.element, u.element);
  let state = null;

  for (const [name, { canvas }] of [["w", w], ["u", u]]) {
    canvas.addEventListener("pointermove", (event) => {
      const [row, column] = under(event, name);
      point(row, false, row < 0 ? null : { name, column });
    }, { signal });
    canvas.addEventListener("pointerleave", () => point(-1), { signal });
    canvas.addEventListener("click", (event) => {
      const [row] = under(event, name);
      if (row >= 0) point(row, true);
    }, { signal });
  }
  element.addEventListener("keydown", (event) => {
    if (!state || event.ctrlKey || event.metaKey || event.altKey) return;
    const { long } = state.layout;
    const by = { ArrowUp: -1, ArrowDown: 1, ArrowLeft: -long, ArrowRight: long }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    const last = state.scene.labels.length - 1;
    const from = state.row < 0 ? Math.min(state.frame.card.inputs[0], last) - by : state.row;
    point(Math.max(0, Math.min(last, from + by)));
  }, { signal });

  /** Row and column below the pointer; row −1 for none. */
  function under(event, name) {
    const { high, wide, long } = state.layout;
    const { columns, labels } = state.scene;
    const x = event.offsetX - 1 - (name === "w" ? state.names : 0);
    const block = Math.floor(x / (columns * wide + GAP));
    const column = Math.floor((x - block * (columns * wide + GAP)) / wide);
    const row = block * long + Math.floor((event.offsetY - 1) / high);
    const is = x >= 0 && column < columns && event.offsetY > 0 && event.offsetY <= long * high && row < labels.length;
    return is ? [row, column] : [-1, -1];
  }

  function draw({ scene, frame, colors, row }) {
    const layout = laid(scene.labels.length, scene.columns);
    const names = layout.high >= NAMED ? NAMES : 0;
    state = { scene, frame, row, layout, names };
    const roles = frame.card.rows.map((one, k) => [one, k ? colors.flow : colors.good]).reverse();
    const known = [...frame.arrows.filter(([name]) => name === "w").map(([, one]) => one), ...frame.card.inputs].map((one) => [one, colors.accent]);
    paint(w.canvas, frame.w, known, { scene, frame, colors, row, layout, names });
    paint(u.canvas, frame.u, roles, { scene, frame, colors, row, layout, names: 0 });
    for (const { title, name } of [w, u].map((one, k) => ({ ...one, name: "WU"[k] }))) title.textContent = `${name} ${shape([scene.words, scene.size])}`;
    element.setAttribute("aria-label", fillIn(messages.matrices_alt, { rows: scene.labels.length, columns: scene.columns }));
    scale.textContent = fillIn(messages.scale, { most: format(frame.most, 2) });
    if (!scale.isConnected) element.after(scale);
  }
  return { element, draw };
}

function one(name, messages) {
  const canvas = h("canvas", { class: "w2v-heat" });
  const title = h("b", {});
  return { canvas, title, element: h("div", { class: "w2v-matrix" }, h("p", {}, title, h("span", {}, messages[`matrix.${name}`])), canvas) };
}

function paint(canvas, values, lit, { scene, frame, colors, row, layout, names }) {
  const { blocks, long, high, wide } = layout;
  const rows = scene.labels.length;
  const across = scene.columns * wide;
  const context = hidpiContext(canvas, names + blocks * across + (blocks - 1) * GAP + 6, long * high + 2);
  const picture = heatmap(values, 0, rows, scene.columns, frame.most, colors);
  const left = (block) => names + block * (across + GAP) + 1;
  for (let block = 0; block < blocks; block += 1) {
    const count = Math.min(long, rows - block * long);
    if (count <= 0) continue;
    context.drawImage(picture, 0, block * long, scene.columns, count, left(block), 1, across, count * high);
    context.strokeStyle = colors.line;
    context.lineWidth = 1;
    context.strokeRect(left(block) - 0.5, 0.5, across + 1, count * high + 1);
  }
  const mark = (one, color) => {
    if (one < 0 || one >= rows) return;
    const [x, y] = [left(Math.floor(one / long)), 1 + (one % long) * high];
    context.strokeStyle = color;
    context.lineWidth = 2;
    context.strokeRect(x - 1, y - 1, across + 2, high + 2);
    // A flag, so that a row of three pixels is found.
    context.fillStyle = color;
    context.beginPath();
    context.moveTo(x + across + 1, y + high / 2);
    context.lineTo(x + across + 6, y + high / 2 - 4);
    context.lineTo(x + across + 6, y + high / 2 + 4);
    context.fill();
  };
  for (const [one, color] of lit) mark(one, color);
  mark(row, colors.ink);
  if (!names) return;
  context.font = `11px ${getComputedStyle(canvas).fontFamily}`;
  context.textBaseline = "middle";
  context.textAlign = "right";
  context.fillStyle = colors.ink;
  scene.labels.forEach((label, k) => k < long && context.fillText(label.length > 9 ? `${label.slice(0, 8)}…` : label, names - 5, 1 + (k + 0.5) * high));
}
