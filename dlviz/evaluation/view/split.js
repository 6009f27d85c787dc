// A data set and its parts: where every example assignment, the classes of each part, what is doubtful, and the scores of the splits tried.

import { h, fillIn } from "../../kit/js/dom.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { nearest, isAvailable } from "../../kit/js/precomputed.js";
import { onThemeChange } from "../../kit/js/heatmap.js";
import { baseView } from "../../kit/js/base_view.js";
import { histograms } from "./histograms.js";
import { scores } from "./scores.js";
import { strip } from "./assignment_strip.js";

const KNOBS = { how: "control.how", seed: "control.seed", shares: "control.shares", folds: "control.folds", step: "control.fold" };
/** Seeds that a slider reaches. */
const SEEDS = 20;

function render({ model, el, signal }) {
  const messages = model.get("messages");
  let scene = null;
  const live = () => Boolean(model.get("live"));
  const on = baseView({ model, el, signal, name: messages["split.name"], steps, label: (step) => fillIn(messages["split.fold"], { number: step + 1, count: model.get("scene").folds }), draw, showStep: () => {}, traits: { restored: note } });
  const line = strip({ messages, signal });
  const bars = histograms({ messages });
  const found = h("ul", { class: "part-warnings" });
  const measured = scores({ messages, signal, measure: () => model.send({ kind: "measure" }) });
  on.ui.root.classList.add("part");
  on.ui.main.append(h("div", { class: "part-stage" },
    line.element, bars.element,
    h("div", { class: "part-row" }, h("div", { class: "part-panel" }, h("div", { class: "conf-title" }, h("b", {}, messages["split.warnings"])), found), measured.element)));
  on.start();
  onThemeChange(on.ui.root, signal, () => line.draw(on.ui.root));

  /** With folds the player steps through them. */
  function steps() {
    return model.get("scene").how === "folds" && isAvailable(model, "step", 1) ? model.get("scene").folds - 1 : 0;
  }
  function note() {
    const names = (model.get("restored") ?? []).map((name) => messages[KNOBS[name]]);
    on.ui.setNotes([...(names.length ? [{ kind: "", text: fillIn(messages["page.restored"], { names: names.join(", ") }) }] : []), ...model.get("scene").notes]);
  }
  function draw() {
    scene = decoded(model.get("scene"));
    note();
    line.show(scene);
    line.draw(on.ui.root);
    bars.show(scene);
    measured.show(scene, live());
    found.replaceChildren(...(scene.warnings.length ? scene.warnings : [{ kind: "none", text: messages["split.nothing"] }]).map(({ kind, text }) => h("li", { "data-kind": kind }, text)));
    on.ui.root.querySelector(".dlviz-player")?.toggleAttribute("hidden", steps() === 0);
    controls();
  }
  function controls() {
    const { how } = scene;
    const hows = scene.hows.filter((one) => one === model.get("how") || isAvailable(model, "how", one));
    if (hows.length > 1) on.controls.choice({ label: messages["control.how"], options: hows.map((one) => [one, messages[`how.${one}`]]), get: () => model.get("how"), set: (value) => on.save("how", value) });
    if (how === "folds") {
      if (live()) on.controls.range({ label: messages["control.folds"], min: 2, max: () => Math.max(Math.min(20, scene.total), model.get("folds")), get: () => model.get("folds"), set: (value) => on.save("folds", value) });
    } else {
      scene.parts.slice(1).forEach((name, k) => share(name, k + 1));
    }
    if (how === "order") return;
    const seeds = Array.from({ length: Math.max(SEEDS, model.get("seed")) + 1 }, (_, seed) => seed).filter((seed) => isAvailable(model, "seed", seed));
    if (seeds.length > 1) on.controls.range({ label: messages["control.seed"], max: () => Math.max(...seeds), get: () => model.get("seed"), set: (value) => on.save("seed", nearest(seeds, value, model.get("seed"))) });
  }
  /** A slider for the share of a part; the first part gets what the others leave. */
  function share(name, k) {
    const shares = () => model.get("shares");
    const others = () => shares().reduce((sum, one, j) => sum + (j > 0 && j !== k ? one : 0), 0);
    const turned = (value) => shares().map((one, j) => (j === k ? value / 100 : j ? one : 1 - others() - value / 100));
    const last = () => Math.max(1, Math.floor(100 * (1 - others())) - 1);
    const free = Array.from({ length: last() }, (_, i) => i + 1).filter((value) => isAvailable(model, "shares", turned(value)));
    const now = () => Math.round(100 * shares()[k]);
    // Of a page's few shares an arrow key reaches the next one.
    const ahead = (value) => free.filter((one) => Math.sign(one - now()) === Math.sign(value - now()));
    const set = (value) => value !== now() && on.save("shares", turned(nearest(ahead(value), value, ahead(value)[0])));
    if (free.length > 1) on.controls.range({ label: name, min: Math.min(...free), max: () => Math.max(...free), get: now, set, text: (value) => `${value}%` });
  }
}

/** The scene with its bytes as numbers. */
function decoded(about) {
  const whole = (bytes) => typedArray(bytes, "int32");
  return {
    ...about,
    strip: whole(about.strip),
    assignment: whole(about.assignment),
    groups: about.groups && typedArray(about.groups, "float32"),
    histograms: about.histograms.map((bytes) => typedArray(bytes, "float64")),
    counts: about.counts.map(whole),
    whole: typedArray(about.whole, "float64"),
    scores: about.scores.map((one) => ({ ...one, values: typedArray(one.values, "float64"), seeds: whole(one.seeds) })),
  };
}

export default { render };
