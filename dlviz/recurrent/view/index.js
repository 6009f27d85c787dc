// An unrolled recurrent module: the timeline, one step with its gates and the terms of a sum, edits, and gradients.

import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { inParentheses } from "../../kit/js/formula.js";
import { onThemeChange, themeColors } from "../../kit/js/heatmap.js";
import { baseView } from "../../kit/js/base_view.js";
import { controlBar } from "../../kit/js/controls.js";
import { foldRow } from "../../kit/js/fold_row.js";
import { nearest, isAvailable } from "../../kit/js/precomputed.js";
import { gradientByLag } from "./gradient_by_lag_chart.js";
import { decode } from "./decode_scene.js";
import { cellDiagram } from "./cell_diagram.js";
import { editPanel } from "./edits.js";
import { gradNormChart } from "./training_grad_norm.js";
import { termPanel } from "./gate_terms.js";
import { timeline } from "./state_heatmaps.js";

/** More steps than this number take the whole width. */
const MANY_STEPS = 40;
/** Forget biases that the slider offers. */
const BIASES = [-4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6];

function render({ model, el, signal }) {
  const messages = model.get("messages");
  let scene = null;
  /** The width that the timeline was painted for; 0 if it has to be painted again. */
  let paintedWidth = 0;
  const noop = () => {};
  const view = baseView({
    model, el, signal, name: "unroll", steps: () => model.get("scene").steps - 1, label, draw, showStep, onEscape, pace: model.get("scene").steps > MANY_STEPS ? 200 : 700,
    traits: { unit: noop, gate: noop, threshold: noop, span: noop, clip: noop, refusal: noop, input_grad_row: noop, restored: showNotes, live: draw },
  });
  const time = timeline({ messages, signal, pick, setSpan: (span) => view.save("span", span) });
  const cell = cellDiagram({ messages, signal, choose: (gate) => view.save("gate", gate) });
  const terms = termPanel({ messages });
  const byLag = gradientByLag({ messages, signal });
  const gradNorm = gradNormChart({ messages });
  const edits = editPanel({ messages, signal, model, save: view.save });
  const bars = Array.from({ length: 3 }, () => controlBar({ signal }));
  const [biasControl, clipControl, thresholdControl] = bars;
  edits.element.append(biasControl.element);
  gradNorm.element.prepend(clipControl.element);
  const similar = h("div", { class: "rec-similar" }, thresholdControl.element, time.similar);
  const columns = h("div", { class: "rec-columns" }, time.element, h("div", { class: "rec-cell" }, cell.element, terms.element));
  const more = foldRow({
    signal,
    sections: [
      { title: messages.what_if, content: edits.element }, { title: messages.by_lag, content: byLag.element }, { title: messages.grad_norm, content: gradNorm.element },
      { title: messages.similar, content: similar }, { title: messages.compare, content: cell.formulas },
    ],
  });
  view.ui.root.classList.add("rec");
  view.ui.main.append(columns);
  view.start();
  view.ui.root.append(more.element);
  cell.element.append(view.line.element);
  onThemeChange(view.ui.root, signal, paint);
  const observer = new ResizeObserver(() => {
    if (Math.abs(time.element.clientWidth - paintedWidth) >= 2) requestAnimationFrame(paint);
  });
  observer.observe(time.element);
  signal.addEventListener("abort", () => observer.disconnect());

  /** The position in the sequence of a step of the player; the same function gives the step of a position. */
  function position(step) {
    return scene.reverse ? scene.steps - 1 - step : step;
  }
  function label(step) {
    return scene ? fillIn(messages.step, { place: scene.stepName(position(step)) }) : "";
  }
  function pick(t, unit) {
    if (unit !== model.get("unit")) view.save("unit", unit);
    view.go(position(t));
  }
  /** Escape deselects the span. */
  function onEscape() {
    if (!model.get("span").length) return false;
    view.save("span", []);
    return true;
  }
  function showNotes() {
    const restored = (model.get("restored") ?? []).map((name) => messages[`trait.${name}`]).join(", ");
    const notes = restored ? [{ kind: "", text: fillIn(messages["page.restored"], { names: restored }) }] : [];
    view.ui.setNotes([...model.get("scene").notes, ...notes]);
  }

  function draw() {
    scene = decode(model.get("scene"), () => model.get("input_grad_row"));
    showNotes();
    for (const panel of [time, cell, edits, byLag]) panel.show(scene);
    more.offer(cell.formulas, scene.kind === "GRU");
    columns.toggleAttribute("data-long", scene.steps > MANY_STEPS);
    paintedWidth = 0;
    addControls();
  }
  function addControls() {
    for (const bar of bars) bar.clear();
    const available = (trait, values) => values.filter((value) => isAvailable(model, trait, value));
    const menu = (trait, values, text = (value) => String(value), bar = view.controls) => values.length > 1 && bar.choice({ label: messages[`control.${trait}`], options: values.map((value) => [String(value), text(value)]), get: () => String(model.get(trait)), set: (value) => view.save(trait, Number(value)) });
    menu("layer", available("layer", scene.layers.map((_, k) => k)), (k) => scene.layers[k]);
    menu("sequence", available("sequence", Array.from({ length: Math.min(200, scene.sequences) }, (_, k) => k)));
    thresholdControl.range({ label: messages["control.threshold"], max: () => 99, get: () => Math.round(100 * model.get("threshold")), set: (value) => view.save("threshold", value / 100), text: (value) => (value ? String(value / 100) : messages["control.off"]) });
    const biases = scene.kind === "LSTM" ? available("forget_bias", BIASES) : [];
    if (biases.length > 1) biasControl.range({ label: messages["control.forget_bias"], min: biases[0], max: () => biases[biases.length - 1], get: () => model.get("forget_bias"), set: (value) => view.save("forget_bias", nearest(biases, value, model.get("forget_bias"))), text: (value) => (value > 0 ? `+${value}` : String(value).replace("-", "−")) });
    if (scene.history.norm_labels.length) menu("clip", scene.history.clips, String, clipControl);
    for (const bar of bars) bar.update();
  }

  /** Paint the timeline in the current colors and width, and show the step. */
  function paint() {
    if (signal.aborted) return;
    paintedWidth = time.element.clientWidth;
    time.paint(themeColors(view.ui.root), paintedWidth, paintedWidth > columns.clientWidth / 2 ? "above" : "beside");
    updatePanels();
  }
  function showStep() {
    for (const bar of bars) bar.update();
    if (paintedWidth) updatePanels();
    else paint();
  }
  function updatePanels() {
    const t = position(Math.min(model.get("step"), scene.steps - 1));
    const u = Math.min(model.get("unit"), scene.units - 1);
    const gate = Math.min(model.get("gate"), scene.gates.length - 1);
    time.showStep(t, u, model.get("threshold"), model.get("span"));
    cell.showStep(t, u, gate);
    terms.showStep(scene, t, u, gate);
    view.line.show(stateEquation(scene, t, u));
    byLag.showStep(t, u);
    gradNorm.showStep(scene.history, model.get("clip"));
    more.offer(edits.element, edits.showStep(u) || !biasControl.element.hidden);
  }
}

