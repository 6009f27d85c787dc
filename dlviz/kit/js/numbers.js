// Formatting of numbers: a minus sign, significant digits, NaN and infinity.

/**
 * @param {number} value
 * @param {number} [digits] significant digits
 */
export function format(value, digits = 4) {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  let text;
  if (Number.isInteger(value) && size < 1e7) text = String(size);
  else if (size !== 0 && (size < 1e-4 || size >= 1e7)) text = size.toExponential(digits - 2).replace("e+", "e").replace("e-", "e−");
  else text = String(Number(size.toPrecision(digits)));
  return (value < 0 ? "−" : "") + text;
}

/** A number with as many decimals as its neighbors; an integer has none. @param {number} value @param {number} decimals */
export function fixed(value, decimals) {
  const isPlain = Number.isFinite(value) && !Number.isInteger(value) && decimals <= 6 && Math.abs(value) < 1e7;
  return isPlain ? format(Number(value.toFixed(decimals)), 15) : format(value, 3);
}

/** @param {number[]} dims "(32, 16)", "(8,)" or "()", as Python writes it */
export function shape(dims) {
  return dims.length === 1 ? `(${dims[0]},)` : `(${dims.join(", ")})`;
}

/** A number that Python sent; NaN and infinities, which JSON cannot hold, come as strings. */
export function number(value) {
  return value === null || value === undefined ? NaN : Number(value);
}

/**
 * The background of a cell: orange for positive, blue for negative, paper for zero.
 * @param {number} value
 * @param {number} max the value of the strongest color
 */
export function diverging(value, max) {
  if (!Number.isFinite(value) || !(max > 0) || value === 0) return "var(--paper)";
  const share = Math.round(Math.min(1, Math.abs(value) / max) * 45);
  return `color-mix(in srgb, ${value < 0 ? "var(--neg)" : "var(--pos)"} ${share}%, var(--paper))`;
}

/** Index below `count` with the least cost; −1 if no cost is below `limit`. @param {number} count @param {(index: number) => number} cost */
export function argmin(count, cost, limit = Infinity) {
  let best = -1;
  for (let k = 0; k < count; k += 1) {
    const next = cost(k);
    if (next < limit) [best, limit] = [k, next];
  }
  return best;
}
