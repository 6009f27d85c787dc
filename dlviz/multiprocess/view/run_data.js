// A run as the view draws it: typed arrays, and the lane of each block.

import { typedArray } from "../../kit/js/typed_arrays.js";

/** Kinds of blocks by their numbers, as in layout.py; communication has a lane of its own. */
export const COMMUNICATION = 5;
/** Color of each kind (style.css has the same). */
export const COLORS = ["run-0", "flow", "run-2", "run-3", "ink-3", "run-4"];
/** Opacity of blocks of other steps than the one that is shown. */
export const PALE = 0.16;

/** @param {any} raw the scene */
export function runData(raw) {
  const { blocks, collectives, gradients } = raw;
  const arrays = (of, kinds) => Object.fromEntries(Object.entries(kinds).flatMap(([kind, names]) => names.map((name) => [name, typedArray(of[name], /** @type {any} */ (kind))])));
  return {
    ...raw,
    use: typedArray(raw.use, "float64"),
    blocks: { ...blocks, ...arrays(blocks, { float64: ["start", "end", "ready", "bytes"], uint8: ["rank", "kind", "line", "lines"], int32: ["group", "step"], uint16: ["name", "shape"] }) },
    collectives: arrays(collectives, { int32: ["ends", "members"], uint8: ["last"] }),
    gradients: { ...gradients, parameters: gradients.parameters.map((one) => ({ ...one, values: typedArray(one.values, "float64") })) },
  };
}

/** Lane of a block: two for each rank, what it computes above what it sends and receives. @param {any} blocks @param {number} i */
export function laneOf(blocks, i) {
  return 2 * blocks.rank[i] + (blocks.kind[i] === COMMUNICATION ? 1 : 0);
}

/** The blocks of a collective. @param {any} run @param {number} k @returns {number[]} */
export function membersOf({ collectives: { ends, members } }, k) {
  return Array.from(members.subarray(k ? ends[k - 1] : 0, ends[k]));
}
