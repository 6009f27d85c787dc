// The scene with its bytes as typed arrays, and functions that index them.

import { typedArray } from "../../kit/js/typed_arrays.js";

/**
 * @param {any} raw the scene that dlviz.recurrent.scene.scene returned
 * @param {() => any} gradRow returns the gradient by the input of one step, where the scene holds only a sample of them
 */
export function decode(raw, gradRow) {
  const floats = (bytes) => (bytes ? typedArray(bytes, raw.dtype) : null);
  const doubles = (bytes) => typedArray(bytes, "float64");
  const decodeAll = (table) => Object.fromEntries(Object.entries(table).map(([name, bytes]) => [name, floats(bytes)]));
  const { steps, units, outputs, gates, tokens, history, input_grad: inputGrad, unedited } = raw;
  const names = ["x", "h", "h_prev", "c", "c_prev", "from_x", "from_h", "preactivations", "gate_values"];
  const scene = {
    ...raw,
    ...decodeAll(Object.fromEntries(names.map((name) => [name, raw[name]]))),
    intermediates: decodeAll(raw.intermediates),
    weights: decodeAll(raw.weights),
    unedited: unedited && { ...unedited, h: floats(unedited.h), c: floats(unedited.c), change: floats(unedited.change) },
    history: {
      ...history, current: doubles(history.current), norms: doubles(history.norms), clipped: doubles(history.clipped),
      references: history.references.map((reference) => ({ ...reference, curve: doubles(reference.curve) })),
    },
  };
  const norms = typedArray(inputGrad.norms, "float32");
  /** The row of a table for step t and unit u, −1 without one. */
  const rowOf = (table, t, u) => {
    const [count, unit] = table.units ? [table.units.length, table.units.indexOf(u)] : [outputs, u];
    const position = table.positions ? table.positions.indexOf(t) : t;
    return position < 0 || unit < 0 || u >= outputs ? -1 : position * count + unit;
  };
  return {
    ...scene,
    token: (t) => visible(tokens[t]),
    /** The index of a step, with its token unless that is the index. */
    stepName: (t) => (tokens[t] === String(t) ? String(t) : `${t} (${visible(tokens[t])})`),
    /** An element of from_x, from_h, preactivations or gate_values. */
    gateNumber: (name, t, gate, u) => scene[name][(t * gates.length + gate) * units + u],
    /** An element of a state or intermediate, (steps, units). */
    number: (values, t, u) => values[(t * values.length) / steps + u],
    /** Norms of the gradient of h_t[u] by the input at every step; null if they are not known. */
    inputGradNorms(t, u) {
      const row = rowOf(inputGrad, t, u);
      if (row >= 0) return norms.subarray(row * steps, (row + 1) * steps);
      const single = gradRow();
      return single.norms && rowOf(single, t, u) === 0 ? typedArray(single.norms, "float32") : null;
    },
  };
}

/** A token with visible white space, at most eight characters long. */
function visible(token) {
  const text = token.replaceAll(" ", "␣").replaceAll("\n", "⏎");
  return text.length > 8 ? `${text.slice(0, 7)}…` : text;
}
