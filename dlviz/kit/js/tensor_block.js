// A block of a tensor's elements as Python sent it: numbers, their text, and their indices.

import { typedArray } from "./typed_arrays.js";
import { fixed, format } from "./numbers.js";

const PAIRS = { complex64: "float32", complex128: "float64" };

/** @param {any} about a block as written by block_payload in torchkit/tensor_blocks.py */
export function decode(about) {
  const { start, size, kind } = about;
  const pairs = PAIRS[kind];
  const raw = kind === "text" ? about.values : kind === "none" ? [] : typedArray(about.values, pairs ?? (kind === "bool" ? "uint8" : kind));
  const present = about.present ? typedArray(about.present, "uint8") : null;
  const count = size.reduce((all, one) => all * one, 1);
  const strides = rowMajorStrides(size);
  const known = kind !== "none";
  let max = 0;
  for (let p = 0; known && p < count; p += 1) {
    const value = Math.abs(number(p));
    if (Number.isFinite(value) && value > max) max = value;
  }

  /** The number that sets the color; the absolute value of a complex number. */
  function number(p) {
    if (!known) return NaN;
    return pairs ? Math.hypot(raw[2 * p], raw[2 * p + 1]) : Number(raw[p]);
  }
  function text(p, digits = 4) {
    if (!known) return "?";
    if (kind === "text") return raw[p].replace("-", "−");
    if (kind === "bool") return raw[p] ? "True" : "False";
    if (!pairs) return format(raw[p], digits);
    const sign = raw[2 * p + 1] < 0 || Object.is(raw[2 * p + 1], -0) ? "−" : "+";
    return `${format(raw[2 * p], digits)}${sign}${format(Math.abs(raw[2 * p + 1]), digits)}j`;
  }
  const digits = about.digits ?? 3;
  let longest = 2;
  for (let p = 0; p < Math.min(count, 1024); p += 1) longest = Math.max(longest, text(p, digits).length);
  return {
    ...about,
    digits,
    count,
    /** Width of a cell in pixels. */
    wide: Math.max(34, Math.round(10 + 7.3 * longest)),
    known,
    max,
    number,
    text,
    raw: (p) => raw[p],
    plain: !pairs && kind !== "text" && kind !== "bool",
    nonfinite: (p) => known && kind !== "text" && !Number.isFinite(number(p)),
    absent: (p) => present !== null && !present[p],
    /** Position in the block of the element at a tensor's index; -1 if the block does not hold it. */
    position(index) {
      let p = 0;
      for (let d = 0; d < size.length; d += 1) {
        const at = index[d] - start[d];
        if (at < 0 || at >= size[d]) return -1;
        p += at * strides[d];
      }
      return p;
    },
    /** The tensor's index of a position in the block. */
    index(p) {
      return size.map((length, d) => (Math.floor(p / strides[d]) % length) + start[d]);
    },
  };
}

/**
 * Give the numbers of a block the same decimals wherever they are written: `write` formats a number, `text` that of a position.
 * @param {any} block of real numbers @param {number} steps of which the largest number has at least so many @param {number} [max] the largest number
 */
export function withDecimals(block, steps, max = block.max) {
  const decimals = Math.max(0, Math.ceil(Math.log10(steps / max)));
  const write = (value) => fixed(Number(value), decimals);
  const text = (p) => write(block.raw(p));
  const longest = Math.max(...Array.from({ length: Math.min(block.count, 1024) }, (_, p) => text(p).length));
  return Object.assign(block, { write, text, wide: Math.max(28, Math.ceil(6 + 7.3 * longest)) });
}

/** Row-major strides of a shape. */
export function rowMajorStrides(shape) {
  const strides = new Array(shape.length);
  let step = 1;
  for (let d = shape.length - 1; d >= 0; d -= 1) {
    strides[d] = step;
    step *= Math.max(1, shape[d]);
  }
  return strides;
}

/** The index of the k-th element, counted row by row. */
export function unravel(k, shape) {
  const strides = rowMajorStrides(shape);
  return shape.map((size, d) => Math.floor(k / strides[d]) % size);
}

export function ravel(index, shape) {
  const strides = rowMajorStrides(shape);
  return index.reduce((sum, at, d) => sum + at * strides[d], 0);
}

export function numel(shape) {
  return shape.reduce((all, one) => all * one, 1);
}

/** The offset of an element in storage. */
export function address(index, stride, offset) {
  return index.reduce((sum, at, d) => sum + at * stride[d], offset);
}

/** "x[1, 2]", and "x[()]" for a tensor without dimensions, as Python writes it. */
export function indexExpression(name, index) {
  return `${name}[${index.length ? index.join(", ") : "()"}]`;
}
