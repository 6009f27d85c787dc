// The parts of a map of words: points by depth, arrows, rings, axes, and labels that do not overlap.

const LINE_HEIGHT = 15;
/** Above this number, points are small and faint. */
export const MANY = 2000;
/** How many labels are tried and how many drawn in one picture, and the largest width of a label in pixels. */
const MAX_TRIED = 600;
const MAX_LABELS = 120;
const MAX_WIDTH = 170;

/** Draw points from the farthest to the nearest; nearer ones are larger and darker. */
export function drawPoints(context, colors, { at, order, ends }, wide, high) {
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
      if (x < 0 || y < 0 || x > wide || y > high) continue;
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

/**
 * Draw an arrow that ends `short` pixels before its target.
 * @param {CanvasRenderingContext2D} context @param {string} color @param {number[]} from @param {number[]} to @param {number} [short]
 */
export function drawArrow(context, color, [x, y], [toX, toY], short = 0) {
  const long = Math.hypot(toX - x, toY - y);
  if (!(long > short + 1)) return;
  const [ux, uy] = [(toX - x) / long, (toY - y) / long];
  const [endX, endY] = [toX - short * ux, toY - short * uy];
  context.strokeStyle = color;
  context.lineWidth = 1.5;
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(endX, endY);
  context.moveTo(endX - 8 * ux + 4 * uy, endY - 8 * uy - 4 * ux);
  context.lineTo(endX, endY);
  context.lineTo(endX - 8 * ux - 4 * uy, endY - 8 * uy + 4 * ux);
  context.stroke();
}

/** Draw a ring of radius `size`. @param {CanvasRenderingContext2D} context @param {string} color @param {number[]} center @param {number} size */
export function drawRing(context, color, [x, y], size) {
  context.strokeStyle = color;
  context.lineWidth = 2;
  context.beginPath();
  context.arc(x, y, size, 0, 2 * Math.PI);
  context.stroke();
}

/** Draw the three axes through the center, each with its name at the positive end. */
export function drawAxes(context, colors, ends, names, font) {
  context.strokeStyle = colors.line;
  context.lineWidth = 1;
  context.font = `11px ${font}`;
  context.fillStyle = colors["ink-3"];
  context.textBaseline = "middle";
  names.forEach((name, d) => {
    context.beginPath();
    context.moveTo(ends.x[2 * d], ends.y[2 * d]);
    context.lineTo(ends.x[2 * d + 1], ends.y[2 * d + 1]);
    context.stroke();
    context.fillText(name, ends.x[2 * d + 1] + 3, ends.y[2 * d + 1]);
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
  return { text: shortened(), long: context.measureText(shortened()).width };
}

/**
 * Draw labels where they do not overlap, in the order of the rows.
 * @returns {{row: number, box: number[]}[]} the drawn labels and their boxes
 */
export function drawLabels(context, colors, { names, at, rows, first, front, letters, wide, high }) {
  const taken = [];
  context.textBaseline = "middle";
  context.strokeStyle = colors.paper;
  context.lineWidth = 3;
  context.lineJoin = "round";
  let tried = 0;
  for (const row of rows) {
    const [x, y] = [at.x[row], at.y[row]];
    if (x < -40 || y < 0 || x > wide || y > high) continue;
    const bold = first.has(row);
    if (!bold && (tried++ > MAX_TRIED || taken.length >= MAX_LABELS)) break;
    const { text, long } = letters(context, names[row], bold, !taken.length);
    const box = boxes(x, y, long, wide, bold).find((one) => !taken.some(({ box: other }) => one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3]));
    if (!box) continue;
    taken.push({ row, box });
    // A halo of the paper's color keeps the text readable over points.
    const [left, middle] = [box[4], (box[1] + box[3]) / 2];
    context.strokeText(text, left, middle);
    context.fillStyle = bold || front(row) ? colors.ink : colors["ink-3"];
    context.fillText(text, left, middle);
  }
  return taken;
}

/** Possible boxes of a label: beside its point, on the left near the right edge; an important one also above and below. */
function boxes(x, y, long, wide, bold) {
  const beside = (left) => [Math.min(x, left), y - LINE_HEIGHT / 2, Math.max(x, left + long + 2), y + LINE_HEIGHT / 2, left];
  const over = (up) => [x - long / 2, y + up - LINE_HEIGHT / 2, x + long / 2, y + up + LINE_HEIGHT / 2, x - long / 2];
  const sides = [beside(x + 6), beside(x - 6 - long)];
  if (x + 6 + long > wide - 4) sides.reverse();
  return bold ? [...sides, over(-14), over(14)] : sides.slice(0, 1);
}
