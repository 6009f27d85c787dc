// Spans in which the same units are active, computed like dlviz.recurrent.similar_spans on the drawn numbers.

const MATCH_FRACTION = 0.75;

/** Units beyond the threshold on one side throughout a span: 1 above, −1 below. @returns {Record<string, number>} */
export function activeUnits(scene, first, last, threshold) {
  /** @type {Record<string, number>} */
  const found = {};
  for (let u = 0; u < scene.outputs; u += 1) {
    for (const side of [1, -1]) {
      let active = true;
      for (let t = first; t <= last; t += 1) active &&= scene.number(scene.h, t, u) * side >= threshold;
      if (active) found[u] = side;
    }
  }
  return found;
}

/** Other spans in which three of four of these units are active. @returns {[number, number][]} */
export function similarSpans(scene, first, last, threshold) {
  const units = Object.entries(activeUnits(scene, first, last, threshold));
  /** @type {[number, number][]} */
  const spans = [];
  for (let t = 0; t < scene.steps && units.length; t += 1) {
    if (t >= first && t <= last) continue;
    const count = units.filter(([u, side]) => scene.number(scene.h, t, Number(u)) * side >= threshold).length;
    if (count < MATCH_FRACTION * units.length) continue;
    const before = spans[spans.length - 1];
    if (before && before[1] === t - 1) before[1] = t;
    else spans.push([t, t]);
  }
  return spans;
}
