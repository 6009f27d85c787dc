// A confusion matrix: its cells and the figures of every class, the worst mistakes or a cell's examples, and one example closely.

import { h, fillIn } from "../../kit/js/dom.js";
import { snapshotCurve } from "../../kit/js/snapshots.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { baseView } from "../../kit/js/base_view.js";
import { closeup } from "./example_detail.js";
import { listing, PAGE } from "./example_list.js";
import { matrix } from "./matrix.js";
import { pictures } from "./thumbnails.js";

function render({ model, el, signal }) {
  const messages = model.get("messages");
  let scene = null;
  const history = () => model.get("scene").history;
  const on = baseView({
    model, el, signal, name: messages["confusion.name"], steps: () => history().captions.length - 1, label: (step) => history().captions[step], draw, showStep,
    traits: { albums: draw, shows: () => {}, opened: () => {}, page: () => {}, example: () => {} }, onEscape,
  });
  const album = pictures();
  const table = matrix({ messages, signal, open: (cell) => save({ opened: cell, page: 0 }) });
  const list = listing({
    messages, signal, album, pick: (number) => save({ example: number }), turn: (page) => save({ page }), back: () => save({ opened: [], page: 0 }),
  });
  const close = closeup({ messages, album });
  const past = snapshotCurve({ title: messages["confusion.history"], width: 300, height: 70, left: 44, signal, go: (step) => on.go(step) });
  past.element.classList.add("conf-snapshots");
  on.ui.root.classList.add("conf");
  on.ui.main.append(h("div", { class: "conf-columns" }, h("div", { class: "conf-panel" }, table.element, past.element), h("div", { class: "conf-panel conf-examples" }, list.element, close.element)));
  on.start();

  function save(traits) {
    for (const [name, value] of Object.entries(traits)) model.set(name, value);
    model.save_changes();
  }
  /** Escape lets go of the example, then of the cell. */
  function onEscape() {
    const held = model.get("example") >= 0 ? { example: -1 } : model.get("opened").length ? { opened: [], page: 0 } : null;
    if (held) save(held);
    return held !== null;
  }

  function draw() {
    scene = decoded(model.get("scene"));
    album.show(model.get("albums")[scene.group]);
    table.show(scene);
    const { mistakes } = scene.history;
    const label = fillIn(messages["confusion.history_alt"], { count: mistakes.length, first: mistakes[0], last: mistakes.at(-1) });
    past.show(mistakes, label, (count) => Math.ceil(count).toLocaleString("en"));
    on.ui.root.querySelector(".dlviz-player")?.toggleAttribute("hidden", history().captions.length < 2);
    /** @type {[string, string][]} */
    const shows = ["counts", "recall", "precision"].map((value) => [value, messages[`control.${value}`]]);
    on.controls.choice({ label: messages["control.shows"], options: shows, get: () => model.get("shows"), set: (value) => on.save("shows", value) });
  }

  function showStep(step) {
    const opened = model.get("opened");
    table.mark({ shows: model.get("shows"), opened });
    const key = opened.length ? opened.join() : "worst";
    const number = model.get("example");
    list.show({ scene, opened, part: scene.lists[key], page: model.get("page"), size: PAGE, picked: number, live: Boolean(model.get("live")) });
    close.show(scene, scene.pool.place.get(number) ?? -1, number);
    const at = Math.min(step, history().captions.length - 1);
    past.mark(at, history().captions[at]);
  }
}

/** The scene with its bytes as numbers, and where in the pool each example is. */
function decoded(about) {
  const whole = (bytes) => typedArray(bytes, "int32");
  const { pool } = about;
  const numbers = whole(pool.number);
  const double = (bytes) => (bytes ? typedArray(bytes, "float64") : null);
  return {
    ...about,
    ...Object.fromEntries(["classes", "counts", "unclassified", "support", "predicted"].map((name) => [name, whole(about[name])])),
    ...Object.fromEntries(["recall", "precision", "f1", "rows", "columns"].map((name) => [name, double(about[name])])),
    lists: Object.fromEntries(Object.entries(about.lists).map(([key, one]) => [key, { ...one, items: whole(one.items) }])),
    pool: {
      ...pool,
      number: numbers,
      true: whole(pool.true),
      predicted: whole(pool.predicted),
      loss: double(pool.loss),
      p: double(pool.p),
      confidence: double(pool.confidence),
      top_classes: pool.top_classes ? whole(pool.top_classes) : null,
      probs: pool.probs ? typedArray(pool.probs, "float32") : null,
      place: new Map(Array.from(numbers, (number, at) => [number, at])),
    },
  };
}

export default { render };
