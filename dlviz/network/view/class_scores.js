// The scores: a bar for every class's probability, what it was before painting, and the terms of its softmax.

import { h } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";

const MOST = 10;

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, pick: (unit: number) => void}} options
 */
export function scores({ messages, signal, pick }) {
  const list = h("div", { class: "net-classes" });
  const element = h("div", { class: "net-panel net-scores", hidden: "" }, h("div", { class: "net-title" }, h("b", {}, messages.scores), h("span", { class: "net-kind" }, messages.softmax)), list);
  let rows = [];

  /** @param {any} about decoded */
  function show(about) {
    element.hidden = !about;
    if (!about) return;
    // Of very many classes the likeliest, and those that were it before.
    const worth = about.labels.map((_, i) => [Math.max(about.p[i], about.before_p?.[i] ?? 0), i]).sort((a, b) => b[0] - a[0]);
    const order = about.labels.length > MOST ? worth.slice(0, MOST).map(([, i]) => i) : about.labels.map((_, i) => i);
    const best = worth[0][1];
    if (rows.map((row) => row.unit).join() !== order.join()) {
      rows = order.map(make);
      list.replaceChildren(...rows.map((row) => row.node));
    }
    for (const { unit, node, label, bar, number } of rows) {
      label.textContent = about.labels[unit];
      label.title = about.labels[unit];
      number.textContent = about.p[unit] < 5e-4 ? "< 0.001" : about.p[unit].toFixed(3);
      bar.style.setProperty("--share", String(about.p[unit]));
      bar.style.setProperty("--before", String(about.before_p?.[unit] ?? 0));
      bar.toggleAttribute("data-before", Boolean(about.before_p));
      node.toggleAttribute("data-best", unit === best);
      node.setAttribute("aria-label", `${about.labels[unit]}: ${messages.softmax} ${format(about.p[unit], 3)}, ${messages.score} ${format(about.z[unit], 4)}`);
    }
  }
  function make(unit) {
    const [label, bar, number] = [h("span", { class: "net-label" }), h("span", { class: "net-bar" }), h("span", { class: "net-p" })];
    const node = h("button", { type: "button", class: "net-class" }, label, bar, number);
    node.addEventListener("click", () => pick(unit), { signal });
    return { unit, node, label, bar, number };
  }
  function mark(unit) {
    for (const row of rows) row.node.setAttribute("aria-pressed", String(row.unit === unit));
  }
  return { element, show, mark };
}
