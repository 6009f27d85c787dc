// Gradients of one parameter: of each rank, their mean, what the optimizer gets, and that of one process, entry below entry.

import { fillIn, h } from "../../kit/js/dom.js";
import { flights } from "../../kit/js/flights.js";
import { maxAbs } from "../../kit/js/heatmap.js";
import { diverging, format, shape } from "../../kit/js/numbers.js";

/** Milliseconds in which the local gradients move into their mean, and in which it then appears. */
const [MOVE, APPEAR] = [420, 180];
/** Columns whose numbers fly. */
const FLYING = 8;

/** A number with as many decimals as all others of the table, so that they can be compared. @param {number} value @param {number} decimals */
function aligned(value, decimals) {
  const isPlain = Number.isFinite(value) && value !== 0 && decimals <= 6;
  return isPlain ? value.toFixed(decimals).replace("-", "−") : format(value, 3);
}

/** Whether a row holds the gradients of a rank. @param {string} row */
const isRank = (row) => /\d/.test(row);
/** The cells of a row that hold numbers. @param {HTMLTableRowElement} row */
const numberCells = (row) => [...row.cells].slice(1);

/** @param {{model: any, messages: Record<string, string>, signal: AbortSignal, select: (parameter: number) => void}} options */
export function gradientPanel({ model, messages, signal, select }) {
  const menu = h("select", { "aria-label": messages["gradients.parameter"] });
  const about = h("span", { class: "dlviz-soft" });
  const table = h("table", {});
  const scroll = h("div", { class: "par-scroll", tabindex: 0, role: "region" }, table);
  const verdicts = h("ul", { class: "par-verdicts" });
  const title = h("div", { class: "dlviz-panel-title" }, h("b", {}, messages["gradients.title"]), menu, about);
  const element = h("div", { class: "dlviz-panel par-gradients" }, title, scroll, verdicts);
  const animation = flights({ layer: element, model, signal, className: "par-flight" });
  let offered = "";
  let layout = "";
  /** @type {Animation[]} */
  let appearing = [];
  /** What is there when the picture opens comes from nowhere. */
  let hasOpened = false;
  menu.addEventListener("change", () => select(Number(menu.value)), { signal });

  /** Name of a row and what it is. @param {string} row @param {string} local what the gradient of a rank is */
  function rowLabel(row, local) {
    const name = messages[`gradients.${row}`] ?? fillIn(messages["gradients.local"], { rank: row });
    return h("th", { scope: "row" }, name, " ", h("span", { class: "dlviz-soft" }, messages[`gradients.${row}_about`] ?? messages[`gradients.${local}_about`]));
  }
  /** Index of an entry as Python writes it, without brackets. @param {number} i @param {number[]} dims */
  function indexText(i, dims) {
    const index = [];
    for (const size of [...dims].reverse()) {
      index.unshift(i % size);
      i = Math.floor(i / size);
    }
    return index.join(", ");
  }
  /** Rows of the table. Another step of the same parameter keeps them, because making hundreds of new cells takes longer than a frame. @param {any} one a parameter @returns {HTMLTableRowElement[]} */
  function rowsFor(one) {
    const now = JSON.stringify([one.rows, one.entries, one.shape]);
    if (now !== layout) {
      layout = now;
      const local = one.rows.filter(isRank).length;
      const heads = Array.from({ length: one.entries }, (_, i) => h("th", { scope: "col" }, indexText(i, one.shape)));
      const rows = one.rows.map((row) => h("tr", { "data-row": row }, rowLabel(row, local > 1 ? "local" : "alone"), ...heads.map(() => h("td", {}))));
      // The ranks scroll if they are many; what becomes of their gradients stays in sight.
      table.replaceChildren(h("thead", {}, h("tr", {}, h("td", {}), ...heads)), h("tbody", {}, ...rows.slice(0, local)), h("tfoot", {}, ...rows.slice(local)));
    }
    return /** @type {any} */ ([...table.querySelectorAll("tr[data-row]")]);
  }
  /** @param {any} run @param {number} parameter @param {number} step @param {boolean} isNew whether the step has just changed */
  function show(run, parameter, step, isNew) {
    animation.stop();
    for (const one of appearing) one.cancel();
    appearing = [];
    const { parameters, steps } = run.gradients;
    const names = JSON.stringify(parameters.map(({ name }) => name));
    if (names !== offered) menu.replaceChildren(...parameters.map(({ name }, k) => h("option", { value: k }, name)));
    offered = names;
    const one = parameters[parameter];
    if (!one) return;
    menu.value = String(parameter);
    const more = one.entries < one.numel ? fillIn(messages["gradients.more"], { shown: one.entries, numel: one.numel.toLocaleString("en") }) : "";
    about.textContent = [shape(one.shape), more].filter(Boolean).join(" · ");
    scroll.setAttribute("aria-label", fillIn(messages["gradients.alt"], { name: one.name, step }));
    const lacks = step >= steps ? fillIn(messages["gradients.kept"], { count: steps }) : one.verdicts[step] ? "" : messages["gradients.absent"];
    table.hidden = Boolean(lacks);
    verdicts.replaceChildren(...(lacks ? [h("li", {}, lacks)] : one.verdicts[step].map(({ kind, text }) => h("li", { "data-kind": kind || null }, text))));
    if (lacks) return;
    const size = one.rows.length * one.entries;
    const values = one.values.subarray(step * size, (step + 1) * size);
    const max = maxAbs(values);
    // Four digits of the largest number, or fewer of a small one, so that a column stays narrow.
    const digits = max > 0 ? 3 - Math.floor(Math.log10(max)) : 0;
    const decimals = Math.max(0, Math.min(digits, Math.max(4, digits - 2)));
    const rows = rowsFor(one);
    rows.flatMap(numberCells).forEach((cell, k) => {
      cell.style.background = diverging(values[k], max);
      cell.toggleAttribute("data-nonfinite", !Number.isFinite(values[k]));
      cell.textContent = aligned(values[k], decimals);
    });
    const local = one.rows.filter(isRank).length;
    const moves = isNew && hasOpened && one.rows[local] === "mean" && animation.isWanted();
    hasOpened = true;
    if (moves) fly(rows.slice(0, local), rows.slice(local));
  }
  /** Move the first numbers of the ranks into their mean, which then appears, and after it what follows from it. @param {HTMLTableRowElement[]} local @param {HTMLTableRowElement[]} later */
  function fly(local, later) {
    const visible = scroll.getBoundingClientRect();
    const origin = element.getBoundingClientRect();
    // All measuring comes first: reading after writing costs a layout.
    const columns = Array.from({ length: Math.min(FLYING, local[0].cells.length - 1) }, (_, c) => [...local, later[0]].map((row) => ({ cell: row.cells[c + 1], box: row.cells[c + 1].getBoundingClientRect() })));
    for (const places of columns) {
      const to = places.at(-1).box;
      if (to.right > visible.right) continue;
      for (const { cell, box } of places.slice(0, -1)) {
        if (box.bottom <= to.top) animation.fly(cell.textContent, box, to, { origin, duration: MOVE, background: cell.style.background });
      }
    }
    appearing = later.flatMap((row, n) => numberCells(row).map((cell) => cell.animate([{ color: "transparent", background: "var(--paper)" }, {}], { delay: MOVE + n * APPEAR, duration: APPEAR, fill: "backwards" })));
  }
  return { element, show };
}
