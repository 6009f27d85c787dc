// A switch between a few values whose names are always visible, such as 2-D and 3-D.

import { h } from "./dom.js";

/** @param {{label: string, options: [string, string][], signal: AbortSignal, set: (value: string) => void}} options value and text of each choice */
export function segments({ label, options, signal, set }) {
  const name = `dlviz-${Math.random().toString(36).slice(2)}`;
  const inputs = options.map(([value]) => h("input", { type: "radio", name, value }));
  for (const input of inputs) input.addEventListener("change", () => set(input.value), { signal });
  return {
    element: h("div", { class: "dlviz-segments", role: "radiogroup", "aria-label": label }, ...options.map(([, text], k) => h("label", {}, inputs[k], h("span", {}, text)))),
    /** @param {string} value */
    update(value) {
      for (const input of inputs) input.checked = input.value === value;
    },
  };
}
