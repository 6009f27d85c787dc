// Labels of the points of a map, which cover neither each other nor, while there is room, a point.

import { drawHaloText, labelPlacer } from "./canvas.js";

const LINE_HEIGHT = 15;
/** Space at both sides of a label. */
const GAP = 4;
/** The part of the line height above and below the letters. */
const EDGE = 1.5;
/** How many labels are tried and how many drawn in one picture, and the largest width of a label in pixels. */
const MAX_TRIED = 600;
const MAX_LABELS = 120;
const MAX_WIDTH = 170;
/** Points are counted in squares of this size. More points than this number leave no room between them. */
const SQUARE = 6;
const MOST_POINTS = 2000;

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
 * @param {CanvasRenderingContext2D} context
 * @param {{names: ArrayLike<string>, at: {x: ArrayLike<number>, y: ArrayLike<number>}, rows: Iterable<number>, first: Set<number>, color: (row: number) => string, paper: string,
 *   measure: ReturnType<typeof labelMeasurer>, width: number, height: number, reserved?: number[][], before?: {row: number, side: number}[]}} options at: of every point;
 *   first: rows whose labels are bold and may cover a point; before: what was drawn before: a label stays on its side, so that it does not leave the pointer
 * @returns {{row: number, side: number, box: number[]}[]} the drawn labels and their boxes
 */
export function drawLabels(context, { names, at, rows, first, color, paper, measure, width, height, reserved = [], before = [] }) {
  const drawn = [];
  const sides = new Map(before.map(({ row, side }) => [row, side]));
  const place = labelPlacer(reserved);
  const covers = pointsIn(at, width, height);
  context.textAlign = "left";
  context.textBaseline = "middle";
  let tried = 0;
  for (const row of rows) {
    const [x, y] = [at.x[row], at.y[row]];
    if (x < -40 || y < 0 || x > width || y > height) continue;
    const bold = first.has(row);
    if (!bold && (tried++ > MAX_TRIED || drawn.length >= MAX_LABELS)) break;
    const { text, textWidth } = measure(context, names[row], bold, !drawn.length);
    const candidates = boxes(x, y, textWidth, width);
    const same = candidates.filter(([, , , , , side]) => side === sides.get(row));
    const free = [...same, ...candidates].filter((box) => !covers(box));
    const box = place(bold ? [...same, ...free, ...candidates] : free);
    if (!box) continue;
    drawn.push({ row, side: box[5], box });
    drawHaloText(context, text, [box[4], (box[1] + box[3]) / 2], color(row), paper);
  }
  return drawn;
}

/** Possible boxes of a label: beside its point, first on the left near the right edge, then above and below. Then follow the left end of the text, and the side. */
function boxes(x, y, textWidth, width) {
  const around = (left, middle, side) => [left - GAP, middle - LINE_HEIGHT / 2, left + textWidth + GAP, middle + LINE_HEIGHT / 2, left, side];
  const sides = [around(x + 7, y, 0), around(x - 7 - textWidth, y, 1)];
  if (x + 7 + textWidth > width - 4) sides.reverse();
  return [...sides, around(x - textWidth / 2, y - 12, 2), around(x - textWidth / 2, y + 12, 3)].filter(([left, , right]) => left >= 0 && right <= width);
}

/** Return a function that tells whether a point lies in a box; of very many points none is looked at. @returns {(box: number[]) => boolean} */
function pointsIn({ x, y }, width, height) {
  if (x.length > MOST_POINTS) return () => false;
  const columns = Math.ceil(width / SQUARE) + 1;
  const squares = new Uint8Array(columns * (Math.ceil(height / SQUARE) + 1));
  for (let row = 0; row < x.length; row += 1) {
    if (x[row] >= 0 && y[row] >= 0 && x[row] <= width && y[row] <= height) squares[Math.floor(y[row] / SQUARE) * columns + Math.floor(x[row] / SQUARE)] = 1;
  }
  return ([left, top, right, bottom]) => {
    // The label's own point, which is 7 pixels from the text, lies in another square.
    for (let j = Math.max(0, Math.floor((top + EDGE) / SQUARE)); j <= Math.floor((Math.min(bottom, height) - EDGE) / SQUARE); j += 1) {
      for (let i = Math.max(0, Math.floor((left + GAP - 1) / SQUARE)); i <= Math.floor((Math.min(right, width) - GAP + 1) / SQUARE); i += 1) if (squares[j * columns + i]) return true;
    }
    return false;
  };
}
