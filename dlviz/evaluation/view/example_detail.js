// One example in detail: its picture, its index in the learner's data, its probabilities as bars, and its loss.

import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { percent } from "./example_list.js";

const SIDE = 112;

/** @param {{messages: Record<string, string>, album: any}} options */
export function exampleDetail({ messages, album }) {
  const element = h("div", { class: "confusion-detail" });

  /** @param {any} scene decoded @param {number} number the example, −1 for none */
  function show(scene, number) {
    const at = scene.pool.position.get(number);
    if (at === undefined) {
      element.replaceChildren(h("p", { class: "evaluation-note" }, number < 0 ? messages["confusion.pick"] : messages["confusion.not_loaded"]));
      return;
    }
    const { pool } = scene;
    const label = scene.names[pool.true[at]];
    const predicted = pool.predicted[at] < 0 ? messages["confusion.unclassified_long"] : scene.names[pool.predicted[at]];
    const picture = album.draw(number, SIDE);
    picture?.setAttribute("role", "img");
    picture?.setAttribute("aria-label", fillIn(messages["confusion.picture"], { number }));
    const facts = h("div", { class: "confusion-facts" },
      h("b", {}, fillIn(messages["confusion.example"], { number })),
      h("span", {}, fillIn(messages["confusion.facts"], { true: label, predicted })),
      h("span", { class: "dlviz-soft" }, messages["confusion.look_up"], h("code", {}, `${scene.variable}[${number}]`)),
      pool.texts ? h("span", { class: "confusion-quote" }, pool.texts[at]) : null,
      pool.loss ? h("code", { class: "confusion-loss" }, lossText(label, pool.p[at], pool.loss[at])) : null);
    element.replaceChildren(...[picture, facts, pool.confidence ? bars(scene, at) : h("p", { class: "evaluation-note" }, messages["confusion.no_scores"])].filter(Boolean));
  }

  /** −log p = loss, with as many digits of p as the printed numbers need to agree. */
  function lossText(label, p, loss) {
    for (let digits = 3; digits < 16 && p > 0 && p < 1; digits += 1) {
      if (Math.abs(-Math.log(Number(p.toPrecision(digits))) - loss) <= 5e-4 * Math.max(loss, 1e-3)) return fillIn(messages["confusion.loss_terms"], { true: label, p: format(p, digits), loss: format(loss, 4) });
    }
    return fillIn(messages["confusion.loss_only"], { true: label, loss: format(loss, 4) });
  }

  function bars({ pool, names }, at) {
    const { width } = pool;
    const top = Array.from({ length: width }, (_, k) => [pool.top_classes[at * width + k], pool.probs[at * width + k]]);
    // If all classes are shown they are in their own order, so that two examples can be compared.
    if (names.length <= width) top.sort((a, b) => a[0] - b[0]);
    else if (!top.some(([label]) => label === pool.true[at])) top.push([pool.true[at], pool.p[at]]);
    const rows = top.map(([label, p]) => {
      const kind = label === pool.true[at] ? "right" : label === pool.predicted[at] ? "wrong" : null;
      const bar = h("span", { class: "confusion-bar" });
      bar.style.setProperty("--share", String(Number.isNaN(p) ? 0 : p));
      return h("div", { class: "confusion-prob", "data-kind": kind }, h("span", { class: "confusion-label", title: names[label] }, names[label]), bar, h("span", { class: "confusion-p" }, percent(p)));
    });
    const note = width < names.length ? h("span", { class: "dlviz-soft" }, fillIn(messages["confusion.top"], { shown: width, count: names.length })) : null;
    return h("div", { class: "confusion-probs", role: "group", "aria-label": messages["confusion.probs"] }, ...rows, note);
  }
  return { element, show };
}
