// A profile as the view draws it: typed arrays, and searches in them.

import { typedArray } from "../../kit/js/typed_arrays.js";

/** Two of the phases of an event, by their places in Python's list. */
export const DATA = 3;
export const TRANSFER = 4;
/** Color of each phase (style.css has the same). */
export const COLORS = ["run-0", "flow", "run-2", "run-4", "run-1"];
/** Opacity of an event while others are marked. */
export const PALE = 0.14;

/** @param {any} raw one entry of the scene's profiles */
export function profileData(raw) {
  const { events, spans } = raw;
  const floats = (of, names) => Object.fromEntries(names.map((name) => [name, typedArray(of[name], "float32")]));
  const shorts = (of, names) => Object.fromEntries(names.map((name) => [name, typedArray(of[name], "uint16")]));
  const phase = (of) => typedArray(of.phase, "uint8");
  const children = raw.rows.map(() => false);
  for (const { parent } of raw.rows) if (parent >= 0) children[parent] = true;
  return {
    ...raw,
    rows: raw.rows.map((row, k) => ({ ...row, hasChildren: children[k] })),
    laneEnds: typedArray(raw.lane_ends, "int32"),
    events: {
      index: typedArray(events.index, "int32"), phase: phase(events),
      ...floats(events, ["start", "duration", "self", "flops", "memory"]), ...shorts(events, ["name", "shape", "row", "line"]),
    },
    spans: { ...floats(spans, ["start", "duration"]), phase: phase(spans), ends: typedArray(spans.ends, "int32") },
    memory: raw.memory.map((one) => ({ ...one, times: typedArray(one.times, "float32"), bytes: typedArray(one.bytes, "float32") })),
  };
}

/** Index of the first of some increasing numbers that is above `value`. @param {Float32Array} values @param {number} from @param {number} to */
export function firstAbove(values, value, from = 0, to = values.length) {
  while (from < to) {
    const middle = (from + to) >> 1;
    if (values[middle] > value) to = middle;
    else from = middle + 1;
  }
  return from;
}

/** First and last + 1 of the boxes of one lane that lie in a time range. @param {{start: Float32Array, duration: Float32Array}} boxes @param {Int32Array} ends @returns {[number, number]} */
export function visibleBoxes({ start, duration }, ends, lane, range) {
  const first = lane ? ends[lane - 1] : 0;
  const to = firstAbove(start, range.to, first, ends[lane]);
  let from = Math.max(first, firstAbove(start, range.from, first, ends[lane]) - 1);
  if (from < to && start[from] + duration[from] < range.from) from += 1;
  return [from, to];
}

/** Whether each event belongs to a row of the table. @param {any} profile @param {string} by @param {any} key */
export function markedEvents(profile, by, key) {
  const { events } = profile;
  const name = by === "operation" ? profile.names.indexOf(key) : -1;
  const isMarked = { operation: (i) => events.name[i] === name, line: (i) => events.line[i] === key + 1, module: (i) => events.row[i] === key }[by];
  return Uint8Array.from(events.index, (_, i) => (isMarked(i) ? 1 : 0));
}
