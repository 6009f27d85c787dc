// View of a sliding window: padded input, kernel, products and output, with a control for every argument.

import { closest, h, fillIn } from "../../kit/js/dom.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { decode, indexExpression, numel, ravel, unravel, withDecimals } from "../../kit/js/tensor_block.js";
import { grid } from "../../kit/js/grid.js";
import { formula } from "../../kit/js/formula.js";
import { redrawOnChange } from "../../kit/js/animation.js";
import { baseView } from "../../kit/js/base_view.js";
import { cellOutlines } from "../../kit/js/cell_outlines.js";
import { flights } from "../../kit/js/flights.js";
import { fold } from "../../kit/js/fold.js";
import { pager } from "../../kit/js/pager.js";
import { argumentControls, restoredNote } from "./controls.js";
import { gridEditor } from "./edit.js";
import { animateProducts } from "./product_animation.js";
import { inputMinimap } from "./minimap.js";
import { gradientMarks } from "./gradient.js";
import { arrange } from "./layout.js";
import { factorsOf, runningSum, outputFormula, channelSums, divisorOf } from "./output_terms.js";
import { termsOf, outputsOf, pairsOf } from "./window_indices.js";

/** Longer planes are drawn in color alone. */
const MAX_WITH_NUMBERS = 12;
/** Transposed: with more terms than this, the stamps that overlap in an output are not outlined. */
const MAX_STAMPS = 9;
/** Most outputs that flash at once. */
const MAX_FLASHES = 256;

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const scene = () => model.get("scene");
  const outputSizes = () => scene().axes.map((axis) => axis.output_size);
  const channel = () => Math.min(model.get("channel"), scene().channels[1] - 1);
  const positionOf = (step) => unravel(step - 1, outputSizes());
  const label = (step) => (step ? indexExpression("y", [model.get("sample"), channel(), ...positionOf(step)]) : messages.none);
  const traits = { channel: () => {}, selection: () => {}, refusal: showNotes, restored: showNotes };
  const view = baseView({ model, el, signal, name: scene().name, steps: () => numel(outputSizes()), unit: messages.unit, label, draw, showStep, traits, onEscape: clearSelection });
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
  const outlines = Object.fromEntries(Object.entries(grids).map(([what, each]) => [what, cellOutlines(each)]));
  const pagers = {
    input: pager({ messages, signal, label: messages["control.input_channel"], set: setInputChannel }),
    output: pager({ messages, signal, label: messages["control.output_channel"], set: (value) => view.save("channel", value) }),
  };
  const row = h("div", { class: "conv-row" });
  const blocks = {};
  const sizeFormulas = h("div", { class: "conv-size-formula" });
  const sums = formula("conv-channel-sums");
  const running = { label: h("span"), number: h("b"), part: h("span") };
  running.element = h("div", { class: "conv-running-sum" }, running.label, running.number, running.part);
  const minimap = inputMinimap({ model, messages, signal, save: view.save });
  const gradient = gradientMarks({ grid: grids.input, messages });
  const animation = flights({ layer: view.ui.main, model, signal, className: "conv-moving-product" });
  const drawn = new Set();
  /** The output before an edit, to flash what changed. */
  let previousOutput = null;
  /** Sizes for which the grids were arranged. */
  let arrangedSizes = "";
  /** What was shown last: only a step from it in the same scene is animated. */
  let shownKey = "";
  /** The window follows a new step, but not one from which the user moved it away. */
  let lastStep = -1;
  /** Which of the input channels that an output reads is drawn. */
  let inputChannel = 0;
  const makeEditable = gridEditor({ model, messages, signal, target: editTarget });
  for (const what of ["input", "weight"]) makeEditable(what, grids[what]);
  // A CSS animation restarts only after its attribute was removed.
  view.ui.main.addEventListener("animationend", (event) => closest(event, "[data-flash]")?.removeAttribute("data-flash"), { signal });
  view.start();
  view.line.element.after(sums.element);
  // Below the picture: a note that appears moves nothing.
  view.controls.element.after(view.ui.notes, fold({ title: messages.size, signal }, sizeFormulas));
  view.controls.element.classList.add("conv-controls");

  /** Escape first clears the selected element. */
  function clearSelection() {
    const selected = model.get("selection").length > 0;
    if (selected) view.save("selection", []);
    return selected;
  }
  function setInputChannel(value) {
    inputChannel = value;
    pagers.input.show(value, inputChannels());
    view.update();
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
    const isPooling = kind.endsWith("pool");
    showNotes();
    shownKey = "";
    gradient.read(scene());
    minimap.show(scene());
    drawn.clear();
    previousOutput = blocks.output;
    blocks.input = numberBlock(input.block, "x", { shift: [0, ...input.pad_before], state: paddingState });
    blocks.weight = weight ? numberBlock(weight, "weight") : null;
    blocks.output = numberBlock(output.block, "y", {}, isPooling ? blocks.input.max : undefined);
    blocks.bias = bias ? numberBlock(bias, "bias", {}, blocks.output.max) : null;
    if (partOf(previousOutput) !== partOf(blocks.output)) previousOutput = null;
    if (!row.firstChild) layOut();
    sizeFormulas.replaceChildren(...lines.map((line) => h("div", {}, line)));
    inputChannel = Math.min(inputChannel, inputChannels() - 1);
    pagers.input.show(inputChannel, inputChannels());
    addControls();
    // They keep their place while they are hidden, so that nothing moves when they appear.
    showProducts(termsOf(scene(), channel(), blocks.output.start.slice(1)));
    hideSums();
  }
  /** The grids are placed once, because an element that moves in the document loses the focus. */
  function layOut() {
    const place = (area, node) => {
      node.style.gridArea = area;
      row.append(node);
    };
    const column = (...nodes) => h("div", { class: "conv-column" }, ...nodes);
    const sign = (text) => h("span", { class: "tensor-sign" }, text);
    place("input", column(grids.input.element, pagers.input.element, minimap.element));
    place("times", sign(blocks.weight ? "∗" : "→"));
    place("weight", column(blocks.weight ? grids.weight.element : null, column(products.element, running.element)));
    place("equals", sign("="));
    place("output", column(grids.output.element, pagers.output.element));
    const main = h("div", { class: "tensor-main" }, row);
    view.ui.main.append(main);
    redrawOnChange({
      root: view.ui.root, element: main, signal,
      draw() {
        arrange(row);
        view.update();
      },
    });
  }
  /** Number of drawn input channels that an output reads; those of a sequence are rows. */
  function inputChannels() {
    const { kind, axes, channels, groups } = scene();
    return kind.endsWith("pool") || axes.length < 2 ? 1 : Math.min(channels[0] / groups, blocks.input.size[0]);
  }
  /** A number reads the same in every grid and formula: with steps of at most a 50th of the largest, in small grids of a 500th. */
  function numberBlock(payload, name, options = {}, max = undefined) {
    const planes = [scene().input.block, scene().output.block];
    const block = withDecimals(decode({ ...payload, name }), planes.some(({ size }) => size.at(-1) > 4) ? 50 : 500, max);
    const dims = scene().axes.length;
    const isLarge = dims > 1 && Math.max(...block.size.slice(-dims)) > MAX_WITH_NUMBERS;
    return Object.assign(block, { room: 480, tiles: 0, bare: block.shape.slice(0, -dims).every((size) => size === 1), dense: isLarge ? Math.max(8, Math.floor(320 / block.size.at(-1))) : 0 }, options);
  }
  /** Padding is hatched, and positions that no window reaches are gray. */
  function paddingState([, ...position]) {
    const { axes } = scene();
    const isPadding = axes.some((axis, d) => !axis.transposed && (position[d] < axis.pad_before || position[d] >= axis.pad_before + axis.input_size));
    const isUnused = axes.some((axis, d) => axis.unused > 0 && position[d] >= axis.pad_before + axis.input_size + axis.pad_after - axis.unused);
    return { "data-pad": isPadding, "data-unused": isUnused };
  }

  function addControls() {
    const { controls: list, presets, axes } = scene();
    const bar = view.controls;
    argumentControls({ model, messages, bar, save: view.save, dims: axes.length, list });
    if (presets.length && model.get("live")) {
      const options = [["", messages["option.own"]], ...presets.map((name) => [name, messages[`option.${name}`]])];
      bar.choice({ label: messages["control.preset"], options, get: () => "", set: (name) => name && model.send({ kind: "preset", name }) });
    }
  }

  /** Make these indices visible. A grid that already shows its index is not drawn again. */
  function bringIntoView(indices) {
    const shapes = { input: scene().input.shape, output: scene().output.shape, weight: scene().weight?.shape };
    const next = [["input", "x"], ["output", "y"], ["weight", "weight"]].filter(([what]) => blocks[what] && !(drawn.has(what) && grids[what].shows(indices[what])));
    for (const [what, name] of next) {
      grids[what].show(blocks[what], indices[what], [h("b", {}, name), h("span", { class: "tensor-meta" }, h("code", {}, `(${shapes[what].join(", ")})`))]);
      drawn.add(what);
    }
    // Trying the arrangements takes long in large planes; a part of the same size that has moved keeps its own.
    const sizes = JSON.stringify(["input", "weight", "output"].map((what) => blocks[what] && sizeOf(blocks[what])));
    if (sizes !== arrangedSizes) arrange(row);
    arrangedSizes = sizes;
    flashChanges();
  }
  /** All that the size of a drawn block depends on: its cells, and the digits of its indices. */
  function sizeOf({ size, start, wide, dense }) {
    return [size, wide, dense, start.map((from, d) => String(from + size[d]).length)];
  }
  /** Which part of which tensor a block is: another part has other numbers, of which none has changed. */
  function partOf(block) {
    return block && JSON.stringify([block.shape, block.start, block.size]);
  }
  function flashChanges() {
    const before = previousOutput;
    previousOutput = null;
    const changed = before ? Array.from({ length: before.count }, (_, p) => p).filter((p) => !Object.is(before.raw(p), blocks.output.raw(p))) : [];
    if (changed.length <= MAX_FLASHES) for (const p of changed) grids.output.node(p)?.setAttribute("data-flash", "");
  }

  function showStep(step) {
    const [what, ...index] = model.get("selection");
    const key = `${step} ${channel()} ${what}`;
    const changed = shownKey !== key && shownKey !== "";
    const stepped = step !== lastStep;
    const isFirst = lastStep < 0;
    shownKey = key;
    lastStep = step;
    // The player shows outputs, no longer what was selected before.
    if (what && stepped && !isFirst) return view.save("selection", []);
    pagers.output.show(channel(), Math.min(scene().channels[1], blocks.output.size[0]));
    animation.stop();
    const animated = changed && animation.isWanted();
    gradient.clear();
    if (what || !step) hideSums();
    if (what === "input") return showOutputsOf(index);
    if (what === "weight") return showPairsOf(index);
    return step ? showOutput(positionOf(step), stepped, animated) : showNothing();
  }
  function showNothing() {
    const first = drawnTerms(termsOf(scene(), channel(), outputSizes().map(() => 0)))[0];
    show({ near: { input: first?.input, weight: first?.weight } });
    const hint = model.get("live") && scene().editable ? `${messages.hint} ${messages.hint_edit}` : messages.hint;
    view.line.show(gradient.showTotal(blocks.input) ?? [{ text: hint, soft: true }]);
  }
  function showOutput(position, stepped, animated) {
    const index = [channel(), ...position];
    if (blocks.output.position(index) < 0) {
      if (model.get("live") && stepped) view.save("origin", position.map((o) => Math.max(0, o - 8)));
      show({ near: { input: blocks.input.start, output: [channel(), ...blocks.output.start.slice(1)] } });
      hideSums();
      return view.line.show([{ text: messages.not_here, soft: true }]);
    }
    const terms = termsOf(scene(), channel(), position);
    const taken = drawnTerms(terms);
    const isTransposed = scene().kind === "conv_transpose";
    const inputs = taken.map(({ input }) => input);
    const [q, dims] = [blocks.output.position(index), position.length];
    const maximum = scene().argmax && [channel(), ...typedArray(scene().argmax, "int32").slice(q * dims, (q + 1) * dims)];
    show({
      near: { input: inputs[0], weight: taken[0]?.weight, output: index },
      lit: { input: terms.map(({ input }) => input), weight: terms.flatMap(({ weight }) => (weight ? [weight] : [])) },
      now: { input: maximum, output: index },
      outlined: { input: [inputs], weight: isTransposed ? [] : [taken.map(({ weight }) => weight)], output: isTransposed && inputs.length <= MAX_STAMPS ? inputs.map((input) => stampOf(input).map(({ output }) => output)) : [] },
      computed: ravel(position, outputSizes()) + 1,
    });
    return showSum(index, terms, taken, animated);
  }
  function hideSums() {
    for (const { element } of [products, running]) element.dataset.off = "";
    sums.show([]);
  }
  /** Of the terms of an output, those of the drawn input channel; of a sequence all. */
  function drawnTerms(terms) {
    const channels = [...new Set(terms.map(({ input }) => input[0]))];
    return scene().axes.length < 2 ? terms : terms.filter(({ input }) => input[0] === channels[inputChannel]);
  }
  /** The outputs of the drawn channel to which an input is added, with the weights. */
  function stampOf(input) {
    return outputsOf(scene(), input).filter(({ output }) => output[0] === channel());
  }

  /**
   * Draw the grids with their marks. Outputs are empty until they are computed.
   * @param {{near?: any, lit?: any, now?: any, outlined?: any, computed?: number}} options by grid: near: an index to make visible; lit: indices; now: one index; outlined: lists of
   *   indices, around each of which is one outline; computed: number of steps of which the output is shown
   */
  function show({ near = {}, lit = {}, now = {}, outlined = {}, computed = Infinity }) {
    const c = channel();
    const weight = scene().kind === "conv" ? [c, inputChannel, 0, 0] : [inputChannel, c, 0, 0];
    bringIntoView({ input: near.input ?? [0, 0, 0], output: near.output ?? [c, 0, 0], weight: near.weight ?? weight });
    const isWhole = scene().axes.every(({ dilation }) => dilation === 1);
    for (const what of ["input", "weight", "output"]) {
      const block = blocks[what];
      if (!block) continue;
      const marks = [...(lit[what] ?? []).map((index) => [block.position(index), "lit"]), ...(now[what] ? [[block.position(now[what]), "now"]] : [])];
      grids[what].mark(marks.filter(([p]) => p >= 0));
      outlines[what]((outlined[what] ?? []).map((list) => list.map(block.position)), what !== "input" || isWhole);
    }
    for (let q = 0; q < blocks.output.count; q += 1) grids.output.node(q)?.toggleAttribute("data-future", ravel(blocks.output.index(q).slice(1), outputSizes()) >= computed);
  }

  /** The products of one output and their sums, animated if there is time. */
  function showSum(index, terms, taken, animated) {
    const q = blocks.output.position(index);
    const factors = factorsOf(blocks, terms);
    const output = { scene: scene(), blocks, messages, q, channel: channel(), factors, name: indexExpression("y", [model.get("sample"), ...index]) };
    const inputName = (at) => indexExpression("x", [model.get("sample"), ...at]);
    view.line.show([...outputFormula(output), ...gradient.showOutput(scene(), blocks.input, terms, index, inputName)]);
    hideSums();
    sums.show(channelSums(output));
    if (!showProducts(taken)) return;
    showRunningSum(factors, factors.length - 1, q);
    if (animated) animate(factors, terms.indexOf(taken[0]), taken.length, q);
  }
  /** The running sum after the k-th term; after the last one it includes the bias. */
  function showRunningSum(factors, k, q) {
    const { kind } = scene();
    const { write } = blocks.output;
    const { channel: c, channelSum, total } = runningSum(kind, factors, k);
    const isLast = k === factors.length - 1;
    const bias = isLast && blocks.bias ? fillIn(messages["sums.bias"], { bias: blocks.bias.text(channel()) }) : "";
    const hasChannels = c !== undefined && factors[0]?.channel !== factors.at(-1)?.channel;
    delete running.element.dataset.off;
    running.number.textContent = isLast && kind !== "avg_pool" ? blocks.output.text(q) : write(total);
    running.part.textContent = kind === "avg_pool" && isLast ? `/ ${divisorOf(scene(), blocks, q)}` : bias || (hasChannels ? fillIn(messages["sums.channel"], { channel: c, sum: write(channelSum) }) : "");
    running.label.textContent = messages[kind === "max_pool" ? "sums.largest" : "sums.running"];
  }
  /** @param {any[]} factors of all channels @param {number} first index of the first one with a drawn product @param {number} count number of drawn products @param {number} q */
  function animate(factors, first, count, q) {
    const target = grids.output.node(q);
    const tiles = factors.slice(first, first + count).flatMap(({ absent }, k) => (absent ? [] : [{ node: products.node(k), k: first + k }]));
    if (!target || tiles.length === 0) return;
    running.number.textContent = blocks.output.write(first ? runningSum(scene().kind, factors, first - 1).total : 0);
    running.part.textContent = "";
    target.setAttribute("data-future", "");
    const lastTerm = (i) => (i + 1 < tiles.length ? tiles[i + 1].k - 1 : factors.length - 1);
    animateProducts({ layer: view.ui.main, model, fly: animation.fly }, tiles.map(({ node }, i) => ({ node, onArrival: () => showRunningSum(factors, lastTerm(i), q) })), running.number, target, () => {
      target.removeAttribute("data-future");
      target.setAttribute("data-flash", "");
    });
  }
  /** @param {{input: number[], weight: any, output?: number[]}[]} terms @param {string} [title] @returns {boolean} whether their numbers are in the scene */
  function showProducts(terms, title = messages[scene().weight ? "products" : "window"]) {
    const factors = factorsOf(blocks, terms);
    if (!factors.length || !factors.every(Boolean)) return false;
    delete products.element.dataset.off;
    const values = Float64Array.from(factors, (factor) => factor.product);
    const present = Uint8Array.from(factors, (factor) => Number(!factor.absent));
    const sizes = scene().axes.map((_, d) => new Set(terms.map(({ input, output }) => (output ?? input)[d + 1])).size);
    const channels = values.length / numel(sizes);
    const size = channels > 1 ? [channels, ...sizes] : sizes;
    const about = { shape: size, start: size.map(() => 0), size, kind: "float64", values: new DataView(values.buffer), present: new DataView(present.buffer) };
    const block = numberBlock(about, "products", { bare: true }, blocks.input.max * (blocks.weight?.max ?? 1));
    block.wide = Math.max(block.wide, ...["input", "weight", "output"].map((what) => (blocks[what]?.dense ? 0 : (blocks[what]?.wide ?? 0))));
    products.show(block, [], [h("b", {}, title)]);
    const most = scene().axes.map(({ transposed, dilation, stride, kernel_size: length }) => (transposed && dilation === 1 ? Math.ceil(length / stride) : length));
    products.element.style.setProperty("--rows", String(most.at(-2) ?? channels));
    return true;
  }

  /** Every output that reads an input element; in a transposed convolution also the numbers that it adds. */
  function showOutputsOf(index) {
    const list = outputsOf(scene(), index);
    const stamp = stampOf(index);
    const isTransposed = scene().kind === "conv_transpose";
    const first = stamp[0] ?? list[0];
    const outputs = list.map(({ output }) => output);
    show({
      near: { input: index, output: first?.output, weight: first?.weight }, now: { input: index },
      lit: { weight: list.flatMap(({ weight }) => (weight ? [weight] : [])), output: outputs }, outlined: { output: isTransposed ? [stamp.map(({ output }) => output)] : [] },
    });
    const value = blocks.input.text(blocks.input.position(index));
    if (isTransposed) showProducts(stamp.map(({ output, weight }) => ({ input: index, output, weight })), `${value} · weight`);
    const unpadded = index.map((i, d) => (d ? i - scene().input.pad_before[d - 1] : i));
    view.line.show([fillIn(messages.feeds, { name: indexExpression("x", [model.get("sample"), ...unpadded]), value, count: list.length })]);
  }
  /** Every pair of input and output that a weight connects. */
  function showPairsOf(index) {
    const list = pairsOf(scene(), index);
    const [inputs, outputs] = [list.map(({ input }) => input), list.map(({ output }) => output)];
    show({ near: { input: inputs[0], output: outputs[0], weight: index }, lit: { input: inputs, output: outputs }, now: { weight: index } });
    view.line.show([fillIn(messages.joins, { name: indexExpression("weight", index), value: blocks.weight.text(blocks.weight.position(index)), count: list.length })]);
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
