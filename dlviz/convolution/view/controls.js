// Controls for every argument of the operation. They show the trait itself, even if torch refuses it.

import { fillIn } from "../../kit/js/dom.js";
import { isAvailable, nearest } from "../../kit/js/precomputed.js";

/**
 * @param {{model: any, messages: Record<string, string>, bar: any, save: (trait: string, value: any) => void, dims: number, list: any[]}} options
 *   bar: the control bar; list: what control_list in controls.py returned
 */
export function argumentControls({ model, messages, bar, save, dims, list }) {
  const add = { slider: addSlider, sliders: addSliders, menu: addMenu, switch: addSwitch };
  for (const control of list) add[control.kind](control, messages[`control.${control.label ?? control.name}`]);

  /** A slider over the available values; none if there is only one. */
  function addRange({ name, min, max }, label, get, traitValue) {
    const all = Array.from({ length: max - min + 1 }, (_, i) => min + i);
    const available = () => all.filter((value) => value === get() || isAvailable(model, name, traitValue(value)));
    if (available().length > 1) bar.range({ label, min, max: () => Math.max(...available()), get, set: (value) => save(name, traitValue(nearest(available(), value, get()))) });
  }
  function addSlider(control, label) {
    addRange(control, label, () => model.get(control.name), (value) => value);
  }
  /** One slider for each spatial dimension. */
  function addSliders(control, label) {
    const get = () => numbersOf(control.name);
    if (dims === 1) return addRange(control, label, () => get()[0], (value) => [value]);
    return bar.pair({
      ...control, label, link: fillIn(messages["control.link"], { name: label }), signs: [messages["control.down"], messages["control.across"]], get,
      set: (values) => save(control.name, values), offers: (values) => isAvailable(model, control.name, values),
    });
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
