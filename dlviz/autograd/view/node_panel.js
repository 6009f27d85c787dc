// The side column: everything there is to say of one node.

import { h, fillIn } from "../../kit/js/dom.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { format, shape } from "../../kit/js/numbers.js";
import { tensorView } from "../../kit/js/tensor_summary.js";

/**
 * @param {any} about what dlviz.autograd.node_details.describe returned
 * @param {{messages: Record<string, string>, name: (node: number) => string, pick: (node: number) => void, uses: number}} tools
 */
export function panel(about, { messages, name, pick, uses }) {
  const rows = h("dl");
  const row = (key, ...content) => content.some(Boolean) && rows.append(h("dt", {}, messages[`panel.${key}`]), h("dd", {}, ...content));
  const code = (text) => h("code", {}, text);
  const link = (node) => {
    const button = h("button", { type: "button", class: "graph-link" }, name(node));
    button.addEventListener("click", () => pick(node));
    return button;
  };

  if (about.label) row("name", code(about.label));
  if (about.source) {
    row("made_at", h("div", {}, `${about.source.where}, ${fillIn(messages["panel.line"], { line: about.source.line })}`), line(about.source));
  }
  if (about.module) row("module", code(about.module));
  row("shape", code(about.shapes.map((dims, i) => `${shape(dims)} ${about.dtypes[i]}`).join(", ")));
  if (uses > 1) row("note", fillIn(messages["panel.uses"], { count: uses }));
  for (const flag of about.flags) row("note", messages[`flag.${flag}`]);
  if (about.maker) row("maker", link(about.maker.node));
  row("value", about.value ? tensorView(about.value, messages) : h("span", {}, messages[`missing.${about.missing}`]));
  if (about.arriving) row("arriving", tensorView(about.arriving, messages));
  if (about.meets.length) row("meets", ...meeting(about, link, messages));
  for (const { to, torch, python } of about.formulas) {
    row("formula", h("div", { class: "graph-formula" }, code(`∂${to} = ${python || torch}`)), python ? h("div", { class: "dlviz-stats" }, `torch: ${torch}`) : null);
  }
  for (const kept of about.saved ?? []) {
    row("saved", ...(kept.tensor ? [code(kept.name), tensorView(kept.tensor, messages)] : [code(`${kept.name} = ${kept.text}`)]));
  }
  for (const { node, to, gradient } of about.sends) {
    if (gradient) row("sends", h("div", {}, to ? code(`∂${to} `) : null, "→ ", link(node)), tensorView(gradient, messages));
  }
  if (about.leaf) leaf(about.leaf, row, messages);
  else row("grad", messages[about.flags.includes("retained") ? "panel.retained" : "panel.not_kept"]);
  return h("div", {}, h("h4", {}, about.name.split("::").pop()), rows);
}

/** What the side column says while no node is chosen: how to read the picture, and the keys. */
export function legend(messages) {
  const rows = h("dl", { class: "graph-legend" });
  for (const kind of ["leaf", "op", "group", "input", "cut", "gradient"]) {
    rows.append(h("dt", {}, h("span", { class: `graph-key ${kind}` }, kind === "gradient" ? "∂" : "")), h("dd", {}, messages[`legend.${kind}`]));
  }
  return h("div", {}, h("h4", {}, messages["legend.title"]), rows, h("p", {}, messages["legend.keys"]));
}

/** The learner's line with the expression that ran set apart. */
function line({ text, part }) {
  const at = part ? text.indexOf(part) : -1;
  if (at < 0) return h("code", {}, text);
  return h("code", {}, text.slice(0, at), h("mark", {}, part), text.slice(at + part.length));
}

/** Where paths meet: the contributions, and for single numbers the sum that torch made of them. */
function meeting(about, link, messages) {
  const parts = about.meets.filter(({ gradient }) => gradient);
  if (!parts.length) return [h("span", {}, fillIn(messages["panel.paths"], { count: about.meets.length }))];
  const single = parts.every(({ gradient }) => gradient.numbers && gradient.numbers.byteLength === 8);
  const numbers = single ? parts.map(({ gradient }) => typedArray(gradient.numbers, "float64")[0]) : [];
  const found = [];
  if (single && about.arriving?.numbers) {
    const sum = typedArray(about.arriving.numbers, "float64")[0];
    const terms = numbers.slice(0, 8).map((value, i) => (i && value < 0 ? `(${format(value)})` : format(value)));
    const rest = numbers.length > 8 ? " + …" : "";
    const off = numbers.reduce((total, value) => total + value, 0) - sum;
    found.push(h("code", { class: "graph-sum" }, `${terms.join(" + ")}${rest} = ${format(sum)}`));
    if (off !== 0) found.push(h("div", { class: "dlviz-stats" }, fillIn(messages["panel.residual"], { off: format(off, 3) })));
  }
  for (const { node, gradient } of parts.slice(0, 6)) {
    found.push(h("div", {}, messages["panel.from"], " ", link(node)), single ? null : tensorView(gradient, messages));
  }
  if (parts.length > 6) found.push(h("div", {}, fillIn(messages["panel.more"], { count: parts.length - 6 })));
  return found;
}

function leaf(about, row, messages) {
  if (about.preview) {
    row("grad", messages["panel.untouched"]);
    return;
  }
  if (about.after) {
    row("before", about.before ? tensorView(about.before, messages) : h("span", {}, messages["panel.none"]));
    row("grad", tensorView(about.after, messages));
  } else row("grad", about.grad ? tensorView(about.grad, messages) : h("span", {}, messages["panel.none"]));
}
