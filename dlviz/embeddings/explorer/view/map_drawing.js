// The parts of a map of words: points by depth, and axes.

import { drawLine } from "../../../kit/js/canvas.js";

/** Above this number, points are small and faint. */
export const MANY = 2000;

/** Draw points from the farthest to the nearest; nearer ones are larger, farther ones fade as in fog. */
export function drawPoints(context, colors, { at, order, ends }, width, height) {
  const many = order.length > MANY;
  context.fillStyle = colors["ink-3"];
  let index = 0;
  ends.forEach((end, layer) => {
    const near = ends.length > 1 ? (layer + 0.5) / ends.length : 0.5;
    const size = (many ? 2 : 4.4) * (ends.length > 1 ? 0.45 + 1.2 * near : 1);
    context.globalAlpha = ends.length > 1 ? 0.12 + 0.83 * near : many ? 0.5 : 1;
    context.beginPath();
    for (; index < end; index += 1) {
      const [x, y] = [at.x[order[index]], at.y[order[index]]];
      if (x < 0 || y < 0 || x > width || y > height) continue;
      if (many) {
        context.fillRect(x - size / 2, y - size / 2, size, size);
        continue;
      }
      context.moveTo(x + size / 2, y);
      context.arc(x, y, size / 2, 0, 2 * Math.PI);
    }
    if (!many) context.fill();
  });
  context.globalAlpha = 1;
}

/** Draw the three axes through the center, each with its name at the positive end. */
export function drawAxes(context, colors, ends, names) {
  context.font = `11px ${colors.font}`;
  context.fillStyle = colors["ink-3"];
  context.textBaseline = "middle";
  names.forEach((name, d) => {
    const [x, y] = [ends.x[2 * d + 1], ends.y[2 * d + 1]];
    drawLine(context, [[ends.x[2 * d], ends.y[2 * d]], [x, y]], colors.line, 1);
    context.fillText(name, x + 3, y);
  });
}
