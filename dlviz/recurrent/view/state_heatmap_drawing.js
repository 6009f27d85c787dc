// Drawing of the timeline on its canvas: layout in pixels, the heat maps, and what changes with the step and the unit.

import { drawBox, drawDisc, drawLine } from "../../kit/js/canvas.js";
import { format } from "../../kit/js/numbers.js";
import { heatmap, maxAbs, hidpiContext, scratch } from "../../kit/js/heatmap.js";

/** Space for labels at the left, and at the right. */
const LEFT = 64;
const RIGHT = 14;
/** Heights of the bars, tokens, span marks, the gap below a heat map, and the curve. */
const BARS = 40;
const TOKENS = 22;
const MARKS = 8;
const GAP = 14;
const CURVE = 58;
/** Largest height of a row; of a heat map beside the cell and above it; and of all heat maps together. */
const ROW = 28;
const HEIGHT = { beside: 240, above: 84 };
const ALL = 330;

/** The heat maps with their values row by row: h, c of an LSTM, and the change by edits. */
export function makeHeatmaps(scene, messages) {
  const found = [{ name: "h", count: scene.outputs, values: transposed(scene.h, scene.steps, scene.steps, scene.outputs) }];
  if (scene.c) found.push({ name: "c", count: scene.units, values: transposed(scene.c, scene.steps, scene.steps, scene.units) });
  if (scene.unedited) {
    const { common_steps: common, change } = scene.unedited;
    found.push({ name: messages.change, count: scene.outputs, values: transposed(change, common, scene.steps, scene.outputs) });
  }
  return found.map((one) => ({ ...one, max: maxAbs(one.values) }));
}

/** (rows, …) as (count, steps); steps beyond the rows are 0. */
function transposed(values, rows, steps, count) {
  const width = values.length / rows;
  const found = new Float64Array(count * steps);
  for (let t = 0; t < rows; t += 1) for (let u = 0; u < count; u += 1) found[u * steps + t] = values[t * width + u];
  return found;
}

/** Positions in pixels: of every heat map, the width of a step, and functions between them. @param {"beside" | "above"} position where the timeline stands from the cell */
export function makeLayout(scene, heatmaps, width, position) {
  const column = Math.min(60, (width - LEFT - RIGHT) / scene.steps);
  let y = BARS + TOKENS + MARKS;
  const placed = heatmaps.map((one) => {
    const row = Math.max(2, Math.min(ROW, Math.min(HEIGHT[position], ALL / heatmaps.length) / one.count));
    const top = y;
    y = top + row * one.count + GAP;
    return { ...one, row, top, bottom: top + row * one.count };
  });
  return {
    width,
    height: y + CURVE,
    column,
    heatmaps: placed,
    x: (t) => LEFT + t * column,
    stepAt: (px) => Math.max(0, Math.min(scene.steps - 1, Math.floor((px - LEFT) / column))),
    heatmapAt: (py) => placed.find((one) => py >= one.top - 3 && py < one.bottom + 3),
    unitAt: ({ top, row, count }, py) => Math.max(0, Math.min(count - 1, Math.floor((py - top) / row))),
  };
}

/**
 * Draw the heat maps with their labels; they stay the same while the player runs.
 * @param {any} scene @param {any} layout @param {{colors: any, mono: string}} style
 */
export function drawHeatmaps(scene, layout, { colors, mono }) {
  const canvas = document.createElement("canvas");
  const context = hidpiContext(canvas, layout.width, layout.height);
  const width = layout.column * scene.steps;
  context.textBaseline = "middle";
  for (const { name, values, count, max, top, bottom } of layout.heatmaps) {
    context.drawImage(heatmap(values, 0, count, scene.steps, max, colors, scratch), LEFT, top, width, bottom - top);
    drawBox(context, [LEFT - 0.5, top - 0.5, width + 1, bottom - top + 1], colors.line);
    drawLabel(context, name, max, (top + bottom) / 2, { colors, mono });
  }
  return canvas;
}
function drawLabel(context, name, max, y, { colors, mono }) {
  context.textAlign = "left";
  context.font = `600 12px ${mono}`;
  context.fillStyle = colors.ink;
  context.fillText(name, 2, y - 7);
  context.font = `11px ${mono}`;
  context.fillStyle = colors["ink-3"];
  context.fillText(`± ${format(max, 2)}`, 2, y + 8);
}

/**
 * Draw what depends on the step, the unit and the span.
 * @param {CanvasRenderingContext2D} context @param {any} scene @param {any} layout
 * @param {{t: number, u: number, span: number[], similar: number[][], cursor: number[]}} selection cursor: step and unit of the outlines, which glide
 * @param {{colors: any, mono: string}} style
 */
