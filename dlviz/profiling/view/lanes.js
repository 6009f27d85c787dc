// Boxes in lanes on a canvas, with labels to the left: the modules of a profile, or its operations by depth of calls.

import { hatch, textCutter } from "../../kit/js/canvas.js";
import { PLAIN } from "../../kit/js/time_map.js";
import { COLORS, DATA, PALE, TRANSFER, visibleBoxes } from "./profile_data.js";
import { timePanel } from "./time_panel.js";

/** Pixels of a box that has room for a text. */
const TEXT_WIDTH = 26;

/**
 * A panel that scrolls when it has more lanes than fit: labels, and a canvas that stays in sight and draws the lanes in sight.
 * @param {{kind: string, pitch: number, label: string}} options kind: a class name of the panel; pitch: height of a lane; label: what a screen reader says of the canvas
 */
export function lanePanel({ pitch, label, kind }) {
  const panel = timePanel({ kind, label, focusable: true });
  const { element } = panel;
  const write = textCutter();
  let lanes = [];

  /** @param {number[]} shown numbers of the lanes, from the top @param {Node[]} nodes their labels @param {number} most largest height in pixels */
  function showLanes(shown, nodes, most) {
    lanes = shown;
    panel.show(nodes, Math.min(most, Math.max(1, lanes.length) * pitch));
  }
  /** The lane at a pixel of the canvas; −1 below the last one. @param {number} y */
  function laneAt(y) {
    return lanes[Math.floor((y + element.scrollTop) / pitch)] ?? -1;
  }
  /** Scroll to a lane. @param {number} lane */
  function reveal(lane) {
    const top = lanes.indexOf(lane) * pitch;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + pitch > element.scrollTop + panel.height) element.scrollTop = top + pitch - panel.height;
  }
  /**
   * @param {{boxes: any, ends: Int32Array, range: any, colors: any, names?: (box: number) => string, marked?: Uint8Array | null, selected?: number, end: number}} picture
   *   names: text of a box; marked: whether each box is marked; selected: the box with an outline; end: where the profile ends
   */
  function draw({ boxes, ends, range, colors, names, marked = null, selected = -1, end }) {
    const { context, width, height } = panel;
    const scale = width / (range.to - range.from);
    const top = element.scrollTop;
    context.fillStyle = colors.paper;
    context.fillRect(0, 0, width, height);
    const first = Math.floor(top / pitch);
    const last = Math.min(lanes.length, Math.ceil((top + height) / pitch));
    context.font = `11px ${colors.font}`;
    context.textBaseline = "middle";
    context.fillStyle = colors["line-2"];
    for (let k = first; k <= last; k += 1) context.fillRect(0, k * pitch - top - 0.5, width, 0.5);
    for (let k = first; k < last; k += 1) {
      const y = k * pitch - top;
      const [from, to] = visibleBoxes(boxes, ends, lanes[k], range);
      let drawnTo = -1;
      for (let i = from; i < to; i += 1) {
        const x = (boxes.start[i] - range.from) * scale;
        const right = x + boxes.duration[i] * scale;
        const isMarked = marked !== null && marked[i] === 1;
        // Of the boxes that are narrower than a pixel one is drawn at each pixel.
        if (right < drawnTo && !isMarked) continue;
        const left = Math.max(-2, x);
        const size = Math.max(0.8, Math.min(width + 2, right) - left);
        drawnTo = size < 1 ? left + 1 : -1;
        const phase = boxes.phase[i];
        context.fillStyle = colors[isMarked ? "select" : COLORS[phase]];
        context.globalAlpha = isMarked ? 1 : marked ? PALE : PLAIN;
        context.fillRect(left, y + 1, size > 3 ? size - 0.6 : size, pitch - 2);
        context.globalAlpha = 1;
        if ((phase === DATA || phase === TRANSFER) && size > 3) hatch(context, [left, y + 1, size, pitch - 2], colors.paper);
        if (i === selected) outline(context, left, y, size, colors.select);
        if (names && size > TEXT_WIDTH) write(context, names(i), [Math.max(0, left), y + pitch / 2 + 0.5], size, isMarked ? colors.paper : colors.ink);
      }
    }
    const stop = (end - range.from) * scale;
    if (stop < width) {
      context.fillStyle = colors.raised;
      context.fillRect(Math.max(0, stop), 0, width, height);
    }
  }
  function outline(context, x, y, size, color) {
    context.strokeStyle = color;
    context.lineWidth = 2;
    context.strokeRect(x, y + 1, size, pitch - 2);
  }
  return Object.assign(panel, { showLanes, draw, laneAt, reveal });
}
