// The whole input in gray, small, with a frame around what is drawn of it; where a kernel answers, the frame can be moved.

import { h } from "../../kit/js/dom.js";
import { typedArray } from "../../kit/js/typed_arrays.js";

/** Pixels across and down at most, and how far an arrow key goes, as a share of the frame. */
const WIDE = 240;
const HIGH = 160;
const STRIDE = 0.25;
const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/** @param {{model: any, messages: Record<string, string>, signal: AbortSignal, save: (trait: string, value: any) => void}} options */
export function overview({ model, messages, signal, save }) {
  const canvas = h("canvas", { role: "img", "aria-label": messages["overview.label"] });
  const box = h("div", { class: "slide-frame" });
  const element = h("div", { class: "slide-overview", hidden: "" }, canvas, box);
  let drawn = null;
  let block = null;

  function show(scene) {
    const map = scene.overview;
    element.hidden = !map;
    if (!map) return;
    block = scene.output.block;
    const live = model.get("live");
    for (const [name, value] of [["tabindex", "0"], ["role", "application"], ["aria-label", messages["overview.move"]]]) live ? element.setAttribute(name, value) : element.removeAttribute(name);
    if (drawn !== map.values) paint(map);
    drawn = map.values;
    place(block.start.slice(1));
  }
  function paint({ values, rows, columns }) {
    const gray = typedArray(values, "uint8");
    const image = new ImageData(columns, rows);
    for (let p = 0; p < gray.length; p += 1) image.data.set([gray[p], gray[p], gray[p], 255], 4 * p);
    canvas.width = columns;
    canvas.height = rows;
    canvas.getContext("2d").putImageData(image, 0, 0);
    const scale = Math.min(WIDE / columns, HIGH / rows);
    element.style.width = `${Math.round(columns * scale)}px`;
    element.style.height = `${Math.max(20, Math.round(rows * scale))}px`;
  }
  function place(start) {
    const [top, left] = start.length > 1 ? [0, 1] : [-1, 0];
    const share = (d, part) => (d < 0 ? 0 : (100 * part[d]) / block.shape[d + 1]);
    const [high, wide] = [top, left].map((d) => (d < 0 ? 100 : (100 * block.size[d + 1]) / block.shape[d + 1]));
    Object.assign(box.style, { top: `${share(top, start)}%`, left: `${share(left, start)}%`, height: `${high}%`, width: `${wide}%` });
  }
  /** @param {number[]} start where the frame is to begin, along each dimension */
  function go(start) {
    const origin = start.map((at, d) => Math.max(0, Math.min(Math.round(at), block.shape[d + 1] - block.size[d + 1])));
    place(origin);
    if (origin.join() !== model.get("origin").join()) save("origin", origin);
  }
  function point(event) {
    if (!model.get("live") || event.buttons !== 1) return;
    const area = element.getBoundingClientRect();
    const shares = [(event.clientY - area.top) / area.height, (event.clientX - area.left) / area.width].slice(1 - block.shape.length);
    go(shares.map((share, d) => share * block.shape[d + 1] - block.size[d + 1] / 2));
  }
  element.addEventListener("pointerdown", (event) => {
    if (model.get("live")) element.setPointerCapture(event.pointerId);
    point(event);
  }, { signal });
  element.addEventListener("pointermove", point, { signal });
  element.addEventListener("keydown", (event) => {
    const by = ARROWS[event.key]?.slice(1 - block.shape.length);
    if (!by || !model.get("live")) return;
    event.preventDefault();
    const from = model.get("origin").length ? model.get("origin") : block.start.slice(1);
    go(from.map((at, d) => at + by[d] * Math.ceil(STRIDE * block.size[d + 1])));
  }, { signal });
  return { element, show };
}
