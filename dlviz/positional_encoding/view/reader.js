// The numbers of an encoding in words and formulas.

import { h, fillIn } from "../../kit/js/dom.js";
import { format, shape } from "../../kit/js/numbers.js";

/** @param {Record<string, string>} messages @param {any} scene with its arrays decoded */
export function reader(messages, scene) {
  const angle = (p, i) => format(scene.angles[(p * scene.angles.length) / scene.positions + i]);

  function bias(p, c, head) {
    if (c > p) return fillIn(messages["read.later"], { head, p, c });
    const distance = p - c;
    return fillIn(messages["read.alibi"], { head, p, c, distance, slope: format(scene.slopes[head]), value: format(scene.bias[head * scene.positions + distance]) });
  }
  /** The element of a row and a column, with the formula that gives it. */
  function element(p, c, head) {
    if (scene.kind === "alibi") return bias(p, c, head);
    const value = format(scene.matrix[p * scene.columns + c]);
    if (scene.kind === "learned") return fillIn(messages["read.learned"], { p, c, value });
    const i = scene.pairs.findIndex((pair) => pair.includes(c));
    const isFirst = scene.pairs[i][0] === c;
    const wave = isFirst === (scene.kind === "sinusoidal") ? "sin" : "cos";
    return fillIn(messages[`read.${scene.kind}`], { p, c, i, wave, value, base: format(scene.base), even: 2 * i, dim: scene.dim, divisor: format(scene.divisors[i]), angle: angle(p, i) });
  }
  /** Lines below the arrows of a rotary encoding. */
  function turned(m, n, pair, query, key, offset) {
    const i = scene.pairs.indexOf(pair);
    const pairText = (values) => shape(values.map((value) => format(value, 3)));
    const vector = (kind, name, p, values) => h("div", {}, h("b", { class: `pos-name ${kind}` }, fillIn(name, { p })), ` ${pairText(values)} `, h("span", { class: "dlviz-soft" }, fillIn(messages["read.turned"], { angle: angle(p, i) })));
    const value = format(scene.scores[m * scene.positions + n]);
    return [
      vector("pos-part0", messages["read.query"], m, query),
      vector("pos-part1", messages["read.key"], n, key),
      h("div", { class: "pos-total" }, fillIn(messages["read.all_score"], { count: scene.dim / 2, value })),
      h("div", { class: "dlviz-soft" }, n - m === offset ? messages["read.same"] : fillIn(messages["read.edge"], { distance: format(n - m) })),
    ];
  }
  return { element, turned };
}
