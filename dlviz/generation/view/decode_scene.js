// The scene with the arrays of the shown continuation as typed arrays, and functions that index them.

import { typedArray } from "../../kit/js/typed_arrays.js";

const FIELDS = ["logits", "scaled", "softmax", "running", "probs"];

/**
 * @param {any} raw the scene that dlviz.generation.scene.scene returned
 * @param {any} one the shown one of its continuations
 */
export function decode(raw, one) {
  const fields = Object.fromEntries(FIELDS.map((name) => [name, typedArray(one[name], "float32")]));
  const numbers = Object.fromEntries(Object.entries(one.numbers).map(([name, bytes]) => [name, typedArray(/** @type {any} */ (bytes), "float64")]));
  const ids = typedArray(one.ids, "int32");
  const cuts = typedArray(one.cuts, "uint8");
  return {
    ...raw,
    one,
    /** Number of generated tokens so far, with one that has no distribution. */
    count: one.tokens.length,
    /** The text of an id with its white space visible. */
    name: (id) => visible(raw.names[id] ?? String(id)),
    number: (name, step) => numbers[name][step],
    settingsOf: (step) => raw.settings[one.settings[step]],
    /** The drawn rows of a step. */
    rows: (step) => Array.from({ length: one.rows }, (_, k) => {
      const at = step * one.rows + k;
      return { id: ids[at], cut: cuts[at], ...Object.fromEntries(FIELDS.map((name) => [name, fields[name][at]])) };
    }),
  };
}

/** A token with its white space visible. @param {string} token */
export function visible(token) {
  return token.replaceAll(" ", "␣").replaceAll("\n", "⏎").replaceAll("\t", "⇥") || "∅";
}
