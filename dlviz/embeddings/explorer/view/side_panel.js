// Beside the map: search, the list of neighbors, and the similarity of two words term by term.

import { h, fillIn } from "../../../kit/js/dom.js";
import { format, diverging } from "../../../kit/js/numbers.js";
import { roundDown } from "../../../kit/js/scale.js";

const SHOWN = 8;
/** The most matching words that are highlighted on the map. */
const MAX_MATCHES = 200;

/** A search field; matching words are listed below it and highlighted on the map. */
export function searchBox({ messages, signal, pick, highlight }) {
  const input = h("input", { type: "text", placeholder: messages["side.search"], "aria-label": messages["side.search"], autocomplete: "off" });
  const list = h("div", { class: "embedding-results" });
  const element = h("div", { class: "embedding-search" }, input, list);
  let labels = [];
  let matches = [];
  function update() {
    const wanted = input.value.trim().toLowerCase();
    matches = wanted ? findMatches(labels, wanted) : [];
    highlight(matches);
    list.replaceChildren(...matches.slice(0, SHOWN).map((row) => {
      const button = h("button", { type: "button", class: "embedding-word", "data-row": row }, labels[row]);
      button.addEventListener("click", () => select(row), { signal });
      return button;
    }));
    if (wanted && !matches.length) list.append(h("span", { class: "embedding-muted" }, messages["side.no_match"]));
  }
  function select(row) {
    input.value = "";
    update();
    pick(row);
  }
  input.addEventListener("input", update, { signal });
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    const [first] = findMatches(labels, input.value.trim().toLowerCase());
    if (first !== undefined) select(first);
  }, { signal });
  return { element, show: (next) => (labels = next), matches: () => matches };
}

/** Rows whose label contains the text: equal labels first, then those that begin with it. */
function findMatches(labels, wanted) {
  const scores = [[], [], []];
  for (let row = 0; wanted && row < labels.length; row += 1) {
    const label = labels[row].toLowerCase();
    const index = label === wanted ? 0 : label.startsWith(wanted) ? 1 : label.includes(wanted) ? 2 : -1;
    if (index >= 0 && scores[index].length < MAX_MATCHES) scores[index].push(row);
  }
  return scores.flat().slice(0, MAX_MATCHES);
}

/** Words with their cosines, which can be dragged; a click calls `press` with the index in the list. The bars cover the range of `among`. */
export function neighborList({ labels, near, signal, pressed = -1, press, among = near.cosines }) {
  const [low, high] = range(among);
  const items = near.rows.map((row, index) => {
    const bar = h("span", { class: "embedding-bar", style: `width: ${(100 * (near.cosines[index] - low)) / (high - low)}%` });
    const button = h("button", { type: "button", class: "embedding-word", "data-row": row, title: labels[row], "aria-pressed": press && pressed >= 0 ? String(index === pressed) : null }, h("span", {}, labels[row]), bar, h("code", {}, fixed(near.cosines[index])));
    button.addEventListener("click", () => press(index), { signal });
    return h("li", {}, button);
  });
  // The bars do not start at 0: all cosines of a list are alike.
  const axis = h("div", { class: "embedding-scale", "aria-hidden": "true" }, ...[low, high].map((value) => h("span", {}, format(value, 2))));
  return h("div", {}, h("ol", { class: "embedding-list" }, ...items), axis);
}

/** Round numbers below and above some values. @param {number[]} values */
function range(values) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const step = roundDown(most > least ? most - least : 1);
  const low = Math.floor(least / step) * step;
  return [low, Math.max(Math.ceil(most / step) * step, low + step)];
}

/** A table of the terms of a cosine and their sum. */
export function similarityTable({ messages, word, other, item, cosine }) {
  const most = Math.max(...item.terms.map(Math.abs));
  const row = (name, a, b, term) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, a), h("td", {}, b), h("td", { style: `background: ${diverging(term, most)}` }, fixed(term)));
  const rows = item.dims.map((dim, k) => row(String(dim), fixed(item.a[k]), fixed(item.b[k]), item.terms[k]));
  if (item.rest_count) rows.push(row(fillIn(messages["side.rest"], { count: item.rest_count }), "", "", item.rest));
  const printed = [...item.terms, ...(item.rest_count ? [item.rest] : [])].reduce((sum, term) => sum + Number(term.toFixed(3)), 0);
  const residual = Number(cosine.toFixed(3)) - printed;
  const foot = [h("tr", {}, h("th", { scope: "row", colspan: 3 }, messages["side.sum"]), h("td", {}, h("b", {}, fixed(cosine))))];
  if (Math.abs(residual) > 5e-4) foot.push(h("tr", { class: "embedding-muted" }, h("td", { colspan: 4 }, fillIn(messages["side.rounding"], { size: format(residual, 1) }))));
  const head = h("thead", {}, h("tr", {}, h("th", { scope: "col" }, messages["side.dim"]), h("th", { scope: "col" }, word), h("th", { scope: "col" }, other), h("th", { scope: "col" }, "×")));
  return h("table", { class: "embedding-terms" }, head, h("tbody", {}, ...rows), h("tfoot", {}, ...foot));
}

/** Dot product, norms and distance of the unscaled vectors. */
export function similarityMeasures({ messages, item }) {
  const [a, b] = item.norms;
  const text = fillIn(messages["side.dot"], { dot: format(item.dot, 4), a: format(a, 4), b: format(b, 4), distance: format(item.distance, 4) });
  return h("p", { class: "embedding-muted" }, text);
}

/**
 * Buttons that insert the selected word into an input.
 * @param {{messages: Record<string, string>, word: string, slots: {name: string, insert: () => void}[], signal: AbortSignal}} options
 */
export function insertButtons({ messages, word, slots, signal }) {
  const text = fillIn(messages["side.insert"], { word });
  return h("div", { class: "embedding-insert" }, h("span", { class: "embedding-muted" }, text), ...slots.map(({ name, insert }) => {
    const button = h("button", { type: "button", "aria-label": `${text} ${name}`, "data-key": `insert ${name}` }, name);
    button.addEventListener("click", insert, { signal });
    return button;
  }));
}

/** Three decimals with a true minus sign. */
function fixed(value) {
  return value.toFixed(3).replace("-", "−");
}
