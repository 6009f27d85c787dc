// The line where two classes are equally probable, from the probabilities at the corners of each square of computed points.

/**
 * @param {Float32Array} chances class after class, row after row from the top
 * @param {Uint8Array} winners the most probable class of each point
 * @param {number} side points along a side
 * @returns {Float32Array} x0, y0, x1, y1 of every piece, counted in points from the top left one
 */
export function contour(chances, winners, side) {
  const pieces = [];
  const count = side * side;
  /** How far from a to b the two points' classes are equally probable, on a straight line between the two. */
  const share = (a, b) => {
    const [i, j] = [winners[a] * count, winners[b] * count];
    const from = chances[i + a] - chances[j + a];
    const to = chances[i + b] - chances[j + b];
    return from === to ? 0.5 : from / (from - to);
  };
  for (let row = 0; row + 1 < side; row += 1) {
    for (let column = 0; column + 1 < side; column += 1) {
      const a = row * side + column;
      const [b, c, d] = [a + 1, a + side, a + side + 1];
      const [A, B, C, D] = [winners[a], winners[b], winners[c], winners[d]];
      if (A === B && C === D && A === C) continue;
      const met = [];
      if (A !== B) met.push(column + share(a, b), row);
      if (B !== D) met.push(column + 1, row + share(b, d));
      if (C !== D) met.push(column + share(c, d), row + 1);
      if (A !== C) met.push(column, row + share(a, c));
      if (met.length === 4) pieces.push(...met);
      else join(met, pieces);
    }
  }
  return Float32Array.from(pieces);
}

/** Where three or four classes meet in a square, the pieces run to the middle of where they enter it. */
function join(met, pieces) {
  const count = met.length / 2;
  let [x, y] = [0, 0];
  for (let k = 0; k < count; k += 1) [x, y] = [x + met[2 * k] / count, y + met[2 * k + 1] / count];
  for (let k = 0; k < count; k += 1) pieces.push(met[2 * k], met[2 * k + 1], x, y);
}
