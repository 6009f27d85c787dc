// What is said of a tensor beside its numbers: in the head of its grid, and in full at the side.

import { h, fillIn } from "../../kit/js/dom.js";
import { format, number } from "../../kit/js/numbers.js";
import { histogram } from "../../kit/js/tensor_summary.js";

/** "(3, 4)" with every number in its dimension's color. */
export function colored(numbers) {
  const parts = numbers.flatMap((value, d) => [d ? ", " : "", h("span", { "data-dim": d % 5 }, String(value))]);
  return h("code", {}, "(", ...parts, numbers.length === 1 ? ",)" : ")");
}

/** The title above a grid: name, shape, stride, and an offset that is not 0 or is asked for. */
export function title(about, messages, start = about.offset > 0) {
  const parts = [h("b", {}, about.name), h("span", { class: "tensor-fact" }, messages["fact.shape"], " ", colored(about.shape))];
  if (about.stride) parts.push(h("span", { class: "tensor-fact" }, messages["fact.stride"], " ", colored(about.stride)));
  if (about.stride && start) parts.push(h("span", { class: "tensor-fact" }, messages["fact.offset"], " ", h("code", {}, String(about.offset))));
  return parts;
}

/** Rows of name and value. */
export function table(rows) {
  return h("dl", {}, ...rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, typeof value === "string" ? h("code", {}, value) : value)]));
}

export function factRows(facts, messages) {
  const yes = (is) => messages[is ? "fact.yes" : "fact.no"];
  const rows = [[messages["fact.dtype"], facts.dtype], [messages["fact.device"], facts.device]];
  if (facts.layout !== "strided") rows.push([messages["fact.layout"], facts.layout]);
  rows.push([messages["fact.numel"], facts.numel.toLocaleString("en")]);
  if (facts.storage !== null) rows.push([messages["fact.storage"], fillIn(messages["fact.elements"], { count: facts.storage.toLocaleString("en"), bytes: (facts.storage * facts.itemsize).toLocaleString("en") })]);
  if (facts.stride) rows.push([messages["fact.contiguous"], yes(facts.contiguous)], [messages["fact.view"], yes(facts.is_view)]);
  rows.push([messages["fact.grad"], facts.maker ? `${yes(true)}, ${facts.maker}` : yes(facts.requires_grad)]);
  return rows;
}

/** Extremes, mean and histogram, as Python counted them. */
export function figureRows(figures, messages) {
  if (!figures || figures.counted === 0) return null;
  const parts = ["min", "mean", "max"].filter((name) => figures[name] !== undefined).map((name) => `${messages[`tensor.${name}`]} ${format(number(figures[name]), 4)}`);
  if (figures.nonfinite) parts.push(fillIn(messages["tensor.nonfinite"], { count: figures.nonfinite }));
  const box = h("div", { class: "tensor-figures" });
  if (figures.histogram) {
    const { low, high } = figures.histogram;
    box.append(histogram(figures.histogram, messages), h("div", { class: "tensor-ends dlviz-stats" }, h("span", {}, format(low, 3)), h("span", {}, format(high, 3))));
  }
  box.append(h("div", { class: "dlviz-stats" }, parts.join(" · ")));
  return box;
}

