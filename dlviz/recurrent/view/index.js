// A recurrent module unrolled: tokens and states over time, one step with its gates, the terms of a sum, and what gradients remember.

import { h, fillIn } from "../../kit/js/dom.js";
import { onThemeChange, themeColors } from "../../kit/js/heatmap.js";
import { baseView } from "../../kit/js/base_view.js";
import { nearest, isAvailable } from "../../kit/js/precomputed.js";
import { gradientByLag } from "./gradient_by_lag.js";
import { decode } from "./decode.js";
import { cellDiagram } from "./cell_diagram.js";
import { editPanel } from "./edits.js";
import { gradNormChart } from "./grad_norm_chart.js";
import { stateEquation } from "./state_equation.js";
import { termPanel } from "./gate_terms.js";
import { timeline } from "./timeline.js";

/** Settings of the forget gate's bias that the slider goes through. */
const BIASES = [-4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6];

function render({ model, el, signal }) {
  const messages = model.get("messages");
  let scene = null;
  let width = 0;
  const redo = () => {};
  const on = baseView({
    model, el, signal, name: "unroll", steps: () => model.get("scene").steps - 1, label, draw, showStep, onEscape, pace: model.get("scene").steps > 40 ? 200 : 700,
    traits: { unit: redo, gate: redo, threshold: redo, span: redo, clip: redo, refusal: redo, restored: note, live: draw },
  });
  const time = timeline({ messages, signal, pick, extend: (span) => on.save("span", span) });
  const step = cellDiagram({ messages, signal, choose: (gate) => on.save("gate", gate) });
  const sum = termPanel({ messages });
  const lag = gradientByLag({ messages, signal });
  const long = gradNormChart({ messages, signal });
  const strip = editPanel({ messages, signal, model, save: on.save });
  on.ui.root.classList.add("rec");
  on.ui.main.append(
    time.element,
    h("div", { class: "rec-panels" }, h("div", { class: "rec-cell" }, step.element, step.lines), sum.element),
    strip.element,
    h("div", { class: "rec-panels" }, lag.element, long.element),
  );
  on.start();
  step.lines.before(on.line.element);
  onThemeChange(on.ui.root, signal, () => paint());
  const watcher = new ResizeObserver(() => {
    if (Math.abs(on.ui.main.clientWidth - width) < 2) return;
    requestAnimationFrame(paint);
  });
  watcher.observe(on.ui.main);
  signal.addEventListener("abort", () => watcher.disconnect());

  function label(at) {
    if (!scene) return "";
    return fillIn(messages.step, { place: scene.stepName(scene.reverse ? scene.steps - 1 - at : at) });
  }
  /** A place in the sequence and a unit, chosen by hand. */
  function pick(place, unit) {
    if (unit !== model.get("unit")) on.save("unit", unit);
    on.go(scene.reverse ? scene.steps - 1 - place : place);
  }
  /** Escape lets go of the span. */
  function onEscape() {
    if (!model.get("span").length) return false;
    on.save("span", []);
    return true;
  }
  function note() {
    const restored = model.get("restored") ?? [];
    const about = restored.length ? [{ kind: "", text: fillIn(messages["page.restored"], { names: restored.map((name) => messages[`trait.${name}`]).join(", ") }) }] : [];
    on.ui.setNotes([...model.get("scene").notes, ...about]);
  }

  function draw() {
    scene = decode(model.get("scene"));
    note();
    time.show(scene);
    step.show(scene);
    strip.show(scene);
    lag.show(scene);
    width = 0;
    controls();
  }
  function controls() {
    const page = (trait, values) => values.filter((value) => isAvailable(model, trait, value));
    const layers = page("layer", scene.layers.map((_, k) => k));
    if (layers.length > 1) on.controls.choice({ label: messages["control.layer"], options: layers.map((k) => [String(k), scene.layers[k]]), get: () => String(model.get("layer")), set: (value) => on.save("layer", Number(value)) });
    const sequences = page("sequence", Array.from({ length: Math.min(200, scene.sequences) }, (_, k) => k));
    if (sequences.length > 1) on.controls.choice({ label: messages["control.sequence"], options: sequences.map((k) => [String(k), String(k)]), get: () => String(model.get("sequence")), set: (value) => on.save("sequence", Number(value)) });
    on.controls.range({ label: messages["control.threshold"], max: () => 99, get: () => Math.round(100 * model.get("threshold")), set: (value) => on.save("threshold", value / 100), text: (value) => (value ? String(value / 100) : messages["control.off"]) });
    const biases = scene.kind === "LSTM" ? page("forget_bias", BIASES) : [];
    if (biases.length > 1) on.controls.range({ label: messages["control.forget_bias"], min: biases[0], max: () => biases[biases.length - 1], get: () => model.get("forget_bias"), set: (value) => on.save("forget_bias", nearest(biases, value, model.get("forget_bias"))), text: (value) => (value > 0 ? `+${value}` : String(value).replace("-", "−")) });
    if (scene.history.norm_labels.length) on.controls.choice({ label: messages["control.clip"], options: scene.history.clips.map((value) => [String(value), String(value)]), get: () => String(model.get("clip")), set: (value) => on.save("clip", Number(value)) });
  }

  /** Everything anew, in the colors and the width that there are now. */
  function paint() {
    if (signal.aborted) return;
    width = on.ui.main.clientWidth;
    time.paint(themeColors(on.ui.root), width);
    place();
  }
  function showStep() {
    if (width) place();
    else paint();
  }
  function place() {
    const at = Math.min(model.get("step"), scene.steps - 1);
    const t = scene.reverse ? scene.steps - 1 - at : at;
    const u = Math.min(model.get("unit"), scene.units - 1);
    const gate = Math.min(model.get("gate"), scene.gates.length - 1);
    time.showStep(t, u, model.get("threshold"), model.get("span"));
    step.showStep(t, u, gate);
    sum.showStep(scene, t, u, gate);
    on.line.show(stateEquation(scene, t, u));
    lag.showStep(t, u);
    long.showStep(scene.history, model.get("clip"));
    strip.showStep(u);
  }
}

export default { render };
