// Features or tokens: a line for every input, colored by the open method, and a table with the numbers of all methods.

import { arrowDirection, closest, fillIn, h, onKeys } from "../../kit/js/dom.js";
import { diverging, format } from "../../kit/js/numbers.js";
import { bar } from "./terms.js";

/** @param {{messages: Record<string, string>, signal: AbortSignal, choose: (next: {index?: number, method?: string, place?: number[]}) => void}} options choose: called with what a click or a key chooses */
export function table({ messages, signal, choose }) {
  const lines = h("div", { class: "attr-lines" });
  const list = h("div", { class: "attr-table", role: "grid", tabindex: "0", "aria-label": messages.table });
  const element = h("div", {}, lines, list);
  /** @type {any} */
  let now = null;

  lines.addEventListener("click", (event) => {
    const line = closest(event, "[data-index]");
    const word = closest(event, "[data-place]");
    if (line) choose({ index: Number(line.dataset.index), ...(word ? { place: [Number(word.dataset.place)] } : {}) });
  }, { signal });
  list.addEventListener("click", (event) => {
    const row = closest(event, "[data-place]");
    const cell = closest(event, "[data-method]");
    if (row || cell) choose({ ...(row ? { place: [Number(row.dataset.place)] } : {}), ...(cell ? { method: cell.dataset.method } : {}) });
  }, { signal });
  onKeys(list, signal, (event) => {
    const direction = arrowDirection(event);
    if (!direction) return false;
    const { scene, place, method, index } = now;
    const last = scene.names[index].length - 1;
    const next = { place: [Math.max(0, Math.min(last, (place[0] ?? -1) + direction[1]))], method: scene.methods[Math.max(0, Math.min(scene.methods.length - 1, scene.methods.indexOf(method) + direction[0]))] };
    // A second key may be pressed before the next frame.
    Object.assign(now, next);
    choose(next);
    return true;
  });

  /** @param {{scene: any, index: number, method: string, place: number[], signed: boolean, limitOf: (method: string, index: number) => number}} next */
  function draw(next) {
    now = { ...next };
    showLines();
    showTable();
  }
  function valuesOf(method, index) {
    return now.signed ? now.scene.maps[method][index] : now.scene.strengths[method][index];
  }
  function showLines() {
    const { scene, method, limitOf } = now;
    lines.hidden = scene.kind === "row" && scene.count === 1;
    if (lines.hidden) return;
    lines.replaceChildren(...scene.inputs.map(({ label, name, prob, score, single }, index) => {
      const [values, limit] = [valuesOf(method, index), limitOf(method, index)];
      const text = single ? fillIn(messages.score, { score: format(score, 3) }) : `${fillIn(messages.explained, { name })} · ${fillIn(messages.prob, { prob: prob.toFixed(3) })}`;
      const words = scene.names[index].map((word, k) => h("span", { class: "attr-word", "data-place": k, "data-marked": index === now.index && k === now.place[0] ? "" : null, style: `background: ${diverging(values[k], limit)}`, title: format(values[k], 3) }, word));
      const button = scene.count > 1 ? h("button", { type: "button", class: "attr-choose", "aria-pressed": String(index === now.index) }, h("b", {}, label), ` ${text}`) : null;
      return h("div", { class: "attr-line", "data-index": index }, button, h("div", { class: "attr-text", dir: "auto" }, ...words));
    }));
  }
  function showTable() {
    const { scene, index, method, place, limitOf } = now;
    const all = scene.methods.map((name) => ({ name, values: valuesOf(name, index), limit: limitOf(name, index) }));
    const hasTexts = scene.texts[index].some(Boolean);
    list.style.setProperty("--methods", String(all.length));
    list.toggleAttribute("data-texts", hasTexts);
    const heads = h("div", { role: "row", class: "attr-cells attr-table-heads" },
      h("span", { role: "columnheader" }, messages[scene.kind === "tokens" ? "token" : "feature"]), hasTexts ? h("span", { role: "columnheader" }, messages.value) : null,
      ...all.map(({ name }) => h("span", { role: "columnheader", "data-method": name, "data-open": name === method ? "" : null }, messages[`method.${name}`])));
    const rows = scene.names[index].map((word, k) => h("div", { role: "row", class: "attr-cells", "data-place": k, "data-marked": k === place[0] ? "" : null },
      h("span", { role: "rowheader", title: word }, h("bdi", {}, word)), hasTexts ? h("span", { role: "gridcell", class: "attr-number" }, scene.texts[index][k]) : null,
      ...all.map(({ name, values, limit }) => h("span", { role: "gridcell", class: "attr-cell", "data-method": name, "aria-selected": String(k === place[0] && name === method), "data-open": name === method ? "" : null }, bar(values[k], limit), h("span", { class: "attr-number" }, format(values[k], 3))))));
    const totals = h("div", { role: "row", class: "attr-cells attr-table-totals" },
      h("span", { role: "rowheader" }, messages.table_sum), hasTexts ? h("span", { role: "gridcell" }) : null,
      ...all.map(({ name }) => h("span", { role: "gridcell", class: "attr-number" }, scene.units[name] === "gradient" ? "" : format(scene.totals[name][index].sum, 3))));
    const top = list.scrollTop;
    list.replaceChildren(heads, ...rows, totals);
    list.scrollTop = top;
    const marked = list.querySelector("[data-marked]");
    // A key moves the mark; at first the table stands at its beginning.
    if (marked instanceof HTMLElement && list.matches(":focus")) {
      const [from, to] = [marked.offsetTop - 26, marked.offsetTop + marked.offsetHeight + 26];
      if (from < list.scrollTop) list.scrollTop = from;
      else if (to > list.scrollTop + list.clientHeight) list.scrollTop = to - list.clientHeight;
    }
  }
  return { element, draw };
}