export function drawSelection(context, scene, layout, selection, style) {
  drawBars(context, scene, layout, selection, style);
  drawTokens(context, scene, layout, selection, style);
  drawSpans(context, layout, selection, style);
  drawCursor(context, scene, layout, selection, style);
  drawCurve(context, scene, layout, selection, style);
}

/** Norms of the gradient of the selected number by every input. */
function drawBars(context, scene, { x, column }, { t, u }, { colors, mono }) {
  const norms = scene.inputGradNorms(t, u);
  context.font = `11px ${mono}`;
  context.fillStyle = colors["ink-3"];
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillText("‖∂h/∂x‖", 2, BARS - 18);
  if (!norms) return;
  const max = maxAbs(norms);
  context.fillText(`≤ ${format(max, 2)}`, 2, BARS - 5);
  context.fillStyle = colors.flow;
  for (let s = 0; s < scene.steps && max > 0; s += 1) {
    const height = ((BARS - 4) * norms[s]) / max;
    context.fillRect(x(s) + Math.min(4, column / 8), BARS - height, Math.max(1, column - Math.min(8, column / 4)), height);
  }
}

/** Every k-th token, as there is space, and the current one in a box. */
function drawTokens(context, scene, { x, column }, { t }, { colors, mono }) {
  context.textAlign = "center";
  context.textBaseline = "middle";
  const longest = Math.max(...scene.tokens.map((token) => Math.min(8, token.length)), 1);
  const stride = Math.max(1, Math.ceil((4 + 7.2 * longest) / column));
  context.font = `400 12px ${mono}`;
  context.fillStyle = colors["ink-3"];
  for (let s = 0; s < scene.steps; s += stride) context.fillText(scene.token(s), x(s) + column / 2, BARS + TOKENS / 2 + 1);
  context.font = `700 12px ${mono}`;
  const text = scene.token(t);
  const middle = x(t) + column / 2;
  const width = context.measureText(text).width + 8;
  context.fillStyle = colors.paper;
  context.fillRect(middle - width / 2, BARS + 1, width, TOKENS - 1);
  drawBox(context, [middle - width / 2, BARS + 2, width, TOKENS - 3], colors.select, 1.5);
  context.fillStyle = colors.ink;
  context.fillText(text, middle, BARS + TOKENS / 2 + 1);
}

function drawSpans(context, { x, column }, { span, similar }, { colors }) {
  const line = ([first, last], color) => {
    context.fillStyle = color;
    context.fillRect(x(first) + 1, BARS + TOKENS + 1, Math.max(2, (last - first + 1) * column - 2), 4);
  };
  for (const one of similar) line(one, colors["ink-2"]);
  if (span.length === 2) line(span, colors.select);
}

/** Outline the selected step, unit and number in every heat map. */
function drawCursor(context, scene, { x, column, heatmaps }, { cursor }, { colors }) {
  const [t, u] = cursor;
  for (const { top, bottom, row, count } of heatmaps) {
    drawBox(context, [x(t), top - 2, Math.max(2, column), bottom - top + 4], colors.select, 1.5);
    if (u > count - 1) continue;
    const y = top + u * row;
    drawBox(context, [LEFT - 1, y - 0.5, column * scene.steps + 2, row + 1], colors["ink-3"]);
    drawBox(context, [x(t) - 1, y - 1, Math.max(3, column + 2), row + 2], colors.select, 1.5);
  }
}

/** The selected unit over time, and behind it the same without edits. */
function drawCurve(context, scene, { x, column, height }, { t, u }, { colors, mono }) {
  const name = u < scene.outputs ? "h" : "c";
  const values = Array.from({ length: scene.steps }, (_, s) => scene.number(scene[name], s, u));
  const { unedited } = scene;
  const width = unedited ? unedited[name].length / unedited.steps : 0;
  const before = unedited ? Array.from({ length: Math.min(scene.steps, unedited.steps) }, (_, s) => unedited[name][s * width + u]) : [];
  const max = maxAbs([...values, ...before]) || 1;
  const middle = height - CURVE / 2;
  const y = (value) => middle - (value / max) * (CURVE / 2 - 4);
  const points = (numbers) => numbers.map((value, s) => [x(s) + column / 2, y(value)]);
  drawLine(context, [[LEFT, middle], [LEFT + column * scene.steps, middle]], colors.line, 1);
  if (unedited) drawLine(context, points(before), colors["ink-3"], 2, [4, 3]);
  drawLine(context, points(values), colors.select, 2);
  drawDisc(context, [x(t) + column / 2, y(values[t])], 4, colors.select);
  drawLabel(context, `${name}[${u}]`, max, middle, { colors, mono });
}
