// The terms of a gate's sum: the largest one by one, the rest together, and the rounding error of the printed numbers.

import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";

/** Products of a matrix and a vector that have a line of their own. */
const MAX_TERMS = 5;

/** A number with `digits` decimals, as far as it has any. */
function fixed(value, digits) {
  return Math.abs(value) < 1e12 ? value.toFixed(digits) : format(value, 4);
}

/** @param {{messages: Record<string, string>}} options */
export function termPanel({ messages }) {
  const title = h("b");
  // The part from x, that from h, and the sum of both.
  const blocks = Array.from({ length: 3 }, () => h("div", { class: "rec-terms" }));
  const element = h("div", { class: "rec-sum" }, h("div", { class: "dlviz-panel-title" }, title), ...blocks);
  const lines = blocks.map(() => []);

  function showStep(scene, t, u, gate) {
    const name = scene.kind === "RNN" ? "h" : scene.gates[gate];
    title.textContent = fillIn(messages.sum, { name, unit: u });
    const { weights } = scene;
    const groups = [
      makeGroup(scene, { matrix: "W_ih", vector: "x", weights: weights.ih, values: scene.x, bias: weights.b_ih, biasName: "b_ih", total: "from_x" }, t, u, gate),
      makeGroup(scene, { matrix: "W_hh", vector: "h₋₁", weights: weights.hh, values: scene.h_prev, bias: weights.b_hh, biasName: "b_hh", total: "from_h" }, t, u, gate),
    ];
    const max = Math.max(...groups.flatMap((group) => group.terms.map((term) => Math.abs(term.value))).filter(Number.isFinite), 0);
    const digits = max > 0 ? Math.max(0, Math.min(8, 3 - Math.floor(Math.log10(max)))) : 4;
    const reset = name === "n" ? [row("r·(W_hh·h₋₁ + b_hh)", "", fixed(scene.number(scene.intermediates.inner, t, u), digits), "rec-total")] : [];
    const sum = row(messages.sum_total, "", fixed(scene.gateNumber("preactivations", t, gate, u), digits), "rec-total");
    [...groups.map((group) => groupRows(group, digits, max)), [...reset, sum]].forEach(showRows);
  }

  /** Every product of a row of weights with the vector, the largest first, and the bias. Computed in the module's precision, a product equals torch's bit for bit. */
  function makeGroup(scene, { matrix, vector, weights, values, bias, biasName, total }, t, u, gate) {
    const round = scene.dtype === "float32" ? Math.fround : (value) => value;
    const count = values.length / scene.steps;
    const from = (gate * scene.units + u) * count;
    const terms = [];
    for (let k = 0; k < count; k += 1) {
      const [w, x] = [weights[from + k], values[t * count + k]];
      // Most terms of a one-hot vector are 0.
      if (x !== 0) terms.push({ name: `${matrix}·${vector}[${k}]`, factors: [w, x], value: round(w * x) });
    }
    // A NaN goes before all numbers.
    const size = (term) => (Number.isNaN(term.value) ? Infinity : Math.abs(term.value));
    terms.sort((a, b) => (size(a) === size(b) ? 0 : size(b) - size(a)));
    const products = terms.length;
    if (bias) terms.push({ name: biasName, factors: null, value: bias[gate * scene.units + u] });
    return { name: `${matrix}·${vector}${bias ? ` + ${biasName}` : ""}`, terms, products, total: scene.gateNumber(total, t, gate, u) };
  }

  function groupRows({ name, terms, products, total }, digits, max) {
    const shown = products > MAX_TERMS + 1 ? MAX_TERMS : products;
    const listed = [...terms.slice(0, shown), ...terms.slice(products)].map((term) => ({ ...term, text: fixed(term.value, digits) }));
    if (shown < products) {
      const value = terms.slice(shown, products).reduce((sum, term) => sum + term.value, 0);
      listed.splice(shown, 0, { name: fillIn(messages.rest, { count: products - shown }), factors: null, value, text: fixed(value, digits) });
    }
    const rows = listed.map(({ name: label, factors, text, value }) => row(label, factors ? factors.map((factor) => format(factor, 3)).join(" × ") : "", text, "", value / (max || 1)));
    const error = Number(total.toFixed(digits)) - listed.reduce((sum, term) => sum + Number(term.text), 0);
    if (Math.abs(error) >= 0.5 * 10 ** -digits && Number.isFinite(error)) rows.push(row(messages.rounding, "", error.toFixed(digits), "rec-rounding"));
    return [...rows, row(name, "", fixed(total, digits), "rec-subtotal")];
  }
  function row(name, factors, value, kind, fraction) {
    return { name, factors, value: value.replace("-", "−"), kind, fraction };
  }

  /** Show the rows of a block in lines that are reused from step to step. */
  function showRows(rows, block) {
    const own = lines[block];
    while (own.length < rows.length) own.push(makeLine());
    rows.forEach((data, k) => own[k].set(data));
    if (blocks[block].children.length !== rows.length) blocks[block].replaceChildren(...own.slice(0, rows.length).map((line) => line.element));
  }
  function makeLine() {
    const [name, factors, bar, value] = [h("span"), h("span", { class: "rec-factors" }), h("i"), h("span", { class: "rec-term-value" })];
    const element = h("div", {}, name, factors, bar, value);
    return {
      element,
      set(data) {
        element.className = `rec-term ${data.kind}`;
        name.textContent = data.name;
        factors.textContent = data.factors;
        value.textContent = data.value;
        bar.className = data.fraction < 0 ? "negative" : "";
        bar.style.visibility = data.fraction === undefined ? "hidden" : "visible";
        bar.style.setProperty("--fraction", String(Math.min(1, Math.abs(data.fraction || 0))));
      },
    };
  }
  return { element, showStep };
}
