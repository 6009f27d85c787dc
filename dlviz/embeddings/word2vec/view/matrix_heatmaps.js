// The two matrices as heat maps with a row for each word. Long ones are split into blocks side by side; rows of this step are framed.

import { drawBox } from "../../../kit/js/canvas.js";
import { arrowDirection, h, fillIn, onKeys } from "../../../kit/js/dom.js";
import { format, shape } from "../../../kit/js/numbers.js";
import { heatmap, hidpiContext, scratch } from "../../../kit/js/heatmap.js";

/** Width and height of a matrix, gap between its blocks, largest cell, smallest height of a row with a label, and width of the labels. */
const WIDTH = 150;
const HEIGHT = 400;
const GAP = 9;
const CELL = 18;
const LABELED = 11;
const LABEL_WIDTH = 62;

/**
 * Return the number of blocks with the largest cells, and their size.
 * @param {number} rows @param {number} columns
 */
export function blockLayout(rows, columns) {
  let best = null;
  for (let blocks = 1; blocks <= 6; blocks += 1) {
    const rowsPerBlock = Math.ceil(rows / blocks);
    const cellHeight = Math.min(CELL, Math.floor(HEIGHT / rowsPerBlock));
    const cellWidth = Math.min(CELL, Math.floor((WIDTH - (blocks - 1) * GAP) / (blocks * columns)));
    const next = { blocks, rowsPerBlock, cellHeight: Math.max(1, cellHeight), cellWidth: Math.max(1, cellWidth) };
    if (!best || Math.min(next.cellHeight, next.cellWidth) > Math.min(best.cellHeight, best.cellWidth)) best = next;
  }
  return best;
}

/** @param {{messages: Record<string, string>, signal: AbortSignal, point: (row: number, options?: {hold?: boolean, where?: {name: string, column: number} | null, at?: {clientX: number, clientY: number} | null}) => void}} options */
export function matrices({ messages, signal, point }) {
  const [w, u] = ["w", "u"].map((name) => matrixElement(name, messages));
  const scale = h("p", { class: "word2vec-axes" });
  const group = h("div", { class: "word2vec-matrices", tabindex: "0", role: "application" }, w.element, u.element);
  const element = h("div", { class: "word2vec-left" }, group, scale);
  let state = null;

  for (const [name, { canvas }] of Object.entries({ w, u })) {
    canvas.addEventListener("pointermove", (event) => {
      const [row, column] = cellAt(event, name);
      point(row, { where: row < 0 ? null : { name, column }, at: event });
    }, { signal });
    canvas.addEventListener("pointerleave", () => point(-1), { signal });
    canvas.addEventListener("click", (event) => {
      const [row] = cellAt(event, name);
      if (row >= 0) point(row, { hold: true, at: event });
    }, { signal });
  }
  onKeys(group, signal, (event) => {
    const direction = arrowDirection(event);
    if (!state || !direction) return false;
    const change = direction[1] + direction[0] * state.layout.rowsPerBlock;
    const last = state.scene.labels.length - 1;
    const from = state.row < 0 ? Math.min(state.snapshot.table.inputs[0], last) - change : state.row;
    const row = Math.max(0, Math.min(last, from + change));
    const { left, top } = w.canvas.getBoundingClientRect();
    const [x, y] = cornerOf(row, state);
    point(row, { at: { clientX: left + x, clientY: top + y } });
    return true;
  });

  /** Row and column under the pointer; −1 for none. */
  function cellAt(event, name) {
    const { cellHeight, cellWidth, rowsPerBlock } = state.layout;
    const { columns, labels } = state.scene;
    const x = event.offsetX - 1 - (name === "w" ? state.names : 0);
    const block = Math.floor(x / (columns * cellWidth + GAP));
    const column = Math.floor((x - block * (columns * cellWidth + GAP)) / cellWidth);
    const row = block * rowsPerBlock + Math.floor((event.offsetY - 1) / cellHeight);
    const isInside = x >= 0 && column < columns && event.offsetY > 0 && event.offsetY <= rowsPerBlock * cellHeight && row < labels.length;
    return isInside ? [row, column] : [-1, -1];
  }

  function draw({ scene, snapshot, colors, row }) {
    const layout = blockLayout(scene.labels.length, scene.columns);
    const names = layout.cellHeight >= LABELED ? LABEL_WIDTH : 0;
    state = { scene, snapshot, row, layout, names };
    const roles = snapshot.table.rows.map((one, k) => [one, colors[k ? "class-4" : "class-3"]]).reverse();
    // The other examples of the step are framed without a flag.
    const others = snapshot.arrows.filter(([name]) => name === "w").map(([, one]) => [one, colors["ink-3"], true]);
    const known = [...others, ...snapshot.table.inputs.map((one) => [one, colors["class-2"]])];
    paint(w.canvas, snapshot.w, known, { scene, snapshot, colors, row, layout, names });
    paint(u.canvas, snapshot.u, roles, { scene, snapshot, colors, row, layout, names: 0 });
    for (const { title, name } of [w, u].map((one, k) => ({ ...one, name: "WU"[k] }))) title.textContent = `${name} ${shape([scene.words, scene.vector_size])}`;
    group.setAttribute("aria-label", fillIn(messages.matrices_alt, { rows: scene.labels.length, columns: scene.columns }));
    scale.textContent = fillIn(messages.scale, { most: format(snapshot.max_abs, 2) });
  }
  return { element, draw };
}

