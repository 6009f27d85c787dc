// The received points of one metric, with the minimum and maximum of every block. The number of points is bounded however long a run
// is: a full store keeps of every bin the first, last, least and largest point and the first that is not finite.

import { typedArray } from "../../kit/js/typed_arrays.js";

const BLOCK = 64;
/** Largest number of points; beyond it, every bin of 16 points is reduced to at most 5. */
const MAX_POINTS = 65_536;
const BIN = 16;

export function metricSeries(name) {
  let xs = new Float64Array(256);
  let ys = new Float64Array(256);
  let size = 0;
  /** Number of values that the run has logged, including those that are not stored. */
  let count = 0;
  let low = [];
  let high = [];
  let nonfinite = 0;
  /** Indices of stored points that are not finite, at most 200. */
  const nonfiniteIndices = [];

  function grow(needed) {
    if (needed <= xs.length) return;
    const capacity = Math.max(needed, 2 * xs.length);
    const [x, y] = [new Float64Array(capacity), new Float64Array(capacity)];
    x.set(xs.subarray(0, size));
    y.set(ys.subarray(0, size));
    [xs, ys] = [x, y];
  }
  function clear() {
    [size, count, low, high, nonfinite] = [0, 0, [], [], 0];
    nonfiniteIndices.length = 0;
  }
  /** @param {any} part data of scene.series_part @returns {boolean} whether it continues the stored points */
  function add(part) {
    if (part.first === 0 && count) clear();
    if (part.first !== count) return false;
    const values = typedArray(part.values, part.dtype ?? "float32");
    const steps = part.steps ? typedArray(part.steps, "float64") : null;
    grow(size + values.length);
    for (let i = 0; i < values.length; i += 1) {
      if (!Number.isFinite(values[i])) nonfinite += 1;
      store(steps ? steps[i] : part.from + i, values[i]);
    }
    count += part.count;
    while (size > MAX_POINTS) reduce();
    return true;
  }
  function store(x, y) {
    const p = size;
    size += 1;
    xs[p] = x;
    ys[p] = y;
    const block = Math.floor(p / BLOCK);
    if (block === low.length) {
      low.push(Infinity);
      high.push(-Infinity);
    }
    if (!Number.isFinite(y)) {
      if (nonfiniteIndices.length < 200) nonfiniteIndices.push(p);
      return;
    }
    if (y < low[block]) low[block] = y;
    if (y > high[block]) high[block] = y;
  }
  function reduce() {
    const [oldX, oldY, oldSize] = [xs, ys, size];
    [size, low, high] = [0, [], []];
    nonfiniteIndices.length = 0;
    [xs, ys] = [new Float64Array(MAX_POINTS), new Float64Array(MAX_POINTS)];
    grow(Math.ceil(oldSize / BIN) * 5);
    for (let from = 0; from < oldSize; from += BIN) {
      const to = Math.min(oldSize, from + BIN);
      let [least, largest, firstNonfinite] = [-1, -1, -1];
      for (let p = from; p < to; p += 1) {
        if (!Number.isFinite(oldY[p])) firstNonfinite = firstNonfinite < 0 ? p : firstNonfinite;
        else {
          if (least < 0 || oldY[p] < oldY[least]) least = p;
          if (largest < 0 || oldY[p] > oldY[largest]) largest = p;
        }
      }
      const kept = [...new Set([from, to - 1, least, largest, firstNonfinite])].filter((p) => p >= 0).sort((a, b) => a - b);
      for (const p of kept) store(oldX[p], oldY[p]);
    }
  }
  /** The first index whose step is at least `x`. */
  function indexOf(x) {
    let [from, to] = [0, size];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (xs[middle] < x) from = middle + 1;
      else to = middle;
    }
    return from;
  }
  /** Least and largest finite value of the indices from `a` up to `b`. */
  function range(a, b) {
    let [least, largest] = [Infinity, -Infinity];
    let p = a;
    while (p < b) {
      if (p % BLOCK === 0 && p + BLOCK <= b) {
        const block = p / BLOCK;
        if (low[block] < least) least = low[block];
        if (high[block] > largest) largest = high[block];
        p += BLOCK;
      } else {
        const value = ys[p];
        if (Number.isFinite(value)) {
          if (value < least) least = value;
          if (value > largest) largest = value;
        }
        p += 1;
      }
    }
    return [least, largest];
  }
  return {
    name, add, indexOf, range, nonfiniteIndices,
    x: (p) => xs[p],
    y: (p) => ys[p],
    size: () => size,
    count: () => count,
    nonfiniteCount: () => nonfinite,
    last: () => (size ? xs[size - 1] : 0),
    first: () => (size ? xs[0] : 0),
  };
}

/** The panel of a metric: "loss" and "val_loss" share one. */
export function panelOf(name) {
  const [head, ...rest] = name.split("_");
  return rest.length && ["val", "valid", "validation", "test", "train"].includes(head) ? rest.join("_") : name;
}
