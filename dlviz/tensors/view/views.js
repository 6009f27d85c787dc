// View of several tensors above their storages: which elements share an address, and which were copied.

import { closest, h, fillIn } from "../../kit/js/dom.js";
import { decode, unravel, ravel, numel, address, indexExpression } from "../../kit/js/tensor_block.js";
import { grid } from "../../kit/js/grid.js";
import { baseView } from "../../kit/js/base_view.js";
import { fold } from "../../kit/js/fold.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { addressFormula, hopsTo, storageCells, storageRow } from "./storage_row.js";
import { coloredTuple, title } from "./metadata.js";
import { linkLines } from "../../kit/js/link_lines.js";
import { updateOnResize } from "../../kit/js/grid_area.js";

/** Most lines from one view to a storage. */
const MAX_LINKS = 8;

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const scene = () => model.get("scene");
  const active = () => Math.min(model.get("active"), scene().items.length - 1);
  const metadata = (i) => scene().items[i].metadata;
  const label = (step) => (step ? indexExpression(metadata(active()).name, indexOf(step)) : messages["tensor.none"]);
  const steps = () => numel(metadata(active()).shape);
  const view = baseView({ model, el, signal, name: messages["views.name"], steps, label, draw, showStep, unit: messages["tensor.unit"], traits: { active: () => {} } });
  let items = [];
  let storages = [];
  /** Lines from the elements to their places in storage. */
  const links = linkLines(view.ui.main);
  /** The element whose place is linked: its tensor and its position there. */
  let linked = [];
  view.start();
  updateOnResize(view, signal);
  view.ui.main.addEventListener("scroll", drawLinks, { signal, passive: true, capture: true });
  view.ui.main.addEventListener("pointerover", (event) => linkPointed(closest(event, ".tensor-cell")), { signal });
  view.ui.main.addEventListener("pointerleave", () => linkPointed(null), { signal });

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
      const [name, ...rest] = title(item.metadata, messages);
      const head = [name, ...tag, h("span", { class: "tensor-break" }), ...rest];
      numbers.show(block, [], head);
      cards.append(numbers.element);
      return { ...item, block, grid: numbers, head, source: item.source ? typedArray(item.source, "int32") : null };
    });
    storages = scene().storages.map(storagePanel);
    view.ui.main.replaceChildren(h("div", { class: "tensor-main" }, cards, h("div", { class: "tensor-storages" }, ...storages.map(({ panel }) => panel))), links.element);
  }

  function storagePanel(storage, k) {
    const name = fillIn(messages["storage.of"], { name: storage.title });
    const row = storageRow({ signal, label: name, pick: (at) => selectAddress(k, at) });
    const tensors = items.filter((item) => item?.storage === k);
    row.show(storageCells(tensors, storage.values), tensors[0]?.block.max ?? 0);
    const note = storage.same_bytes === undefined ? null : h("span", { class: "tensor-meta" }, fillIn(messages["views.same_bytes"], { name: scene().storages[storage.same_bytes].title }));
    return { row, panel: h("div", { class: "tensor-storage" }, h("div", { class: "tensor-head" }, h("b", {}, name), note), row.element) };
  }

  function refusalCard(item) {
    const head = h("div", { class: "tensor-head" }, h("b", {}, item.text), h("span", { class: "tensor-tag", "data-kind": "bad" }, messages["views.refused"]));
    const stride = item.stride ? [h("p", {}, messages["metadata.stride"], " ", coloredTuple(item.stride))] : [];
    const why = fold({ title: messages["views.why_title"], signal, onToggle: () => view.update() }, ...item.reasons.map((reason) => h("p", {}, reason)), h("p", { class: "tensor-torch" }, item.error));
    return h("div", { class: "tensor-refusal" }, head, ...stride, why);
  }

  /** Select the element at an address of a storage, in the active tensor if it has one there. */
  function selectAddress(k, wanted) {
    const candidates = [active(), ...items.keys()].filter((i) => items[i]?.storage === k);
    for (const i of candidates) {
      const { block } = items[i];
      for (let p = 0; p < block.count; p += 1) if (placeOf(items[i], p) === wanted) return select(i, block.index(p));
    }
    return undefined;
  }

  /** The address in the first tensor's storage where an element lies or was copied from; -1 if it is unknown. */
  function sourceAddress(item, p) {
    if (item.source) return item.source[p];
    return item.storage === items[0].storage ? placeOf(item, p) : -1;
  }
  function placeOf({ block, metadata: { stride, offset } }, p) {
    return address(block.index(p), stride, offset);
  }

  /** Of a tensor too large to be drawn whole, show the slice that contains an index. */
  function bringIntoView(item, index) {
    if (index && !item.grid.shows(index) && item.block.position(index) >= 0) item.grid.show(item.block, index, item.head);
  }

  /** The selected element, if it is drawn: its tensor and its position there. */
  function selection() {
    const step = Math.min(model.get("step"), steps());
    const item = items[active()];
    const p = step && item ? item.block.position(indexOf(step)) : -1;
    return p < 0 ? [] : [item, p];
  }
  /** Link the element under the pointer; without one, that which is selected. */
  function linkPointed(cell) {
    const item = cell && items.find((one) => one?.grid.element.contains(cell));
    linked = item ? [item, Number(cell.dataset.p)] : selection();
    drawLinks();
  }
  /** Draw a line from every element that lies at the linked place, and a dashed one from a copy to where it was copied from. */
  function drawLinks() {
    const [from, p] = linked;
    const pairs = [];
    const link = (item, q, k, at, dashed) => pairs.push({ from: item.grid.node(q), to: storages[k].row.node(at), within: storages[k].row.element, dashed });
    if (from?.metadata.stride) {
      const place = placeOf(from, p);
      for (const item of items) {
        if (item?.storage !== from.storage || !item.metadata.stride) continue;
        const here = Array.from({ length: item.block.count }, (_, q) => q).filter((q) => placeOf(item, q) === place);
        for (const q of here.slice(0, MAX_LINKS)) link(item, q, from.storage, place, false);
      }
      if (from.source && from.storage !== items[0].storage) link(from, p, items[0].storage, from.source[p], true);
    }
    links.show(pairs.filter(({ from: cell, to }) => cell && to));
  }

  function showStep(step) {
    const [selected, p = -1] = selection();
    const index = p < 0 ? null : indexOf(step);
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
    storages.forEach(({ row }, k) => {
      const here = p >= 0 && selected.storage === k;
      row.mark(here ? [[placeOf(selected, p), "now"]] : source >= 0 && k === items[0].storage ? [[source, "lit"]] : []);
      row.drawHops(here ? selected.metadata.offset : 0, here ? hopsTo(index, selected.metadata) : []);
    });
    linkPointed(null);
    if (p < 0 || !selected.metadata.stride) return view.line.show(step || !steps() ? [] : [{ text: messages["views.hint"], soft: true }]);
    const copied = selected.source && source >= 0 ? [{ text: ` ${fillIn(messages["views.from"], { place: source })}`, soft: true }] : [];
    return view.line.show([...addressFormula(selected.metadata, index, messages, selected.block.text(p, 6)), ...copied]);
  }
}

export default { render };
