// The number at the marked place, as the terms that it consists of.

import { fillIn, h } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";

/** @param {{messages: Record<string, string>}} options */
export function termsPanel({ messages }) {
  const title = h("p", { class: "attr-at" });
  const list = h("div", { class: "attr-terms", role: "table", "aria-label": messages.terms, tabindex: "0" });
  const how = h("p", { class: "dlviz-soft" });
  const element = h("div", { class: "attr-words" }, title, list, how);

  /** @param {{details: any, method: string, where: string}} now where: words for the marked place */
  function show({ details, method, where }) {
    how.textContent = messages[`how.${method}`];
    const isEmpty = !details.terms;
    list.hidden = isEmpty;
    title.replaceChildren(h("b", {}, messages[`method.${method}`]), h("span", {}, isEmpty ? messages[details.missing ? "not_carried" : "pick"] : where));
    if (isEmpty) return;
    const { terms, head: kind, heads, sign, how: gives, rest, count, residual, value } = details;
    const most = Math.max(...terms.map((term) => Math.abs(term.value)).filter(Number.isFinite), 1e-300);
    // The difference of two numbers that are nearly equal needs more of their digits.
    const largest = Math.max(...terms.flatMap((term) => term.factors.map(Math.abs)).filter(Number.isFinite), most);
    const digits = sign === "−" ? Math.min(10, 4 + Math.ceil(Math.log10(largest / most))) : 4;
    const row = (kind, name, factors, number) => h("div", { role: "row", class: `attr-term ${kind}`.trim() },
      h("span", { role: "rowheader" }, name), factors ? h("span", { role: "cell", class: "attr-factors" }, factors) : null,
      bar(kind ? NaN : number, most), h("span", { role: "cell", class: "attr-value" }, format(number, 4)));
    const head = h("div", { role: "row", class: "attr-term attr-term-heads" }, h("span", { role: "columnheader" }, kind), h("span", { role: "columnheader", class: "attr-factors" }, heads.map((name) => messages[`factor.${name}`]).join(` ${sign} `)));
    list.replaceChildren(
      head,
      ...terms.map(({ name, factors, value: number }) => row("", name, factors.map((factor) => bracketed(format(factor, digits))).join(` ${sign} `), number)),
      ...(count > terms.length ? [row("soft", fillIn(messages.rest, { count: count - terms.length }), "", rest)] : []),
      row("total", messages[`total.${gives}`], "", value),
      ...(residual ? [row("soft", messages.residual, "", residual)] : []),
    );
  }
  return { element, show };
}

/** A negative factor stands in parentheses. @param {string} text */
function bracketed(text) {
  return text.startsWith("−") ? `(${text})` : text;
}

/** A bar of a signed number. @param {number} value @param {number} most */
export function bar(value, most) {
  const share = Math.min(1, Math.abs(value) / most) || 0;
  return h("span", { class: "attr-bar", "aria-hidden": "true" }, h("i", { class: value < 0 ? "negative" : null, style: `--share: ${share}` }));
}
