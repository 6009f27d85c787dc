// The side panel: the details of one node, or the legend.

import { h, fillIn } from "../../kit/js/dom.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { format, shape } from "../../kit/js/numbers.js";
import { tensorView } from "../../kit/js/tensor_summary.js";

/**
 * @param {any} about the return value of dlviz.autograd.node_details.describe
 * @param {{messages: Record<string, string>, name: (node: number) => string, select: (node: number) => void, uses: number}} tools
 */
export function nodePanel(about, { messages, name, select, uses }) {
  const rows = h("dl");
  const row = (key, ...content) => content.some(Boolean) && rows.append(h("dt", {}, messages[`panel.${key}`]), h("dd", {}, ...content));
  const code = (text) => h("code", {}, text);
  const link = (node) => {
    const button = h("button", { type: "button", class: "graph-link" }, name(node));
    button.addEventListener("click", () => select(node));
    return button;
  };

  if (about.label) row("name", code(about.label));
  if (about.source) {
    row("made_at", h("div", {}, `${about.source.where}, ${fillIn(messages["panel.line"], { line: about.source.line })}`), sourceLine(about.source));
  }
  if (about.module) row("module", code(about.module));
  row("shape", code(about.shapes.map((dims, i) => `${shape(dims)} ${about.dtypes[i]}`).join(", ")));
  if (uses > 1) row("note", fillIn(messages["panel.uses"], { count: uses }));
  for (const flag of about.flags) row("note", messages[`flag.${flag}`]);
  if (about.created_by) row("created_by", link(about.created_by.node));
  row("value", about.value ? tensorView(about.value, messages) : h("span", {}, messages[`missing.${about.value_missing}`]));
  if (about.gradient) row("gradient", tensorView(about.gradient, messages));
  if (about.contributions.length) row("contributions", ...contributionRows(about, link, messages));
  for (const { to, torch, python } of about.formulas) {
    row("formula", h("div", { class: "graph-formula" }, code(`∂${to} = ${python || torch}`)), python ? h("div", { class: "dlviz-stats" }, `torch: ${torch}`) : null);
  }
  for (const saved of about.saved ?? []) {
    row("saved", ...(saved.tensor ? [code(saved.name), tensorView(saved.tensor, messages)] : [code(`${saved.name} = ${saved.text}`)]));
  }
  for (const { node, to, gradient } of about.grad_inputs) {
    if (gradient) row("grad_inputs", h("div", {}, to ? code(`∂${to} `) : null, "→ ", link(node)), tensorView(gradient, messages));
  }
  if (about.leaf) leafRows(about.leaf, row, messages);
  else row("grad", messages[about.flags.includes("retains_grad") ? "panel.retains_grad" : "panel.not_kept"]);
  return h("div", {}, h("h4", {}, about.name.split("::").pop()), rows);
}

/** How to read the diagram, and the keys; shown while no node is selected. */
export function legend(messages) {
  const rows = h("dl", { class: "graph-legend" });
  for (const kind of ["leaf", "op", "group", "input", "cut", "gradient"]) {
    rows.append(h("dt", {}, h("span", { class: `graph-key ${kind}` }, kind === "gradient" ? "∂" : "")), h("dd", {}, messages[`legend.${kind}`]));
  }
  return h("div", {}, h("h4", {}, messages["legend.title"]), rows, h("p", {}, messages["legend.keys"]));
}

/** A source line with the expression that ran highlighted. */
function sourceLine({ text, expression }) {
  const start = expression ? text.indexOf(expression) : -1;
  if (start < 0) return h("code", {}, text);
  return h("code", {}, text.slice(0, start), h("mark", {}, expression), text.slice(start + expression.length));
}

/** The contributions where several paths meet, and for single numbers the sum that torch computed. */
function contributionRows(about, link, messages) {
  const parts = about.contributions.filter(({ gradient }) => gradient);
  if (!parts.length) return [h("span", {}, fillIn(messages["panel.paths"], { count: about.contributions.length }))];
  const single = parts.every(({ gradient }) => gradient.numbers && gradient.numbers.byteLength === 8);
  const numbers = single ? parts.map(({ gradient }) => typedArray(gradient.numbers, "float64")[0]) : [];
  const rows = [];
  if (single && about.gradient?.numbers) {
    const sum = typedArray(about.gradient.numbers, "float64")[0];
    const terms = numbers.slice(0, 8).map((value, i) => (i && value < 0 ? `(${format(value)})` : format(value)));
    const rest = numbers.length > 8 ? " + …" : "";
    const residual = numbers.reduce((total, value) => total + value, 0) - sum;
    rows.push(h("code", { class: "graph-sum" }, `${terms.join(" + ")}${rest} = ${format(sum)}`));
    if (residual !== 0) rows.push(h("div", { class: "dlviz-stats" }, fillIn(messages["panel.residual"], { off: format(residual, 3) })));
  }
  for (const { node, gradient } of parts.slice(0, 6)) {
    rows.push(h("div", {}, messages["panel.from"], " ", link(node)), single ? null : tensorView(gradient, messages));
  }
  if (parts.length > 6) rows.push(h("div", {}, fillIn(messages["panel.more"], { count: parts.length - 6 })));
  return rows;
}

/** The `.grad` of a leaf, and what it was before the latest backward. */
function leafRows(about, row, messages) {
  if (about.preview) {
    row("grad", messages["panel.untouched"]);
    return;
  }
  if (about.grad_after) {
    row("grad_before", about.grad_before ? tensorView(about.grad_before, messages) : h("span", {}, messages["panel.none"]));
    row("grad", tensorView(about.grad_after, messages));
  } else row("grad", about.grad ? tensorView(about.grad, messages) : h("span", {}, messages["panel.none"]));
}
