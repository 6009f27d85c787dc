// Curves that grow while the learner's loop runs, knobs that act on it, and the run to be seen once more.

import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { onThemeChange, themeColors } from "../../kit/js/heatmap.js";
import { card } from "../../kit/js/card.js";
import { player } from "../../kit/js/player.js";
import { controlBar } from "../../kit/js/controls.js";
import { series, panelOf } from "./series.js";
import { chart } from "./chart.js";
import { dials } from "./controls.js";
import { layersOf } from "./layers.js";
import { runs, text } from "./run_table.js";

const FRAMES = 100;
/** Milliseconds between two frames when the run is seen again. */
const PACE = 70;

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const live = () => model.get("live");
  const me = Math.random().toString(36).slice(2);
  let metrics = new Map();
  let marks = [];
  let others = [];
  let inside = [];
  let status = model.get("status");
  let charts = new Map();
  let width = 0;
  let due = 0;
  const ui = card({ el, model, signal, name: "live" });
  const empty = h("p", { class: "live-empty" }, messages.waiting);
  const panels = h("div", { class: "live-panels" });
  const turner = dials({ signal, turn, live });
  const controls = controlBar({ signal });
  const buttons = h("div", { class: "live-buttons" });
  const bar = player({ model, messages, signal, root: ui.root, steps: () => FRAMES, label: (step) => fillIn(messages.at, { step: stepAt(step) }), pace: PACE });
  ui.main.append(empty, panels);
  bar.element.prepend(buttons);
  const list = runs({ signal, messages, pick: (row) => save("picked", row) });
  ui.main.append(list.element);
  ui.root.append(bar.element, turner.element, controls.element);

  const pause = button("pause", () => save("paused", !model.get("paused")));
  const single = button("single", () => model.send({ kind: "step" }));
  const stop = button("stop", () => model.send({ kind: "stop" }));
  const again = button("again", () => model.send({ kind: "again" }));
  again.title = messages.again_long;
  buttons.append(pause, single, stop, again);
  controls.range({ label: messages.smoothing, max: () => 99, get: () => Math.round(100 * model.get("smoothing")), set: (value) => save("smoothing", value / 100), text: (value) => (value / 100).toFixed(2) });
  for (const axis of ["log_y", "log_x"]) controls.choice({ label: messages[axis], options: [["no", messages.off], ["yes", messages.on]], get: () => (model.get(axis) ? "yes" : "no"), set: (value) => save(axis, value === "yes") });
  controls.update();

  function button(name, act) {
    const node = h("button", { type: "button", class: "live-button" }, messages[name]);
    node.addEventListener("click", act, { signal });
    return node;
  }
  function save(name, value) {
    model.set(name, value);
    model.save_changes();
  }
  function turn(name, value) {
    save("settings", { ...model.get("settings"), [name]: value });
  }
  /** How far the player has the run shown: to its end, unless it stands before. */
  function stepAt(frame) {
    const last = Math.max(0, ...[...metrics.values()].map((one) => one.last()));
    return frame >= FRAMES ? last : Math.round((last * frame) / FRAMES);
  }

  function take(content, buffers) {
    const part = whole(content, buffers);
    if (part.kind === "history") {
      // Without an address it is for every view: the run has begun again.
      if (part.to && part.to !== me) return;
      metrics = new Map();
      marks = [];
      others = part.others;
    }
    for (const one of part.series) {
      if (!metrics.has(one.name)) metrics.set(one.name, series(one.name));
      // What does not fit on what is here was sent to another view: ask for all of it.
      if (!metrics.get(one.name).add(one)) return ask();
    }
    marks.push(...part.marks);
    if (part.layers) inside = part.layers;
    status = part.status;
    later();
  }
  function ask() {
    model.send({ kind: "open", from: me });
  }
  /** At most one drawing for each frame of the screen. */
  function later() {
    if (!due) due = requestAnimationFrame(draw);
  }

  function draw() {
    due = 0;
    const colors = { ...themeColors(ui.root), mono: getComputedStyle(ui.root).getPropertyValue("--mono") };
    const style = getComputedStyle(ui.root);
    const inks = ["pos", "neg", "flow", "good", "bad", "accent", "ink-3"].map((name) => style.getPropertyValue(`--${name}`).trim());
    const groups = new Map();
    for (const one of metrics.values()) {
      const base = panelOf(one.name);
      groups.set(base, [...(groups.get(base) ?? []), one]);
    }
    // A run that has just begun again has no numbers yet: the panels of those behind it stay.
    for (const one of others.flatMap((run) => run.series)) if (!groups.has(panelOf(one.name)) && charts.has(panelOf(one.name))) groups.set(panelOf(one.name), []);
    empty.hidden = groups.size > 0;
    for (const base of groups.keys()) {
      if (charts.has(base)) continue;
      charts.set(base, chart({ name: base, signal, hover: point, label: base }));
      panels.append(charts.get(base).element);
    }
    for (const [base, one] of charts) one.element.hidden = !groups.has(base);
    const picked = model.get("picked") < others.length ? model.get("picked") : -1;
    const frame = model.get("step");
    const until = frame >= FRAMES ? Infinity : stepAt(frame);
    const shown = marks.filter((mark) => mark.kind === "knob").map((mark, row) => ({ ...mark, row, text: fillIn(messages.turned, { name: mark.name, old: text(mark.old), new: text(mark.new) }) }));
    const epochs = marks.filter((mark) => mark.kind === "epoch");
    const all = [...(epochs.length <= 40 ? epochs : []), ...shown].filter((mark) => mark.step <= until);
    for (const [base, list] of groups) {
      const behind = others.flatMap((run, r) => run.series.filter((one) => panelOf(one.name) === base).map((one) => ({ points: one.points, color: ink(r), dash: one.name !== base, behind: true, picked: r === picked, faded: picked >= 0 && r !== picked, title: `${run.name} · ${one.name}` })));
      const own = list.map((points, k) => ({ points, color: inks[k % 2], dash: k > 0, title: points.name }));
      charts.get(base).draw({ width: room(groups.size), curves: [...behind, ...own], colors, until, logX: model.get("log_x"), logY: model.get("log_y"), smoothing: model.get("smoothing"), marks: all });
    }
    const rows = others.map((run, r) => ({ name: run.name, settings: run.settings, color: ink(r), last: lastOf(run.series.map((one) => one.points)) }));
    list.show([...rows, { name: model.get("scene").name, settings: model.get("settings"), color: inks[0], last: lastOf([...metrics.values()]) }], picked);
    tell();

    function ink(r) {
      return inks[2 + (r % (inks.length - 2))];
    }
  }
  function lastOf(curves) {
    return Object.fromEntries(curves.filter((one) => one.size()).map((one) => [one.name, one.y(one.size() - 1)]));
  }
  /** Two panels abreast where there is room for both. */
  function room(count) {
    const all = width - 32;
    return Math.max(260, count > 1 && all > 720 ? Math.floor((all - 16) / 2) : all);
  }
  function point(step) {
    for (const one of charts.values()) one.point(step);
  }

  function tell() {
    const { state, step, steps, epoch, epochs, left, seconds, own, error } = status;
    const parts = [model.get("scene").name, messages[`state.${state}`]];
    if (epochs) parts.push(fillIn(messages.epoch_of, { epoch, epochs }));
    if (step) parts.push(fillIn(steps ? messages.step_of : messages.step_at, { step: step.toLocaleString("en"), steps: steps.toLocaleString("en") }));
    if (state === "running" && left) parts.push(fillIn(messages.left, { time: clock(left) }));
    else if (seconds) parts.push(clock(seconds));
    for (const one of [...metrics.values()].slice(0, 4)) parts.push(`${one.name} ${format(one.y(one.size() - 1), 3)}`);
    ui.setSignature(parts.join(" · "));
    ui.setBadge({ kind: own > 0.03 ? "" : "good", text: fillIn(messages.overhead, { share: `${(100 * own).toFixed(1)}%` }) });
    const notes = live() ? [...model.get("scene").notes] : [];
    for (const one of metrics.values()) if (one.wild()) notes.push({ kind: "bad", text: fillIn(messages.wild, { count: one.wild(), name: one.name }) });
    const first = marks.find((mark) => mark.kind === "wild");
    if (first) notes.unshift({ kind: "bad", text: fillIn(messages.wild_layer, { name: first.name, step: first.step }) });
    if (error) notes.push({ kind: "bad", text: fillIn(messages.failed, { error }) });
    ui.setNotes(notes);
    if (inside.length || ui.side.firstChild) ui.setSide(layersOf(inside, messages), messages.layers);
    ui.setSummary(fillIn(messages.summary, { name: parts.join(", ") }));
    const active = state === "running" || state === "paused";
    buttons.hidden = !live() || !(active || status.again);
    pause.hidden = stop.hidden = !active;
    again.hidden = !status.again;
    pause.textContent = model.get("paused") ? messages.resume : messages.pause;
    single.hidden = !active || !model.get("paused");
    const done = steps ? Math.min(1, step / steps) : active ? 0 : 1;
    ui.root.style.setProperty("--progress", `${100 * done}%`);
    ui.root.toggleAttribute("data-running", active);
  }
  function clock(seconds) {
    const whole_ = Math.round(seconds);
    if (seconds < 10) return `${seconds.toFixed(1)} s`;
    return `${Math.floor(whole_ / 60)}:${String(whole_ % 60).padStart(2, "0")}`;
  }

  function turned() {
    turner.show(model.get("dials"));
    turner.update(model.get("settings"));
  }
  const events = {
    "msg:custom": take, "change:settings": turned, "change:dials": turned, "change:step": moved, "change:smoothing": moved, "change:log_y": moved, "change:log_x": moved, "change:paused": moved, "change:picked": moved,
    "change:status": () => {
      if (!live() || status.state !== model.get("status").state) status = model.get("status");
      later();
    },
  };
  function moved() {
    bar.update();
    controls.update();
    ui.announce(model.get("playing") ? "" : fillIn(messages.at, { step: stepAt(model.get("step")) }));
    later();
  }
  for (const [event, call] of Object.entries(events)) model.on(event, call);
  signal.addEventListener("abort", () => {
    for (const [event, call] of Object.entries(events)) model.off(event, call);
  });
  onThemeChange(ui.root, signal, later);
  // Its own width is asked for when it changes, not at every drawing.
  const watcher = new ResizeObserver(([entry]) => {
    const now = Math.round(entry.contentRect.width);
    if (now === width || !now) return;
    width = now;
    later();
  });
  watcher.observe(ui.main);
  signal.addEventListener("abort", () => watcher.disconnect());
  turned();
  const record = model.get("record");
  if (!live() && record.series) take({ kind: "history", to: me, ...record, others: behindOf(record.others) }, null);
  else ask();

  /** Runs to be drawn behind: their points decoded. */
  function behindOf(list) {
    return list.map((run) => ({ ...run, series: run.series.map((one) => {
      const points = series(one.name);
      points.add(one);
      return { name: one.name, points };
    }) }));
  }
  function whole(content, buffers) {
    const filled = buffers ? fill(content, buffers) : content;
    return filled.kind === "history" && buffers ? { ...filled, others: behindOf(filled.others) } : filled;
  }
}

/** A message with its buffers back where Python took them from. */
function fill(value, buffers) {
  if (Array.isArray(value)) return value.map((one) => fill(one, buffers));
  if (value === null || typeof value !== "object") return value;
  if ("$buffer" in value) return buffers[value.$buffer];
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fill(one, buffers)]));
}

export default { render };
