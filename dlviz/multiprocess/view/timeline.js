// A lane of blocks for each rank, its communication below; a collective is a band across the ranks, a send an arrow.

import { drawArrow, drawBox, hatch, textCutter } from "../../kit/js/canvas.js";
import { arrowDirection, h, onKeys } from "../../kit/js/dom.js";
import { hidpiContext } from "../../kit/js/heatmap.js";
import { argmin } from "../../kit/js/numbers.js";
import { PLAIN } from "../../kit/js/time_map.js";
import { timePointer } from "../../kit/js/time_pointer.js";
import { COLORS, COMMUNICATION, PALE, laneOf, membersOf } from "./run_data.js";

/** Heights in pixels of a rank's two lanes and of the space below them, for up to 2, up to 4, and more ranks. */
const [LARGE, MIDDLE, SMALL] = [[24, 20, 12], [20, 16, 8], [11, 8, 3]];
/** Pixels of a block that has room for a text, and height from which it has. */
const [TEXT_WIDTH, TEXT_HEIGHT] = [26, 14];
/** Pixels beside a block at which it is still pointed at. */
const SLACK = 3;

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, range: any, redraw: () => void, read: (block: number, point: number[] | null) => void}} options
 *   read: called with the block that is pointed at or chosen, −1 for none, and with the place of the pointer, or null at the block itself
 */
