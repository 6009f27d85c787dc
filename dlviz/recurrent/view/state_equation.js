// The new state in one line, with its numbers.

import { format } from "../../kit/js/numbers.js";

/** @returns {(string | {text: string, dim?: number, soft?: boolean})[]} */
export function stateEquation(scene, t, u) {
  const number = (value, dim) => ({ text: value < 0 ? `(${format(value, 4)})` : format(value, 4), dim });
  const gate = (k) => number(scene.gateNumber("gate_values", t, k, u), k);
  const part = (values) => number(scene.number(values, t, u));
  const plain = (values) => format(scene.number(values, t, u), 4);
  if (scene.kind === "RNN") {
    const sum = [format(scene.gateNumber("from_x", t, 0, u), 4), " + ", number(scene.gateNumber("from_h", t, 0, u))];
    return [`h[${u}] = ${scene.nonlinearity}(W_ih·x + b_ih + W_hh·h₋₁ + b_hh) = ${scene.nonlinearity}(`, ...sum, ") = ", plain(scene.h)];
  }
  if (scene.kind === "GRU") return [`h[${u}] = (1 − z)·n + z·h₋₁ = (1 − `, gate(1), ")·", gate(2), " + ", gate(1), "·", part(scene.h_prev), " = ", plain(scene.h)];
  const cell = [`c[${u}] = f·c₋₁ + i·g = `, gate(1), "·", part(scene.c_prev), " + ", gate(0), "·", gate(2), " = ", plain(scene.c)];
  const out = ["o·tanh(c) = ", gate(3), "·", part(scene.intermediates.tanh_c), " = ", plain(scene.intermediates.out)];
  if (!scene.projected) return [...cell, "\n", `h[${u}] = `, ...out];
  const mixed = u < scene.outputs ? ["\n", `h[${u}] = W_hr[${u}]·(o·tanh c) = `, plain(scene.h)] : [];
  return [...cell, "\n", ...out, ...mixed];
}
