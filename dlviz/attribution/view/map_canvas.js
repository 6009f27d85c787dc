// One map on a canvas, over the input: the stronger a number, the more of the input it covers.

import { channels, pixelCanvas } from "../../kit/js/heatmap.js";

/**
 * A picture of bytes as a canvas of its own size.
 * @param {Uint8Array} bytes (c, h, w) with one channel or three
 * @param {number[]} shape h and w
 */
export function inputPicture(bytes, [rows, columns]) {
  const size = rows * columns;
  const step = bytes.length === 3 * size ? size : 0;
  return pixelCanvas(rows, columns, (p, data) => {
    for (let c = 0; c < 3; c += 1) data[4 * p + c] = bytes[p + c * step];
    data[4 * p + 3] = 255;
  });
}

/**
 * A map as a canvas of its own size: orange above zero, blue below, transparent where it is zero.
 * @param {ArrayLike<number>} values @param {number[]} shape h and w @param {number} limit the number of the strongest color
 * @param {Record<string, string>} colors
 */
export function mapPicture(values, [rows, columns], limit, colors) {
  const [pos, neg, bad] = [colors.pos, colors.neg, colors.bad].map(channels);
  return pixelCanvas(rows, columns, (p, data) => {
    const value = values[p];
    const isFinite = Number.isFinite(value);
    data.set(isFinite ? (value < 0 ? neg : pos) : bad, 4 * p);
    data[4 * p + 3] = isFinite ? (limit > 0 ? 255 * Math.min(1, Math.abs(value) / limit) : 0) : 255;
  });
}

/** The largest box of a picture's proportions inside a square. @param {number[]} shape h and w @param {number} side @returns {[number, number]} width and height */
export function fitted([rows, columns], side) {
  const scale = side / Math.max(rows, columns);
  return [Math.max(1, Math.round(columns * scale)), Math.max(1, Math.round(rows * scale))];
}

/**
 * Draw a map over its input.
 * @param {CanvasRenderingContext2D} context @param {[number, number]} size width and height
 * @param {{input: HTMLCanvasElement, map: HTMLCanvasElement | null, opacity: number, paper: string}} layers opacity: of the input, from 0 to 1
 */
export function drawOver(context, [width, height], { input, map, opacity, paper }) {
  context.fillStyle = paper;
  context.fillRect(0, 0, width, height);
  const smooth = input.width > width;
  context.imageSmoothingEnabled = smooth;
  context.globalAlpha = opacity;
  context.drawImage(input, 0, 0, width, height);
  context.globalAlpha = 1;
  if (!map) return;
  context.imageSmoothingEnabled = map.width > width;
  context.drawImage(map, 0, 0, width, height);
}
