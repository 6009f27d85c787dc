// A row of controls below the picture: labelled sliders and menus, the same in every widget.

import { h } from "./dom.js";

/**
 * @param {{signal: AbortSignal}} options
 */
export function knobs({ signal }) {
  const element = h("div", { class: "dlviz-knobs", hidden: "" });
  let list = [];
  /** Label of the control that had the focus when all were taken away to be made anew. */
  let focused = null;

  function add(knob) {
    list.push(knob);
    element.append(knob.element);
    element.hidden = false;
    knob.update();
    const control = knob.element.querySelector("input, select");
    if (control.getAttribute("aria-label") === focused) control.focus({ preventScroll: true });
    return knob;
  }

  return {
    element,
    clear() {
      list = [];
      focused = element.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
      element.replaceChildren();
      element.hidden = true;
    },
    update() {
      for (const knob of list) knob.update();
    },
    /** @param {{label: string, min?: number, max: () => number, get: () => number, set: (value: number) => void, text?: (value: number) => string}} options */
    range({ label, min = 0, max, get, set, text = String }) {
      const input = h("input", { type: "range", min, step: 1, "aria-label": label });
      const shown = h("output");
      input.addEventListener("input", () => set(Number(input.value)), { signal });
      return add({
        element: h("label", { class: "dlviz-knob" }, h("span", {}, label), input, shown),
        update() {
          const last = max();
          input.max = String(last);
          input.value = String(get());
          input.style.setProperty("--done", `${last > min ? (100 * (get() - min)) / (last - min) : 0}%`);
          shown.textContent = text(get());
        },
      });
    },
    /** @param {{label: string, options: [string, string][], get: () => string, set: (value: string) => void}} options value and text of each choice */
    choice({ label, options, get, set }) {
      const select = h("select", { "aria-label": label }, ...options.map(([value, text]) => h("option", { value }, text)));
      select.addEventListener("change", () => set(select.value), { signal });
      return add({
        element: h("label", { class: "dlviz-knob dlviz-choice" }, h("span", {}, label), select),
        update() {
          select.value = get();
        },
      });
    },
  };
}
