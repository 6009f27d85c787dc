// SmoothGrad: the gradient at the marked place in every noisy copy of the input, as dots around their mean.

import { chart } from "../../kit/js/chart.js";
import { fillIn, h } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { ticks } from "../../kit/js/scale.js";

/** @param {{messages: Record<string, string>}} options */
export function samplesPanel({ messages }) {
  const plot = chart({ width: 340, height: 90, margin: { left: 12, right: 12, top: 8, bottom: 32 }, className: "attr-plot" });
  const caption = h("p", { class: "dlviz-soft" });
  const element = h("div", { hidden: "" }, caption, plot.element);

  /** @param {{details: any, width: number}} now */
  function draw({ details: { samples, value }, width }) {
    caption.textContent = fillIn(messages["samples.how"], { count: samples.length });
    plot.resize(Math.max(200, Math.min(380, width)), 90);
    const finite = [...samples, value].filter(Number.isFinite);
    const [low, high] = [Math.min(...finite, 0), Math.max(...finite, 0)];
    const ends = /** @type {[number, number]} */ (high > low ? [low, high] : [low, low + 1]);
    plot.draw({
      label: caption.textContent,
      x: { domain: ends, ticks: ticks(...ends, 5).map((at) => [at, format(at, 2)]), title: messages["samples.axis"] },
      y: { domain: [0, 1] },
      content: () => [plot.vertical(0, "dlviz-chart-grid"), ...samples.filter(Number.isFinite).map((at, k) => plot.dot(at, 0.2 + (0.6 * ((k * 7) % 11)) / 10, "attr-sample", 3.5)), ...(Number.isFinite(value) ? [plot.vertical(value, "attr-mean")] : [])],
    });
  }
  return { element, draw };
}
