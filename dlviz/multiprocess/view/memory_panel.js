// What each process holds: bytes of parameters, gradients and optimizer state as bars.

import { fillIn, h } from "../../kit/js/dom.js";
import { bytesText } from "../../kit/js/units.js";

const PARTS = ["parameters", "gradients", "optimizer"];

/** @param {{messages: Record<string, string>}} options */
export function memoryPanel({ messages }) {
  const legend = h("div", { class: "par-legend" }, ...PARTS.map((part) => h("span", { "data-part": part }, messages[`memory.${part}`])));
  const rows = h("div", { class: "par-bars" });
  const element = h("div", { class: "dlviz-panel par-memory" }, h("div", { class: "dlviz-panel-title" }, h("b", {}, messages["memory.title"])), legend, rows);

  /** @param {{label: string, bytes: number[]}[]} processes */
  function show(processes) {
    element.hidden = !processes.length;
    const total = (bytes) => bytes.reduce((sum, one) => sum + one, 0);
    const most = Math.max(1, ...processes.map(({ bytes }) => total(bytes)));
    rows.replaceChildren(...processes.map(({ label, bytes }) => {
      const texts = Object.fromEntries(PARTS.map((part, k) => [part, bytesText(bytes[k])]));
      const parts = bytes.map((size, k) => h("i", { "data-part": PARTS[k], style: `width:${((100 * size) / most).toFixed(2)}%` }));
      const alt = fillIn(messages["memory.alt"], { label, ...texts });
      return h("div", { class: "par-bar", role: "img", "aria-label": alt, title: alt }, h("span", {}, label), h("span", { class: "par-stack" }, ...parts), h("span", { class: "par-number" }, bytesText(total(bytes))));
    }));
  }
  return { element, show };
}
