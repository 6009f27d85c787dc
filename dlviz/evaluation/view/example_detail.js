// One example closely: its picture, where it is in the learner's data, its probabilities as bars, and its loss.

import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { percent } from "./example_list.js";

const SIDE = 112;

/** @param {{messages: Record<string, string>, album: any}} options */
export function closeup({ messages, album }) {
  const element = h("div", { class: "conf-detail" });

  /** @param {any} scene decoded @param {number} at its place in the pool, −1 where it is not held @param {number} number of the example, −1 for none */
  function show(scene, at, number) {
    if (at < 0) {
      element.replaceChildren(h("p", { class: "conf-note" }, number < 0 ? messages["confusion.pick"] : messages["confusion.not_loaded"]));
      return;
    }
    const { pool } = scene;
    const [right, pred] = [scene.names[pool.true[at]], pool.predicted[at] < 0 ? messages["confusion.unclassified_long"] : scene.names[pool.predicted[at]]];
    const picture = album.draw(number, SIDE);
    picture?.setAttribute("role", "img");
    picture?.setAttribute("aria-label", fillIn(messages["confusion.picture"], { number }));
    const facts = h("div", { class: "conf-facts" },
      h("b", {}, fillIn(messages["confusion.example"], { number })),
      h("span", {}, fillIn(messages["confusion.facts"], { true: right, predicted: pred })),
      h("span", { class: "conf-muted" }, messages["confusion.look_up"], h("code", {}, `${scene.called}[${number}]`)),
      pool.texts ? h("span", { class: "conf-quote" }, pool.texts[at]) : null,
      pool.loss ? h("code", { class: "conf-loss" }, loss(right, pool.p[at], pool.loss[at])) : null);
    element.replaceChildren(...[picture, facts, pool.confidence ? bars(scene, at) : h("p", { class: "conf-note" }, messages["confusion.no_scores"])].filter(Boolean));
  }

  /** −log p = loss, with as many figures of p as it takes for the printed numbers to agree. */
  function loss(name, p, value) {
    for (let digits = 3; digits < 16 && p > 0 && p < 1; digits += 1) {
      if (Math.abs(-Math.log(Number(p.toPrecision(digits))) - value) <= 5e-4 * Math.max(value, 1e-3)) return fillIn(messages["confusion.loss_terms"], { true: name, p: format(p, digits), loss: format(value, 4) });
    }
    return fillIn(messages["confusion.loss_only"], { true: name, loss: format(value, 4) });
  }

  function bars(scene, at) {
    const { pool } = scene;
    const width = pool.width;
    const top = Array.from({ length: width }, (_, k) => [pool.top_classes[at * width + k], pool.probs[at * width + k]]);
    // As few classes as are all there stand in their own order, so that two examples can be compared.
    if (scene.names.length <= width) top.sort((a, b) => a[0] - b[0]);
    else if (!top.some(([label]) => label === pool.true[at])) top.push([pool.true[at], pool.p[at]]);
    const rows = top.map(([label, p]) => {
      const kind = label === pool.true[at] ? "right" : label === pool.predicted[at] ? "wrong" : null;
      const bar = h("span", { class: "conf-bar" });
      bar.style.setProperty("--share", String(Number.isNaN(p) ? 0 : p));
      return h("div", { class: "conf-prob", "data-kind": kind }, h("span", { class: "conf-label", title: scene.names[label] }, scene.names[label]), bar, h("span", { class: "conf-p" }, percent(p)));
    });
    return h("div", { class: "conf-probs", role: "group", "aria-label": messages["confusion.probs"] }, ...rows, pool.width < scene.names.length ? h("span", { class: "conf-muted" }, fillIn(messages["confusion.top"], { shown: width, count: scene.names.length })) : null);
  }
  return { element, show };
}
