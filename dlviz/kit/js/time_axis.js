// The axis of a timeline: ticks and times over the part that is shown.

import { hidpiContext } from "./heatmap.js";
import { ticks } from "./scale.js";
import { timeText } from "./units.js";

/** Height in pixels. */
const HEIGHT = 18;

/** @param {HTMLCanvasElement} canvas @param {number} width in pixels @param {{from: number, to: number}} range in microseconds @param {any} colors of themeColors */
export function paintTimeAxis(canvas, width, range, colors) {
  const context = hidpiContext(canvas, width, HEIGHT);
  Object.assign(context, { font: `11px ${colors.mono}`, fillStyle: colors["ink-3"], textBaseline: "middle" });
  const values = ticks(range.from, range.to, Math.max(2, width / 110));
  for (const value of values) {
    const x = ((value - range.from) / (range.to - range.from)) * width;
    context.fillRect(x, HEIGHT - 5, 1, 5);
    const text = timeText(value, values[1] - values[0]);
    const size = context.measureText(text).width;
    context.fillText(text, Math.max(0, Math.min(width - size, x - size / 2)), 7);
  }
}
