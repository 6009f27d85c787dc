// A row of controls below the picture: labeled sliders and menus, the same in every widget.

import { h } from "./dom.js";

/**
 * The row is filled anew for every scene. A control of the same kind and label keeps its element, which may have the focus or be under
 * the pointer that drags it.
 * @param {{signal: AbortSignal}} options
 */
export function controlBar({ signal }) {
  const element = h("div", { class: "dlviz-controls", hidden: "" });
  let list = [];
  const before = new Map();

  function add(kind, options, make) {
    const key = `${kind} ${options.label}`;
    const control = before.get(key) ?? { key, ...make((value) => control.options.set(value)) };
    before.delete(key);
    control.options = options;
    if (element.children[list.length] !== control.element) element.insertBefore(control.element, element.children[list.length] ?? null);
    list.push(control);
    control.update(options);
  }

  return {
    element,
    clear() {
      for (const control of list) before.set(control.key, control);
      list = [];
    },
    /** Called after all controls are added: removes those of earlier scenes that were not added again. */
    update() {
      before.clear();
      while (element.children.length > list.length) element.lastChild.remove();
      element.hidden = list.length === 0;
      for (const control of list) control.update(control.options);
    },
    /** @param {{label: string, min?: number, max: () => number, get: () => number, set: (value: number) => void, text?: (value: number) => string}} options */
    range(options) {
      add("range", options, (set) => {
        const input = h("input", { type: "range", step: 1, "aria-label": options.label });
        const shown = h("output");
        input.addEventListener("input", () => set(Number(input.value)), { signal });
        return {
          element: h("label", { class: "dlviz-control" }, h("span", {}, options.label), input, shown),
          update({ min = 0, max, get, text = String }) {
            const last = max();
            input.min = String(min);
            input.max = String(last);
            input.value = String(get());
            input.style.setProperty("--done", `${last > min ? (100 * (get() - min)) / (last - min) : 0}%`);
            shown.textContent = text(get());
          },
        };
      });
    },
    /** A switch. @param {{label: string, get: () => boolean, set: (value: boolean) => void}} options */
    toggle(options) {
      add("toggle", options, (set) => {
        const input = h("input", { type: "checkbox", role: "switch", class: "dlviz-switch", "aria-label": options.label });
        input.addEventListener("change", () => set(input.checked), { signal });
        return {
          element: h("label", { class: "dlviz-control dlviz-choice" }, input, h("span", {}, options.label)),
          update({ get }) {
            input.checked = get();
          },
        };
      });
    },
    /** @param {{label: string, options: [string, string][], get: () => string, set: (value: string) => void}} options value and text of each choice */
    choice(options) {
      add("choice", options, (set) => {
        const select = h("select", { "aria-label": options.label });
        let offered = "";
        select.addEventListener("change", () => set(select.value), { signal });
        return {
          element: h("label", { class: "dlviz-control dlviz-choice" }, h("span", {}, options.label), select),
          update({ options: choices, get }) {
            if (offered !== JSON.stringify(choices)) select.replaceChildren(...choices.map(([value, text]) => h("option", { value }, text)));
            offered = JSON.stringify(choices);
            select.value = get();
          },
        };
      });
    },
  };
}
