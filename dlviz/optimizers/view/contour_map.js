// Contour map: shades, contour lines with their values, paths, arrows, and a crosshair.

import { arrowDirection, h, fillIn, onKeys } from "../../kit/js/dom.js";
import { argmin, format } from "../../kit/js/numbers.js";
import { drawArrow, drawBox, drawDisc, drawHaloText, drawLine, drawRing, drawTicks, labelPlacer } from "../../kit/js/canvas.js";
import { channels, pixelCanvas, hidpiContext } from "../../kit/js/heatmap.js";
import { placeReadout } from "../../kit/js/readout.js";
import { scale } from "../../kit/js/scale.js";

const LEFT = 50;
const BOTTOM = 36;
const TOP = 8;
const RIGHT = 14;
/** Length of the longer of an optimizer's two arrows, in pixels. */
const ARROW = 44;
/** The most pixels that the map is high. */
const MAX_HEIGHT = 500;
/** Every path is this much wider than the one drawn over it, up to a limit, so that paths that coincide are all seen. */
const WIDER = 1.2;

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, pick: (number: number) => void}} options pick: called with the path nearest to a click
 */
export function contourMap({ messages, signal, pick }) {
  const canvas = h("canvas");
  const box = h("div", { class: "optim-map", tabindex: "0", role: "img", "aria-label": messages.map_alt }, canvas);
  const readout = h("output", { class: "dlviz-readout optim-readout", hidden: "" });
  const levels = h("p", { class: "optim-levels" });
  box.append(readout);
  const element = h("div", {}, box, levels);
  let scene = null;
  let surface = null;
  let state = null;
  let cursor = null;
  let area = { left: LEFT, top: TOP, width: 400, height: 400 };
  let shades = null;
  let arrowPoints = [];
  let [context, colors, scaleX, scaleY] = [null, null, null, null];

  function show(next, decoded) {
    scene = next;
    surface = decoded;
    shades = null;
  }
  /** @returns {[number, number]} */
  const pixel = ([x, y]) => [scaleX.pixel(x), scaleY.pixel(y)];
  /** The pixel of a path's point at step t. */
  const pixelOf = (path, t) => pixel(path.points[t]);
  /** The pixel of a grid point. */
  const pixelAt = ([row, column]) => pixel([coordinate(surface, "x", column), coordinate(surface, "y", row)]);

  /** @param {{paths: any[], step: number, colors: any, opened: string, width: number}} next */
  function draw(next) {
    if (colors?.paper !== next.colors.paper) shades = null;
    state = next;
    colors = state.colors;
    const ratio = Math.min(1, Math.max(0.55, (surface.y[1] - surface.y[0]) / (surface.x[1] - surface.x[0])));
    const width = Math.min(Math.max(120, next.width - LEFT - RIGHT), Math.round(MAX_HEIGHT / ratio));
    const height = Math.round(width * ratio);
    area = { ...area, width, height };
    scaleX = scale(surface.x, [LEFT, LEFT + width]);
    scaleY = scale(surface.y, [TOP + height, TOP]);
    context = hidpiContext(canvas, width + LEFT + RIGHT, height + TOP + BOTTOM);
    shades ??= drawShades();
    // A pixel is centered on its grid point, so the outermost pixels reach half a cell beyond the edge and are clipped.
    const [dx, dy] = [width / (surface.columns - 1), height / (surface.rows - 1)];
    context.save();
    context.beginPath();
    context.rect(LEFT, TOP, width, height);
    context.clip();
    context.drawImage(shades, LEFT - dx / 2, TOP - dy / 2, width + dx, height + dy);
    drawContours(dx, dy);
    for (const point of [...scene.minima, ...scene.marked]) drawCross(pixel(point));
    state.paths.forEach(drawPath);
    context.restore();
    drawAxes();
    arrowPoints = [];
    for (const path of state.paths) drawMarker(path);
    drawNames();
    drawCrosshair();
    updateReadout();
  }

  function drawShades() {
    const shadeOf = heightColors(colors);
    const { rows, columns, values } = surface;
    return pixelCanvas(rows, columns, (p, data) => {
      const value = values[(rows - 1 - Math.floor(p / columns)) * columns + (p % columns)];
      data.set(shadeOf(value, heightOf(surface, value)), 4 * p);
      data[4 * p + 3] = 255;
    });
  }
  function drawContours(dx, dy) {
    Object.assign(context, { font: `11px ${colors.mono}`, textAlign: "center", textBaseline: "middle" });
    context.globalAlpha = 0.55;
    const labels = surface.levels.map((level) => {
      const lines = level.lines.map((line) => line.map(([c, r]) => [LEFT + c * dx, TOP + area.height - r * dy]));
      for (const line of lines) drawLine(context, line, colors["ink-3"], 0.8);
      return [level.value, lines.reduce((a, b) => (b.length > a.length ? b : a), [])];
    });
    context.globalAlpha = 1;
    const pathPoints = state.paths.flatMap((path) => Array.from({ length: Math.min(path.size, 400) }, (_, t) => pixelOf(path, t)));
    const place = labelPlacer(pathPoints.map(([x, y]) => [x - 3, y - 3.5, x + 3, y + 3.5]));
    for (const [value, points] of labels) {
      if (points.length < 12) continue;
      const text = format(value, 3);
      const halfWidth = context.measureText(text).width / 2 + 4;
      const isInside = ([x, y]) => x > LEFT + halfWidth && x < LEFT + area.width - halfWidth && y > TOP + 8 && y < TOP + area.height - 8;
      const candidates = [0.5, 0.25, 0.75, 0.1, 0.9, 0.4, 0.6].map((fraction) => points[Math.floor(fraction * points.length)]).filter(isInside);
      const box = place(candidates.map(([x, y]) => [x - halfWidth, y - 6.5, x + halfWidth, y + 6.5]));
      if (box) drawHaloText(context, text, [box[0] + halfWidth, box[1] + 6.5], colors["ink-2"], colors.paper);
    }
  }
  function drawCross([x, y]) {
    for (const [color, lineWidth] of [[colors.paper, 4], [colors.ink, 1.6]]) {
      for (const sign of [1, -1]) drawLine(context, [[x - 5, y - 5 * sign], [x + 5, y + 5 * sign]], color, lineWidth);
    }
  }
  function drawPath(path, n) {
    const points = [];
    // After a path has left for good, its far jumps would only cover the picture.
    const until = Math.min(state.step, path.size - 1, path.ended?.step ?? Infinity);
    for (let t = 0; t <= until; t += 1) {
      const [x, y] = pixelOf(path, t);
      // A canvas cannot draw to infinity, so distant points are clamped far outside the picture.
      if (!Number.isFinite(x + y)) break;
      points.push([clamp(x, -1e5, 1e5), clamp(y, -1e5, 1e5)]);
    }
    const color = colors[path.color];
    context.lineJoin = "round";
    const width = (path.name === state.opened ? 3 : 1.8) + WIDER * Math.min(3, state.paths.length - 1 - n);
    drawLine(context, points, colors.paper, width + 2.2);
    drawLine(context, points, color, width, path.dash ? [6, 3] : []);
    context.fillStyle = color;
    if (path.size <= 400) for (const [x, y] of points) context.fillRect(x - 1.3, y - 1.3, 2.6, 2.6);
  }
  /** The current point of a path, clamped to the edge if it is outside the picture. */
  function currentPoint(path) {
    let t = Math.min(state.step, path.size - 1, path.ended?.step ?? Infinity);
    while (t > 0 && !pixelOf(path, t).every(Number.isFinite)) t -= 1;
    const [x, y] = pixelOf(path, t);
    const at = [clamp(x, LEFT, LEFT + area.width), clamp(y, TOP, TOP + area.height)];
    return { t, at, outside: Math.abs(at[0] - x) + Math.abs(at[1] - y) > 0.5 };
  }
  function drawMarker(path) {
    const { t, at, outside } = currentPoint(path);
    if (!outside) drawArrows(path, t, at);
    const radius = path.name === state.opened ? 6.5 : 5;
    drawDisc(context, at, radius, outside ? colors.paper : colors[path.color]);
    drawRing(context, at, radius, outside ? colors[path.color] : colors.paper);
  }
  /** The name of each path beside its current point, where there is room. */
  function drawNames() {
    if (state.paths.length < 2) return;
    Object.assign(context, { font: `600 11px ${colors.font}`, textAlign: "left", textBaseline: "middle" });
    const points = state.paths.map((path) => currentPoint(path).at);
    const place = labelPlacer(points.map(([x, y]) => [x - 6, y - 6, x + 6, y + 6]));
    state.paths.forEach((path, n) => {
      const text = path.name.length > 18 ? `${path.name.slice(0, 17)}…` : path.name;
      const width = context.measureText(text).width + 4;
      const [x, y] = points[n];
      const corners = [[x + 10, y - 7], [x - 10 - width, y - 7], [x + 4, y - 22], [x + 4, y + 8], [x - 4 - width, y - 22], [x - 4 - width, y + 8]];
      const boxes = corners.map(([left, top]) => [left, top, left + width, top + 14])
        .filter(([left, top, right, bottom]) => left > LEFT && right < LEFT + area.width && top > TOP && bottom < TOP + area.height);
      // A place off the arrows comes before one on them.
      const isOff = ([left, top, right, bottom]) => !arrowPoints.some(([x, y]) => x > left && x < right && y > top && y < bottom);
      const free = place(boxes.filter(isOff)) ?? place(boxes);
      if (free) drawHaloText(context, text, [free[0] + 2, free[1] + 7], colors[path.color], colors.paper);
    });
  }
  /** An arrow against the gradient (downhill), and one against the momentum (the next step). */
  function drawArrows(path, t, at) {
    // Near a minimum the directions are only rounding errors.
    if (!path.arrays.gradient || !(Math.hypot(...path.arrays.gradient[t]) > 1e-4 * path.maxGradientNorm)) return;
    const vectors = ["gradient", path.momentum].map((name) => (name ? path.arrays[name][t] : [0, 0]));
    const longest = Math.max(...vectors.map(([x, y]) => Math.hypot(x, y)));
    if (!(longest > 0) || !Number.isFinite(longest)) return;
    vectors.forEach(([x, y], n) => {
      const size = (ARROW * Math.hypot(x, y)) / longest;
      if (size < 3) return;
      const tip = [at[0] - (ARROW * x) / longest, at[1] + (ARROW * y) / longest];
      for (let k = 1; k <= 8; k += 1) arrowPoints.push(at.map((start, i) => start + (k / 8) * (tip[i] - start)));
      drawArrow(context, at, tip, colors.paper, { width: 4.5 });
      drawArrow(context, at, tip, n ? colors[path.color] : colors.ink, { width: 2, dash: n ? [] : [4, 3] });
    });
  }
  function drawAxes() {
    const { width, height } = area;
    drawBox(context, [LEFT + 0.5, TOP + 0.5, width - 1, height - 1], colors.line);
    drawTicks(context, area, { ...scaleX, count: width / 70 }, { ...scaleY, count: height / 50 }, { font: `11px ${colors.mono}`, color: colors["ink-3"] });
    Object.assign(context, { font: `600 11px ${colors.font}`, fillStyle: colors["ink-2"], textAlign: "center", textBaseline: "bottom" });
    context.fillText(scene.axes[0], LEFT + width / 2, TOP + height + BOTTOM);
    context.save();
    context.translate(2, TOP + height / 2);
    context.rotate(-Math.PI / 2);
    context.textBaseline = "top";
    context.fillText(scene.axes[1], 0, 0);
    context.restore();
  }
  function drawCrosshair() {
    if (!cursor) return;
    const [x, y] = pixelAt(cursor);
    context.globalAlpha = 0.7;
    drawLine(context, [[LEFT, y], [LEFT + area.width, y]], colors.select, 1);
    drawLine(context, [[x, TOP], [x, TOP + area.height]], colors.select, 1);
    context.globalAlpha = 1;
  }
  function updateReadout() {
    const values = surface.levels.map((level) => format(level.value, 3)).join(", ");
    levels.textContent = values && fillIn(messages.levels, { levels: values });
    readout.hidden = !cursor;
    if (cursor) {
      const [row, column] = cursor;
      const pair = scene.pair && `${scene.pair} = `;
      const loss = format(surface.values[row * surface.columns + column], 5);
      readout.textContent = fillIn(messages.readout, { pair, x: format(coordinate(surface, "x", column), 4), y: format(coordinate(surface, "y", row), 4), loss });
      placeReadout(readout, pixelAt(cursor));
    }
  }
  function hover(next) {
    cursor = next && [clamp(next[0], 0, surface.rows - 1), clamp(next[1], 0, surface.columns - 1)];
    if (state) draw(state);
  }
  function gridPoint(event) {
    return [Math.round((1 - (event.offsetY - TOP) / area.height) * (surface.rows - 1)), Math.round(((event.offsetX - LEFT) / area.width) * (surface.columns - 1))];
  }
  function pickNearest([x, y], maxDistance) {
    const distanceTo = (path) => {
      const pixels = Array.from({ length: currentPoint(path).t + 1 }, (_, t) => pixelOf(path, t));
      return Math.min(...pixels.map(([px, py]) => Math.hypot(px - x, py - y)));
    };
    const nearest = argmin(state.paths.length, (n) => distanceTo(state.paths[n]), maxDistance);
    if (nearest >= 0) pick(nearest);
  }

  box.addEventListener("pointermove", (event) => surface && hover(gridPoint(event)), { signal });
  for (const event of ["pointerleave", "blur"]) box.addEventListener(event, () => hover(null), { signal });
  box.addEventListener("click", (event) => pickNearest([event.offsetX, event.offsetY], 14), { signal });
  onKeys(box, signal, (event) => {
    const direction = arrowDirection(event);
    if (!direction && event.key !== "Enter") return false;
    const [row, column] = cursor ?? [Math.floor(surface.rows / 2), Math.floor(surface.columns / 2)];
    if (direction) hover([row - direction[1], column + direction[0]]);
    else pickNearest(pixelAt([row, column]), Infinity);
    return true;
  });

  return { element, show, draw };
}

