// Round tick values along an axis.

/** @param {number} low @param {number} high @param {number} wanted approximate number of ticks */
export function ticks(low, high, wanted) {
  const rough = (high - low) / Math.max(2, wanted);
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * unit).find((size) => size >= rough);
  const values = [];
  // The tolerance keeps an end that is itself a round number.
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k += 1) values.push(Number((k * step).toPrecision(10)));
  return values;
}
