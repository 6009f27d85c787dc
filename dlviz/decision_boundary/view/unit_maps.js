// A small map of every unit of every layer: the unit's output over the plane.

import { drawBox } from "../../kit/js/canvas.js";
import { h, fillIn, onKeys } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { heatmap, maxAbs, hidpiContext } from "../../kit/js/heatmap.js";

const MAP = 36;
const PITCH = MAP + 3;
/** Rows of maps of a wide layer; a layer with few units has one map in each row. */
const MAX_ROWS = 8;
const MAX_SINGLE_COLUMN = 4;

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, open: (layer: number, unit: number) => void}} options
 */
export function unitMaps({ messages, signal, open }) {
  const element = h("div", { class: "boundary-layers", tabindex: "-1" });
  let columns = [];

  function show(layers) {
    const same = columns.length === layers.length && layers.every((layer, n) => layer.name === columns[n].layer.name && layer.drawn === columns[n].layer.drawn);
    if (same) {
      columns.forEach((column, n) => {
        column.layer = layers[n];
        column.max = maxAbs(layers[n].values);
      });
      return;
    }
    columns = layers.map(makeColumn);
    element.replaceChildren(...columns.map((column) => column.element));
  }

  function makeColumn(layer, n) {
    const canvas = h("canvas");
    const button = h("button", { type: "button", class: "boundary-layer-maps" }, canvas);
    const footer = h("div", { class: "boundary-layer-footer" });
    const header = h("div", { class: "boundary-layer-name" }, h("b", { title: layer.name }, layer.name), h("span", { title: layer.description }, layer.kind === "input" ? messages.input : layer.kind));
    const perRow = layer.drawn <= MAX_SINGLE_COLUMN ? 1 : Math.max(2, Math.ceil(layer.drawn / MAX_ROWS));
    const column = { layer, n, canvas, button, footer, perRow, focused: 0, max: maxAbs(layer.values), element: h("div", { class: "boundary-layer" }, header, button, footer) };
    column.element.style.setProperty("--per-row", String(perRow));
    button.addEventListener("click", (event) => {
      const box = canvas.getBoundingClientRect();
      // Enter clicks the button without a position: then the unit that arrow keys have focused is opened.
      if (event.detail) {
        const [x, y] = [event.clientX - box.left, event.clientY - box.top].map((value) => Math.floor(value / PITCH));
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
  function showFocus({ layer, focused, button, perRow }) {
    button.setAttribute("aria-label", fillIn(messages.unit, { name: layer.name, unit: focused, count: layer.units }));
    button.style.setProperty("--x", `${(focused % perRow) * PITCH}px`);
    button.style.setProperty("--y", `${Math.floor(focused / perRow) * PITCH}px`);
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

  /** @param {{opened: number[], side: number, colors: any}} state side: values along a side of each map */
  function draw({ opened, side, colors }) {
    for (const { layer, n, canvas, footer, perRow, max } of columns) {
      const rows = Math.ceil(layer.drawn / perRow);
      const gap = PITCH - MAP;
      const context = hidpiContext(canvas, Math.min(perRow, layer.drawn) * PITCH - gap, Math.max(1, rows) * PITCH - gap);
      for (let unit = 0; unit < layer.drawn; unit += 1) {
        const [x, y] = [(unit % perRow) * PITCH, Math.floor(unit / perRow) * PITCH];
        context.drawImage(heatmap(layer.values, unit * side * side, side, side, max, colors), x, y, MAP, MAP);
        drawFrame(context, x, y, opened[0] === n && opened[1] === unit, colors);
      }
      footer.replaceChildren(h("span", {}, fillIn(layer.units === 1 ? messages.units_one : messages.units, { count: layer.units })), h("span", {}, `± ${format(max, 3)}`));
    }
  }
  function drawFrame(context, x, y, isOpened, colors) {
    const width = isOpened ? 3 : 1;
    drawBox(context, [x + width / 2, y + width / 2, MAP - width, MAP - width], isOpened ? colors.select : colors.line, width);
    // A ring of paper separates the frame from a map of the same color.
    if (isOpened) drawBox(context, [x + 3.75, y + 3.75, MAP - 7.5, MAP - 7.5], colors.paper, 1.5);
  }
  return { element, show, draw };
}