/** Height from 0 at the least value to 1 at the greatest, as dlviz.optimizers.contour.log_heights. */
export function heightOf({ low, high, unit }, value) {
  if (!Number.isFinite(value)) return NaN;
  return high > low ? clamp(Math.log1p((value - low) / unit) / Math.log1p((high - low) / unit), 0, 1) : 0;
}

/** The color of a height, between the five of the theme. @returns {(value: number, height: number) => number[]} red, green and blue */
export function heightColors(colors) {
  const stops = [0, 1, 2, 3, 4].map((k) => channels(colors[`height-${k}`]));
  const shade = (height) => {
    const k = Math.min(3, Math.floor(4 * height));
    return stops[k].map((channel, c) => Math.round(channel + (stops[k + 1][c] - channel) * (4 * height - k)));
  };
  return (value, height) => (Number.isNaN(height) ? (value > 0 ? shade(1) : channels(colors.bad)) : shade(height));
}

/** The coordinate of row or column n of a surface's grid, which may lie between two grid points. */
export function coordinate(surface, name, n) {
  const [low, high] = surface[name];
  return low + (n / (surface[name === "x" ? "columns" : "rows"] - 1)) * (high - low);
}

function clamp(value, low, high) {
  return Math.max(low, Math.min(high, value));
}