function matrixElement(name, messages) {
  const canvas = h("canvas", { class: "word2vec-heat" });
  const title = h("b", {});
  return { canvas, title, element: h("div", { class: "word2vec-matrix" }, h("p", {}, title, h("span", {}, messages[`matrix.${name}`])), canvas) };
}

/** The upper left corner of a row on its canvas. */
function cornerOf(row, { scene, layout: { rowsPerBlock, cellHeight, cellWidth }, names }) {
  return [names + Math.floor(row / rowsPerBlock) * (scene.columns * cellWidth + GAP) + 1, 1 + (row % rowsPerBlock) * cellHeight];
}

function paint(canvas, values, framed, { scene, snapshot, colors, row, layout, names }) {
  const { blocks, rowsPerBlock, cellHeight, cellWidth } = layout;
  const rows = scene.labels.length;
  const blockWidth = scene.columns * cellWidth;
  const context = hidpiContext(canvas, names + blocks * blockWidth + (blocks - 1) * GAP + 6, rowsPerBlock * cellHeight + 2);
  const picture = heatmap(values, 0, rows, scene.columns, snapshot.max_abs, colors, scratch);
  const corner = (one) => cornerOf(one, { scene, layout, names });
  for (let block = 0; block < blocks; block += 1) {
    const count = Math.min(rowsPerBlock, rows - block * rowsPerBlock);
    if (count <= 0) continue;
    const [left] = corner(block * rowsPerBlock);
    context.drawImage(picture, 0, block * rowsPerBlock, scene.columns, count, left, 1, blockWidth, count * cellHeight);
    drawBox(context, [left - 0.5, 0.5, blockWidth + 1, count * cellHeight + 1], colors.line);
  }
  const mark = (one, color, isPlain = false) => {
    if (one < 0 || one >= rows) return;
    const [x, y] = corner(one);
    drawBox(context, [x - 1, y - 1, blockWidth + 2, cellHeight + 2], color, isPlain ? 1 : 2);
    if (isPlain) return;
    // A flag marks rows that are only a few pixels high.
    context.fillStyle = color;
    context.beginPath();
    context.moveTo(x + blockWidth + 1, y + cellHeight / 2);
    context.lineTo(x + blockWidth + 6, y + cellHeight / 2 - 4);
    context.lineTo(x + blockWidth + 6, y + cellHeight / 2 + 4);
    context.fill();
  };
  for (const [one, color, isPlain] of framed) mark(one, color, isPlain);
  mark(row, colors.select);
  if (!names) return;
  context.font = `11px ${colors.font}`;
  context.textBaseline = "middle";
  context.textAlign = "right";
  context.fillStyle = colors.ink;
  scene.labels.forEach((label, k) => k < rowsPerBlock && context.fillText(label.length > 9 ? `${label.slice(0, 8)}…` : label, names - 5, 1 + (k + 0.5) * cellHeight));
}
