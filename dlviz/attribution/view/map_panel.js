// The open map, large: the pointer reads its numbers, a click marks a pixel, the arrow keys move the mark.

import { drawBox } from "../../kit/js/canvas.js";
import { arrowDirection, fillIn, h, onKeys } from "../../kit/js/dom.js";
import { hidpiContext } from "../../kit/js/heatmap.js";
import { format } from "../../kit/js/numbers.js";
import { pointerPixel } from "../../kit/js/plane_axes.js";
import { placeReadout } from "../../kit/js/readout.js";
import { drawOver, fitted, inputPicture, mapPicture } from "./map_canvas.js";

export const SIDE = 250;

/** @param {{messages: Record<string, string>, signal: AbortSignal, pin: (place: number[]) => void}} options pin: called with row and column of a pixel of the image */
export function mapPanel({ messages, signal, pin }) {
  const canvas = h("canvas");
  const button = h("button", { type: "button", class: "attr-map" }, canvas);
  const readout = h("output", { class: "dlviz-readout", hidden: "" });
  const legend = h("p", { class: "attr-legend" });
  const element = h("div", { class: "attr-large" }, h("div", { class: "attr-frame" }, button, readout), legend);
  /** @type {any} */
  let now = null;
  let hovered = null;
  let cache = {};
  /** Width and height on the screen. @type {[number, number]} */
  let size = [SIDE, SIDE];

  /**
   * @param {{scene: any, opened: any, method: string, signed: boolean, limit: number, opacity: number, colors: Record<string, string>, place: number[], windows: number[][], side: number, picture: Uint8Array | null}} next
   *   place: row and column of the marked pixel, empty for none; windows: top, left, height and width of occlusion's windows over it; picture: drawn in place of the input
   */
  function draw(next) {
    now = next;
    const { scene, opened, method, signed, limit, opacity, colors } = now;
    const [input, shape] = [now.picture ?? opened.input, scene.shape];
    const cells = method === "grad_cam" ? scene.coarse : shape;
    const values = signed ? opened.maps[method] : opened.strengths[method] ?? opened.maps[method].map(Math.abs);
    now.cells = cells;
    now.values = values;
    const key = `${method} ${signed} ${limit} ${colors.pos}`;
    if (cache.input !== input) cache = { ...cache, input, picture: inputPicture(input, shape) };
    if (cache.key !== key || cache.maps !== opened.maps) cache = { ...cache, key, maps: opened.maps, map: mapPicture(values, cells, limit, colors) };
    size = fitted(shape, now.side);
    const context = hidpiContext(canvas, ...size);
    drawOver(context, size, { input: cache.picture, map: now.picture ? null : cache.map, opacity: now.picture ? 1 : opacity, paper: colors.paper });
    const [rows, columns] = scene.full;
    const [width, height] = [size[0] / columns, size[1] / rows];
    if (now.place.length) {
      for (const [top, left, tall, wide] of now.windows) drawBox(context, [left * width, top * height, wide * width, tall * height], colors.select);
      const [down, across] = method === "grad_cam" ? cells.map((count, d) => scene.full[d] / count) : [1, 1];
      const [row, column] = [Math.floor((now.place[0] + 0.5) / down) * down, Math.floor((now.place[1] + 0.5) / across) * across];
      const grow = Math.max(0, (7 - across * width) / 2);
      mark(context, [column * width - grow, row * height - grow, across * width + 2 * grow, down * height + 2 * grow]);
    }
    const name = messages[`method.${method}`];
    button.setAttribute("aria-label", fillIn(messages.map, { method: name, rows, columns }));
    const ends = { low: format(signed ? -limit : 0, 2), high: format(limit, 2) };
    legend.replaceChildren(h("span", {}, ends.low), h("i", { class: signed ? "attr-scale" : "attr-scale attr-unsigned", role: "img", "aria-label": fillIn(messages.range, ends) }), h("span", {}, ends.high));
    showReadout();
  }
  function mark(context, box) {
    drawBox(context, box, now.colors.paper, 4);
    drawBox(context, box, now.colors.select, 2);
  }
  function pixelAt([x, y]) {
    const inside = (value, count) => Math.max(0, Math.min(count - 1, Math.floor(value)));
    const [rows, columns] = now.scene.full;
    return [inside((y / size[1]) * rows, rows), inside((x / size[0]) * columns, columns)];
  }
  /** The number of the drawn map at a pixel of the image. */
  function valueAt([row, column]) {
    const [rows, columns] = now.cells.map((count, d) => Math.min(count - 1, Math.floor((([row, column][d] + 0.5) * count) / now.scene.full[d])));
    return now.values[rows * now.cells[1] + columns];
  }
  function showReadout() {
    readout.hidden = !hovered;
    if (!hovered) return;
    const [row, column] = hovered;
    readout.textContent = fillIn(messages.read, { row, column, value: format(valueAt(hovered), 3) });
    const { full } = now.scene;
    placeReadout(readout, [((column + 0.5) / full[1]) * size[0], ((row + 0.5) / full[0]) * size[1]]);
  }
  button.addEventListener("pointermove", (event) => {
    hovered = pixelAt(pointerPixel(canvas, event));
    showReadout();
  }, { signal });
  button.addEventListener("pointerleave", () => {
    hovered = null;
    readout.hidden = true;
  }, { signal });
  button.addEventListener("click", (event) => {
    // A click from the keyboard has no place.
    if (event.detail) pin(pixelAt(pointerPixel(canvas, event)));
  }, { signal });
  onKeys(button, signal, (event) => {
    const direction = arrowDirection(event);
    if (!direction) return false;
    const { full, cells, method } = now.scene ? { ...now.scene, ...now } : now;
    const from = now.place.length ? now.place : full.map((count) => count >> 1);
    const steps = full.map((count, d) => (method === "grad_cam" ? count / cells[d] : 1) * (event.shiftKey ? 10 : 1));
    const next = from.map((at, d) => Math.max(0, Math.min(full[d] - 1, Math.round(at + direction[1 - d] * steps[d]))));
    // A second key may be pressed before the next frame.
    now.place = next;
    pin(next);
    return true;
  });
  return { element, draw };
}
