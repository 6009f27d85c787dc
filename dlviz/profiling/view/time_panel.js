// A panel of the timeline: labels to the left, and to the right a canvas that stays in sight while the panel scrolls.

import { h } from "../../kit/js/dom.js";
import { hidpiContext } from "../../kit/js/heatmap.js";

/** @param {{kind: string, label: string, focusable?: boolean}} options kind: a class name; label: what a screen reader says of the canvas */
export function timePanel({ kind, label, focusable = false }) {
  const labels = h("div", { class: "pro-labels" });
  const canvas = h("canvas", { class: "pro-canvas", tabindex: focusable ? 0 : null, role: "img", "aria-label": label });
  const element = h("div", { class: `pro-panel ${kind}` }, labels, canvas);
  let context = null;
  let width = 0;
  let height = 0;

  return {
    element, labels, canvas,
    get context() { return context; },
    get width() { return width; },
    get height() { return height; },
    /** @param {Node[]} nodes labels @param {number} pixels height */
    show(nodes, pixels) {
      labels.replaceChildren(...nodes);
      height = pixels;
      element.style.maxHeight = `${height}px`;
      width = 0;
    },
    /** Fit the canvas to the panel. @param {number} left width of the labels */
    resize(left) {
      const next = Math.max(40, element.clientWidth - left);
      if (next === width) return;
      width = next;
      context = hidpiContext(canvas, width, height);
    },
  };
}