export function timeline({ messages, signal, range, redraw, read }) {
  const canvas = h("canvas", { class: "par-canvas", tabindex: 0, role: "img", "aria-label": messages.timeline_alt });
  const labels = h("div", { class: "par-labels" });
  const element = h("div", { class: "par-panel par-lanes" }, labels, canvas);
  const write = textCutter();
  let run = null;
  let sizes = LARGE;
  let chosen = -1;
  let pointed = -1;

  /** @param {any} next a run of run_data.js */
  function show(next) {
    run = next;
    sizes = run.ranks <= 2 ? LARGE : run.ranks <= 4 ? MIDDLE : SMALL;
    chosen = pointed = -1;
  }
  const pitch = () => sizes[0] + sizes[1] + sizes[2];
  /** Upper edge and height of a block. @param {number} i @returns {[number, number]} */
  function placeOf(i) {
    const top = run.blocks.rank[i] * pitch() + sizes[2] / 2;
    if (run.blocks.kind[i] !== COMMUNICATION) return [top, sizes[0]];
    const height = sizes[1] / run.blocks.lines[i];
    return [top + sizes[0] + run.blocks.line[i] * height, height];
  }
  /** @param {Node[]} nodes one for each rank */
  function showLabels(nodes) {
    labels.replaceChildren(...nodes);
  }
  /** @param {{colors: any, width: number, step: number, marked: number[] | null}} picture step: the step whose blocks stand out, −1 for all; marked: a part of the time axis with another ground */
  function draw({ colors, width, step, marked }) {
    const context = hidpiContext(canvas, width, run.ranks * pitch());
    const scale = width / (range.to - range.from);
    const x = (time) => (time - range.from) * scale;
    Object.assign(context, { font: `11px ${colors.font}`, textBaseline: "middle", fillStyle: colors.paper });
    context.fillRect(0, 0, width, run.ranks * pitch());
    if (marked) {
      context.fillStyle = colors["select-soft"];
      context.fillRect(x(marked[0]), 0, x(marked[1]) - x(marked[0]), run.ranks * pitch());
    }
    const opacity = (i) => (step < 0 || run.blocks.step[i] === step ? PLAIN : PALE);
    context.fillStyle = colors["line-2"];
    for (let rank = 1; rank < run.ranks; rank += 1) context.fillRect(0, rank * pitch() - 0.5, width, 1);
    for (let k = 0; k < run.collectives.ends.length; k += 1) drawCollective(context, k, { x, width, colors, opacity });
    for (let i = 0; i < run.blocks.start.length; i += 1) drawBlock(context, i, { x, width, colors, opacity });
    for (const i of [chosen, pointed]) if (i >= 0) outline(context, i, x, colors);
  }
  function drawBlock(context, i, { x, width, colors, opacity }) {
    const { start, end, ready, kind } = run.blocks;
    const [left, right] = [Math.max(-2, x(start[i])), Math.min(width + 2, x(end[i]))];
    if (right < 0 || left > width) return;
    const [top, height] = placeOf(i);
    const size = Math.max(1, right - left);
    const waited = Math.max(0, Math.min(right, x(ready[i])) - left);
    context.globalAlpha = opacity(i);
    context.fillStyle = colors[COLORS[kind[i]]];
    context.fillRect(left, top, size > 3 ? size - 0.6 : size, height - 1);
    context.globalAlpha = 1;
    if (kind[i] === COMMUNICATION && waited > 2) hatch(context, [left, top, waited, height - 1], colors.paper);
    if (height < TEXT_HEIGHT || opacity(i) === PALE) return;
    // The name stands in the part that transfers, if it fits there.
    const from = kind[i] === COMMUNICATION && right - left - waited > TEXT_WIDTH ? left + waited : left;
    if (right - from > TEXT_WIDTH) write(context, run.blocks.names[run.blocks.name[i]], [Math.max(0, from), top + height / 2], right - Math.max(0, from), colors.ink);
  }
  /** Join the parts of a collective in which data move; they begin with the last rank. */
  function drawCollective(context, k, { x, width, colors, opacity }) {
    const { ready, end, names, name } = run.blocks;
    const members = membersOf(run, k);
    if (members.length < 2 || members.every((i) => x(end[i]) < 0 || x(ready[i]) > width)) return;
    const sender = members.find((i) => /send/.test(names[name[i]]));
    const receiver = members.find((i) => /recv/.test(names[name[i]]));
    const middle = (i) => placeOf(i)[0] + placeOf(i)[1] / 2;
    if (sender !== undefined && receiver !== undefined) {
      drawArrow(context, [x(ready[sender]), middle(sender)], [x(end[receiver]), middle(receiver)], colors[COLORS[COMMUNICATION]], { width: 1.5, head: 7 });
      return;
    }
    context.fillStyle = colors[COLORS[COMMUNICATION]];
    members.slice(1).forEach((b, n) => {
      const a = members[n];
      const [from, to] = [placeOf(a)[0] + placeOf(a)[1] - 1, placeOf(b)[0]];
      context.globalAlpha = 0.35 * opacity(a);
      context.beginPath();
      for (const [time, y] of [[ready[a], from], [end[a], from], [end[b], to], [ready[b], to]]) context.lineTo(x(time), y);
      context.fill();
      context.globalAlpha = 1.8 * opacity(a);
      context.fillRect(x(ready[a]) - 0.5, from, 1, to - from);
    });
    context.globalAlpha = 1;
  }
  /** Outline a block, and the others of its collective. */
  function outline(context, i, x, colors) {
    const { group, start, end } = run.blocks;
    for (const one of group[i] < 0 ? [i] : membersOf(run, group[i])) {
      const [top, height] = placeOf(one);
      drawBox(context, [x(start[one]), top, Math.max(2, x(end[one]) - x(start[one])), height - 1], colors.select, 2);
    }
  }
  /** The block under the pointer, −1 for none. @param {PointerEvent} event */
  function blockAt(event) {
    const box = canvas.getBoundingClientRect();
    const [px, y] = [event.clientX - box.left, event.clientY - box.top];
    const perPixel = (range.to - range.from) / canvas.clientWidth;
    const time = range.from + px * perPixel;
    const { start, end } = run.blocks;
    // Of several at the same place the shortest is meant, because the longer ones can be reached beside it.
    return argmin(start.length, (i) => {
      const [top, height] = placeOf(i);
      const away = Math.max(start[i] - time, time - end[i], 0) / perPixel;
      return y < top - 1 || y > top + height || away > SLACK ? Infinity : away + 1e-6 * (end[i] - start[i]);
    });
  }
  function choose(block) {
    chosen = block;
    if (block >= 0) {
      const { start, end } = run.blocks;
      if (start[block] > range.to || end[block] < range.from) range.center((start[block] + end[block]) / 2);
    }
    read(block, null);
    redraw();
  }
  /** Go from block to block with the arrow keys. @param {KeyboardEvent} event */
  function walk(event) {
    const direction = arrowDirection(event);
    const { start, end } = run.blocks;
    const count = start.length;
    if ((!direction && event.key !== "Enter") || !count) return false;
    if (event.shiftKey && direction) range.pan(0.15 * direction[0]);
    else if (chosen < 0) choose(Math.max(0, argmin(count, (i) => (start[i] >= range.from ? start[i] + 1e-3 * laneOf(run.blocks, i) : Infinity))));
    else if (direction?.[0]) {
      const cost = (i) => direction[0] * (start[i] - start[chosen]);
      const next = argmin(count, (i) => (i !== chosen && laneOf(run.blocks, i) === laneOf(run.blocks, chosen) && cost(i) >= 0 ? cost(i) : Infinity));
      if (next >= 0) choose(next);
    } else if (direction) {
      const lanes = [...new Set(Array.from({ length: count }, (_, i) => laneOf(run.blocks, i)))].sort((a, b) => a - b);
      const lane = lanes[lanes.indexOf(laneOf(run.blocks, chosen)) + direction[1]];
      const next = argmin(count, (i) => (laneOf(run.blocks, i) === lane ? Math.abs(start[i] + end[i] - start[chosen] - end[chosen]) : Infinity));
      if (next >= 0) choose(next);
    }
    return true;
  }
  timePointer({
    canvas, signal, range,
    hasFocus: () => element.parentElement.contains(document.activeElement),
    hover(event) {
      const block = event && run ? blockAt(event) : -1;
      if (block !== pointed) redraw();
      pointed = block;
      if (event || chosen < 0) read(block, event && [event.clientX, event.clientY]);
    },
    click: (event) => choose(blockAt(event)),
  });
  onKeys(canvas, signal, walk);
  return {
    element, canvas, show, showLabels, draw, choose, pitch,
    isChosen: () => chosen >= 0,
    /** Whether a rank's label has only one line. */
    isLow: () => sizes === SMALL,
    /** Rectangle of a block on the screen. @param {number} i */
    pointOf(i) {
      const [box, [top, height]] = [canvas.getBoundingClientRect(), placeOf(i)];
      const time = Math.max(range.from, Math.min(range.to, run.blocks.start[i]));
      return [box.left + ((time - range.from) / (range.to - range.from)) * box.width, box.top + top + height];
    },
  };
}
