// The weights of one layer before and after, how some of them are rounded, and the list of all layers.

import { chart } from "../../kit/js/chart.js";
import { closest, fillIn, h, s } from "../../kit/js/dom.js";
import { format, shape } from "../../kit/js/numbers.js";

const HISTOGRAM = 190;
const LEVELS = 74;

/** @param {{messages: Record<string, string>, signal: AbortSignal, select: (index: number) => void}} options */
export function layerPanel({ messages, signal, select }) {
  const title = h("b", {});
  const about = h("span", { class: "dlviz-soft" });
  const plot = chart({ width: 0, height: HISTOGRAM, margin: { left: 34, right: 10, top: 8, bottom: 32 } });
  const legend = h("div", { class: "cmp-keys" });
  const rounding = levelsPanel(messages);
  const list = h("div", { class: "cmp-layers", role: "group", "aria-label": messages.layers });
  const weights = h("div", { class: "cmp-column" }, h("div", { class: "dlviz-panel-title" }, title, about), plot.element, legend, rounding.element);
  const all = h("div", { class: "cmp-column" }, h("div", { class: "dlviz-panel-title" }, h("b", {}, messages.layers), h("span", { class: "dlviz-soft" }, messages.layers_how)), list);
  const element = h("div", { class: "cmp-weights" }, weights, all);
  list.addEventListener("click", (event) => {
    const row = closest(event, "[data-layer]");
    if (row) select(Number(row.dataset.layer));
  }, { signal });

  function drawHistogram(layer) {
    const { before, after, limit } = layer;
    const most = Math.max(1, ...before, ...after);
    const edge = (k) => -limit + (2 * limit * k) / before.length;
    const bars = (counts, kind) => Array.from(counts, (count, k) => {
      const bar = plot.bar(edge(k), edge(k + 1), count);
      bar.setAttribute("class", kind);
      return bar;
    });
    const counts = { zeros: layer.zeros.toLocaleString("en"), count: layer.count.toLocaleString("en") };
    plot.draw({
      x: { domain: [-limit, limit], ticks: [-limit, 0, limit].map((value) => [value, format(value, 2)]), title: messages.weight_axis },
      y: { domain: [0, most], ticks: [[0, "0"], [most, String(most)]] },
      label: fillIn(messages.histogram, { name: layer.name, ...counts }),
      content: () => [...bars(before, "cmp-before"), ...bars(after, "cmp-after")],
    });
    legend.replaceChildren(key("cmp-before", messages.was), key("cmp-after", messages.not_zero), h("span", {}, fillIn(messages.zeros, counts)));
  }
  function drawList(layers, selected) {
    list.style.setProperty("--name", `${Math.min(12, Math.max(...layers.map(({ name }) => name.length)))}ch`);
    list.replaceChildren(...layers.map((layer, k) => {
      const share = layer.count ? layer.zeros / layer.count : 0;
      return h("button", { type: "button", class: "cmp-layer", "data-layer": k, "aria-pressed": k === selected },
        h("span", { class: "cmp-name", title: `${layer.name} · ${layer.kind} ${shape(layer.shape)}` }, layer.name), h("i", {}, h("i", { style: `width:${100 * share}%` })), h("span", { class: "dlviz-soft" }, layer.quantized ? "int8" : ""), h("span", { class: "mono" }, `${format(100 * share, 3)}%`));
    }));
  }
  return {
    element,
    /** @param {any} scene @param {number} index of the layer */
    draw({ layers, levels }, index) {
      const width = Math.floor(weights.getBoundingClientRect().width);
      const layer = layers[index];
      const hasFocus = list.contains(document.activeElement);
      title.textContent = fillIn(messages.weights, { name: layer.name });
      about.textContent = fillIn(messages.weights_of, { kind: layer.kind, shape: shape(layer.shape) });
      plot.resize(width, HISTOGRAM);
      drawHistogram(layer);
      rounding.draw(layer, levels, width);
      drawList(layers, index);
      const row = /** @type {HTMLElement} */ (list.children[index]);
      if (hasFocus) row.focus();
      // Only the list is scrolled, not the page.
      const top = row.offsetTop - list.offsetTop;
      if (top < list.scrollTop || top + row.offsetHeight > list.scrollTop + list.clientHeight) list.scrollTop = top;
    },
  };
}

function key(kind, text) {
  return h("span", {}, s("svg", { width: 10, height: 10 }, s("rect", { width: 10, height: 10, class: kind })), text);
}

/** Some weights in steps of their row's scale, above the integers that stand for them. */
function levelsPanel(messages) {
  const plot = chart({ width: 0, height: LEVELS, margin: { left: 34, right: 10, top: 10, bottom: 18 } });
  const error = h("span", { class: "dlviz-soft" });
  const element = h("div", {}, h("div", { class: "dlviz-panel-title" }, h("b", {}, messages.levels_title), h("span", { class: "dlviz-soft" }, messages.levels_how)), plot.element, error);
  return {
    element,
    draw({ steps, integers, error: largest }, levels, width) {
      element.hidden = !steps;
      if (!steps) return;
      plot.resize(width, LEVELS);
      const first = Math.min(...integers);
      const ticks = Array.from({ length: 2 * levels + 1 }, (_, k) => first + k);
      plot.draw({
        x: { domain: [first - 0.5, first + 2 * levels + 0.5], ticks: ticks.map((value) => [value, format(value)]), grid: true },
        y: { domain: [0, 1] },
        label: fillIn(messages.levels, { count: steps.length }),
        content: () => [
          ...Array.from(steps, (step, k) => plot.path([[step, 1], [integers[k], 0]], "cmp-rounding")),
          ...Array.from(steps, (step) => plot.dot(step, 1, "cmp-before-dot", 3)),
          ...Array.from(new Set(integers), (level) => plot.dot(level, 0, "cmp-after", 4)),
        ],
      });
      error.textContent = fillIn(messages.levels_error, { error: largest });
    },
  };
}
