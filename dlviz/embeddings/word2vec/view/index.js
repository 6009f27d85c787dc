// word2vec in training: the sentence and its window, the two matrices, the map, the step in numbers, and the losses so far.

import { h, fillIn } from "../../../kit/js/dom.js";
import { typedArray } from "../../../kit/js/typed_arrays.js";
import { format } from "../../../kit/js/numbers.js";
import { baseView } from "../../../kit/js/base_view.js";
import { themeColors, onThemeChange } from "../../../kit/js/heatmap.js";
import { strip } from "./window_strip.js";
import { matrices } from "./matrix.js";
import { map } from "./map.js";
import { card } from "./step_table.js";
import { curve } from "./loss_curve.js";
import { offer } from "./controls.js";
import { trainer } from "./trainer.js";

/** Milliseconds between two steps at speed 1, and at full speed between two readings of the words. */
const PACE = 900;
const READ = 250;
/** So many numbers of a row are written out. */
const NUMBERS = 16;

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const on = baseView({ model, el, signal, name: messages.name, steps, label, draw, showStep, traits: { frame: () => fast.answered(), fast: () => fast.turned() }, onEscape, pace: PACE });
  const { root } = on.ui;
  root.classList.add("w2v");
  const text = strip({ messages });
  const two = matrices({ messages, signal, point });
  const where = map({ messages, root, signal, point });
  const told = card({ messages });
  const losses = curve({ messages, signal, go });
  const readout = h("output", { class: "w2v-readout" });
  const count = h("span", { class: "w2v-count" });
  const fast = trainer({ model, messages, signal, root, open, save: on.save });
  let raw = null;
  let frame = null;
  let painted = null;
  let row = -1;
  let pinned = -1;
  let cell = null;
  let colors = null;
  let read = 0;

  root.addEventListener("keydown", onKey, { signal });
  on.ui.main.append(
    text.element,
    h("div", { class: "w2v-bench" }, h("div", { class: "w2v-left" }, two.element, readout), h("div", { class: "w2v-middle" }, where.element, losses.element), told.element));
  onThemeChange(root, signal, () => {
    colors = null;
    paint(false);
  });
  const watcher = new ResizeObserver(() => paint(false));
  watcher.observe(on.ui.main);
  signal.addEventListener("abort", () => watcher.disconnect());
  on.start();
  const bar = root.querySelector(".dlviz-player");
  bar.insertBefore(count, bar.querySelector(".dlviz-count"));
  bar.insertBefore(fast.element, bar.querySelector(".dlviz-next").nextSibling);
  bar.addEventListener("click", (event) => event.target.closest(".w2v-fast, select") || fast.stop(), { signal, capture: true });
  bar.addEventListener("input", () => fast.stop(), { signal, capture: true });
  fast.turned();

  /** Whether there is always one more step: a kernel answers, and it is the kit that trains. */
  function open() {
    return Boolean(model.get("live")) && model.get("scene").own;
  }
  function steps() {
    const { last } = model.get("frame");
    // While the kernel is slower than the player, the player waits ahead of it.
    return open() ? Math.max(last, model.get("step")) + 1 : last;
  }
  function label() {
    const { at, card: one } = model.get("frame");
    return fillIn(messages.told, { next: at + 1, known: one.known.join(", "), target: one.words[0], loss: format(Number(one.loss), 4) });
  }
  /** To a step, or to the nearest one that is kept. */
  function go(step) {
    fast.stop();
    const { numbers, last } = model.get("frame");
    if (!numbers.length) return on.go(Math.min(step, last));
    const far = (place) => Math.abs(numbers[place] - step);
    return on.go(numbers.reduce((best, _, place) => (far(place) < far(best) ? place : best), 0));
  }
  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select, input")) return;
    const was = model.get("fast");
    if ([" ", ".", ",", "Home", "End", "ArrowLeft", "ArrowRight", "PageUp", "PageDown", "Escape"].includes(event.key)) fast.stop();
    if (event.key === "f" && open()) fast.toggle();
    else if (event.key === "End") on.go(model.get("frame").last);
    else if (!(was && event.key === " ")) return;
    event.preventDefault();
    event.stopPropagation();
  }
  function onEscape() {
    pinned = -1;
    point(-1);
    return true;
  }
  /** Light up a word, in both matrices and on the map; a click holds it. */
  function point(next, hold = false, where = null) {
    if (hold) pinned = next === pinned ? -1 : next;
    row = next < 0 ? pinned : next;
    cell = where;
    paint(false);
  }
  function draw() {
    const scene = model.get("scene");
    row = pinned = -1;
    cell = null;
    fast.element.hidden = !open();
    offer({ model, messages, on, scene });
    painted = null;
  }
  function showStep() {
    const next = model.get("frame");
    if (raw !== next) {
      raw = next;
      frame = { ...next, w: typedArray(next.w, "float32"), u: typedArray(next.u, "float32"), places: typedArray(next.places, "float32"), curve: { ...next.curve, means: typedArray(next.curve.means, "float32") } };
    }
    if (painted !== frame) paint(!model.get("fast"));
  }
  function paint(moving) {
    if (!frame) return;
    const scene = model.get("scene");
    const fresh = painted !== frame;
    painted = frame;
    colors ??= themeColors(root);
    colors.good ??= getComputedStyle(root).getPropertyValue("--good").trim();
    two.draw({ scene, frame, colors, row });
    where.draw({ scene, frame, colors, row, moving: moving && fresh });
    losses.draw({ frame, live: open() });
    count.textContent = fillIn(messages[scene.own ? "count" : "update"], { step: frame.at.toLocaleString("en"), epoch: frame.epoch.toFixed(2) });
    tell(scene);
    const now = performance.now();
    if (!fresh || (model.get("fast") && now - read < READ)) return;
    read = now;
    text.draw(scene, frame);
    told.draw(scene, frame);
  }
  /** The numbers of the word that is lit up, else of the one that the step knows. */
  function tell(scene) {
    const [known] = frame.card.inputs;
    const one = row >= 0 ? row : known < scene.labels.length ? known : 0;
    const first = Math.min(scene.columns, NUMBERS);
    const numbers = (matrix) => Array.from(matrix.subarray(one * scene.columns, one * scene.columns + first), (value) => format(value, 2)).join(" ") + (first < scene.size ? " …" : "");
    const here = cell ? ` · ${cell.name.toUpperCase()}[${one}, ${cell.column}] = ${format(frame[cell.name][one * scene.columns + cell.column])}` : "";
    readout.replaceChildren(
      h("b", {}, fillIn(messages.row, { word: scene.labels[one], row: one, count: scene.counts[one] }), here),
      h("span", {}, `W[${one}] ${numbers(frame.w)}`),
      h("span", {}, `U[${one}] ${numbers(frame.u)}`));
  }
}

export default { render };
