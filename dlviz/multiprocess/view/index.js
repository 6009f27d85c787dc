// A worker in several processes: where the time of each goes, how their gradients become one, what each holds, and how much faster it is.

import { redrawOnChange } from "../../kit/js/animation.js";
import { baseView } from "../../kit/js/base_view.js";
import { fillIn, h, onKeys } from "../../kit/js/dom.js";
import { foldRow } from "../../kit/js/fold_row.js";
import { themeColors } from "../../kit/js/heatmap.js";
import { placeReadout } from "../../kit/js/readout.js";
import { segments } from "../../kit/js/segments.js";
import { paintTimeAxis } from "../../kit/js/time_axis.js";
import { timeMap } from "../../kit/js/time_map.js";
import { timeRange, zoomButtons, zoomKey } from "../../kit/js/time_range.js";
import { bytesText, timeText } from "../../kit/js/units.js";
import { gradientPanel } from "./gradient_panel.js";
import { memoryPanel } from "./memory_panel.js";
import { outputPanel } from "./output_panel.js";
import { COLORS, COMMUNICATION, runData } from "./run_data.js";
import { speedPanel } from "./speed_panel.js";
import { timeline } from "./timeline.js";

/** Milliseconds between two steps while playing: the gradients have time to meet. */
const PACE = 1600;
/** Share of a step's length that is shown before and after it. */
const EDGE = 0.02;

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const view = baseView({
    model, el, signal, name: "parallel", draw: readScene, showStep, onEscape, unit: messages.unit, pace: PACE,
    steps: () => Math.max(0, (model.get("scene").steps?.length ?? 1) - 2),
    label: (step) => fillIn(messages.step_label, { step, caption: model.get("scene").captions?.[step] ?? "" }),
    traits: { parameter: () => showGradients(false), shown: showPart },
  });
  let run = null;
  const range = timeRange({ changed: () => redraw() });
  const home = { ...range, reset: showPart };
  const part = segments({ label: messages.show, options: [["step", messages.show_step], ["run", messages.show_run]], signal, set: (value) => view.save("shown", value) });
  const caption = h("span", { class: "par-caption" });
  const legend = h("div", { class: "par-legend" });
  const pale = h("span", {}, messages["kind.pale"]);
  const tools = h("div", { class: "par-tools" }, part.element, caption, h("span", { class: "par-buttons" }, ...zoomButtons({ messages, range: home, signal })));
  const map = timeMap({ label: messages.map_alt, signal, range });
  const axis = h("canvas", { class: "par-canvas", "aria-hidden": "true" });
  const readout = h("div", { class: "dlviz-readout", role: "status", hidden: "" });
  const lanes = timeline({ messages, signal, range, redraw: () => redraw(), read });
  const few = h("div", { class: "par-labels par-few" });
  const panel = (label, content) => h("div", { class: "par-panel" }, label, content);
  const area = h("div", { class: "par-area" }, panel(h("div", { class: "par-labels" }), map.element), panel(few, axis), lanes.element);
  const gradients = gradientPanel({ model, messages, signal, select: (parameter) => view.save("parameter", parameter) });
  const missing = h("p", { class: "par-missing" });
  const [memory, speed, output, folded] = [memoryPanel({ messages }), speedPanel({ messages }), outputPanel({ messages }), outputPanel({ messages })];
  const instead = h("div", { class: "dlviz-panel par-gradients" }, missing, output.element);
  const folds = foldRow({ signal, isSingle: true, sections: [{ title: messages["speed.title"], content: speed.element }, { title: messages["returned.title"], content: folded.element }] });
  view.ui.root.classList.add("par");
  view.ui.main.append(tools, area, legend, h("div", { class: "dlviz-panels" }, gradients.element, instead, memory.element), folds.element, readout);
  const redraw = redrawOnChange({ root: view.ui.root, element: area, signal, draw: paint });
  onKeys(area, signal, (event) => zoomKey(event, home));
  view.start();

  /** The row of numbers that belongs to what is shown: that of the step, or that of the whole run. */
  function shownRow() {
    const steps = run.steps.length - 1;
    return model.get("shown") === "run" || !steps ? steps : Math.min(model.get("step"), steps - 1);
  }
  function readScene() {
    const scene = model.get("scene");
    if (!scene.blocks) return;
    run = runData(scene);
    lanes.show(run);
    read(-1, null);
    const keys = run.kinds.map((kind) => h("span", { "data-kind": kind }, messages[`kind.${kind}`]));
    legend.replaceChildren(...keys, ...(run.ranks > 1 && run.kinds.includes(COMMUNICATION) ? [h("span", { "data-kind": "waiting" }, messages["kind.waiting"])] : []), pale);
    few.textContent = lanes.isLow() ? messages.computes_head : "";
    part.element.hidden = run.steps.length < 2;
    gradients.element.hidden = Boolean(run.gradients.missing);
    instead.hidden = !run.gradients.missing;
    missing.textContent = run.gradients.missing;
    output.show(run.output);
    folded.show(run.output);
    memory.show(run.memory);
    speed.show(run.speed, run.timed);
    folds.offer(speed.element, run.speed.length > 0);
    folds.offer(folded.element, !run.gradients.missing && run.output.some(({ printed, result }) => printed || result));
    map.reset();
    range.span = run.steps.at(-1)[1];
  }
  function showStep(step, isNew) {
    if (!run) return;
    if (isNew) showPart();
    showGradients(isNew);
  }
  function showGradients(isNew) {
    if (run) gradients.show(run, Math.min(model.get("parameter"), run.gradients.parameters.length - 1), model.get("step"), isNew);
  }
  /** Show the step, or the whole run. */
  function showPart() {
    if (!run) return;
    part.update(model.get("shown"));
    pale.hidden = model.get("shown") === "run" || run.steps.length <= 2;
    const row = shownRow();
    caption.textContent = run.captions[row];
    caption.title = run.captions[row];
    const [from, to] = run.steps[row];
    const edge = EDGE * (to - from);
    range.set(from - edge, to + edge);
    lanes.showLabels(Array.from({ length: run.ranks }, (_, rank) => label(row, rank)));
  }
  function label(row, rank) {
    const [length, compute, communication, waiting] = run.use.subarray(4 * (row * run.ranks + rank));
    const share = (100 * compute) / (length || 1);
    const values = { share: share.toFixed(0), compute: timeText(compute), communication: timeText(communication), waiting: timeText(waiting) };
    return h("div", { class: "par-label", style: `height:${lanes.pitch()}px`, title: fillIn(messages.computes_title, values) }, h("b", {}, fillIn(messages.rank, { rank })), h("span", {}, fillIn(messages[lanes.isLow() ? "computes_short" : "computes"], values)));
  }
  /** Say what a block is, beside the pointer or below the block. */
  function read(block, point) {
    readout.hidden = block < 0;
    if (block < 0) return;
    const { blocks, collectives } = run;
    const { kind, start, end, ready, bytes, group, rank } = blocks;
    const line = (text) => h("div", {}, text);
    const lines = [h("b", {}, fillIn(messages["read.title"], { rank: rank[block], name: blocks.names[blocks.name[block]] })), line(fillIn(messages["read.time"], { kind: messages[`kind.${kind[block]}`], time: timeText(end[block] - start[block]) }))];
    if (group[block] >= 0) {
      const wait = ready[block] - start[block];
      lines.push(line(fillIn(messages[wait > 0 ? "read.wait" : "read.no_wait"], { wait: timeText(wait), last: collectives.last[group[block]], transfer: timeText(end[block] - ready[block]) })));
    }
    if (bytes[block]) lines.push(line(fillIn(messages["read.payload"], { bytes: bytesText(bytes[block]), shape: blocks.shapes[blocks.shape[block]] })));
    readout.replaceChildren(...lines);
    const box = view.ui.main.getBoundingClientRect();
    const [x, y] = point ?? lanes.pointOf(block);
    placeReadout(readout, [x - box.left, y - box.top]);
  }
  function onEscape() {
    if (lanes.isChosen()) lanes.choose(-1);
    else if (model.get("shown") === "run") view.save("shown", "step");
    else return false;
    return true;
  }
  function paint(width) {
    if (!width || !run) return;
    const colors = themeColors(view.ui.root);
    const wide = /** @type {HTMLElement} */ (axis.parentElement).clientWidth - /** @type {HTMLElement} */ (axis.previousElementSibling).offsetWidth;
    const step = Math.min(model.get("step"), run.steps.length - 2);
    const isRun = model.get("shown") === "run";
    lanes.draw({ colors, width: wide, step: isRun ? -1 : step, marked: isRun && step >= 0 ? run.steps[step] : null });
    paintTimeAxis(axis, wide, range, colors);
    const { start, end, kind, rank } = run.blocks;
    map.draw(wide, colors, run.ranks, (draw) => start.forEach((from, i) => draw(rank[i], from, end[i], colors[COLORS[kind[i]]])));
  }
}

export default { render };
