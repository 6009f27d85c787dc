// Coordinates of the plane as pixels of a canvas, and of the grid's points.

/** @param {number[]} limits left, right, bottom, top @param {{left: number, top: number, size: number}} box */
export function planeScale([left, right, bottom, top], box) {
  const x = (value) => box.left + ((value - left) / (right - left)) * box.size;
  const y = (value) => box.top + ((top - value) / (top - bottom)) * box.size;
  return {
    x,
    y,
    /** @returns {[number, number]} */
    pixel: ([a, b]) => [x(a), y(b)],
    value: (px, py) => [left + ((px - box.left) / box.size) * (right - left), top - ((py - box.top) / box.size) * (top - bottom)],
  };
}

/** Coordinates of a grid point: the center of a cell, counted from the top left. @returns {[number, number]} */
export function gridPoint(limits, side, row, column) {
  const [left, right, bottom, top] = limits;
  return [left + ((column + 0.5) / side) * (right - left), top - ((row + 0.5) / side) * (top - bottom)];
}
