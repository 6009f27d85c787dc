// In an exported page no kernel answers: the examples, the path and the grid of decoded codes that the page holds stand in for it.

/**
 * What is selected, of the examples that the page holds.
 * @param {any} carried decoded @param {any} scene decoded @param {number} example
 * @param {number} target −1 for none
 */
export function carriedSelection(carried, scene, example, target) {
  const k = carried.rows.indexOf(example);
  if (k < 0) return null;
  const length = carried.input.length / carried.rows.length;
  const part = (values) => values.subarray(k * length, (k + 1) * length);
  const at = scene.rows.indexOf(example);
  const { path } = carried;
  return {
    example,
    target,
    place: placeOf(scene, example),
    code: carried.codes[k],
    label: at >= 0 && scene.labels ? scene.classes[scene.labels[at]].name : "",
    input: part(carried.input),
    compared: carried.compared ? part(carried.compared) : null,
    output: part(carried.output),
    difference: part(carried.difference),
    error: carried.errors[k],
    kl: carried.kl?.[k] ?? null,
    path: target >= 0 && path?.example === example && path.target === target ? path : null,
  };
}

/** The place of an example, or of an anomaly: these follow the data. @returns {number[] | null} */
function placeOf({ rows, points, anomalies, count }, example) {
  const k = example < count ? rows.indexOf(example) : example - count;
  const places = example < count ? points : anomalies;
  return k < 0 || 2 * k >= places.length ? null : [places[2 * k], places[2 * k + 1]];
}

/** Row and column of the grid cell in which a place of the map lies. */
export function cellAt({ limits: [left, right, bottom, top] }, side, [x, y]) {
  const index = (share) => Math.max(0, Math.min(side - 1, Math.floor(share * side)));
  return [index((top - y) / (top - bottom)), index((x - left) / (right - left))];
}

/** What the nearest code of the grid decodes to; without a grid nothing. */
export function nearestDecoded(background, scene, place) {
  if (!background?.values) return { place, code: "", values: null };
  const [row, column] = cellAt(scene, background.side, place);
  const k = row * background.side + column;
  const length = background.values.length / background.side ** 2;
  return { place, code: background.codes[k], values: background.values.subarray(k * length, (k + 1) * length), small: true, nearest: true, cell: [row, column] };
}

/** The example nearest to another one on the map, of those that the page holds. */
export function nearestCarried(carried, scene, example) {
  if (carried.rows.includes(example)) return example;
  const place = (row) => placeOf(scene, row) ?? [NaN, NaN];
  const [x, y] = place(example);
  const distance = (row) => Math.hypot(place(row)[0] - x, place(row)[1] - y);
  return [...carried.rows].reduce((best, row) => (distance(row) < distance(best) ? row : best), carried.rows[0]);
}
