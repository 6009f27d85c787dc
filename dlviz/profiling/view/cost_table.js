// The costliest operations, lines or modules; a row marks its events in the timeline.

import { h } from "../../kit/js/dom.js";
import { segments } from "../../kit/js/segments.js";
import { timeText } from "../../kit/js/units.js";

/** @param {{messages: any, signal: AbortSignal, setBy: (by: string) => void, mark: (row: number) => void}} options mark: called with the number of a row, −1 for none */
export function costTable({ messages, signal, setBy, mark }) {
  const by = segments({ label: messages["table.by"], options: ["operation", "line", "module"].map((name) => [name, messages[`table.${name}`]]), signal, set: setBy });
  const hint = h("span", { class: "dlviz-soft" }, messages["table.hint"]);
  const head = h("thead");
  const body = h("tbody");
  const element = h("div", { class: "pro-table" }, h("div", { class: "pro-table-head" }, by.element, hint), h("table", {}, head, body));
  let marked = -1;

  body.addEventListener("click", (event) => {
    const row = event.target instanceof Element && event.target.closest("tr");
    if (row) mark(row.sectionRowIndex === marked ? -1 : row.sectionRowIndex);
  }, { signal });

  /** @param {any[]} entries rows of the table @param {string} sorted what it sums up by @param {{label: string, total: number, device_total: number}[]} profiles */
  function show(entries, sorted, profiles) {
    by.update(sorted);
    const cell = (text, kind) => h("th", { class: kind, scope: "col" }, text);
    const isOne = profiles.length === 1;
    const all = isOne ? profiles[0].total + profiles[0].device_total : 0;
    const times = isOne ? [messages["table.self"], messages["table.share"], messages[sorted === "line" ? "table.events" : "table.calls"]] : [...profiles.map(({ label }) => label), messages["table.difference"]];
    head.replaceChildren(h("tr", {}, cell(messages[`table.${sorted}`], "pro-wide"), ...times.map((text) => cell(text, "pro-number")), cell(messages[sorted === "operation" ? "table.where" : sorted === "line" ? "table.line_at" : "table.kind"], "pro-where")));
    body.replaceChildren(...entries.map((entry) => {
      const [first, second] = entry.times;
      const number = (text) => h("td", { class: "pro-number" }, text);
      const time = (value) => number(value === null ? "–" : timeText(value));
      const share = all > 0 ? (100 * (first ?? 0)) / all : 0;
      const bar = h("td", { class: "pro-number pro-share", style: `--share:${share.toFixed(1)}%` }, `${share.toFixed(share < 9.95 ? 1 : 0)} %`);
      const difference = (first ?? 0) - (second ?? 0);
      const columns = isOne ? [time(first), bar, number(entry.calls ? `${entry.calls}×` : "–")] : [time(first), time(second), number((difference > 0 ? "+" : "") + timeText(difference))];
      return h("tr", {}, h("td", { class: "pro-wide", title: entry.name }, h("button", { type: "button" }, entry.name)), ...columns, h("td", { class: "pro-where", title: entry.title }, entry.text));
    }));
    showMarked(marked);
  }
  /** @param {number} row −1 for none */
  function showMarked(row) {
    marked = row;
    [...body.rows].forEach((one, k) => {
      one.toggleAttribute("data-marked", k === row);
      one.querySelector("button").setAttribute("aria-pressed", String(k === row));
    });
  }
  return { element, show, showMarked };
}
