// Broadcasting: shapes right-aligned, ghosts where a size of 1 is stretched, and the result.

import { h, fillIn } from "../../kit/js/dom.js";
import { decode, unravel, ravel, numel, indexExpression } from "../../kit/js/tensor_block.js";
import { gridLayout, grid } from "../../kit/js/grid.js";
import { intersperse } from "../../kit/js/formula.js";
import { title } from "./metadata.js";
import { baseView } from "../../kit/js/base_view.js";

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const scene = () => model.get("scene");
  const shape = () => scene().result?.block.shape ?? [];
  const label = (step) => (step ? indexExpression(messages["broadcast.result"], unravel(step - 1, shape())) : messages["tensor.none"]);
  const on = baseView({ model, el, signal, name: messages["broadcast.name"], steps: () => (scene().result ? numel(shape()) : 0), label, draw, showStep, traits: { origin: place } });
  let sheets = [];
  on.start();

  function draw() {
    const { operands, result, op, infix } = scene();
    const row = h("div", { class: "tensor-row" });
    sheets = [];
    const add = (item, before) => {
      if (before) row.append(h("span", { class: "tensor-sign" }, before));
      const sheet = grid({ messages, signal, pick: result ? (index) => on.go(ravel(index, shape()) + 1) : undefined });
      const block = decode({ ...item.block, name: item.facts.name, stretched: item.stretched, room: 300 });
      sheets.push({ sheet, block, item });
      row.append(sheet.element);
    };
    operands.forEach((item, i) => add(item, i ? (infix ? op : ",") : infix ? null : `${op}(`));
    if (result) add(result, infix ? "=" : ") =");
    on.ui.main.replaceChildren(h("div", { class: "tensor-main" }, alignment(), row));
    place();
    const last = sheets.at(-1);
    if (result) {
      for (const dim of gridLayout(last.block, origin()).sliced) {
        on.controls.range({ label: fillIn(messages["knob.slice"], { dim }), max: () => last.block.size[dim] - 1, get: () => origin()[dim], set: (value) => on.save("origin", origin().map((old, d) => (d === dim ? value : old))) });
      }
    }
  }
  function origin() {
    return shape().map((_, d) => model.get("origin")[d] ?? 0);
  }
  function place() {
    for (const { sheet, block, item } of sheets) sheet.show(block, origin(), title(item.facts, messages));
  }

  /** The shapes one below the other, ends flush right: the rule in one look. */
  function alignment() {
    const { operands, aligned, shape: common, result } = scene();
    const table = h("div", { class: "tensor-align", role: "table", "aria-label": messages["broadcast.shapes"], style: `--columns:${common.length}` });
    const cell = (text, kind) => h("span", { role: "cell", "data-kind": kind ?? null }, text);
    aligned.forEach((sizes, i) => {
      const cells = sizes.map((size, d) => {
        if (common[d] === null) return cell(size === null ? "·" : String(size), size === null || size === 1 ? "" : "bad");
        if (size === common[d]) return cell(String(size));
        return cell(size === null ? `· → ${common[d]}` : `${size} → ${common[d]}`, "stretched");
      });
      table.append(h("div", { role: "row" }, h("b", { role: "rowheader" }, operands[i].facts.name), ...cells));
    });
    const sum = common.map((size) => cell(size === null ? "✗" : String(size), size === null ? "bad" : "sum"));
    table.append(h("div", { role: "row" }, h("b", { role: "rowheader" }, result ? result.facts.name : messages["broadcast.result"]), ...sum));
    return common.length ? table : h("p", { class: "tensor-empty" }, messages["broadcast.scalars"]);
  }

  /** The index into an operand as it came: stretched dimensions have only their 0. */
  function own(item, index) {
    const missing = index.length - item.facts.shape.length;
    return index.slice(missing).map((i, d) => (item.facts.shape[d] === 1 ? 0 : i));
  }

  function showStep(step, fresh) {
    const index = step && scene().result ? unravel(step - 1, shape()) : null;
    if (fresh && index && !sheets.at(-1).sheet.shows(index) && sheets.at(-1).block.position(index) >= 0) {
      on.save("origin", index);
      place();
    }
    for (const { sheet, block, item } of sheets) {
      const p = index ? block.position(index) : -1;
      const marks = [];
      if (p >= 0 && item.stretched?.length) {
        const home = index.map((i, d) => (item.stretched.includes(d) ? 0 : i));
        marks.push([block.position(home), "lit"]);
      }
      if (p >= 0) marks.push([p, "now"]);
      sheet.mark(marks);
    }
    if (!index || sheets.some(({ block }) => block.position(index) < 0)) return on.line.show(index || !scene().result ? [] : [{ text: messages["broadcast.hint"], soft: true }]);
    const { op, infix } = scene();
    const operands = sheets.slice(0, -1);
    const last = sheets.at(-1);
    const join = (parts) => (infix ? intersperse(parts, ` ${op} `) : [`${op}(`, ...intersperse(parts, ", "), ")"]);
    const named = operands.map(({ item }, i) => ({ text: item.facts.shape.length ? indexExpression(item.facts.name, own(item, index)) : item.facts.name, dim: i }));
    const values = operands.map(({ block }, i) => ({ text: braced(block.text(block.position(index), 6)), dim: i }));
    return on.line.show([indexExpression(last.item.facts.name, index), " = ", ...join(named), " = ", ...join(values), " = ", { text: last.block.text(last.block.position(index), 6), strong: true }]);
  }
  function braced(text) {
    return /^−|j$/.test(text) ? `(${text})` : text;
  }
}

export default { render };
