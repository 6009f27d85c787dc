// A square picture of the plane on a canvas: its two scales, its frame with ticks and axis names, and the pointer's place in it.

import { drawBox, drawHaloText, drawTicks } from "./canvas.js";
import { argmin } from "./numbers.js";
import { scale } from "./scale.js";

/**
 * @param {{left: number, top: number, size: number}} box the picture's place on the canvas, in CSS pixels
 * @param {number[]} limits left, right, bottom and top of the plane
 */
export function planeAxes(box, [left, right, bottom, top]) {
  const across = scale([left, right], [box.left, box.left + box.size]);
  const up = scale([bottom, top], [box.top + box.size, box.top]);
  /** Pixel of a point of the plane. @param {number[]} point @returns {[number, number]} */
  function pixel([x, y]) {
    return [across.pixel(x), up.pixel(y)];
  }
  /** Point of the plane at a pixel. @param {number[]} pixel @returns {[number, number]} */
  function point([x, y]) {
    return [across.value(x), up.value(y)];
  }
  /** Whether a pixel lies in the picture. */
  const contains = ([x, y]) => x >= box.left && y >= box.top && x < box.left + box.size && y < box.top + box.size;

  /** Draw the frame, the ticks beside it and the names of the axes inside. @param {CanvasRenderingContext2D} context @param {Record<string, string>} colors @param {string[]} names of the two axes */
  function draw(context, colors, [xName, yName] = ["x₀", "x₁"]) {
    drawBox(context, [box.left - 0.5, box.top - 0.5, box.size + 1, box.size + 1], colors.line);
    const style = { font: `11px ${colors.mono}`, color: colors["ink-3"] };
    drawTicks(context, { ...box, height: box.size }, { ...across, count: 5 }, { ...up, count: 5 }, style);
    Object.assign(context, { font: `600 12px ${colors.font}`, textAlign: "left", textBaseline: "alphabetic" });
    drawHaloText(context, `↑ ${yName}`, [box.left + 5, box.top + 15], colors.ink, colors.paper);
    Object.assign(context, { textAlign: "right" });
    drawHaloText(context, `${xName} →`, [box.left + box.size - 5, box.top + box.size - 7], colors.ink, colors.paper);
  }
  /** Draw inside the picture only. @param {CanvasRenderingContext2D} context @param {() => void} call */
  function clipped(context, call) {
    context.save();
    context.beginPath();
    context.rect(box.left, box.top, box.size, box.size);
    context.clip();
    call();
    context.restore();
  }
  /** Number of the point that is drawn nearest to a pixel, within so many pixels; −1 for none. @param {Float32Array} points x and y of each @param {number[]} at */
  function nearest(points, [x, y], radius = Infinity) {
    return argmin(points.length / 2, (k) => Math.hypot(across.pixel(points[2 * k]) - x, up.pixel(points[2 * k + 1]) - y), radius);
  }
  return { box, across, up, pixel, point, contains, nearest, draw, clipped };
}

/** Pixel of the pointer on a canvas, in CSS pixels. @param {HTMLElement} canvas @param {PointerEvent | MouseEvent} event @returns {[number, number]} */
export function pointerPixel(canvas, event) {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

/** Center of a cell of a grid over the plane, counted from the top left. @param {number[]} limits left, right, bottom and top @param {number} side cells along a side @returns {[number, number]} */
export function cellCenter([left, right, bottom, top], side, row, column) {
  return [left + ((column + 0.5) / side) * (right - left), top - ((row + 0.5) / side) * (top - bottom)];
}
