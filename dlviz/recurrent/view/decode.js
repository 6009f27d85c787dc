// The scene with its bytes as numbers, and where each number lies.

import { typedArray } from "../../kit/js/typed_arrays.js";

/** @param {any} about what dlviz.recurrent.scene.scene wrote */
export function decode(about) {
  const one = (bytes) => (bytes ? typedArray(bytes, about.dtype) : null);
  const all = (parts) => Object.fromEntries(Object.entries(parts).map(([name, bytes]) => [name, one(bytes)]));
  const { steps, units, gates, history, memory, ghost } = about;
  const doubles = (bytes) => typedArray(bytes, "float64");
  const names = ["x", "h", "before", "c", "cell", "from_x", "from_h", "sums", "values"];
  const scene = {
    ...about,
    ...Object.fromEntries(names.map((name) => [name, one(about[name])])),
    parts: all(about.parts),
    weights: all(about.weights),
    ghost: ghost && { ...ghost, h: one(ghost.h), c: one(ghost.c), change: one(ghost.change) },
    memory: { ...memory, norms: typedArray(memory.norms, "float32") },
    history: { ...history, now: doubles(history.now), ghosts: history.ghosts.map((each) => ({ ...each, curve: doubles(each.curve) })), norms: doubles(history.norms), clipped: doubles(history.clipped) },
  };
  const columns = (values) => values.length / steps;
  return {
    ...scene,
    /** How many numbers x and h have at a step. */
    wide: { x: columns(scene.x), h: columns(scene.h) },
    token: (t) => shown(about.tokens[t]),
    /** A place, and what stands there if that is not its number. */
    named: (t) => (about.tokens[t] === String(t) ? String(t) : `${t} (${shown(about.tokens[t])})`),
    /** A number of a gate: of from_x, from_h, sums or values. */
    of: (name, t, gate, u) => scene[name][(t * gates.length + gate) * units + u],
    /** A number of c or cell or one of the parts. */
    at: (values, t, u) => values[t * columns(values) + u],
    /** The influence of every place on h_t[u], or null where it is not known. */
    influence(t, u) {
      const row = memory.units ? memory.units.indexOf(u) : u;
      const count = memory.units ? memory.units.length : about.outs;
      if (row < 0 || u >= about.outs) return null;
      const from = (t * count + row) * steps;
      return scene.memory.norms.subarray(from, from + steps);
    },
  };
}

/** White space has to be seen too. */
function shown(token) {
  const text = token.replaceAll(" ", "␣").replaceAll("\n", "⏎");
  return text.length > 8 ? `${text.slice(0, 7)}…` : text;
}
