// The colors of parts and classes: parts are shades of the ink, classes have hues, paler from the sixth on.

const HUES = ["neg", "pos", "flow", "good", "bad"];

/** @param {number} k @param {number} count of how many parts */
export function partColor(k, count) {
  return `color-mix(in srgb, var(--ink) ${Math.round(22 + (70 * k) / Math.max(1, count - 1))}%, var(--paper))`;
}

export function classColor(k) {
  const token = `var(--${HUES[k % HUES.length]})`;
  return Math.floor(k / HUES.length) % 2 ? `color-mix(in srgb, ${token} 50%, var(--paper))` : token;
}

/** What the browser makes of such a color, for a canvas: three channels. @param {HTMLElement} root inside the widget */
export function channels(root, color) {
  const probe = document.createElement("span");
  probe.style.color = color;
  root.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  const numbers = found.match(/-?[\d.]+(?:e-?\d+)?/g).map(Number);
  // Mixed colors come as shares of 1, others from 0 to 255.
  return numbers.slice(0, 3).map((value) => (found.startsWith("color(") ? 255 * value : value));
}
