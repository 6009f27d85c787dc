// Drawing of a head on a canvas: its blocks as heat maps, tokens at both sides, and what is selected or pointed at.

import { drawBox } from "../../kit/js/canvas.js";
import { channels, hidpiContext, pixelCanvas, textColors } from "../../kit/js/heatmap.js";
import { fixed, format } from "../../kit/js/numbers.js";
import { visible } from "./decode_scene.js";
import { NUMBER } from "./layout.js";

/** From so many weights on, this share of them has the strongest color: the first rows of a causal map would leave all others pale. */
const MANY = 1024;
const STRONGEST = 0.01;

/** A block with one pixel for each number or bin: −∞ is gray, NaN has the color of an error. @param {any} block @param {number} max @param {any} colors @param {boolean} [turned] columns down */
export function blockPicture(block, max, colors, turned = false) {
  const [paper, pos, neg, bad, masked] = [colors.paper, colors.pos, colors.neg, colors.bad, colors.line].map(channels);
  const [height, width] = turned ? [block.width, block.height] : [block.height, block.width];
  return pixelCanvas(height, width, (p, data) => {
    const [y, x] = [Math.floor(p / width), p % width];
    const value = turned ? block.painted(x, y) : block.painted(y, x);
    const share = Number.isFinite(value) ? (max > 0 ? Math.min(1, Math.abs(value) / max) : 0) : 1;
    const to = Number.isNaN(value) ? bad : value === -Infinity ? masked : value < 0 ? neg : pos;
    for (let c = 0; c < 3; c += 1) data[4 * p + c] = paper[c] + (to[c] - paper[c]) * share;
    data[4 * p + 3] = 255;
  });
}

/** Weights with −∞ where the mask leaves none, which a picture shows in gray. */
function maskedWeights({ weights, masked }) {
  return { ...weights, painted: (y, x) => (masked.painted(y, x) === -Infinity && weights.painted(y, x) === 0 ? -Infinity : weights.painted(y, x)) };
}

/** The weight from which on the color is the strongest. */
function strongestWeight({ height, width, painted, max }) {
  if (height * width < MANY) return max;
  const values = Float64Array.from({ length: height * width }, (_, p) => painted(Math.floor(p / width), p % width)).filter(Number.isFinite).sort();
  return values.at(-1 - Math.floor(STRONGEST * values.length)) || max;
}

/** The block that a map shows, and the value of its strongest color. @param {any} scene @param {string} map */
export function mapBlock(scene, map) {
  const { products, masked, weights } = scene.blocks;
  if (map === "weights") return { block: maskedWeights(scene.blocks), max: (scene.strongest ??= strongestWeight(weights)), factor: 1 };
  if (map === "masked") return { block: masked, max: masked.max, factor: 1 };
  return { block: products, max: products.max, factor: map === "scores" ? scene.scale : 1 };
}

