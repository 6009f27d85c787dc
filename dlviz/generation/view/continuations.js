// The continuations of one prompt side by side, with their log-probability and perplexity.

import { closest, fillIn, h } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";

/** Most tokens of a continuation that its line in the list holds. */
const MOST = 60;

/** @param {{messages: Record<string, string>, signal: AbortSignal, show: (index: number) => void}} options */
export function continuationList({ messages, signal, show: choose }) {
  const list = h("div", { class: "gen-list", role: "group", "aria-label": messages.continuations });
  const element = h("div", {}, h("div", { class: "dlviz-panel-title" }, h("b", {}, messages.continuations)), list, h("p", { class: "dlviz-soft gen-how" }, messages.perplexity_how));
  list.addEventListener("click", (event) => {
    const item = closest(event, "[data-index]");
    if (item) choose(Number(item.dataset.index));
  }, { signal });

  function show(scene, index) {
    const focused = list.contains(document.activeElement);
    list.replaceChildren(...scene.continuations.map((one, k) => {
      const texts = one.tokens.slice(0, MOST).filter((id) => id >= 0).map((id) => scene.names[id]);
      const numbers = { log_prob: format(one.log_prob, 4), perplexity: format(one.perplexity, 3) };
      return h("button", { type: "button", class: "gen-item", "data-index": k, "aria-pressed": String(k === index), "aria-label": fillIn(messages.continuation_label, { number: k + 1, ...numbers }) },
        h("b", {}, fillIn(messages.continuation, { number: k + 1 })),
        h("span", { class: "gen-snippet" }, texts.join(scene.separator).replaceAll("\n", "⏎")),
        h("span", { class: "gen-scores" }, h("span", {}, fillIn(messages.log_prob, { value: numbers.log_prob })), h("span", {}, fillIn(messages.perplexity, { value: numbers.perplexity }))));
    }));
    if (focused) /** @type {HTMLElement | null} */ (list.querySelector('[aria-pressed="true"]'))?.focus();
  }
  return { element, show };
}
