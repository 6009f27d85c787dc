// A matrix as a heat map with a selected row and column: pointer and arrow keys read its numbers, a click selects.

import { h, arrowDirection, onKeys } from "../../kit/js/dom.js";
import { drawBox, drawLine, drawTicks } from "../../kit/js/canvas.js";
import { heatmap, hidpiContext, maxAbs, themeColors } from "../../kit/js/heatmap.js";
import { placeReadout } from "../../kit/js/readout.js";

const LEFT = 34;
const TOP = 18;
const BOTTOM = 34;
const RIGHT = 8;

/**
 * @param {{signal: AbortSignal, read: (row: number, column: number) => string, pick: (row: number, column: number) => void}} options
 *   read: text of an element; pick: called when one is selected
 */
export function heatPanel({ signal, read, pick }) {
  const canvas = h("canvas");
  const readout = h("output", { class: "dlviz-readout", hidden: "" });
  const button = h("button", { type: "button", class: "pos-heat" }, canvas);
  const element = h("div", { class: "pos-heat-panel" }, button, readout);
  /** @type {any} */
  let data = null;
  let picture = null;
  let selected = [0, 0];

  const cell = () => [(data.width - LEFT - RIGHT) / data.columns, (data.height - TOP - BOTTOM) / data.rows];
  const within = (value, count) => Math.max(0, Math.min(count - 1, value));

  function at(event) {
    const box = canvas.getBoundingClientRect();
    const [width, height] = cell();
    return [within(Math.floor((event.clientY - box.top - TOP) / height), data.rows), within(Math.floor((event.clientX - box.left - LEFT) / width), data.columns)];
  }
  button.addEventListener("pointermove", (event) => {
    const [row, column] = at(event);
    readout.textContent = read(row, column);
    readout.hidden = false;
    const box = element.getBoundingClientRect();
    placeReadout(readout, [event.clientX - box.left, event.clientY - box.top]);
  }, { signal });
  button.addEventListener("pointerleave", () => { readout.hidden = true; }, { signal });
  button.addEventListener("click", (event) => {
    const [row, column] = at(event);
    // A key's click has no place of its own.
    if (event.detail) pick(row, column);
  }, { signal });
  onKeys(button, signal, (event) => {
    const direction = arrowDirection(event);
    if (!direction) return false;
    pick(within(selected[0] + direction[1], data.rows), within(selected[1] + direction[0], data.columns));
    return true;
  });

  return {
    element,
    /**
     * Draw a matrix.
     * @param {{values: Float32Array, rows: number, columns: number, width: number, height: number, up: string, across: string, label: string, max?: number, isBlank?: (row: number, column: number) => boolean}} next max: the value with the strongest color; isBlank: elements without a number
     */
    show(next) {
      data = next;
      button.setAttribute("aria-label", data.label);
      const colors = themeColors(element);
      readout.hidden = true;
      picture = heatmap(data.values, 0, data.rows, data.columns, data.max ?? maxAbs(data.values), colors);
      if (!data.isBlank) return;
      const context = picture.getContext("2d");
      context.fillStyle = colors["line-2"];
      for (let row = 0; row < data.rows; row += 1) for (let column = 0; column < data.columns; column += 1) if (data.isBlank(row, column)) context.fillRect(column, row, 1, 1);
    },
    /** @param {number} row @param {number} column @param {number[]} [pair] columns that belong together @param {number} [diagonal] distance of the line of elements at one distance */
    select(row, column, pair = [column], diagonal = NaN) {
      selected = [row, column];
      const colors = themeColors(element);
      const context = hidpiContext(canvas, data.width, data.height);
      const [width, height] = cell();
      const [right, bottom] = [LEFT + width * data.columns, TOP + height * data.rows];
      context.drawImage(picture, LEFT, TOP, right - LEFT, bottom - TOP);
      drawBox(context, [LEFT - 0.5, TOP - 0.5, right - LEFT + 1, bottom - TOP + 1], colors.line);
      const x = { low: 0, high: data.columns - 1, pixel: (value) => LEFT + (value + 0.5) * width, count: Math.min(data.columns - 1, data.width / 60) };
      const y = { low: 0, high: data.rows - 1, pixel: (value) => TOP + (value + 0.5) * height, count: Math.min(data.rows - 1, data.height / 45) };
      const style = { font: `11px ${colors.mono}`, color: colors["ink-3"] };
      if (data.columns > 1 && data.rows > 1) drawTicks(context, { left: LEFT, top: TOP, height: bottom - TOP }, x, y, style);
      Object.assign(context, { font: `11px ${colors.font}`, fillStyle: colors["ink-2"], textBaseline: "alphabetic", textAlign: "left" });
      context.fillText(`↓ ${data.up}`, 2, 11);
      context.textAlign = "center";
      context.fillText(data.across, (LEFT + right) / 2, data.height - 4);
      if (Number.isFinite(diagonal)) {
        const first = Math.max(0, -diagonal);
        const last = Math.min(data.rows - 1, data.columns - 1 - diagonal);
        drawLine(context, [[x.pixel(first + diagonal), y.pixel(first)], [x.pixel(last + diagonal), y.pixel(last)]], colors.select, 1, [4, 3]);
      }
      drawBox(context, [LEFT, TOP + row * height, right - LEFT, Math.max(2, height)], colors.select);
      for (const one of pair) drawBox(context, [LEFT + one * width, TOP, Math.max(2, width), bottom - TOP], colors.select);
      drawBox(context, [LEFT + column * width, TOP + row * height, Math.max(4, width), Math.max(4, height)], colors.select, 2);
    },
  };
}
