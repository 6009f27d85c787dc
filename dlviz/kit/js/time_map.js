// A minimap of a timeline: the whole time in one line for each lane, and a frame around the part that is shown.

import { minimap } from "./minimap.js";

/** Height in pixels. */
const HEIGHT = 16;
/** Opacity of a block in a timeline, so that a text on it can be read. */
export const PLAIN = 0.45;

/** @param {{label: string, signal: AbortSignal, range: any}} options a click centers `range` there */
export function timeMap({ label, signal, range }) {
  const map = minimap({ label, signal, moveTo: (_, x) => range.center(x * range.span), minHeight: HEIGHT, maxWidth: 4000, maxHeight: HEIGHT });
  map.element.hidden = false;
  let shown = "";

  function paint(width, lanes, drawBlocks) {
    const picture = document.createElement("canvas");
    Object.assign(picture, { width, height: HEIGHT });
    const context = picture.getContext("2d");
    context.globalAlpha = PLAIN;
    const height = HEIGHT / lanes;
    const scale = width / range.span;
    drawBlocks((lane, start, end, color) => {
      context.fillStyle = color;
      context.fillRect(start * scale, lane * height, Math.max(0.5, (end - start) * scale), Math.max(1, height - 1));
    });
    map.paint(picture);
  }

  return {
    element: map.element,
    /** Other blocks are drawn from now on. */
    reset() {
      shown = "";
    },
    /**
     * Frame the part that is shown, and paint all blocks where width or colors are new.
     * @param {number} width in pixels
     * @param {any} colors of themeColors
     * @param {number} lanes
     * @param {(draw: (lane: number, start: number, end: number, color: string) => void) => void} drawBlocks calls `draw` for each block, with times in microseconds
     */
    draw(width, colors, lanes, drawBlocks) {
      const now = [width, ...Object.values(colors)].join();
      if (now !== shown) paint(width, lanes, drawBlocks);
      shown = now;
      map.place([0, 1, 1], [range.from, range.to - range.from, range.span]);
    },
  };
}
