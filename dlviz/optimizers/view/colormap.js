// How high a number is drawn, and in which tone: low like paper, high like gray, so that the paths keep the colors to themselves.

const DEEPEST = 0.55;

/** From 0 at the least number to 1 at the greatest, as dlviz.optimizers.contour.heights. */
export function shareOf({ low, high, unit }, value) {
  if (!Number.isFinite(value)) return NaN;
  return high > low ? Math.min(1, Math.max(0, Math.log1p((value - low) / unit) / Math.log1p((high - low) / unit))) : 0;
}

/** @returns {(value: number, share: number) => number[]} red, green and blue */
export function tone(colors) {
  const [paper, deep, bad] = [colors.paper, colors["ink-3"], colors.bad].map((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  return (value, share) => (Number.isNaN(share) ? (value > 0 ? mix(paper, deep, DEEPEST) : bad) : mix(paper, deep, DEEPEST * share));
}

function mix(a, b, share) {
  return a.map((one, c) => Math.round(one + (b[c] - one) * share));
}
