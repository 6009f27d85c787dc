// A sample of the model: a row for every layer, and below it a histogram of its weights.

import { h, fillIn } from "../../kit/js/dom.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { format } from "../../kit/js/numbers.js";

/** @param {any[][]} rows name, gradient norm, update ratio, share of dead units, heights of the weights' histogram and its ends; "" for a missing value @param {string} sampled at which step */
export function layerTable(rows, sampled, messages) {
  const largest = Math.max(1e-30, ...rows.map((row) => (Number.isFinite(Number(row[1])) ? Number(row[1]) : 0)));
  const head = h("tr", {}, h("th", { scope: "col" }, messages.layer), ...["gradient", "ratio", "dead"].map((name) => h("th", { scope: "col", title: messages[`${name}_long`] }, messages[name])));
  const body = rows.flatMap(([name, gradient, ratio, dead, heights, low, high]) => [
    h("tr", {},
      h("th", { scope: "row", title: name }, name),
      h("td", {}, Number.isFinite(Number(gradient)) && gradient !== "" ? bar(Number(gradient) / largest) : null, text(gradient)),
      h("td", {}, text(ratio)),
      h("td", { "data-warn": Number(dead) > 0.5 ? "" : null }, dead === "" ? "" : `${Math.round(100 * Number(dead))}%`)),
    heights === "" ? null : h("tr", { class: "live-histogram-row" }, h("td", { colspan: 4 }, histogram(typedArray(heights, "uint8"), low, high, messages))),
  ]);
  return h("div", {}, h("h4", {}, messages.layers, h("small", { class: "dlviz-soft live-sampled" }, ` ${sampled}`)), h("table", { class: "live-layers" }, head, ...body), h("p", { class: "dlviz-soft" }, messages.layers_key));
}

/** Bars from the least weight to the largest, in the colors of their signs. */
function histogram(heights, low, high, messages) {
  const bars = h("span", { class: "live-bars", role: "img", "aria-label": fillIn(messages.histogram, { low: format(low, 2), high: format(high, 2) }) });
  heights.forEach((height, k) => {
    const node = bar(height / 255);
    node.dataset.sign = low + ((k + 0.5) / heights.length) * (high - low) < 0 ? "neg" : "pos";
    bars.append(node);
  });
  return h("span", { class: "live-histogram" }, h("small", {}, format(low, 2)), bars, h("small", {}, format(high, 2)));
}

function text(value) {
  return value === "" ? "" : format(Number(value), 2);
}
function bar(fraction) {
  const node = h("i");
  node.style.setProperty("--share", String(fraction));
  return node;
}
