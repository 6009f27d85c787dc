// The points of one metric as they come in, with the least and largest of every block of them. However long a run goes on, a page keeps so
// many of them and no more: of each bunch the first, the last, the least, the largest and the first that is no number.

import { typedArray } from "../../kit/js/typed_arrays.js";

const BLOCK = 64;
/** So many points are kept; beyond, every bunch of 16 is thinned to at most 5. */
const MOST = 65_536;
const BUNCH = 16;

export function series(name) {
  let xs = new Float64Array(256);
  let ys = new Float64Array(256);
  let drawn = 0;
  /** How many values the run has logged, drawn or not. */
  let count = 0;
  let low = [];
  let high = [];
  let wild = 0;
  const odd = [];

  function grow(size) {
    if (size <= xs.length) return;
    const room = Math.max(size, 2 * xs.length);
    const [x, y] = [new Float64Array(room), new Float64Array(room)];
    x.set(xs.subarray(0, drawn));
    y.set(ys.subarray(0, drawn));
    [xs, ys] = [x, y];
  }
  function clear() {
    [drawn, count, low, high, wild] = [0, 0, [], [], 0];
    odd.length = 0;
  }
  /** @param {any} part as Python wrote it @returns {boolean} whether it fits on what is there */
  function add(part) {
    if (part.first === 0 && count) clear();
    if (part.first !== count) return false;
    const values = typedArray(part.values, part.kind ?? "float32");
    const steps = part.steps ? typedArray(part.steps, "float64") : null;
    grow(drawn + values.length);
    for (let i = 0; i < values.length; i += 1) {
      if (!Number.isFinite(values[i])) wild += 1;
      put(steps ? steps[i] : part.from + i, values[i]);
    }
    count += part.count;
    while (drawn > MOST) thin();
    return true;
  }
  function put(x, y) {
    const p = drawn;
    drawn += 1;
    xs[p] = x;
    ys[p] = y;
    const block = Math.floor(p / BLOCK);
    if (block === low.length) {
      low.push(Infinity);
      high.push(-Infinity);
    }
    if (!Number.isFinite(y)) {
      if (odd.length < 200) odd.push(p);
      return;
    }
    if (y < low[block]) low[block] = y;
    if (y > high[block]) high[block] = y;
  }
  function thin() {
    const [oldX, oldY, size] = [xs, ys, drawn];
    [drawn, low, high] = [0, [], []];
    odd.length = 0;
    [xs, ys] = [new Float64Array(MOST), new Float64Array(MOST)];
    grow(Math.ceil(size / BUNCH) * 5);
    for (let from = 0; from < size; from += BUNCH) {
      const to = Math.min(size, from + BUNCH);
      let [least, most, strange] = [-1, -1, -1];
      for (let p = from; p < to; p += 1) {
        if (!Number.isFinite(oldY[p])) strange = strange < 0 ? p : strange;
        else {
          if (least < 0 || oldY[p] < oldY[least]) least = p;
          if (most < 0 || oldY[p] > oldY[most]) most = p;
        }
      }
      const kept = [...new Set([from, to - 1, least, most, strange])].filter((p) => p >= 0).sort((a, b) => a - b);
      for (const p of kept) put(oldX[p], oldY[p]);
    }
  }
  /** The first place whose step is at least `x`. */
  function at(x) {
    let [from, to] = [0, drawn];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (xs[middle] < x) from = middle + 1;
      else to = middle;
    }
    return from;
  }
  /** Least and largest finite value of places from `a` up to `b`. */
  function range(a, b) {
    let [least, most] = [Infinity, -Infinity];
    let p = a;
    while (p < b) {
      if (p % BLOCK === 0 && p + BLOCK <= b) {
        const block = p / BLOCK;
        if (low[block] < least) least = low[block];
        if (high[block] > most) most = high[block];
        p += BLOCK;
      } else {
        const value = ys[p];
        if (Number.isFinite(value)) {
          if (value < least) least = value;
          if (value > most) most = value;
        }
        p += 1;
      }
    }
    return [least, most];
  }
  return {
    name, add, at, range, odd,
    x: (p) => xs[p],
    y: (p) => ys[p],
    size: () => drawn,
    count: () => count,
    wild: () => wild,
    last: () => (drawn ? xs[drawn - 1] : 0),
    first: () => (drawn ? xs[0] : 0),
  };
}

/** Metrics of one kind share a panel: "loss" and "val_loss". */
export function panelOf(name) {
  const [head, ...rest] = name.split("_");
  return rest.length && ["val", "valid", "validation", "test", "train"].includes(head) ? rest.join("_") : name;
}
