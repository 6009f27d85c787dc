// The map of words, and beside it the details of the selected word, analogies, and an axis between two words.

import { closest, h, fillIn } from "../../../kit/js/dom.js";
import { typedArray } from "../../../kit/js/typed_arrays.js";
import { baseView } from "../../../kit/js/base_view.js";
import { segments } from "../../../kit/js/segments.js";
import { isAvailable } from "../../../kit/js/precomputed.js";
import { map } from "./map.js";
import { dragWords } from "./drag_words.js";
import { wordInputs } from "./word_inputs.js";
import { searchBox, neighborList, similarityTable, similarityMeasures, insertButtons } from "./side_panel.js";

/** Milliseconds between two snapshots at speed 1. */
const PACE = 500;
/** How many answers are listed in each list. */
const ANSWERS = 5;

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const isLive = () => Boolean(model.get("live"));
  const scene = () => model.get("scene");
  const currentStep = () => Math.min(model.get("step"), scene().snapshots.length - 1);
  const isTsne = () => model.get("method") === "tsne" && !model.get("axis").length;
  const is3d = () => model.get("dimensions") === 3 && scene().components === 3;
  let labels = [];
  let coordinates = null;
  const on = baseView({
    model, el, signal, name: messages["map.name"], steps: () => scene().snapshots.length - 1, label: stepLabel, draw, showStep, pace: PACE,
    traits: { word: () => {}, neighbor: () => {}, details: () => {}, analogy: () => {}, expected: () => {}, dimensions: updateMap }, onEscape,
  });
  const startDrag = dragWords({ root: on.ui.root, signal, enabled: isLive, label: (row) => labels[row], drop, onTap: pick });
  const mapView = map({ messages, root: on.ui.root, signal, pick, startDrag });
  const finder = searchBox({ messages, signal, pick, highlight: (rows) => mapView.highlight(rows) });
  const neighborPanel = h("div", { class: "embedding-neighbors" });
  const answers = h("div", { class: "embedding-answers" });
  const legend = h("p", { class: "embedding-axes" });
  const arithmetic = [{ name: messages["side.a"], sign: "−" }, { name: messages["side.b"] }, { name: messages["side.c"], sign: "+" }, { name: messages["side.expected"], sign: "≈", optional: true }];
  const analogyInputs = wordInputs({ slots: arithmetic, order: [1, 0, 2, 3], label: messages["side.ask"], signal, messages, onSubmit: ask, clear: () => ask([]) });
  const axisInputs = wordInputs({ slots: [{ name: messages["side.low"] }, { name: messages["side.high"] }], order: [0, 1], label: messages["side.turn"], signal, messages, onSubmit: (rows) => on.save("axis", rows), clear: () => on.save("axis", []) });
  const analogyForm = h("div", {}, h("h4", {}, messages["side.analogy"]), analogyInputs.element, h("p", { class: "embedding-muted" }, messages["side.drop"]));
  const axisForm = h("div", {}, h("h4", {}, messages["side.axis"]), axisInputs.element);
  const below = h("div", { class: "embedding-below" }, analogyForm, axisForm, answers);
  const zoomButtons = h("div", { class: "embedding-buttons" }, button("+", "zoom_in", () => mapView.zoom(1.4)), button("−", "zoom_out", () => mapView.zoom(1 / 1.4)), button("⌂", "show_all", () => mapView.reset()));
  /** @type {[string, string, [number, number]][]} */
  const rotations = [["◂", "left", [-1, 0]], ["▸", "right", [1, 0]], ["▴", "up", [0, -1]], ["▾", "down", [0, 1]]];
  const rotateButtons = h("div", { class: "embedding-buttons embedding-rotate" }, ...rotations.map(([text, name, direction]) => button(text, name, () => mapView.nudge(direction))));
  const dimensions = segments({ label: messages["control.dimensions"], options: [["2", "2-D"], ["3", "3-D"]], signal, set: (value) => change("dimensions", Number(value)) });
  const snapshotLabel = h("p", { class: "embedding-snapshot" });
  on.ui.root.classList.add("embedding");
  mapView.element.append(h("div", { class: "embedding-tools" }, dimensions.element, zoomButtons), rotateButtons, snapshotLabel);
  on.ui.main.append(h("div", { class: "embedding-columns" }, h("div", {}, mapView.element, legend), h("div", { class: "embedding-side" }, finder.element, neighborPanel)), below);
  neighborPanel.addEventListener("pointerover", (event) => {
    const item = closest(event, "[data-row]");
    if (item) mapView.highlight([Number(item.dataset.row)]);
  }, { signal });
  neighborPanel.addEventListener("pointerout", (event) => {
    if (closest(event, "[data-row]")) mapView.highlight(finder.matches());
  }, { signal });
  on.start();

  function button(text, name, act) {
    const node = h("button", { type: "button", "aria-label": messages[`map.${name}`], title: messages[`map.${name}`] }, text);
    node.addEventListener("click", act, { signal });
    return node;
  }
  function pick(row) {
    if (!isAvailable(model, "word", row) && row !== model.get("word")) {
      on.ui.announce(fillIn(messages["map.not_in_page"], { word: labels[row] }));
      legend.textContent = fillIn(messages["map.not_in_page"], { word: labels[row] });
      return;
    }
    model.set("neighbor", 0);
    on.save("word", row);
  }
  function ask(rows) {
    model.set("expected", rows[3] ?? -1);
    on.save("analogy", rows.slice(0, 3));
  }
  function drop(node, row) {
    for (const inputs of [analogyInputs, axisInputs]) if (inputs.slotOf(node) >= 0) inputs.insert(inputs.slotOf(node), row);
  }
  /** Escape deselects the word. */
  function onEscape() {
    if (model.get("word") < 0) return false;
    pick(-1);
    return true;
  }
  function stepLabel(step) {
    const last = scene().snapshots.length - 1;
    const at = last ? fillIn(messages["snapshot.step"], { label: scene().snapshots[step], step, last }) : "";
    return [at, model.get("word") >= 0 || !last ? describeWord() : ""].filter(Boolean).join(". ");
  }
  function describeWord() {
    const found = model.get("details");
    const word = model.get("word");
    if (word < 0 || !found.neighbors) return messages["map.hint"];
    return fillIn(messages["side.announcement"], { word: labels[word], near: found.neighbors.rows.slice(0, 3).map((row) => labels[row]).join(", ") });
  }
  function updateMap() {
    mapView.show({ ...scene(), coordinates, is3d: is3d() }, currentStep());
    rotateButtons.hidden = !is3d();
    dimensions.update(String(model.get("dimensions")));
  }
  function draw() {
    labels = scene().labels;
    coordinates = typedArray(scene().coordinates, "float32");
    updateMap();
    finder.show(labels);
    // Only a kernel can answer a new analogy or axis.
    analogyForm.hidden = !isLive();
    axisForm.hidden = !isLive();
    axisInputs.show(labels, model.get("axis"));
    if (isLive()) choice("method", options(labels.length <= scene().tsne_limit ? ["pca", "tsne"] : ["pca"]));
    dimensions.element.hidden = !(isLive() || (scene().components === 3 && !isTsne()));
    if (isLive() && !isTsne()) on.controls.toggle({ label: messages["control.normalize"], get: () => model.get("normalize"), set: (value) => change("normalize", value) });
    if (isLive() && scene().snapshots.length > 1) choice("axes", options(["fixed", "aligned"]));
  }
  function options(values) {
    return values.map((value) => [value, messages[`control.${value}`]]);
  }
  function choice(trait, values) {
    on.controls.choice({ label: messages[`control.${trait}`], options: values, get: () => model.get(trait), set: (value) => change(trait, value) });
  }
  /** t-SNE takes some time, during which the old map stays. */
  function change(trait, value) {
    on.save(trait, value);
    if (isLive() && isTsne()) legend.textContent = messages["map.waiting"];
  }
  function showStep(step) {
    const found = model.get("details");
    const word = model.get("word");
    const question = model.get("analogy");
    const isNear = word >= 0 && found.neighbors;
    snapshotLabel.textContent = scene().snapshots.length > 1 ? scene().snapshots[step] : "";
    const isAnswered = question.length && found.answers;
    mapView.showStep(step, model.get("playing") ? PACE / model.get("speed") : PACE);
    mapView.mark({ word, near: isNear ? found.neighbors.rows : [], answers: isAnswered ? found.answers.rows : [], question, others: [...model.get("axis"), ...(isAnswered ? [model.get("expected")] : [])], targets: (isAnswered && found.targets) || [] });
    legend.textContent = [axes(), isAnswered ? ringNote(found) : ""].filter(Boolean).join(" ");
    replaceContent(neighborPanel, isNear ? selectedWord(word, found) : [h("p", { class: "embedding-muted" }, messages["map.select"])]);
    analogyInputs.show(labels, question.length ? [...question, model.get("expected")] : []);
    replaceContent(answers, isAnswered ? answerLists(question, found) : []);
    answers.hidden = !isAnswered;
  }
  function axes() {
    const [x, y, z] = scene().axes;
    return y ? fillIn(messages[is3d() ? "map.axes_3d" : "map.axes"], { x, y, z }) : `${x}.`;
  }
  function ringNote(found) {
    if (!found.targets) return messages["map.no_ring"];
    return messages[model.get("normalize") ? "map.ring" : "map.ring_not_normalized"];
  }
  /** Replace the content of a node, and give the focus back to the button that had it. */
  function replaceContent(node, content) {
    const before = node.getRootNode().activeElement;
    const key = node.contains(before) ? before.dataset.key : undefined;
    node.replaceChildren(...content);
    if (key) node.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
  }
  /** A note on which of several snapshots answered. */
  function snapshotNote(found) {
    return scene().snapshots.length > 1 ? [h("p", { class: "embedding-muted" }, fillIn(messages["snapshot.answered"], { label: found.snapshot }))] : [];
  }
  function selectedWord(word, found) {
    const other = Math.min(model.get("neighbor"), found.neighbors.rows.length - 1);
    const parts = { messages, word: labels[word], other: labels[found.neighbors.rows[other]], item: found.similarities[other], cosine: found.neighbors.cosines[other] };
    const slots = [analogyInputs, axisInputs].flatMap((inputs) => inputs.names.map((name, slot) => ({ name, insert: () => inputs.insert(slot, word) })));
    return [
      h("div", {},
        h("h4", {}, fillIn(messages["side.neighbors"], { word: labels[word] })), ...snapshotNote(found),
        neighborList({ labels, near: found.neighbors, signal, pressed: other, press: (index) => on.save("neighbor", index) }),
        isLive() ? insertButtons({ messages, word: labels[word], slots, signal }) : null),
      h("div", {}, h("h4", {}, fillIn(messages["side.similarity"], { word: parts.word, other: parts.other })), similarityTable(parts), similarityMeasures(parts)),
    ];
  }
  function answerLists(question, found) {
    const [a, b, c] = question.map((row) => labels[row]);
    const best = (near) => near.cosines.slice(0, ANSWERS);
    const among = [...best(found.answers), ...best(found.unfiltered)];
    const list = (title, near) => h("div", {}, h("h5", {}, title), neighborList({ labels, near: { rows: near.rows.slice(0, ANSWERS), cosines: best(near) }, signal, press: (index) => pick(near.rows[index]), among }));
    return [h("p", {}, h("code", {}, `${b} − ${a} + ${c}`)), ...snapshotNote(found), ...rankLine(found), list(messages["side.answers"], found.answers), list(messages["side.unfiltered"], found.unfiltered)];
  }
  function rankLine(found) {
    if (!found.ranks) return [];
    const [near, raw] = found.ranks;
    return [h("p", { class: "embedding-rank" }, fillIn(messages[near === null ? "side.rank_in_question" : "side.rank"], { word: labels[model.get("expected")], near, raw }))];
  }
}

export default { render };
