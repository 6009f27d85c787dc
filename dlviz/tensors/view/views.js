// View of several tensors above their storages: which elements share an address, and which were copied.

import { h, fillIn } from "../../kit/js/dom.js";
import { decode, unravel, ravel, numel, address, indexExpression } from "../../kit/js/tensor_block.js";
import { grid } from "../../kit/js/grid.js";
import { baseView } from "../../kit/js/base_view.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { addressFormula, hopsTo, storageCells, storageRow } from "./storage_row.js";
import { coloredTuple, title } from "./metadata.js";

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const scene = () => model.get("scene");
  const active = () => Math.min(model.get("active"), scene().items.length - 1);
  const metadata = (i) => scene().items[i].metadata;
  const label = (step) => (step ? indexExpression(metadata(active()).name, indexOf(step)) : messages["tensor.none"]);
  const steps = () => numel(metadata(active()).shape);
  const view = baseView({ model, el, signal, name: messages["views.name"], steps, label, draw, showStep, traits: { active: () => {} } });
  let items = [];
  let storages = [];
  view.start();

  function indexOf(step) {
    return unravel(step - 1, metadata(active()).shape);
  }
  function select(i, index) {
    model.set("active", i);
    view.go(ravel(index, metadata(i).shape) + 1);
  }

  function draw() {
    const cards = h("div", { class: "tensor-cards" });
    items = scene().items.map((item, i) => {
      if (!item.block) {
        cards.append(refusalCard(item));
        return null;
      }
      const numbers = grid({ messages, signal, pick: (index) => select(i, index) });
      const block = decode({ ...item.block, name: item.metadata.name, room: 420 });
      const shared = item.shares_storage;
      const tag = i ? [h("span", { class: "tensor-tag", "data-kind": shared ? "good" : "warn" }, messages[shared ? "views.shares" : "views.copied"])] : [];
      const head = [...title(item.metadata, messages), ...tag];
      numbers.show(block, [], head);
      cards.append(numbers.element);
      return { ...item, block, grid: numbers, head, source: item.source ? typedArray(item.source, "int32") : null };
    });
    storages = scene().storages.map(storagePanel);
    view.ui.main.replaceChildren(h("div", { class: "tensor-main" }, cards, ...storages.map(({ panel }) => panel)));
  }

  function storagePanel(storage, s) {
    const name = fillIn(messages["storage.of"], { name: storage.title });
    const row = storageRow({ signal, label: name, pick: (at) => selectAddress(s, at) });
    const tensors = items.filter((item) => item?.storage === s);
    row.show(storageCells(tensors, storage.values), tensors[0]?.block.max ?? 0);
    const note = storage.same_bytes === undefined ? null : h("span", { class: "tensor-meta" }, fillIn(messages["views.same_bytes"], { name: scene().storages[storage.same_bytes].title }));
    return { row, panel: h("div", { class: "tensor-storage" }, h("div", { class: "tensor-head" }, h("b", {}, name), note), row.element) };
  }

  function refusalCard(item) {
    const head = h("div", { class: "tensor-head" }, h("b", {}, item.text), h("span", { class: "tensor-tag", "data-kind": "bad" }, messages["views.refused"]));
    const stride = item.stride ? [h("p", {}, messages["metadata.stride"], " ", coloredTuple(item.stride))] : [];
    return h("div", { class: "tensor-refusal" }, head, ...item.reasons.map((reason) => h("p", {}, reason)), ...stride, h("p", { class: "tensor-torch" }, item.error));
  }

  /** Select the element at an address of a storage, in the active tensor if it has one there. */
  function selectAddress(s, wanted) {
    const candidates = [active(), ...items.keys()].filter((i) => items[i]?.storage === s);
    for (const i of candidates) {
      const { block, metadata: { stride, offset } } = items[i];
      for (let p = 0; p < block.count; p += 1) if (address(block.index(p), stride, offset) === wanted) return select(i, block.index(p));
    }
    return undefined;
  }

  /** The address in the first tensor's storage where an element lies or was copied from; -1 if it is unknown. */
  function sourceAddress(item, p) {
    if (item.source) return item.source[p];
    return item.storage === items[0].storage ? address(item.block.index(p), item.metadata.stride, item.metadata.offset) : -1;
  }

  /** Of a tensor too large to be drawn whole, show the slice that contains an index. */
  function bringIntoView(item, index) {
    if (index && !item.grid.shows(index) && item.block.position(index) >= 0) item.grid.show(item.block, index, item.head);
  }

  function showStep(step) {
    const selected = items[active()];
    const index = step && selected ? indexOf(step) : null;
    const p = index ? selected.block.position(index) : -1;
    const source = p >= 0 ? sourceAddress(selected, p) : -1;
    items.forEach((item, i) => {
      if (!item) return;
      const marks = [];
      for (let q = 0; source >= 0 && q < item.block.count; q += 1) if (sourceAddress(item, q) === source) marks.push([q, "lit"]);
      if (i === active() && p >= 0) marks.push([p, "now"]);
      bringIntoView(item, i === active() && index ? index : marks.length ? item.block.index(marks[0][0]) : null);
      item.grid.mark(marks);
      item.grid.element.dataset.active = String(i === active() && step > 0);
    });
    storages.forEach(({ row }, s) => {
      const here = p >= 0 && selected.storage === s;
      const at = here ? address(index, selected.metadata.stride, selected.metadata.offset) : -1;
      row.element.dataset.quiet = String(s > 0 && !here);
      row.mark(here ? [[at, "now"]] : source >= 0 && s === items[0].storage ? [[source, "lit"]] : []);
      row.drawHops(here ? selected.metadata.offset : 0, here ? hopsTo(index, selected.metadata) : []);
    });
    if (p < 0 || !selected.metadata.stride) return view.line.show(step || !steps() ? [] : [{ text: messages["views.hint"], soft: true }]);
    const copied = selected.source && source >= 0 ? [{ text: ` ${fillIn(messages["views.from"], { place: source })}`, soft: true }] : [];
    return view.line.show([...addressFormula(selected.metadata, index, messages, selected.block.text(p, 6)), ...copied]);
  }
}

export default { render };
