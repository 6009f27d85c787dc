// One tensor: its grid above its storage, and the way from an index to a place in storage.

import { h, fillIn } from "../../kit/js/dom.js";
import { shape } from "../../kit/js/numbers.js";
import { decode, unravel, ravel, numel, address, indexExpression } from "../../kit/js/tensor_block.js";
import { gridLayout, grid } from "../../kit/js/grid.js";
import { addressParts, tape, tapeItems } from "./storage_row.js";
import { title, factRows, figureRows, table } from "./metadata.js";
import { overview } from "./minimap.js";
import { baseView } from "../../kit/js/base_view.js";

/** A histogram of fewer numbers says less than the numbers. */
const MANY = 64;

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const facts = () => model.get("scene").facts;
  const near = () => model.get("origin");
  const indexOf = (step) => unravel(step - 1, facts().shape);
  const label = (step) => (step ? said(indexOf(step)) : messages["tensor.none"]);
  const on = baseView({ model, el, signal, name: messages["tensor.name"], steps, label, draw, showStep, traits: { held: redraw, origin: () => paint(false) } });
  /** What is not drawn, as a large sparse tensor, is not stepped through either. */
  function steps() {
    return numel(model.get("held").block.size) && numel(facts().shape);
  }
  const pick = (index) => on.go(ravel(index, facts().shape) + 1);
  const sheet = grid({ messages, signal, pick });
  const strip = tape({ signal, label: messages["tape.label"], pick: pickPlace });
  const below = h("div", { class: "tensor-storage" }, h("div", { class: "tensor-head" }, h("b", {}, messages["tape.title"])), strip.element);
  const map = overview({ root: on.ui.root, messages, signal, go: look });
  const chosen = h("div", { class: "tensor-chosen" });
  const always = h("div");
  let block;
  /** Whether the element that is picked has to come into sight; once it is, the window may be moved away from it. */
  let sought = false;
  on.ui.main.append(h("div", { class: "tensor-main tensor-one" }, sheet.element, below));
  on.start();

  /** The first element that lies at this place in storage. */
  function pickPlace(place) {
    for (let p = 0; p < block.count; p += 1) {
      if (address(block.index(p), facts().stride, facts().offset) === place) return pick(block.index(p));
    }
    return undefined;
  }
  function look(row, column) {
    const origin = near().slice();
    if (origin.length > 1) origin[origin.length - 2] = row;
    origin[origin.length - 1] = column;
    move(origin);
  }
  function move(origin) {
    sought = false;
    wish(origin);
  }
  /** Show the window at an origin: with a kernel anywhere in the tensor, in an exported page within what it holds. */
  function wish(origin) {
    const { rows, columns } = gridLayout(block, near());
    const wanted = origin.map((at, dim) => {
      const [first, last] = reach(dim, dim === rows.dim ? rows.count : dim === columns.dim ? columns.count : 1);
      return Math.max(first, Math.min(at, last));
    });
    if (wanted.join() !== near().join()) on.save("origin", wanted);
  }
  /** The first and last place at which a window of so many can begin. */
  function reach(dim, count) {
    if (model.get("live")) return [0, facts().shape[dim] - count];
    return [block.start[dim], block.start[dim] + block.size[dim] - count];
  }

  function draw() {
    take();
    tellAbout();
    const sizes = facts().shape;
    const laid = gridLayout(block, near());
    const slider = (dim, text, count) => {
      const [min, most] = reach(dim, count);
      if (min >= most) return;
      on.controls.range({
        label: fillIn(text, { dim }),
        min,
        max: () => most,
        get: () => Math.max(min, Math.min(most, near()[dim])),
        set: (value) => move(near().map((old, d) => (d === dim ? value : old))),
      });
    };
    for (const dim of laid.sliced) slider(dim, messages["knob.slice"], 1);
    for (const [{ dim, count }, text] of [[laid.rows, messages["knob.rows"]], [laid.columns, messages["knob.columns"]]]) {
      if (dim >= 0 && count && count < sizes[dim]) slider(dim, text, count);
    }
    paint(true);
  }
  function take() {
    const held = model.get("held");
    block = decode({ ...held.block, name: facts().name });
    map.show(held.map ?? null, facts().shape.length > 1 ? facts().shape.slice(-2) : [1, facts().shape[0]]);
  }
  function redraw() {
    take();
    tellAbout();
    paint(true);
  }
  /** @param {boolean} fresh whether there are other numbers than before, and not just another window on them */
  function paint(fresh) {
    const about = facts();
    sheet.show(block, near(), title(about, messages, true));
    const laid = gridLayout(block, near());
    map.place(laid.rows, laid.columns);
    below.hidden = about.stride === null || about.storage === 0;
    // A storage that is drawn whole does not depend on the window.
    if (!below.hidden && (fresh || !model.get("held").tape)) strip.show(tapeItems([{ block, about, sheet }], model.get("held").tape), block.max);
  }

  function showStep(step, fresh) {
    const about = facts();
    const index = step ? indexOf(step) : null;
    sought ||= fresh;
    if (index && sought && !sheet.shows(index)) wish(around(index));
    if (!index || sheet.shows(index)) sought = false;
    if (!index || !sheet.shows(index)) {
      sheet.mark([]);
      strip.mark([]);
      strip.march(0, []);
      const away = index && !model.get("live") ? fillIn(messages["tensor.not_here"], { index: indexExpression(about.name, index) }) : messages["tensor.hint"];
      on.line.show(about.stride && steps() ? [{ text: away, soft: true }] : []);
      side(null);
      return;
    }
    const p = block.position(index);
    sheet.mark([[p, "now"]]);
    if (about.stride) {
      const place = address(index, about.stride, about.offset);
      strip.mark([[place, "now"], ...(place === about.offset ? [] : [[about.offset, "path"]])]);
      strip.march(about.offset, index.map((count, dim) => ({ dim, stride: about.stride[dim], count })));
      on.line.show([...addressParts(about.name, index, about.stride, about.offset, messages), { text: ` ${messages["tape.holds"]} `, soft: true }, { text: block.text(p, 6), strong: true }]);
    }
    side(p);
  }

  /** The origin whose window holds an index. */
  function around(index) {
    const { rows, columns, tiles } = gridLayout(block, near());
    return near().map((first, d) => {
      if (tiles.includes(d)) return first;
      if (d !== rows.dim && d !== columns.dim) return index[d];
      const { count } = d === rows.dim ? rows : columns;
      const now = sheet.corner()[d];
      return index[d] < now ? index[d] : index[d] >= now + count ? index[d] - count + 1 : now;
    });
  }

  function said(index) {
    const p = block ? block.position(index) : -1;
    return p < 0 ? indexExpression(facts().name, index) : `${indexExpression(facts().name, index)} = ${block.text(p, 6)}`;
  }

  /** What does not change from element to element. */
  function tellAbout() {
    const about = facts();
    const measured = about.numel > MANY ? figureRows(model.get("scene").figures, messages) : null;
    const where = model.get("held").map ? [h("h4", {}, messages["overview.title"]), map.element] : [];
    always.replaceChildren(h("h4", {}, about.name), table(factRows(about, messages)), ...where, ...(measured ? [measured] : []));
    on.ui.setSide(h("div", { class: "tensor-side" }, chosen, always), fillIn(messages["tensor.about"], { name: about.name, shape: shape(about.shape) }));
  }
  function side(p) {
    const about = facts();
    const parts = [];
    if (p !== null) {
      const index = block.index(p);
      const rows = [[messages["cell.value"], block.text(p, 6)]];
      if (block.plain && block.known && !block.nonfinite(p) && !Number.isInteger(block.raw(p))) rows.push([messages["cell.exact"], String(block.raw(p)).replace("-", "−")]);
      if (about.stride) rows.push([messages["cell.place"], String(address(index, about.stride, about.offset))]);
      parts.push(h("h4", {}, indexExpression(about.name, index)), table(rows));
    }
    chosen.replaceChildren(...parts);
  }
}

export default { render };
