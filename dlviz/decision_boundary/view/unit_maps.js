// The network: a small map of every unit's output over the plane, and the weights between them as edges.

import { drawBox } from "../../kit/js/canvas.js";
import { h, fillIn, onKeys } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { heatmap, maxAbs, hidpiContext, scratch } from "../../kit/js/heatmap.js";

const GAP = 6;
/** Rows of maps of a layer; one with more units has several maps in each row. */
const MAX_ROWS = 8;
/** Maps are as large as this area allows, within these limits. */
const AREA = { width: 288, height: 394 };
const [SMALLEST, LARGEST] = [36, 64];
/** Smallest width of a column, which holds its name, and the height of the names. */
const MIN_WIDTH = 51;
const HEADER = 42;
/** Space before a column with edges, and before one that changes each unit by itself. */
const EDGE_SPACE = 36;
const NARROW_SPACE = 8;
/** Width of the edge with the largest weight of a layer, and the number of edges above which all are thinner. */
const MAX_EDGE = 5;
const FEW_EDGES = 32;

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, open: (layer: number, unit: number) => void}} options
 */
export function unitMaps({ messages, signal, open }) {
  const edges = h("canvas", { class: "boundary-edges", "aria-hidden": "true" });
  const row = h("div", { class: "boundary-columns" });
  const element = h("div", { class: "boundary-layers dlviz-scroll-x", tabindex: "-1" }, edges, row);
  let columns = [];
  /** Width and height of a map, and height of the tallest column. */
  let map = 0;
  let height = 0;

  function show(layers) {
    const same = columns.length === layers.length && layers.every((layer, n) => layer.name === columns[n].layer.name && layer.drawn === columns[n].layer.drawn);
    if (!same) layOut(layers);
    columns.forEach((column, n) => {
      column.layer = layers[n];
      column.max = maxAbs(layers[n].values);
    });
  }
  function layOut(layers) {
    const perRow = layers.map(({ drawn }) => Math.max(1, Math.ceil(drawn / MAX_ROWS)));
    const rows = layers.map(({ drawn }, n) => Math.ceil(drawn / perRow[n]));
    const spaces = layers.map(({ weight }, n) => (n === 0 ? 0 : weight ? EDGE_SPACE : NARROW_SPACE));
    const most = Math.max(...rows);
    const across = (AREA.width - spaces.reduce((sum, space) => sum + space, 0)) / perRow.reduce((sum, count) => sum + count, 0);
    const up = AREA.height / most;
    map = Math.floor(Math.max(SMALLEST, Math.min(LARGEST, across, up - GAP)));
    height = most * (map + GAP) - GAP;
    let left = 0;
    columns = layers.map((layer, n) => {
      const tiles = perRow[n] * (map + GAP) - GAP;
      const width = Math.max(MIN_WIDTH, tiles);
      left += spaces[n];
      const column = makeColumn({ layer, n, perRow: perRow[n], rows: rows[n], width, left: left + (width - tiles) / 2, tiles, top: (height - rows[n] * (map + GAP) + GAP) / 2, space: spaces[n] });
      left += width;
      return column;
    });
    row.style.setProperty("--height", `${height}px`);
    element.style.setProperty("--header", `${HEADER}px`);
    row.replaceChildren(...columns.map((column) => column.element));
  }

  function makeColumn(place) {
    const { layer, n, perRow } = place;
    const canvas = h("canvas");
    const button = h("button", { type: "button", class: "boundary-layer-maps" }, canvas);
    const footer = h("div", { class: "boundary-layer-footer" });
    const header = h("div", { class: "boundary-layer-name" }, h("b", { title: layer.name }, layer.name), h("span", { title: layer.description }, layer.kind === "input" ? messages.input : layer.kind));
    const column = { ...place, canvas, button, footer, focused: 0, max: 0, element: h("div", { class: "boundary-layer" }, header, h("div", { class: "boundary-layer-tiles" }, button), footer) };
    column.element.style.width = `${place.width}px`;
    column.element.style.marginLeft = `${place.space}px`;
    button.addEventListener("click", (event) => {
      const box = canvas.getBoundingClientRect();
      // Enter clicks the button without a position: then the unit that arrow keys have focused is opened.
      if (event.detail) {
        const [x, y] = [event.clientX - box.left, event.clientY - box.top].map((value) => Math.floor(value / (map + GAP)));
        const unit = y * perRow + x;
        if (x >= perRow || unit >= column.layer.drawn) return;
        column.focused = unit;
      }
      showFocus(column);
      open(n, column.focused);
    }, { signal });
    onKeys(button, signal, (event) => moveFocus(event, column));
    showFocus(column);
    return column;
  }
  /** Left and top of a unit's map within its column. */
  function position({ perRow }, unit) {
    return [unit % perRow, Math.floor(unit / perRow)].map((place) => place * (map + GAP));
  }
  function showFocus(column) {
    const { layer, focused, button } = column;
    const [x, y] = position(column, focused);
    button.setAttribute("aria-label", fillIn(messages.unit, { name: layer.name, unit: focused, count: layer.units }));
    for (const [name, value] of Object.entries({ x, y, map })) button.style.setProperty(`--${name}`, `${value}px`);
  }

  /** Arrow keys move the focus between units of a layer, and from layer to layer. */
  function moveFocus(event, column) {
    const { perRow, focused } = column;
    const move = { ArrowUp: -perRow, ArrowDown: perRow, ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (move === undefined) return false;
    const sideways = event.key === "ArrowLeft" || event.key === "ArrowRight";
    const next = focused + move;
    const sameRow = Math.floor(next / perRow) === Math.floor(focused / perRow);
    if (next >= 0 && next < column.layer.drawn && (!sideways || sameRow)) {
      column.focused = next;
      showFocus(column);
    } else if (sideways) columns[column.n + move]?.button.focus();
    return true;
  }

  /** @param {{opened: number[], folded: number, side: number, colors: any}} state folded: the layer whose projection is shown; side: values along a side of each map */
  function draw({ opened, folded, side, colors }) {
    drawEdges(opened, colors);
    for (const column of columns) {
      const { layer, n, canvas, footer, perRow, rows, max } = column;
      const context = hidpiContext(canvas, Math.min(perRow, layer.drawn) * (map + GAP) - GAP, Math.max(1, rows) * (map + GAP) - GAP);
      for (let unit = 0; unit < layer.drawn; unit += 1) {
        const [x, y] = position(column, unit);
        context.drawImage(heatmap(layer.values, unit * side * side, side, side, max, colors, scratch), x, y, map, map);
        drawFrame(context, x, y, opened[0] === n && opened[1] === unit, colors);
      }
      column.element.toggleAttribute("data-folded", n === folded);
      footer.replaceChildren(h("span", {}, fillIn(layer.units === 1 ? messages.units_one : messages.units, { count: layer.units })), h("span", {}, `± ${format(max, 3)}`));
    }
  }
  function drawFrame(context, x, y, isOpened, colors) {
    const width = isOpened ? 3 : 1;
    drawBox(context, [x + width / 2, y + width / 2, map - width, map - width], isOpened ? colors.select : colors.line, width);
    // A ring of paper separates the frame from a map of the same color.
    if (isOpened) drawBox(context, [x + 3.75, y + 3.75, map - 7.5, map - 7.5], colors.paper, 1.5);
  }

  /** Every weight as an edge, as thick as it is large and in the color of its sign; of an open unit its own edges stand out. */
  function drawEdges(opened, colors) {
    const { left, tiles } = columns.at(-1);
    const context = hidpiContext(edges, left + tiles, height);
    const open = opened.length ? [columns[opened[0]].layer.linear, opened[1]] : null;
    for (const to of columns) {
      for (const from of to.layer.from.map((source) => columns[source])) {
        const { layer } = to;
        const inputs = layer.inputs.length;
        const max = layer.weight ? maxAbs(layer.weight) : 0;
        const pairs = layer.weight || to.perRow > 1 || layer.units !== from.layer.units ? [] : Array.from({ length: layer.drawn }, (_, k) => [k, k]);
        for (let k = 0; layer.weight && k < layer.drawn; k += 1) for (let j = 0; j < Math.min(inputs, from.layer.drawn); j += 1) pairs.push([j, k]);
        const widest = MAX_EDGE * Math.sqrt(Math.min(1, FEW_EDGES / pairs.length));
        for (const [j, k] of pairs) {
          const weight = layer.weight ? layer.weight[k * inputs + j] : 0;
          context.globalAlpha = !open || (open[0] === to.n && open[1] === k) ? 0.85 : 0.12;
          context.strokeStyle = layer.weight ? colors[weight < 0 ? "neg" : "pos"] : colors.line;
          context.lineWidth = layer.weight ? 0.4 + (max > 0 && Number.isFinite(weight) ? (widest * Math.abs(weight)) / max : 0) : 1;
          drawEdge(context, edgeEnd(from, j, from.left + from.tiles), edgeEnd(to, k, to.left));
        }
      }
    }
  }
  /** Where an edge ends at a unit's column: at the unit's height, and of several units in a row each a little lower. @returns {[number, number]} */
  function edgeEnd({ top, perRow }, unit, x) {
    return [x, top + Math.floor(unit / perRow) * (map + GAP) + map * (perRow === 1 ? 0.5 : (0.5 + (unit % perRow)) / perRow)];
  }
  function drawEdge(context, [x, y], [toX, toY]) {
    const middle = (x + toX) / 2;
    context.beginPath();
    context.moveTo(x, y);
    context.bezierCurveTo(middle, y, middle, toY, toX, toY);
    context.stroke();
  }
  return { element, show, draw };
}
