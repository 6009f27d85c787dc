// Curves that grow while the learner's loop runs, controls of its hyperparameters, and the run played back.

import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { redrawOnChange } from "../../kit/js/animation.js";
import { baseView } from "../../kit/js/base_view.js";
import { answerDrawn } from "../../kit/js/answer_drawn.js";
import { encoded, restoreBuffers, revive } from "../../kit/js/revive.js";
import { metricSeries, panelOf } from "./series.js";
import { curvePanel } from "./chart.js";
import { hyperparameterControls } from "./controls.js";
import { layerTable } from "./layers.js";
import { runTable, valueText } from "./run_table.js";

/** Steps of the player: each is a hundredth of the run. */
const FRAMES = 100;
/** Milliseconds between two frames of the playback. */
const PACE = 70;
/** Colors of runs, and dashes of the metrics in one panel. */
const COLORS = 6;
const DASHES = ["", "5 3", "2 3"];
/** Samples kept for the replay. */
const MAX_SAMPLES = 120;

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const isLive = () => model.get("live");
  const viewId = Math.random().toString(36).slice(2);
  /** What the user has asked for, by name, shown until the kernel has answered; from there on its own values are shown. */
  const requested = new Map();
  let requests = 0;
  /** What the kernel has sent: the run's metrics by name, its marks, the runs behind it, samples of its layers, its color and its status. */
  let run = { metrics: new Map(), marks: [], others: [], samples: [], hue: 0, status: model.get("status") };
  const answer = answerDrawn({ model, view: viewId, signal });
  const panels = new Map();
  const on = baseView({
    model, el, signal, name: "live", steps: () => FRAMES, label: (frame) => fillIn(messages.step_at, { step: stepAt(frame) }), draw: addControls, showStep: () => redraw(), unit: messages.unit, pace: PACE, onEscape,
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
  on.ui.main.append(empty, panelRow);
  const redraw = redrawOnChange({ root: on.ui.root, element: on.ui.main, signal, draw });
  on.start();
  const bar = on.ui.root.querySelector(".dlviz-player");
  bar.prepend(buttons.element);
  bar.after(hyperparameters.element);
  on.controls.element.before(table.element);
  showHyperparameters();
  model.on("msg:custom", receive);
  signal.addEventListener("abort", () => model.off("msg:custom", receive));
  const record = model.get("record");
  if (record.series) receive({ kind: "history", to: viewId, ...record }, []);
  if (isLive()) requestHistory(); // answered only if the kernel knows the run: a saved notebook shows the record

  function addControls() {
    on.controls.range({ label: messages.smoothing, max: () => 99, get: () => Math.round(100 * model.get("smoothing")), set: (value) => on.save("smoothing", value / 100), text: (value) => (value / 100).toFixed(2) });
    for (const axis of ["log_y", "log_x"]) on.controls.toggle({ label: messages[axis], get: () => model.get(axis), set: (value) => on.save(axis, value) });
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
      run = { ...run, metrics: new Map(), marks: [], samples: [], hue: part.hue, others: part.others.map(decodeRun) };
    }
    for (const series of part.series ?? []) {
      if (!run.metrics.has(series.name)) run.metrics.set(series.name, metricSeries(series.name));
      // Points that do not continue the series here were sent to another view: request the complete history.
      if (!run.metrics.get(series.name).add(series)) return requestHistory();
    }
    run.marks.push(...(part.marks ?? []));
    run.samples.push(...(part.samples ?? []));
    if (run.samples.length > MAX_SAMPLES) run.samples = run.samples.filter((_, k, all) => k % 2 === 0 || k === all.length - 1);
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
    const groups = groupMetrics();
    empty.hidden = groups.size > 0;
    for (const [base, panel] of panels) panel.element.hidden = !groups.has(base);
    const { others } = run;
    const { name } = model.get("scene");
    const picked = model.get("picked") < others.length ? model.get("picked") : -1;
    const until = model.get("step") >= FRAMES ? Infinity : stepAt(model.get("step"));
    const marks = visibleMarks(until);
    for (const [base, metrics] of groups) {
      const behind = others.flatMap((other, index) => curvesOf(other, other.metrics.filter((points) => panelOf(points.name) === base), other.name).map((curve) => ({
        ...curve, behind: true, picked: index === picked, faded: picked >= 0 && index !== picked,
      })));
      // Beside others a run has its name, unless it has several curves here.
      const own = curvesOf(run, metrics, behind.length && metrics.length === 1 ? name : "");
      panelFor(base).draw({ width: panelWidth(groups.size, width), curves: [...behind, ...own], until, logX: model.get("log_x"), logY: model.get("log_y"), smoothing: model.get("smoothing"), marks });
    }
    const rows = others.map(({ name: label, settings: values, first, hue, metrics }) => ({ name: label, settings: values, first, color: colorOf(hue), last: lastValues(metrics, Infinity) }));
    const own = { name, settings: settings(), first: firstValues(marksOf("hyperparameter")), color: colorOf(run.hue), last: lastValues([...run.metrics.values()], until) };
    table.show([...rows, own], picked);
    drawStatus(until);
    drawLayers(until);
  }
  /** The curves of some metrics of a run; with a name it stands at their ends and before the metric's name. */
  function curvesOf({ hue }, metrics, name) {
    return metrics.map((points, k) => ({ points, color: colorOf(hue), dash: DASHES[k % DASHES.length], label: name || points.name, title: name ? `${name} · ${points.name}` : points.name }));
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
      panels.set(base, curvePanel({ signal, label: base, stepTitle: messages.step, hover: (step) => panels.forEach((panel) => panel.setCursor(step)) }));
      panelRow.append(panels.get(base).element);
    }
    return panels.get(base);
  }
  function marksOf(kind) {
    return run.marks.filter((mark) => mark.kind === kind);
  }
  function visibleMarks(until) {
    const changes = marksOf("hyperparameter").map((mark, row) => ({ ...mark, row, text: fillIn(messages.changed, { name: mark.name, old: valueText(mark.old), new: valueText(mark.new) }) }));
    const epochs = marksOf("epoch");
    return [...(epochs.length <= 40 ? epochs : []), ...changes].filter((mark) => mark.step <= until);
  }
  /** Two panels beside each other if there is space for both. */
  function panelWidth(count, width) {
    const available = width - 32;
    return Math.max(260, count > 1 && available > 720 ? Math.floor((available - 16) / 2) : available);
  }

  /** The run's status; of a replayed step only what is known of it. */
  function statusAt(until) {
    if (until === Infinity) return run.status;
    const ended = marksOf("epoch").filter((mark) => mark.step < until).length;
    return { ...run.status, state: "replay", step: until, epoch: Math.min(run.status.epochs, ended + 1), seconds: 0 };
  }
  function drawStatus(until) {
    const { state, left_early: leftEarly, step, steps, epoch, epochs, left, seconds, overhead, error } = statusAt(until);
    const metrics = [...run.metrics.values()];
    const parts = [model.get("scene").name, messages[`state.${leftEarly && state === "stopped" ? "left_early" : state}`]];
    if (epochs) parts.push(fillIn(messages.epoch_of, { epoch, epochs }));
    if (step) parts.push(fillIn(steps ? messages.step_of : messages.step_at, { step: step.toLocaleString("en"), steps: steps.toLocaleString("en") }));
    if (state === "running" && left) parts.push(fillIn(messages.time_left, { time: clock(left) }));
    else if (seconds) parts.push(clock(seconds));
    for (const [name, value] of Object.entries(lastValues(metrics.slice(0, 4), until))) parts.push(`${name} ${format(value)}`);
    on.ui.setSignature(parts.join(" · "));
    on.ui.setBadge({ kind: overhead > 0.03 ? "" : "good", text: fillIn(messages.overhead, { share: `${(100 * overhead).toFixed(1)}%` }) });
    on.ui.setSummary(fillIn(messages.summary, { name: parts.join(", ") }));
    const [first] = marksOf("nonfinite");
    on.ui.setNotes([
      ...(first ? [{ kind: "bad", text: fillIn(messages.nonfinite_layer, { name: first.name, step: first.step }) }] : []),
      ...(isLive() ? model.get("scene").notes : []),
      ...metrics.filter((metric) => metric.nonfiniteCount()).map((metric) => ({ kind: "bad", text: fillIn(messages.nonfinite, { count: metric.nonfiniteCount(), name: metric.name }) })),
      ...(error ? [{ kind: "bad", text: fillIn(messages.failed, { error }) }] : []),
    ]);
    const active = run.status.state === "running" || run.status.state === "paused";
    buttons.update(active, run.status.can_restart);
    const done = steps ? Math.min(1, run.status.step / steps) : active ? 0 : 1;
    on.ui.root.style.setProperty("--progress", `${100 * done}%`);
    on.ui.root.toggleAttribute("data-running", active);
  }
  /** The model's layers at the last sample up to a step; before the first sample only their names. */
  function drawLayers(until) {
    const sample = run.samples.findLast(([at]) => at <= until);
    const [step, rows] = sample ?? run.samples[0] ?? [0, []];
    const shown = sample ? rows : rows.map(([name]) => [name, "", "", "", "", "", ""]);
    const text = fillIn(sample ? messages.sampled_at : messages.not_sampled, { step });
    if (rows.length || on.ui.side.firstChild) on.ui.setSide(layerTable(shown, rows.length ? text : "", messages), messages.layers);
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
  return { ...other, metrics };
}

function colorOf(hue) {
  return `var(--run-${hue % COLORS})`;
}
/** The latest value of every metric up to a step. */
function lastValues(metrics, until) {
  const latest = metrics.map((metric) => [metric.name, metric.y(metric.indexOf(until + 0.5) - 1)]);
  return Object.fromEntries(latest.filter(([, value]) => value !== undefined));
}

/** The value at the start of the run of each hyperparameter that was changed. */
function firstValues(changes) {
  return Object.fromEntries(changes.map((mark) => [mark.name, mark.old]).reverse());
}

/** Seconds as text, such as "4.2 s" or "1:05". */
function clock(seconds) {
  const rounded = Math.round(seconds);
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(rounded / 60)}:${String(rounded % 60).padStart(2, "0")}`;
}

export default { render };
