// A cursor in a square picture of the plane, moved by the pointer and by arrow keys from cell to cell; a click picks, and a brush paints.

import { drawBox } from "./canvas.js";
import { arrowDirection, onKeys } from "./dom.js";
import { pointerPixel } from "./plane_axes.js";

/** Cells by which an arrow key moves the cursor with Shift. */
const FAR = 5;

/**
 * @param {{button: HTMLElement, canvas: HTMLCanvasElement, signal: AbortSignal, changed: () => void, pick?: (pixel: number[], isKey: boolean) => void, isPainting?: () => boolean, paint?: (point: number[]) => void, spacing?: number}} options
 *   button: takes the pointer and the keys; canvas: in it; changed: called after a move; pick: called with the pixel of a click, or with the cell's center after Enter;
 *   paint: called instead with points of the plane while isPainting() is true; spacing: pixels between two points of one stroke
 */
export function planeCursor({ button, canvas, signal, changed, pick = () => {}, isPainting = () => false, paint = () => {}, spacing = 0 }) {
  const cursor = { row: 0, column: 0, visible: false, at: [0, 0], show, pixel, draw };
  /** @type {any} */
  let axes = null;
  let side = 0;
  let stroke = null;

  /** @param {any} next the picture's `planeAxes` @param {number} count cells along a side */
  function show(next, count) {
    if (count !== side) cursor.row = cursor.column = Math.floor(count / 2);
    [axes, side] = [next, count];
  }
  const cellSize = () => axes.box.size / side;
  /** Center of the cursor's cell in pixels. @returns {[number, number]} */
  function pixel() {
    return [axes.box.left + (cursor.column + 0.5) * cellSize(), axes.box.top + (cursor.row + 0.5) * cellSize()];
  }
  /** An outline of the cell, or of the place around a very small one. @param {CanvasRenderingContext2D} context @param {Record<string, string>} colors */
  function draw(context, colors) {
    if (!cursor.visible) return;
    const size = Math.max(cellSize(), 5) + 2;
    const [x, y] = pixel();
    const box = [x - size / 2, y - size / 2, size, size];
    drawBox(context, box, colors.paper, 4);
    drawBox(context, box, colors.select, 2);
  }
  function move(row, column) {
    const clamp = (value) => Math.max(0, Math.min(side - 1, value));
    Object.assign(cursor, { row: clamp(row), column: clamp(column), visible: true });
    cursor.at = pixel();
  }
  /** Follow the pointer. Returns whether it is in the picture. */
  function follow(event) {
    const [x, y] = pointerPixel(canvas, event);
    move(Math.floor((y - axes.box.top) / cellSize()), Math.floor((x - axes.box.left) / cellSize()));
    cursor.at = [x, y];
    cursor.visible = axes.contains(cursor.at);
    return cursor.visible;
  }
  function paintHere() {
    paint(axes.point(cursor.at).map((value) => Number(value.toPrecision(5)))); // finer than a pixel
  }

  button.addEventListener("pointerdown", (event) => {
    if (!axes || event.button !== 0 || !follow(event)) return;
    if (isPainting()) {
      button.setPointerCapture(event.pointerId);
      stroke = cursor.at;
      paintHere();
    } else pick(cursor.at, false);
    changed();
  }, { signal });
  button.addEventListener("pointermove", (event) => {
    if (!axes) return;
    if (follow(event) && stroke && Math.hypot(cursor.at[0] - stroke[0], cursor.at[1] - stroke[1]) >= spacing) {
      stroke = cursor.at;
      paintHere();
    }
    changed();
  }, { signal });
  for (const end of ["pointerup", "pointercancel"]) button.addEventListener(end, () => { stroke = null; }, { signal });
  for (const name of ["focus", "pointerleave", "blur"]) {
    button.addEventListener(name, () => {
      if (!axes) return;
      const isKeyboard = button.matches(":focus-visible");
      cursor.visible = name === "focus" ? cursor.visible || isKeyboard : name === "pointerleave" && isKeyboard;
      changed();
    }, { signal });
  }
  onKeys(button, signal, (event) => {
    const direction = arrowDirection(event);
    if (!axes || (!direction && event.key !== "Enter")) return false;
    const cells = event.shiftKey ? FAR : 1;
    const [across, down] = direction ?? [0, 0];
    move(cursor.row + down * cells, cursor.column + across * cells);
    if (!direction && isPainting()) paintHere();
    else if (!direction) pick(cursor.at, true);
    changed();
    return true;
  });
  return cursor;
}
