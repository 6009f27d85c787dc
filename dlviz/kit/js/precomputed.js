// Which values a control offers: with a kernel all of them, in an exported page those whose states were computed beforehand.

/** @param {any} model @param {string} trait @param {any} value */
export function isAvailable(model, trait, value) {
  return Boolean(model.get("live") || model.get("precomputed")?.[trait]?.[JSON.stringify(value)]);
}

/** The available value nearest to the requested one; of two equally near ones the one in the direction of the change. */
export function nearest(values, requested, current) {
  const distance = (value) => Math.abs(value - requested) + (Math.sign(value - current) === Math.sign(requested - current) ? 0 : 0.5);
  return values.reduce((best, value) => (distance(value) < distance(best) ? value : best), current);
}
