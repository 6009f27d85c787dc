// Colors of classes and parts, which the scene gives as a token and its share beside the color of the paper.

/** @param {[string, number]} tint */
export function cssColor([token, share]) {
  return `color-mix(in srgb, var(--${token}) ${Math.round(100 * share)}%, var(--paper))`;
}

/** The red, green and blue of a CSS color, for drawing on a canvas. @param {HTMLElement} root an element inside the widget */
export function channels(root, color) {
  const probe = document.createElement("span");
  probe.style.color = color;
  root.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  const numbers = found.match(/-?[\d.]+(?:e-?\d+)?/g).map(Number);
  // Mixed colors are given from 0 to 1, others from 0 to 255.
  return numbers.slice(0, 3).map((value) => (found.startsWith("color(") ? 255 * value : value));
}
