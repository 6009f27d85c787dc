// Stretches in which the same units are on: the comparison that dlviz.recurrent.activation_spans makes, on the numbers that are drawn.

const SHARE = 0.75;

/** The units beyond the threshold on one side all through a span: 1 above, −1 below. @returns {Record<string, number>} */
export function activeUnits(scene, first, last, threshold) {
  const found = {};
  for (let u = 0; u < scene.outputs; u += 1) {
    for (const side of [1, -1]) {
      let all = true;
      for (let t = first; t <= last; t += 1) all &&= scene.number(scene.h, t, u) * side >= threshold;
      if (all) found[u] = side;
    }
  }
  return found;
}

/** Stretches outside the span in which three of four of them are on. @returns {[number, number][]} */
export function similarSpans(scene, first, last, threshold) {
  const units = Object.entries(activeUnits(scene, first, last, threshold));
  const found = [];
  for (let t = 0; t < scene.steps && units.length; t += 1) {
    if (t >= first && t <= last) continue;
    const count = units.filter(([u, side]) => scene.number(scene.h, t, Number(u)) * side >= threshold).length;
    if (count < SHARE * units.length) continue;
    const before = found[found.length - 1];
    if (before && before[1] === t - 1) before[1] = t;
    else found.push([t, t]);
  }
  return found;
}
