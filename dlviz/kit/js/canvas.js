// Drawing on a canvas: lines, boxes, hatching, discs, arrows, text with a halo, labels that do not overlap, and the ticks of a map.

import { format } from "./numbers.js";
import { ticks } from "./scale.js";

/** Draw a line through points. @param {CanvasRenderingContext2D} context @param {number[][]} points @param {string} color @param {number} width @param {number[]} [dash] */
export function drawLine(context, points, color, width, dash = []) {
  context.strokeStyle = color;
  context.lineWidth = width;
  context.setLineDash(dash);
  context.beginPath();
  for (const [x, y] of points) context.lineTo(x, y);
  context.stroke();
  context.setLineDash([]);
}

/** Draw the outline of a box. @param {CanvasRenderingContext2D} context @param {number[]} box left, top, width and height @param {string} color @param {number} [lineWidth] */
export function drawBox(context, [left, top, width, height], color, lineWidth = 1) {
  context.strokeStyle = color;
  context.lineWidth = lineWidth;
  context.strokeRect(left, top, width, height);
}

/** Hatch a box: stripes that tell it from a full one of the same color. @param {CanvasRenderingContext2D} context @param {number[]} box left, top, width and height @param {string} color */
export function hatch(context, [left, top, width, height], color) {
  context.save();
  context.beginPath();
  context.rect(left, top, width, height);
  context.clip();
  context.strokeStyle = color;
  context.lineWidth = 1.2;
  context.beginPath();
  for (let at = left - (left % 6) - height; at < left + width; at += 6) {
    context.moveTo(at, top + height);
    context.lineTo(at + height, top);
  }
  context.stroke();
  context.restore();
}

/**
 * A function that writes as many letters of a text as fit into a box. It measures each text once, so its canvas has one font.
 * @returns {(context: CanvasRenderingContext2D, text: string, place: number[], size: number, color: string) => void} place: left edge of the box and height of the text; size: width of the box
 */
export function textCutter() {
  const [measured, edge] = [new Map(), 3];
  return (context, text, [x, y], size, color) => {
    if (!measured.has(text)) measured.set(text, context.measureText(text).width);
    const share = (size - 2 * edge) / measured.get(text);
    context.fillStyle = color;
    context.fillText(share < 1 ? text.slice(0, Math.max(1, Math.floor(share * text.length) - 2)) + "…" : text, x + edge, y);
  };
}

/** Draw a filled circle. @param {CanvasRenderingContext2D} context @param {number[]} center @param {number} radius @param {string} color */
export function drawDisc(context, [x, y], radius, color) {
  context.fillStyle = color;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

/** Draw the outline of a circle. @param {CanvasRenderingContext2D} context @param {number[]} center @param {number} radius @param {string} color @param {number} [width] */
export function drawRing(context, [x, y], radius, color, width = 2) {
  context.strokeStyle = color;
  context.lineWidth = width;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.stroke();
}

/**
 * Draw an arrow that ends `short` pixels before its target; the dashes are those of its shaft, `head` is the length of its barbs.
 * @param {CanvasRenderingContext2D} context @param {number[]} from @param {number[]} to @param {string} color @param {{short?: number, width?: number, dash?: number[], head?: number}} [style]
 */
export function drawArrow(context, [x, y], [toX, toY], color, { short = 0, width = 1.5, dash = [], head = 8 } = {}) {
  const length = Math.hypot(toX - x, toY - y);
  if (!(length > short + 1)) return;
  const [ux, uy] = [(toX - x) / length, (toY - y) / length];
  const [endX, endY] = [toX - short * ux, toY - short * uy];
  drawLine(context, [[x, y], [endX, endY]], color, width, dash);
  const barb = (side) => [endX - head * (ux - 0.5 * side * uy), endY - head * (uy + 0.5 * side * ux)];
  drawLine(context, [barb(1), [endX, endY], barb(-1)], color, width);
}

/** A path that is scaled around its origin, such as a marker of radius 1. @param {string} d as in SVG @param {number} radius */
export function scaledPath(d, radius) {
  const path = new Path2D();
  path.addPath(new Path2D(d), new DOMMatrix([radius, 0, 0, radius, 0, 0]));
  return path;
}

/** Draw text with a halo in the color of the paper, which keeps it readable over a picture. */
export function drawHaloText(context, text, [x, y], color, paper) {
  Object.assign(context, { strokeStyle: paper, lineWidth: 3, lineJoin: "round", fillStyle: color });
  context.strokeText(text, x, y);
  context.fillText(text, x, y);
}

/**
 * Find places for labels that do not overlap.
 * @param {number[][]} [reserved] boxes (left, top, right, bottom) that the labels do not cover
 * @returns {(candidates: number[][]) => number[] | undefined} takes the first of some boxes that is still free
 */
export function labelPlacer(reserved = []) {
  const taken = [...reserved];
  const isFree = (box) => !taken.some((other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3]);
  return (candidates) => {
    const box = candidates.find(isFree);
    if (box) taken.push(box);
    return box;
  };
}

/**
 * Write the tick values of a map below it and to its left.
 * @param {CanvasRenderingContext2D} context
 * @param {{left: number, top: number, height: number}} area the map
 * @param {{low: number, high: number, pixel: (value: number) => number, count: number}} x count: approximate number of ticks
 * @param {{low: number, high: number, pixel: (value: number) => number, count: number}} y
 * @param {{font: string, color: string}} style
 */
export function drawTicks(context, { left, top, height }, x, y, { font, color }) {
  Object.assign(context, { font, fillStyle: color, textBaseline: "top", textAlign: "center" });
  for (const value of ticks(x.low, x.high, x.count)) context.fillText(format(value, 3), x.pixel(value), top + height + 5);
  Object.assign(context, { textAlign: "right", textBaseline: "middle" });
  // A label at the upper or lower edge stays beside the map.
  for (const value of ticks(y.low, y.high, y.count)) context.fillText(format(value, 3), left - 6, Math.max(top + 6, Math.min(top + height - 6, y.pixel(value))));
}
