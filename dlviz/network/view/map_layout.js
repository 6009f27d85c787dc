// Where the maps of a column stand on its canvas, in pixels.

/** Width of a column's canvas, its greatest height, and the gap between maps. */
const WIDE = 84;
const HIGH = 320;
const GAP = 4;
/** Units of a vector that stand below each other. */
const TALL = 64;

/**
 * @param {any} column as Python describes it
 * @returns {{width: number, height: number, count: number, rect: (k: number) => number[], at: (x: number, y: number) => number}}
 *   rect: [x, y, width, height] of map or unit k; at: which one lies under a point, -1 for none
 */
export function places(column) {
  const [count, rows, columns] = column.drawn;
  if (column.layout === "vector") return units(rows);
  if (column.layout === "number") return boxes(1, 1, () => [0, 0, 44, 26]);
  if (column.layout === "plane") {
    const cell = Math.min(WIDE / columns, HIGH / rows, 14);
    return boxes(1, 1, () => [0, 0, cell * columns, cell * rows]);
  }
  const abreast = count > 3 ? 2 : 1;
  const side = (WIDE - GAP * (abreast - 1)) / abreast;
  const scale = Math.min(side / columns, side / rows);
  const [wide, high] = [scale * columns, Math.max(3, scale * rows)];
  return boxes(count, abreast, (k) => [(k % abreast) * (side + GAP), Math.floor(k / abreast) * (high + GAP), wide, high]);
}

function boxes(count, abreast, rect) {
  const last = rect(count - 1);
  const contains = ([x, y, w, h], px, py) => px >= x && px < x + w && py >= y && py < y + h;
  return {
    width: WIDE,
    height: last[1] + last[3],
    count,
    abreast,
    rect,
    at: (x, y) => Array.from({ length: count }, (_, k) => k).find((k) => contains(rect(k), x, y)) ?? -1,
  };
}

function units(count) {
  const strips = Math.ceil(count / TALL);
  const rows = Math.min(count, TALL);
  const high = Math.min(20, (HIGH - 10) / rows);
  const wide = Math.min(40, WIDE / strips);
  return {
    width: WIDE,
    height: rows * high,
    count,
    abreast: 1,
    rect: (k) => [Math.floor(k / TALL) * wide, (k % TALL) * high, wide - (strips > 1 ? 1 : 0), high],
    at(x, y) {
      const k = Math.floor(x / wide) * TALL + Math.floor(y / high);
      return x < strips * wide && y < rows * high && k < count ? k : -1;
    },
  };
}
