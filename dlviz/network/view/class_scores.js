// The class scores: a bar for every class's probability, and a mark for the probability without occlusion.

import { h } from "../../kit/js/dom.js";
import { fixed, format } from "../../kit/js/numbers.js";

const MAX_CLASSES = 10;

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, pick: (unit: number) => void}} options
 */
export function scorePanel({ messages, signal, pick }) {
  const list = h("div", { class: "net-classes" });
  const element = h("div", { class: "dlviz-panel net-scores", hidden: "" }, h("div", { class: "dlviz-panel-title" }, h("b", {}, messages.scores), h("span", { class: "net-kind" }, messages.softmax)), list);
  let rows = [];

  /** @param {any} scores the scene's scores, decoded; null hides the panel */
  function show(scores) {
    element.hidden = !scores;
    if (!scores) return;
    const { labels, p, z, before_p: before } = scores;
    // With many classes the most likely ones, with and without occlusion.
    const ranked = labels.map((_, i) => [Math.max(p[i], before?.[i] ?? 0), i]).sort((a, b) => b[0] - a[0]);
    const order = labels.length > MAX_CLASSES ? ranked.slice(0, MAX_CLASSES).map(([, i]) => i) : labels.map((_, i) => i);
    const mostLikely = ranked[0][1];
    if (rows.map((row) => row.unit).join() !== order.join()) {
      rows = order.map(makeRow);
      list.replaceChildren(...rows.map((row) => row.node));
    }
    for (const { unit, node, label, bar, number } of rows) {
      label.textContent = labels[unit];
      label.title = labels[unit];
      number.textContent = p[unit] < 5e-5 ? "< 0.0001" : fixed(p[unit], 4);
      bar.style.setProperty("--fraction", String(p[unit]));
      bar.style.setProperty("--before", String(before?.[unit] ?? 0));
      bar.toggleAttribute("data-before", Boolean(before));
      node.toggleAttribute("data-most-likely", unit === mostLikely);
      node.setAttribute("aria-label", `${labels[unit]}: ${messages.softmax} ${format(p[unit], 4)}, ${messages.score} ${format(z[unit], 4)}`);
    }
  }
  function makeRow(unit) {
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
