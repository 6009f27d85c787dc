// The answers to the questions about an export, each as a few nodes.

import { h } from "../../kit/js/dom.js";
import { fold } from "../../kit/js/fold.js";

/** @param {Record<string, string>} messages @param {any} scene @param {string} tab @param {AbortSignal} signal @returns {Node[]} */
export function answers(messages, scene, tab, signal) {
  /** Torch's own words, folded: the plain sentence comes first. @param {string} words */
  const torch = (words) => (words ? fold({ title: messages.torch_words, className: "exp-torch", signal }, soft(words)) : null);
  return { branches: () => branches(messages, scene, torch), sizes: () => sizes(messages, scene.sizes), parity: () => parity(messages, scene.parity), compile: () => compile(scene.compile, torch), saving: () => saving(scene.saving) }[tab]();
}

const text = (words, kind = "") => h("p", { class: "exp-text", "data-kind": kind }, words);
const code = (lines) => h("pre", { class: "exp-code" }, lines);
const soft = (words) => h("p", { class: "dlviz-soft" }, words);

function branches(messages, { branches: list, torch, verdict }, words) {
  if (!list.length) return torch ? [text(verdict, "bad"), words(torch)] : [text(messages.no_branches, "good")];
  return list.map((one, k) => h("div", { class: "exp-pair" },
    h("div", {}, soft(one.where), code(one.code), text(`${one.text} ${one.taken}`, "bad"), k === 0 ? words(torch) : null),
    h("div", {}, one.repair ? soft(messages.instead) : null, one.repair ? code(one.repair) : null, text(`${one.advice} ${one.clone}`))));
}

function sizes(messages, { ranges, fixed, guards }) {
  const row = (name, places, words, tried = "") => h("tr", {}, h("th", { scope: "row" }, h("code", {}, name)), h("td", {}, h("code", {}, places)), h("td", {}, words), h("td", {}, tried));
  const table = h("table", { class: "exp-table" }, h("tbody", {}, ...ranges.map((one) => row(one.name, one.places, one.text, one.tried)), ...fixed.map((one) => row(one.name, "", one.text))));
  return [h("div", { class: "exp-sizes" }, table, guards.length ? h("div", {}, soft(messages.guards), code(guards.join("\n"))) : null)];
}

function parity(messages, { runtimes, rows, parting, sides: taken, missing }) {
  const above = h("tr", {}, h("th", { scope: "col", rowspan: "2" }, messages.input), h("th", { scope: "col", rowspan: "2" }, messages.sizes_of), runtimes.length ? h("th", { scope: "colgroup", colspan: String(runtimes.length) }, messages.largest) : null);
  const head = h("tr", {}, ...runtimes.map((name) => h("th", { scope: "col" }, name)));
  const body = rows.map(({ label, shapes, cells }) => h("tr", {}, h("th", { scope: "row" }, label), h("td", {}, h("code", {}, shapes)), ...cells.map((cell) => h("td", { "data-kind": cell.kind, "data-worst": cell.worst ? "" : null, title: cell.title }, cell.text))));
  return [parting ? text(parting, "bad") : null, ...taken.map((one) => text(one.text, one.good ? "good" : "bad")), missing ? soft(missing) : null, h("table", { class: "exp-table" }, h("thead", {}, above, head), h("tbody", {}, ...body)), soft(messages.errors)].filter(Boolean);
}

function compile({ text: words, breaks }, torch) {
  return [text(words), ...breaks.map((one) => h("div", { class: "exp-pair" }, h("div", {}, soft(one.where), one.code ? code(one.code) : null), h("div", {}, text(one.text), torch(one.torch))))];
}

function saving(list) {
  return list.map((one) => h("div", { class: "exp-finding" }, text(one.text, one.good ? "good" : "bad"), one.code ? code(one.code) : null));
}
