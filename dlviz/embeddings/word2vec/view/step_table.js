// The step that comes next, in numbers: hidden vector, score, probability and error of every candidate, and what is added to which row.

import { h, fillIn } from "../../../kit/js/dom.js";
import { format, diverging } from "../../../kit/js/numbers.js";

/** @param {{messages: Record<string, string>}} options */
export function card({ messages }) {
  const element = h("div", { class: "w2v-card", tabindex: "0", role: "region", "aria-label": messages.card });

  function draw(scene, frame) {
    const one = frame.card;
    const cbow = scene.kind === "cbow";
    const known = cbow ? `[${one.known.join(", ")}]` : one.known[0];
    const parts = [
      h("h4", {}, scene.own ? fillIn(messages.card_title, { step: (frame.at + 1).toLocaleString("en") }) : fillIn(messages.card_watched, { step: frame.at.toLocaleString("en") })),
      h("p", {}, ...sentence(messages.pair, { known: role("known", one.known.join(", ")), target: role("target", one.words[0]) })),
      one.examples > 1 ? h("p", { class: "w2v-soft" }, fillIn(messages.examples, { count: one.examples })) : null,
      row(cbow ? "h" : `h = W[${known}]`, cbow ? messages.mean : "", one.hidden),
      table(scene, frame),
      row(`W[${known}] +=`, fillIn(messages[cbow && one.inputs.length > 1 ? "pull_each" : "pull"], { count: one.inputs.length }), one.pull.map((value) => -frame.rate * Number(value))),
      code(scene, one, known)];
    element.replaceChildren(...parts.filter(Boolean));
  }
  function role(name, text) {
    return h("b", { "data-role": name }, text);
  }
  /** A vector as a strip of colors, with its numbers below. */
  function row(name, told, values) {
    const numbers = values.map(Number);
    const most = Math.max(...numbers.map(Math.abs).filter(Number.isFinite), 0);
    const cells = h("span", { class: "w2v-cells", "aria-hidden": "true" }, ...numbers.slice(0, 48).map((value) => h("i", { style: `background: ${diverging(value, most)}` })));
    const digits = numbers.slice(0, 4).map((value) => format(value, 2)).join(", ") + (numbers.length > 4 ? ", …" : "");
    return h("div", { class: "w2v-vector" }, h("p", {}, h("code", {}, name), told ? h("span", { class: "w2v-soft" }, told) : null), cells, h("code", { class: "w2v-digits" }, `[${digits}]`));
  }
  function table(scene, frame) {
    const one = frame.card;
    const negative = scene.loss === "negative";
    const heads = ["word", "score", negative ? "sigmoid" : "softmax", "truth", "error", negative ? "term" : null, "added"].filter(Boolean);
    const lines = one.rows.map((_, k) => {
      const error = Number(one.errors[k]);
      const cells = [fixed(one.scores[k]), fixed(one.chances[k]), String(one.truth[k]), signed(error, 3), ...(negative ? [fixed(one.terms[k])] : []), `${signed(-frame.rate * error, 4)}·h`];
      return h("tr", {}, h("th", { scope: "row" }, role(one.truth[k] ? "target" : "drawn", one.words[k])), ...cells.map((text) => h("td", {}, text)));
    });
    const { count, chance, error, term } = one.rest;
    if (count) {
      const cells = ["", fixed(chance), "0", signed(Number(error), 3), ...(negative ? [fixed(term)] : []), ""];
      lines.push(h("tr", { class: "w2v-soft" }, h("th", { scope: "row" }, fillIn(messages.rest, { count })), ...cells.map((text) => h("td", {}, text))));
    }
    const sum = h("tr", {}, h("th", { scope: "row", colspan: negative ? 5 : 3 }, messages[negative ? "sum" : "surprise"]), h("td", { colspan: negative ? 1 : 2 }, h("b", {}, fixed(one.loss))), h("td"));
    const foot = [sum];
    const printed = [...one.terms, ...(count && negative ? [term] : [])].reduce((all, value) => all + Number(Number(value).toFixed(3)), 0);
    const left = Number(Number(one.loss).toFixed(3)) - printed;
    if (negative && Math.abs(left) > 5e-4) foot.push(h("tr", { class: "w2v-soft" }, h("td", { colspan: 7 }, fillIn(messages.rounding, { size: format(left, 1) }))));
    return h("table", {}, h("thead", {}, h("tr", {}, ...heads.map((name) => h("th", { scope: "col" }, messages[`head.${name}`])))), h("tbody", {}, ...lines), h("tfoot", {}, ...foot));
  }
  function code(scene, one, known) {
    const hidden = `h = W[${known}]${scene.kind === "cbow" ? ".mean(0)" : ""}`;
    const drawn = one.words.slice(1, 3).join(", ") + (one.words.length > 3 ? ", …" : "");
    const fill = { target: one.words[0], drawn };
    const lines = [hidden, messages[`code.hand.${scene.loss}`], messages[`code.torch.${scene.loss}`], messages[`code.step.${scene.loss}`]];
    return h("pre", { class: "w2v-code" }, lines.map((line) => fillIn(line, fill)).join("\n"));
  }
  return { element, draw };
}

/** A sentence whose braces are nodes. */
function sentence(text, nodes) {
  return text.split(/\{(\w+)\}/).map((part, k) => (k % 2 ? nodes[part] : part));
}
/** Three decimals; what they would make 0 is written out. */
function fixed(value) {
  const size = Math.abs(Number(value));
  return Number.isFinite(size) && (size === 0 || size >= 5e-4) ? Number(value).toFixed(3).replace("-", "−") : format(Number(value), 2);
}
function signed(value, digits) {
  if (!Number.isFinite(value)) return format(value);
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;
}
