// The timeline of one profile: modules, operations by depth of calls, and memory.

import { arrowDirection, fillIn, h, onKeys } from "../../kit/js/dom.js";
import { argmin } from "../../kit/js/numbers.js";
import { timePointer } from "../../kit/js/time_pointer.js";
import { bytesText, timeText } from "../../kit/js/units.js";
import { lanePanel } from "./lanes.js";
import { memoryCurve } from "./memory_curve.js";
import { visibleBoxes } from "./profile_data.js";

const [ROW_PITCH, LANE_PITCH] = [18, 16];
/** At first modules are closed until no more rows than this are left beyond those in sight. */
const HIDDEN_ROWS = 3;

/**
 * @param {{messages: any, signal: AbortSignal, range: any, redraw: () => void, hover: (target: any, point: number[] | null) => void, select: (box: number) => void}} options
 *   hover: called with what the pointer is over and the pointer's place on the screen, or null; select: called with an event, −1 for none
 */
export function timeline({ messages, signal, range, redraw, hover, select }) {
  const title = h("div", { class: "pro-title" });
  const rows = lanePanel({ kind: "pro-rows", pitch: ROW_PITCH, label: messages.rows_alt });
  const lanes = lanePanel({ kind: "pro-lanes", pitch: LANE_PITCH, label: messages.lanes_alt });
  const memory = memoryCurve({ label: messages.memory_alt });
  const element = h("div", { class: "pro-profile" }, title, rows.element, lanes.element, memory.element);
  let profile = null;
  let closed = new Set();
  let sizes = { rows: 1, lanes: 1 };
  let selected = -1;

  /** @param {any} next a profile of profile_data.js @param {{rows: number, lanes: number, memory: number}} size largest numbers of rows and lanes in sight, and height of the memory */
  function show(next, size) {
    profile = next;
    sizes = size;
    title.replaceChildren(h("b", {}, profile.label), h("span", {}, profile.facts.join(" · ")));
    closed = rowsToClose(size.rows + HIDDEN_ROWS);
    selected = -1;
    showRows();
    lanes.showLanes(profile.lanes.map((_, k) => k), profile.lanes.map(({ label }) => h("div", { class: "pro-label" }, h("span", { class: "pro-name" }, label))), size.lanes * LANE_PITCH);
    memory.show(profile.memory.map((one) => h("div", { class: "pro-label" }, h("span", { class: "pro-name" }, one.device), h("span", { class: "pro-time", title: messages.peak }, fillIn(messages.peak_value, { bytes: bytesText(one.peak) })))), size.memory);
    memory.element.hidden = profile.memory.length === 0;
  }
  /** At first the deepest modules are closed, until all rows fit. @param {number} most */
  function rowsToClose(most) {
    const found = new Set();
    const deepest = Math.max(0, ...profile.rows.map((row) => row.depth));
    for (let depth = deepest - 1; depth > 0 && openRows(found).length > most; depth -= 1) {
      profile.rows.forEach((row, k) => row.depth === depth && row.hasChildren && found.add(k));
    }
    return found;
  }
  /** Rows of which no ancestor is closed. @param {Set<number>} hidden */
  function openRows(hidden) {
    const isOpen = profile.rows.map(() => true);
    profile.rows.forEach(({ parent }, k) => {
      isOpen[k] = parent < 0 || (isOpen[parent] && !hidden.has(parent));
    });
    return profile.rows.map((_, k) => k).filter((k) => isOpen[k]);
  }
  function showRows() {
    const open = openRows(closed);
    const focused = rows.labels.contains(document.activeElement) ? document.activeElement.getAttribute("data-row") : null;
    rows.showLanes(open, open.map(rowLabel), sizes.rows * ROW_PITCH);
    markRow();
    if (focused !== null) /** @type {HTMLElement} */ (rows.labels.querySelector(`[data-row="${focused}"]`))?.focus();
  }
  function rowLabel(k) {
    const row = profile.rows[k];
    const words = [h("span", { class: "pro-name" }, row.label), row.kind && row.calls ? h("span", { class: "pro-kind" }, row.kind) : null];
    const name = row.hasChildren
      ? h("button", { type: "button", class: "pro-toggle", "data-row": k, "aria-expanded": String(!closed.has(k)) }, ...words)
      : h("span", { class: "pro-leaf" }, ...words);
    const share = profile.total > 0 ? (100 * row.time) / profile.total : 0;
    const style = `--depth:${row.depth}; --share:${share.toFixed(1)}%`;
    return h("div", { class: "pro-label", style, title: row.path }, name, h("span", { class: "pro-time" }, timeText(row.time)));
  }
  function draw({ colors, marked, left }) {
    for (const part of [rows, lanes, memory]) part.resize(left);
    const common = { range, colors, end: profile.wall };
    rows.draw({ ...common, boxes: profile.spans, ends: profile.spans.ends });
    lanes.draw({ ...common, boxes: profile.events, ends: profile.laneEnds, names: (i) => profile.short_names[profile.events.name[i]], marked, selected });
    if (profile.memory.length) memory.draw({ curves: profile.memory, range, colors });
  }
  /** Mark an event as selected, and scroll to it. @param {number} box −1 for none */
  function choose(box) {
    selected = box;
    if (box >= 0) lanes.reveal(laneOf(box));
    markRow();
  }
  /** Mark the label of the module of the selected event, or of the closed one that holds it. */
  function markRow() {
    let row = selected < 0 ? -1 : profile.events.row[selected];
    const open = openRows(closed);
    while (row >= 0 && !open.includes(row)) row = profile.rows[row].parent;
    if (row >= 0) rows.reveal(row);
    [...rows.labels.children].forEach((label, k) => label.toggleAttribute("data-selected", open[k] === row));
  }
  const laneOf = (box) => profile.laneEnds.findIndex((end) => end > box);
  const timeAt = (canvas, event) => range.from + ((event.clientX - canvas.getBoundingClientRect().left) / canvas.clientWidth) * (range.to - range.from);

  /** The box of a lane at a time, or the nearest one within some pixels; −1 for none. */
  function boxAt(boxes, ends, lane, time, width) {
    if (lane < 0) return -1;
    const slack = (3 * (range.to - range.from)) / width;
    const [from, to] = visibleBoxes(boxes, ends, lane, { from: time - slack, to: time + slack });
    const best = argmin(to - from, (k) => Math.max(boxes.start[from + k] - time, time - boxes.start[from + k] - boxes.duration[from + k], 0));
    return best < 0 ? -1 : from + best;
  }
  /** What lies under the pointer. */
  function targetAt(part, event) {
    const time = timeAt(part.canvas, event);
    if (part === memory) return { kind: "memory", profile, time, bytes: profile.memory.map((curve) => memory.at(curve, time)) };
    const y = event.clientY - part.canvas.getBoundingClientRect().top;
    const lane = part.laneAt(y);
    const [boxes, ends] = part === rows ? [profile.spans, profile.spans.ends] : [profile.events, profile.laneEnds];
    const box = boxAt(boxes, ends, lane, time, part.width);
    if (box < 0) return null;
    return part === rows ? { kind: "row", profile, row: profile.rows[lane], span: box } : { kind: "event", profile, box };
  }
  function listen(part) {
    timePointer({
      canvas: part.canvas, signal, range,
      hasFocus: () => element.parentElement.contains(document.activeElement),
      hover(event) {
        const target = event && targetAt(part, event);
        hover(target, target ? [event.clientX, event.clientY] : null);
      },
      click(event) {
        const target = targetAt(part, event);
        select(target?.kind === "event" ? target.box : -1);
      },
    });
  }
  for (const part of [rows, lanes, memory]) listen(part);
  for (const part of [rows, lanes]) part.element.addEventListener("scroll", redraw, { signal });
  rows.labels.addEventListener("click", (event) => {
    const button = event.target instanceof Element && event.target.closest("button");
    if (!button) return;
    const k = Number(button.getAttribute("data-row"));
    if (!closed.delete(k)) closed.add(k);
    showRows();
    redraw();
  }, { signal });
  for (const part of [rows, lanes]) onKeys(part.canvas, signal, (event) => part === lanes && walk(event));

  /** Enter chooses the longest event in sight; then the arrow keys go from event to event. @param {KeyboardEvent} event */
  function walk(event) {
    const { start, duration } = profile.events;
    const direction = arrowDirection(event);
    if (event.key === "Enter") select(longest());
    else if (!direction || selected < 0 || event.shiftKey) return false;
    else if (direction[0]) {
      const lane = laneOf(selected);
      const next = selected + direction[0];
      if (next >= (lane ? profile.laneEnds[lane - 1] : 0) && next < profile.laneEnds[lane]) select(next);
    } else {
      const lane = laneOf(selected) + direction[1];
      if (lane < 0 || lane >= profile.laneEnds.length) return true;
      // Up: the event that this one runs in. Down: the first one that runs in this one.
      const [found, to] = visibleBoxes(profile.events, profile.laneEnds, lane, { from: start[selected], to: start[selected] + duration[selected] });
      if (found < to) select(found);
    }
    return true;
  }
  function longest() {
    const { start, duration } = profile.events;
    return argmin(start.length, (i) => (start[i] < range.to && start[i] + duration[i] > range.from ? -duration[i] : Infinity));
  }
  return { element, show, draw, choose };
}
