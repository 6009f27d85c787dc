// The plane's own coordinates and a canvas's pixels, and where round numbers stand.

/** @param {number[]} limits left, right, bottom, top @param {{left: number, top: number, size: number}} box */
export function scale([left, right, bottom, top], box) {
  const x = (value) => box.left + ((value - left) / (right - left)) * box.size;
  const y = (value) => box.top + ((top - value) / (top - bottom)) * box.size;
  return {
    x,
    y,
    pixel: ([a, b]) => [x(a), y(b)],
    value: (px, py) => [left + ((px - box.left) / box.size) * (right - left), top - ((py - box.top) / box.size) * (top - bottom)],
  };
}

/** Coordinate of a point that was computed: the middle of cell number `at` of `side`, counted along x, or down along y. */
export function place(limits, side, row, column) {
  const [left, right, bottom, top] = limits;
  return [left + ((column + 0.5) / side) * (right - left), top - ((row + 0.5) / side) * (top - bottom)];
}
