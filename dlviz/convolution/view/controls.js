// Every argument of the operation as a slider, a menu or a switch. What they show is the trait itself, refused or not.

import { isAvailable, nearest } from "../../kit/js/precomputed.js";

/**
 * @param {{model: any, messages: Record<string, string>, controls: any, save: (trait: string, value: any) => void, dims: number, list: any[]}} options
 *   list: what knobs.py described
 */
export function argumentKnobs({ model, messages, controls, save, dims, list }) {
  for (const knob of list) ({ numbers, one, menu, switch: yesNo })[knob.kind](knob, messages[`knob.${knob.name}`]);

  /** A slider that stops only where there is something to see; none where it could not move. */
  function slider({ name, min, max }, label, get, turned) {
    const all = Array.from({ length: max - min + 1 }, (_, i) => min + i);
    const free = () => all.filter((value) => value === get() || isAvailable(model, name, turned(value)));
    if (free().length > 1) controls.range({ label, min, max: () => Math.max(...free()), get, set: (value) => save(name, turned(nearest(free(), value, get()))) });
  }
  function one(knob, label) {
    slider(knob, label, () => model.get(knob.name), (value) => value);
  }
  /** One slider for each dimension. */
  function numbers(knob, label) {
    const each = () => valueOf(knob.name);
    for (let d = 0; d < dims; d += 1) {
      const turned = (value) => each().map((old, e) => (e === d ? value : old));
      slider(knob, dims > 1 ? `${label} ${messages[d ? "knob.across" : "knob.down"]}` : label, () => each()[d], turned);
    }
  }
  /** torch takes one number for all dimensions, one for each, a word, and for the stride of a pooling nothing. */
  function valueOf(name) {
    const value = model.get(name);
    if (name === "stride" && (value === null || value.length === 0)) return valueOf("kernel_size");
    const listed = typeof value === "string" ? [0] : [value].flat();
    return listed.length === 1 ? new Array(dims).fill(listed[0]) : listed;
  }
  /** An empty option stands for numbers. */
  function menu({ name, options }, label) {
    const meant = (option) => option || new Array(dims).fill(0);
    const get = () => (options.includes(model.get(name)) ? model.get(name) : "");
    const free = options.filter((option) => option === get() || isAvailable(model, name, meant(option)));
    if (free.length > 1) controls.choice({ label, options: free.map((option) => [option, messages[`option.${option || "numbers"}`]]), get, set: (option) => save(name, meant(option)) });
  }
  function yesNo({ name }, label) {
    const get = () => (model.get(name) ? "yes" : "no");
    if (isAvailable(model, name, !model.get(name))) controls.choice({ label, options: ["no", "yes"].map((value) => [value, messages[`option.${value}`]]), get, set: (value) => save(name, value === "yes") });
  }
}

/** What a saved page says when a setting was changed and another went back. @returns {{kind: string, text: string}[]} */
export function restoredNote(model, messages) {
  const names = (model.get("restored") ?? []).map((name) => messages[`knob.${name}`]);
  return names.length ? [{ kind: "", text: messages["page.restored"].replace("{names}", names.join(", ")) }] : [];
}
