// What if: another text, another state to begin from, a gate held at 0. The kernel computes it; the old path stays as a reference.

import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { isAvailable } from "../../kit/js/precomputed.js";

/** @param {{messages: Record<string, string>, signal: AbortSignal, model: any, save: (trait: string, value: any) => void}} options */
export function editPanel({ messages, signal, model, save }) {
  const typed = h("input", { type: "text", spellcheck: "false", autocomplete: "off", "aria-label": messages.type });
  const text = h("label", { class: "rec-edit rec-text" }, h("span", {}, messages.type), typed);
  const refusal = h("p", { class: "rec-refusal", role: "alert", hidden: "" });
  const gates = h("div", { class: "rec-edit", role: "group", "aria-label": messages.zero });
  const starts = ["h", "c"].map((name) => begin(name));
  const back = h("button", { type: "button", class: "rec-button" }, messages.reset);
  const element = h("div", { class: "rec-edits" }, h("b", {}, messages.what_if), text, gates, ...starts.map((one) => one.element), back, refusal);
  let scene = null;
  let unit = 0;
  let buttons = [];

  typed.addEventListener("input", () => save("text", typed.value), { signal });
  back.addEventListener("click", () => model.send({ kind: "reset" }), { signal });

  /** The state before the first step of the pinned unit, typed. */
  function begin(name) {
    const input = h("input", { type: "text", inputmode: "decimal", "aria-label": fillIn(messages.initial_state, { name }) });
    const label = h("span");
    const element = h("label", { class: "rec-edit" }, label, input);
    let now = 0;
    const commit = () => {
      const value = Number(input.value.replace("−", "-"));
      if (input.value === format(now, 4)) return;
      if (input.value.trim() === "" || !Number.isFinite(value)) {
        input.value = format(now, 4);
        return;
      }
      now = value;
      const others = model.get("initial_state").filter(([other, layer, u]) => !(other === name && layer === scene.layer && u === unit));
      save("initial_state", [...others, [name, scene.layer, unit, value]]);
    };
    input.addEventListener("change", commit, { signal });
    input.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter") commit();
      else if (event.key === "Escape") input.value = format(now, 4);
    }, { signal });
    return {
      element,
      set() {
        const values = name === "h" ? scene.h_prev : scene.c_prev;
        const there = Boolean(model.get("live")) && Boolean(values) && (name === "c" || unit < scene.outputs);
        element.hidden = !there;
        if (!there) return;
        now = scene.number(values, scene.reverse ? scene.steps - 1 : 0, unit);
        label.textContent = `${name}₀[${unit}]`;
        if (document.activeElement !== input) input.value = format(now, 4);
      },
    };
  }

  function show(next) {
    scene = next;
    const names = scene.kind === "RNN" ? [] : scene.gates;
    if (buttons.length !== names.length) {
      buttons = names.map((name) => {
        const node = h("button", { type: "button", class: "rec-toggle", "aria-label": fillIn(messages.hold, { name }) }, name);
        node.addEventListener("click", () => save("zeroed", toggled(name)), { signal });
        return node;
      });
      gates.replaceChildren(h("span", {}, messages.zero), ...buttons);
    }
  }
  const is = (name) => ([layer, gate, u]) => layer === scene.layer && gate === name && u === -1;
  function toggled(name) {
    const held = model.get("zeroed");
    return held.some(is(name)) ? held.filter((one) => !is(name)(one)) : [...held, [scene.layer, name, -1]];
  }
  function showStep(u) {
    unit = u;
    const live = Boolean(model.get("live"));
    text.hidden = !(live && model.get("accepts_text"));
    if (document.activeElement !== typed) typed.value = model.get("text");
    refusal.textContent = model.get("refusal");
    refusal.hidden = !refusal.textContent;
    let some = false;
    buttons.forEach((node, k) => {
      const name = scene.gates[k];
      node.setAttribute("aria-pressed", String(model.get("zeroed").some(is(name))));
      node.hidden = !isAvailable(model, "zeroed", toggled(name));
      some ||= !node.hidden;
    });
    gates.hidden = !some;
    for (const one of starts) one.set();
    back.hidden = !(live && (scene.edits.typed || scene.edits.count));
    element.hidden = !live && !some;
  }
  return { element, show, showStep };
}