/** The new state in one line, with its numbers. @returns {(string | {text: string, dim?: number, soft?: boolean})[]} */
function stateEquation(scene, t, u) {
  const number = (value, dim) => ({ text: inParentheses(format(value, 4)), dim });
  const gate = (k) => number(scene.gateNumber("gate_values", t, k, u), k);
  const part = (values) => number(scene.number(values, t, u));
  const plain = (values) => format(scene.number(values, t, u), 4);
  if (scene.kind === "RNN") {
    const sum = [format(scene.gateNumber("from_x", t, 0, u), 4), " + ", number(scene.gateNumber("from_h", t, 0, u))];
    return [`h[${u}] = ${scene.nonlinearity}(W_ih·x + b_ih + W_hh·h₋₁ + b_hh) = ${scene.nonlinearity}(`, ...sum, ") = ", plain(scene.h)];
  }
  if (scene.kind === "GRU") return [`h[${u}] = (1 − z)·n + z·h₋₁ = (1 − `, gate(1), ")·", gate(2), " + ", gate(1), "·", part(scene.h_prev), " = ", plain(scene.h)];
  const cell = [`c[${u}] = f·c₋₁ + i·g = `, gate(1), "·", part(scene.c_prev), " + ", gate(0), "·", gate(2), " = ", plain(scene.c)];
  const out = ["o·tanh(c) = ", gate(3), "·", part(scene.intermediates.tanh_c), " = ", plain(scene.intermediates.out)];
  if (!scene.projected) return [...cell, "\n", `h[${u}] = `, ...out];
  const mixed = u < scene.outputs ? ["\n", `h[${u}] = W_hr[${u}]·(o·tanh c) = `, plain(scene.h)] : [];
  return [...cell, "\n", ...out, ...mixed];
}

export default { render };
