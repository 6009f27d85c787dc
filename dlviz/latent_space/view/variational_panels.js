// Of a variational autoencoder: the KL divergence of each dimension of the code, and what samples from the prior decode to.

import { fillIn, h } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { exampleCanvas, formatNats } from "./draw_example.js";

const SAMPLE = 52;

/** @param {{messages: Record<string, string>}} options */
export function divergencePanel({ messages }) {
  const terms = h("p", { class: "lat-terms" });
  const bars = h("div", { class: "lat-bars", role: "list", "aria-label": messages.divergence, tabindex: "0" });
  const more = h("p", { class: "dlviz-soft" });
  const element = h("div", { class: "dlviz-panel lat-divergence" }, bars, h("div", {}, terms, more));

  function show({ divergence }) {
    if (!divergence) return;
    const { kl, dimensions, unused, limit, size, total, squared } = divergence;
    const most = Math.max(...Array.from(kl).filter(Number.isFinite), limit);
    terms.textContent = fillIn(messages.terms, { squared: format(squared, 3), kl: formatNats(total) });
    bars.replaceChildren(...dimensions.map((dimension, k) => {
      const isUnused = unused.includes(dimension);
      return h("div", { role: "listitem", class: "lat-bar", "data-unused": isUnused ? "" : null },
        h("span", {}, fillIn(messages.dimension, { number: dimension })), h("i", { style: `width: ${Math.max(0, (100 * kl[k]) / most) || 0}%` }),
        h("span", { class: "mono" }, fillIn(messages.nats, { value: formatNats(kl[k]) })), h("em", {}, isUnused ? messages.unused : ""));
    }));
    more.textContent = fillIn(dimensions.length < size ? messages.kl_how_some : messages.kl_how, { limit, drawn: dimensions.length, size });
  }
  return { element, show };
}

/** @param {{messages: Record<string, string>, signal: AbortSignal, resample: () => void}} options */
export function priorPanel({ messages, signal, resample }) {
  const button = h("button", { type: "button", class: "dlviz-outlined small" });
  const row = h("div", { class: "lat-samples" });
  const element = h("div", { class: "dlviz-panel" }, h("div", { class: "dlviz-panel-title" }, h("span", {}, messages.prior_how), button), row);
  let canvases = [];
  button.addEventListener("click", resample, { signal });

  /** @param {{prior: any, picture: any, colors: Record<string, string>, live: boolean}} now */
  function draw({ prior, picture, colors, live }) {
    const count = prior.places.length / 2;
    const length = prior.values.length / count;
    button.hidden = !live;
    button.textContent = fillIn(messages.resample, { count });
    if (canvases.length !== count) {
      canvases = Array.from({ length: count }, () => exampleCanvas());
      row.replaceChildren(...canvases.map(({ element: canvas }) => canvas));
    }
    canvases.forEach((canvas, k) => canvas.draw(prior.values.subarray(k * length, (k + 1) * length), picture, colors, [SAMPLE * (picture.kind === "series" ? 1.5 : 1), SAMPLE], fillIn(messages.sample, { number: k + 1 }), { small: true }));
  }
  return { element, draw };
}