/** Draw the blocks that a stage shows; the others are empty frames. @returns {HTMLCanvasElement} */
export function drawBlocks(scene, layout, { shown, map }, hidden, titles, { colors, mono }) {
  const canvas = document.createElement("canvas");
  const context = hidpiContext(canvas, layout.width, layout.height);
  for (const [name, [x, y, w, h]] of Object.entries(layout.rectangles)) {
    const isShown = name !== hidden && (name === "map" ? Boolean(map) : shown.has(name));
    if (isShown) {
      const { block, max, factor } = name === "map" ? mapBlock(scene, map) : { block: scene.blocks[name], max: scene.blocks[name].max, factor: 1 };
      const picture = blockPicture(block, max, colors, name === "key");
      context.drawImage(picture, x, y, w, h);
      drawNumbers(context, [x, y, w, h], picture, block, (i, j) => scene.round(block.painted(i, j) * factor), name === "key", mono);
      if (name === "joined") drawOwnColumns(context, scene, layout.rectangles.joined, colors);
    }
    drawBox(context, [x - 0.5, y - 0.5, w + 1, h + 1], isShown ? colors.line : colors["line-2"]);
    if (name !== "map") drawTitle(context, titles[name], name === "key" || name === "value" ? [x, y - 4] : [x, y + h + 13], isShown, { colors, mono });
  }
  const [x, y, , h] = layout.rectangles.map;
  if (map && "map" !== hidden) {
    const { max, factor } = mapBlock(scene, map);
    drawTitle(context, map === "weights" ? `${titles.weights} 0 … ${max < scene.blocks.weights.max ? "≥ " : ""}${format(max, 2)}` : `${titles[map]} ± ${format(max * factor, 2)}`, [x, y + h + 13], true, { colors, mono });
  }
  return canvas;
}
function drawTitle(context, text, [x, y], isShown, { colors, mono }) {
  context.font = `600 11px ${mono}`;
  context.textAlign = "left";
  context.textBaseline = "alphabetic";
  context.fillStyle = isShown ? colors["ink-2"] : colors["ink-3"];
  context.fillText(text, x, y);
}
function drawNumbers(context, [x, y, w, h], picture, block, valueAt, isTurned, mono) {
  const { width: columns, height: rows } = picture;
  const [columnWidth, rowHeight] = [w / columns, h / rows];
  if (block.isBinned || columnWidth < NUMBER[0] || rowHeight < NUMBER[1]) return;
  Object.assign(context, { font: `11px ${mono}`, textAlign: "center", textBaseline: "middle" });
  const colorOn = textColors(picture);
  const cells = Array.from({ length: rows * columns }, (_, p) => {
    const [row, column] = [Math.floor(p / columns), p % columns];
    return { p, row, column, value: isTurned ? valueAt(column, row) : valueAt(row, column) };
  }).filter(({ value }) => value !== -Infinity);
  const texts = (decimals) => cells.map(({ value }) => cellText(value, decimals));
  // All numbers have the decimals that fit the longest of them.
  const shown = [2, 1, 0].map(texts).find((candidate) => candidate.every((text) => context.measureText(text).width <= columnWidth - 3)) ?? [];
  shown.forEach((text, k) => {
    context.fillStyle = colorOn(cells[k].p);
    context.fillText(text, x + (cells[k].column + 0.5) * columnWidth, y + (cells[k].row + 0.5) * rowHeight);
  });
}
function cellText(value, decimals) {
  return Number.isFinite(value) && Math.abs(value) < 100 ? fixed(value, Math.abs(value) < 10 ? decimals : Math.min(1, decimals)) : format(value, 2);
}
/** Where this head stands among all heads. */
function drawOwnColumns(context, scene, [x, y, w, h], colors) {
  const width = w / scene.heads;
  drawBox(context, [x + scene.head * width, y - 1, width, h + 2], colors.select, 1.5);
}

