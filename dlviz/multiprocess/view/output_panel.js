// What each rank returned and printed.

import { fillIn, h } from "../../kit/js/dom.js";

/** @param {{messages: Record<string, string>}} options */
export function outputPanel({ messages }) {
  const element = h("div", { class: "dlviz-panel par-output" });
  /** @param {{printed: string, result: string}[]} ranks */
  function show(ranks) {
    element.replaceChildren(...ranks.map(({ printed, result }, rank) => h("div", {},
      h("p", {}, h("b", {}, fillIn(messages.rank, { rank })), " ", messages["returned.by"], " ", h("code", {}, result || messages["returned.nothing"])),
      printed ? h("pre", {}, printed) : null)));
  }
  return { element, show };
}
