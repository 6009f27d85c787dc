// Marching squares: the line where two classes are equally probable, from the probabilities at the four corners of each grid square.

/**
 * @param {Float32Array} probs one map for each class, row by row from the top
 * @param {Uint8Array} winners the most probable class of each point
 * @param {number} side points along a side
 * @returns {Float32Array} x0, y0, x1, y1 of every segment, in grid points from the top left one
 */
export function contour(probs, winners, side) {
  const segments = [];
  const count = side * side;
  /** Where on the way from a to b the two points' classes are equally probable, by linear interpolation. */
  const crossing = (a, b) => {
    const [i, j] = [winners[a] * count, winners[b] * count];
    const from = probs[i + a] - probs[j + a];
    const to = probs[i + b] - probs[j + b];
    return from === to ? 0.5 : from / (from - to);
  };
  for (let row = 0; row + 1 < side; row += 1) {
    for (let column = 0; column + 1 < side; column += 1) {
      const a = row * side + column;
      const [b, c, d] = [a + 1, a + side, a + side + 1];
      const [A, B, C, D] = [winners[a], winners[b], winners[c], winners[d]];
      if (A === B && C === D && A === C) continue;
      const crossings = [];
      if (A !== B) crossings.push(column + crossing(a, b), row);
      if (B !== D) crossings.push(column + 1, row + crossing(b, d));
      if (C !== D) crossings.push(column + crossing(c, d), row + 1);
      if (A !== C) crossings.push(column, row + crossing(a, c));
      if (crossings.length === 4) segments.push(...crossings);
      else joinAtCenter(crossings, segments);
    }
  }
  return Float32Array.from(segments);
}

/** Where three or four classes meet in a square, every crossing is connected to their center. */
function joinAtCenter(crossings, segments) {
  const count = crossings.length / 2;
  let [x, y] = [0, 0];
  for (let k = 0; k < count; k += 1) [x, y] = [x + crossings[2 * k] / count, y + crossings[2 * k + 1] / count];
  for (let k = 0; k < count; k += 1) segments.push(crossings[2 * k], crossings[2 * k + 1], x, y);
}
