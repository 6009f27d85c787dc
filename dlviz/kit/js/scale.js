// Scales and tick values of an axis.

/** Round tick values along an axis. @param {number} low @param {number} high @param {number} wanted approximate number of ticks */
export function ticks(low, high, wanted) {
  const rough = (high - low) / Math.max(2, wanted);
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * unit).find((size) => size >= rough);
  const values = [];
  // The tolerance keeps an end that is itself a round number.
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k += 1) values.push(Number((k * step).toPrecision(10)));
  return values;
}

/** The largest of the numbers 1, 2 and 5 · 10^k that is not above `value`. @param {number} value above 0 */
export function roundDown(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  return [5, 2, 1].map((n) => n * unit).find((one) => one <= value * 1.0000001) ?? unit;
}

/** Tick values of a logarithmic axis: 1, 2 and 5 times the powers of 10, or only the powers if those were too many. */
export function logTicks(low, high) {
  const powers = Array.from({ length: Math.ceil(Math.log10(high)) - Math.floor(Math.log10(low)) + 1 }, (_, k) => 10 ** (Math.floor(Math.log10(low)) + k));
  const within = (values) => values.filter((value) => value >= low && value <= high);
  const values = within(powers.flatMap((power) => [power, 2 * power, 5 * power]));
  return values.length > 7 ? within(powers) : values;
}

/**
 * A mapping from values to pixels; of a logarithmic one, values that are not positive map to NaN.
 * @param {[number, number]} domain values at the two ends
 * @param {[number, number]} range pixels at the two ends
 */
export function scale([low, high], [from, to], { log = false } = {}) {
  const f = (value) => (log ? (value > 0 ? Math.log10(value) : NaN) : value);
  const [a, b] = [f(low), f(high)];
  return {
    low, high,
    pixel: (value) => from + ((to - from) * (f(value) - a)) / (b - a || 1),
    value(pixel) {
      const at = a + ((b - a) * (pixel - from)) / (to - from);
      return log ? 10 ** at : at;
    },
  };
}
