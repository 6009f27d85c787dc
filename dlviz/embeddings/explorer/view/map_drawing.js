// The parts of a map of words: points by depth, axes, and labels that do not overlap.

import { drawHaloText, drawLine, labelPlacer } from "../../../kit/js/canvas.js";

const LINE_HEIGHT = 15;
/** Above this number, points are small and faint. */
export const MANY = 2000;
/** How many labels are tried and how many drawn in one picture, and the largest width of a label in pixels. */
const MAX_TRIED = 600;
const MAX_LABELS = 120;
const MAX_WIDTH = 170;

/** Draw points from the farthest to the nearest; nearer ones are larger and darker. */
export function drawPoints(context, colors, { at, order, ends }, width, height) {
  const many = order.length > MANY;
  context.fillStyle = colors["ink-3"];
  let index = 0;
  ends.forEach((end, layer) => {
    const near = ends.length > 1 ? (layer + 0.5) / ends.length : 0.5;
    const size = (many ? 2 : 4) * (0.7 + 0.6 * near);
    context.globalAlpha = ends.length > 1 ? 0.2 + 0.7 * near : many ? 0.5 : 1;
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

/** Return a function that sets the font and returns the shortened text and width of a label, each measured once. */
export function labelMeasurer(font) {
  const known = new Map();
  let style = "";
  return (context, text, bold, fresh) => {
    const key = `${bold ? 1 : 0}${text}`;
    const nextFont = `${bold ? "600 " : ""}12px ${font}`;
    // Setting a font takes longer than drawing a text.
    if (fresh || nextFont !== style) context.font = style = nextFont;
    if (!known.has(key)) known.set(key, shorten(context, text));
    return known.get(key);
  };
}

function shorten(context, text) {
  const letters = [...text];
  let kept = letters.length;
  const shortened = () => (kept < letters.length ? `${letters.slice(0, kept).join("")}…` : text);
  while (kept > 1 && context.measureText(shortened()).width > MAX_WIDTH) kept -= Math.max(1, Math.floor(kept / 8));
  return { text: shortened(), textWidth: context.measureText(shortened()).width };
}

/**
 * Draw labels where they do not overlap, in the order of the rows.
 * @returns {{row: number, box: number[]}[]} the drawn labels and their boxes
 */
export function drawLabels(context, colors, { names, at, rows, first, front, measure, width, height }) {
  const drawn = [];
  const place = labelPlacer();
  context.textBaseline = "middle";
  let tried = 0;
  for (const row of rows) {
    const [x, y] = [at.x[row], at.y[row]];
    if (x < -40 || y < 0 || x > width || y > height) continue;
    const bold = first.has(row);
    if (!bold && (tried++ > MAX_TRIED || drawn.length >= MAX_LABELS)) break;
    const { text, textWidth } = measure(context, names[row], bold, !drawn.length);
    const box = place(boxes(x, y, textWidth, width, bold));
    if (!box) continue;
    drawn.push({ row, box });
    drawHaloText(context, text, [box[4], (box[1] + box[3]) / 2], bold || front(row) ? colors.ink : colors["ink-3"], colors.paper);
  }
  return drawn;
}

/** Possible boxes of a label: beside its point, on the left near the right edge; an important one also above and below. The fifth number is the left end of the text. */
function boxes(x, y, textWidth, width, bold) {
  const beside = (left) => [Math.min(x, left), y - LINE_HEIGHT / 2, Math.max(x, left + textWidth + 2), y + LINE_HEIGHT / 2, left];
  const over = (up) => [x - textWidth / 2, y + up - LINE_HEIGHT / 2, x + textWidth / 2, y + up + LINE_HEIGHT / 2, x - textWidth / 2];
  const sides = [beside(x + 6), beside(x - 6 - textWidth)];
  if (x + 6 + textWidth > width - 4) sides.reverse();
  return bold ? [...sides, over(-14), over(14)] : sides.slice(0, 1);
}
