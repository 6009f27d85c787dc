// Minimap of the whole input in gray. With a kernel the frame around the drawn part can be moved.

import { arrowDirection, onKeys } from "../../kit/js/dom.js";
import { pixelCanvas } from "../../kit/js/heatmap.js";
import { minimap } from "../../kit/js/minimap.js";
import { typedArray } from "../../kit/js/typed_arrays.js";

/** Step of an arrow key as a fraction of the frame. */
const KEY_STEP = 0.25;

/** @param {{model: any, messages: Record<string, string>, signal: AbortSignal, save: (trait: string, value: any) => void}} options */
export function inputMinimap({ model, messages, signal, save }) {
  const map = minimap({ label: messages["minimap.label"], signal, moveTo: (y, x) => moveFrame([y, x], (share, size, count) => share * size - count / 2), minHeight: 20 });
  const { element } = map;
  let painted = null;
  let block = null;

  function show(scene) {
    element.hidden = !scene.minimap;
    if (!scene.minimap) return;
    block = scene.output.block;
    const attributes = { tabindex: "0", role: "application", "aria-label": messages["minimap.move"] };
    for (const [name, value] of Object.entries(attributes)) model.get("live") ? element.setAttribute(name, value) : element.removeAttribute(name);
    const { values, rows, columns } = scene.minimap;
    if (painted !== values) {
      const gray = typedArray(values, "uint8");
      map.paint(pixelCanvas(rows, columns, (p, rgba) => rgba.set([gray[p], gray[p], gray[p], 255], 4 * p)));
    }
    painted = values;
    place(block.start.slice(1));
  }
  /** @param {number[]} start position of the frame along each spatial dimension */
  function place(start) {
    const sides = start.map((first, d) => [first, block.size[d + 1], block.shape[d + 1]]);
    map.place(sides.at(-2) ?? [0, 1, 1], sides.at(-1));
  }
  /**
   * Move the frame; a sequence has no rows.
   * @param {number[]} amounts down and to the right @param {(amount: number, size: number, count: number, d: number) => number} start
   */
  function moveFrame(amounts, start) {
    if (!model.get("live")) return;
    const origin = amounts.slice(1 - block.shape.length).map((amount, d) => {
      const [size, count] = [block.shape[d + 1], block.size[d + 1]];
      return Math.max(0, Math.min(Math.round(start(amount, size, count, d)), size - count));
    });
    place(origin);
    if (origin.join() !== model.get("origin").join()) save("origin", origin);
  }
  onKeys(element, signal, (event) => {
    const direction = arrowDirection(event);
    if (!direction || !model.get("live")) return false;
    const from = model.get("origin").length ? model.get("origin") : block.start.slice(1);
    moveFrame([direction[1], direction[0]], (by, size, count, d) => from[d] + by * Math.ceil(KEY_STEP * count));
    return true;
  });
  return { element, show };
}
