// View of broadcasting: right-aligned shapes, operands stretched along dimensions of size 1, and the result.

import { h } from "../../kit/js/dom.js";
import { decode, unravel, ravel, numel, indexExpression } from "../../kit/js/tensor_block.js";
import { grid } from "../../kit/js/grid.js";
import { coloredIndex, inParentheses, intersperse } from "../../kit/js/formula.js";
import { addSliceControls, title } from "./metadata.js";
import { mainArea } from "../../kit/js/grid_area.js";
import { flights } from "../../kit/js/flights.js";
import { baseView } from "../../kit/js/base_view.js";

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const scene = () => model.get("scene");
  const shape = () => scene().result?.block.shape ?? [];
  const label = (step) => (step ? indexExpression(messages["broadcast.result"], unravel(step - 1, shape())) : messages["tensor.none"]);
  const view = baseView({ model, el, signal, name: messages["broadcast.name"], steps: () => (scene().result ? numel(shape()) : 0), label, draw, showStep, unit: messages["tensor.unit"], traits: { origin: () => {} } });
  const { moveInto } = flights({ layer: view.ui.main, model, signal, className: "tensor-moving" });
  /** Operands and result: {grid, block, item}. */
  let entries = [];
  view.start();

  function draw() {
    const { operands, result, op, infix } = scene();
    const row = h("div", { class: "tensor-row" });
    entries = [];
    const add = (item, before) => {
      const numbers = grid({ messages, signal, pick: result ? (index) => view.go(ravel(index, shape()) + 1) : undefined });
      const block = decode({ ...item.block, name: item.metadata.name, stretched: item.stretched, room: 300 });
      // The cells of the result are empty until the player has computed them.
      if (item === result) block.empty = (p) => ravel(block.index(p), shape()) >= model.get("step");
      entries.push({ grid: numbers, block, item });
      row.append(h("div", { class: "tensor-signed" }, before ? h("span", { class: "tensor-sign" }, before) : null, numbers.element));
    };
    operands.forEach((item, i) => add(item, i ? (infix ? op : ",") : infix ? null : `${op}(`));
    if (result) add(result, infix ? "=" : ") =");
    view.ui.main.replaceChildren(mainArea(entries.map(({ block }) => block), shapeTable(), row));
    if (result) addSliceControls({ view, block: entries.at(-1).block, origin, messages });
  }
  function origin() {
    return shape().map((_, d) => model.get("origin")[d] ?? 0);
  }
  function showGrids() {
    for (const { grid, block, item } of entries) grid.show(block, origin(), title(item.metadata, messages));
  }

  /** Table of the shapes, right-aligned. */
  function shapeTable() {
    const { operands, aligned, shape: common, result } = scene();
    const table = h("div", { class: "tensor-align", role: "table", "aria-label": messages["broadcast.shapes"], style: `--columns:${common.length}` });
    const cell = (text, kind, dim) => h("span", { role: "cell", "data-kind": kind ?? null, "data-dim": dim === undefined ? null : dim % 5 }, text);
    aligned.forEach((sizes, i) => {
      const cells = sizes.map((size, d) => {
        if (common[d] === null) return cell(size === null ? "·" : String(size), size === null || size === 1 ? "" : "bad");
        if (size === common[d]) return cell(String(size), null, d);
        return cell(size === null ? `· → ${common[d]}` : `${size} → ${common[d]}`, "stretched", d);
      });
      table.append(h("div", { role: "row" }, h("b", { role: "rowheader" }, operands[i].metadata.name), ...cells));
    });
    const total = common.map((size, d) => (size === null ? cell("✗", "bad") : cell(String(size), "sum", d)));
    table.append(h("div", { role: "row" }, h("b", { role: "rowheader" }, result ? result.metadata.name : messages["broadcast.result"]), ...total));
    return common.length ? table : h("p", { class: "tensor-empty" }, messages["broadcast.scalars"]);
  }

  /** The index into an operand before stretching. */
  function operandIndex(item, index) {
    const missing = index.length - item.metadata.shape.length;
    return index.slice(missing).map((i, d) => (item.metadata.shape[d] === 1 ? 0 : i));
  }

  function showStep(step, isNew) {
    const index = step && scene().result ? unravel(step - 1, shape()) : null;
    showGrids();
    if (isNew && index && !entries.at(-1).grid.shows(index) && entries.at(-1).block.position(index) >= 0) {
      view.save("origin", index);
      showGrids();
    }
    const moving = [];
    for (const { grid, block, item } of entries) {
      const p = index ? block.position(index) : -1;
      const marks = [];
      if (p >= 0 && item.stretched?.length) {
        const source = index.map((i, d) => (item.stretched.includes(d) ? 0 : i));
        marks.push([block.position(source), "lit"]);
      }
      if (p >= 0) marks.push([p, "now"]);
      grid.mark(marks);
      // From where the element really lies, not from where it is stretched to.
      if (marks.length) moving.push(grid.node(marks[0][0]));
    }
    const cell = entries.at(-1).grid.node(index ? entries.at(-1).block.position(index) : -1);
    if (isNew) moveInto(moving.slice(0, -1).filter(Boolean), cell);
    if (!index || entries.some(({ block }) => block.position(index) < 0)) return view.line.show(index || !scene().result ? [] : [{ text: messages["broadcast.hint"], soft: true }]);
    const { op, infix } = scene();
    const operands = entries.slice(0, -1);
    const last = entries.at(-1);
    const join = (parts) => (infix ? intersperse(parts, [` ${op} `]).flat() : [`${op}(`, ...intersperse(parts, [", "]).flat(), ")"]);
    const elements = operands.map(({ item }) => (item.metadata.shape.length ? coloredIndex(item.metadata.name, operandIndex(item, index), (d) => index.length - item.metadata.shape.length + d) : [item.metadata.name]));
    const values = operands.map(({ block }) => [inParentheses(block.text(block.position(index), 6))]);
    return view.line.show([...coloredIndex(last.item.metadata.name, index), " = ", ...join(elements), " = ", ...join(values), " = ", { text: last.block.text(last.block.position(index), 6), strong: true }]);
  }
}

export default { render };
