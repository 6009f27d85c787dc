// A map of words; beside it what was found about the chosen ones.

import { h, fillIn } from "../kit/js/dom.js";
import { array } from "../kit/js/binary.js";
import { stage } from "../kit/js/stage.js";
import { offered } from "../kit/js/frames.js";
import { map } from "./map.js";
import { search, ranking, itemised, fields } from "./side.js";

function render({ model, el, signal }) {
  const words = model.get("words");
  let labels = [];
  const on = stage({
    model, el, signal, name: words["map.name"], steps: () => 0, label: () => told(), draw, stand,
    traits: { word: () => {}, other: () => {}, found: () => {}, question: () => {} }, release,
  });
  const where = map({ words, root: on.ui.root, signal, pick });
  const finder = search({ words, signal, pick });
  const near = h("div", { class: "vec-near" });
  const answers = h("div", { class: "vec-answers" });
  const legend = h("p", { class: "vec-axes" });
  const question = fields({ names: ["a", "b", "c"].map((one) => words[`side.${one}`]), label: words["side.ask"], signal, words, act: (rows) => on.save("question", rows), clear: () => on.save("question", []) });
  const own = fields({ names: [words["side.low"], words["side.high"]], label: words["side.turn"], signal, words, act: (rows) => on.save("between", rows), clear: () => on.save("between", []) });
  const asking = h("div", {}, h("h4", {}, words["side.analogy"]), question.element);
  const turning = h("div", {}, h("h4", {}, words["side.axis"]), own.element);
  const below = h("div", { class: "vec-below" }, asking, turning, answers);
  const zooms = h("div", { class: "vec-zooms" }, button("+", words["map.nearer"], () => where.zoom(1.4)), button("−", words["map.farther"], () => where.zoom(1 / 1.4)), button("⌂", words["map.whole"], () => where.reset()));
  on.ui.root.classList.add("vec");
  where.element.append(zooms);
  on.ui.stage.append(h("div", { class: "vec-bench" }, h("div", {}, where.element, legend, below), h("div", { class: "vec-side" }, finder.element, near)));
  on.start();
  on.ui.root.querySelector(".dlviz-player").hidden = true;

  function button(text, label, act) {
    const node = h("button", { type: "button", "aria-label": label, title: label }, text);
    node.addEventListener("click", act, { signal });
    return node;
  }
  function pick(row) {
    if (!offered(model, "word", row) && row !== model.get("word")) {
      on.ui.say(fillIn(words["map.absent"], { word: labels[row] }));
      legend.textContent = fillIn(words["map.absent"], { word: labels[row] });
      return;
    }
    model.set("other", 0);
    on.save("word", row);
  }
  /** Escape lets go of the chosen word. */
  function release() {
    if (model.get("word") < 0) return false;
    pick(-1);
    return true;
  }
  function told() {
    const found = model.get("found");
    const word = model.get("word");
    if (word < 0 || !found.near) return words["map.read"];
    return fillIn(words["side.told"], { word: labels[word], near: found.near.rows.slice(0, 3).map((row) => labels[row]).join(", ") });
  }
  function draw() {
    const scene = model.get("scene");
    labels = scene.labels;
    where.show({ ...scene, places: array(scene.places, "float32") });
    finder.show(labels);
    const isLive = Boolean(model.get("live"));
    // What only a kernel can answer is not offered in a page.
    asking.hidden = !isLive;
    turning.hidden = !isLive;
    own.show(labels, model.get("between"));
    if (isLive) {
      const methods = ["pca", "tsne"].filter((one) => one === "pca" || labels.length <= scene.slow).map((one) => [one, words[`knob.${one}`]]);
      on.controls.choice({ label: words["knob.method"], options: methods, get: () => model.get("method"), set: (value) => on.save("method", value) });
    }
  }
  function stand() {
    const scene = model.get("scene");
    const found = model.get("found");
    const word = model.get("word");
    const asked = model.get("question");
    legend.textContent = scene.axes[1] ? fillIn(words["map.axes"], { x: scene.axes[0], y: scene.axes[1] }) : scene.axes[0];
    where.mark({ word, near: word >= 0 && found.near ? found.near.rows : [], answers: found.answers ? found.answers.rows : [], question: asked, between: model.get("between") });
    near.replaceChildren(...(word >= 0 && found.near ? chosen(word, found) : [h("p", { class: "vec-soft" }, words["map.read"])]));
    question.show(labels, asked);
    answers.replaceChildren(...(asked.length && found.answers ? answered(asked, found) : []));
    answers.hidden = !asked.length;
  }
  function chosen(word, found) {
    const other = Math.min(model.get("other"), found.near.rows.length - 1);
    const parts = { words, one: labels[word], other: labels[found.near.rows[other]], item: found.products[other], cosine: found.near.cosines[other] };
    return [
      h("h4", {}, fillIn(words["side.near"], { word: labels[word] })),
      ranking({ labels, near: found.near, signal, pressed: other, press: (place) => on.save("other", place) }),
      h("h4", {}, fillIn(words["side.product"], { one: parts.one, other: parts.other })),
      itemised(parts),
    ];
  }
  function answered(asked, found) {
    const [a, b, c] = asked.map((row) => labels[row]);
    const list = (title, near) => h("div", {}, h("h5", {}, title), ranking({ labels, near: { rows: near.rows.slice(0, 5), cosines: near.cosines.slice(0, 5) }, signal, press: (place) => pick(near.rows[place]) }));
    return [h("p", { class: "mono" }, `${b} − ${a} + ${c}`), list(words["side.answers"], found.answers), list(words["side.raw"], found.raw)];
  }
}

export default { render };
