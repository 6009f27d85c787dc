// View of a sliding window: padded input, kernel, products and output, with a control for every argument.

import { closest, h, fillIn } from "../../kit/js/dom.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { format } from "../../kit/js/numbers.js";
import { decode, unravel, ravel, numel, indexExpression } from "../../kit/js/tensor_block.js";
import { grid } from "../../kit/js/grid.js";
import { formula } from "../../kit/js/formula.js";
import { baseView } from "../../kit/js/base_view.js";
import { argumentControls, restoredNote } from "./controls.js";
import { gridEditor } from "./edit.js";
import { productAnimation } from "./product_animation.js";
import { inputMinimap } from "./minimap.js";
import { gradientMarks } from "./gradient.js";
import { factorsOf, runningSum, outputFormula, channelSums, divisorOf } from "./output_terms.js";
import { termsOf, outputsOf, pairsOf } from "./window_indices.js";

/** Longer planes are drawn in color alone. */
const MAX_WITH_NUMBERS = 12;
/** Of a kernel with more numbers for each output channel, one input channel is drawn. */
const MAX_KERNEL_NUMBERS = 54;

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const scene = () => model.get("scene");
  const outputSizes = () => scene().axes.map((axis) => axis.output_size);
  const channel = () => Math.min(model.get("channel"), scene().channels[1] - 1);
  const positionOf = (step) => unravel(step - 1, outputSizes());
  const label = (step) => (step ? indexExpression("y", [model.get("sample"), channel(), ...positionOf(step)]) : messages.none);
  const traits = { channel: () => {}, selection: () => {}, refusal: showNotes, restored: showNotes };
  const view = baseView({ model, el, signal, name: scene().name, steps: () => numel(outputSizes()), label, draw, showStep, traits, onEscape: clearSelection });
  const pick = {
    output: ([c, ...position]) => {
      model.set("selection", []);
      model.set("channel", c);
      view.go(ravel(position, outputSizes()) + 1);
    },
    input: (index) => select(["input", ...index]),
    weight: (index) => select(["weight", ...index]),
  };
  const grids = Object.fromEntries(["input", "weight", "output"].map((what) => [what, grid({ messages, signal, pick: pick[what] })]));
  const products = grid({ messages, signal });
  const blocks = {};
  const sizeFormulas = h("div", { class: "conv-size-formula" });
  const sums = formula("conv-channel-sums");
  const running = { label: h("span"), number: h("b"), part: h("span") };
  running.element = h("div", { class: "conv-running-sum", hidden: "" }, running.label, running.number, running.part);
  const minimap = inputMinimap({ model, messages, signal, save: view.save });
  const gradient = gradientMarks({ grid: grids.input, messages });
  const animation = productAnimation({ layer: view.ui.main, model, signal });
  const drawn = new Set();
  /** The output before an edit, to flash what changed. */
  let previousOutput = null;
  /** What was shown last: only a step from it in the same scene is animated. */
  let shownKey = "";
  /** The window follows a new step, but not one from which the user moved it away. */
  let lastStep = -1;
  /** The drawn input channel of a kernel with too many numbers. */
  let inputChannel = 0;
  const makeEditable = gridEditor({ model, messages, signal, target: editTarget });
  for (const what of ["input", "weight"]) makeEditable(what, grids[what]);
  // A CSS animation restarts only after its attribute was removed.
  view.ui.main.addEventListener("animationend", (event) => closest(event, "[data-flash]")?.removeAttribute("data-flash"), { signal });
  view.start();
  view.line.element.after(sums.element);

  /** Escape first clears the selected element. */
  function clearSelection() {
    const selected = model.get("selection").length > 0;
    if (selected) view.save("selection", []);
    return selected;
  }
  function select(element) {
    model.set("playing", false);
    view.save("selection", element);
  }

  function showNotes() {
    const refusal = model.get("refusal");
    const refused = refusal ? [{ kind: "bad", text: model.get("refused_by") === "dlviz" ? fillIn(messages.refused_here, { reason: refusal }) : fillIn(messages.refused_now, { torch: refusal }) }] : [];
    view.ui.setNotes([...refused, ...restoredNote(model, messages), ...scene().notes]);
  }

  function draw() {
    const { input, output, weight, bias, kind, size_formulas: lines } = scene();
    showNotes();
    shownKey = "";
    gradient.read(scene());
    minimap.show(scene());
    drawn.clear();
    const old = blocks.output;
    blocks.input = decodeBlock(input.block, "x", { shift: [0, ...input.pad_before], state: paddingState });
    blocks.output = decodeBlock(output.block, "y", {});
    blocks.weight = weight ? decodeBlock(weight, "weight", { tiles: kind === "conv" && !isDeep() ? 1 : 0 }) : null;
    blocks.bias = bias ? decode({ ...bias, name: "bias" }) : null;
    previousOutput = old && old.size.join() === blocks.output.size.join() ? old : null;
    if (!view.ui.main.firstChild) layOut();
    sizeFormulas.replaceChildren(...lines.map((line) => h("div", {}, line)));
    addControls();
  }
  /** The grids are placed once, because an element that moves in the document loses the focus. */
  function layOut() {
    const sign = (text) => h("span", { class: "tensor-sign" }, text);
    const input = h("div", { class: "conv-column" }, grids.input.element, minimap.element);
    const kernel = h("div", { class: "conv-column" }, blocks.weight ? grids.weight.element : null, products.element, running.element);
    const row = h("div", { class: "conv-row" }, input, sign(blocks.weight ? "∗" : "→"), kernel, sign("="), grids.output.element);
    view.ui.main.append(h("div", { class: "tensor-main" }, row, sizeFormulas));
  }
  /** Whether the kernel has too many numbers to draw all input channels. */
  function isDeep() {
    return scene().kind === "conv" && numel(scene().weight.size.slice(1)) > MAX_KERNEL_NUMBERS;
  }
  function decodeBlock(payload, name, options) {
    const block = decode({ ...payload, name, digits: payload.size.at(-1) > 4 ? 2 : 3 });
    const dims = scene().axes.length;
    const large = Math.max(...block.size.slice(-dims)) > MAX_WITH_NUMBERS;
    const dense = large && dims > 1 ? Math.max(8, Math.floor(320 / block.size.at(-1))) : 0;
    return Object.assign(block, { room: 480, bare: block.size.length < 3, dense }, options);
  }
  /** Padding is hatched, and positions that no window reaches are gray. */
  function paddingState([, ...position]) {
    const { axes } = scene();
    const isPadding = axes.some((axis, d) => !axis.transposed && (position[d] < axis.pad_before || position[d] >= axis.pad_before + axis.input_size));
    const isUnused = axes.some((axis, d) => axis.unused > 0 && position[d] >= axis.pad_before + axis.input_size + axis.pad_after - axis.unused);
    return { "data-pad": isPadding, "data-unused": isUnused };
  }

  function addControls() {
    const { channels, controls: list, presets, axes } = scene();
    const bar = view.controls;
    if (channels[1] > 1) bar.range({ label: messages["control.output_channel"], max: () => Math.min(channels[1], blocks.output.size[0]) - 1, get: channel, set: (value) => view.save("channel", value) });
    if (blocks.weight && isDeep()) {
      bar.range({
        label: messages["control.input_channel"], max: () => blocks.weight.size[1] - 1, get: () => inputChannel,
        set(value) {
          inputChannel = value;
          view.update();
        },
      });
    }
    argumentControls({ model, messages, bar, save: view.save, dims: axes.length, list });
    if (presets.length && model.get("live")) {
      const options = [["", messages["option.own"]], ...presets.map((name) => [name, messages[`option.${name}`]])];
      bar.choice({ label: messages["control.preset"], options, get: () => "", set: (name) => name && model.send({ kind: "preset", name }) });
    }
  }

  /** Make these indices visible. A grid that already shows its index is not drawn again. */
  function bringIntoView(indices) {
    const shapes = { input: scene().input.shape, output: scene().output.shape, weight: scene().weight?.shape };
    for (const [what, name] of [["input", "x"], ["output", "y"], ["weight", "weight"]]) {
      if (!blocks[what] || (drawn.has(what) && grids[what].shows(indices[what]))) continue;
      const shape = h("span", { class: "tensor-meta" }, h("code", {}, `(${shapes[what].join(", ")})`));
      grids[what].show(blocks[what], indices[what], [h("b", {}, name), shape]);
      drawn.add(what);
    }
    flashChanges();
  }
  function flashChanges() {
    if (!previousOutput) return;
    for (let p = 0; p < previousOutput.count; p += 1) if (previousOutput.text(p, 6) !== blocks.output.text(p, 6)) grids.output.node(p)?.setAttribute("data-flash", "");
    previousOutput = null;
  }

  function showStep(step) {
    const [what, ...index] = model.get("selection");
    const key = `${step} ${channel()} ${what}`;
    const changed = shownKey !== key && shownKey !== "";
    shownKey = key;
    const stepped = step !== lastStep;
    lastStep = step;
    animation.stop();
    const animated = changed && animation.isWanted();
    gradient.clear();
    if (what || !step) hideSums();
    if (what === "input") return showOutputsOf(index);
    if (what === "weight") return showPairsOf(index);
    return step ? showOutput(positionOf(step), stepped, animated) : showNothing();
  }
  function showNothing() {
    bringIntoView({ input: [0, 0, 0], output: [channel()], weight: weightStart(channel()) });
    markAll([], [], []);
    const hint = model.get("live") && scene().editable ? `${messages.hint} ${messages.hint_edit}` : messages.hint;
    view.line.show(gradient.showTotal(blocks.input) ?? [{ text: hint, soft: true }]);
  }
  function showOutput(position, stepped, animated) {
    if (blocks.output.position([channel(), ...position]) < 0) {
      if (model.get("live") && stepped) view.save("origin", position.map((o) => Math.max(0, o - 8)));
      bringIntoView({ input: blocks.input.start, output: [channel(), ...blocks.output.start.slice(1)], weight: weightStart(channel()) });
      markAll([], [], []);
      hideSums();
      return view.line.show([{ text: messages.not_here, soft: true }]);
    }
    const terms = termsOf(scene(), channel(), position);
    const deep = blocks.weight && isDeep() ? terms.find(({ weight }) => weight[1] === inputChannel) : null;
    const first = deep ?? terms[0];
    bringIntoView({ input: first?.input ?? [0, 0, 0], output: [channel(), ...position], weight: first?.weight ?? weightStart(channel()) });
    markAll(terms.map((term) => [term.input, "lit"]), terms.filter((term) => term.weight).map((term) => [term.weight, "lit"]), [[[channel(), ...position], "now"]]);
    return showSum(position, terms, animated);
  }
  function hideSums() {
    products.element.hidden = running.element.hidden = true;
    sums.show([]);
  }
  function weightStart(c) {
    return scene().kind === "conv" ? [c, inputChannel, 0, 0] : [0, 0, 0, 0];
  }

  /** @param {[number[], string][]} input @param {[number[], string][]} weight @param {[number[], string][]} output */
  function markAll(input, weight, output) {
    const marks = (block, list) => list.map(([index, kind]) => [block.position(index), kind]).filter(([p]) => p >= 0);
    grids.input.mark(marks(blocks.input, input));
    grids.output.mark(marks(blocks.output, output));
    if (blocks.weight) grids.weight.mark(marks(blocks.weight, weight));
  }

  /** The products of one output and their sums, animated if there is time. */
  function showSum(position, terms, animated) {
    const index = [channel(), ...position];
    const q = blocks.output.position(index);
    const factors = factorsOf(blocks, terms);
    const output = { scene: scene(), blocks, messages, q, channel: channel(), factors, name: indexExpression("y", [model.get("sample"), ...index]) };
    showProducts(factors);
    if (scene().argmax) {
      const dims = scene().axes.length;
      const maximum = [channel(), ...typedArray(scene().argmax, "int32").slice(q * dims, (q + 1) * dims)].join();
      grids.input.mark(terms.map(({ input }) => [blocks.input.position(input), input.join() === maximum ? "now" : "lit"]));
    }
    const inputName = (at) => indexExpression("x", [model.get("sample"), ...at]);
    view.line.show([...outputFormula(output), ...gradient.showOutput(scene(), blocks.input, terms, index, inputName)]);
    sums.show(channelSums(output));
    showRunningSum(factors, factors.length - 1, q);
    if (animated && !products.element.hidden) animate(factors, q);
  }
  /** The running sum after the k-th term; after the last one it includes the bias. */
  function showRunningSum(factors, k, q) {
    running.element.hidden = products.element.hidden;
    if (running.element.hidden) return;
    const { kind } = scene();
    const { channel: c, channelSum, total } = runningSum(kind, factors, k);
    const isLast = k === factors.length - 1;
    const bias = isLast && blocks.bias ? Number(blocks.bias.raw(channel())) : 0;
    const hasChannels = c !== undefined && factors[0]?.channel !== factors.at(-1)?.channel;
    const added = bias ? fillIn(messages["sums.bias"], { bias: format(bias, 4) }) : fillIn(messages["sums.channel"], { channel: c, sum: format(channelSum, 4) });
    running.number.textContent = format(total + bias, 5);
    running.part.textContent = kind === "avg_pool" && isLast ? `/ ${divisorOf(scene(), blocks, q)}` : hasChannels || bias ? added : "";
    running.label.textContent = messages[kind === "max_pool" ? "sums.largest" : "sums.running"];
  }
  function animate(factors, q) {
    const target = grids.output.node(q);
    const tiles = factors.flatMap((factor, k) => {
      const node = factor && !factor.absent ? products.node(k) : null;
      return node ? [{ node, k }] : [];
    });
    if (!target || tiles.length === 0) return;
    running.number.textContent = "0";
    running.part.textContent = "";
    const lastTerm = (i) => (i + 1 < tiles.length ? tiles[i + 1].k - 1 : factors.length - 1);
    const moves = tiles.map(({ node }, i) => ({ node, onArrival: () => showRunningSum(factors, lastTerm(i), q) }));
    animation.start(moves, running.number, target, () => target.setAttribute("data-flash", ""));
  }
  function showProducts(factors) {
    products.element.hidden = factors.length === 0 || !factors.every(Boolean);
    if (products.element.hidden) return;
    const values = Float64Array.from(factors, (factor) => factor.product);
    const present = Uint8Array.from(factors, (factor) => Number(!factor.absent));
    const kernel = scene().axes.map((axis) => axis.kernel_size);
    const channels = values.length / numel(kernel);
    const shape = Number.isInteger(channels) && scene().kind !== "conv_transpose" ? [channels, ...kernel] : [values.length];
    const block = decode({ shape, start: shape.map(() => 0), size: shape, kind: "float64", values: new DataView(values.buffer), present: new DataView(present.buffer), name: "products", digits: shape.at(-1) > 4 ? 2 : 3 });
    const deep = blocks.weight && isDeep();
    products.show(Object.assign(block, { room: 480, bare: true, tiles: deep ? 0 : 1 }), [deep ? inputChannel : 0], [h("b", {}, messages[scene().weight ? "products" : "window"])]);
  }

  /** Every output that reads an input element. */
  function showOutputsOf(index) {
    const list = outputsOf(scene(), index);
    const first = list[0];
    bringIntoView({ input: index, output: first?.output ?? [channel(), 0, 0], weight: first?.weight ?? weightStart(channel()) });
    markAll([[index, "now"]], list.filter(({ weight }) => weight).map(({ weight }) => [weight, "lit"]), list.map(({ output }) => [output, "lit"]));
    const unpadded = index.map((i, d) => (d ? i - scene().input.pad_before[d - 1] : i));
    view.line.show([fillIn(messages.feeds, { name: indexExpression("x", [model.get("sample"), ...unpadded]), value: blocks.input.text(blocks.input.position(index), 5), count: list.length })]);
  }
  /** Every pair of input and output that a weight connects. */
  function showPairsOf(index) {
    const list = pairsOf(scene(), index);
    bringIntoView({ input: list[0]?.input ?? [0, 0, 0], output: list[0]?.output ?? [0, 0, 0], weight: index });
    markAll(list.map(({ input }) => [input, "lit"]), [[index, "now"]], list.map(({ output }) => [output, "lit"]));
    view.line.show([fillIn(messages.joins, { name: indexExpression("weight", index), value: blocks.weight.text(blocks.weight.position(index), 5), count: list.length })]);
  }

  /** The tensor element of a cell of the input or the kernel; null for padding. */
  function editTarget(what, p) {
    const block = blocks[what];
    const drawnIndex = block.index(p);
    if (what === "weight") return { block, index: drawnIndex, name: indexExpression("weight", drawnIndex) };
    if (paddingState(drawnIndex)["data-pad"]) return null;
    const index = drawnIndex.map((i, d) => (d ? i - scene().input.pad_before[d - 1] : i));
    return { block, index, name: indexExpression("x", [model.get("sample"), ...index]) };
  }
}

export default { render };
