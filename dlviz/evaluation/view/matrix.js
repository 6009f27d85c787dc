// The matrix as a grid of cells, with the figures of every class in its margins.

import { arrowDirection, closest, h, fillIn, onKeys } from "../../kit/js/dom.js";
import { placeReadout } from "../../kit/js/readout.js";

/** How much of its color the fullest cell has, in percent; text stays readable on it. */
const MAX_OPACITY = 55;
/** Largest number of classes for each size of a cell in pixels. */
const CELL_SIZES = [[3, 72], [6, 52], [12, 34], [20, 26], [Infinity, 24]];
/** Cells smaller than this are narrow: style.css may shrink them to the other size, where there is little room. */
const NARROW = 30, SHRUNK = 20;
/** A root of the fraction, so that a single mistake is visible. */
const ROOT = 0.4;

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, open: (cell: number[]) => void}} options
 */
export function matrix({ messages, signal, open }) {
  const table = h("div", { class: "confusion-table", role: "grid", "aria-label": messages["confusion.alt"] });
  const caption = h("output", { class: "dlviz-readout confusion-readout", hidden: "" });
  const element = h("div", { class: "confusion-matrix" }, h("div", { class: "evaluation-title" }, h("b", {}, messages["confusion.matrix"]), h("span", { class: "dlviz-soft" }, messages["confusion.axes"])), h("div", { class: "confusion-scroll" }, table), caption);
  let scene = null;
  let cells = [];
  let layout = "";
  /** Index of the cell at which the tab key stops. */
  let tabStop = 0;
  /** Row and column of the cell whose caption is shown, or null. */
  let pointed = null;

  const className = (k) => scene.names[scene.classes[k]];
  const rowCount = () => scene.classes.length;
  /** There is one more column where there are examples with a NaN. */
  const columnCount = () => rowCount() + (scene.unclassified.some((count) => count > 0) ? 1 : 0);
  const cellAt = (index) => cells[Math.floor(index / columnCount())][index % columnCount()];

  function show(next) {
    scene = next;
    const key = JSON.stringify([Array.from(scene.classes), scene.names, columnCount()]);
    if (key !== layout) build();
    layout = key;
  }
  function build() {
    const hadFocus = table.contains(document.activeElement);
    const size = CELL_SIZES.find(([most]) => rowCount() <= most)[1];
    const names = Array.from({ length: rowCount() }, (_, k) => className(k));
    table.style.setProperty("--columns", String(columnCount()));
    table.style.setProperty("--wanted", `${size}px`);
    table.toggleAttribute("data-narrow", size < NARROW);
    const room = size < NARROW ? SHRUNK : size;
    const long = names.some((name) => name.length * 7 + 4 > room) ? "" : null;
    const header = (text, name) => h("span", { role: "columnheader", class: "confusion-head", "data-long": long, title: name }, h("span", {}, text));
    const headers = names.map((name) => header(name, name));
    if (columnCount() > rowCount()) headers.push(header(messages["confusion.unclassified"], messages["confusion.unclassified_long"]));
    const figures = ["recall", "f1", "support"].map((name) => h("span", { role: "columnheader", class: "confusion-figure dlviz-soft" }, messages[`confusion.${name}`]));
    cells = names.map((_, r) => Array.from({ length: columnCount() }, (__, c) => h("div", { role: "gridcell", class: "confusion-cell", tabindex: -1, "data-at": `${r},${c}` })));
    const rows = names.map((name, r) => {
      const margin = ["recall", "f1", "support"].map((figure) => h("span", { role: "gridcell", class: "confusion-figure", "data-figure": figure }));
      return h("div", { role: "row" }, h("span", { role: "rowheader", class: "confusion-name", title: name }, name), ...cells[r], ...margin);
    });
    const precisions = names.map(() => h("span", { role: "gridcell", class: "confusion-precision" }));
    const foot = h("div", { role: "row", class: "confusion-foot" }, h("span", { role: "rowheader", class: "confusion-name dlviz-soft" }, messages["confusion.precision"]), ...precisions);
    table.replaceChildren(h("div", { role: "row" }, h("span", { role: "columnheader", class: "confusion-name" }, ""), ...headers, ...figures), ...rows, foot);
    tabStop = Math.min(tabStop, rowCount() * columnCount() - 1);
    cellAt(tabStop).tabIndex = 0;
    if (hadFocus) cellAt(tabStop).focus();
  }

  /** Show the cells' texts and colors, the figures, and which cell is opened. */
  function update({ shows, opened }) {
    const figures = [...table.querySelectorAll("[data-figure]")];
    for (let r = 0; r < rowCount(); r += 1) {
      for (let c = 0; c < columnCount(); c += 1) updateCell(cells[r][c], r, c, shows, opened);
      figures[3 * r].textContent = fraction(scene.recall[r]);
      figures[3 * r + 1].textContent = fraction(scene.f1[r]);
      figures[3 * r + 2].textContent = scene.support[r].toLocaleString("en");
    }
    table.querySelectorAll(".confusion-precision").forEach((node, c) => { node.textContent = fraction(scene.precision[c]); });
    showCaption(pointed);
  }
  function updateCell(node, r, c, shows, opened) {
    const unclassified = c >= rowCount();
    const index = r * rowCount() + c;
    const count = unclassified ? scene.unclassified[r] : scene.counts[index];
    const ofRow = unclassified ? count / scene.support[r] : scene.rows[index];
    const ofColumn = scene.columns[index];
    const shown = shows === "precision" && !unclassified ? ofColumn : ofRow;
    const color = r === c ? "good" : "bad";
    node.textContent = !count ? "" : unclassified || shows === "counts" ? String(count) : shortFraction(shown);
    node.style.background = count ? `color-mix(in srgb, var(--${color}) ${(MAX_OPACITY * shown ** ROOT).toFixed(1)}%, var(--paper))` : "";
    node.setAttribute("aria-label", describe(r, c));
    const isOpened = opened.length === 2 && opened[0] === scene.classes[r] && opened[1] === (unclassified ? -1 : scene.classes[c]);
    node.toggleAttribute("data-opened", isOpened);
    node.setAttribute("aria-selected", String(isOpened));
    node.toggleAttribute("data-right", r === c);
  }
  function describe(r, c) {
    if (c >= rowCount()) return fillIn(messages["confusion.unclassified_cell"], { true: className(r), count: scene.unclassified[r] });
    const index = r * rowCount() + c;
    return fillIn(messages["confusion.cell"], {
      true: className(r), predicted: className(c), count: scene.counts[index], row: scene.support[r], column: scene.predicted[c], recall: fraction(scene.rows[index]), precision: fraction(scene.columns[index]),
    });
  }
  function showCaption(cell) {
    pointed = cell;
    caption.hidden = !pointed || pointed[0] >= rowCount() || pointed[1] >= columnCount();
    if (caption.hidden) return;
    caption.textContent = describe(...pointed);
    const [outer, box] = [element.getBoundingClientRect(), cells[pointed[0]][pointed[1]].getBoundingClientRect()];
    placeReadout(caption, [box.left + box.width / 2 - outer.left, box.top + box.height / 2 - outer.top]);
  }

  /** Row and column of an event's cell, or null. @returns {[number, number] | null} */
  function cellOf(event) {
    const [r, c] = closest(event, ".confusion-cell")?.dataset.at.split(",").map(Number) ?? [];
    return r === undefined ? null : [r, c];
  }
  function openCell([r, c]) {
    open([scene.classes[r], c < rowCount() ? scene.classes[c] : -1]);
  }
  /** Move the tab stop to a cell. @param {[number, number]} cell */
  function moveTabStop([r, c]) {
    cellAt(tabStop).tabIndex = -1;
    tabStop = r * columnCount() + c;
    cellAt(tabStop).tabIndex = 0;
    return cellAt(tabStop);
  }
  table.addEventListener("click", (event) => {
    const cell = cellOf(event);
    if (!cell) return;
    moveTabStop(cell);
    openCell(cell);
  }, { signal });
  for (const kind of ["pointerover", "focusin"]) {
    table.addEventListener(kind, (event) => {
      const cell = cellOf(event);
      if (cell) showCaption(cell);
    }, { signal });
  }
  table.addEventListener("pointerleave", () => showCaption(null), { signal });
  table.addEventListener("focusout", () => showCaption(null), { signal });
  onKeys(table, signal, (event) => {
    const cell = cellOf(event);
    const direction = arrowDirection(event);
    if (cell && event.key === "Enter") openCell(cell);
    else if (cell && direction) moveTabStop([clamp(cell[0] + direction[1], rowCount()), clamp(cell[1] + direction[0], columnCount())]).focus();
    else return false;
    return true;
  });
  return { element, show, update };
}

function clamp(value, count) {
  return Math.max(0, Math.min(count - 1, value));
}

/** A fraction with two decimals, and a dash where it is undefined. */
function fraction(value) {
  return Number.isNaN(value) ? "–" : value.toFixed(2);
}

/** The same without the zero before the point, for a narrow cell. */
function shortFraction(value) {
  return Number.isNaN(value) ? "–" : value >= 0.995 ? "1" : value.toFixed(2).slice(1);
}
