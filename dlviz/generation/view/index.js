// Generated text: its tokens, the distribution behind one of them, the continuations side by side, and the work with and without a cache.

import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { baseView } from "../../kit/js/base_view.js";
import { isAvailable } from "../../kit/js/precomputed.js";
import { cachePanel } from "./cache.js";
import { continuationList } from "./continuations.js";
import { cumulativeBar } from "./cumulative_bar.js";
import { decode } from "./decode_scene.js";
import { distribution } from "./distribution.js";
import { tokenText } from "./token_text.js";

const SETTINGS = ["temperature", "top_k", "top_p", "greedy"];
const TEMPERATURES = Array.from({ length: 20 }, (_, k) => (k + 1) / 10);
const TOP_PS = Array.from({ length: 20 }, (_, k) => (k + 1) / 20);
/** How many tokens top-k may keep; the last one, 0, keeps all. */
const TOP_KS = [1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 100, 200, 500, 1000, 0];
const SEEDS = Array.from({ length: 31 }, (_, k) => k);
/** Width in pixels up to which the columns stand below each other, as in the style. */
const NARROW = 760;
/** Milliseconds without a change after which the missing tokens are generated. */
const IDLE = 150;

function render({ model, el, signal }) {
  const messages = model.get("messages");
  let scene = null;
  let timer = 0;
  const noop = () => {};
  const traits = Object.fromEntries([...SETTINGS, "seed"].map((name) => [name, noop]));
  const view = baseView({
    model, el, signal, name: "generate", unit: messages.unit, steps: () => lastStep(), label, draw, showStep, pace: 400,
    traits: { ...traits, continuation: draw, live: draw, restored: showNotes },
  });
  const text = tokenText({ messages, signal, go: view.go });
  const bars = distribution({ messages, signal, choose: (id) => model.send({ kind: "choose", id }), reset: () => model.send({ kind: "reset" }) });
  const row = cumulativeBar({ messages });
  const list = continuationList({ messages, signal, show: (k) => view.save("continuation", k) });
  const cache = cachePanel({ messages, signal });
  view.ui.root.classList.add("gen");
  view.ui.main.append(text.element, h("div", { class: "gen-columns" }, h("div", { class: "gen-left" }, bars.element, row.element), h("div", { class: "gen-right" }, list.element, cache.element)));
  view.start();
  // Beside the distribution there is room for it; below it, it answers a second question.
  cache.element.open = !view.ui.main.clientWidth || view.ui.main.clientWidth > NARROW;
  signal.addEventListener("abort", () => clearTimeout(timer));

  function shown() {
    const { continuations } = model.get("scene");
    return continuations[Math.min(model.get("continuation"), continuations.length - 1)];
  }
  function lastStep() {
    const { pending, target } = model.get("scene");
    return Math.max(0, (pending ? target : shown().tokens.length) - 1);
  }
  function label(step) {
    const one = shown();
    if (!scene || step >= one.tokens.length) return messages.pending;
    if (one.tokens[step] < 0) return fillIn(messages.step_none, { place: step });
    return fillIn(messages.step, { place: step, token: scene.name(one.tokens[step]), prob: format(scene.number("prob", step), 3) });
  }
  function showNotes() {
    const restored = (model.get("restored") ?? []).map((name) => messages[`trait.${name}`]).join(", ");
    const notes = restored ? [{ kind: "", text: fillIn(messages["page.restored"], { names: restored }) }] : [];
    view.ui.setNotes([...model.get("scene").notes, ...notes]);
  }

  function draw() {
    scene = decode(model.get("scene"), shown());
    showNotes();
    text.show(scene);
    list.show(scene, model.get("continuation"));
    cache.show(scene);
    addControls();
    clearTimeout(timer);
    if (scene.pending && model.get("live")) timer = setTimeout(() => model.send({ kind: "continue" }), IDLE);
  }
  function addControls() {
    slider("temperature", TEMPERATURES, (value) => value.toFixed(1));
    slider("top_k", TOP_KS.filter((k) => k < scene.vocabulary), (value) => (value ? String(value) : messages["control.off"]));
    slider("top_p", TOP_PS, (value) => (value < 1 ? value.toFixed(2) : messages["control.off"]));
    if (isAvailable(model, "greedy", !model.get("greedy"))) view.controls.toggle({ label: messages["control.greedy"], get: () => model.get("greedy"), set: (value) => view.save("greedy", value) });
    slider("seed", SEEDS, String);
  }
  /** A slider over the available ones of some values; the present value is among them. */
  function slider(trait, all, words) {
    const current = model.get(trait);
    const values = [...new Set([...all, current])].filter((value) => value === current || isAvailable(model, trait, value));
    if (values.length < 2) return;
    const rank = (value) => (trait === "top_k" && value === 0 ? Infinity : value);
    values.sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
    view.controls.range({
      label: messages[`control.${trait}`], max: () => values.length - 1, get: () => Math.max(0, values.indexOf(model.get(trait))),
      set: (k) => view.save(trait, values[k]), text: (k) => (values[k] === model.get(trait) ? words(values[k]) : String(model.get(trait))),
    });
  }
  function showStep(step) {
    const at = Math.min(step, scene.count - 1);
    text.showStep(at);
    bars.showStep(scene, at, Boolean(model.get("live")), SETTINGS.map((name) => model.get(name)));
    row.showStep(scene, at);
    cache.showStep(at);
  }
}

export default { render };
