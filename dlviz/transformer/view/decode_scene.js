// The scene with its bytes as typed arrays, and functions that read single numbers.

import { typedArray } from "../../kit/js/typed_arrays.js";

/** A matrix: its numbers, or a binned picture of them. @param {any} raw @param {"float32" | "float64"} dtype */
function decodeBlock(raw, dtype) {
  const [rows, columns] = raw.shape;
  const numbers = typedArray(raw.numbers, raw.bins ? "uint8" : dtype);
  const [height, width] = raw.bins ?? raw.shape;
  /** The value of a byte, as blocks.py wrote it: 0 stands for −∞ and 1 for NaN. */
  const value = (code) => (code === 0 ? -Infinity : code === 1 ? NaN : Math.sign(code - 128) * ((code - 128) / 126) ** 2 * raw.max);
  return {
    rows, columns, height, width, max: raw.max, isBinned: Boolean(raw.bins),
    /** A number in full; NaN where only bins are known. */
    at: (i, j) => (raw.bins ? NaN : numbers[i * columns + j]),
    /** What is painted at a place of the picture. */
    painted: (y, x) => (raw.bins ? value(numbers[y * width + x]) : numbers[y * width + x]),
    /** The bin of an element. */
    bin: (i, j) => [Math.floor((i * height) / rows), Math.floor((j * width) / columns)],
    column: (j) => (raw.bins ? null : Array.from({ length: rows }, (_, i) => numbers[i * columns + j])),
    row: (i) => (raw.bins ? null : numbers.subarray(i * columns, (i + 1) * columns)),
  };
}

/**
 * @param {any} raw the scene that dlviz.transformer.scene.scene returned
 * @param {() => any} selectedRow the trait with the rows of a selected query and key that the scene holds only binned
 */
export function decode(raw, selectedRow) {
  const blocks = /** @type {Record<string, any>} */ (Object.fromEntries(Object.entries(raw.blocks).map(([name, block]) => [name, decodeBlock(block, raw.dtype)])));
  const hidden = raw.hidden ?? -Infinity;
  const { painted } = blocks.masked;
  // What a mask writes for a pair that it takes out may be a finite number.
  blocks.masked.painted = (y, x) => (painted(y, x) <= hidden ? -Infinity : painted(y, x));
  const length = blocks.weights.rows;
  const count = blocks.weights.columns;
  return {
    ...raw,
    blocks, length, count, hidden,
    masked: raw.mask !== null,
    round: raw.dtype === "float32" ? Math.fround : (value) => value,
    queryName: (i) => named(raw.query_tokens[i], i),
    keyName: (j) => named(raw.key_tokens[j], j),
    columnOf: (name, j) => blocks[name].column(j),
    /** A row of a block in full: of a key's block that of the key, else that of the query; null if it is not known. */
    rowOf(name, i, j) {
      const block = blocks[name];
      if (!block) return null;
      const at = name === "key" || name === "value" ? j : i;
      if (!block.isBinned) return block.row(at);
      const sent = selectedRow();
      const isSent = sent.rows?.[name] && (name === "key" || name === "value" ? sent.key === j : sent.query === i);
      return isSent ? typedArray(sent.rows[name], raw.dtype) : null;
    },
  };
}

/** A token with visible white space. @param {string} token @param {number} [most] characters */
export function visible(token, most = 16) {
  const text = token.replaceAll(" ", "␣").replaceAll("\n", "⏎");
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
function named(token, k) {
  return token === String(k) ? String(k) : `${k} (${visible(token)})`;
}
