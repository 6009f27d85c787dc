// The columns: one for every call with its maps on a canvas, and arcs above them from each call to its sources.

import { fillIn, h, onKeys, s } from "../../kit/js/dom.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { format } from "../../kit/js/numbers.js";
import { flights } from "../../kit/js/flights.js";
import { heatmap, maxAbs, hidpiContext, scratch } from "../../kit/js/heatmap.js";
import { mapLayout } from "./map_layout.js";

/** Distance between the left edges of neighboring columns. */
const PITCH = 104;
/** Milliseconds in which maps move into the next column. */
const FLOW = 320;
/** Height of the arcs, without and with skip connections. */
const ARC_HEIGHTS = [12, 34];

/**
 * @param {{model: any, messages: Record<string, string>, signal: AbortSignal, pick: (column: number, channel: number) => void}} options
 */
export function columnRow({ model, messages, signal, pick }) {
  const arcs = s("svg", { class: "net-arcs", "aria-hidden": "true" });
  const row = h("div", { class: "net-column-row" });
  const element = h("div", { class: "net-columns dlviz-scroll-x", tabindex: "-1" }, arcs, row);
  const animation = flights({ layer: row, model, signal, className: "net-flight" });
  let columns = [];
  /** The state that each column was last painted from; an unchanged column is not painted again. */
  let paintedKeys = [];

  /** @param {any[]} next the scene's columns, decoded */
  function show(next) {
    const sameCalls = columns.length === next.length && next.every((data, n) => data.name === columns[n].data.name);
    paintedKeys = [];
    if (sameCalls) {
      columns.forEach((column, n) => describe(column, next[n]));
      return;
    }
    columns = next.map(makeColumn);
    row.replaceChildren(...columns.map((column) => column.element));
    const height = ARC_HEIGHTS[next.some((data, n) => data.sources.some((from) => n - from > 1)) ? 1 : 0];
    arcs.setAttribute("width", String(PITCH * next.length));
    arcs.setAttribute("height", String(height));
    arcs.replaceChildren(...next.flatMap((data, n) => data.sources.map((from) => arc(from, n, height))));
  }

  function arc(from, to, height) {
    const [a, b] = [from * PITCH + 42, to * PITCH + 42];
    const lift = to - from === 1 ? 5 : Math.min(height - 5, 10 + 5 * (to - from));
    const y = height - 2;
    const d = `M${a},${y} C${a},${y - lift * 1.3} ${b},${y - lift * 1.3} ${b},${y}`;
    return s("path", { d, "data-to": to, "data-from": from, "data-skip": to - from > 1 ? "" : null });
  }

  function makeColumn(data, n) {
    const canvas = h("canvas");
    const button = h("button", { type: "button", class: "net-maps" }, canvas);
    const name = h("b");
    const kind = h("span", { class: "net-kind" });
    const footer = h("div", { class: "net-column-footer" });
    const element = h("div", { class: "net-column" }, h("div", { class: "net-name" }, name, kind), button, footer);
    const column = { data, n, canvas, button, name, kind, footer, element, layout: null, focused: 0 };
    button.addEventListener("click", (event) => {
      const box = canvas.getBoundingClientRect();
      // A click by the Enter key has no position; it selects the map that the arrow keys moved to.
      const k = event.detail ? column.layout.indexAt(event.clientX - box.left, event.clientY - box.top) : column.focused;
      if (k < 0) return;
      column.focused = k;
      pick(n, k);
    }, { signal });
    onKeys(button, signal, (event) => moveFocus(event, column));
    describe(column, data);
    return column;
  }

  function describe(column, data) {
    column.data = data;
    column.layout = mapLayout(data);
    column.focused = Math.min(column.focused, column.layout.count - 1);
    column.name.replaceChildren(h("bdi", {}, data.name));
    column.name.title = data.name;
    column.kind.textContent = data.kind === "input" ? messages.input : data.kind;
    column.kind.title = data.call;
    const shape = data.shape.join("×") || "()";
    const lines = data.returned.map((name) => fillIn(messages.returned, { name }));
    if (data.parameters) lines.unshift(fillIn(messages.parameter_count, { count: shortCount(data.parameters) }));
    column.footer.replaceChildren(h("code", {}, shape), ...lines.map((text) => h("span", { title: text }, text)), h("span", { class: "net-max" }));
    labelFocused(column);
  }

  function labelFocused(column) {
    const { data } = column;
    const text = data.layout === "maps" ? messages.map : data.layout === "vector" ? messages.map_unit : messages.map_plane;
    column.button.setAttribute("aria-label", fillIn(text, { name: data.name, channel: column.focused, count: data.layout === "vector" ? data.size[0] : data.channels }));
  }

  /** Arrow keys move over the maps of a column, and from column to column. @returns {boolean} whether the key is one */
  function moveFocus(event, column) {
    const { perRow, count } = column.layout;
    const step = { ArrowUp: -perRow, ArrowDown: perRow, ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return false;
    const sideways = event.key === "ArrowLeft" || event.key === "ArrowRight";
    const to = column.focused + step;
    const sameRow = Math.floor(column.focused / perRow) === Math.floor(to / perRow);
    if ((!sideways || (perRow > 1 && sameRow)) && to >= 0 && to < count) {
      column.focused = to;
      focus(column);
    } else if (sideways) {
      const next = columns[column.n + Math.sign(step)];
      if (next) focus(next);
    }
    return true;
  }
  function focus(column) {
    labelFocused(column);
    paintedKeys[column.n] = "";
    column.button.focus();
    placeFocusRing(column);
  }
  function placeFocusRing(column) {
    const [x, y, width, height] = column.layout.rect(column.focused);
    for (const [name, value] of [["--x", x], ["--y", y], ["--w", width], ["--h", height]]) column.button.style.setProperty(name, `${value}px`);
  }

  /**
   * @param {{scale: string, networkMax: number, step: number, selected: number[], boxes: Record<string, number[][]>, colors: any}} state
   */
  function paint({ scale, networkMax, step, selected, boxes, colors }) {
    for (const column of columns) {
      const { data, n } = column;
      const filled = n < step;
      const channel = selected[0] === n ? selected[1] : -1;
      const key = JSON.stringify([scale, scale === "network" ? networkMax : 0, filled, channel, boxes[n] ?? null, colors.paper]);
      column.element.toggleAttribute("data-current", n === step - 1);
      column.element.toggleAttribute("data-selected", channel >= 0);
      column.element.dataset.box = JSON.stringify(boxes[n] ?? []);
      if (paintedKeys[n] === key) continue;
      paintedKeys[n] = key;
      const max = scale === "network" ? networkMax : data.max;
      paintColumn(column, { filled, channel, box: boxes[n], max, perMap: scale === "map", colors });
      column.footer.lastChild.textContent = scale === "map" || !filled ? "" : `± ${format(max, 3)}`;
    }
    for (const path of /** @type {NodeListOf<SVGElement>} */ (arcs.querySelectorAll("path"))) path.toggleAttribute("data-current", Number(path.dataset.to) === step - 1);
  }

  function paintColumn(column, { filled, channel, box, max, perMap, colors }) {
    const { data, layout, canvas } = column;
    const context = hidpiContext(canvas, layout.width, Math.ceil(layout.height) + 1);
    const isVector = data.layout === "vector";
    const maps = Array.from({ length: layout.count }, (_, k) => k);
    placeFocusRing(column);
    for (const k of maps) {
      if (filled) context.drawImage(mapPicture(data, k, perMap, max, colors), ...layout.rect(k));
      if (!isVector || layout.rect(0)[2] > 9) outline(context, layout.rect(k), filled ? colors.line : colors["line-2"], 1);
    }
    if (filled && box && !isVector) {
      // In its own column the element is in one map; in the columns before it, it depends on all maps.
      for (const k of maps) if (channel < 0 || channel === k) outline(context, boxRect(layout.rect(k), box, data), colors.select, 1.5);
    }
    const selected = channel < 0 ? -1 : isVector ? Math.floor(channel / data.stride) : channel;
    if (selected >= 0 && selected < layout.count) outline(context, layout.rect(selected), colors.select, 2.5);
  }
  function mapPicture(data, k, perMap, max, colors) {
    if (data.layout === "vector") return heatmap(data.numbers, k, 1, 1, perMap ? data.max : max, colors, scratch);
    const [, rows, columns] = data.drawn;
    return heatmap(data.numbers, k * rows * columns, rows, columns, perMap ? data.maxima[k] : max, colors, scratch);
  }
  /** The part of a map's rectangle that a receptive field covers. @returns {[number, number, number, number]} */
  function boxRect([x, y, width, height], box, data) {
    const [[top, bottom], [left, right]] = box.length === 2 ? box : [[0, data.size[0] - 1], box[0]];
    const [dy, dx] = [height / data.size[0], width / data.size[1]];
    return [x + left * dx, y + top * dy, (right - left + 1) * dx, (bottom - top + 1) * dy];
  }
  /** @param {CanvasRenderingContext2D} context @param {number[]} rect @param {string} color @param {number} line */
  function outline(context, [x, y, width, height], color, line) {
    context.strokeStyle = color;
    context.lineWidth = line;
    context.strokeRect(x + line / 2, y + line / 2, Math.max(1, width - line), Math.max(1, height - line));
  }

  /** Move copies of the maps of its sources into a column that has just been filled. */
  function flow(n) {
    animation.stop();
    const { data, canvas } = columns[n];
    if (!animation.isWanted()) return;
    const origin = row.getBoundingClientRect();
    const to = canvas.getBoundingClientRect();
    for (const from of data.sources) {
      const source = columns[from].canvas;
      const copy = h("canvas", { width: source.width, height: source.height });
      copy.getContext("2d").drawImage(source, 0, 0);
      animation.fly(copy, source.getBoundingClientRect(), to, { origin, duration: FLOW, scale: true });
    }
    if (data.sources.length) canvas.animate([{ opacity: 0 }, { opacity: 0, offset: 0.6 }, { opacity: 1 }], FLOW);
  }
  /** Scroll until a column is visible. */
  function scrollTo(n) {
    const left = n * PITCH;
    if (left < element.scrollLeft || left + PITCH > element.scrollLeft + element.clientWidth) element.scrollLeft = left - element.clientWidth + 2 * PITCH;
  }
  return { element, show, paint, flow, scrollTo };
}

/** 12,345 as "12.3k", because a column is narrow. */
function shortCount(count) {
  const [unit, name] = count >= 1e6 ? [1e6, "M"] : count >= 1e4 ? [1e3, "k"] : [1, ""];
  return `${format(count / unit, 3)}${name}`.replace(/^(\d)(\d{3})$/, "$1,$2");
}

/** Decode the numbers of a scene's column, with the maximum of each map and of all. */
export function decodeColumn(column) {
  const numbers = typedArray(column.values, column.dtype);
  const [count, rows, columns] = column.drawn;
  const maxima = Array.from({ length: count }, (_, k) => maxAbs(numbers, k * rows * columns, (k + 1) * rows * columns));
  return { ...column, numbers, maxima, max: Math.max(0, ...maxima) };
}

/**
 * The receptive field of an element of column n: by column the first and last index along each spatial dimension, where all calls on the way are
 * windows or elementwise. @param {any[]} columns @param {number} n @param {number[]} position @returns {Record<string, number[][]>}
 */
export function fieldBoxes(columns, n, position) {
  const boxes = { [n]: position.map((i) => [i, i]) };
  const unknown = new Set();
  for (let k = n; k >= 0; k -= 1) {
    if (unknown.has(k)) delete boxes[k];
    for (const source of unknown.has(k) || boxes[k] ? columns[k].sources : []) {
      const ranges = boxes[k] && columns[k].ranges[source];
      const box = ranges?.map((ends, d) => readBy(ends, boxes[k][d]));
      if (!ranges) unknown.add(source);
      else if (box.every(([first, last]) => first <= last)) boxes[source] = box.map(([first, last], d) => [Math.min(first, boxes[source]?.[d][0] ?? first), Math.max(last, boxes[source]?.[d][1] ?? last)]);
    }
  }
  return boxes;
}
/** @param {number[]} ends first and last index that each position reads; empty: itself @param {number[]} box @returns {number[]} what the positions of the box read */
function readBy(ends, [first, last]) {
  const read = ends.slice(2 * first, 2 * last + 2).filter((at) => at >= 0);
  return ends.length ? [Math.min(...read), Math.max(...read)] : [first, last];
}
