// A pad on which the user draws an example, and what the encoder and the decoder make of it.

import { drawBox } from "../../kit/js/canvas.js";
import { arrowDirection, fillIn, h, onKeys } from "../../kit/js/dom.js";
import { hidpiContext } from "../../kit/js/heatmap.js";
import { format } from "../../kit/js/numbers.js";
import { pointerPixel } from "../../kit/js/plane_axes.js";
import { drawExample, exampleCanvas } from "./draw_example.js";

const SIZE = 124;
/** Radius of the brush as a share of the pad's width; it is at least this many cells. */
const BRUSH = 0.055;
const MIN_BRUSH = 0.75;

/** @param {{messages: Record<string, string>, signal: AbortSignal, redraw: () => void, paint: (values: number[]) => void, example: () => Float32Array | null}} options paint: called with all numbers after a change; example: input of the selected example */
export function drawingPad({ messages, signal, redraw, paint, example }) {
  const canvas = h("canvas");
  const pad = h("button", { type: "button", class: "lat-pad", "aria-label": messages.pad }, canvas);
  const clear = h("button", { type: "button", class: "dlviz-outlined small" }, messages.clear);
  const copy = h("button", { type: "button", class: "dlviz-outlined small" }, messages.copy_example);
  const output = exampleCanvas();
  const difference = exampleCanvas();
  const words = h("p", { class: "lat-error" });
  const figure = (one, key) => h("figure", {}, one.element, h("figcaption", {}, messages[key]));
  const element = h("div", { class: "dlviz-panel" }, h("div", { class: "lat-figures" }, h("figure", {}, pad, h("figcaption", { class: "lat-pad-buttons" }, clear, copy)), figure(output, "output"), figure(difference, "difference"), h("div", { class: "lat-words" }, h("p", { class: "dlviz-soft" }, messages.pad_how), words)));
  let picture = null;
  let values = new Float32Array(0);
  let cursor = [0, 0];
  let before = null;

  function show(next) {
    const size = next.shape[1] * next.shape[2];
    picture = next;
    if (values.length === size) return;
    values = new Float32Array(size).fill(next.low[0]);
    cursor = [Math.floor(next.shape[2] / 2), Math.floor(next.shape[1] / 2)];
  }
  function changed() {
    paint(Array.from(values));
    redraw();
  }
  function fill(next) {
    values = Float32Array.from(next);
    changed();
  }
  /** Paint a disc with a soft edge; places are in cells. */
  function dab([x, y]) {
    const [, rows, columns] = picture.shape;
    const radius = Math.max(MIN_BRUSH, BRUSH * columns);
    const [low, high] = [picture.low[0], picture.high[0]];
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        const share = Math.max(0, Math.min(1, radius + 0.5 - Math.hypot(column + 0.5 - x, row + 0.5 - y)));
        const p = row * columns + column;
        values[p] = Math.max(values[p], low + share * (high - low));
      }
    }
  }
  function stroke(event) {
    const [x, y] = pointerPixel(canvas, event);
    const scale = picture.shape[2] / canvas.clientWidth;
    const at = [x * scale, y * scale];
    const from = before ?? at;
    const steps = Math.max(1, Math.ceil(2 * Math.hypot(at[0] - from[0], at[1] - from[1])));
    for (let k = 1; k <= steps; k += 1) dab([from[0] + ((at[0] - from[0]) * k) / steps, from[1] + ((at[1] - from[1]) * k) / steps]);
    before = at;
    changed();
  }
  pad.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    pad.setPointerCapture(event.pointerId);
    before = null;
    stroke(event);
  }, { signal });
  pad.addEventListener("pointermove", (event) => {
    if (event.buttons & 1 && before) stroke(event);
  }, { signal });
  for (const end of ["pointerup", "pointercancel"]) pad.addEventListener(end, () => { before = null; }, { signal });
  for (const name of ["focus", "blur"]) pad.addEventListener(name, redraw, { signal });
  onKeys(pad, signal, (event) => {
    const direction = arrowDirection(event);
    const [, rows, columns] = picture.shape;
    if (!direction && event.key !== " " && event.key !== "Enter") return false;
    if (direction) {
      cursor = [Math.max(0, Math.min(columns - 1, cursor[0] + direction[0])), Math.max(0, Math.min(rows - 1, cursor[1] + direction[1]))];
      redraw();
      return true;
    }
    const p = cursor[1] * columns + cursor[0];
    values[p] = values[p] > (picture.low[0] + picture.high[0]) / 2 ? picture.low[0] : picture.high[0];
    changed();
    return true;
  });
  clear.addEventListener("click", () => fill(new Float32Array(values.length).fill(picture.low[0])), { signal });
  copy.addEventListener("click", () => {
    const found = example();
    if (found) fill(found);
  }, { signal });

  /** @param {{drawing: any, colors: Record<string, string>}} now */
  function draw({ drawing, colors }) {
    const [, rows, columns] = picture.shape;
    const size = [SIZE, (SIZE * rows) / columns];
    const context = hidpiContext(canvas, size[0], size[1]);
    drawExample(context, [0, 0, ...size], values, picture, colors);
    const cell = SIZE / columns;
    if (pad.matches(":focus-visible")) drawBox(context, [cursor[0] * cell + 1, cursor[1] * cell + 1, cell - 2, cell - 2], colors.select, 2);
    output.draw(drawing?.output ?? null, picture, colors, size, messages.output);
    difference.draw(drawing?.difference ?? null, picture, colors, size, messages.difference, { isError: true });
    words.textContent = drawing?.output ? fillIn(messages.drawn, { code: drawing.code, error: format(drawing.error, 3) }) : "";
  }
  return { element, show, draw };
}
