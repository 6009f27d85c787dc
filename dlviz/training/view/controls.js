// Controls of the hyperparameters: sliders and menus whose values go to the kernel at once and are applied at the loop's next step.

import { h } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";

const POSITIONS = 400;
/** Number of slider positions: one for each integer, so that an arrow key changes it by 1. */
const positionsOf = ({ low, high, log, integer }) => (integer && !log && high - low <= 1000 ? high - low : POSITIONS);

/**
 * @param {{signal: AbortSignal, set: (name: string, value: any) => void, isLive: () => boolean}} options
 */
export function hyperparameterControls({ signal, set, isLive }) {
  const element = h("div", { class: "dlviz-controls live-controls", hidden: "" });
  let controls = [];
  let drawn = "";

  function show(specs) {
    if (JSON.stringify(specs) === drawn) return;
    drawn = JSON.stringify(specs);
    controls = specs.map((spec) => (spec.choices.length ? menu(spec) : slider(spec)));
    element.replaceChildren(...controls.map((control) => control.element));
    element.hidden = !controls.length;
  }
  function slider(spec) {
    const input = h("input", { type: "range", min: 0, max: positionsOf(spec), step: 1, "aria-label": spec.name });
    const output = h("output");
    const update = (value) => {
      if (document.activeElement !== input || !input.matches(":active")) input.value = String(position(spec, value));
      input.style.setProperty("--done", `${(100 * Number(input.value)) / Number(input.max)}%`);
      output.textContent = format(value, 3);
      input.setAttribute("aria-valuetext", output.textContent);
    };
    input.addEventListener("input", () => {
      const value = valueAt(spec, Number(input.value));
      update(value);
      set(spec.name, value);
    }, { signal });
    return { spec, input, element: h("label", { class: "dlviz-control" }, h("span", {}, spec.name), input, output), update };
  }
  function menu(spec) {
    const input = h("select", { "aria-label": spec.name }, ...spec.choices.map((value, index) => h("option", { value: index }, typeof value === "number" ? format(value, 4) : String(value))));
    input.addEventListener("change", () => set(spec.name, spec.choices[Number(input.value)]), { signal });
    return {
      spec, input, element: h("label", { class: "dlviz-control dlviz-choice" }, h("span", {}, spec.name), input),
      update(value) {
        input.value = String(spec.choices.indexOf(value));
      },
    };
  }
  return {
    element,
    show,
    update(settings) {
      for (const { spec, input, update } of controls) {
        if (spec.name in settings) update(settings[spec.name]);
        input.disabled = !isLive();
      }
    },
  };
}

/** The slider position of a value. The leftmost position of a logarithmic slider may mean 0. */
function position(spec, value) {
  const { low, high, log, zero } = spec;
  if (zero && value === 0) return 0;
  const f = log ? Math.log : (x) => x;
  const fraction = (f(value) - f(low)) / (f(high) - f(low) || 1);
  return Math.max(zero ? 1 : 0, Math.min(positionsOf(spec), Math.round(fraction * positionsOf(spec))));
}
/** The value of a slider position, rounded to two or three significant digits. */
function valueAt(spec, index) {
  const { low, high, log, zero, integer } = spec;
  if (zero && index === 0) return 0;
  const fraction = index / positionsOf(spec);
  const value = log ? low * (high / low) ** fraction : low + (high - low) * fraction;
  return integer ? Math.round(value) : Number(value.toPrecision(log ? 2 : 3));
}