/** Draw tokens, shaded by the weights of the pointed one, and the outlines of the selected pair. */
export function drawOverlay(context, scene, layout, { query, key, hovered, map, isPainting }, { colors, mono }) {
  const focus = hovered ?? { query, key };
  const lit = focus.query ?? null;
  const weights = map === "weights" ? scene.blocks.weights : null;
  const share = (i, j) => {
    if (!weights) return 0;
    const value = weights.painted(...weights.bin(i, j));
    return Number.isFinite(value) ? Math.min(1, value / (mapBlock(scene, map).max || 1)) : 0;
  };
  drawQueries(context, scene, layout, focus, lit === null && focus.key !== undefined ? (i) => share(i, focus.key) : () => 0, { colors, mono });
  drawKeys(context, scene, layout, focus, lit === null ? () => 0 : (j) => share(lit, j), { colors, mono });
  drawOutlines(context, layout, focus, colors["ink-2"], 1);
  drawOutlines(context, layout, { query, key }, colors.select, 1.5, true);
  if (isPainting) drawCursor(context, layout, { query, key }, colors);
}
/** The pair that a key would paint: dashes on two colors, so that they are seen on any other. */
function drawCursor(context, { x, y, columnWidth, rowHeight }, { query, key }, colors) {
  const box = [x(key), y(query), Math.max(2, columnWidth), Math.max(2, rowHeight)];
  drawBox(context, box, colors.paper, 3);
  context.setLineDash([5, 4]);
  drawBox(context, box, colors.ink, 3);
  context.setLineDash([]);
}
function drawOutlines(context, { rectangles, x, y, columnWidth, rowHeight }, { query, key }, color, width, isPair = false) {
  const [, my, mw, mh] = rectangles.map;
  const [cw, rh] = [Math.max(2, columnWidth), Math.max(2, rowHeight)];
  if (query !== undefined) {
    for (const [name, [bx, , bw]] of Object.entries(rectangles)) {
      if (name !== "key" && name !== "value" && !(isPair && name === "map")) drawBox(context, [bx - 1, y(query), bw + 2, rh], color, width);
    }
  }
  if (key !== undefined) {
    const [, ky, , kh] = rectangles.key;
    drawBox(context, [x(key), ky - 1, cw, kh + 2], color, width);
    const [vx, vy, vw, vh] = rectangles.value;
    drawBox(context, [vx - 1, vy + (key * vh) / Math.max(1, mw / columnWidth), vw + 2, Math.max(2, (vh * columnWidth) / mw)], color, width);
    if (!isPair) drawBox(context, [x(key), my - 1, cw, mh + 2], color, width);
  }
  if (isPair && query !== undefined && key !== undefined) drawBox(context, [x(key), y(query), cw, rh], color, 2);
}
function drawQueries(context, scene, { rectangles, y, rowHeight, left, letters }, { query }, share, { colors, mono }) {
  const [mapLeft] = rectangles.map;
  const every = stride(13 / rowHeight);
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (let i = 0; i < scene.length; i += 1) {
    const weight = share(i);
    if (weight > 0.02) shade(context, [mapLeft - left + 1, y(i), left - 3, Math.max(1, rowHeight)], weight, colors);
  }
  const write = (i, isStrong) => {
    context.font = `${isStrong ? 700 : 400} 12px ${mono}`;
    context.fillStyle = isStrong ? colors.ink : colors["ink-2"];
    context.fillText(visible(scene.query_tokens[i], letters), mapLeft - 5, y(i) + rowHeight / 2 + 1);
  };
  for (let i = 0; i < scene.length; i += every) if (query === undefined || Math.abs(y(i) - y(query)) >= 13 || i === query) write(i, i === query);
  if (query !== undefined && query % every) write(query, true);
}
function drawKeys(context, scene, layout, { key }, share, { colors, mono }) {
  const { rectangles, x, columnWidth, labels, isUpright, keyLetters } = layout;
  const [, top] = rectangles.map;
  for (let j = 0; j < scene.count; j += 1) {
    const weight = share(j);
    if (weight > 0.02) shade(context, [x(j), top - labels, Math.max(1, columnWidth), labels - 2], weight, colors);
  }
  const longest = Math.min(keyLetters, Math.max(1, ...scene.key_tokens.map((token) => token.length)));
  const space = isUpright ? 4 + 7.2 * longest : 13;
  const every = stride(space / columnWidth);
  const write = (j, isStrong) => {
    context.save();
    context.font = `${isStrong ? 700 : 400} 12px ${mono}`;
    context.fillStyle = isStrong ? colors.ink : colors["ink-2"];
    context.translate(x(j) + columnWidth / 2, top - 4);
    context.textAlign = isUpright ? "center" : "left";
    context.textBaseline = isUpright ? "alphabetic" : "middle";
    if (!isUpright) context.rotate(-Math.PI / 2);
    context.fillText(visible(scene.key_tokens[j], keyLetters), 0, isUpright ? -1 : 1);
    context.restore();
  };
  for (let j = 0; j < scene.count; j += every) if (key === undefined || Math.abs(x(j) - x(key)) >= space || j === key) write(j, j === key);
  if (key !== undefined && key % every) write(key, true);
}
/** The smallest of 1, 2, 5, 10, 20, … that is at least `least`. @param {number} least */
function stride(least) {
  const unit = 10 ** Math.floor(Math.log10(Math.max(1, least)));
  return [1, 2, 5, 10].map((n) => n * unit).find((one) => one >= least);
}
function shade(context, [x, y, w, h], share, colors) {
  context.globalAlpha = 0.5 * Math.min(1, share);
  context.fillStyle = colors.pos;
  context.fillRect(x, y, w, h);
  context.globalAlpha = 1;
}
