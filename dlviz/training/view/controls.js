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

  /** A slider whose range has changed keeps its element, which may be under the pointer that drags it. */
  function show(specs) {
    if (JSON.stringify(specs) === drawn) return;
    drawn = JSON.stringify(specs);
    const before = new Map(controls.map((control) => [`${control.kind} ${control.spec.name}`, control]));
    controls = specs.map((spec) => {
      const kept = spec.choices.length ? null : before.get(`slider ${spec.name}`);
      if (kept) kept.spec = spec;
      return kept ?? (spec.choices.length ? menu(spec) : slider(spec));
    });
    const nodes = controls.map((control) => control.element);
    if (nodes.length !== element.children.length || nodes.some((node, k) => node !== element.children[k])) element.replaceChildren(...nodes);
    element.hidden = !controls.length;
  }
  function slider(spec) {
    const input = h("input", { type: "range", min: 0, step: 1, "aria-label": spec.name });
    const output = h("output");
    const control = { kind: "slider", spec, input, element: h("label", { class: "dlviz-control" }, h("span", {}, spec.name), input, output), update };
    function update(value) {
      // A slider under the pointer is where the pointer is.
      if (document.activeElement !== input || !input.matches(":active")) {
        input.max = String(positionsOf(control.spec));
        input.value = String(position(control.spec, value));
      }
      input.style.setProperty("--done", `${(100 * Number(input.value)) / Number(input.max)}%`);
      output.textContent = format(value, 3);
      input.setAttribute("aria-valuetext", output.textContent);
    }
    input.addEventListener("input", () => {
      const value = valueAt(control.spec, Number(input.value));
      update(value);
      set(spec.name, value);
    }, { signal });
    return control;
  }
  function menu(spec) {
    const input = h("select", { "aria-label": spec.name }, ...spec.choices.map((value, index) => h("option", { value: index }, typeof value === "number" ? format(value, 4) : String(value))));
    input.addEventListener("change", () => set(spec.name, spec.choices[Number(input.value)]), { signal });
    return {
      kind: "menu", spec, input, element: h("label", { class: "dlviz-control dlviz-choice" }, h("span", {}, spec.name), input),
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

/** The slider position of a value. The leftmost position of a logarithmic slider may mean 0, the rightmost one of any slider infinity. */
function position(spec, value) {
  const { low, high, log, zero, infinite } = spec;
  const last = positionsOf(spec);
  if (zero && value === 0) return 0;
  if (infinite && value === Infinity) return last;
  const f = log ? Math.log : (x) => x;
  const fraction = (f(value) - f(low)) / (f(high) - f(low) || 1);
  return Math.max(zero ? 1 : 0, Math.min(infinite ? last - 1 : last, Math.round(fraction * last)));
}
/** The value of a slider position, rounded to two or three significant digits. */
function valueAt(spec, index) {
  const { low, high, log, zero, infinite, integer } = spec;
  if (zero && index === 0) return 0;
  if (infinite && index === positionsOf(spec)) return Infinity;
  const fraction = index / positionsOf(spec);
  const value = log ? low * (high / low) ** fraction : low + (high - low) * fraction;
  return integer ? Math.round(value) : Number(value.toPrecision(log ? 2 : 3));
}
