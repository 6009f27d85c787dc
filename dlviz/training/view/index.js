// Curves that grow while the learner's loop runs, controls of its hyperparameters, and the run played back.

import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { redrawOnChange } from "../../kit/js/animation.js";
import { baseView } from "../../kit/js/base_view.js";
import { answerDrawn } from "../../kit/js/answer_drawn.js";
import { encoded, revive } from "../../kit/js/revive.js";
import { metricSeries, panelOf } from "./series.js";
import { curvePanel } from "./chart.js";
import { hyperparameterControls } from "./controls.js";
import { layerTable } from "./layers.js";
import { runTable, valueText } from "./run_table.js";

/** Steps of the player: each is a hundredth of the run. */
const FRAMES = 100;
/** Milliseconds between two frames of the playback. */
const PACE = 70;
/** Colors of the curves: of the run itself the first two, of the runs behind it the others. */
const [COLOR, SECOND_COLOR, ...OTHER_COLORS] = ["run-0", "run-1", "run-2", "run-3", "run-4", "run-5", "ink-3"].map((name) => `var(--${name})`);

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const isLive = () => model.get("live");
  const viewId = Math.random().toString(36).slice(2);
  /** What the user has asked for, by name, shown until the kernel has answered; from there on its own values are shown. */
  const requested = new Map();
  let requests = 0;
  /** What the kernel has sent: the run's metrics by name, its marks, the runs behind it, its layers and its status. */
  let run = { metrics: new Map(), marks: [], others: [], layers: [], status: model.get("status") };
  const answer = answerDrawn({ model, view: viewId, signal });
  const panels = new Map();
  const on = baseView({
    model, el, signal, name: "live", steps: () => FRAMES, label: (frame) => fillIn(messages.step_at, { step: stepAt(frame) }), draw: addControls, showStep: () => redraw(), pace: PACE, onEscape,
    traits: { settings: showHyperparameters, controls: showHyperparameters, status: readStatus, smoothing() {}, log_y() {}, log_x() {}, paused() {}, picked() {} },
  });
  const empty = h("p", { class: "live-empty" }, messages.waiting);
  const panelRow = h("div", { class: "live-panels" });
  const table = runTable({ signal, messages, pick: (row) => on.save("picked", row) });
  const hyperparameters = hyperparameterControls({ signal, isLive, set: (name, value) => request(`setting ${name}`, value, { kind: "change", name, value: encoded(value) }) });
  const buttons = loopButtons({
    messages, signal, isLive, isPaused, send: (message) => model.send({ ...message, run: run.status.run }),
    pause: (paused) => request("paused", paused, { kind: "pause", paused, run: run.status.run }),
  });
  on.ui.main.append(empty, panelRow, table.element);
  const redraw = redrawOnChange({ root: on.ui.root, element: on.ui.main, signal, draw });
  on.start();
  on.ui.root.querySelector(".dlviz-player").prepend(buttons.element);
  on.controls.element.before(hyperparameters.element);
  showHyperparameters();
  model.on("msg:custom", receive);
  signal.addEventListener("abort", () => model.off("msg:custom", receive));
  const record = model.get("record");
  if (record.series) receive({ kind: "history", to: viewId, ...record }, []);
  if (isLive()) requestHistory(); // answered only if the kernel knows the run: a saved notebook shows the record

  function addControls() {
    on.controls.range({ label: messages.smoothing, max: () => 99, get: () => Math.round(100 * model.get("smoothing")), set: (value) => on.save("smoothing", value / 100), text: (value) => (value / 100).toFixed(2) });
    for (const axis of ["log_y", "log_x"]) on.controls.choice({ label: messages[axis], options: [["no", messages.off], ["yes", messages.on]], get: () => (model.get(axis) ? "yes" : "no"), set: (value) => on.save(axis, value === "yes") });
  }
  /** Ask the kernel for one change, and show it at once. A command says for which run it is, so that one that comes late is dropped. */
  function request(name, value, message) {
    requests += 1;
    requested.set(name, { value, number: requests });
    model.send({ ...message, from: viewId, request: requests });
    redraw();
  }
  function onAnswer({ to, request: answered }) {
    if (to !== viewId) return;
    for (const [name, { number }] of requested) if (number <= answered) requested.delete(name);
    showHyperparameters();
    redraw();
  }
  function isPaused() {
    return requested.get("paused")?.value ?? model.get("paused");
  }
  function settings() {
    return Object.fromEntries(Object.entries(model.get("settings")).map(([name, value]) => [name, requested.get(`setting ${name}`)?.value ?? value]));
  }
  function showHyperparameters() {
    hyperparameters.show(model.get("controls"));
    hyperparameters.update(settings());
  }
  /** Escape ends the highlighting of a past run; it does not rewind a run that is still growing. */
  function onEscape() {
    if (model.get("picked") >= 0) on.save("picked", -1);
    return true;
  }
  /** The training step of a frame of the player; the last frame is the end of the run. */
  function stepAt(frame) {
    const last = Math.max(0, ...[...run.metrics.values()].map((metric) => metric.last()));
    return frame >= FRAMES ? last : Math.round((last * frame) / FRAMES);
  }

  function receive(content, buffers) {
    const part = revive(restoreBuffers(content, buffers));
    if (part.kind === "answer") return onAnswer(part);
    if (part.kind === "history") {
      // A history without an address is for every view: the run has restarted.
      if (part.to && part.to !== viewId) return;
      run = { ...run, metrics: new Map(), marks: [], others: part.others.map(decodeRun) };
    }
    for (const series of part.series ?? []) {
      if (!run.metrics.has(series.name)) run.metrics.set(series.name, metricSeries(series.name));
      // Points that do not continue the series here were sent to another view: request the complete history.
      if (!run.metrics.get(series.name).add(series)) return requestHistory();
    }
    run.marks.push(...(part.marks ?? []));
    if (part.layers) run.layers = part.layers;
    if (part.status) run.status = part.status;
    redraw();
    answer(part.update);
  }
  function requestHistory() {
    model.send({ kind: "open", from: viewId });
  }
  function readStatus() {
    if (!isLive() || run.status.state !== model.get("status").state) run.status = model.get("status");
  }

  function draw(width) {
    const otherColor = (index) => OTHER_COLORS[index % OTHER_COLORS.length];
    const groups = groupMetrics();
    empty.hidden = groups.size > 0;
    for (const [base, panel] of panels) panel.element.hidden = !groups.has(base);
    const { others } = run;
    const picked = model.get("picked") < others.length ? model.get("picked") : -1;
    const frame = model.get("step");
    const until = frame >= FRAMES ? Infinity : stepAt(frame);
    const marks = visibleMarks(until);
    for (const [base, metrics] of groups) {
      const behind = others.flatMap((other, index) => other.metrics.filter((points) => panelOf(points.name) === base).map((points) => ({
        points, color: otherColor(index), dash: points.name !== base, behind: true, picked: index === picked, faded: picked >= 0 && index !== picked, title: `${other.name} · ${points.name}`,
      })));
      const own = metrics.map((points, k) => ({ points, color: [COLOR, SECOND_COLOR][k % 2], dash: k > 0, title: points.name }));
      panelFor(base).draw({ width: panelWidth(groups.size, width), curves: [...behind, ...own], until, logX: model.get("log_x"), logY: model.get("log_y"), smoothing: model.get("smoothing"), marks });
    }
    const rows = others.map((other, index) => ({ name: other.name, settings: other.settings, color: otherColor(index), last: lastValues(other.metrics) }));
    table.show([...rows, { name: model.get("scene").name, settings: settings(), color: COLOR, last: lastValues([...run.metrics.values()]) }], picked);
    drawStatus();
  }
  /** The run's metrics by panel. After a restart there are no values yet, but the panels of the past runs stay. */
  function groupMetrics() {
    const groups = new Map();
    for (const points of run.metrics.values()) groups.set(panelOf(points.name), [...(groups.get(panelOf(points.name)) ?? []), points]);
    for (const { name } of run.others.flatMap((other) => other.metrics)) if (!groups.has(panelOf(name)) && panels.has(panelOf(name))) groups.set(panelOf(name), []);
    return groups;
  }
  function panelFor(base) {
    if (!panels.has(base)) {
      panels.set(base, curvePanel({ signal, label: base, hover: (step) => panels.forEach((panel) => panel.setCursor(step)) }));
      panelRow.append(panels.get(base).element);
    }
    return panels.get(base);
  }
  function visibleMarks(until) {
    const changes = run.marks.filter((mark) => mark.kind === "hyperparameter").map((mark, row) => ({ ...mark, row, text: fillIn(messages.changed, { name: mark.name, old: valueText(mark.old), new: valueText(mark.new) }) }));
    const epochs = run.marks.filter((mark) => mark.kind === "epoch");
    return [...(epochs.length <= 40 ? epochs : []), ...changes].filter((mark) => mark.step <= until);
  }
  /** Two panels beside each other if there is space for both. */
  function panelWidth(count, width) {
    const available = width - 32;
    return Math.max(260, count > 1 && available > 720 ? Math.floor((available - 16) / 2) : available);
  }

  function drawStatus() {
    const { state, left_early: leftEarly, step, steps, epoch, epochs, left, seconds, overhead, error } = run.status;
    const metrics = [...run.metrics.values()];
    const parts = [model.get("scene").name, messages[`state.${leftEarly && state === "stopped" ? "left_early" : state}`]];
    if (epochs) parts.push(fillIn(messages.epoch_of, { epoch, epochs }));
    if (step) parts.push(fillIn(steps ? messages.step_of : messages.step_at, { step: step.toLocaleString("en"), steps: steps.toLocaleString("en") }));
    if (state === "running" && left) parts.push(fillIn(messages.time_left, { time: clock(left) }));
    else if (seconds) parts.push(clock(seconds));
    for (const metric of metrics.slice(0, 4)) parts.push(`${metric.name} ${format(metric.y(metric.size() - 1), 3)}`);
    on.ui.setSignature(parts.join(" · "));
    on.ui.setBadge({ kind: overhead > 0.03 ? "" : "good", text: fillIn(messages.overhead, { share: `${(100 * overhead).toFixed(1)}%` }) });
    on.ui.setSummary(fillIn(messages.summary, { name: parts.join(", ") }));
    const first = run.marks.find((mark) => mark.kind === "nonfinite");
    on.ui.setNotes([
      ...(first ? [{ kind: "bad", text: fillIn(messages.nonfinite_layer, { name: first.name, step: first.step }) }] : []),
      ...(isLive() ? model.get("scene").notes : []),
      ...metrics.filter((metric) => metric.nonfiniteCount()).map((metric) => ({ kind: "bad", text: fillIn(messages.nonfinite, { count: metric.nonfiniteCount(), name: metric.name }) })),
      ...(error ? [{ kind: "bad", text: fillIn(messages.failed, { error }) }] : []),
    ]);
    if (run.layers.length || on.ui.side.firstChild) on.ui.setSide(layerTable(run.layers, messages), messages.layers);
    const active = state === "running" || state === "paused";
    buttons.update(active, run.status.can_restart);
    const done = steps ? Math.min(1, step / steps) : active ? 0 : 1;
    on.ui.root.style.setProperty("--progress", `${100 * done}%`);
    on.ui.root.toggleAttribute("data-running", active);
  }
}

