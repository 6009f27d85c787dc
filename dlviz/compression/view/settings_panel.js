// What is pruned and how numbers are rounded.

import { h } from "../../kit/js/dom.js";
import { segments } from "../../kit/js/segments.js";

/** Milliseconds after which a slider counts as let go. */
const PAUSE = 250;
const KINDS = ["global", "layer", "channels"];

/** @param {{messages: Record<string, string>, signal: AbortSignal, change: (settings: Record<string, any>) => void, sweep: () => void}} options change: called with the settings that change */
export function settingsPanel({ messages, signal, change, sweep }) {
  const slider = h("input", { type: "range", min: 0, max: 99, step: 1, "aria-label": messages.amount });
  const shown = h("output", { class: "mono" });
  const kinds = segments({
    label: messages.where, options: KINDS.map((kind) => [kind, messages[`pruning.${kind}`]]), signal,
    set: (kind) => change(kind === "channels" ? { structured: true } : { structured: false, scope: kind }),
  });
  const methods = h("div", { class: "cmp-methods" });
  const button = h("button", { type: "button", class: "dlviz-outlined small" }, messages.sweep);
  const busy = h("span", { class: "dlviz-soft", role: "status" });
  const trying = h("div", { class: "cmp-sweep" }, button, busy);
  const element = h("div", { class: "cmp-settings" },
    h("div", { class: "dlviz-panel-title" }, h("b", {}, messages.prune), h("span", { class: "dlviz-soft" }, messages.prune_how)),
    h("label", { class: "cmp-amount" }, slider, shown), kinds.element,
    trying,
    h("div", { class: "dlviz-panel-title cmp-numbers" }, h("b", {}, messages.numbers)), methods);
  let rounding = null;
  let timer = 0;
  let offered = "";

  // While the slider is dragged only its number changes: a trial takes longer than a frame.
  slider.addEventListener("input", () => showAmount(Number(slider.value)), { signal });
  // A key that is held down changes it many times; only where it stays is a trial.
  slider.addEventListener("change", () => {
    clearTimeout(timer);
    const amount = Number(slider.value) / 100;
    timer = setTimeout(() => {
      timer = 0;
      change({ amount });
    }, PAUSE);
  }, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  button.addEventListener("click", sweep, { signal });

  function showAmount(percent) {
    shown.textContent = `${percent}%`;
    slider.style.setProperty("--done", `${(100 * percent) / 99}%`);
  }
  function offer(options) {
    const key = JSON.stringify(options);
    if (key === offered) return;
    offered = key;
    rounding = segments({ label: messages.numbers, options: options.map(([value]) => [value, messages[`method.${value.replace(" ", "_")}`]]), signal, set: (quantize) => change({ quantize }) });
    rounding.element.querySelectorAll("input").forEach((input, k) => { input.disabled = !options[k][1]; });
    methods.replaceChildren(rounding.element);
  }
  return {
    element,
    /** @param {string} text what is being done, "" for nothing */
    setBusy(text) {
      busy.textContent = text;
    },
    draw({ scene, live, amount, scope, structured, quantize }) {
      const tried = (method) => scene.points.some((point) => !point.student && point.quantize === method);
      offer(scene.methods.map(([method, isOffered]) => [method, live ? isOffered : tried(method)]));
      // A picture that is drawn in the pause, for another reason, must not take the slider back.
      if (!timer) {
        slider.value = String(Math.round(100 * amount));
        showAmount(Number(slider.value));
      }
      kinds.update(structured ? "channels" : scope);
      kinds.element.querySelectorAll("input").forEach((input, k) => {
        input.disabled = live ? KINDS[k] === "channels" && !scene.has_channels : !scene.points.some((point) => point.pruning === KINDS[k]);
      });
      rounding.update(quantize);
      trying.hidden = !live;
    },
  };
}
