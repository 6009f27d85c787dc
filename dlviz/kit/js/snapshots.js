// A number at every snapshot as a small curve, with the current snapshot marked; a click goes to another one.

import { h } from "./dom.js";
import { format } from "./numbers.js";
import { chart } from "./chart.js";

/**
 * @param {{title: string, across?: string, className?: string, width: number, height: number, left?: number, signal: AbortSignal, go: (step: number) => void}} options across: title of the x axis
 */
export function snapshotCurve({ title, across = "", className = "", width, height, left = 42, signal, go }) {
  const plot = chart({ width, height, margin: { left, right: 9, top: 8, bottom: across ? 20 : 11 }, className: `dlviz-snapshots ${className}` });
  const caption = h("output", { class: "dlviz-snapshot" });
  const element = h("div", { hidden: "" }, h("div", { class: "dlviz-chart-title" }, h("b", {}, title)), plot.element, caption);
  let values = [];

  /** @param {ArrayLike<number>} next a value for each snapshot @param {string} label text alternative @param {(value: number) => string} text */
  function show(next, label, text = (value) => format(value, 3)) {
    values = Array.from(next);
    const finite = values.filter(Number.isFinite);
    element.hidden = values.length < 2 || !finite.length;
    const most = Math.max(...finite, 1e-12);
    plot.draw({
      label,
      x: { domain: [0, Math.max(1, values.length - 1)], title: across },
      y: { domain: [0, most], ticks: [[0, "0"], [most, text(most)]] },
      content: () => [plot.line(values, "dlviz-snapshots-line")],
    });
  }
  /** Mark a snapshot. @param {number} step @param {string} text what the caption says of it */
  function mark(step, text) {
    plot.cursor(...(Number.isFinite(values[step]) ? [plot.dot(step, values[step], "dlviz-chart-current")] : []));
    caption.textContent = text;
  }
  plot.element.addEventListener("click", (event) => go(Math.round(Math.min(values.length - 1, plot.valueAt(event)))), { signal });
  return { element, show, mark };
}
