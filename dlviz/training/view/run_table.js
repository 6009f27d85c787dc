// The runs that are drawn together: each with its line, its knobs and its newest numbers. One of them can be made to stand out.

import { h } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";

/**
 * @param {{signal: AbortSignal, messages: Record<string, string>, pick: (row: number) => void}} options
 */
export function runs({ signal, messages, pick }) {
  const table = h("table", {});
  const element = h("section", { class: "live-runs", hidden: "", tabindex: "0", "aria-label": messages.runs }, table);
  let drawn = "";

  /**
   * @param {{name: string, settings: Record<string, any>, color: string, last: Record<string, number>}[]} list the run itself comes last
   * @param {number} picked which row stands out, −1 for none
   */
  function show(list, picked) {
    element.hidden = list.length < 2;
    const knobs = named(list, "settings");
    const metrics = named(list, "last");
    // A picture that has not changed is left alone: the keyboard's focus stays where it is.
    const now = JSON.stringify([list, picked]);
    if (element.hidden || now === drawn) return;
    drawn = now;
    const focused = [...table.querySelectorAll("button")].indexOf(document.activeElement ?? table.getRootNode().activeElement);
    const head = h("tr", {}, h("th", { scope: "col" }, messages.runs), ...[...knobs, ...metrics].map((name) => h("th", { scope: "col" }, name)));
    table.replaceChildren(h("thead", {}, head), h("tbody", {}, ...list.map((one, row) => line(one, row, row === picked, row === list.length - 1))));
    if (focused >= 0) table.querySelectorAll("button")[focused]?.focus();

    function line(one, row, chosen, own) {
      const button = h("button", { type: "button", "aria-pressed": String(chosen) }, h("i"), one.name, own ? h("small", {}, ` ${messages.now}`) : null);
      button.style.setProperty("--own", one.color);
      button.addEventListener("click", () => pick(chosen ? -1 : row), { signal });
      const cell = (value) => h("td", {}, value === undefined ? "" : text(value));
      return h("tr", { "data-picked": chosen ? "" : null }, h("th", { scope: "row" }, button), ...knobs.map((name) => cell(one.settings[name])), ...metrics.map((name) => cell(one.last[name])));
    }
  }
  return { element, show };
}

function named(list, part) {
  return [...new Set(list.flatMap((one) => Object.keys(one[part])))];
}
/** A number in a few figures, a word as it is. */
export function text(value) {
  return typeof value === "number" ? format(value, 3) : String(value);
}
