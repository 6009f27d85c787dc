// The open head: a canvas that is pointed at, clicked and moved over with arrow keys, and whose blocks move from stage to stage.

import { redrawOnChange, tween } from "../../kit/js/animation.js";
import { arrowDirection, fillIn, h, onKeys } from "../../kit/js/dom.js";
import { flights } from "../../kit/js/flights.js";
import { hidpiContext, themeColors } from "../../kit/js/heatmap.js";
import { format } from "../../kit/js/numbers.js";
import { placeReadout } from "../../kit/js/readout.js";
import { blockPicture, drawBlocks, drawOverlay, mapBlock } from "./drawing.js";
import { makeLayout, stageParts } from "./layout.js";

/** Milliseconds of a movement between blocks, and of the map's change of colors. */
const MOVE = 380;
const FADE = 260;

/**
 * @param {{messages: Record<string, string>, model: any, root: HTMLElement, signal: AbortSignal, pick: (at: {name: string, query?: number, key?: number, column?: number}) => void, isPainting: () => boolean}} options
 *   pick: called with the block that was clicked, and the query, the key or the column there; the block is "" if only the pair moves
 */
export function headPicture({ messages, model, root, signal, pick, isPainting }) {
  const canvas = h("canvas");
  const button = h("button", { type: "button", class: "att-map", "aria-label": messages.picture }, canvas);
  const readout = h("output", { class: "dlviz-readout", hidden: "" });
  const element = h("div", { class: "att-picture" }, button, readout);
  const flying = flights({ layer: element, model, signal, className: "att-flight" });
  const redraw = redrawOnChange({ root, element, signal, draw });
  const fade = tween({ redraw });
  let scene = null;
  let layout = null;
  let colors = null;
  let style = null;
  let parts = null;
  let [base, before] = [null, null];
  /** The block that another one moves to, drawn when it has arrived. */
  let hidden = "";
  let [hovered, point] = [null, [0, 0]];
  let width = 0;
  let generation = 0;

  function show(next) {
    scene = next;
    [layout, base, before, hidden] = [null, null, null, ""];
    redraw();
  }
  function draw(available) {
    if (!scene || !available || signal.aborted) return;
    const next = themeColors(root);
    if (!layout || available !== width || JSON.stringify(next) !== JSON.stringify(colors)) {
      [width, colors] = [available, next];
      style = { colors, mono: getComputedStyle(button).getPropertyValue("--mono") };
      layout = makeLayout(scene, width);
      hidpiContext(canvas, layout.width, layout.height);
      base = null;
      before = null;
    }
    parts = stageParts(scene.stages, Math.min(model.get("step"), scene.stages.length - 1));
    base ??= drawBlocks(scene, layout, parts, hidden, titles(), style);
    // What lies under a pointer that rests may have changed.
    if (hovered) read();
    paint();
  }
  function paint() {
    const context = canvas.getContext("2d");
    const [alpha] = fade.now() ?? [1];
    context.clearRect(0, 0, layout.width, layout.height);
    if (before && alpha < 1) context.drawImage(before, 0, 0, layout.width, layout.height);
    context.globalAlpha = before ? alpha : 1;
    context.drawImage(base, 0, 0, layout.width, layout.height);
    context.globalAlpha = 1;
    drawOverlay(context, scene, layout, { query: model.get("query"), key: model.get("key"), hovered, map: parts.map, isPainting: isPainting() }, style);
  }
  function titles() {
    const { query, key, value, joined, projected } = scene.blocks;
    const size = (block) => `${block.rows}×${block.columns}`;
    return {
      query: `Q ${size(query)}`, key: `Kᵀ ${key.columns}×${key.rows}`, value: `V ${size(value)}`, output: messages.own_output, joined: joined ? messages.heads : "",
      projected: projected ? messages.output : "", products: "q·k", scores: messages["map.scores"], masked: messages["map.masked"], weights: messages["map.weights"],
    };
  }

  /** Show the player's step; a new one moves the blocks from which it is computed. */
  function showStep(isNew) {
    if (!scene) return;
    const hasMoved = isNew && base && layout;
    const old = hasMoved ? base : null;
    flying.stop();
    generation += 1;
    hidden = "";
    parts = stageParts(scene.stages, Math.min(model.get("step"), scene.stages.length - 1));
    if (isNew) base = null;
    if (hasMoved && flying.isWanted()) {
      if (parts.moves) fly(parts.moves);
      else {
        before = old;
        fade.go([0]);
        fade.go([1], FADE);
      }
    } else if (isNew) before = null;
    redraw();
  }
  function fly([sources, target]) {
    const origin = element.getBoundingClientRect();
    const at = button.getBoundingClientRect();
    const box = ([x, y, w, height]) => new DOMRect(at.left + x, at.top + y, w, height);
    before = null;
    hidden = target;
    const mine = generation;
    const onEnd = () => {
      if (mine !== generation) return;
      hidden = "";
      base = null;
      redraw();
    };
    for (const name of sources) {
      const { block, max } = name === "map" ? mapBlock(scene, "weights") : { block: scene.blocks[name], max: scene.blocks[name].max };
      flying.fly(blockPicture(block, max, colors, name === "key"), box(layout.rectangles[name]), box(layout.rectangles[target]), { origin, duration: MOVE, scale: true, onEnd });
    }
  }

  function describe({ name, query, key, row, column }) {
    const { blocks, queryName, keyName } = scene;
    if (name === "queries") return queryName(query);
    if (name === "keys") return keyName(key);
    if (name !== "map") {
      const value = blocks[name].at(row, column);
      const label = { query: "q", key: "k", value: "v", output: messages.own_output, joined: messages.heads, projected: messages.output }[name];
      return fillIn(messages["read.vector"], { name: label, row: name === "key" || name === "value" ? keyName(row) : queryName(row), column, value: Number.isNaN(value) ? "" : format(value, 4) });
    }
    if (!parts.map) return `${queryName(query)} → ${keyName(key)}`;
    const { factor, block: drawn } = mapBlock(scene, parts.map);
    // A weight that the mask leaves out is drawn in gray, but it is 0.
    const block = parts.map === "weights" ? scene.blocks.weights : drawn;
    const source = parts.map === "scores" ? "products" : parts.map;
    const exact = scene.rowOf(source, query, key)?.[key];
    const value = scene.round((exact ?? block.painted(...block.bin(query, key))) * factor);
    const kind = exact === undefined ? "binned" : { weights: "weight", products: "product" }[parts.map] ?? "score";
    return fillIn(messages[`read.${kind}`], { query: queryName(query), key: keyName(key), value: format(value, exact === undefined ? 2 : 4) });
  }
  function placeOf(event) {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }
  function read() {
    hovered = layout.hit(...point);
    readout.hidden = !hovered;
    if (!hovered) return;
    readout.textContent = describe(hovered);
    placeReadout(readout, point);
  }
  button.addEventListener("pointermove", (event) => {
    if (!layout) return;
    point = placeOf(event);
    read();
    redraw();
  }, { signal });
  button.addEventListener("pointerleave", () => {
    hovered = null;
    readout.hidden = true;
    redraw();
  }, { signal });
  button.addEventListener("pointerdown", (event) => {
    const at = layout?.hit(...placeOf(event));
    if (at) pick(at);
  }, { signal });
  // Enter and the space bar; a pointer has picked when it was pressed.
  button.addEventListener("click", (event) => {
    if (!event.detail && scene) pick({ name: "map", query: model.get("query"), key: model.get("key") });
  }, { signal });
  onKeys(button, signal, (event) => {
    const move = arrowDirection(event);
    if (!move || !scene) return false;
    const clamp = (value, most) => Math.max(0, Math.min(most - 1, value));
    pick({ name: "", query: clamp(model.get("query") + move[1], scene.length), key: clamp(model.get("key") + move[0], scene.count) });
    return true;
  });
  return { element, show, showStep, redraw };
}
