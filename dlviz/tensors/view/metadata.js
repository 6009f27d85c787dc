// Metadata of a tensor: in the title of its grid, and in full in the side panel.

import { h, fillIn } from "../../kit/js/dom.js";
import { format, number } from "../../kit/js/numbers.js";
import { gridLayout } from "../../kit/js/grid.js";
import { histogram } from "../../kit/js/tensor_summary.js";

/** "(3, 4)" with every number in its dimension's color. @param {number[]} numbers @param {number[]} [colors] */
export function coloredTuple(numbers, colors = [...numbers.keys()]) {
  const parts = numbers.flatMap((value, d) => [d ? ", " : "", h("span", { "data-dim": colors[d] % 5 }, String(value))]);
  return h("code", {}, "(", ...parts, numbers.length === 1 ? ",)" : ")");
}

/** Title of a grid: name, shape and stride, and the offset if it is not 0 or `withOffset`. */
export function title(metadata, messages, withOffset = metadata.offset > 0) {
  const entry = (key, value) => h("span", { class: "tensor-meta" }, messages[`metadata.${key}`], " ", value);
  const parts = [h("b", {}, metadata.name), entry("shape", coloredTuple(metadata.shape))];
  if (metadata.stride) parts.push(entry("stride", coloredTuple(metadata.stride)));
  if (metadata.stride && withOffset) parts.push(entry("offset", h("code", {}, String(metadata.offset))));
  return parts;
}

/** @param {any[][]} rows name and value, each a string or node */
export function definitionList(rows) {
  return h("dl", {}, ...rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, typeof value === "string" ? h("code", {}, value) : value)]));
}

export function metadataRows(metadata, messages) {
  const yesNo = (value) => messages[value ? "metadata.yes" : "metadata.no"];
  const rows = [[messages["metadata.dtype"], metadata.dtype], [messages["metadata.device"], metadata.device]];
  if (metadata.layout !== "strided") rows.push([messages["metadata.layout"], metadata.layout]);
  rows.push([messages["metadata.numel"], metadata.numel.toLocaleString("en")]);
  const size = metadata.storage_size;
  if (size !== null) rows.push([messages["metadata.storage"], fillIn(messages["metadata.elements"], { count: size.toLocaleString("en"), bytes: (size * metadata.itemsize).toLocaleString("en") })]);
  if (metadata.stride) rows.push([messages["metadata.contiguous"], yesNo(metadata.is_contiguous)], [messages["metadata.view"], yesNo(metadata.is_view)]);
  rows.push([messages["metadata.grad"], metadata.grad_fn ? `${yesNo(true)}, ${metadata.grad_fn}` : yesNo(metadata.requires_grad)]);
  return rows;
}

/** Extremes, mean and histogram; null without numbers. */
export function statisticsPanel(statistics, messages) {
  if (!statistics || !statistics.count) return null;
  // The extremes stand below the ends of the histogram.
  const line = (...names) => h("div", { class: "tensor-extremes dlviz-stats" }, ...names.filter((name) => statistics[name] !== undefined).map((name) => h("span", {}, `${messages[`tensor.${name}`]} ${format(number(statistics[name]), 4)}`)));
  const box = h("div", { class: "tensor-statistics" }, statistics.histogram ? histogram(statistics.histogram, messages) : null, line("min", "max"), line("mean"));
  if (statistics.nonfinite) box.append(h("div", { class: "dlviz-stats" }, fillIn(messages["tensor.nonfinite"], { count: statistics.nonfinite })));
  return box;
}

/**
 * Add a slider for each dimension of a block of which only one index is drawn.
 * @param {{view: any, block: any, origin: () => number[], messages: Record<string, string>}} options origin: the drawn index, from the trait of that name
 */
export function addSliceControls({ view, block, origin, messages }) {
  for (const dim of gridLayout(block, origin()).sliced) {
    const set = (value) => view.save("origin", origin().map((old, d) => (d === dim ? value : old)));
    view.controls.range({ label: fillIn(messages["control.slice"], { dim }), max: () => block.size[dim] - 1, get: () => origin()[dim], set });
  }
}
