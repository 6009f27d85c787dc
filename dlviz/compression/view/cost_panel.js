// Costs before and now, as a table, and what the compression does to the time of a call.

import { h } from "../../kit/js/dom.js";

/** @param {{messages: Record<string, string>}} options */
export function costPanel({ messages }) {
  const table = h("table", { class: "cmp-costs", "aria-label": messages.costs });
  const timed = h("p", { class: "dlviz-soft cmp-timed" });
  const speed = h("p", { class: "cmp-speed", "aria-live": "polite" });
  return {
    element: h("div", {}, table, timed, speed),
    draw({ costs, speed: text }) {
      const head = h("tr", {}, h("td", {}), ...costs.heads.map((words) => h("th", { scope: "col" }, words)));
      const rows = costs.rows.map(([name, ...cells]) => h("tr", {}, h("th", { scope: "row" }, name), ...cells.map((cell, k) => h("td", { "data-now": k === 1 ? "" : null, "data-range": cell.includes("–") ? "" : null }, cell))));
      table.replaceChildren(h("thead", {}, head), h("tbody", {}, ...rows));
      timed.textContent = costs.timed;
      if (speed.textContent !== text) speed.textContent = text;
    },
  };
}
