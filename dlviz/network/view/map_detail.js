// One map, opened: the channels it is made of, what each adds, and its own numbers one by one.

import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { indexExpression } from "../../kit/js/tensor_block.js";
import { heatmap, maxAbs, hidpiContext } from "../../kit/js/heatmap.js";

const SIDE = 240;
const SMALL = 52;
/** From this size on a cell has room for its number. */
const ROOM = 34;

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, open: (column: number, channel: number) => void, choose: (place: number[]) => void, close: () => void}} options
 */
export function opened({ messages, signal, open, choose, close }) {
  const title = h("b");
  const shut = h("button", { type: "button", class: "net-button", "aria-label": messages.close }, "×");
  const inputs = h("div", { class: "net-inputs" });
  const caption = h("div", { class: "net-line" });
  const canvas = h("canvas");
  const map = h("button", { type: "button", class: "net-map" }, canvas);
  const readout = h("output", { class: "net-line" });
  const terms = h("div", { class: "net-terms" });
  const element = h("div", { class: "net-panel net-opened", hidden: "" },
    h("div", { class: "net-title" }, title, shut),
    h("div", { class: "net-pair" }, h("div", {}, caption, inputs, terms), h("div", { class: "net-big" }, map, readout)));
  let detail = null;
  let cell = 1;
  let cursor = [0, 0];
  let chosen = [];
  let colors = null;
  let max = 0;
  /** What the numbers are called, and the indices before row and column. */
  let name = "";
  let prefix = [];
  shut.addEventListener("click", close, { signal });

  /** @param {any} next the detail, its sheets decoded @param {any[]} columns of the scene */
  function show(next, columns) {
    detail = next;
    element.hidden = !detail;
    if (!detail) return;
    const column = columns[detail.column];
    const count = column.layout === "vector" ? column.size[0] : column.channels;
    const text = column.layout === "maps" ? messages.map : column.layout === "vector" ? messages.map_unit : messages.map_plane;
    title.textContent = fillIn(text, { name: column.name, channel: detail.channel, count });
    const vector = column.layout === "vector" || column.layout === "number";
    map.hidden = vector;
    map.setAttribute("aria-label", title.textContent);
    const [rows, wide] = detail.sheet.size;
    cell = Math.max(0.5, Math.min(SIDE / rows, SIDE / wide, 56));
    if (cell > 2) cell = Math.floor(cell);
    cursor = cursor.map((place, d) => Math.min(place, detail.sheet.size[d] - 1));
    prefix = column.layout === "maps" ? [detail.channel] : [];
    name = column.name;
    listInputs(columns);
    listTerms(columns);
  }

  function listInputs(columns) {
    const list = detail.inputs;
    const sum = list.some((one) => one.part);
    const text = sum ? (detail.total > list.length ? messages.inputs_shown : detail.total === 1 ? messages.inputs_one : messages.inputs) : messages.inputs_same;
    caption.textContent = list.length ? fillIn(text, { shown: list.length, count: detail.total, name: columns[list[0].column].name }) : "";
    inputs.replaceChildren(...list.map((one) => {
      const tile = h("button", { type: "button", class: "net-input", "aria-label": fillIn(messages.map, { name: columns[one.column].name, channel: one.channel, count: columns[one.column].channels }) },
        h("span", { class: "net-number" }, sum ? String(one.channel) : `${columns[one.column].name} ${one.channel}`), h("canvas", { "data-of": "map" }),
        ...(one.kernel ? [h("span", {}, "∗"), h("canvas", { "data-of": "kernel" })] : []),
        ...(one.part ? [h("span", {}, "="), h("canvas", { "data-of": "part" })] : []));
      tile.addEventListener("click", () => open(one.column, one.channel), { signal });
      return tile;
    }), ...(detail.bias === null || !list.length ? [] : [h("div", { class: "net-line" }, `+ ${fillIn(messages.bias, { value: format(detail.bias, 4) })}`)]));
  }

  function listTerms(columns) {
    const { terms: list, channel } = detail;
    if (!list) {
      terms.replaceChildren();
      return;
    }
    const column = columns[detail.column];
    const source = columns[column.sources[0]].name;
    const most = Math.max(...list.map((term) => Math.abs(term[3])));
    const rows = list.map(([place, value, weight, product]) => h("tr", {},
      h("td", {}, indexExpression(source, [place])), h("td", {}, format(value, 3)), h("td", {}, `· ${format(weight, 3)}`), h("td", {}, `= ${format(product, 3)}`),
      h("td", {}, bar(product / most))));
    terms.replaceChildren(
      h("div", { class: "net-line" }, fillIn(messages.products, { count: detail.total, name: source })),
      h("table", {}, ...rows),
      h("div", { class: "net-line" }, fillIn(messages[detail.bias === null ? "balance_free" : "balance"], {
        shown: list.length, sum: format(detail.sum, 5), others: detail.total - list.length, rest: format(detail.rest, 5),
        bias: format(detail.bias ?? 0, 5), name: indexExpression(column.name, [channel]), value: format(detail.value, 5),
      })));
  }
  function bar(share) {
    const node = h("span", { class: "net-share" });
    node.style.setProperty("--share", String(Math.abs(share)));
    node.dataset.sign = share < 0 ? "neg" : "pos";
    return node;
  }

  /** @param {{max: number, colors: any, chosen: number[]}} state */
  function draw(state) {
    if (!detail) return;
    if (state.chosen.join() !== chosen.join() && state.chosen.length) cursor = square(state.chosen);
    ({ max, colors, chosen } = state);
    const { size, values, drawn } = detail.sheet;
    const own = max > 0 ? max : maxAbs(values);
    const context = hidpiContext(canvas, size[1] * cell, size[0] * cell);
    context.drawImage(heatmap(values, 0, drawn[0], drawn[1], own, colors), 0, 0, size[1] * cell, size[0] * cell);
    if (cell >= ROOM) write(context, values, drawn);
    if (chosen.length) mark(context, square(chosen), colors.flow, 2.5);
    mark(context, cursor, colors.accent, document.activeElement === map || map.matches(":hover") ? 2 : 0);
    inputs.querySelectorAll(".net-input").forEach((tile, i) => {
      for (const node of tile.querySelectorAll("canvas")) small(node, detail.inputs[i][node.dataset.of], node.dataset.of === "kernel" ? 30 : SMALL);
    });
    tell();
  }
  function small(node, sheet, side) {
    const scale = side / Math.max(...sheet.size);
    const context = hidpiContext(node, Math.max(4, sheet.size[1] * scale), Math.max(4, sheet.size[0] * scale));
    context.drawImage(heatmap(sheet.values, 0, sheet.drawn[0], sheet.drawn[1], maxAbs(sheet.values), colors), 0, 0, sheet.size[1] * scale, sheet.size[0] * scale);
  }
  function write(context, values, drawn) {
    context.font = `11px ${getComputedStyle(map).getPropertyValue("--mono")}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (let r = 0; r < drawn[0]; r += 1) {
      for (let c = 0; c < drawn[1]; c += 1) {
        const value = values[r * drawn[1] + c];
        context.lineWidth = 3;
        context.strokeStyle = colors.paper;
        context.strokeText(format(value, 2), (c + 0.5) * cell, (r + 0.5) * cell);
        context.fillStyle = colors.ink;
        context.fillText(format(value, 2), (c + 0.5) * cell, (r + 0.5) * cell);
      }
    }
  }
  function mark(context, [row, column], color, line) {
    if (!line) return;
    const every = detail.sheet.every;
    const side = Math.max(3, cell * every);
    context.lineWidth = line;
    context.strokeStyle = color;
    context.strokeRect(Math.floor(column / every) * every * cell, Math.floor(row / every) * every * cell, side, side);
  }
  /** A place as row and column: a series has columns alone. */
  function square(place) {
    return place.length === 1 ? [0, place[0]] : place;
  }

  /** The number under the cursor, as it was drawn. */
  function tell() {
    const { drawn, every, values } = detail.sheet;
    const [row, column] = cursor;
    const value = values[Math.floor(row / every) * drawn[1] + Math.floor(column / every)];
    const shown = [Math.floor(row / every) * every, Math.floor(column / every) * every];
    readout.textContent = map.hidden ? "" : `${indexExpression(name, [...prefix, ...shown])} = ${format(value, 6)}`;
  }
  function move(row, column) {
    const { size } = detail.sheet;
    cursor = [Math.max(0, Math.min(size[0] - 1, row)), Math.max(0, Math.min(size[1] - 1, column))];
    draw({ max, colors, chosen });
  }
  function under(event) {
    const box = canvas.getBoundingClientRect();
    return [Math.floor((event.clientY - box.top) / cell), Math.floor((event.clientX - box.left) / cell)];
  }
  map.addEventListener("pointermove", (event) => detail && move(...under(event)), { signal });
  for (const change of ["pointerleave", "focus", "blur"]) map.addEventListener(change, () => detail && colors && draw({ max, colors, chosen }), { signal });
  map.addEventListener("click", (event) => {
    if (event.detail) cursor = under(event);
    const every = detail.sheet.every;
    choose(cursor.map((place) => Math.floor(place / every) * every));
  }, { signal });
  map.addEventListener("keydown", (event) => {
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const step = moves[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const every = detail.sheet.every;
    move(cursor[0] + step[0] * every, cursor[1] + step[1] * every);
  }, { signal });

  return { element, show, draw, rows: () => detail?.sheet.size[0] ?? 0 };
}
