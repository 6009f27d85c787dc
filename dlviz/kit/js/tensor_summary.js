// A tensor in a side panel: a number, a small grid, or a histogram with its figures.

import { h, s, fillIn } from "./dom.js";
import { array } from "./typed_arrays.js";
import { format, number, shape, diverging } from "./numbers.js";

/**
 * @param {any} about what dlviz.autograd.tensor_summary.summarize returned, or null
 * @param {Record<string, string>} words
 * @returns {HTMLElement}
 */
export function tensorView(about, words) {
  if (!about) return h("span", {}, "—");
  if (about.numbers) return grid(about, array(about.numbers, "float64"));
  const box = h("div", {}, h("div", { class: "dlviz-figures" }, caption(about)));
  if (about.histogram) box.append(histogram(about.histogram, words), figures(about, words));
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
    h("div", { class: "dlviz-cell", style: `background:${diverging(value, max)}`, "data-odd": Number.isFinite(value) ? null : "" }, format(value, columns > 5 ? 2 : 3)),
  );
  const track = columns > 5 ? "minmax(0,1fr)" : "auto";
  const rows = h("div", { class: columns > 5 ? "dlviz-grid wide" : "dlviz-grid", style: `grid-template-columns:repeat(${columns},${track})` }, ...cells);
  return h("div", {}, h("div", { class: "dlviz-figures" }, caption(about)), rows);
}

export function histogram({ counts, low, high }, words) {
  const most = Math.max(...counts, 1);
  const width = 240 / counts.length;
  const bars = counts.map((count, i) =>
    s("rect", { x: i * width, y: 44 - (44 * count) / most, width: width - 1, height: (44 * count) / most }),
  );
  const label = fillIn(words["tensor.histogram"], { low: format(low, 3), high: format(high, 3) });
  return s("svg", { class: "dlviz-histogram", viewBox: "0 0 240 44", preserveAspectRatio: "none", role: "img", "aria-label": label }, ...bars);
}

function figures(about, words) {
  const parts = ["min", "mean", "max", "norm"].map((name) => `${words[`tensor.${name}`]} ${format(number(about[name]), 3)}`);
  if (about.nonfinite) parts.push(fillIn(words["tensor.nonfinite"], { count: about.nonfinite }));
  return h("div", { class: "dlviz-figures" }, parts.join(" · "));
}