/** Buttons that pause, stop and restart the loop; hidden where there is no loop. */
function loopButtons({ messages, signal, isLive, isPaused, send, pause: setPaused }) {
  const button = (name, act) => {
    const node = h("button", { type: "button", class: "live-button" }, messages[name]);
    node.addEventListener("click", act, { signal });
    return node;
  };
  const pause = button("pause", () => setPaused(!isPaused()));
  const single = button("single_step", () => send({ kind: "step" }));
  const stop = button("stop", () => send({ kind: "stop" }));
  const restart = button("restart", () => send({ kind: "restart" }));
  restart.title = messages.restart_long;
  const element = h("div", { class: "live-buttons" }, pause, single, stop, restart);
  return {
    element,
    update(active, canRestart) {
      element.hidden = !isLive() || !(active || canRestart);
      pause.hidden = stop.hidden = !active;
      restart.hidden = !canRestart;
      pause.textContent = isPaused() ? messages.resume : messages.pause;
      single.hidden = !active || !isPaused();
    },
  };
}

/** A past run with its points decoded. */
function decodeRun(other) {
  const metrics = other.series.map((series) => {
    const points = metricSeries(series.name);
    points.add(series);
    return points;
  });
  return { name: other.name, settings: other.settings, metrics };
}

function lastValues(metrics) {
  return Object.fromEntries(metrics.filter((metric) => metric.size()).map((metric) => [metric.name, metric.y(metric.size() - 1)]));
}

/** Seconds as text, such as "4.2 s" or "1:05". */
function clock(seconds) {
  const rounded = Math.round(seconds);
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(rounded / 60)}:${String(rounded % 60).padStart(2, "0")}`;
}

/** A message with its buffers where Python took them out. */
function restoreBuffers(value, buffers) {
  if (Array.isArray(value)) return value.map((item) => restoreBuffers(item, buffers));
  if (value === null || typeof value !== "object" || ArrayBuffer.isView(value)) return value;
  if ("$buffer" in value) return buffers[value.$buffer];
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, restoreBuffers(item, buffers)]));
}

export default { render };
