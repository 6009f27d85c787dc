// The height at which a value is drawn, and its shade of gray: paths keep the colors to themselves.

/** Share of the darkest token in the shade of the greatest value. */
const DARKEST = 0.55;

/** Height from 0 at the least value to 1 at the greatest, as dlviz.optimizers.contour.log_heights. */
export function heightOf({ low, high, unit }, value) {
  if (!Number.isFinite(value)) return NaN;
  return high > low ? Math.min(1, Math.max(0, Math.log1p((value - low) / unit) / Math.log1p((high - low) / unit))) : 0;
}

/** @returns {(value: number, height: number) => number[]} red, green and blue */
export function grayscale(colors) {
  const [paper, dark, bad] = [colors.paper, colors["ink-3"], colors.bad].map((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  return (value, height) => (Number.isNaN(height) ? (value > 0 ? mix(paper, dark, DARKEST) : bad) : mix(paper, dark, DARKEST * height));
}

function mix(a, b, weight) {
  return a.map((channel, c) => Math.round(channel + (b[c] - channel) * weight));
}
