// The matrix as a grid of cells with the figures of every class in its margins.

import { h, fillIn } from "../../kit/js/dom.js";

/** How much of a color the fullest cell has, in percent: text stays readable on it. */
const STRONG = 55;
/** Pixels of a cell, for up to so many classes. */
const SIDES = [[3, 72], [6, 52], [12, 34], [20, 26], [Infinity, 21]];
/** A root of the share, so that a single mistake can be seen. */
const ROOT = 0.4;

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, open: (cell: number[]) => void}} options
 */
export function matrix({ messages, signal, open }) {
  const table = h("div", { class: "conf-table", role: "grid", "aria-label": messages["confusion.alt"] });
  const told = h("output", { class: "conf-caption" });
  const element = h("div", {}, h("div", { class: "conf-title" }, h("b", {}, messages["confusion.matrix"]), h("span", { class: "conf-muted" }, messages["confusion.axes"])), h("div", { class: "conf-scroll" }, table), told);
  let scene = null;
  let cells = [];
  let layout = "";
  let stop = 0;
  let pointed = null;

  const name = (k) => scene.names[scene.classes[k]];
  const size = () => scene.classes.length;
  /** A column more where there are examples with a NaN. */
  const across = () => size() + (scene.unclassified.some((count) => count > 0) ? 1 : 0);

  function show(next) {
    scene = next;
    const wanted = JSON.stringify([Array.from(scene.classes), scene.names, across()]);
    if (wanted !== layout) build();
    layout = wanted;
  }
  function build() {
    const around = table.contains(document.activeElement);
    const count = size();
    const side = SIDES.find(([most]) => count <= most)[1];
    const names = Array.from({ length: count }, (_, k) => name(k));
    table.style.setProperty("--columns", String(across()));
    table.style.setProperty("--wanted", `${side}px`);
    table.toggleAttribute("data-narrow", side < 30);
    const long = names.some((one) => one.length * 7 > side);
    const heads = names.map((one) => h("span", { role: "columnheader", class: "conf-head", "data-long": long ? "" : null, title: one }, h("span", {}, one)));
    const nan = across() > count ? [h("span", { role: "columnheader", class: "conf-head", "data-long": long ? "" : null, title: messages["confusion.unclassified_long"] }, h("span", {}, messages["confusion.unclassified"]))] : [];
    const figures = ["recall", "f1", "support"].map((one) => h("span", { role: "columnheader", class: "conf-figure conf-muted" }, messages[`confusion.${one}`]));
    cells = [];
    const rows = names.map((one, r) => {
      const row = Array.from({ length: across() }, (_, c) => h("div", { role: "gridcell", class: "conf-cell", tabindex: -1, "data-at": `${r},${c}` }));
      cells.push(row);
      const margin = ["recall", "f1", "support"].map((what) => h("span", { role: "gridcell", class: "conf-figure", "data-what": what }));
      return h("div", { role: "row" }, h("span", { role: "rowheader", class: "conf-name", title: one }, one), ...row, ...margin);
    });
    const under = names.map(() => h("span", { role: "gridcell", class: "conf-precision" }));
    const foot = h("div", { role: "row", class: "conf-foot" }, h("span", { role: "rowheader", class: "conf-name conf-muted" }, messages["confusion.precision"]), ...under);
    table.replaceChildren(h("div", { role: "row" }, h("span", { role: "columnheader", class: "conf-name" }, ""), ...heads, ...nan, ...figures), ...rows, foot);
    stop = Math.min(stop, count * across() - 1);
    at(stop).tabIndex = 0;
    if (around) at(stop).focus();
  }
  const at = (place) => cells[Math.floor(place / across())][place % across()];

  /** What a cell shows, its color, and which one is opened. */
  function mark({ shows, opened }) {
    const count = size();
    const figures = [...table.querySelectorAll("[data-what]")];
    for (let r = 0; r < count; r += 1) {
      for (let c = 0; c < across(); c += 1) paint(cells[r][c], r, c, shows, opened);
      figures[3 * r].textContent = share(scene.recall[r]);
      figures[3 * r + 1].textContent = share(scene.f1[r]);
      figures[3 * r + 2].textContent = scene.support[r].toLocaleString("en");
    }
    tell(pointed);
    [...table.querySelectorAll(".conf-precision")].forEach((node, c) => { node.textContent = share(scene.precision[c]); });
  }
  function paint(node, r, c, shows, opened) {
    const count = size();
    const [n, unclassified] = [c < count ? scene.counts[r * count + c] : scene.unclassified[r], c >= count];
    const part = unclassified || shows === "counts" ? null : (shows === "recall" ? scene.rows : scene.columns)[r * count + c];
    const strong = n ? STRONG * (unclassified ? n / scene.support[r] : shows === "precision" ? part : scene.rows[r * count + c]) ** ROOT : 0;
    node.textContent = n ? (part === null ? String(n) : short(part)) : "";
    node.style.background = n ? `color-mix(in srgb, var(--${unclassified ? "bad" : r === c ? "neg" : "pos"}) ${strong.toFixed(1)}%, var(--paper))` : "";
    node.setAttribute("aria-label", telling(r, c));
    const chosen = opened.length === 2 && opened[0] === scene.classes[r] && opened[1] === (unclassified ? -1 : scene.classes[c]);
    node.toggleAttribute("data-chosen", chosen);
    node.setAttribute("aria-selected", String(chosen));
    node.toggleAttribute("data-right", r === c);
  }
  function telling(r, c) {
    const count = size();
    if (c >= count) return fillIn(messages["confusion.unclassified_cell"], { true: name(r), count: scene.unclassified[r] });
    const place = r * count + c;
    return fillIn(messages["confusion.cell"], {
      true: name(r), predicted: name(c), count: scene.counts[place], row: scene.support[r], column: scene.predicted[c], recall: share(scene.rows[place]), precision: share(scene.columns[place]),
    });
  }

  /** The cell that is pointed at, told anew when its numbers change. */
  function tell(found) {
    pointed = found;
    told.textContent = pointed && pointed[0] < size() && pointed[1] < across() ? telling(...pointed) : "";
  }

  function place(event) {
    const node = event.target.closest?.(".conf-cell");
    return node ? node.dataset.at.split(",").map(Number) : null;
  }
  function choose([r, c]) {
    open([scene.classes[r], c < size() ? scene.classes[c] : -1]);
  }
  table.addEventListener("click", (event) => {
    const found = place(event);
    if (!found) return;
    settle(found);
    choose(found);
  }, { signal });
  for (const kind of ["pointerover", "focusin"]) {
    table.addEventListener(kind, (event) => {
      const found = place(event);
      if (found) tell(found);
    }, { signal });
  }
  table.addEventListener("keydown", (event) => {
    const found = place(event);
    if (!found || event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (event.key === "Enter") choose(found);
    else if (event.key in moves) settle([clamp(found[0] + moves[event.key][0], size()), clamp(found[1] + moves[event.key][1], across())]).focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }, { signal });
  /** The one cell that the tab key stops at. */
  function settle([r, c]) {
    at(stop).tabIndex = -1;
    stop = r * across() + c;
    at(stop).tabIndex = 0;
    return at(stop);
  }
  return { element, show, mark };
}

function clamp(value, count) {
  return Math.max(0, Math.min(count - 1, value));
}

/** A share with two decimals, and a dash where it is undefined. */
export function share(value) {
  return Number.isNaN(value) ? "–" : value.toFixed(2);
}

/** The same without the zero before the point, for a narrow cell. */
function short(value) {
  return Number.isNaN(value) ? "–" : value >= 0.995 ? "1" : value.toFixed(2).slice(1);
}
