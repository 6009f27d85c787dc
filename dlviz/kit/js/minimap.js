// Minimap: a small picture of a large tensor with a frame around the part that is shown. Dragging moves the frame.

import { h } from "./dom.js";

/**
 * @param {{label: string, signal: AbortSignal, moveTo: (y: number, x: number) => void, minHeight?: number, maxWidth?: number, maxHeight?: number}} options
 *   moveTo: called while dragging with the pointer's position as fractions of the minimap
 */
export function minimap({ label, signal, moveTo, minHeight = 8, maxWidth = 240, maxHeight = 160 }) {
  const canvas = h("canvas", { role: "img", "aria-label": label });
  const frame = h("div", { class: "dlviz-minimap-frame" });
  const element = h("div", { class: "dlviz-minimap", hidden: "" }, canvas, frame);

  /** @param {HTMLCanvasElement} picture one pixel for each number */
  function paint(picture) {
    Object.assign(canvas, { width: picture.width, height: picture.height });
    canvas.getContext("2d").drawImage(picture, 0, 0);
    const scale = Math.min(maxWidth / picture.width, maxHeight / picture.height);
    element.style.width = `${Math.max(24, Math.round(picture.width * scale))}px`;
    element.style.height = `${Math.max(minHeight, Math.round(picture.height * scale))}px`;
  }
  /** Place the frame; a side is its first position, its length and the length of the whole. @param {number[]} rows @param {number[]} columns */
  function place(rows, columns) {
    const percent = (part, whole) => `${(100 * part) / Math.max(1, whole)}%`;
    const [top, height] = [percent(rows[0], rows[2]), percent(rows[1], rows[2])];
    const [left, width] = [percent(columns[0], columns[2]), percent(columns[1], columns[2])];
    Object.assign(frame.style, { top, height, left, width });
  }
  function drag(event) {
    if (event.buttons !== 1) return;
    const box = element.getBoundingClientRect();
    moveTo((event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width);
  }
  element.addEventListener("pointerdown", (event) => {
    element.setPointerCapture(event.pointerId);
    drag(event);
  }, { signal });
  element.addEventListener("pointermove", drag, { signal });
  return { element, paint, place };
}
