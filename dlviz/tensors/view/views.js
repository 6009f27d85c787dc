// Several tensors over one storage: what moved and what did not.

import { h, fillIn } from "../../kit/js/dom.js";
import { decode, unravel, ravel, numel, address, indexExpression } from "../../kit/js/tensor_block.js";
import { grid } from "../../kit/js/grid.js";
import { addressParts, tape, tapeItems } from "./storage_row.js";
import { colored, title } from "./metadata.js";
import { baseView } from "../../kit/js/base_view.js";
import { typedArray } from "../../kit/js/typed_arrays.js";

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const scene = () => model.get("scene");
  const active = () => Math.min(model.get("active"), scene().items.length - 1);
  const about = (i) => scene().items[i].facts;
  const label = (step) => (step ? indexExpression(about(active()).name, indexOf(step)) : messages["tensor.none"]);
  const steps = () => numel(about(active()).shape);
  const on = baseView({ model, el, signal, name: messages["views.name"], steps, label, draw, showStep, traits: { active: () => {} } });
  let items = [];
  let strips = [];
  on.start();

  function indexOf(step) {
    return unravel(step - 1, about(active()).shape);
  }
  function pick(i, index) {
    model.set("active", i);
    on.go(ravel(index, about(i).shape) + 1);
  }

  function draw() {
    const cards = h("div", { class: "tensor-cards" });
    items = scene().items.map((item, i) => {
      if (!item.block) {
        cards.append(refusal(item));
        return null;
      }
      const sheet = grid({ messages, signal, pick: (index) => pick(i, index) });
      const block = decode({ ...item.block, name: item.facts.name, room: 420 });
      const badge = i ? h("span", { class: "tensor-tag", "data-kind": item.shares ? "good" : "warn" }, messages[item.shares ? "views.shares" : "views.copied"]) : null;
      const head = [...title(item.facts, messages), badge].filter(Boolean);
      sheet.show(block, [], head);
      cards.append(sheet.element);
      return { ...item, about: item.facts, block, sheet, head, source: item.source ? typedArray(item.source, "int32") : null };
    });
    strips = scene().tapes.map((one, t) => {
      const strip = tape({ signal, label: fillIn(messages["tape.of"], { name: one.title }), pick: (place) => pickPlace(t, place) });
      const over = items.filter((item) => item?.tape === t);
      strip.show(tapeItems(over, one.stored), over[0]?.block.max ?? 0);
      const note = one.same === undefined ? null : h("span", { class: "tensor-fact" }, fillIn(messages["views.same_bytes"], { name: scene().tapes[one.same].title }));
      return { ...strip, box: h("div", { class: "tensor-storage" }, h("div", { class: "tensor-head" }, h("b", {}, fillIn(messages["tape.of"], { name: one.title })), note), strip.element) };
    });
    on.ui.main.replaceChildren(h("div", { class: "tensor-main" }, cards, ...strips.map((strip) => strip.box)));
  }

  function refusal(item) {
    const box = h("div", { class: "tensor-refusal" }, h("div", { class: "tensor-head" }, h("b", {}, item.text), h("span", { class: "tensor-tag", "data-kind": "bad" }, messages["views.refused"])));
    for (const why of item.why) box.append(h("p", {}, why));
    if (item.stride) box.append(h("p", {}, messages["fact.stride"], " ", colored(item.stride)));
    box.append(h("p", { class: "tensor-torch" }, item.error));
    return box;
  }

  /** The element of the active tensor, or else of the first over this storage, that lies at a place. */
  function pickPlace(t, place) {
    const order = [active(), ...items.keys()].filter((i) => items[i]?.tape === t);
    for (const i of order) {
      const { block, about: facts } = items[i];
      for (let p = 0; p < block.count; p += 1) if (address(block.index(p), facts.stride, facts.offset) === place) return pick(i, block.index(p));
    }
    return undefined;
  }

  /** The place in the first tensor's storage that an element lies at or was copied from; -1 where nobody knows. */
  function origin(item, p) {
    if (item.source) return item.source[p];
    return item.tape === items[0].tape ? address(item.block.index(p), item.about.stride, item.about.offset) : -1;
  }

  /** Of a tensor too large to be drawn whole, show the slice that an index lies in. */
  function bring(item, index) {
    if (index && !item.sheet.shows(index) && item.block.position(index) >= 0) item.sheet.show(item.block, index, item.head);
  }

  function showStep(step) {
    const now = items[active()];
    const index = step && now ? indexOf(step) : null;
    const p = index ? now.block.position(index) : -1;
    const from = p >= 0 ? origin(now, p) : -1;
    items.forEach((item, i) => {
      if (!item) return;
      const marks = [];
      for (let q = 0; from >= 0 && q < item.block.count; q += 1) if (origin(item, q) === from) marks.push([q, "lit"]);
      if (i === active() && p >= 0) marks.push([p, "now"]);
      bring(item, i === active() && index ? index : marks.length ? item.block.index(marks[0][0]) : null);
      item.sheet.mark(marks);
      item.sheet.element.dataset.active = String(i === active() && step > 0);
    });
    strips.forEach((strip, t) => {
      const here = p >= 0 && now.tape === t;
      const place = here ? address(index, now.about.stride, now.about.offset) : -1;
      strip.element.dataset.quiet = String(t > 0 && !here);
      strip.mark(here ? [[place, "now"]] : from >= 0 && t === items[0].tape ? [[from, "lit"]] : []);
      strip.march(here ? now.about.offset : 0, here ? index.map((count, dim) => ({ dim, stride: now.about.stride[dim], count })) : []);
    });
    if (p < 0 || !now.about.stride) return on.line.show(step ? [] : [{ text: messages["views.hint"], soft: true }].slice(0, steps()));
    const copied = now.source && from >= 0 ? [{ text: ` ${fillIn(messages["views.from"], { place: from })}`, soft: true }] : [];
    return on.line.show([...addressParts(now.about.name, index, now.about.stride, now.about.offset, messages), { text: ` ${messages["tape.holds"]} `, soft: true }, { text: now.block.text(p, 6), strong: true }, ...copied]);
  }
}

export default { render };
