// A window that slides: padded input, kernel, products and output; what feeds what; every argument within reach.

import { h, fillIn } from "../../kit/js/dom.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { format } from "../../kit/js/numbers.js";
import { decode, unravel, ravel, numel, indexExpression } from "../../kit/js/tensor_block.js";
import { grid } from "../../kit/js/grid.js";
import { formula } from "../../kit/js/formula.js";
import { baseView } from "../../kit/js/base_view.js";
import { argumentKnobs, restoredNote } from "./controls.js";
import { editing } from "./edit.js";
import { flight } from "./product_animation.js";
import { overview } from "./minimap.js";
import { gradients } from "./gradient.js";
import { factorsOf, running, lineOf, channelsOf, divisorOf } from "./output_terms.js";
import { termsOf, feedsOf, pairsOf } from "./window_indices.js";

/** Longer planes are drawn in color alone; of more kernel numbers one input channel is drawn. */
const DENSE = 12;
const MANY = 54;

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const scene = () => model.get("scene");
  const outs = () => scene().axes.map((axis) => axis.out);
  const channel = () => Math.min(model.get("channel"), scene().channels[1] - 1);
  const placeOf = (step) => unravel(step - 1, outs());
  const label = (step) => (step ? indexExpression("y", [model.get("sample"), channel(), ...placeOf(step)]) : messages.none);
  const on = baseView({ model, el, signal, name: scene().name, steps: () => numel(outs()), label, draw, showStep, traits: { channel: () => {}, place: () => {}, refusal: note, restored: note }, onEscape });
  const pick = {
    output: ([c, ...place]) => {
      model.set("place", []);
      model.set("channel", c);
      on.go(ravel(place, outs()) + 1);
    },
    input: (index) => follow(["input", ...index]),
    weight: (index) => follow(["weight", ...index]),
  };
  const sheets = Object.fromEntries(["input", "weight", "output"].map((what) => [what, grid({ messages, signal, pick: pick[what] })]));
  const products = grid({ messages, signal });
  const blocks = {};
  const sizes = h("div", { class: "slide-size" });
  const sums = formula("slide-sums");
  const tally = { label: h("span"), number: h("b"), part: h("span") };
  tally.element = h("div", { class: "slide-tally", hidden: "" }, tally.label, tally.number, tally.part);
  const map = overview({ model, messages, signal, save: on.save });
  const slope = gradients({ sheet: sheets.input, messages });
  const air = flight({ layer: on.ui.main, model, signal });
  const drawn = new Set();
  let before = null;
  /** What stood last: only a step away from it, in the same picture, is worth a flight. */
  let stood = "";
  /** The step that was asked for last: the picture goes after it, but not after one that it was moved away from. */
  let last = -1;
  /** Which input channel is drawn, where a kernel has too many numbers to draw all of them. */
  let inner = 0;
  const change = editing({ model, messages, signal, about: editable });
  for (const what of ["input", "weight"]) change(what, sheets[what]);
  // An animation plays again only where the attribute was gone.
  on.ui.main.addEventListener("animationend", (event) => event.target.removeAttribute("data-flash"), { signal });
  on.start();
  on.line.element.after(sums.element);

  /** Escape lets go of a followed element first. */
  function onEscape() {
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
    on.ui.setNotes([...(text ? [{ kind: "bad", text: fillIn(messages.refused_now, { torch: text }) }] : []), ...restoredNote(model, messages), ...scene().notes]);
  }

  function draw() {
    const about = scene();
    note();
    stood = "";
    slope.read(about);
    map.show(about);
    drawn.clear();
    const old = blocks.output;
    blocks.input = blockOf(about.input.block, "x", { shift: [0, ...about.input.before], state: outside });
    blocks.output = blockOf(about.output.block, "y", {});
    blocks.weight = about.weight ? blockOf(about.weight, "weight", { tiles: about.kind === "conv" && !deep() ? 1 : 0 }) : null;
    blocks.bias = about.bias ? decode({ ...about.bias, name: "bias" }) : null;
    before = old && old.size.join() === blocks.output.size.join() ? old : null;
    if (!on.ui.main.firstChild) lay();
    sizes.replaceChildren(...about.arithmetic.map((line) => h("div", {}, line)));
    controls();
  }
  /** The grids find their places once: an element that moves in the page would lose the focus. */
  function lay() {
    const kernel = h("div", { class: "slide-column" }, blocks.weight ? sheets.weight.element : null, products.element, tally.element);
    on.ui.main.append(h("div", { class: "tensor-main" }, h("div", { class: "slide-row" }, h("div", { class: "slide-column" }, sheets.input.element, map.element), sign(blocks.weight ? "∗" : "→"), kernel, sign("="), sheets.output.element), sizes));
  }
  /** Whether the kernel of one output has more numbers than are drawn at once. */
  function deep() {
    const { size } = scene().weight;
    return scene().kind === "conv" && numel(size.slice(1)) > MANY;
  }
  function sign(text) {
    return h("span", { class: "tensor-sign" }, text);
  }
  function blockOf(about, name, more) {
    const block = decode({ ...about, name, digits: about.size.at(-1) > 4 ? 2 : 3 });
    const large = Math.max(...block.size.slice(-scene().axes.length)) > DENSE;
    return Object.assign(block, { room: 480, bare: block.size.length < 3, dense: large && scene().axes.length > 1 ? Math.max(8, Math.floor(320 / block.size.at(-1))) : 0 }, more);
  }
  /** Padding is hatched, and what no window reaches is gray. */
  function outside([, ...place]) {
    const pads = scene().axes.map((axis, d) => axis.extra === undefined && (place[d] < axis.before || place[d] >= axis.before + axis.size));
    const beyond = scene().axes.some((axis, d) => axis.left_over > 0 && place[d] >= axis.before + axis.size + axis.after - axis.left_over);
    return { "data-pad": pads.some(Boolean), "data-beyond": beyond };
  }

  function controls() {
    const { channels, knobs, presets } = scene();
    if (channels[1] > 1) on.controls.range({ label: messages["knob.channel"], max: () => Math.min(channels[1], blocks.output.size[0]) - 1, get: channel, set: (value) => on.save("channel", value) });
    if (blocks.weight && deep()) {
      on.controls.range({
        label: messages["knob.inner"], max: () => blocks.weight.size[1] - 1, get: () => inner,
        set(value) {
          inner = value;
          on.update();
        },
      });
    }
    argumentKnobs({ model, messages, controls: on.controls, save: on.save, dims: scene().axes.length, list: knobs });
    if (presets.length && model.get("live")) on.controls.choice({ label: messages["knob.preset"], options: [["", messages["option.own"]], ...presets.map((name) => [name, messages[`option.${name}`]])], get: () => "", set: (name) => name && model.send({ kind: "preset", name }) });
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

  function showStep(step) {
    const [what, ...index] = model.get("place");
    const standing = `${step} ${channel()} ${what}`;
    const fresh = stood !== standing && stood !== "";
    stood = standing;
    const stepped = step !== last;
    last = step;
    air.stop();
    const watched = fresh && air.wanted();
    slope.clear();
    if (what || !step) alone();
    if (what === "input") return feeds(index);
    if (what === "weight") return joins(index);
    const place = step ? placeOf(step) : null;
    if (place && blocks.output.position([channel(), ...place]) < 0) {
      if (model.get("live") && stepped) on.save("origin", place.map((o) => Math.max(0, o - 8)));
      bring({ input: blocks.input.start, output: [channel(), ...blocks.output.start.slice(1)], weight: weightOf(channel()) });
      light([], [], []);
      alone();
      return on.line.show([{ text: messages.not_here, soft: true }]);
    }
    const terms = place ? termsOf(scene(), channel(), place) : [];
    const first = terms[0] && blocks.weight && deep() ? (terms.find(({ weight }) => weight[1] === inner) ?? terms[0]) : terms[0];
    bring({ input: first?.input ?? [0, 0, 0], output: [channel(), ...(place ?? [])], weight: first?.weight ?? weightOf(channel()) });
    if (!place) {
      light([], [], []);
      return on.line.show(slope.ofAll(blocks.input) ?? [{ text: model.get("live") && scene().editable ? `${messages.hint} ${messages.hint_edit}` : messages.hint, soft: true }]);
    }
    light(terms.map((term) => [term.input, "lit"]), terms.filter((term) => term.weight).map((term) => [term.weight, "lit"]), [[[channel(), ...place], "now"]]);
    return sum(place, terms, watched);
  }
  /** No output is chosen, so nothing is added up. */
  function alone() {
    products.element.hidden = tally.element.hidden = true;
    sums.show([]);
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

  /** The products of one output, the lines that add them up, and, at a step that is watched, their way to the sum. */
  function sum(place, terms, fresh) {
    const about = scene();
    const index = [channel(), ...place];
    const q = blocks.output.position(index);
    const factors = factorsOf(blocks, terms);
    const output = { about, blocks, messages, q, channel: channel(), factors, name: indexExpression("y", [model.get("sample"), ...index]) };
    showProducts(factors);
    if (about.argmax) {
      const best = ravelled(typedArray(about.argmax, "int32"), q);
      sheets.input.mark(terms.map(({ input }) => [blocks.input.position(input), input.join() === [channel(), ...best].join() ? "now" : "lit"]));
    }
    on.line.show([...lineOf(output), ...slope.ofOutput(about, blocks.input, terms, index, (place) => indexExpression("x", [model.get("sample"), ...place]))]);
    sums.show(channelsOf(output));
    count(factors, factors.length - 1, q);
    if (fresh && !products.element.hidden) fly(factors, q);
  }
  function ravelled(best, q) {
    const dims = scene().axes.length;
    return Array.from(best.slice(q * dims, (q + 1) * dims));
  }
  /** The running sum after the k-th term; after the last one the bias is in it. */
  function count(factors, k, q) {
    tally.element.hidden = products.element.hidden;
    if (tally.element.hidden) return;
    const { kind } = scene();
    const { channel: own, own: part, total } = running(kind, factors, k);
    const last = k === factors.length - 1;
    const bias = last && blocks.bias ? Number(blocks.bias.raw(channel())) : 0;
    const several = own !== undefined && factors[0]?.channel !== factors.at(-1)?.channel;
    tally.number.textContent = format(total + bias, 5);
    const adds = bias ? fillIn(messages["sums.bias"], { bias: format(bias, 4) }) : fillIn(messages["sums.channel"], { channel: own, sum: format(part, 4) });
    tally.part.textContent = kind === "avg_pool" && last ? `/ ${divisorOf(scene(), blocks, q)}` : several || bias ? adds : "";
    tally.label.textContent = messages[kind === "max_pool" ? "sums.largest" : "sums.running"];
  }
  function fly(factors, q) {
    const target = sheets.output.node(q);
    const tiles = factors.flatMap((one, k) => {
      const node = one && !one.absent ? products.node(k) : null;
      return node ? [{ node, k }] : [];
    });
    if (!target || tiles.length === 0) return;
    tally.number.textContent = "0";
    tally.part.textContent = "";
    const until = (i) => (i + 1 < tiles.length ? tiles[i + 1].k - 1 : factors.length - 1);
    air.start(tiles.map(({ node }, i) => ({ node, arrive: () => count(factors, until(i), q) })), tally.number, target, () => target.setAttribute("data-flash", ""));
  }
  function showProducts(factors) {
    products.element.hidden = factors.length === 0 || !factors.every(Boolean);
    if (products.element.hidden) return;
    const values = Float64Array.from(factors, (one) => one.product);
    const present = Uint8Array.from(factors, (one) => Number(!one.absent));
    const kernel = scene().axes.map((axis) => axis.kernel);
    const width = values.length / numel(kernel);
    const shape = Number.isInteger(width) && scene().kind !== "conv_transpose" ? [width, ...kernel] : [values.length];
    const block = decode({ shape, start: shape.map(() => 0), size: shape, kind: "float64", values: new DataView(values.buffer), present: new DataView(present.buffer), name: "products", digits: shape.at(-1) > 4 ? 2 : 3 });
    const cut = blocks.weight && deep();
    products.show(Object.assign(block, { room: 480, bare: true, tiles: cut ? 0 : 1 }), [cut ? inner : 0], [h("b", {}, messages[scene().weight ? "products" : "window"])]);
  }

  /** Every output that an input element goes into. */
  function feeds(index) {
    const list = feedsOf(scene(), index);
    const first = list[0];
    bring({ input: index, output: first?.output ?? [channel(), 0, 0], weight: first?.weight ?? weightOf(channel()) });
    light([[index, "now"]], list.filter(({ weight }) => weight).map(({ weight }) => [weight, "lit"]), list.map(({ output }) => [output, "lit"]));
    const shifted = index.map((i, d) => (d ? i - scene().input.before[d - 1] : i));
    on.line.show([fillIn(messages.feeds, { name: indexExpression("x", [model.get("sample"), ...shifted]), value: blocks.input.text(blocks.input.position(index), 5), count: list.length })]);
  }
  /** Every pair that a weight joins: the same number at every place. */
  function joins(index) {
    const list = pairsOf(scene(), index);
    bring({ input: list[0]?.input ?? [0, 0, 0], output: list[0]?.output ?? [0, 0, 0], weight: index });
    light(list.map(({ input }) => [input, "lit"]), [[index, "now"]], list.map(({ output }) => [output, "lit"]));
    on.line.show([fillIn(messages.joins, { name: indexExpression("weight", index), value: blocks.weight.text(blocks.weight.position(index), 5), count: list.length })]);
  }

  /** What a cell of the input or the kernel is to the kernel; padding is nothing of its own. */
  function editable(what, p) {
    const index = blocks[what].index(p);
    if (what === "input" && outside(index)["data-pad"]) return null;
    const shift = what === "input" ? [0, ...scene().input.before] : index.map(() => 0);
    const own = index.map((i, d) => i - shift[d]);
    return { block: blocks[what], index: own, name: what === "input" ? indexExpression("x", [model.get("sample"), ...own]) : indexExpression("weight", own) };
  }
}

export default { render };
