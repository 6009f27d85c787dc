// Beside the map: search, neighbors, a cosine term by term, an analogy, an axis of one's own.

import { h, fillIn } from "../../../kit/js/dom.js";
import { format, diverging } from "../../../kit/js/numbers.js";

const SHOWN = 8;
/** So many of the words that fit are ringed on the map. */
const RINGED = 200;

/** A field in which words are looked for; what fits is listed below it, and ringed on the map. */
export function search({ messages, signal, pick, seek }) {
  const input = h("input", { type: "text", placeholder: messages["side.search"], "aria-label": messages["side.search"], autocomplete: "off" });
  const list = h("div", { class: "vec-hits" });
  const element = h("div", { class: "vec-search" }, input, list);
  let labels = [];
  let hits = [];
  function look() {
    const wanted = input.value.trim().toLowerCase();
    hits = wanted ? ranked(labels, wanted) : [];
    seek(hits);
    list.replaceChildren(...hits.slice(0, SHOWN).map((row) => {
      const button = h("button", { type: "button", class: "vec-word", "data-row": row }, labels[row]);
      button.addEventListener("click", () => take(row), { signal });
      return button;
    }));
    if (wanted && !hits.length) list.append(h("span", { class: "vec-soft" }, messages["side.none"]));
  }
  function take(row) {
    input.value = "";
    look();
    pick(row);
  }
  input.addEventListener("input", look, { signal });
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    const [first] = ranked(labels, input.value.trim().toLowerCase());
    if (first !== undefined) take(first);
  }, { signal });
  return { element, show: (next) => (labels = next), hits: () => hits };
}

/** Rows whose label holds the text: the same first, then those that begin with it. */
function ranked(labels, wanted) {
  const scores = [[], [], []];
  for (let row = 0; wanted && row < labels.length; row += 1) {
    const label = labels[row].toLowerCase();
    const place = label === wanted ? 0 : label.startsWith(wanted) ? 1 : label.includes(wanted) ? 2 : -1;
    if (place >= 0 && scores[place].length < RINGED) scores[place].push(row);
  }
  return scores.flat().slice(0, RINGED);
}

/** Words with their cosines, to be pressed or carried away; pressing one calls `press` with its place in the list. */
export function ranking({ labels, near, signal, pressed = -1, press }) {
  return h("ol", { class: "vec-list" }, ...near.rows.map((row, place) => {
    const bar = h("span", { class: "vec-bar", style: `width: ${Math.max(0, Math.min(1, near.cosines[place])) * 60}px` });
    const button = h("button", { type: "button", class: "vec-word", "data-row": row, title: labels[row], "aria-pressed": press && pressed >= 0 ? String(place === pressed) : null }, h("span", {}, labels[row]), bar, h("code", {}, fixed(near.cosines[place])));
    button.addEventListener("click", () => press(place), { signal });
    return h("li", {}, button);
  }));
}

/** The cosine of two words: each term a product of two numbers, and their sum. */
export function itemised({ messages, one, other, item, cosine }) {
  const most = Math.max(...item.terms.map(Math.abs));
  const row = (name, a, b, term) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, a), h("td", {}, b), h("td", { style: `background: ${diverging(term, most)}` }, fixed(term)));
  const rows = item.dims.map((dim, k) => row(String(dim), fixed(item.a[k]), fixed(item.b[k]), item.terms[k]));
  if (item.left) rows.push(row(fillIn(messages["side.rest"], { count: item.left }), "", "", item.rest));
  const printed = [...item.terms, ...(item.left ? [item.rest] : [])].reduce((sum, term) => sum + Number(term.toFixed(3)), 0);
  const residual = Number(cosine.toFixed(3)) - printed;
  const foot = [h("tr", {}, h("th", { scope: "row", colspan: 3 }, messages["side.sum"]), h("td", {}, h("b", {}, fixed(cosine))))];
  if (Math.abs(residual) > 5e-4) foot.push(h("tr", { class: "vec-soft" }, h("td", { colspan: 4 }, fillIn(messages["side.rounding"], { size: format(residual, 1) }))));
  const head = h("thead", {}, h("tr", {}, h("th", { scope: "col" }, messages["side.dim"]), h("th", { scope: "col" }, one), h("th", { scope: "col" }, other), h("th", { scope: "col" }, "×")));
  return h("table", { class: "vec-product" }, head, h("tbody", {}, ...rows), h("tfoot", {}, ...foot));
}

/** The product of the vectors as they are, which the cosine is a part of, and their distance. */
export function measures({ messages, item }) {
  const [one, other] = item.lengths;
  const text = fillIn(messages["side.dot"], { dot: format(item.dot, 4), one: format(one, 4), other: format(other, 4), distance: format(item.distance, 4) });
  return h("p", { class: "vec-soft" }, text);
}

/** Buttons that put the chosen word into a field; @param {{name: string, put: () => void}[]} into */
export function putting({ messages, word, into, signal }) {
  const text = fillIn(messages["side.put"], { word });
  return h("div", { class: "vec-put" }, h("span", { class: "vec-soft" }, text), ...into.map(({ name, put }) => {
    const button = h("button", { type: "button", "aria-label": `${text} ${name}`, "data-key": `put ${name}` }, name);
    button.addEventListener("click", put, { signal });
    return button;
  }));
}

/** Three decimals with a true minus sign. */
function fixed(value) {
  return value.toFixed(3).replace("-", "−");
}
