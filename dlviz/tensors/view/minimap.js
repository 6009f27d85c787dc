// Minimap of the last two dimensions of a large tensor, with the window that the grid shows; dragging moves the window.

import { h } from "../../kit/js/dom.js";
import { typedArray } from "../../kit/js/typed_arrays.js";

const MAX_WIDTH = 240;
const MAX_HEIGHT = 160;

/**
 * @param {{root: HTMLElement, messages: Record<string, string>, signal: AbortSignal, go: (row: number, column: number) => void}} options
 */
export function minimapView({ root, messages, signal, go }) {
  const canvas = h("canvas", { role: "img", "aria-label": messages["minimap.label"] });
  const box = h("div", { class: "tensor-minimap-window" });
  const element = h("div", { class: "tensor-minimap" }, canvas, box);
  let map = null;
  /** @type {any} */
  let values = [];
  let shape = [1, 1];

  /** @param {any} next what dlviz.tensors.statistics.minimap returned @param {number[]} fullShape rows and columns of the tensor */
  function show(next, fullShape) {
    map = next;
    element.hidden = !map;
    if (!map) return;
    values = typedArray(map.values, map.kind === "bool" ? "uint8" : map.kind);
    shape = fullShape;
    canvas.width = map.columns;
    canvas.height = map.rows;
    const scale = Math.min(MAX_WIDTH / map.columns, MAX_HEIGHT / map.rows);
    element.style.width = `${Math.max(24, Math.round(map.columns * scale))}px`;
    element.style.height = `${Math.max(8, Math.round(map.rows * scale))}px`;
    paint();
  }

  function paint() {
    if (!map) return;
    const context = canvas.getContext("2d");
    const theme = getComputedStyle(root);
    const [positive, negative, bad] = ["--pos", "--neg", "--bad"].map((token) => theme.getPropertyValue(token));
    const max = values.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0) || 1;
    context.clearRect(0, 0, map.columns, map.rows);
    values.forEach((value, p) => {
      context.globalAlpha = Number.isFinite(value) ? Math.abs(value) / max : 1;
      context.fillStyle = !Number.isFinite(value) ? bad : value > 0 ? positive : negative;
      context.fillRect(p % map.columns, Math.floor(p / map.columns), 1, 1);
    });
  }

  /** @param {{first: number, count: number}} rows @param {{first: number, count: number}} columns */
  function place(rows, columns) {
    const percent = (part, whole) => `${(100 * part) / Math.max(1, whole)}%`;
    box.style.top = percent(rows.first, shape[0]);
    box.style.height = percent(rows.count, shape[0]);
    box.style.left = percent(columns.first, shape[1]);
    box.style.width = percent(columns.count, shape[1]);
  }

  function drag(event) {
    if (event.buttons !== 1) return;
    const area = element.getBoundingClientRect();
    // The window is centered at the pointer.
    const start = (share, size) => Math.max(0, Math.floor(share * size) - 8);
    go(start((event.clientY - area.top) / area.height, shape[0]), start((event.clientX - area.left) / area.width, shape[1]));
    event.preventDefault();
  }
  element.addEventListener("pointerdown", (event) => {
    element.setPointerCapture(event.pointerId);
    drag(event);
  }, { signal });
  element.addEventListener("pointermove", drag, { signal });
  const observer = new MutationObserver(paint);
  observer.observe(root, { attributes: true, attributeFilter: ["data-theme"] });
  signal.addEventListener("abort", () => observer.disconnect());
  return { element, show, place };
}
