// The knobs: sliders and menus whose values go to the kernel at once and act at the loop's next step.

import { h } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";

const NOTCHES = 400;
/** Whole numbers have a notch each, so that an arrow key is one of them. */
const notches = ({ low, high, log, whole }) => (whole && !log && high - low <= 1000 ? high - low : NOTCHES);

/**
 * @param {{signal: AbortSignal, turn: (name: string, value: number) => void, live: () => boolean}} options
 */
export function dials({ signal, turn, live }) {
  const element = h("div", { class: "dlviz-controls live-dials", hidden: "" });
  let list = [];
  let drawn = "";

  function show(about) {
    if (JSON.stringify(about) === drawn) return;
    drawn = JSON.stringify(about);
    list = about.map((one) => (one.choices.length ? menu(one) : slider(one)));
    element.replaceChildren(...list.map((one) => one.element));
    element.hidden = !list.length;
  }
  function slider(about) {
    const input = h("input", { type: "range", min: 0, max: notches(about), step: 1, "aria-label": about.name });
    const shown = h("output");
    const update = (value) => {
      if (document.activeElement !== input || !input.matches(":active")) input.value = String(notch(about, value));
      input.style.setProperty("--done", `${(100 * Number(input.value)) / Number(input.max)}%`);
      shown.textContent = format(value, 3);
      input.setAttribute("aria-valuetext", shown.textContent);
    };
    input.addEventListener("input", () => {
      const value = number(about, Number(input.value));
      update(value);
      turn(about.name, value);
    }, { signal });
    return { about, input, element: h("label", { class: "dlviz-control" }, h("span", {}, about.name), input, shown), update };
  }
  function menu(about) {
    const input = h("select", { "aria-label": about.name }, ...about.choices.map((value, place) => h("option", { value: place }, typeof value === "number" ? format(value, 4) : String(value))));
    input.addEventListener("change", () => turn(about.name, about.choices[Number(input.value)]), { signal });
    return {
      about, input, element: h("label", { class: "dlviz-control dlviz-choice" }, h("span", {}, about.name), input),
      update(value) {
        input.value = String(about.choices.indexOf(value));
      },
    };
  }
  return {
    element,
    show,
    update(settings) {
      for (const { about, input, update } of list) {
        if (about.name in settings) update(settings[about.name]);
        input.disabled = !live();
      }
    },
  };
}

/** Where a value stands on its slider. The leftmost notch of a logarithmic one may mean 0. */
function notch(about, value) {
  const { low, high, log, zero } = about;
  if (zero && value === 0) return 0;
  const f = log ? Math.log : (x) => x;
  const share = (f(value) - f(low)) / (f(high) - f(low) || 1);
  return Math.max(zero ? 1 : 0, Math.min(notches(about), Math.round(share * notches(about))));
}
/** The value of a notch, with two or three figures: as one would write it by hand. */
function number(about, place) {
  const { low, high, log, zero, whole } = about;
  if (zero && place === 0) return 0;
  const share = place / notches(about);
  const value = log ? low * (high / low) ** share : low + (high - low) * share;
  return whole ? Math.round(value) : Number(value.toPrecision(log ? 2 : 3));
}
