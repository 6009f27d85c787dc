// The terms of a gate's sum: the largest by name, the rest together, and how far what is printed is from torch's sum.

import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";

/** So many terms of a product have a line of their own. */
const MOST = 5;

/** @param {{messages: Record<string, string>}} options */
export function termPanel({ messages }) {
  const title = h("b");
  const body = h("div", { class: "rec-terms" });
  const kept = [];
  const element = h("div", { class: "rec-panel rec-sum" }, h("div", { class: "rec-title" }, title), body);

  function showStep(scene, t, u, gate) {
    const name = scene.kind === "RNN" ? "h" : scene.gates[gate];
    title.textContent = fillIn(messages.sum, { name, unit: u });
    const groups = [
      group(scene, "W_ih", "x", scene.weights.ih, scene.x, scene.weights.b_ih, "b_ih", scene.gateNumber("from_x", t, gate, u), t, u, gate),
      group(scene, "W_hh", "h₋₁", scene.weights.hh, scene.h_prev, scene.weights.b_hh, "b_hh", scene.gateNumber("from_h", t, gate, u), t, u, gate),
    ];
    const most = Math.max(...groups.flatMap((one) => one.terms.map((term) => Math.abs(term.value))).filter(Number.isFinite), 0);
    const digits = most > 0 ? Math.max(0, Math.min(8, 3 - Math.floor(Math.log10(most)))) : 4;
    const rows = groups.flatMap((one) => written(one, digits, most));
    const sum = scene.gateNumber("preactivations", t, gate, u);
    const reset = name === "n" ? [row("r·(W_hh·h₋₁ + b_hh)", "", scene.number(scene.intermediates.inner, t, u).toFixed(digits), "rec-total")] : [];
    put([...rows, ...reset, row(messages.sum_total, "", sum.toFixed(digits), "rec-total")]);
  }

  /** Every product of a row of weights; in the precision of the module a product is torch's own, bit for bit. */
  function group(scene, matrix, vector, weights, values, bias, biased, total, t, u, gate) {
    const exact = scene.dtype === "float32" ? Math.fround : (value) => value;
    const count = values.length / scene.steps;
    const from = (gate * scene.units + u) * count;
    const found = [];
    for (let k = 0; k < count; k += 1) {
      const [w, x] = [weights[from + k], values[t * count + k]];
      // Of a one-hot vector most terms are nothing at all.
      if (x !== 0) found.push({ name: `${matrix}·${vector}[${k}]`, how: [w, x], value: exact(w * x) });
    }
    found.sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
    if (bias) found.push({ name: biased, how: null, value: bias[gate * scene.units + u] });
    return { name: `${matrix}·${vector}${bias ? ` + ${biased}` : ""}`, terms: found, total, biased: Boolean(bias) };
  }

  function written({ name, terms: all, total, biased }, digits, most) {
    const last = biased ? all.slice(-1) : [];
    const products = biased ? all.slice(0, -1) : all;
    const shown = products.length > MOST + 1 ? products.slice(0, MOST) : products;
    const rest = products.slice(shown.length);
    const lines = [...shown, ...last].map((one) => ({ ...one, text: one.value.toFixed(digits) }));
    const others = rest.reduce((sum, one) => sum + one.value, 0);
    if (rest.length) lines.splice(shown.length, 0, { name: fillIn(messages.rest, { count: rest.length }), how: null, value: others, text: others.toFixed(digits) });
    const off = Number(total.toFixed(digits)) - lines.reduce((sum, one) => sum + Number(one.text), 0);
    const rounding = Math.abs(off) >= 0.5 * 10 ** -digits && Number.isFinite(off) ? [row(messages.rounding, "", off.toFixed(digits), "rec-rounding")] : [];
    return [...lines.map((one) => row(one.name, one.how ? `${format(one.how[0], 3)} × ${format(one.how[1], 3)}` : "", one.text, "", one.value / (most || 1))), ...rounding, row(name, "", total.toFixed(digits), "rec-subtotal")];
  }
  function row(name, how, value, kind, share) {
    return { name, how, value: value.replace("-", "−"), kind, share };
  }
  /** The lines stay from step to step, and only what they say changes. */
  function put(rows) {
    while (kept.length < rows.length) kept.push(line());
    rows.forEach((one, k) => kept[k].set(one));
    if (body.children.length !== rows.length) body.replaceChildren(...kept.slice(0, rows.length).map((one) => one.element));
  }
  function line() {
    const [name, how, bar, figure] = [h("span"), h("span", { class: "rec-factors" }), h("i"), h("span", { class: "rec-term-value" })];
    const element = h("div", {}, name, how, bar, figure);
    return {
      element,
      set(one) {
        element.className = `rec-term ${one.kind}`;
        name.textContent = one.name;
        how.textContent = one.how;
        figure.textContent = one.value;
        bar.className = one.share < 0 ? "negative" : "";
        bar.style.visibility = one.share === undefined ? "hidden" : "visible";
        bar.style.setProperty("--fraction", Math.min(1, Math.abs(one.share ?? 0)));
      },
    };
  }
  return { element, showStep };
}
