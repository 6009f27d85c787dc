// A row of controls below the picture: labeled sliders and menus, the same in every widget.

import { h, s } from "./dom.js";
import { nearest } from "./precomputed.js";

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
    const control = before.get(key) ?? { key, ...make((value) => control.options.set(value), () => control.options) };
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
        const { nodes, update } = slider(options.label, signal, set);
        return { element: h("label", { class: "dlviz-control" }, h("span", {}, options.label), ...nodes), update };
      });
    },
    /**
     * One short slider for each dimension of an argument. Linked ones change together; at first they are linked if they are equal.
     * @param {{label: string, link: string, signs: string[], min: number, max: number, get: () => number[], set: (values: number[]) => void, offers: (values: number[]) => boolean}} options
     *   link: label of the button that links them; offers: whether these values can be set
     */
    pair(options) {
      // Only the first time: the control of a later scene keeps its own.
      let isLinked = options.get().every((value) => value === options.get()[0]);
      add("pair", options, (set, current) => {
        const changed = (value, d) => current().get().map((old, e) => (e === d || isLinked ? value : old));
        const offered = (d) => Array.from({ length: current().max - current().min + 1 }, (_, i) => current().min + i).filter((value) => value === current().get()[d] || current().offers(changed(value, d)));
        const sliders = options.signs.map((sign, d) => slider(`${options.label} ${sign}`, signal, (value) => set(changed(nearest(offered(d), value, current().get()[d]), d))));
        const link = h("button", { type: "button", class: "dlviz-link", "aria-label": options.link, title: options.link }, linkIcon());
        const update = () => {
          sliders.forEach((each, d) => each.update({ min: current().min, max: () => Math.max(...offered(d)), get: () => current().get()[d] }));
          link.setAttribute("aria-pressed", String(isLinked));
        };
        link.addEventListener("click", () => {
          isLinked = !isLinked;
          const [first] = current().get();
          if (isLinked && current().offers(changed(first, 0))) set(changed(first, 0));
          update();
        }, { signal });
        const parts = options.signs.flatMap((sign, d) => [h("span", { "aria-hidden": "true" }, sign), ...sliders[d].nodes]);
        return { element: h("div", { class: "dlviz-control dlviz-pair", role: "group", "aria-label": options.label }, h("span", {}, options.label), ...parts, link), update };
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

/** A slider and its number. @param {string} label @param {AbortSignal} signal @param {(value: number) => void} set */
function slider(label, signal, set) {
  const input = h("input", { type: "range", step: 1, "aria-label": label });
  const shown = h("output");
  input.addEventListener("input", () => set(Number(input.value)), { signal });
  return {
    nodes: [input, shown],
    update({ min = 0, max, get, text = String }) {
      const last = max();
      input.min = String(min);
      input.max = String(last);
      input.value = String(get());
      input.style.setProperty("--done", `${last > min ? (100 * (get() - min)) / (last - min) : 0}%`);
      shown.textContent = text(get());
    },
  };
}

function linkIcon() {
  const d = "M6.5 9.5l3-3M7 4.5l1.6-1.6a2.8 2.8 0 0 1 4 4L11 8.5M9 11.5l-1.6 1.6a2.8 2.8 0 0 1-4-4L5 7.5";
  return s("svg", { width: 14, height: 14, viewBox: "0 0 16 16", "aria-hidden": "true" }, s("path", { d, fill: "none", stroke: "currentColor", "stroke-width": 1.6, "stroke-linecap": "round" }));
}
