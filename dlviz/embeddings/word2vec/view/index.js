// A training of word vectors: the sentence and its window, the matrices, the map, the next step in numbers, and the losses.

import { closest, h, fillIn, onKeys } from "../../../kit/js/dom.js";
import { typedArray } from "../../../kit/js/typed_arrays.js";
import { argmin, format } from "../../../kit/js/numbers.js";
import { baseView } from "../../../kit/js/base_view.js";
import { redrawOnChange } from "../../../kit/js/animation.js";
import { foldRow } from "../../../kit/js/fold_row.js";
import { themeColors } from "../../../kit/js/heatmap.js";
import { placeReadout } from "../../../kit/js/readout.js";
import { matrices } from "./matrix_heatmaps.js";
import { wordMap } from "./map.js";
import { stepTable } from "./step_table.js";
import { curve } from "./loss_curve.js";
import { windowStrip } from "./window_strip.js";
import { fullSpeedButton } from "./full_speed_button.js";

/** Milliseconds between steps at speed 1, and at full speed between readings of the words. */
const PACE = 900;
const TEXT_INTERVAL = 250;
/** How many numbers of a row are printed. */
const NUMBERS = 8;
/** Values of the sliders of the learning rate and the vector size. */
const LEARNING_RATES = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];
const SIZES = [2, 3, 4, 6, 8, 12, 16, 24, 32, 48];

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const on = baseView({ model, el, signal, name: messages.name, steps, label, draw, showStep, traits: { snapshot: () => speedButton.onSnapshot(), full_speed: () => speedButton.update() }, onEscape, pace: PACE });
  const { root } = on.ui;
  root.classList.add("word2vec");
  const sentence = windowStrip({ messages });
  const matrixView = matrices({ messages, signal, point });
  const mapView = wordMap({ messages, root, signal, point });
  const table = stepTable({ messages });
  const losses = curve({ messages, signal, go });
  const readout = h("output", { class: "dlviz-readout word2vec-readout", hidden: "" });
  const count = h("span", { class: "word2vec-count" });
  const speedButton = fullSpeedButton({ model, messages, signal, canTrain, save: on.save });
  let received = null;
  let snapshot = null;
  let drawn = null;
  let row = -1;
  let pinned = -1;
  let cell = null;
  let textDrawn = 0;

  onKeys(root, signal, onKey);
  const columns = h("div", { class: "word2vec-columns" }, sentence.element, losses.element, matrixView.element, mapView.element, readout);
  on.ui.main.append(columns);
  redrawOnChange({ root, element: on.ui.main, signal, draw: () => paint(false) });
  on.start();
  root.append(foldRow({ signal, sections: [{ title: messages.table, content: table.element }, { title: messages.code_title, content: table.code }] }).element);
  const bar = root.querySelector(".dlviz-player");
  bar.insertBefore(count, bar.querySelector(".dlviz-count"));
  bar.insertBefore(speedButton.element, bar.querySelector(".dlviz-next").nextSibling);
  bar.addEventListener("click", (event) => closest(event, ".word2vec-fast, select") || speedButton.stop(), { signal, capture: true });
  bar.addEventListener("input", () => speedButton.stop(), { signal, capture: true });
  speedButton.update();

  /** Return whether the kernel can take another step. */
  function canTrain() {
    return Boolean(model.get("live")) && model.get("scene").trains;
  }
  function steps() {
    const { last_position: last } = model.get("snapshot");
    // The player may wait one step ahead of a slow kernel.
    return canTrain() ? Math.max(last, model.get("step")) + 1 : last;
  }
  function label() {
    const { step, table: example } = model.get("snapshot");
    return fillIn(messages.announcement, { next: step + 1, known: example.known.join(", "), target: example.words[0], loss: format(Number(example.loss), 4) });
  }
  /** Go to a step, or to the nearest snapshot. */
  function go(step) {
    speedButton.stop();
    const { steps: kept, last_position: last } = model.get("snapshot");
    if (!kept.length) return on.go(Math.min(step, last));
    return on.go(argmin(kept.length, (index) => Math.abs(kept[index] - step)));
  }
  function onKey(event) {
    if (closest(event, "select, input")) return false;
    const wasRunning = model.get("full_speed");
    if ([" ", ".", ",", "Home", "End", "ArrowLeft", "ArrowRight", "PageUp", "PageDown", "Escape"].includes(event.key)) speedButton.stop();
    if (event.key === "f" && canTrain()) speedButton.toggle();
    else if (event.key === "End") on.go(model.get("snapshot").last_position);
    else return wasRunning && event.key === " ";
    return true;
  }
  function onEscape() {
    pinned = -1;
    point(-1);
    return true;
  }
  /**
   * Highlight a word in both matrices and on the map; a click pins it.
   * @param {number} next @param {{hold?: boolean, where?: {name: string, column: number} | null, at?: {clientX: number, clientY: number} | null}} [options] where: the number in a matrix; at: where the word is pointed at
   */
  function point(next, { hold = false, where = null, at = null } = {}) {
    if (hold) pinned = next === pinned ? -1 : next;
    row = next < 0 ? pinned : next;
    cell = where;
    paint(false);
    if (!at || readout.hidden) return;
    const { left, top } = columns.getBoundingClientRect();
    placeReadout(readout, [at.clientX - left, at.clientY - top]);
  }
  function draw() {
    const scene = model.get("scene");
    row = pinned = -1;
    cell = null;
    speedButton.element.hidden = !canTrain();
    if (model.get("live")) addControls(scene);
    drawn = null;
  }
  function addControls(scene) {
    const choice = (trait, values) => on.controls.choice({ label: messages[`control.${trait}`], options: values.map((value) => [value, messages[`${trait}.${value}`] ?? value]), get: () => model.get(trait), set: (value) => on.save(trait, value) });
    const oneOf = (trait, offered) => {
      const values = () => [...new Set([...offered, model.get(trait)])].sort((a, b) => a - b);
      on.controls.range({ label: messages[`control.${trait}`], max: () => values().length - 1, get: () => values().indexOf(model.get(trait)), set: (index) => on.save(trait, values()[index]), text: (index) => String(values()[index]) });
    };
    const integer = (trait, max) => on.controls.range({ label: messages[`control.${trait}`], min: 1, max: () => Math.max(max, model.get(trait)), get: () => model.get(trait), set: (value) => on.save(trait, value) });
    choice("kind", ["skip-gram", "cbow"]);
    choice("loss", ["negative", "softmax"]);
    oneOf("lr", LEARNING_RATES);
    integer("window", 8);
    if (scene.loss === "negative") integer("negatives", 15);
    if (scene.trains) oneOf("vector_size", SIZES);
    choice("axes", ["aligned", "fixed"]);
  }
  function showStep() {
    const next = model.get("snapshot");
    if (received !== next) {
      received = next;
      snapshot = { ...next, w: typedArray(next.w, "float32"), u: typedArray(next.u, "float32"), coordinates: typedArray(next.coordinates, "float32"), curve: { ...next.curve, means: typedArray(next.curve.means, "float32") } };
    }
    if (drawn !== snapshot) paint(!model.get("full_speed"));
  }
  function paint(moving) {
    if (!snapshot) return;
    const scene = model.get("scene");
    const isNew = drawn !== snapshot;
    drawn = snapshot;
    matrixView.draw({ scene, snapshot, colors: themeColors(root), row });
    mapView.draw({ scene, snapshot, row, moving: moving && isNew });
    losses.draw({ snapshot });
    count.textContent = fillIn(messages[scene.trains ? "count" : "update"], { step: snapshot.step.toLocaleString("en"), epoch: snapshot.epoch.toFixed(2) });
    printNumbers(scene);
    const now = performance.now();
    if (!isNew || (model.get("full_speed") && now - textDrawn < TEXT_INTERVAL)) return;
    textDrawn = now;
    sentence.draw(scene, snapshot);
    table.draw(scene, snapshot);
  }
  /** Print the numbers of the highlighted word. */
  function printNumbers(scene) {
    readout.hidden = row < 0;
    if (row < 0) return;
    const one = row;
    const first = Math.min(scene.columns, NUMBERS);
    const numbers = (matrix) => Array.from(matrix.subarray(one * scene.columns, one * scene.columns + first), (value) => format(value, 2)).join(" ") + (first < scene.vector_size ? " …" : "");
    const here = cell ? ` · ${cell.name.toUpperCase()}[${one}, ${cell.column}] = ${format(snapshot[cell.name][one * scene.columns + cell.column])}` : "";
    readout.replaceChildren(
      h("b", {}, fillIn(messages.row, { word: scene.labels[one], row: one, count: scene.counts[one] }) + here),
      h("span", {}, `W[${one}] ${numbers(snapshot.w)}`),
      h("span", {}, `U[${one}] ${numbers(snapshot.u)}`));
  }
}

export default { render };
