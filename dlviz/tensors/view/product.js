// View of a matmul or einsum: for each element of the result the operands' elements and the terms that are summed.

import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { decode, unravel, ravel, numel, indexExpression } from "../../kit/js/tensor_block.js";
import { gridLayout, grid } from "../../kit/js/grid.js";
import { coloredIndex, inParentheses, intersperse, printedValue } from "../../kit/js/formula.js";
import { coloredTuple, definitionList } from "./metadata.js";
import { mainArea, updateOnResize } from "../../kit/js/grid_area.js";
import { regionMarker } from "../../kit/js/cell_regions.js";
import { flights } from "../../kit/js/flights.js";
import { baseView } from "../../kit/js/base_view.js";

/** Longer sums are written with an ellipsis. */
const MAX_TERMS = 8;

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const scene = () => model.get("scene");
  const order = () => model.get("order");
  const isMatmul = () => scene().kind === "matmul";
  const label = (step) => (step ? stepText(step) : messages["tensor.none"]);
  const view = baseView({ model, el, signal, name: scene().kind, steps, label, draw, showStep, unit: { toString: unit }, traits: { order: restart, batch: () => {} } });
  const { moveInto } = flights({ layer: view.ui.main, model, signal, className: "tensor-moving" });
  /** Operands: {grid, mark, block, item}. */
  let entries = [];
  let result;
  let partialSums;
  /** Index into the result that has to be visible. */
  let visibleIndex = [];
  view.start();
  updateOnResize(view, signal);

  /** Labels of the batch dimensions of a matmul. */
  function batchLabels() {
    return isMatmul() ? scene().result.labels.filter((name) => name.startsWith("b")) : [];
  }
  /** Sizes of the result's dimensions that the player steps through. */
  function stepShape() {
    return scene().result.metadata.shape.slice(batchLabels().length);
  }
  function steps() {
    if (order() === "outer") return scene().sizes[scene().summed[0]] ?? 0;
    if (order() === "columns") return scene().sizes.j ?? 0;
    return numel(stepShape());
  }
  function unit() {
    return messages[{ outer: "product.outer_unit", columns: "product.columns_unit" }[order()] ?? "tensor.unit"];
  }
  function stepText(step) {
    if (order() === "outer") return fillIn(messages["product.outer_step"], { step });
    if (order() === "columns") return fillIn(messages["product.column_step"], { column: step - 1 });
    return indexExpression(scene().result.metadata.name, [...batch(), ...unravel(step - 1, stepShape())]);
  }
  function batch() {
    return batchLabels().map((_, d) => model.get("batch")[d] ?? 0);
  }
  function restart() {
    visibleIndex = [];
    view.go(0);
  }

  function draw() {
    const { operands, result: output } = scene();
    entries = operands.map((item) => entry(item, undefined));
    result = entry(output, (index) => {
      if (order() === "columns") view.go(index.at(-1) + 1);
      else if (order() !== "outer") view.go(ravel(index.slice(batchLabels().length), stepShape()) + 1);
    });
    // All cells are equally wide, so that columns of the right operand stand above those of the result.
    if (isMatmul()) for (const { block } of [...entries, result]) block.wide = Math.max(...[...entries, result].map((other) => other.block.wide));
    partialSums = scene().partial_sums ? decode({ ...scene().partial_sums, name: "" }) : null;
    const grids = isMatmul()
      ? h("div", { class: "tensor-matmul" }, legend(), entries[1].grid.element, entries[0].grid.element, result.grid.element)
      : h("div", { class: "tensor-row" }, ...[...entries, result].map(({ grid }, i) => h("div", { class: "tensor-signed" }, i ? h("span", { class: "tensor-sign" }, i < entries.length ? "·" : "→") : null, grid.element)));
    view.ui.main.replaceChildren(mainArea([...entries, result].map(({ block }) => block), isMatmul() ? null : legend(), h("div", { class: "tensor-with-line" }, grids, view.line.element)));
    if (scene().orders.length > 1) {
      view.controls.choice({ label: messages["product.order"], options: scene().orders.map((name) => [name, messages[`product.${name}`]]), get: order, set: (name) => view.save("order", name) });
    }
    batchLabels().forEach((_, d) => view.controls.range({ label: fillIn(messages["product.batch"], { dim: d }), max: () => drawnSize(output.labels[d]) - 1, get: () => batch()[d], set: (value) => view.save("batch", batch().map((old, e) => (e === d ? value : old))) }));
    if (!isMatmul()) {
      for (const dim of gridLayout(result.block, []).sliced) {
        view.controls.range({ label: fillIn(messages["product.slice"], { label: output.labels[dim] }), max: () => drawnSize(output.labels[dim]) - 1, get: () => visibleIndex[dim] ?? 0, set: (value) => showIndex(output.labels.map((_, d) => (d === dim ? value : (visibleIndex[d] ?? 0)))) });
      }
    }
  }
  function entry(item, pick) {
    const numbers = grid({ messages, signal, pick });
    return { item, grid: numbers, mark: regionMarker(numbers), block: decode({ ...item.block, name: item.metadata.name, column: item.column, flat: isMatmul(), room: isMatmul() ? 900 : 240 }) };
  }

  /** How much of a label every tensor draws: of a large tensor only the first part is drawn. */
  function drawnSize(name) {
    const drawn = ({ item, block }) => item.labels.map((label, d) => (label === name && item.metadata.shape[d] > 1 ? block.size[d] : Infinity));
    return Math.min(scene().sizes[name], ...[...entries, result].flatMap(drawn));
  }

  /** Every letter, its size, and whether it is kept or summed over. */
  function legend() {
    const { sizes, summed, terms } = scene();
    const rows = Object.entries(sizes).map(([name, size]) => [letter(name), h("span", {}, fillIn(messages[summed.includes(name) ? "product.summed" : "product.kept"], { size }))]);
    return h("div", { class: "tensor-legend", role: "group", "aria-label": messages["product.legend"] }, definitionList(rows), h("p", {}, fillIn(messages["product.each"], { terms })));
  }
  function letter(name) {
    const shown = name.startsWith("b") && isMatmul() ? name.replace("b", "batch ") : name;
    return h("b", { class: "mono", "data-dim": letterColor(name) % 5 }, shown);
  }
  /** The number of the color that a letter has wherever it or its size is written. */
  function letterColor(name) {
    return Object.keys(scene().sizes).indexOf(name);
  }
  function heading({ item }) {
    const letters = item.labels.length ? intersperse(item.labels.map(letter), " ") : [];
    return [h("b", {}, item.metadata.name), h("span", { class: "tensor-letters" }, ...letters), h("span", { class: "tensor-meta" }, coloredTuple(item.metadata.shape, item.labels.map(letterColor)))];
  }

  function showIndex(index) {
    visibleIndex = index;
    view.update();
  }
  function showGrids() {
    const current = batch();
    const fixed = Object.fromEntries(scene().result.labels.map((name, d) => [name, current[d] ?? visibleIndex[d] ?? 0]));
    for (const drawn of entries) drawn.grid.show(drawn.block, indexByLabel(drawn, fixed), heading(drawn));
    result.grid.show(computed(Math.min(model.get("step"), steps())), indexByLabel(result, fixed), heading(result));
  }
  /** The result as it is after some steps: cells that are not computed yet are empty. */
  function computed(step) {
    const { block } = result;
    if (order() === "outer" && step) {
      const at = (p) => partialSums.position([step - 1, ...block.index(p)]);
      return { ...block, max: partialSums.max, text: (p) => partialSums.text(at(p), 3), number: (p) => partialSums.number(at(p)), nonfinite: (p) => partialSums.nonfinite(at(p)) };
    }
    if (order() === "columns") return { ...block, empty: (p) => block.index(p).at(-1) >= step };
    return { ...block, empty: (p) => ravel(block.index(p).slice(batchLabels().length), stepShape()) >= step };
  }
  /** Index into a tensor from values of labels; a size of 1 is broadcast. */
  function indexByLabel({ item }, values) {
    return item.labels.map((name, d) => (item.metadata.shape[d] > 1 ? (values[name] ?? 0) : 0));
  }

  function showStep(step, isNew) {
    showGrids();
    if (!step) {
      for (const { mark } of [...entries, result]) mark([]);
      moveInto([], undefined);
      return view.line.show([{ text: messages["product.hint"], soft: true }]);
    }
    if (order() === "outer") return showOuterProduct(step - 1);
    if (order() === "columns") return showColumn(step - 1);
    const index = [...batch(), ...unravel(step - 1, stepShape())];
    if (isNew && !result.grid.shows(index) && result.block.position(index) >= 0) {
      visibleIndex = index;
      showGrids();
    }
    return showDotProduct(index, isNew);
  }

  /** Mark the terms of one element, move them into it, and write their sum. */
  function showDotProduct(index, isNew) {
    const { result: output, summed, sizes, terms } = scene();
    const fixed = Object.fromEntries(output.labels.map((name, d) => [name, index[d]]));
    const marks = entries.map(() => []);
    const parts = [];
    /** Sum of the printed digits; exact only if all terms are printed. */
    let printedSum = 0;
    let allPrinted = true;
    for (let t = 0; t < terms; t += 1) {
      const inner = unravel(t, summed.map((name) => sizes[name]));
      const values = { ...fixed, ...Object.fromEntries(summed.map((name, d) => [name, inner[d]])) };
      const positions = entries.map((operand) => operand.block.position(indexByLabel(operand, values)));
      positions.forEach((p, i) => p >= 0 && marks[i].push([p, "lit"]));
      const shown = terms <= MAX_TERMS + 2 || t < MAX_TERMS - 1 || t === terms - 1;
      if (positions.some((p) => p < 0) || !shown) {
        if (parts.at(-1) !== null) parts.push(null);
        allPrinted = false;
        continue;
      }
      parts.push(positions.map((p, i) => inParentheses(entries[i].block.text(p, 4))));
      printedSum += positions.reduce((product, p, i) => product * printedValue(entries[i].block.raw(p)), 1);
      allPrinted &&= entries.every(({ block }) => block.plain);
    }
    entries.forEach(({ mark }, i) => mark(marks[i]));
    const q = result.block.position(index);
    result.mark(q >= 0 ? [[q, "now"]] : []);
    if (isNew) moveInto(entries.flatMap(({ grid }, i) => marks[i].map(([p]) => grid.node(p)).filter(Boolean)), result.grid.node(q));
    if (q < 0) return view.line.show([]);
    const sum = intersperse(parts.map((part) => (part === null ? ["…"] : intersperse(part, "·"))), [" + "]).flat();
    const off = allPrinted ? printedValue(result.block.raw(q)) - printedSum : 0;
    const note = Math.abs(off) > 1e-9 * Math.max(1, Math.abs(printedSum)) ? [{ text: ` ${fillIn(messages["product.rounded"], { off: format(off, 2) })}`, soft: true }] : [];
    return view.line.show([...coloredIndex(output.metadata.name, index, (d) => letterColor(output.labels[d])), " = ", ...(terms ? sum : ["0"]), " = ", { text: result.block.text(q, 4), strong: true }, ...note]);
  }

  /** Mark column k of the left and row k of the right operand, and show the sum of outer products so far. */
  function showOuterProduct(k) {
    const name = scene().summed[0];
    entries.forEach((operand) => operand.mark(marksWhere(operand, (values) => values[name] === k)));
    result.mark([]);
    const [a, b] = entries.map(({ item }) => item);
    const slice = (item) => `${item.metadata.name}[${item.labels.map((label, d) => (label === name ? (item.metadata.shape[d] > 1 ? k : 0) : label.startsWith("b") ? (batch()[Number(label.slice(1))] ?? 0) : ":")).join(", ")}]`;
    view.line.show([fillIn(messages["product.outer_line"], { done: k + 1, of: steps() }), " + ", slice(a), " ⊗ ", slice(b)]);
  }
  /** Mark column j of the result: the left operand's columns, weighted by column j of the right one. */
  function showColumn(j) {
    entries.forEach((operand) => operand.mark(marksWhere(operand, (values) => values.j === undefined || values.j === j)));
    result.mark(marksWhere(result, (values) => values.j === j).map(([p]) => [p, "now"]));
    const [a, b] = entries;
    const size = scene().sizes[scene().summed[0]];
    const parts = [];
    const before = a.item.labels.filter((name) => name.startsWith("b")).map((name) => batch()[Number(name.slice(1))]);
    const dots = a.item.labels.includes("i") ? [":"] : [];
    for (let k = 0; k < Math.min(size, MAX_TERMS); k += 1) {
      const p = b.block.position(indexByLabel(b, { ...batchValues(), j, [scene().summed[0]]: k }));
      if (p >= 0) parts.push([`${inParentheses(b.block.text(p, 4))}·${a.item.metadata.name}[${[...before, ...dots, k].join(", ")}]`]);
    }
    const left = `${result.item.metadata.name}[${[...batch(), ...dots, j].join(", ")}]`;
    view.line.show([left, " = ", ...intersperse(parts, [" + "]).flat(), ...(size > MAX_TERMS ? [" + …"] : [])]);
  }
  function batchValues() {
    return Object.fromEntries(batchLabels().map((name, d) => [name, batch()[d]]));
  }
  /** Marks of the elements in the drawn matrix whose labels pass a test. */
  function marksWhere({ block, item }, test) {
    const marks = [];
    const fixed = batchValues();
    for (let p = 0; p < block.count; p += 1) {
      const index = block.index(p);
      const values = Object.fromEntries(item.labels.map((name, d) => [name, index[d]]));
      const inMatrix = item.labels.every((name, d) => !(name in fixed) || index[d] === (item.metadata.shape[d] > 1 ? fixed[name] : 0));
      if (inMatrix && test(values)) marks.push([p, "lit"]);
    }
    return marks;
  }
}

export default { render };
