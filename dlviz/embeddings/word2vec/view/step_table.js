// The next step in numbers: hidden vector; score, probability and error of every candidate; and the update of every row.

import { h, fillIn } from "../../../kit/js/dom.js";
import { format, diverging } from "../../../kit/js/numbers.js";

/** @param {{messages: Record<string, string>}} options */
export function stepTable({ messages }) {
  const element = h("div", { class: "word2vec-table", tabindex: "0", role: "region", "aria-label": messages.table });
  const code = h("pre", { class: "word2vec-code" });

  function draw(scene, snapshot) {
    const example = snapshot.table;
    const cbow = scene.kind === "cbow";
    const known = cbow ? `[${example.known.join(", ")}]` : example.known[0];
    const parts = [
      h("h4", {}, scene.trains ? fillIn(messages.table_title, { step: (snapshot.step + 1).toLocaleString("en") }) : fillIn(messages.table_recording, { step: snapshot.step.toLocaleString("en") })),
      row(cbow ? "h" : `h = W[${known}]`, cbow ? messages.mean : "", example.hidden),
      table(scene, snapshot),
      row(`W[${known}] +=`, fillIn(messages[cbow && example.inputs.length > 1 ? "input_update_each" : "input_update"], { count: example.inputs.length }), example.hidden_grad.map((value) => -snapshot.lr * Number(value)))];
    element.replaceChildren(...parts);
    code.textContent = codeLines(scene, example, known);
  }
  function role(name, text) {
    return h("b", { "data-role": name }, text);
  }
  /** A vector as a strip of colored cells, with its first numbers below. */
  function row(name, caption, values) {
    const numbers = values.map(Number);
    const most = Math.max(...numbers.map(Math.abs).filter(Number.isFinite), 0);
    const cells = h("span", { class: "word2vec-cells", "aria-hidden": "true" }, ...numbers.slice(0, 48).map((value) => h("i", { style: `background: ${diverging(value, most)}` })));
    const digits = numbers.slice(0, 4).map((value) => format(value, 2)).join(", ") + (numbers.length > 4 ? ", …" : "");
    return h("div", { class: "word2vec-vector" }, h("p", {}, h("code", {}, name), caption ? h("span", { class: "word2vec-muted" }, caption) : null), cells, h("code", { class: "word2vec-digits" }, `[${digits}]`));
  }
  function table(scene, snapshot) {
    const example = snapshot.table;
    const negative = scene.loss === "negative";
    const heads = ["word", "score", negative ? "sigmoid" : "softmax", "truth", "error", negative ? "term" : null, "update"].filter(Boolean);
    const lines = example.rows.map((_, k) => {
      const error = Number(example.errors[k]);
      const cells = [fixed(example.scores[k]), fixed(example.probs[k]), String(example.truth[k]), signed(error, 3), ...(negative ? [fixed(example.terms[k])] : []), `${signed(-snapshot.lr * error, 4)}·h`];
      return h("tr", {}, h("th", { scope: "row" }, role(example.truth[k] ? "target" : "drawn", example.words[k])), ...cells.map((text) => h("td", {}, text)));
    });
    const { count, prob, error, term } = example.rest;
    if (count) {
      const cells = ["", fixed(prob), "0", signed(Number(error), 3), ...(negative ? [fixed(term)] : []), ""];
      lines.push(h("tr", { class: "word2vec-muted" }, h("th", { scope: "row" }, fillIn(messages.rest, { count })), ...cells.map((text) => h("td", {}, text))));
    }
    const sum = h("tr", {}, h("th", { scope: "row", colspan: negative ? 5 : 3 }, messages[negative ? "sum" : "loss_formula"]), h("td", { colspan: negative ? 1 : 2 }, h("b", {}, fixed(example.loss))), h("td"));
    const foot = [sum];
    const printed = [...example.terms, ...(count && negative ? [term] : [])].reduce((all, value) => all + Number(Number(value).toFixed(3)), 0);
    const left = Number(Number(example.loss).toFixed(3)) - printed;
    if (negative && Math.abs(left) > 5e-4) foot.push(h("tr", { class: "word2vec-muted" }, h("td", { colspan: 7 }, fillIn(messages.rounding, { size: format(left, 1) }))));
    return h("table", {}, h("thead", {}, h("tr", {}, ...heads.map((name) => h("th", { scope: "col" }, messages[`head.${name}`])))), h("tbody", {}, ...lines), h("tfoot", {}, ...foot));
  }
  function codeLines(scene, example, known) {
    const hidden = `h = W[${known}]${scene.kind === "cbow" ? ".mean(0)" : ""}`;
    const drawn = example.words.slice(1, 3).join(", ") + (example.words.length > 3 ? ", …" : "");
    const fill = { target: example.words[0], drawn };
    const lines = [hidden, messages[`code.manual.${scene.loss}`], messages[`code.torch.${scene.loss}`], messages[`code.step.${scene.loss}`]];
    return lines.map((line) => fillIn(line, fill)).join("\n");
  }
  return { element, code, draw };
}

/** Three decimals, or two significant digits where three decimals would show 0. */
function fixed(value) {
  const size = Math.abs(Number(value));
  return Number.isFinite(size) && (size === 0 || size >= 5e-4) ? Number(value).toFixed(3).replace("-", "−") : format(Number(value), 2);
}
function signed(value, digits) {
  if (!Number.isFinite(value)) return format(value);
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;
}
