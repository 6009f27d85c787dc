// Table of the runs that are drawn together, with their hyperparameters and latest metrics. One of them can be highlighted.

import { h } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";

/**
 * @param {{signal: AbortSignal, messages: Record<string, string>, pick: (row: number) => void}} options
 */
export function runTable({ signal, messages, pick }) {
  const table = h("table", {});
  const element = h("section", { class: "live-runs", hidden: "", tabindex: "0", "aria-label": messages.runs }, table);
  let drawn = "";

  /**
   * @param {{name: string, settings: Record<string, any>, first: Record<string, any>, color: string, last: Record<string, number>}[]} runs the current run comes last; first: first values of changed settings
   * @param {number} picked index of the highlighted row, −1 for none
   */
  function show(runs, picked) {
    element.hidden = runs.length < 2;
    const settings = namesIn(runs, "settings");
    const metrics = namesIn(runs, "last");
    // An unchanged table is not replaced, so that it keeps the keyboard's focus.
    const current = JSON.stringify([runs, picked]);
    if (element.hidden || current === drawn) return;
    drawn = current;
    const focused = [...table.querySelectorAll("button")].indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const head = h("tr", {}, h("th", { scope: "col" }, messages.runs), ...[...settings, ...metrics].map((name) => h("th", { scope: "col" }, name)));
    table.replaceChildren(h("thead", {}, head), h("tbody", {}, ...runs.map((run, row) => tableRow(run, row, row === picked, row === runs.length - 1))));
    if (focused >= 0) table.querySelectorAll("button")[focused]?.focus();

    function tableRow(run, row, pressed, isCurrent) {
      const button = h("button", { type: "button", "aria-pressed": String(pressed) }, h("i"), run.name, isCurrent ? h("small", {}, ` ${messages.now}`) : null);
      button.style.setProperty("--own", run.color);
      button.addEventListener("click", () => pick(pressed ? -1 : row), { signal });
      return h("tr", { "data-picked": pressed ? "" : null }, h("th", { scope: "row" }, button),
        ...settings.map((name) => h("td", {}, settingText(run, name))), ...metrics.map((name) => h("td", {}, name in run.last ? format(run.last[name]) : "")));
    }
  }
  return { element, show };
}

/** A setting's value; of one that was changed the first and the last. */
function settingText({ settings, first }, name) {
  if (!(name in settings)) return "";
  const [before, after] = [name in first ? first[name] : settings[name], settings[name]].map(valueText);
  return before === after ? after : `${before} → ${after}`;
}
function namesIn(runs, key) {
  return [...new Set(runs.flatMap((run) => Object.keys(run[key])))];
}
/** A number with three significant digits, a string as it is. */
export function valueText(value) {
  return typeof value === "number" ? format(value, 3) : String(value);
}
