// Where time goes: modules and operations of one profile, or of two on one time axis, with their memory and a table of what costs most.

import { redrawOnChange } from "../../kit/js/animation.js";
import { baseView } from "../../kit/js/base_view.js";
import { arrowDirection, fillIn, h, onKeys } from "../../kit/js/dom.js";
import { themeColors } from "../../kit/js/heatmap.js";
import { argmin } from "../../kit/js/numbers.js";
import { placeReadout } from "../../kit/js/readout.js";
import { paintTimeAxis } from "../../kit/js/time_axis.js";
import { timeMap } from "../../kit/js/time_map.js";
import { timeRange, zoomButtons, zoomKey } from "../../kit/js/time_range.js";
import { costTable } from "./cost_table.js";
import { eventDetails, readoutLines } from "./details.js";
import { COLORS, markedEvents, profileData } from "./profile_data.js";
import { timeline } from "./timeline.js";

/** Width of the labels beside the timeline, and in a narrow card (style.css has the same). */
const [LABELS, NARROW_LABELS, NARROW] = [214, 132, 700];
/** Rows and lanes in sight and the height of the memory, for one profile and for each of two; a note takes the space of some rows. */
const ONE = { rows: 10, lanes: 5, memory: 40 };
const TWO = { rows: 4, lanes: 3, memory: 28 };
/** Milliseconds without a change after which the time range is sent to Python. */
const PAUSE = 250;

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const view = baseView({
    model, el, signal, name: "profile", steps: () => 0, label: () => "", draw: readScene, showStep: () => {}, onEscape,
    traits: { table_by: showTable, highlighted: showMarked, selected: showSelected, time_range: readRange },
  });
  let profiles = [];
  let marked = [];
  let timer = 0;
  const range = timeRange({ changed: rangeChanged });
  const legend = h("div", { class: "pro-legend" });
  const tools = h("div", { class: "pro-tools" }, legend, h("span", { class: "pro-buttons" }, ...zoomButtons({ messages, range, signal })));
  const map = timeMap({ label: messages.map_alt, signal, range });
  const axis = h("canvas", { class: "pro-canvas", "aria-hidden": "true" });
  const readout = h("div", { class: "dlviz-readout", hidden: "" });
  const timelines = [0, 1].map((number) => timeline({ messages, signal, range, redraw: () => redraw(), hover, select: (box) => select(number, box) }));
  const panel = (content) => h("div", { class: "pro-panel pro-top" }, h("div", { class: "pro-labels" }), content);
  const area = h("div", { class: "pro-area" }, panel(map.element), panel(axis), ...timelines.map((one) => one.element), readout);
  const table = costTable({
    messages, signal,
    setBy(by) {
      model.set("highlighted", -1);
      view.save("table_by", by);
    },
    mark: (row) => view.save("highlighted", row),
  });
  const details = h("div", { class: "pro-details", tabindex: 0, role: "region", "aria-label": messages["detail.title"] });
  view.ui.root.classList.add("pro");
  view.ui.main.append(tools, area, h("div", { class: "pro-bottom" }, table.element, details));
  const redraw = redrawOnChange({ root: view.ui.root, element: area, signal, draw: paint });
  onKeys(area, signal, onKey);
  view.start();

  function readScene() {
    const scene = model.get("scene");
    if (!scene.profiles) return;
    profiles = scene.profiles.map(profileData);
    const size = profiles.length === 1 ? ONE : TWO;
    legend.replaceChildren(...scene.phases.map((phase) => h("span", { "data-phase": phase }, messages[`phase.${phase}`])));
    timelines.forEach((one, k) => {
      one.element.hidden = k >= profiles.length;
      if (k < profiles.length) one.show(profiles[k], { ...size, rows: size.rows - (scene.notes.length ? size.rows >> 2 : 0) });
    });
    map.reset();
    range.span = scene.span;
    range.reset();
    readRange();
    showTable();
  }
  function showTable() {
    const by = model.get("table_by");
    table.show(model.get("scene").tables?.[by] ?? [], by, profiles);
    showMarked();
  }
  function showMarked() {
    const [by, row] = [model.get("table_by"), model.get("highlighted")];
    const entry = model.get("scene").tables?.[by][row];
    marked = profiles.map((profile, k) => (entry ? markedEvents(profile, by, entry.keys[k]) : null));
    table.showMarked(entry ? row : -1);
    showSelected();
  }
  /** The pinned event as the number of its profile and its place among the drawn events. */
  function pinned() {
    const [number, index] = model.get("selected");
    const box = number === undefined || !profiles[number] ? -1 : profiles[number].events.index.indexOf(index);
    return box < 0 ? null : { number, box };
  }
  /** The longest of the marked events, and how many there are. */
  function longestMarked() {
    const number = marked.findIndex((marks) => marks?.includes(1));
    if (number < 0) return null;
    const box = argmin(marked[number].length, (i) => (marked[number][i] ? -profiles[number].events.duration[i] : Infinity));
    return { number, box, count: marked[number].reduce((sum, one) => sum + one, 0) };
  }
  function showSelected() {
    const at = pinned();
    profiles.forEach((_, k) => timelines[k].choose(at?.number === k ? at.box : -1));
    const read = at ?? longestMarked();
    const soft = (text) => h("p", { class: "dlviz-soft" }, text);
    details.replaceChildren(...(read ? [at ? "" : soft(fillIn(messages["detail.longest"], read)), eventDetails(profiles[read.number], read.box, messages)] : [soft(messages["detail.hint"])]));
    redraw();
  }
  /** Pin an event, and pan to it. */
  function select(number, box) {
    if (box < 0) {
      if (model.get("selected").length) view.save("selected", []);
      return;
    }
    const { index, start, duration } = profiles[number].events;
    if (start[box] > range.to || start[box] + duration[box] < range.from) range.center(start[box] + duration[box] / 2);
    view.save("selected", [number, index[box]]);
  }
  function hover(target, point) {
    readout.hidden = !target;
    if (!target) return;
    readout.replaceChildren(...readoutLines(target, messages));
    const box = area.getBoundingClientRect();
    placeReadout(readout, [point[0] - box.left, point[1] - box.top]);
  }
  /** Escape lets go of the pinned event, then of the marked row, then of the zoom. */
  function onEscape() {
    if (model.get("selected").length) view.save("selected", []);
    else if (model.get("highlighted") >= 0) view.save("highlighted", -1);
    else range.reset();
    return true;
  }
  function onKey(event) {
    const direction = arrowDirection(event);
    if (direction?.[0] && event.target instanceof HTMLCanvasElement) range.pan(0.15 * direction[0]);
    else return zoomKey(event, range);
    return true;
  }
  function readRange() {
    const [from, to] = model.get("time_range");
    const [oldFrom, oldTo] = range.isWhole() ? [] : [range.from, range.to];
    if (from === oldFrom && to === oldTo) return;
    if (from === undefined) range.reset();
    else range.set(from, to);
  }
  function rangeChanged() {
    redraw();
    clearTimeout(timer);
    timer = window.setTimeout(() => {
      const next = range.isWhole() ? [] : [range.from, range.to];
      if (String(next) !== String(model.get("time_range"))) view.save("time_range", next);
    }, PAUSE);
  }
  signal.addEventListener("abort", () => clearTimeout(timer));

  function paint(width) {
    if (!width || !profiles.length) return;
    const colors = themeColors(view.ui.root);
    const left = width < NARROW ? NARROW_LABELS : LABELS;
    profiles.forEach((_, k) => timelines[k].draw({ colors, marked: marked[k], left }));
    const wide = /** @type {HTMLElement} */ (axis.parentElement).clientWidth - left;
    paintTimeAxis(axis, wide, range, colors);
    map.draw(wide, colors, profiles.length, (draw) =>
      profiles.forEach(({ events, laneEnds }, k) => {
        for (let i = 0; i < (laneEnds[0] ?? 0); i += 1) draw(k, events.start[i], events.start[i] + events.duration[i], colors[COLORS[events.phase[i]]]);
      }),
    );
  }
}

export default { render };
