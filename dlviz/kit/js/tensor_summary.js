// A tensor in a side panel: a number, a small grid, or a histogram with statistics.

import { h, s, fillIn } from "./dom.js";
import { typedArray } from "./typed_arrays.js";
import { format, number, shape, diverging } from "./numbers.js";

/**
 * @param {any} about what dlviz.autograd.tensor_summary.summarize returned, or null
 * @param {Record<string, string>} messages
 * @returns {HTMLElement}
 */
export function tensorView(about, messages) {
  if (!about) return h("span", {}, "—");
  if (about.numbers) return grid(about, typedArray(about.numbers, "float64"));
  const box = h("div", {}, h("div", { class: "dlviz-stats" }, caption(about)));
  if (about.histogram) box.append(histogram(about.histogram, messages), statistics(about, messages));
  return box;
}

function caption(about) {
  return `${shape(about.shape)} ${about.dtype}`;
}

function grid(about, values) {
  if (about.shape.length === 0) return h("code", { class: "dlviz-number" }, format(values[0], 6));
  const columns = Math.min(8, about.shape[about.shape.length - 1] || 1);
  const max = values.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0);
  const cells = Array.from(values, (value) =>
    h("div", { class: "dlviz-cell", style: `background:${diverging(value, max)}`, "data-nonfinite": Number.isFinite(value) ? null : "" }, format(value, columns > 5 ? 2 : 3)),
  );
  const track = columns > 5 ? "minmax(0,1fr)" : "auto";
  const rows = h("div", { class: columns > 5 ? "dlviz-grid wide" : "dlviz-grid", style: `grid-template-columns:repeat(${columns},${track})` }, ...cells);
  return h("div", {}, h("div", { class: "dlviz-stats" }, caption(about)), rows);
}

export function histogram({ counts, low, high }, messages) {
  const most = Math.max(...counts, 1);
  const width = 240 / counts.length;
  const bars = counts.map((count, i) =>
    s("rect", { x: i * width, y: 44 - (44 * count) / most, width: width - 1, height: (44 * count) / most }),
  );
  const label = fillIn(messages["tensor.histogram"], { low: format(low, 3), high: format(high, 3) });
  return s("svg", { class: "dlviz-histogram", viewBox: "0 0 240 44", preserveAspectRatio: "none", role: "img", "aria-label": label }, ...bars);
}

function statistics(about, messages) {
  const parts = ["min", "mean", "max", "norm"].map((name) => `${messages[`tensor.${name}`]} ${format(number(about[name]), 3)}`);
  if (about.nonfinite) parts.push(fillIn(messages["tensor.nonfinite"], { count: about.nonfinite }));
  if (about.histogram.sample) parts.push(fillIn(messages["tensor.sample"], { count: about.histogram.sample }));
  return h("div", { class: "dlviz-stats" }, parts.join(" · "));
}
