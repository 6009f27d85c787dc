// Where the maps of a column are on its canvas, in pixels.

/** Width of a column's canvas, its largest height, and the gap between maps. */
const WIDTH = 84;
const MAX_HEIGHT = 200;
const GAP = 4;
/** Up to how many units or maps have how many in a row; of more, the last number. */
const UNITS_PER_ROW = [[4, 1], [16, 2], [64, 6], [128, 8], [Infinity, 16]];
const MAPS_PER_ROW = [[1, 1], [6, 2], [Infinity, 3]];
const perRowOf = (table, count) => table.find(([most]) => count <= most)[1];

/**
 * @param {any} column a column of the scene
 * @returns {{width: number, height: number, count: number, perRow: number, rect: (k: number) => number[], indexAt: (x: number, y: number) => number}}
 *   rect: [x, y, width, height] of map or unit k; indexAt: the one at a point, -1 for none
 */
export function mapLayout(column) {
  const [count, rows, columns] = column.drawn;
  if (column.layout === "vector") return unitLayout(rows);
  if (column.layout === "number") return gridLayout(1, 1, () => [0, 0, 44, 26]);
  if (column.layout === "plane") {
    const cell = Math.min(WIDTH / columns, MAX_HEIGHT / rows, 14);
    return gridLayout(1, 1, () => [0, 0, cell * columns, cell * rows]);
  }
  const perRow = perRowOf(MAPS_PER_ROW, count);
  const side = (WIDTH - GAP * (perRow - 1)) / perRow;
  const scale = Math.min(side / columns, side / rows);
  const [width, height] = [scale * columns, Math.max(3, scale * rows)];
  return gridLayout(count, perRow, (k) => [(k % perRow) * (side + GAP), Math.floor(k / perRow) * (height + GAP), width, height]);
}

function gridLayout(count, perRow, rect) {
  const last = rect(count - 1);
  const contains = ([x, y, width, height], px, py) => px >= x && px < x + width && py >= y && py < y + height;
  return {
    width: WIDTH,
    height: last[1] + last[3],
    count,
    perRow,
    rect,
    indexAt: (x, y) => Array.from({ length: count }, (_, k) => k).find((k) => contains(rect(k), x, y)) ?? -1,
  };
}

function unitLayout(count) {
  const perRow = perRowOf(UNITS_PER_ROW, count);
  const width = WIDTH / perRow;
  const height = Math.min(20, width);
  return gridLayout(count, perRow, (k) => [(k % perRow) * width, Math.floor(k / perRow) * height, width, height]);
}
