// A window that slides: padded input, kernel, products and output; what feeds what; every argument within reach.

import { h, fillIn } from "../kit/js/dom.js";
import { array } from "../kit/js/binary.js";
import { format } from "../kit/js/numbers.js";
import { decode, unravel, ravel, countOf, at } from "../kit/js/cells.js";
import { grid } from "../kit/js/grid.js";
import { between } from "../kit/js/formula.js";
import { stage } from "../kit/js/stage.js";
import { termsOf, feedsOf, pairsOf } from "./windows.js";

/** More terms than this are written with a gap in the middle; larger planes are drawn in colour alone. */
const WRITTEN = 10;
const DENSE = 12;
const MANY = 54;

function render({ model, el, signal }) {
  const words = model.get("words");
  const scene = () => model.get("scene");
  const outs = () => scene().axes.map((axis) => axis.out);
  const channel = () => Math.min(model.get("channel"), scene().channels[1] - 1);
  const placeOf = (step) => unravel(step - 1, outs());
  const label = (step) => (step ? at("y", [model.get("sample"), channel(), ...placeOf(step)]) : words.none);
  const on = stage({ model, el, signal, name: scene().name, steps: () => countOf(outs()), label, draw, stand, traits: { channel: () => {}, place: () => {}, refusal: note }, release });
  const pick = {
    output: ([c, ...place]) => {
      model.set("place", []);
      model.set("channel", c);
      on.go(ravel(place, outs()) + 1);
    },
    input: (index) => follow(["input", ...index]),
    weight: (index) => follow(["weight", ...index]),
  };
  const sheets = Object.fromEntries(["input", "weight", "output"].map((what) => [what, grid({ words, signal, pick: pick[what] })]));
  const products = grid({ words, signal });
  const blocks = {};
  const sizes = h("div", { class: "slide-size" });
  const drawn = new Set();
  let before = null;
  /** Which input channel is drawn, where a kernel has too many numbers to draw all of them. */
  let inner = 0;
  for (const what of ["input", "weight"]) editing(what);
  on.start();

  /** Escape lets go of a followed element first. */
  function release() {
    const held = model.get("place").length > 0;
    if (held) on.save("place", []);
    return held;
  }
  function follow(place) {
    model.set("playing", false);
    on.save("place", place);
  }

  function note() {
    const text = model.get("refusal");
    on.ui.setNotes([...(text ? [{ kind: "bad", text: fillIn(words.refused_now, { torch: text }) }] : []), ...scene().notes]);
  }

  function draw() {
    const about = scene();
    note();
    drawn.clear();
    const old = blocks.output;
    blocks.input = blockOf(about.input.block, "x", { shift: [0, ...about.input.before], state: outside });
    blocks.output = blockOf(about.output.block, "y", {});
    blocks.weight = about.weight ? blockOf(about.weight, "weight", { tiles: about.kind === "conv" && !deep() ? 1 : 0 }) : null;
    blocks.bias = about.bias ? decode({ ...about.bias, name: "bias" }) : null;
    before = old && old.size.join() === blocks.output.size.join() ? old : null;
    if (!on.ui.stage.firstChild) lay();
    sizes.replaceChildren(...about.arithmetic.map((line) => h("div", {}, line)));
    controls();
  }
  /** The grids find their places once: an element that moves in the page would lose the focus. */
  function lay() {
    const kernel = h("div", { class: "slide-column" }, blocks.weight ? sheets.weight.element : null, products.element);
    on.ui.stage.append(h("div", { class: "tensor-stage" }, h("div", { class: "slide-row" }, sheets.input.element, sign(blocks.weight ? "∗" : "→"), kernel, sign("="), sheets.output.element), sizes));
  }
  /** Whether the kernel of one output has more numbers than are drawn at once. */
  function deep() {
    const { size } = scene().weight;
    return scene().kind === "conv" && countOf(size.slice(1)) > MANY;
  }
  function sign(text) {
    return h("span", { class: "tensor-sign" }, text);
  }
  function blockOf(about, name, more) {
    const block = decode({ ...about, name, digits: about.size.at(-1) > 4 ? 2 : 3 });
    const large = Math.max(...block.size.slice(-scene().axes.length)) > DENSE;
    return Object.assign(block, { room: 480, bare: block.size.length < 3, dense: large && scene().axes.length > 1 ? Math.max(8, Math.floor(320 / block.size.at(-1))) : 0 }, more);
  }
  /** Padding is hatched, and what no window reaches is grey. */
  function outside([, ...place]) {
    const pads = scene().axes.map((axis, d) => axis.extra === undefined && (place[d] < axis.before || place[d] >= axis.before + axis.size));
    const beyond = scene().axes.some((axis, d) => axis.left_over > 0 && place[d] >= axis.before + axis.size + axis.after - axis.left_over);
    return { "data-pad": pads.some(Boolean), "data-beyond": beyond };
  }

  function controls() {
    const { channels, knobs, presets, input } = scene();
    if (input.shape[0] > 1) on.controls.range({ label: words["knob.sample"], max: () => input.shape[0] - 1, get: () => model.get("sample"), set: (value) => on.save("sample", value) });
    if (channels[1] > 1) on.controls.range({ label: words["knob.channel"], max: () => Math.min(channels[1], blocks.output.size[0]) - 1, get: channel, set: (value) => on.save("channel", value) });
    if (blocks.weight && deep()) {
      on.controls.range({
        label: words["knob.inner"], max: () => blocks.weight.size[1] - 1, get: () => inner,
        set(value) {
          inner = value;
          on.moved();
        },
      });
    }
    if (!model.get("live")) return;
    for (const knob of knobs) {
      const name = words[`knob.${knob.name}`];
      if (knob.kind === "numbers") {
        knob.value.forEach((value, d) => on.controls.range({
          label: knob.value.length > 1 ? `${name} ${words[d ? "knob.across" : "knob.down"]}` : name,
          min: knob.min, max: () => knob.max, get: () => value, set: (next) => on.save(knob.name, knob.value.map((old, e) => (e === d ? next : old))),
        }));
      } else if (knob.kind === "one") on.controls.range({ label: name, min: knob.min, max: () => knob.max, get: () => knob.value, set: (next) => on.save(knob.name, next) });
      else if (knob.kind === "menu") on.controls.choice({ label: name, options: knob.options.map((value) => [value, words[`option.${value || "numbers"}`]]), get: () => knob.value, set: (next) => on.save(knob.name, next || 0) });
      else on.controls.choice({ label: name, options: [["no", words["option.no"]], ["yes", words["option.yes"]]], get: () => (knob.value ? "yes" : "no"), set: (next) => on.save(knob.name, next === "yes") });
    }
    if (presets.length) on.controls.choice({ label: words["knob.preset"], options: [["", words["option.own"]], ...presets.map((name) => [name, words[`option.${name}`]])], get: () => "", set: (name) => name && model.send({ kind: "preset", name }) });
  }

  /** Have these indices in sight; what shows its own already is not drawn anew. */
  function bring(near) {
    const shapes = { input: scene().input.shape, output: scene().output.shape, weight: scene().weight?.shape };
    for (const [what, name] of [["input", "x"], ["output", "y"], ["weight", "weight"]]) {
      if (!blocks[what] || (drawn.has(what) && sheets[what].shows(near[what]))) continue;
      sheets[what].show(blocks[what], near[what], heading(name, shapes[what]));
      drawn.add(what);
    }
    flash();
  }
  function heading(name, shape) {
    return [h("b", {}, name), h("span", { class: "tensor-fact" }, h("code", {}, `(${shape.join(", ")})`))];
  }
  /** What an edit changed lights up for a moment. */
  function flash() {
    if (!before) return;
    for (let p = 0; p < before.count; p += 1) if (before.text(p, 6) !== blocks.output.text(p, 6)) sheets.output.node(p)?.setAttribute("data-flash", "");
    before = null;
  }

  function stand(step) {
    const [what, ...index] = model.get("place");
    if (what === "input") return feeds(index);
    if (what === "weight") return joins(index);
    const place = step ? placeOf(step) : null;
    if (place && drawn.size && blocks.output.position([channel(), ...place]) < 0) {
      if (model.get("live")) on.save("origin", place.map((o) => Math.max(0, o - 8)));
      light([], [], []);
      return on.line.show([{ text: words.not_here, soft: true }]);
    }
    const terms = place ? termsOf(scene(), channel(), place) : [];
    const first = terms[0] && blocks.weight && deep() ? (terms.find(({ weight }) => weight[1] === inner) ?? terms[0]) : terms[0];
    bring({ input: first?.input ?? [0, 0, 0], output: [channel(), ...(place ?? [])], weight: first?.weight ?? weightOf(channel()) });
    if (!place) {
      light([], [], []);
      products.element.hidden = true;
      return on.line.show([{ text: words.hint, soft: true }]);
    }
    light(terms.map((term) => [term.input, "lit"]), terms.filter((term) => term.weight).map((term) => [term.weight, "lit"]), [[[channel(), ...place], "now"]]);
    return sum(place, terms);
  }
  function weightOf(c) {
    return scene().kind === "conv" ? [c, inner, 0, 0] : [0, 0, 0, 0];
  }

  /** @param {[number[], string][]} input @param {[number[], string][]} weight @param {[number[], string][]} output */
  function light(input, weight, output) {
    const marks = (block, list) => list.map(([index, kind]) => [block.position(index), kind]).filter(([p]) => p >= 0);
    sheets.input.mark(marks(blocks.input, input));
    sheets.output.mark(marks(blocks.output, output));
    if (blocks.weight) sheets.weight.mark(marks(blocks.weight, weight));
  }

  /** The products of one output, and the line that adds them up. */
  function sum(place, terms) {
    const { kind, divides, argmax } = scene();
    const numbers = terms.map(({ input, weight }) => {
      const p = blocks.input.position(input);
      const w = weight ? blocks.weight.position(weight) : 0;
      if (p < 0 || w < 0) return null;
      return { value: Number(blocks.input.raw(p)), weight: weight ? Number(blocks.weight.raw(w)) : null, absent: blocks.input.absent(p), pad: kind === "max_pool" && outside(input)["data-pad"] };
    });
    const known = numbers.every(Boolean);
    if (known) showProducts(terms, numbers);
    const q = blocks.output.position([channel(), ...place]);
    const result = blocks.output.text(q, 5);
    const counted = numbers.filter((one) => one && !one.pad);
    const parts = counted.map((one) => (one.weight === null ? [braced(one.value)] : [{ text: braced(one.value), dim: 0 }, "·", { text: braced(one.weight), dim: 1 }]));
    const shown = parts.length > WRITTEN + 1 ? [...parts.slice(0, WRITTEN - 1), ["…"], parts.at(-1)] : parts;
    const name = at("y", [model.get("sample"), channel(), ...place]);
    if (kind === "max_pool") {
      const best = argmax ? array(argmax, "int32") : [];
      const dims = scene().axes.length;
      const where = [channel(), ...Array.from({ length: dims }, (_, d) => best[q * dims + d])];
      products.mark([]);
      sheets.input.mark(terms.map(({ input }) => [blocks.input.position(input), input.join() === where.join() ? "now" : "lit"]));
      return on.line.show([name, " = max(", ...between(shown, [", "]).flat(), ") = ", { text: result, strong: true }]);
    }
    if (kind === "avg_pool") {
      const spatial = unravel(q, blocks.output.size).slice(1);
      const by = array(divides, "int32")[ravel(spatial, blocks.output.size.slice(1))];
      return on.line.show([name, " = (", ...between(shown, [" + "]).flat(), `) / ${by} = `, { text: result, strong: true }]);
    }
    const bias = blocks.bias ? [" + bias ", blocks.bias.text(channel(), 4)] : [];
    const printed = counted.reduce((total, one) => total + rounded(one.value) * rounded(one.weight), blocks.bias ? rounded(Number(blocks.bias.raw(channel()))) : 0);
    const off = Number(Number(blocks.output.raw(q)).toPrecision(5)) - printed;
    const rest = known && Math.abs(off) > 1e-9 * Math.max(1, Math.abs(printed)) ? [{ text: ` ${fillIn(words.rounded, { off: format(off, 2) })}`, soft: true }] : [];
    return on.line.show([name, " = ", ...(shown.length ? between(shown, [" + "]).flat() : ["0"]), ...bias, " = ", { text: result, strong: true }, ...rest]);
  }
  function rounded(value) {
    return Number.isInteger(value) ? value : Number(value.toPrecision(4));
  }
  function braced(value) {
    const text = format(value, 4);
    return text.startsWith("−") ? `(${text})` : text;
  }
  function showProducts(terms, numbers) {
    const values = Float64Array.from(numbers, (one) => (one.weight === null ? one.value : one.value * one.weight));
    const kernel = scene().axes.map((axis) => axis.kernel);
    const width = values.length / countOf(kernel);
    const shape = Number.isInteger(width) && scene().kind !== "conv_transpose" ? [width, ...kernel] : [values.length];
    const block = decode({ shape, start: shape.map(() => 0), size: shape, kind: "float64", values: new DataView(values.buffer), name: "products", digits: shape.at(-1) > 4 ? 2 : 3 });
    const cut = blocks.weight && deep();
    products.element.hidden = block.count === 0;
    if (block.count) products.show(Object.assign(block, { room: 480, bare: true, tiles: cut ? 0 : 1 }), [cut ? inner : 0], [h("b", {}, words[scene().weight ? "products" : "window"])]);
  }

  /** Every output that an input element goes into. */
  function feeds(index) {
    const list = feedsOf(scene(), index);
    const first = list[0];
    bring({ input: index, output: first?.output ?? [channel(), 0, 0], weight: first?.weight ?? weightOf(channel()) });
    products.element.hidden = true;
    light([[index, "now"]], list.filter(({ weight }) => weight).map(({ weight }) => [weight, "lit"]), list.map(({ output }) => [output, "lit"]));
    const shifted = index.map((i, d) => (d ? i - scene().input.before[d - 1] : i));
    on.line.show([fillIn(words.feeds, { name: at("x", [model.get("sample"), ...shifted]), value: blocks.input.text(blocks.input.position(index), 5), count: list.length })]);
  }
  /** Every pair that a weight joins: the same number at every place. */
  function joins(index) {
    const list = pairsOf(scene(), index);
    bring({ input: list[0]?.input ?? [0, 0, 0], output: list[0]?.output ?? [0, 0, 0], weight: index });
    products.element.hidden = true;
    light(list.map(({ input }) => [input, "lit"]), [[index, "now"]], list.map(({ output }) => [output, "lit"]));
    on.line.show([fillIn(words.joins, { name: at("weight", index), value: blocks.weight.text(blocks.weight.position(index), 5), count: list.length })]);
  }

  /** Double-click, or a digit typed on a cell, opens it for another number; the kernel computes with it. */
  function editing(what) {
    const open = (cell, start) => {
      if (!model.get("live") || !scene().editable || !cell || cell.querySelector("input")) return;
      const p = Number(cell.dataset.p);
      const block = blocks[what];
      const index = block.index(p);
      if (what === "input" && outside(index)["data-pad"]) return;
      const field = h("input", { class: "slide-edit", type: "text", inputmode: "decimal", "aria-label": fillIn(words.edit, { name: at(what === "input" ? "x" : "weight", index) }), value: start ?? block.raw(p) });
      let closed = false;
      const close = (keep) => {
        if (closed) return;
        closed = true;
        const value = Number(field.value.replace("−", "-"));
        field.remove();
        cell.textContent = block.dense ? "" : block.text(p, 3);
        cell.focus();
        if (keep && Number.isFinite(value) && value !== Number(block.raw(p))) {
          const shift = what === "input" ? [0, ...scene().input.before] : index.map(() => 0);
          model.send({ kind: "edit", what, index: index.map((i, d) => i - shift[d]), value });
        }
      };
      field.addEventListener("keydown", (event) => {
        event.stopPropagation();
        if (event.key === "Enter") close(true);
        else if (event.key === "Escape") close(false);
      }, { signal });
      field.addEventListener("blur", () => close(true), { signal, once: true });
      cell.replaceChildren(field);
      field.focus();
      if (!start) field.select();
    };
    const sheet = sheets[what].element;
    sheet.addEventListener("dblclick", (event) => open(event.target.closest(".tensor-cell")), { signal });
    sheet.addEventListener("keydown", (event) => {
      if (!/^[0-9.-]$/.test(event.key) || event.target.matches("input")) return;
      open(event.target.closest(".tensor-cell"), event.key);
      event.preventDefault();
    }, { signal });
  }
}

export default { render };
