// View of indexing: the selected elements of the source, and the result once its shape has been predicted.

import { h, fillIn } from "../../kit/js/dom.js";
import { shape } from "../../kit/js/numbers.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { decode, unravel, numel, ravel, indexExpression } from "../../kit/js/tensor_block.js";
import { grid } from "../../kit/js/grid.js";
import { addSliceControls, title } from "./metadata.js";
import { regionMarker } from "../../kit/js/cell_regions.js";
import { coloredIndex } from "../../kit/js/formula.js";
import { mainArea, updateOnResize } from "../../kit/js/grid_area.js";
import { baseView } from "../../kit/js/base_view.js";

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const scene = () => model.get("scene");
  const isShown = () => model.get("revealed") && scene().result !== null;
  const sizes = () => scene().result?.metadata.shape ?? [];
  const label = (step) => (step && isShown() ? indexExpression(messages["index.result"], unravel(step - 1, sizes())) : messages["tensor.none"]);
  const view = baseView({ model, el, signal, name: messages["index.name"], steps: () => (isShown() ? numel(sizes()) : 0), label, draw, showStep, unit: messages["tensor.unit"], traits: { revealed: draw, origin: showGrids } });
  let source;
  let result;
  let positions;
  let selected;
  view.start();
  updateOnResize(view, signal);

  function draw() {
    const { source: from, result: to, text, error } = scene();
    const row = h("div", { class: "tensor-row" });
    source = entry(from, selectSource);
    selected = from.selected ? typedArray(from.selected, "uint8") : null;
    positions = to?.positions ? typedArray(to.positions, "int32") : null;
    row.append(source.grid.element, h("span", { class: "tensor-sign" }, "→"));
    result = null;
    view.controls.clear();
    if (!model.get("revealed")) row.append(question());
    else if (error) row.append(h("div", { class: "tensor-refusal" }, h("div", { class: "tensor-head" }, h("b", {}, text), resultTag()), h("p", { class: "tensor-torch" }, error)));
    else {
      result = entry(to, (index) => view.go(ravel(index, sizes()) + 1));
      row.append(result.grid.element);
    }
    view.ui.main.replaceChildren(mainArea([source, result].filter(Boolean).map(({ block }) => block), row));
    showGrids();
    addSliceControls({ view, block: source.block, origin, messages });
  }
  function entry(item, pick) {
    const numbers = grid({ messages, signal, pick });
    return { item, grid: numbers, mark: regionMarker(numbers), block: decode({ ...item.block, name: item.metadata.name, room: 380 }) };
  }
  function origin() {
    return source.block.shape.map((_, d) => model.get("origin")[d] ?? 0);
  }
  function showGrids() {
    source.grid.show(source.block, origin(), title(source.item.metadata, messages));
    result?.grid.show(result.block, [], resultTitle());
  }
  function resultTitle() {
    return [...title(result.item.metadata, messages), resultTag()];
  }

  /** Form in which the learner predicts the shape. */
  function question() {
    const field = h("input", { type: "text", placeholder: "(2, 3)", "aria-label": messages["index.prediction"], value: model.get("prediction"), maxlength: 40, spellcheck: "false" });
    const button = h("button", { type: "button", class: "dlviz-wide" }, messages["index.reveal"]);
    const reveal = () => {
      model.set("prediction", field.value.trim());
      view.save("revealed", true);
    };
    button.addEventListener("click", reveal, { signal });
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter") reveal();
    }, { signal });
    return h("div", { class: "tensor-question" }, h("code", {}, scene().text), h("label", {}, messages["index.question"], field), button);
  }

  /** The prediction compared with the result; without a prediction the result's shape alone. */
  function resultTag() {
    const prediction = model.get("prediction");
    const right = scene().error ? /^\s*error\s*$/i.test(prediction) : sameShape(prediction, sizes());
    const truth = scene().error ? messages["index.refused"] : shape(sizes());
    const wrong = scene().error ? "index.wrong_refused" : "index.wrong";
    const text = prediction ? fillIn(messages[right ? "index.right" : wrong], { prediction, truth }) : truth;
    // Without a prediction it repeats the shape in the title, and is for screen readers only.
    return h("span", { class: prediction || scene().error ? "tensor-tag" : "dlviz-visually-hidden", "data-kind": !prediction ? "" : right ? "good" : "warn", role: "status" }, text);
  }
  function sameShape(text, shape) {
    if (!/^[\s\d,()[\]x×]*$/.test(text)) return false;
    const sizes = (text.match(/\d+/g) ?? []).map(Number);
    return sizes.join() === shape.join() && (sizes.length > 0 || /\(\s*\)|\[\s*\]/.test(text));
  }

  /** Select the first element of the result that comes from this element of the source. */
  function selectSource(index) {
    if (!result || !positions) return;
    const from = ravel(index, source.block.shape);
    const q = positions.indexOf(from);
    if (q >= 0) view.go(ravel(result.block.index(q), sizes()) + 1);
  }

  function showStep(step, isNew) {
    const index = step && isShown() ? unravel(step - 1, sizes()) : null;
    const q = index && result ? result.block.position(index) : -1;
    const from = q >= 0 && positions ? unravel(positions[q], source.block.shape) : null;
    if (isNew && from && !source.grid.shows(from) && source.block.position(from) >= 0) {
      view.save("origin", from);
      showGrids();
    }
    if (q >= 0 && !result.grid.shows(index)) result.grid.show(result.block, index, resultTitle());
    const marks = [];
    for (let p = 0; selected && p < source.block.count; p += 1) marks.push([p, selected[p] ? "lit" : "dim"]);
    const p = from ? source.block.position(from) : -1;
    if (p >= 0) marks.push([p, "now"]);
    source.mark(marks);
    result?.mark(q >= 0 ? [[q, "now"]] : []);
    if (q < 0) return view.line.show(isShown() && !sizes().includes(0) ? [{ text: scene().description, soft: true }] : []);
    const origin = from ? [" = ", ...coloredIndex(source.item.metadata.name, from)] : [];
    return view.line.show([...coloredIndex(`(${scene().text})`, index), ...origin, " = ", { text: result.block.text(q, 6), strong: true }]);
  }
}

export default { render };
