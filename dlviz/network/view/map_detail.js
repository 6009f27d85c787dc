// The selected map: the input channels it is computed from, what each contributes, and its numbers one by one.

import { arrowDirection, fillIn, h, onKeys } from "../../kit/js/dom.js";
import { fixed, format } from "../../kit/js/numbers.js";
import { indexExpression } from "../../kit/js/tensor_block.js";
import { heatmap, maxAbs, hidpiContext, scratch, textColors } from "../../kit/js/heatmap.js";

const MAP_SIDE = 264;
const INPUT_SIDE = 52;
const KERNEL_SIDE = 30;
/** Width of a digit and of the space beside a number, in pixels: cells that are too narrow for their numbers show none. */
const DIGIT = 6.7;
const SPACE = 6;

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, selectMap: (column: number, channel: number) => void, selectElement: (position: number[]) => void, point: (position: number[]) => void, close: () => void}} options
 */
export function detailPanel({ messages, signal, selectMap, selectElement, point, close }) {
  const title = h("b");
  const closeButton = h("button", { type: "button", class: "dlviz-outlined small", "aria-label": messages.close }, "×");
  const inputs = h("div", { class: "net-inputs" });
  const caption = h("div", { class: "net-note net-from" });
  const canvas = h("canvas");
  /** Colors of a map whose numbers are written on it. */
  const numbered = h("canvas");
  const map = h("button", { type: "button", class: "net-map" }, canvas);
  const readout = h("output", { class: "net-note" });
  const terms = h("div", { class: "net-terms" });
  const element = h("div", { class: "dlviz-panel net-detail", hidden: "" },
    h("div", { class: "dlviz-panel-title" }, title, closeButton),
    map, readout, caption, inputs, terms);
  let detail = null;
  let column = null;
  /** Size of a cell, in pixels. */
  let cell = 1;
  /** The numbers as texts, if they fit their cells. */
  let texts = null;
  /** Row and column under the pointer or keyboard. */
  let cursor = [0, 0];
  let state = { max: 0, colors: null, selected: [] };
  closeButton.addEventListener("click", close, { signal });

  /** @param {any} next the detail, decoded; null hides the panel @param {any[]} [columns] of the scene */
  function show(next, columns) {
    detail = next;
    element.hidden = !detail;
    if (!detail) return;
    column = columns[detail.column];
    const isVector = column.layout === "vector";
    const text = column.layout === "maps" ? messages.map : isVector ? messages.map_unit : messages.map_plane;
    title.textContent = fillIn(text, { name: column.name, channel: detail.channel, count: isVector ? column.size[0] : column.channels });
    map.hidden = isVector || column.layout === "number";
    map.setAttribute("aria-label", title.textContent);
    const [rows, width] = detail.map.size;
    cell = Math.max(0.5, Math.min(MAP_SIDE / rows, MAP_SIDE / width, 56));
    if (cell > 2) cell = Math.floor(cell);
    texts = cellTexts();
    cursor = cursor.map((i, d) => Math.min(i, detail.map.size[d] - 1));
    listInputs(columns);
    listTerms(columns);
  }

  function listInputs(columns) {
    const { inputs: list, total, bias } = detail;
    const isSum = list.some((input) => input.contribution);
    const text = !isSum ? messages.inputs_same : total > list.length ? messages.inputs_shown : total === 1 ? messages.inputs_one : messages.inputs;
    caption.textContent = list.length ? fillIn(text, { shown: list.length, count: total, name: columns[list[0].column].name }) : "";
    inputs.replaceChildren(...list.map((input) => inputTile(input, columns[input.column], isSum)));
    if (bias !== null && list.length) inputs.append(h("div", { class: "net-note" }, `+ ${fillIn(messages.bias, { value: format(bias, 4) })}`));
  }
  function inputTile(input, source, isSum) {
    const { channel } = input;
    const tile = h("button", { type: "button", class: "net-input", "aria-label": fillIn(messages.map, { name: source.name, channel, count: source.channels }) },
      h("span", { class: "net-input-channel" }, isSum ? String(channel) : `${source.name} ${channel}`), h("canvas", { "data-part": "map" }),
      ...(input.kernel ? [h("span", {}, "∗"), h("canvas", { "data-part": "kernel" })] : []),
      ...(input.contribution ? [h("span", {}, "="), h("canvas", { "data-part": "contribution" })] : []));
    tile.addEventListener("click", () => selectMap(input.column, channel), { signal });
    return tile;
  }

  function listTerms(columns) {
    const { terms: list, channel, total, bias, sum, rest, value } = detail;
    if (!list) {
      terms.replaceChildren();
      return;
    }
    const source = columns[column.sources[0]].name;
    const maxProduct = Math.max(...list.map((term) => Math.abs(term[3])));
    const rows = list.map(([i, x, weight, product]) => h("tr", {},
      h("td", {}, indexExpression(source, [i])), h("td", {}, format(x, 3)), h("td", {}, `· ${format(weight, 3)}`), h("td", {}, `= ${format(product, 3)}`),
      h("td", {}, termBar(product / maxProduct))));
    const sumText = bias === null ? messages.linear_sum_no_bias : messages.linear_sum;
    terms.replaceChildren(
      h("div", { class: "net-note" }, fillIn(messages.linear_terms, { count: total, name: source })),
      h("table", {}, ...rows),
      h("div", { class: "net-note" }, fillIn(sumText, {
        shown: list.length, sum: format(sum, 5), others: total - list.length, rest: format(rest, 5),
        bias: format(bias ?? 0, 5), name: indexExpression(column.name, [channel]), value: format(value, 5),
      })));
  }
  function termBar(fraction) {
    const node = h("span", { class: "net-term-bar" });
    node.style.setProperty("--fraction", String(Math.abs(fraction)));
    node.dataset.sign = fraction < 0 ? "neg" : "pos";
    return node;
  }

  /** @param {{max: number, colors: any, selected: number[]}} next max: the number of the strongest color, 0 for the map's own maximum */
  function draw(next) {
    if (!detail) return;
    if (next.selected.length && next.selected.join() !== state.selected.join()) cursor = rowAndColumn(next.selected);
    state = next;
    const { max, colors, selected } = state;
    const { size, values, drawn } = detail.map;
    const context = hidpiContext(canvas, size[1] * cell, size[0] * cell);
    const picture = heatmap(values, 0, drawn[0], drawn[1], max > 0 ? max : maxAbs(values), colors, texts ? numbered : scratch);
    context.drawImage(picture, 0, 0, size[1] * cell, size[0] * cell);
    if (texts) drawNumbers(context, drawn, textColors(picture));
    if (selected.length) outlineCell(context, rowAndColumn(selected), colors.select, 2.5);
    if (document.activeElement === map || map.matches(":hover")) outlineCell(context, cursor, colors.select, 2);
    inputs.querySelectorAll(".net-input").forEach((tile, i) => {
      for (const node of tile.querySelectorAll("canvas")) drawSmall(node, detail.inputs[i][node.dataset.part], node.dataset.part === "kernel" ? KERNEL_SIDE : INPUT_SIDE);
    });
    showValue();
  }
  function drawSmall(node, { size, values, drawn }, side) {
    const scale = side / Math.max(...size);
    const context = hidpiContext(node, Math.max(4, size[1] * scale), Math.max(4, size[0] * scale));
    context.drawImage(heatmap(values, 0, drawn[0], drawn[1], maxAbs(values), state.colors, scratch), 0, 0, size[1] * scale, size[0] * scale);
  }
  function cellTexts() {
    const { values, drawn } = detail.map;
    const write = (steps) => Array.from(values, (value) => fixed(value, Math.max(0, Math.ceil(Math.log10(steps / maxAbs(values))))));
    return drawn[1] * drawn[0] > 400 || map.hidden ? null : ([50, 20].map(write).find((list) => Math.max(...list.map((text) => text.length)) * DIGIT + SPACE <= cell) ?? null);
  }
  function drawNumbers(context, drawn, colorOf) {
    context.font = `11px ${state.colors.mono}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.strokeStyle = state.colors.paper;
    texts.forEach((text, p) => {
      context.fillStyle = colorOf(p);
      const [x, y] = [(p % drawn[1]) * cell, Math.floor(p / drawn[1]) * cell];
      context.strokeRect(x, y, cell, cell);
      context.fillText(text, x + cell / 2, y + cell / 2);
    });
  }
  function outlineCell(context, position, color, line) {
    const [row, col] = drawnPosition(position);
    const side = Math.max(3, cell * detail.map.stride);
    context.lineWidth = line;
    context.strokeStyle = color;
    context.strokeRect(col * cell, row * cell, side, side);
  }
  /** A position as row and column; in a one-dimensional network it is a column only. */
  function rowAndColumn(position) {
    return position.length === 1 ? [0, position[0]] : position;
  }
  /** In a one-dimensional network a map is one row. */
  function elementOf(position) {
    return column.layout === "maps" && column.shape.length === 2 ? position.slice(1) : position;
  }
  /** The position of the drawn number that stands for a position; of a large map every k-th number is drawn. */
  function drawnPosition(position) {
    return position.map((i) => Math.floor(i / detail.map.stride) * detail.map.stride);
  }

  /** Show the number under the cursor. */
  function showValue() {
    const { drawn, stride, values } = detail.map;
    const position = drawnPosition(cursor);
    const p = (position[0] / stride) * drawn[1] + position[1] / stride;
    const leading = column.layout === "maps" ? [detail.channel] : [];
    readout.textContent = map.hidden ? "" : `${indexExpression(column.name, [...leading, ...position])} = ${texts?.[p] ?? format(values[p], 6)}`;
  }
  function moveCursor(position) {
    cursor = position.map((i, d) => Math.max(0, Math.min(detail.map.size[d] - 1, i)));
    point(elementOf(drawnPosition(cursor)));
  }
  function pointerPosition(event) {
    const box = canvas.getBoundingClientRect();
    return [Math.floor((event.clientY - box.top) / cell), Math.floor((event.clientX - box.left) / cell)];
  }
  map.addEventListener("pointermove", (event) => detail && moveCursor(pointerPosition(event)), { signal });
  // A map that is hidden loses the focus in the middle of `show`, so nothing is drawn here: the view draws in the next frame.
  for (const name of ["pointerleave", "focus", "blur"]) map.addEventListener(name, () => point([]), { signal });
  map.addEventListener("click", (event) => {
    if (event.detail) cursor = pointerPosition(event);
    selectElement(elementOf(drawnPosition(cursor)));
  }, { signal });
  onKeys(map, signal, (event) => {
    const direction = arrowDirection(event);
    if (direction) moveCursor(cursor.map((i, d) => i + direction[1 - d] * detail.map.stride));
    return Boolean(direction);
  });

  return { element, show, draw };
}
