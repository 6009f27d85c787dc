// One row of tiles for every input: the input, then the map of every method with its sum.

import { drawBox } from "../../kit/js/canvas.js";
import { closest, fillIn, h } from "../../kit/js/dom.js";
import { hidpiContext } from "../../kit/js/heatmap.js";
import { format } from "../../kit/js/numbers.js";
import { drawOver, fitted, inputPicture, mapPicture } from "./map_canvas.js";

const GAP = 8;
/** Width of the heading of a row, and the largest tiles: of one input, of one of several. */
const HEADING = 84;
const LARGE = 126;
const SMALL = [84, 64];
/** Width of a caption beside its tile; below it where there is less room. */
const CAPTION = 46;

/** @param {{messages: Record<string, string>, signal: AbortSignal, open: (index: number, method: string | null) => void}} options open: called with the index of an input, and the method of the tile, null of the input itself */
export function tiles({ messages, signal, open }) {
  const element = h("div", { class: "attr-tiles", role: "group", "aria-label": messages.tiles });
  /** @type {any} */
  let scene = null;
  /** @type {any[]} */
  let cells = [];

  element.addEventListener("click", (event) => {
    const tile = closest(event, "[data-index]");
    if (tile) open(Number(tile.dataset.index), tile.dataset.method ?? null);
  }, { signal });

  /** @param {any} next decoded @param {any} opened decoded */
  function show(next, opened) {
    const isSame = scene && scene.count === next.count && String(scene.methods) === String(next.methods);
    scene = next;
    if (!isSame) build();
    const { thumbnails } = scene;
    for (const cell of cells) {
      const { index, method } = cell;
      const isWhole = index === opened.index;
      const source = isWhole || !thumbnails ? opened : thumbnails;
      const part = (values, name) => (source === opened ? values[name] : values[name]?.subarray((index * values[name].length) / scene.count, ((index + 1) * values[name].length) / scene.count));
      cell.shape = source === opened ? scene.shape : thumbnails.shape;
      cell.input = source === opened ? opened.input : part({ input: thumbnails.input }, "input");
      if (method) {
        cell.cells = method === "grad_cam" ? (source === opened ? scene.coarse : thumbnails.coarse) : cell.shape;
        cell.map = part(source.maps, method);
        cell.strength = part(source.strengths, method) ?? cell.map;
      }
      cell.pictures = {};
    }
  }
  function build() {
    const isSingle = scene.count === 1;
    const name = (method) => h("span", { class: "attr-name", "data-method": method }, ...breakable(messages[`method.${method}`]));
    const heads = h("div", { class: "attr-row attr-heads" }, isSingle ? null : h("span"), h("span", { class: "attr-name" }, messages.input), ...scene.methods.map(name));
    cells = [];
    const rows = Array.from({ length: scene.count }, (_, index) => {
      const make = (method) => {
        const [canvas, caption] = [h("canvas"), h("span", { class: "attr-caption" })];
        const node = h("button", { type: "button", class: "attr-tile", "data-index": index, "data-method": method }, canvas, caption);
        cells.push({ index, method, canvas, caption, node });
        return node;
      };
      const heading = isSingle ? null : h("span", { class: "attr-heading" });
      return h("div", { class: "attr-row", "data-row": index }, heading, make(null), ...scene.methods.map(make));
    });
    element.replaceChildren(heads, h("div", { class: "attr-rows" }, ...rows));
  }

  /** @param {{width: number, colors: Record<string, string>, index: number, method: string, signed: boolean, limitOf: (method: string, index: number) => number, opacity: number, place: number[] | null}} now place: row and column of the marked pixel, in shares of the picture */
  function draw(now) {
    const isSingle = scene.count === 1;
    const count = scene.methods.length + 1;
    const room = now.width - (isSingle ? 0 : HEADING + GAP) - GAP * (count - 1);
    const column = Math.floor(room / count);
    const side = Math.max(40, Math.min(isSingle ? LARGE : SMALL[Number(scene.count > 2)], column));
    const isBeside = !isSingle && column >= side + CAPTION;
    element.style.setProperty("--tile", `${isSingle ? side : Math.max(column, side)}px`);
    element.toggleAttribute("data-beside", isBeside);
    element.toggleAttribute("data-single", isSingle);
    for (const head of element.querySelectorAll(".attr-heads [data-method]")) head.toggleAttribute("data-open", /** @type {HTMLElement} */ (head).dataset.method === now.method);
    element.querySelectorAll(".attr-heading").forEach((node, k) => showHeading(/** @type {HTMLElement} */ (node), scene.inputs[k], k === now.index));
    for (const cell of cells) drawCell(cell, side, now);
  }
  function showHeading(node, { label, name, prob, score, single, target, predicted }, isOpen) {
    const texts = single ? [fillIn(messages.score, { score: format(score, 3) })] : [fillIn(messages.explained, { name }), fillIn(messages.prob, { prob: prob.toFixed(3) })];
    node.replaceChildren(h("b", {}, label), ...texts.map((text) => h("span", { "data-wrong": predicted === target ? null : "" }, text)));
    node.toggleAttribute("data-open", isOpen);
  }
  function drawCell(cell, side, { colors, index, method, signed, limitOf, opacity, place }) {
    const size = fitted(cell.shape, side);
    const context = hidpiContext(cell.canvas, ...size);
    cell.pictures.input ??= inputPicture(cell.input, cell.shape);
    let map = null;
    if (cell.method) {
      const limit = limitOf(cell.method, cell.index);
      const key = `${signed} ${limit} ${colors.pos}`;
      if (cell.pictures.key !== key) Object.assign(cell.pictures, { key, map: mapPicture(signed ? cell.map : cell.strength.map(Math.abs), cell.cells, limit, colors) });
      ({ map } = cell.pictures);
    }
    drawOver(context, size, { input: cell.pictures.input, map, opacity: cell.method ? opacity : 1, paper: colors.paper });
    if (place && cell.index === index) {
      const [x, y] = [place[1] * size[0], place[0] * size[1]];
      drawBox(context, [x - 4, y - 4, 8, 8], colors.paper, 3);
      drawBox(context, [x - 4, y - 4, 8, 8], colors.select, 1.5);
    }
    const isOpen = cell.index === index && cell.method === method;
    cell.node.setAttribute("aria-pressed", String(isOpen));
    const words = cell.method ? totals(cell) : [];
    cell.caption.replaceChildren(...words.map((text) => h("span", {}, text)));
    const { label } = scene.inputs[cell.index];
    cell.node.setAttribute("aria-label", [cell.method ? messages[`method.${cell.method}`] : messages.input, label, ...words].join(", "));
  }
  function totals({ method, index }) {
    const { sum, most, expected, faint } = scene.totals[method][index];
    if (scene.units[method] === "gradient") return [fillIn(messages.most, { value: format(most, 3) })];
    const text = fillIn(messages.sum, { value: format(sum, 3) });
    if (faint) return [text, messages.faint];
    return expected === null || scene.count > 1 ? [text] : [text, fillIn(messages.should, { value: format(expected, 3) })];
  }
  return { element, show, draw };
}

/** A name such as SmoothGrad may break before its second capital. @param {string} name */
function breakable(name) {
  return name.split(/(?<=[a-z])(?=[A-Z])/).flatMap((part, k) => (k ? [h("wbr"), part] : [part]));
}
