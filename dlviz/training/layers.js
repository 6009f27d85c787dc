// What the newest look into the model found: a row for every layer.

import { h } from "../kit/js/dom.js";
import { format } from "../kit/js/numbers.js";

/** @param {[string, any, any, any][]} rows name, gradient norm, update ratio, dead share; "" where there is none */
export function layersOf(rows, words) {
  const most = Math.max(1e-30, ...rows.map((row) => (Number.isFinite(Number(row[1])) ? Number(row[1]) : 0)));
  const head = h("tr", {}, h("th", { scope: "col" }, words.layer), ...["gradient", "ratio", "dead"].map((name) => h("th", { scope: "col", title: words[`${name}_long`] }, words[name])));
  const body = rows.map(([name, gradient, ratio, dead]) => h("tr", {},
    h("th", { scope: "row", title: name }, name),
    h("td", {}, Number.isFinite(Number(gradient)) && gradient !== "" ? bar(Number(gradient) / most) : null, text(gradient)),
    h("td", {}, text(ratio)),
    h("td", { "data-warn": Number(dead) > 0.5 ? "" : null }, dead === "" ? "" : `${Math.round(100 * Number(dead))}%`)));
  return h("div", {}, h("h4", {}, words.layers), h("table", { class: "live-layers" }, head, ...body));
}

function text(value) {
  return value === "" ? "" : format(Number(value), 2);
}
function bar(share) {
  const node = h("i");
  node.style.setProperty("--share", String(share));
  return node;
}
