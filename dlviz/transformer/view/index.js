// Attention: all heads as tiles, the open head stage by stage, and the selected pair in numbers.

import { baseView } from "../../kit/js/base_view.js";
import { fillIn, h } from "../../kit/js/dom.js";
import { foldRow } from "../../kit/js/fold_row.js";
import { isAvailable } from "../../kit/js/precomputed.js";
import { decode } from "./decode_scene.js";
import { headPicture } from "./picture.js";
import { pairPanel } from "./terms.js";
import { headFacts, tileChooser } from "./tiles.js";
import { editPanel } from "./what_if.js";

function render({ model, el, signal }) {
  const messages = model.get("messages");
  let scene = null;
  const noop = () => {};
  const view = baseView({
    model, el, signal, name: "attention", unit: messages.unit, pace: 1100, steps: () => model.get("scene").stages.length - 1, label, draw, showStep,
    traits: { query: noop, key: noop, row: noop, opened: noop, tiles: () => tiles.show(model.get("tiles")), refusal: noop, edits: noop, text: noop, restored: showNotes, live: draw },
  });
  const tiles = tileChooser({ messages, model, root: view.ui.root, signal, open: (index) => view.save("opened", index) });
  const picture = headPicture({ messages, model, root: view.ui.root, signal, pick, isPainting: () => edits.isPainting() });
  const pair = pairPanel({ messages });
  const edits = editPanel({ messages, signal, model, save: view.save, onPaint: picture.redraw });
  const more = foldRow({ signal, sections: [{ title: messages.what_if, content: edits.element }] });
  const [about, stage] = [h("div", { class: "att-about" }), h("p", { class: "att-stage" })];
  /** A row may die while its mask is painted: what is said then stands where it moves nothing. */
  const verdicts = h("div", { class: "att-verdicts", role: "status" });
  view.ui.root.classList.add("att");
  const side = h("div", { class: "att-side" }, tiles.element, about);
  view.ui.main.append(h("div", { class: "att-columns" }, side, h("div", { class: "att-main" }, stage, picture.element), verdicts), more.element, pair.element);
  pair.element.append(edits.effect);
  view.start();
  side.append(view.controls.element);
  tiles.show(model.get("tiles"));

  function label(step) {
    const { stages, adds_bias } = model.get("scene");
    const name = stages[step] === "mask" && adds_bias ? "bias" : stages[step];
    return name ? messages[`stage.${name}`] : "";
  }
  /** @param {{name: string, query?: number, key?: number, column?: number}} at */
  function pick({ name, query, key, column }) {
    if (name === "output" || name === "value") pair.choose(column);
    if (query !== undefined && query !== model.get("query")) model.set("query", query);
    if (key !== undefined && key !== model.get("key")) model.set("key", key);
    if (name === "map") edits.paintPair(query, key);
    model.save_changes();
    view.update();
  }
  function showNotes() {
    const restored = (model.get("restored") ?? []).map((trait) => messages[`trait.${trait}`]).join(", ");
    const isVerdict = ({ kind }) => kind === "bad";
    const { notes } = model.get("scene");
    verdicts.replaceChildren(...notes.filter(isVerdict).map(({ kind, text }) => h("p", { class: "dlviz-note", "data-kind": kind }, text)));
    view.ui.setNotes([...notes.filter((note) => !isVerdict(note)), ...(restored ? [{ kind: "", text: fillIn(messages["page.restored"], { names: restored }) }] : [])]);
  }
  function draw() {
    scene = decode(model.get("scene"), () => model.get("row"));
    scene.notesAbove = scene.notes.filter(({ kind }) => kind !== "bad").length;
    showNotes();
    picture.show(scene);
    edits.show(scene);
    const facts = headFacts(messages, scene.entropy, scene.count, scene.distance ?? NaN);
    about.replaceChildren(
      h("b", {}, fillIn(messages.tile, { name: scene.name, head: scene.head })),
      ...facts.map((text) => h("div", {}, text)),
      h("div", { class: "att-mask" }, scene.mask_text || messages.no_mask),
    );
    addControls();
  }
  function addControls() {
    const slider = (trait, count, text = (k) => String(k)) => {
      if (count > 1 && (isAvailable(model, trait, 0) || model.get("live"))) view.controls.range({ label: messages[`control.${trait}`], max: () => count - 1, get: () => model.get(trait), set: (value) => view.save(trait, value), text });
    };
    const { labels } = model.get("tiles");
    slider("sample", scene.samples);
    // The name of the control stands before it already.
    const word = fillIn(messages.snapshot, { number: "" });
    const shown = (label = "") => (label === messages.first_snapshot ? "0" : label.startsWith(word) ? label.slice(word.length) : label);
    slider("snapshot", labels.length, (k) => shown(labels[k]));
  }
  function showStep(step, isNew) {
    tiles.showQuery();
    stage.textContent = label(Math.min(step, scene.stages.length - 1));
    picture.showStep(isNew);
    const [query, key] = [Math.min(model.get("query"), scene.length - 1), Math.min(model.get("key"), scene.count - 1)];
    const isHeld = model.get("edits").some(([call, kind, head]) => call === scene.call && kind === "head" && head === scene.head);
    pair.show(scene, query, key, isHeld, Boolean(model.get("live")), step);
    more.offer(edits.element, edits.showStep(query, key));
  }
}

export default { render };
