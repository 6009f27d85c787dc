// A data set and its parts: the part of every example, the classes of each part, warnings, and the scores of the measured splits.

import { h, fillIn } from "../../kit/js/dom.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { nearest, isAvailable } from "../../kit/js/precomputed.js";
import { onThemeChange } from "../../kit/js/heatmap.js";
import { baseView } from "../../kit/js/base_view.js";
import { histograms } from "./histograms.js";
import { scores } from "./scores.js";
import { splitStrip } from "./split_strip.js";

/** Message of each control. */
const CONTROLS = { how: "control.how", seed: "control.seed", shares: "control.shares", folds: "control.folds", step: "control.fold" };
/** The largest seed of the slider, unless the current seed is larger. */
const MAX_SEED = 20;

function render({ model, el, signal }) {
  const messages = model.get("messages");
  let scene = null;
  const isLive = () => Boolean(model.get("live"));
  const view = baseView({
    model, el, signal, name: messages["split.name"], steps, label: (step) => fillIn(messages["split.fold"], { number: step + 1, count: model.get("scene").folds }), draw, showStep: () => {}, unit: messages["split.unit"], traits: { restored: showNotes },
  });
  const strip = splitStrip({ messages, signal });
  const bars = histograms({ messages });
  const warnings = h("ul", { class: "split-warnings" });
  const measured = scores({ messages, signal, measure: () => model.send({ kind: "measure" }) });
  view.ui.root.classList.add("split");
  view.ui.main.append(h("div", { class: "split-stage" },
    strip.element, bars.element,
    h("div", { class: "split-row" }, h("div", { class: "dlviz-panel" }, h("div", { class: "evaluation-title" }, h("b", {}, messages["split.warnings"])), warnings), measured.element)));
  view.start();
  onThemeChange(view.ui.root, signal, () => strip.draw(view.ui.root));

  /** With folds the player steps through them. */
  function steps() {
    return model.get("scene").how === "folds" && isAvailable(model, "step", 1) ? model.get("scene").folds - 1 : 0;
  }
  function showNotes() {
    const names = (model.get("restored") ?? []).map((name) => messages[CONTROLS[name]]);
    const restored = names.length ? [{ kind: "", text: fillIn(messages["page.restored"], { names: names.join(", ") }) }] : [];
    view.ui.setNotes([...restored, ...model.get("scene").notes]);
  }
  function draw() {
    scene = decode(model.get("scene"));
    showNotes();
    strip.show(scene);
    strip.draw(view.ui.root);
    bars.show(scene);
    measured.show(scene, isLive());
    const items = scene.warnings.length ? scene.warnings : [{ kind: "none", text: messages["split.nothing"] }];
    warnings.replaceChildren(...items.map(({ kind, text }) => h("li", { "data-kind": kind }, text)));
    addControls();
  }
  function addControls() {
    const { how } = scene;
    const range = (trait, options) => view.controls.range({ label: messages[CONTROLS[trait]], get: () => model.get(trait), set: (value) => view.save(trait, value), ...options });
    const methods = scene.methods.filter((method) => method === model.get("how") || isAvailable(model, "how", method));
    if (methods.length > 1) view.controls.choice({ label: messages["control.how"], options: methods.map((method) => [method, messages[`how.${method}`]]), get: () => model.get("how"), set: (value) => view.save("how", value) });
    if (how !== "folds") scene.parts.slice(1).forEach((name, k) => addShare(name, k + 1));
    else if (isLive()) range("folds", { min: 2, max: () => Math.max(Math.min(20, scene.total), model.get("folds")) });
    if (how === "order") return;
    const seeds = Array.from({ length: Math.max(MAX_SEED, model.get("seed")) + 1 }, (_, seed) => seed).filter((seed) => isAvailable(model, "seed", seed));
    if (seeds.length > 1) range("seed", { max: () => Math.max(...seeds), set: (value) => view.save("seed", nearest(seeds, value, model.get("seed"))) });
  }
  /** A slider for the percentage of a part; the first part gets what the others leave. */
  function addShare(name, k) {
    const shares = () => model.get("shares");
    const others = () => shares().reduce((sum, share, j) => sum + (j > 0 && j !== k ? share : 0), 0);
    const changed = (percentage) => shares().map((share, j) => (j === k ? percentage / 100 : j ? share : 1 - others() - percentage / 100));
    const most = Math.max(1, Math.floor(100 * (1 - others())) - 1);
    const available = Array.from({ length: most }, (_, i) => i + 1).filter((percentage) => isAvailable(model, "shares", changed(percentage)));
    const get = () => Math.round(100 * shares()[k]);
    function set(value) {
      if (value === get()) return;
      // In a page with few percentages an arrow key goes to the next one in its direction.
      const ahead = available.filter((percentage) => Math.sign(percentage - get()) === Math.sign(value - get()));
      view.save("shares", changed(nearest(ahead, value, ahead[0])));
    }
    if (available.length > 1) view.controls.range({ label: name, min: Math.min(...available), max: () => Math.max(...available), get, set, text: (value) => `${value}%` });
  }
}

/** The scene with its bytes as numbers. */
function decode(scene) {
  const int32 = (bytes) => typedArray(bytes, "int32");
  const float64 = (bytes) => typedArray(bytes, "float64");
  return {
    ...scene,
    class_columns: int32(scene.class_columns),
    part_columns: int32(scene.part_columns),
    groups: scene.groups && typedArray(scene.groups, "float32"),
    class_fractions: scene.class_fractions.map(float64),
    counts: scene.counts.map(int32),
    overall_fractions: float64(scene.overall_fractions),
    scores: scene.scores.map((row) => ({ ...row, values: float64(row.values), seeds: int32(row.seeds) })),
  };
}

export default { render };
