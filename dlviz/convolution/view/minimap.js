// Minimap of the whole input in gray, with a frame around the drawn part. With a kernel the frame can be moved.

import { h } from "../../kit/js/dom.js";
import { typedArray } from "../../kit/js/typed_arrays.js";

const MAX_WIDTH = 240;
const MAX_HEIGHT = 160;
/** Step of an arrow key as a fraction of the frame. */
const KEY_STEP = 0.25;
const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/** @param {{model: any, messages: Record<string, string>, signal: AbortSignal, save: (trait: string, value: any) => void}} options */
export function minimapView({ model, messages, signal, save }) {
  const canvas = h("canvas", { role: "img", "aria-label": messages["minimap.label"] });
  const frame = h("div", { class: "conv-minimap-frame" });
  const element = h("div", { class: "conv-minimap", hidden: "" }, canvas, frame);
  let painted = null;
  let block = null;

  function show(scene) {
    const map = scene.minimap;
    element.hidden = !map;
    if (!map) return;
    block = scene.output.block;
    const live = model.get("live");
    for (const [name, value] of [["tabindex", "0"], ["role", "application"], ["aria-label", messages["minimap.move"]]]) live ? element.setAttribute(name, value) : element.removeAttribute(name);
    if (painted !== map.values) paint(map);
    painted = map.values;
    place(block.start.slice(1));
  }
  function paint({ values, rows, columns }) {
    const gray = typedArray(values, "uint8");
    const image = new ImageData(columns, rows);
    for (let p = 0; p < gray.length; p += 1) image.data.set([gray[p], gray[p], gray[p], 255], 4 * p);
    canvas.width = columns;
    canvas.height = rows;
    canvas.getContext("2d").putImageData(image, 0, 0);
    const scale = Math.min(MAX_WIDTH / columns, MAX_HEIGHT / rows);
    element.style.width = `${Math.round(columns * scale)}px`;
    element.style.height = `${Math.max(20, Math.round(rows * scale))}px`;
  }
  function place(start) {
    const [top, left] = start.length > 1 ? [0, 1] : [-1, 0];
    const percent = (d, part) => (d < 0 ? 0 : (100 * part[d]) / block.shape[d + 1]);
    const [height, width] = [top, left].map((d) => (d < 0 ? 100 : (100 * block.size[d + 1]) / block.shape[d + 1]));
    Object.assign(frame.style, { top: `${percent(top, start)}%`, left: `${percent(left, start)}%`, height: `${height}%`, width: `${width}%` });
  }
  /** @param {number[]} start position of the frame along each spatial dimension */
  function moveFrame(start) {
    const origin = start.map((at, d) => Math.max(0, Math.min(Math.round(at), block.shape[d + 1] - block.size[d + 1])));
    place(origin);
    if (origin.join() !== model.get("origin").join()) save("origin", origin);
  }
  function moveToPointer(event) {
    if (!model.get("live") || event.buttons !== 1) return;
    const area = element.getBoundingClientRect();
    const shares = [(event.clientY - area.top) / area.height, (event.clientX - area.left) / area.width].slice(1 - block.shape.length);
    moveFrame(shares.map((share, d) => share * block.shape[d + 1] - block.size[d + 1] / 2));
  }
  element.addEventListener("pointerdown", (event) => {
    if (model.get("live")) element.setPointerCapture(event.pointerId);
    moveToPointer(event);
  }, { signal });
  element.addEventListener("pointermove", moveToPointer, { signal });
  element.addEventListener("keydown", (event) => {
    const by = ARROWS[event.key]?.slice(1 - block.shape.length);
    if (!by || !model.get("live")) return;
    event.preventDefault();
    const from = model.get("origin").length ? model.get("origin") : block.start.slice(1);
    moveFrame(from.map((at, d) => at + by[d] * Math.ceil(KEY_STEP * block.size[d + 1])));
  }, { signal });
  return { element, show };
}
