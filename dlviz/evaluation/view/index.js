// A confusion matrix: its cells and the figures of every class, the worst mistakes or a cell's examples, and one example in detail.

import { h, fillIn } from "../../kit/js/dom.js";
import { pixelCanvas } from "../../kit/js/heatmap.js";
import { snapshotCurve } from "../../kit/js/snapshots.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { baseView } from "../../kit/js/base_view.js";
import { exampleDetail } from "./example_detail.js";
import { exampleList } from "./example_list.js";
import { matrix } from "./matrix.js";

/** Pictures that are kept. */
const KEPT = 500;

function render({ model, el, signal }) {
  const messages = model.get("messages");
  let scene = null;
  const history = () => model.get("scene").history;
  const view = baseView({
    model, el, signal, name: messages["confusion.name"], steps: () => history().captions.length - 1, label: (step) => history().captions[step], draw, showStep, unit: messages["confusion.unit"],
    traits: { albums: draw, shows: () => {}, opened: () => {}, page: () => {}, example: () => {} }, onEscape,
  });
  const album = pictures();
  const table = matrix({ messages, signal, open: (cell) => save({ opened: cell, page: 0 }) });
  const list = exampleList({
    messages, signal, album, select: (number) => save({ example: number }), turn: (page) => save({ page }), back: () => save({ opened: [], page: 0 }),
  });
  const detail = exampleDetail({ messages, album });
  const curve = snapshotCurve({ title: messages["confusion.history"], width: 360, height: 64, left: 44, signal, go: (step) => view.go(step) });
  curve.element.classList.add("confusion-snapshots");
  view.ui.root.classList.add("confusion");
  view.ui.main.append(h("div", { class: "confusion-columns" }, h("div", { class: "dlviz-panel" }, table.element, detail.element), h("div", { class: "dlviz-panel confusion-examples" }, curve.element, list.element)));
  view.start();

  function save(traits) {
    for (const [name, value] of Object.entries(traits)) model.set(name, value);
    model.save_changes();
  }
  /** Escape closes the selected example, then the opened cell. */
  function onEscape() {
    if (model.get("example") >= 0) save({ example: -1 });
    else if (model.get("opened").length) save({ opened: [], page: 0 });
    else return false;
    return true;
  }

  function draw() {
    scene = decode(model.get("scene"));
    album.show(model.get("albums")[scene.group]);
    table.show(scene);
    const { mistakes } = scene.history;
    const label = fillIn(messages["confusion.history_alt"], { count: mistakes.length, first: mistakes[0], last: mistakes.at(-1) });
    curve.show(mistakes, label, (count) => Math.ceil(count).toLocaleString("en"));
    /** @type {[string, string][]} */
    const options = ["counts", "recall", "precision"].map((value) => [value, messages[`control.${value}`]]);
    view.controls.choice({ label: messages["control.shows"], options, get: () => model.get("shows"), set: (value) => view.save("shows", value) });
  }

  function showStep(step) {
    const opened = model.get("opened");
    const selected = model.get("example");
    table.update({ shows: model.get("shows"), opened });
    list.show({ scene, opened, part: scene.lists[opened.join() || "worst"], page: model.get("page"), selected, live: Boolean(model.get("live")) });
    detail.show(scene, selected);
    const last = Math.min(step, history().captions.length - 1);
    curve.mark(last, history().captions[last]);
  }
}

/** Pictures of examples, drawn from bytes onto canvases. */
function pictures() {
  let album = null;
  let bytes = null;
  let positions = new Map();
  /** Pictures by example and size: a new canvas takes longer to make than all else of a card. @type {Map<string, HTMLCanvasElement>} */
  const drawn = new Map();
  return {
    /** @param {any} next what dlviz.evaluation.scene.album returns, without pixels where there are no pictures */
    show(next) {
      if (next?.pixels && next === album) return;
      drawn.clear();
      album = next?.pixels ? next : null;
      bytes = album && typedArray(album.pixels, "uint8");
      positions = new Map(album ? Array.from(typedArray(album.numbers, "int32"), (number, at) => [number, at]) : []);
    },
    /** The picture of an example, its longer side so many CSS pixels; null where there is none. @param {number} number @param {number} side */
    draw(number, side) {
      if (!positions.has(number)) return null;
      const key = `${number} ${side}`;
      const made = drawn.get(key);
      if (made) return made;
      const { height, width, channels } = album;
      const start = positions.get(number) * height * width * channels;
      const canvas = pixelCanvas(height, width, (p, data) => {
        for (let c = 0; c < 3; c += 1) data[4 * p + c] = bytes[start + p * channels + (channels === 3 ? c : 0)];
        data[4 * p + 3] = 255;
      });
      const scale = side / Math.max(height, width);
      canvas.className = "confusion-picture";
      canvas.style.width = `${Math.max(1, Math.round(width * scale))}px`;
      canvas.style.height = `${Math.max(1, Math.round(height * scale))}px`;
      if (drawn.size >= KEPT) drawn.clear();
      drawn.set(key, canvas);
      return canvas;
    },
  };
}

/** The scene with its bytes as numbers, and the position of each example in the pool. */
function decode(scene) {
  const int32 = (bytes) => (bytes ? typedArray(bytes, "int32") : null);
  const float64 = (bytes) => (bytes ? typedArray(bytes, "float64") : null);
  const decoded = (source, names, kind) => Object.fromEntries(names.map((name) => [name, kind(source[name])]));
  const { pool } = scene;
  return {
    ...scene,
    ...decoded(scene, ["classes", "counts", "unclassified", "support", "predicted"], int32),
    ...decoded(scene, ["recall", "precision", "f1", "rows", "columns"], float64),
    lists: Object.fromEntries(Object.entries(scene.lists).map(([key, part]) => [key, { ...part, items: int32(part.items) }])),
    pool: {
      ...pool,
      ...decoded(pool, ["number", "true", "predicted", "top_classes"], int32),
      ...decoded(pool, ["loss", "p", "confidence"], float64),
      probs: pool.probs ? typedArray(pool.probs, "float32") : null,
      position: new Map(Array.from(int32(pool.number), (number, at) => [number, at])),
    },
  };
}

export default { render };
