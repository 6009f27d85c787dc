// Edits: another text, another initial state, a gate held at 0. The kernel computes their effect; the states without edits stay visible.

import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { isAvailable } from "../../kit/js/precomputed.js";

/** @param {{messages: Record<string, string>, signal: AbortSignal, model: any, save: (trait: string, value: any) => void}} options */
export function editPanel({ messages, signal, model, save }) {
  const textInput = h("input", { type: "text", spellcheck: "false", autocomplete: "off", "aria-label": messages.type });
  const text = h("label", { class: "rec-edit rec-text" }, h("span", {}, messages.type), textInput);
  const refusal = h("p", { class: "rec-refusal", role: "alert", hidden: "" });
  const gates = h("div", { class: "rec-edit", role: "group", "aria-label": messages.zero });
  const states = ["h", "c"].map(stateInput);
  const reset = h("button", { type: "button", class: "dlviz-outlined" }, messages.reset);
  const element = h("div", { class: "rec-edits" }, text, gates, ...states.map((state) => state.element), reset, refusal);
  let scene = null;
  let unit = 0;
  let buttons = [];

  textInput.addEventListener("input", () => save("text", textInput.value), { signal });
  reset.addEventListener("click", () => model.send({ kind: "reset" }), { signal });

  /** Input of the selected unit's h or c before the first step. */
  function stateInput(name) {
    const input = h("input", { type: "text", inputmode: "decimal", "aria-label": fillIn(messages.initial_state, { name }) });
    const label = h("span");
    const element = h("label", { class: "rec-edit" }, label, input);
    let current = 0;
    const commit = () => {
      const value = Number(input.value.replace("−", "-"));
      if (input.value === format(current, 4)) return;
      if (input.value.trim() === "" || !Number.isFinite(value)) {
        input.value = format(current, 4);
        return;
      }
      current = value;
      const others = model.get("initial_state").filter(([other, layer, u]) => !(other === name && layer === scene.layer && u === unit));
      save("initial_state", [...others, [name, scene.layer, unit, value]]);
    };
    input.addEventListener("change", commit, { signal });
    input.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter") commit();
      else if (event.key === "Escape") input.value = format(current, 4);
    }, { signal });
    return {
      element,
      update() {
        const values = name === "h" ? scene.h_prev : scene.c_prev;
        element.hidden = !(model.get("live") && values && (name === "c" || unit < scene.outputs));
        if (element.hidden) return;
        current = scene.number(values, scene.reverse ? scene.steps - 1 : 0, unit);
        label.textContent = `${name}₀[${unit}]`;
        if (document.activeElement !== input) input.value = format(current, 4);
      },
    };
  }

  function show(next) {
    scene = next;
    const names = scene.kind === "RNN" ? [] : scene.gates;
    if (buttons.length === names.length) return;
    buttons = names.map((name) => {
      const button = h("button", { type: "button", class: "rec-toggle", "aria-label": fillIn(messages.hold, { name }) }, name);
      button.addEventListener("click", () => save("zeroed", toggled(name)), { signal });
      return button;
    });
    gates.replaceChildren(h("span", {}, messages.zero), ...buttons);
  }
  /** Whether an entry of `zeroed` is all of this gate in the drawn layer. */
  const isGate = (name) => ([layer, gate, u]) => layer === scene.layer && gate === name && u === -1;
  function toggled(name) {
    const zeroed = model.get("zeroed");
    return zeroed.some(isGate(name)) ? zeroed.filter((entry) => !isGate(name)(entry)) : [...zeroed, [scene.layer, name, -1]];
  }
  /** Show the edits of a unit, and return whether there is something to edit. */
  function showStep(u) {
    unit = u;
    const live = Boolean(model.get("live"));
    text.hidden = !(live && model.get("accepts_text"));
    if (document.activeElement !== textInput) textInput.value = model.get("text");
    refusal.textContent = model.get("refusal");
    refusal.hidden = !refusal.textContent;
    buttons.forEach((button, k) => {
      const name = scene.gates[k];
      button.setAttribute("aria-pressed", String(model.get("zeroed").some(isGate(name))));
      button.hidden = !isAvailable(model, "zeroed", toggled(name));
    });
    gates.hidden = buttons.every((button) => button.hidden);
    for (const state of states) state.update();
    reset.hidden = !(live && (scene.edits.typed || scene.edits.count));
    return live || !gates.hidden;
  }
  return { element, show, showStep };
}
