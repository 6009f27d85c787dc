// The selected pair in numbers: the terms of q·k, the way from the score to the weight, and what the key adds to the output.

import { h, fillIn } from "../../kit/js/dom.js";
import { argmin, format } from "../../kit/js/numbers.js";

/** Terms that have a line of their own. */
const MAX_TERMS = 5;

/** A number with `digits` decimals, as far as it has any. */
function rounded(value, digits) {
  if (!Number.isFinite(value) || Math.abs(value) >= 1e12) return format(value, 4);
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}
/** Decimals with which the largest of some numbers has four digits. */
function decimals(values) {
  const max = Math.max(0, ...values.map(Math.abs).filter(Number.isFinite));
  return max > 0 ? Math.max(0, Math.min(8, 3 - Math.floor(Math.log10(max)))) : 4;
}

/** @param {{messages: Record<string, string>}} options */
export function pairPanel({ messages }) {
  /** The stages that are reached; what later ones compute is not shown yet. */
  let reached = new Set();
  const say = (key, values = {}) => fillIn(messages[`detail.${key}`], values);
  const blocks = Array.from({ length: 3 }, () => {
    const [title, body] = [h("b"), h("div", { class: "att-terms" })];
    const heading = h("div", { class: "dlviz-panel-title" }, title);
    return { title, body, heading, element: h("div", { class: "dlviz-panel" }, heading, body) };
  });
  /** The number of the output that is explained; −1 for the one to which the selected key adds most. */
  let chosen = -1;
  blocks[2].heading.append(h("span", { class: "dlviz-soft" }, say("choose")));
  const unknown = h("p", { class: "att-unknown", hidden: "" }, say("unknown"));
  const element = h("div", { class: "att-pair" }, ...blocks.map((block) => block.element), unknown);

  /** @param {any} scene @param {number} i query @param {number} j key @param {boolean} isHeld whether the head is held at 0 @param {boolean} isLive whether a kernel answers @param {number} step */
  function show(scene, i, j, isHeld, isLive, step) {
    /** @type {Record<string, any>} */
    const rows = Object.fromEntries(["query", "key", "value", "products", "masked", "weights", "output"].map((name) => [name, scene.rowOf(name, i, j)]));
    const isKnown = Object.values(rows).every(Boolean);
    // A kernel's answer is on its way; without one there is none.
    if (!isKnown && isLive) return;
    unknown.hidden = isKnown;
    for (const block of blocks) block.element.hidden = !isKnown;
    if (!isKnown) return;
    reached = new Set(scene.stages.slice(0, step + 1));
    const name = `${messages.own_output}[${i}, ${feature(rows.value, rows.weights[j])}]`;
    fillBlock(0, "scores", say("product", { query: i, key: j }), product(scene, rows, j));
    fillBlock(1, "scale", say("weight"), weight(scene, rows, j));
    fillBlock(2, "values", say("adds", { key: j, name }), added(scene, rows, j, isHeld, name));
  }
  function feature(value, weight) {
    return chosen >= 0 && chosen < value.length ? chosen : Math.max(0, argmin(value.length, (d) => -Math.abs(weight * value[d]), 1));
  }
  function fillBlock(k, stage, title, lines) {
    blocks[k].element.style.visibility = reached.has(stage) ? "" : "hidden";
    blocks[k].title.textContent = title;
    blocks[k].body.replaceChildren(...lines.map(line));
  }
  function line({ name, factors = "", value, kind = "", fraction, stage = "" }) {
    const bar = h("i", { class: fraction < 0 ? "negative" : null });
    if (fraction === undefined) bar.style.visibility = "hidden";
    bar.style.setProperty("--fraction", String(Math.min(1, Math.abs(fraction || 0))));
    return h("div", { class: `att-term ${kind}`, style: stage && !reached.has(stage) ? "visibility: hidden" : null }, h("span", {}, name), h("span", { class: "att-factors" }, factors), bar, h("span", { class: "att-value" }, value));
  }

  /** Terms of a sum, the largest first, the others together, and what rounding leaves of the printed ones. */
  function sum(terms, total, name, remainder = "rounding") {
    const size = (term) => (Number.isNaN(term.value) ? Infinity : Math.abs(term.value));
    terms.sort((a, b) => Number(b.kind === "own") - Number(a.kind === "own") || (size(a) === size(b) ? 0 : size(b) - size(a)));
    const digits = decimals([...terms.map((term) => term.value), total]);
    const shown = terms.length > MAX_TERMS + 1 ? MAX_TERMS : terms.length;
    const max = Math.max(0, ...terms.map((term) => Math.abs(term.value)).filter(Number.isFinite)) || 1;
    const rest = terms.slice(shown).reduce((all, term) => all + term.value, 0);
    const lines = terms.slice(0, shown).map((term) => ({ ...term, number: term.value, value: rounded(term.value, digits), fraction: term.value / max }));
    if (shown < terms.length) lines.push({ name: say("rest", { count: terms.length - shown }), number: rest, value: rounded(rest, digits), fraction: rest / max });
    const error = Number(total.toFixed(digits)) - lines.reduce((all, term) => all + Number(term.number.toFixed(digits)), 0);
    if (Number.isFinite(error) && Math.abs(error) >= 0.5 * 10 ** -digits) lines.push({ name: say(remainder), value: rounded(error, digits), kind: "soft" });
    return [...lines, { name, value: rounded(total, digits), kind: "total" }];
  }
  /** What remains after the printed terms: rounding, unless the picture differs from torch. */
  const remainderIn = (scene) => (scene.badge.kind === "bad" ? "unexplained" : "rounding");
  /** @param {any} scene @param {Record<string, any>} rows @param {number} j */
  function product(scene, { query, key, products }, j) {
    const terms = Array.from(query, (q, d) => ({ name: `q[${d}]·k[${d}]`, factors: `${format(q, 3)} × ${format(key[d], 3)}`, value: scene.round(q * key[d]) }));
    return sum(terms, products[j], "q·k");
  }
  /** @param {any} scene @param {Record<string, any>} rows @param {number} j */
  function weight(scene, { products, masked, weights }, j) {
    const score = scene.round(products[j] * scene.scale);
    const largest = Math.max(...masked);
    const lines = [{ name: "q·k", value: format(products[j], 4) }, { name: say("score", { scale: format(scene.scale, 4) }), value: format(score, 4) }];
    if (scene.mask) lines.push({ stage: "mask", name: say("mask"), factors: masked[j] <= scene.hidden ? say("masked") : "", value: masked[j] <= scene.hidden ? format(masked[j], 4) : format(scene.mask === "bool" ? 0 : scene.round(masked[j] - score), 4) });
    if (largest === -Infinity) return [...lines, { stage: "softmax", name: say("weight_is"), factors: say("all_dead"), value: format(weights[j], 4), kind: "total" }];
    const power = Math.exp(masked[j] - largest);
    const total = masked.reduce((all, one) => all + Math.exp(one - largest), 0);
    const balance = Number(power.toPrecision(4)) / Number(total.toPrecision(4)) - weights[j];
    const softmax = [{ name: say("exp", { sign: largest < 0 ? "+" : "−", largest: format(Math.abs(largest), 4) }), value: format(power, 4) }, { name: say("total"), value: format(total, 4) }];
    if (Math.abs(balance) >= 5e-5) softmax.push({ name: say(remainderIn(scene)), value: format(balance, 2), kind: "soft" });
    softmax.push({ name: say("weight_is"), value: format(weights[j], 4), kind: "total", fraction: weights[j] });
    return [...lines, ...softmax.map((one) => ({ ...one, stage: "softmax" }))];
  }
  /** One number of the output as a sum over all keys, the selected one first. */
  function added(scene, rows, j, isHeld, name) {
    const { value, weights, output } = rows;
    const d = feature(value, weights[j]);
    const column = scene.columnOf("value", d);
    if (!column) {
      const part = scene.round(weights[j] * value[d]);
      return [{ name: say("term", { key: j, feature: d }), factors: `${format(weights[j], 3)} × ${format(value[d], 3)}`, value: format(part, 4) }, { name, value: format(output[d], 4), kind: "total" }];
    }
    const terms = Array.from(weights, (w, k) => ({ name: say("term", { key: k, feature: d }), factors: `${format(w, 3)} × ${format(column[k], 3)}`, value: scene.round(w * column[k]), kind: k === j ? "own" : "" })).filter((term, k) => weights[k] !== 0 || k === j);
    return sum(terms, output[d], name, isHeld ? "held" : scene.dropout ? "dropped" : remainderIn(scene));
  }
  /** Explain another number of the output. @param {number} d */
  function choose(d) {
    chosen = d;
  }
  return { element, show, choose };
}
