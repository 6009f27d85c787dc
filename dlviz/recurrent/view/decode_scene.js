// The scene with its bytes as typed arrays, and functions that index them.

import { typedArray } from "../../kit/js/typed_arrays.js";

/** @param {any} raw the scene that dlviz.recurrent.scene.scene returned */
export function decode(raw) {
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
      const row = inputGrad.units ? inputGrad.units.indexOf(u) : u;
      const count = inputGrad.units ? inputGrad.units.length : outputs;
      if (row < 0 || u >= outputs) return null;
      const from = (t * count + row) * steps;
      return norms.subarray(from, from + steps);
    },
  };
}

/** A token with visible white space, at most eight characters long. */
function visible(token) {
  const text = token.replaceAll(" ", "␣").replaceAll("\n", "⏎");
  return text.length > 8 ? `${text.slice(0, 7)}…` : text;
}
