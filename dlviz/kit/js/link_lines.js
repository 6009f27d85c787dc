// Curves over a picture from one element down to another.

import { s } from "./dom.js";

/**
 * @param {HTMLElement} layer positioned element in which the curves are drawn
 * @returns {{element: SVGSVGElement, show: (pairs: {from: Element, to: Element, within: Element, dashed?: boolean}[]) => void}}
 *   show: draws a curve for each pair, unless its end is scrolled out of the element `within`
 */
export function linkLines(layer) {
  const element = s("svg", { class: "dlviz-links", "aria-hidden": "true" });
  function show(pairs) {
    // All measuring comes first: reading after writing costs a layout.
    const origin = layer.getBoundingClientRect();
    const curves = pairs.map(({ from, to, within, dashed }) => {
      const [a, b, visible] = [from, to, within].map((node) => node.getBoundingClientRect());
      if (b.left < visible.left - 1 || b.right > visible.right + 1) return null;
      const [x1, y1, x2, y2] = [a.left + a.width / 2 - origin.left, a.bottom - origin.top, b.left + b.width / 2 - origin.left, b.top - origin.top];
      const middle = (y1 + y2) / 2;
      return s("path", { d: `M${x1},${y1}C${x1},${middle} ${x2},${middle} ${x2},${y2}`, "data-dashed": dashed ? "" : null });
    });
    element.replaceChildren(...curves.filter(Boolean));
  }
  return { element, show };
}
