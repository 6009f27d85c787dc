// One example on a canvas: an image, the curves of a series, or the bars of a row; and the same of a difference.

import { drawLine } from "../../kit/js/canvas.js";
import { channels, heatmap, hidpiContext, pixelCanvas, scratch } from "../../kit/js/heatmap.js";
import { h } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";

/**
 * Draw an example into a box.
 * @param {CanvasRenderingContext2D} context
 * @param {any} box left, top, width and height
 * @param {Float32Array} values
 * @param {any} picture kind, shape and range, from the scene
 * @param {Record<string, string>} colors
 * @param {{small?: boolean, isError?: boolean, isFaint?: boolean, behind?: Float32Array | null}} [how] small: in the smaller shape; isError: a difference; isFaint: a series in a paler color; behind: a series that is drawn behind, dashed
 */
export function drawExample(context, box, values, picture, colors, { small = false, isError = false, isFaint = false, behind = null } = {}) {
  const shape = small ? picture.small : picture.shape;
  if (picture.kind === "image") drawImage(context, box, values, shape, picture, colors, isError);
  else if (picture.kind === "row") drawBars(context, box, values, picture, colors, isError);
  else {
    if (behind) drawSeries(context, box, behind, shape, picture, colors, [3, 2], true);
    if (isError) drawDifference(context, box, values, shape, picture, colors);
    else drawSeries(context, box, values, shape, picture, colors, [], isFaint);
  }
}

function drawImage(context, [left, top, width, height], values, [depth, rows, columns], picture, colors, isError) {
  const pixels = isError && depth === 1 ? heatmap(values, 0, rows, columns, picture.error_scale, colors, scratch) : plainPixels(values, depth, rows, columns, isError ? [-picture.error_scale, picture.error_scale] : [picture.low[0], picture.high[0]], channels(colors.bad));
  const scale = Math.min(width / columns, height / rows);
  context.imageSmoothingEnabled = false;
  context.drawImage(pixels, left + (width - columns * scale) / 2, top + (height - rows * scale) / 2, columns * scale, rows * scale);
}
/** Gray levels of one channel, or red, green and blue of three; numbers that are not finite have a color of their own. */
function plainPixels(values, depth, rows, columns, [low, high], bad) {
  const size = rows * columns;
  return pixelCanvas(rows, columns, (p, data) => {
    for (let c = 0; c < 3; c += 1) {
      const value = values[(depth === 3 ? c : 0) * size + p];
      data[4 * p + c] = Number.isFinite(value) ? (255 * (value - low)) / (high - low) : bad[c];
    }
    data[4 * p + 3] = 255;
  }, scratch);
}
function drawSeries(context, [left, top, width, height], values, [depth, length], picture, colors, dash, isFaint) {
  const [low, high] = [picture.low[0], picture.high[0]];
  const up = (value) => top + height - 2 - ((value - low) / (high - low)) * (height - 4);
  context.save();
  context.beginPath();
  context.rect(left, top, width, height);
  context.clip();
  for (let c = 0; c < depth; c += 1) {
    const points = Array.from({ length }, (_, t) => [left + (t / Math.max(1, length - 1)) * width, up(values[c * length + t])]).filter((point) => Number.isFinite(point[1]));
    drawLine(context, points, depth > 1 ? colors[`dim-${c % 5}`] : isFaint ? colors["ink-3"] : colors.ink, isFaint ? 1 : 1.5, dash);
  }
  context.restore();
}
/** A difference of series as bars around a line at 0. */
function drawDifference(context, [left, top, width, height], values, [depth, length], picture, colors) {
  const middle = top + height / 2;
  const bar = width / length;
  for (let p = 0; p < depth * length; p += 1) {
    const size = Math.max(-1, Math.min(1, values[p] / picture.error_scale)) * (height / 2 - 1);
    if (!Number.isFinite(size)) continue;
    context.fillStyle = size < 0 ? colors.neg : colors.pos;
    context.fillRect(left + (p % length) * bar, size < 0 ? middle : middle - size, Math.max(1, bar), Math.abs(size));
  }
  drawLine(context, [[left, middle], [left + width, middle]], colors.line, 1);
}
function drawBars(context, [left, top, width, height], values, { low, high, error_scale: most }, colors, isError) {
  const pitch = height / values.length;
  values.forEach((value, k) => {
    const share = isError ? Math.abs(value) / most : (value - low[k]) / (high[k] - low[k]);
    if (!Number.isFinite(share)) return;
    context.fillStyle = isError ? (value < 0 ? colors.neg : colors.pos) : colors["ink-3"];
    context.fillRect(left, top + k * pitch, Math.max(0.5, Math.min(1, Math.max(0, share)) * width), Math.max(1, pitch - 1));
  });
}

/** A KL divergence in nats; below 0.001 more digits would say nothing. @param {number} value */
export function formatNats(value) {
  return format(Number(value.toFixed(3)), 3);
}

/** A canvas with one example; it is an image, with a label, once it is drawn. @param {string} [className] */
export function exampleCanvas(className = "") {
  const element = h("canvas", { class: `lat-picture ${className}`.trim() });
  return {
    element,
    /** @param {Float32Array | null} values @param {any} picture @param {Record<string, string>} colors @param {number[]} size in pixels @param {string} label @param {any} [how] */
    draw(values, picture, colors, [width, height], label, how) {
      const context = hidpiContext(element, width, height);
      element.setAttribute("role", "img");
      element.setAttribute("aria-label", label);
      context.fillStyle = colors.raised;
      context.fillRect(0, 0, width, height);
      if (values) drawExample(context, [0, 0, width, height], values, picture, colors, how);
    },
  };
}
