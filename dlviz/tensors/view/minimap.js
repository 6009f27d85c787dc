// A coarse map of a large tensor's last two dimensions, with the window that the grid shows; drag it to look elsewhere.

import { h } from "../../kit/js/dom.js";
import { typedArray } from "../../kit/js/typed_arrays.js";

const WIDE = 240;

/**
 * @param {{root: HTMLElement, messages: Record<string, string>, signal: AbortSignal, go: (row: number, column: number) => void}} options
 */
export function overview({ root, messages, signal, go }) {
  const canvas = h("canvas", { role: "img", "aria-label": messages["overview.label"] });
  const box = h("div", { class: "tensor-window" });
  const element = h("div", { class: "tensor-overview" }, canvas, box);
  let map = null;
  let values = [];
  let full = [1, 1];

  function show(next, shape) {
    map = next;
    element.hidden = !map;
    if (!map) return;
    values = typedArray(map.values, map.kind === "bool" ? "uint8" : map.kind);
    full = shape;
    canvas.width = map.columns;
    canvas.height = map.rows;
    const scale = Math.min(WIDE / map.columns, 160 / map.rows);
    element.style.width = `${Math.max(24, Math.round(map.columns * scale))}px`;
    element.style.height = `${Math.max(8, Math.round(map.rows * scale))}px`;
    paint();
  }

  function paint() {
    if (!map) return;
    const pen = canvas.getContext("2d");
    const tokens = getComputedStyle(root);
    const color = { true: tokens.getPropertyValue("--pos"), false: tokens.getPropertyValue("--neg") };
    const most = values.reduce((max, value) => (Number.isFinite(value) ? Math.max(max, Math.abs(value)) : max), 0) || 1;
    pen.clearRect(0, 0, map.columns, map.rows);
    for (let p = 0; p < values.length; p += 1) {
      const value = values[p];
      pen.globalAlpha = Number.isFinite(value) ? Math.abs(value) / most : 1;
      pen.fillStyle = Number.isFinite(value) ? color[value > 0] : tokens.getPropertyValue("--bad");
      pen.fillRect(p % map.columns, Math.floor(p / map.columns), 1, 1);
    }
  }

  /** @param {{first: number, count: number}} rows @param {{first: number, count: number}} columns */
  function place(rows, columns) {
    const percent = (part, of) => `${(100 * part) / Math.max(1, of)}%`;
    box.style.top = percent(rows.first, full[0]);
    box.style.height = percent(rows.count, full[0]);
    box.style.left = percent(columns.first, full[1]);
    box.style.width = percent(columns.count, full[1]);
  }

  function drag(event) {
    if (event.buttons !== 1) return;
    const area = element.getBoundingClientRect();
    const at = (part, of) => Math.max(0, Math.floor(part * of) - 8);
    go(at((event.clientY - area.top) / area.height, full[0]), at((event.clientX - area.left) / area.width, full[1]));
    event.preventDefault();
  }
  element.addEventListener("pointerdown", (event) => {
    element.setPointerCapture(event.pointerId);
    drag(event);
  }, { signal });
  element.addEventListener("pointermove", drag, { signal });
  const watcher = new MutationObserver(paint);
  watcher.observe(root, { attributes: true, attributeFilter: ["data-theme"] });
  signal.addEventListener("abort", () => watcher.disconnect());
  return { element, show, place };
}
