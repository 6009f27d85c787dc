// Which settings can be had: with a kernel all of them, in a page those that were computed beforehand.

/** @param {any} model @param {string} trait @param {any} value */
export function isAvailable(model, trait, value) {
  return Boolean(model.get("live") || model.get("frames")?.[trait]?.[JSON.stringify(value)]);
}

/** The value nearest to the wished one among those that can be had; of two equally near ones the one further on the way. */
export function nearest(values, wished, now) {
  const far = (value) => Math.abs(value - wished) + (Math.sign(value - now) === Math.sign(wished - now) ? 0 : 0.5);
  return values.reduce((best, value) => (far(value) < far(best) ? value : best), now);
}
