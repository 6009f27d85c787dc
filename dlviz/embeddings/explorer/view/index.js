// A map of words; beside it what was found about the chosen ones.

import { h, fillIn } from "../../../kit/js/dom.js";
import { typedArray } from "../../../kit/js/typed_arrays.js";
import { baseView } from "../../../kit/js/base_view.js";
import { isAvailable } from "../../../kit/js/precomputed.js";
import { map } from "./map.js";
import { carrying } from "./drag_words.js";
import { fields } from "./word_inputs.js";
import { search, ranking, itemised, measures, putting } from "./side_panel.js";

/** Milliseconds between two moments at speed 1. */
const PACE = 500;
/** So many answers of each kind are listed. */
const ANSWERS = 5;

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const isLive = () => Boolean(model.get("live"));
  const scene = () => model.get("scene");
  const moment = () => Math.min(model.get("step"), scene().frames.length - 1);
  const isTsne = () => model.get("method") === "tsne" && !model.get("between").length;
  const isSolid = () => model.get("dimensions") === 3 && scene().components === 3;
  let labels = [];
  let places = null;
  const on = baseView({
    model, el, signal, name: messages["map.name"], steps: () => scene().frames.length - 1, label: called, draw, showStep, pace: PACE,
    traits: { word: () => {}, other: () => {}, found: () => {}, question: () => {}, expected: () => {}, dimensions: lay }, onEscape,
  });
  const lift = carrying({ root: on.ui.root, signal, may: isLive, label: (row) => labels[row], drop, tapped: pick });
  const where = map({ messages, root: on.ui.root, signal, pick, lift });
  const finder = search({ messages, signal, pick, seek: (rows) => where.seek(rows) });
  const near = h("div", { class: "vec-near" });
  const answers = h("div", { class: "vec-answers" });
  const legend = h("p", { class: "vec-axes" });
  const arithmetic = [{ name: messages["side.a"], sign: "−" }, { name: messages["side.b"] }, { name: messages["side.c"], sign: "+" }, { name: messages["side.expected"], sign: "≈", optional: true }];
  const question = fields({ slots: arithmetic, order: [1, 0, 2, 3], label: messages["side.ask"], signal, messages, act: ask, clear: () => ask([]) });
  const own = fields({ slots: [{ name: messages["side.low"] }, { name: messages["side.high"] }], order: [0, 1], label: messages["side.turn"], signal, messages, act: (rows) => on.save("between", rows), clear: () => on.save("between", []) });
  const asking = h("div", {}, h("h4", {}, messages["side.analogy"]), question.element, h("p", { class: "vec-soft" }, messages["side.drop"]));
  const turning = h("div", {}, h("h4", {}, messages["side.axis"]), own.element);
  const below = h("div", { class: "vec-below" }, asking, turning, answers);
  const zooms = h("div", { class: "vec-zooms" }, button("+", "nearer", () => where.zoom(1.4)), button("−", "farther", () => where.zoom(1 / 1.4)), button("⌂", "whole", () => where.reset()));
  const turns = h("div", { class: "vec-zooms vec-turns" }, ...[["◂", "left", [-1, 0]], ["▸", "right", [1, 0]], ["▴", "up", [0, -1]], ["▾", "down", [0, 1]]].map(([text, name, way]) => button(text, name, () => where.nudge(way))));
  const said = h("p", { class: "vec-moment" });
  on.ui.root.classList.add("vec");
  where.element.append(zooms, turns, said);
  on.ui.main.append(h("div", { class: "vec-bench" }, h("div", {}, where.element, legend, below), h("div", { class: "vec-side" }, finder.element, near)));
  for (const [event, rows] of [["pointerover", (row) => [row]], ["pointerout", () => finder.hits()]]) {
    near.addEventListener(event, ({ target }) => target.closest("[data-row]") && where.seek(rows(Number(target.closest("[data-row]").dataset.row))), { signal });
  }
  on.start();

  function button(text, name, act) {
    const node = h("button", { type: "button", "aria-label": messages[`map.${name}`], title: messages[`map.${name}`] }, text);
    node.addEventListener("click", act, { signal });
    return node;
  }
  function pick(row) {
    if (!isAvailable(model, "word", row) && row !== model.get("word")) {
      on.ui.announce(fillIn(messages["map.absent"], { word: labels[row] }));
      legend.textContent = fillIn(messages["map.absent"], { word: labels[row] });
      return;
    }
    model.set("other", 0);
    on.save("word", row);
  }
  function ask(rows) {
    model.set("expected", rows[3] ?? -1);
    on.save("question", rows.slice(0, 3));
  }
  function drop(node, row) {
    for (const one of [question, own]) if (one.takes(node) >= 0) one.put(one.takes(node), row);
  }
  /** Escape lets go of the chosen word. */
  function onEscape() {
    if (model.get("word") < 0) return false;
    pick(-1);
    return true;
  }
  function called(step) {
    const last = scene().frames.length - 1;
    const at = last ? fillIn(messages["frame.step"], { label: scene().frames[step], step, last }) : "";
    return [at, model.get("word") >= 0 || !last ? told() : ""].filter(Boolean).join(". ");
  }
  function told() {
    const found = model.get("found");
    const word = model.get("word");
    if (word < 0 || !found.near) return messages["map.read"];
    return fillIn(messages["side.told"], { word: labels[word], near: found.near.rows.slice(0, 3).map((row) => labels[row]).join(", ") });
  }
  function lay() {
    where.show({ ...scene(), places, solid: isSolid() }, moment());
    turns.hidden = !isSolid();
  }
  function draw() {
    labels = scene().labels;
    places = typedArray(scene().places, "float32");
    lay();
    finder.show(labels);
    on.ui.root.querySelector(".dlviz-player").hidden = scene().frames.length < 2;
    // What only a kernel can answer is not offered in a page.
    asking.hidden = !isLive();
    turning.hidden = !isLive();
    own.show(labels, model.get("between"));
    const choice = (trait, values) => on.controls.choice({ label: messages[`knob.${trait}`], options: values.map((one) => [String(one), messages[`knob.${one}`] ?? `${one}-D`]), get: () => String(model.get(trait)), set: (value) => choose(trait, typeof values[0] === "number" ? Number(value) : value) });
    if (isLive()) choice("method", labels.length <= scene().slow ? ["pca", "tsne"] : ["pca"]);
    if (isLive() || (scene().components === 3 && !isTsne())) choice("dimensions", [2, 3]);
    if (isLive() && !isTsne()) choice("lengths", ["own", "one"]);
    if (isLive() && scene().frames.length > 1) choice("axes", ["fixed", "aligned"]);
  }
  /** t-SNE takes its time; until it comes the map is that from before. */
  function choose(trait, value) {
    on.save(trait, value);
    if (isLive() && isTsne()) legend.textContent = messages["map.waiting"];
  }
  function showStep(step) {
    const found = model.get("found");
    const word = model.get("word");
    const asked = model.get("question");
    const isNear = word >= 0 && found.near;
    said.textContent = scene().frames.length > 1 ? scene().frames[step] : "";
    const isAnswered = asked.length && found.answers;
    where.stand(step, model.get("playing") ? PACE / model.get("speed") : PACE);
    where.mark({ word, near: isNear ? found.near.rows : [], answers: isAnswered ? found.answers.rows : [], question: asked, between: [...model.get("between"), ...(isAnswered ? [model.get("expected")] : [])], targets: (isAnswered && found.targets) || [] });
    legend.textContent = [axes(), isAnswered ? ringed(found) : ""].filter(Boolean).join(" ");
    keeping(near, isNear ? chosen(word, found) : [h("p", { class: "vec-soft" }, messages[isSolid() ? "map.read_solid" : "map.read"])]);
    question.show(labels, asked.length ? [...asked, model.get("expected")] : []);
    keeping(answers, isAnswered ? answered(asked, found) : []);
    answers.hidden = !isAnswered;
  }
  function axes() {
    const [x, y, z] = scene().axes;
    return y ? fillIn(messages[isSolid() ? "map.solid" : "map.axes"], { x, y, z }) : `${x}.`;
  }
  function ringed(found) {
    if (!found.targets) return messages["map.no_ring"];
    return messages[model.get("lengths") === "one" ? "map.ring" : "map.ring_lengths"];
  }
  /** New content; what had the focus has it again. */
  function keeping(node, content) {
    const before = node.getRootNode().activeElement;
    const key = node.contains(before) ? before.dataset.key : undefined;
    node.replaceChildren(...content);
    if (key) node.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
  }
  /** Of several moments it is said which one was asked. */
  function when(found) {
    return scene().frames.length > 1 ? [h("p", { class: "vec-soft" }, fillIn(messages["frame.asked"], { label: found.frame }))] : [];
  }
  function chosen(word, found) {
    const other = Math.min(model.get("other"), found.near.rows.length - 1);
    const parts = { messages, one: labels[word], other: labels[found.near.rows[other]], item: found.products[other], cosine: found.near.cosines[other] };
    const into = [question, own].flatMap((one) => one.names.map((name, slot) => ({ name, put: () => one.put(slot, word) })));
    return [
      h("h4", {}, fillIn(messages["side.near"], { word: labels[word] })),
      ...when(found),
      ranking({ labels, near: found.near, signal, pressed: other, press: (place) => on.save("other", place) }),
      isLive() ? putting({ messages, word: labels[word], into, signal }) : null,
      h("h4", {}, fillIn(messages["side.product"], { one: parts.one, other: parts.other })),
      itemised(parts),
      measures(parts),
    ].filter(Boolean);
  }
  function answered(asked, found) {
    const [a, b, c] = asked.map((row) => labels[row]);
    const list = (title, near) => h("div", {}, h("h5", {}, title), ranking({ labels, near: { rows: near.rows.slice(0, ANSWERS), cosines: near.cosines.slice(0, ANSWERS) }, signal, press: (place) => pick(near.rows[place]) }));
    return [h("p", {}, h("code", {}, `${b} − ${a} + ${c}`)), ...when(found), ...ranked(found), list(messages["side.answers"], found.answers), list(messages["side.raw"], found.raw)];
  }
  function ranked(found) {
    if (!found.ranks) return [];
    const [near, raw] = found.ranks;
    return [h("p", { class: "vec-rank" }, fillIn(messages[near === null ? "side.rank_own" : "side.rank"], { word: labels[model.get("expected")], near, raw }))];
  }
}

export default { render };
