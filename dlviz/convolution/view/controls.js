// Controls for every argument of the operation. They show the trait itself, even if torch refuses it.

import { fillIn } from "../../kit/js/dom.js";
import { isAvailable, nearest } from "../../kit/js/precomputed.js";

/**
 * @param {{model: any, messages: Record<string, string>, bar: any, save: (trait: string, value: any) => void, update: () => void, dims: number, list: any[], links: Record<string, boolean>}} options
 *   bar: the control bar; list: what control_list in controls.py returned; links: whether the numbers of an argument are linked, by its name
 */
export function argumentControls({ model, messages, bar, save, update, dims, list, links }) {
  const add = { slider: addSlider, sliders: addSliders, menu: addMenu, switch: addSwitch };
  for (const control of list) add[control.kind](control, messages[`control.${control.name}`]);

  /** A slider's values: the available ones. */
  function rangeOf({ name, min, max }, label, get, traitValue) {
    const all = Array.from({ length: max - min + 1 }, (_, i) => min + i);
    const available = () => all.filter((value) => value === get() || isAvailable(model, name, traitValue(value)));
    return { label, min, max: () => Math.max(...available()), get, set: (value) => save(name, traitValue(nearest(available(), value, get()))), count: available().length };
  }
  function addSlider(control, label) {
    const range = rangeOf(control, label, () => model.get(control.name), (value) => value);
    if (range.count > 1) bar.range(range);
  }
  /** One slider for each spatial dimension. Linked ones change together; at first those are linked that are equal. */
  function addSliders(control, label) {
    const { name } = control;
    const numbers = () => numbersOf(name);
    if (dims === 1) {
      const range = rangeOf(control, label, () => numbers()[0], (value) => [value]);
      if (range.count > 1) bar.range(range);
      return;
    }
    const isLinked = () => (links[name] ??= numbers().every((value) => value === numbers()[0]));
    const parts = ["down", "across"].map((direction, d) => {
      const sign = messages[`control.${direction}`];
      return { sign, ...rangeOf(control, `${label} ${sign}`, () => numbers()[d], (value) => numbers().map((old, e) => (e === d || isLinked() ? value : old))) };
    });
    const link = {
      label: fillIn(messages["control.link"], { name: label }), get: isLinked,
      set(on) {
        links[name] = on;
        if (on && isAvailable(model, name, numbers().map(() => numbers()[0]))) save(name, numbers().map(() => numbers()[0]));
        update();
      },
    };
    if (parts.some(({ count }) => count > 1)) bar.pair({ label, parts, link });
  }
  /** torch accepts one number for all dimensions, one for each, a string for the padding, and nothing for the stride of a pooling. */
  function numbersOf(name) {
    const value = model.get(name);
    if (name === "stride" && (value === null || value.length === 0)) return numbersOf("kernel_size");
    const numbers = typeof value === "string" ? [0] : [value].flat();
    return numbers.length === 1 ? new Array(dims).fill(numbers[0]) : numbers;
  }
  /** An empty option stands for numbers. */
  function addMenu({ name, options }, label) {
    const traitValue = (option) => option || new Array(dims).fill(0);
    const get = () => (options.includes(model.get(name)) ? model.get(name) : "");
    const available = options.filter((option) => option === get() || isAvailable(model, name, traitValue(option)));
    const texts = available.map((option) => [option, messages[`option.${option || "numbers"}`]]);
    if (available.length > 1) bar.choice({ label, options: texts, get, set: (option) => save(name, traitValue(option)) });
  }
  function addSwitch({ name }, label) {
    if (isAvailable(model, name, !model.get(name))) bar.toggle({ label, get: () => Boolean(model.get(name)), set: (value) => save(name, value) });
  }
}

/** The note of an exported page after changing one setting restored another. @returns {{kind: string, text: string}[]} */
export function restoredNote(model, messages) {
  const names = (model.get("restored") ?? []).map((name) => messages[`control.${name}`]);
  return names.length ? [{ kind: "", text: messages["page.restored"].replace("{names}", names.join(", ")) }] : [];
}
