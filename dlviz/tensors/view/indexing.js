// Indexing: the selection lit in the source, and the result, once its shape has been predicted.

import { h, fillIn } from "../../kit/js/dom.js";
import { shape } from "../../kit/js/numbers.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { decode, unravel, numel, ravel, indexExpression } from "../../kit/js/tensor_block.js";
import { gridLayout, grid } from "../../kit/js/grid.js";
import { title } from "./metadata.js";
import { baseView } from "../../kit/js/base_view.js";

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const scene = () => model.get("scene");
  const open = () => model.get("revealed") && scene().result !== null;
  const sizes = () => scene().result?.facts.shape ?? [];
  const label = (step) => (step && open() ? indexExpression(messages["index.result"], unravel(step - 1, sizes())) : messages["tensor.none"]);
  const on = baseView({ model, el, signal, name: messages["index.name"], steps: () => (open() ? numel(sizes()) : 0), label, draw, showStep, traits: { revealed: draw, origin: show } });
  let source;
  let result;
  let positions;
  let lit;
  on.start();

  function draw() {
    const { source: from, result: to, text, error } = scene();
    const row = h("div", { class: "tensor-row" });
    source = side(from, (index) => pickSource(index));
    lit = from.lit ? typedArray(from.lit, "uint8") : null;
    positions = to?.positions ? typedArray(to.positions, "int32") : null;
    row.append(source.sheet.element, h("span", { class: "tensor-sign" }, "→"));
    result = null;
    on.controls.clear();
    if (!model.get("revealed")) row.append(question());
    else if (error) row.append(h("div", { class: "tensor-refusal" }, h("div", { class: "tensor-head" }, h("b", {}, text), verdict()), h("p", { class: "tensor-torch" }, error)));
    else {
      result = side(to, (index) => on.go(ravel(index, sizes()) + 1));
      row.append(h("div", {}, h("div", { class: "tensor-head" }, verdict()), result.sheet.element));
    }
    on.ui.main.replaceChildren(h("div", { class: "tensor-main" }, row));
    show();
    for (const dim of gridLayout(source.block, origin()).sliced) {
      on.controls.range({ label: fillIn(messages["knob.slice"], { dim }), max: () => source.block.size[dim] - 1, get: () => origin()[dim], set: (value) => on.save("origin", origin().map((old, d) => (d === dim ? value : old))) });
    }
  }
  function side(item, pick) {
    return { item, sheet: grid({ messages, signal, pick }), block: decode({ ...item.block, name: item.facts.name, room: 380 }) };
  }
  function origin() {
    return source.block.shape.map((_, d) => model.get("origin")[d] ?? 0);
  }
  function show() {
    source.sheet.show(source.block, origin(), title(source.item.facts, messages));
    result?.sheet.show(result.block, [], title(result.item.facts, messages));
  }

  /** Before the answer: a place to commit a guess. */
  function question() {
    const field = h("input", { type: "text", placeholder: "(2, 3)", "aria-label": messages["index.guess"], value: model.get("guess"), maxlength: 40, spellcheck: "false" });
    const button = h("button", { type: "button", class: "dlviz-wide" }, messages["index.reveal"]);
    const reveal = () => {
      model.set("guess", field.value.trim());
      on.save("revealed", true);
    };
    button.addEventListener("click", reveal, { signal });
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter") reveal();
    }, { signal });
    return h("div", { class: "tensor-question" }, h("code", {}, scene().text), h("label", {}, messages["index.question"], field), button);
  }

  /** How the guess compares, without a guess nothing but what torch did. */
  function verdict() {
    const guess = model.get("guess");
    const right = scene().error ? /^\s*error\s*$/i.test(guess) : sameShape(guess, sizes());
    const truth = scene().error ? messages["index.refused"] : shape(sizes());
    const wrong = scene().error ? "index.wrong_refused" : "index.wrong";
    const text = guess ? fillIn(messages[right ? "index.right" : wrong], { guess, truth }) : truth;
    return h("span", { class: "tensor-tag", "data-kind": !guess ? "" : right ? "good" : "warn", role: "status" }, text);
  }
  function sameShape(guess, wanted) {
    if (!/^[\s\d,()[\]x×]*$/.test(guess)) return false;
    const found = (guess.match(/\d+/g) ?? []).map(Number);
    return found.join() === wanted.join() && (found.length > 0 || /\(\s*\)|\[\s*\]/.test(guess));
  }

  /** The first element of the result that came from here. */
  function pickSource(index) {
    if (!result || !positions) return;
    const from = ravel(index, source.block.shape);
    const q = positions.indexOf(from);
    if (q >= 0) on.go(ravel(result.block.index(q), sizes()) + 1);
  }

  function showStep(step, fresh) {
    const index = step && open() ? unravel(step - 1, sizes()) : null;
    const q = index && result ? result.block.position(index) : -1;
    const from = q >= 0 && positions ? unravel(positions[q], source.block.shape) : null;
    if (fresh && from && !source.sheet.shows(from) && source.block.position(from) >= 0) {
      on.save("origin", from);
      show();
    }
    const marks = [];
    for (let p = 0; lit && p < source.block.count; p += 1) marks.push([p, lit[p] ? "lit" : "dim"]);
    const p = from ? source.block.position(from) : -1;
    if (p >= 0) marks.push([p, "now"]);
    source.sheet.mark(marks);
    result?.sheet.mark(q >= 0 ? [[q, "now"]] : []);
    if (q < 0) return on.line.show(open() && !sizes().includes(0) ? [{ text: scene().about, soft: true }] : []);
    const came = from ? [" = ", { text: indexExpression(source.item.facts.name, from), dim: 0 }] : [];
    return on.line.show([indexExpression(`(${scene().text})`, index), ...came, " = ", { text: result.block.text(q, 6), strong: true }]);
  }
}

export default { render };
