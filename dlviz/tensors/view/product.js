// Products that sum: for each element of a matmul or einsum the row and column that meet, and the terms in order.

import { h, fillIn } from "../../kit/js/dom.js";
import { diverging, format } from "../../kit/js/numbers.js";
import { decode, unravel, ravel, numel, indexExpression } from "../../kit/js/tensor_block.js";
import { gridLayout, grid } from "../../kit/js/grid.js";
import { intersperse } from "../../kit/js/formula.js";
import { table } from "./metadata.js";
import { baseView } from "../../kit/js/base_view.js";

/** More terms than this are written with a gap in the middle. */
const WRITTEN = 8;

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const scene = () => model.get("scene");
  const order = () => model.get("order");
  const matrix = () => scene().kind === "matmul";
  const label = (step) => (step ? said(step) : messages["tensor.none"]);
  const on = baseView({ model, el, signal, name: scene().kind, steps, label, draw, showStep, traits: { order: restart, batch: place } });
  let sheets = [];
  let result;
  let partial;
  /** An index into the result that has to be in sight. */
  let focus = [];
  let placed = "";
  on.start();

  /** The labels of the result that lead: batch dimensions of a matmul. */
  function leading() {
    return matrix() ? scene().result.labels.filter((name) => name.startsWith("b")) : [];
  }
  /** The result's dimensions that are stepped through. */
  function stepped() {
    return scene().result.facts.shape.slice(leading().length);
  }
  function steps() {
    if (order() === "outer") return scene().sizes[scene().summed[0]] ?? 0;
    if (order() === "columns") return scene().sizes.j ?? 0;
    return numel(stepped());
  }
  function said(step) {
    if (order() === "outer") return fillIn(messages["product.outer_step"], { step });
    if (order() === "columns") return fillIn(messages["product.column_step"], { column: step - 1 });
    return indexExpression(scene().result.facts.name, [...batch(), ...unravel(step - 1, stepped())]);
  }
  function batch() {
    return leading().map((_, d) => model.get("batch")[d] ?? 0);
  }
  function restart() {
    focus = [];
    on.go(0);
    place();
  }

  function draw() {
    const { operands, result: made, summed, sizes } = scene();
    placed = "";
    sheets = operands.map((item) => one(item, undefined));
    result = one(made, (index) => {
      if (order() === "columns") on.go(index.at(-1) + 1);
      else if (order() !== "outer") on.go(ravel(index.slice(leading().length), stepped()) + 1);
    });
    // Columns stand below columns and rows beside rows, so all cells are equally wide.
    if (matrix()) for (const { block } of [...sheets, result]) block.wide = Math.max(...[...sheets, result].map((each) => each.block.wide));
    partial = scene().partial ? decode({ ...scene().partial, name: "" }) : null;
    const box = matrix()
      ? h("div", { class: "tensor-matmul" }, h("div", {}), sheets[1].sheet.element, sheets[0].sheet.element, result.sheet.element)
      : h("div", { class: "tensor-row" }, ...intersperse(sheets.map(({ sheet }) => sheet.element), null).map((node) => node ?? h("span", { class: "tensor-sign" }, "·")), h("span", { class: "tensor-sign" }, "→"), result.sheet.element);
    on.ui.main.replaceChildren(h("div", { class: "tensor-main" }, box));
    on.ui.setSide(legend(), messages["product.legend"]);
    if (scene().orders.length > 1) {
      on.controls.choice({ label: messages["product.order"], options: scene().orders.map((name) => [name, messages[`product.${name}`]]), get: order, set: (name) => on.save("order", name) });
    }
    leading().forEach((_, d) => on.controls.range({ label: fillIn(messages["product.batch"], { dim: d }), max: () => heldOf(made.labels[d]) - 1, get: () => batch()[d], set: (value) => on.save("batch", batch().map((old, e) => (e === d ? value : old))) }));
    place();
    if (!matrix()) {
      for (const dim of gridLayout(result.block, []).sliced) {
        on.controls.range({ label: fillIn(messages["product.slice"], { label: made.labels[dim] }), max: () => heldOf(made.labels[dim]) - 1, get: () => focus[dim] ?? 0, set: (value) => look(made.labels.map((_, d) => (d === dim ? value : (focus[d] ?? 0)))) });
      }
    }
    return summed.length ? sizes : null;
  }
  function one(item, pick) {
    return { item, sheet: grid({ messages, signal, pick }), block: decode({ ...item.block, name: item.facts.name, column: item.column, flat: matrix(), room: matrix() ? 900 : 240 }) };
  }

  /** How many of a label all tensors hold: of a large one only the first part is drawn. */
  function heldOf(name) {
    const each = ({ item, block }) => item.labels.map((own, d) => (own === name && item.facts.shape[d] > 1 ? block.size[d] : Infinity));
    return Math.min(scene().sizes[name], ...[...sheets, result].flatMap(each));
  }

  /** Every letter, its size, and whether it is kept or summed over. */
  function legend() {
    const { sizes, summed, terms } = scene();
    const rows = Object.entries(sizes).map(([name, size]) => [letter(name), h("span", {}, fillIn(messages[summed.includes(name) ? "product.summed" : "product.kept"], { size }))]);
    return h("div", { class: "tensor-side" }, h("h4", {}, scene().equation), table(rows), h("p", {}, fillIn(messages["product.each"], { terms })));
  }
  function letter(name) {
    const shown = name.startsWith("b") && matrix() ? name.replace("b", "batch ") : name;
    return h("b", { class: "mono", "data-dim": Object.keys(scene().sizes).indexOf(name) % 5 }, shown);
  }
  function heading({ item }) {
    const letters = item.labels.length ? intersperse(item.labels.map(letter), " ") : [];
    return [h("b", {}, item.facts.name), h("span", { class: "tensor-letters" }, ...letters), h("span", { class: "tensor-fact" }, h("code", {}, `(${item.facts.shape.join(", ")}${item.facts.shape.length === 1 ? "," : ""})`))];
  }

  function look(index) {
    focus = index;
    on.update();
  }
  /** Draw the grids anew, if something else is to be in sight than before. */
  function place() {
    const here = batch();
    const wanted = [order(), here, focus].join(";");
    if (placed === wanted) return;
    placed = wanted;
    const fixed = Object.fromEntries(scene().result.labels.map((name, d) => [name, here[d] ?? focus[d] ?? 0]));
    for (const each of [...sheets, result]) each.sheet.show(each.block, near(each, fixed), heading(each));
  }
  /** An index into a tensor by the labels of its dimensions; a size of 1 has only its 0. */
  function near({ item }, labeled) {
    return item.labels.map((name, d) => (item.facts.shape[d] > 1 ? (labeled[name] ?? 0) : 0));
  }

  function showStep(step, fresh) {
    place();
    const clear = () => {
      for (const { sheet } of [...sheets, result]) sheet.mark([]);
      on.line.show([{ text: messages["product.hint"], soft: true }]);
    };
    if (!step) {
      if (order() === "outer") unveil(-1);
      return clear();
    }
    if (order() === "outer") return outer(step - 1);
    if (order() === "columns") return columns(step - 1);
    const index = [...batch(), ...unravel(step - 1, stepped())];
    if (fresh && !result.sheet.shows(index) && result.block.position(index) >= 0) {
      focus = index;
      place();
    }
    return dot(index);
  }

  /** One element: its row meets its column. */
  function dot(index) {
    const { result: made, summed, sizes, terms } = scene();
    const fixed = Object.fromEntries(made.labels.map((name, d) => [name, index[d]]));
    const paths = sheets.map(() => []);
    const parts = [];
    let printed = 0;
    let plain = true;
    for (let t = 0; t < terms; t += 1) {
      const inner = unravel(t, summed.map((name) => sizes[name]));
      const labeled = { ...fixed, ...Object.fromEntries(summed.map((name, d) => [name, inner[d]])) };
      const found = sheets.map((each) => each.block.position(near(each, labeled)));
      found.forEach((p, i) => p >= 0 && paths[i].push([p, "lit"]));
      const shown = terms <= WRITTEN + 2 || t < WRITTEN - 1 || t === terms - 1;
      if (found.some((p) => p < 0) || !shown) {
        if (parts.at(-1) !== null) parts.push(null);
        plain = false;
        continue;
      }
      parts.push(found.map((p, i) => ({ text: braced(sheets[i].block.text(p, 4)), dim: i })));
      printed += found.reduce((product, p, i) => product * rounded(sheets[i].block, p), 1);
      plain &&= sheets.every(({ block }) => block.plain);
    }
    sheets.forEach(({ sheet }, i) => sheet.mark(paths[i]));
    const q = result.block.position(index);
    result.sheet.mark(q >= 0 ? [[q, "now"]] : []);
    if (q < 0) return on.line.show([]);
    const sum = intersperse(parts.map((part) => (part === null ? ["…"] : intersperse(part, "·"))), [" + "]).flat();
    const off = plain ? rounded(result.block, q) - printed : 0;
    const rest = Math.abs(off) > 1e-9 * Math.max(1, Math.abs(printed)) ? [{ text: ` ${fillIn(messages["product.rounded"], { off: format(off, 2) })}`, soft: true }] : [];
    return on.line.show([indexExpression(made.facts.name, index), " = ", ...(terms ? sum : ["0"]), " = ", { text: result.block.text(q, 4), strong: true }, ...rest]);
  }
  /** The number as it is printed. */
  function rounded(block, p) {
    const value = block.raw(p);
    return Number.isInteger(value) ? value : Number(Number(value).toPrecision(4));
  }
  function braced(text) {
    return /^−|j$/.test(text) ? `(${text})` : text;
  }

  /** Column k of the left times row k of the right, added to what came before. */
  function outer(k) {
    const lit = (each, test) => marksWhere(each, test);
    const name = scene().summed[0];
    sheets.forEach((each) => each.sheet.mark(lit(each, (labeled) => labeled[name] === k)));
    unveil(k);
    result.sheet.mark([]);
    const [a, b] = sheets.map(({ item }) => item);
    const cut = (item) => `${item.facts.name}[${item.labels.map((each, d) => (each === name ? (item.facts.shape[d] > 1 ? k : 0) : each.startsWith("b") ? (batch()[Number(each.slice(1))] ?? 0) : ":")).join(", ")}]`;
    on.line.show([fillIn(messages["product.outer_line"], { done: k + 1, of: steps() }), " + ", { text: cut(a), dim: 0 }, " ⊗ ", { text: cut(b), dim: 1 }]);
  }
  /** Column j of the result is the left's columns, weighted by column j of the right. */
  function columns(j) {
    sheets.forEach((each) => each.sheet.mark(marksWhere(each, (labeled) => labeled.j === undefined || labeled.j === j)));
    result.sheet.mark(marksWhere(result, (labeled) => labeled.j === j).map(([p]) => [p, "now"]));
    const [a, b] = sheets;
    const size = scene().sizes[scene().summed[0]];
    const parts = [];
    const before = a.item.labels.filter((name) => name.startsWith("b")).map((name) => batch()[Number(name.slice(1))]);
    const dots = a.item.labels.includes("i") ? [":"] : [];
    for (let k = 0; k < Math.min(size, WRITTEN); k += 1) {
      const p = b.block.position(near(b, { ...batchLabels(), j, [scene().summed[0]]: k }));
      if (p >= 0) parts.push([{ text: braced(b.block.text(p, 4)), dim: 1 }, "·", { text: `${a.item.facts.name}[${[...before, ...dots, k].join(", ")}]`, dim: 0 }]);
    }
    const left = `${result.item.facts.name}[${[...batch(), ...dots, j].join(", ")}]`;
    on.line.show([left, " = ", ...intersperse(parts, [" + "]).flat(), ...(size > WRITTEN ? [" + …"] : [])]);
  }
  function batchLabels() {
    return Object.fromEntries(leading().map((name, d) => [name, batch()[d]]));
  }
  function marksWhere(each, test) {
    const found = [];
    const fixed = batchLabels();
    for (let p = 0; p < each.block.count; p += 1) {
      const index = each.block.index(p);
      const labeled = Object.fromEntries(each.item.labels.map((name, d) => [name, index[d]]));
      const here = each.item.labels.every((name, d) => !(name in fixed) || index[d] === (each.item.facts.shape[d] > 1 ? fixed[name] : 0));
      if (here && test(labeled)) found.push([p, "lit"]);
    }
    return found;
  }
  /** Write into the result's cells the sum after k + 1 outer products, as torch added them; before the first there is nothing. */
  function unveil(k) {
    for (let p = 0; p < result.block.count; p += 1) {
      const node = result.sheet.node(p);
      if (!node) continue;
      const index = result.block.index(p);
      const q = k !== null && k >= 0 ? partial.position([k, ...index]) : -1;
      const [from, at] = k === null ? [result.block, p] : [partial, q];
      node.textContent = at < 0 ? "" : from.text(at, 3);
      node.style.background = at < 0 ? "var(--paper)" : diverging(from.number(at), from.max);
      // The grid is to write its own color again when it is drawn next.
      delete node.dataset.color;
    }
  }
}

export default { render };
