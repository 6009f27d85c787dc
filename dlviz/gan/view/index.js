// A generator against a discriminator: the plane or images, buttons that train, the measures of all snapshots, and one fake in numbers.

import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { baseView } from "../../kit/js/base_view.js";
import { redrawOnChange } from "../../kit/js/animation.js";
import { paintedPoints, requestQueue } from "../../kit/js/request_queue.js";
import { trainingButtons } from "../../kit/js/training_buttons.js";
import { measureCharts } from "./charts.js";
import { decode } from "./decode_scene.js";
import { imagesView } from "./images.js";
import { planeView } from "./plane.js";
import { strengthFold } from "./strength.js";

/** Buttons: message of the text, which step, and how many. */
const BUTTONS = [["train_d", "d", 1], ["train_g", "g", 1], ["train_both", "both", 1], ["train_10", "both", 10], ["train_100", "both", 100]];

function render({ model, el, signal }) {
  const messages = model.get("messages");
  let scene = null;
  const refresh = () => showState();
  const traits = Object.fromEntries(["selected", "show_heat", "show_arrows", "show_grid", "brush"].map((name) => [name, refresh]));
  const view = baseView({
    model, el, signal, name: "duel", unit: messages.unit, pace: 300, steps: () => model.get("scene").snapshots.labels.length - 1, label, draw, showStep, onEscape,
    traits: { ...traits, live: draw },
  });
  const request = requestQueue(model, signal);
  const painted = paintedPoints(request);
  const isPlane = model.get("scene").plane;
  const options = { messages, root: view.ui.root, signal, select };
  const picture = isPlane ? planeView({ ...options, paint }) : imagesView(options);
  const charts = measureCharts({ messages, signal, go: view.go });
  const buttons = trainingButtons({
    messages, signal, send: (message) => model.send(message),
    buttons: BUTTONS.map(([name, which, count]) => ({ text: messages[name], label: count === 1 ? messages[`train_label_${which}`] : fillIn(messages.train_label_n, { count }), message: { kind: "train", which, count } })),
  });
  const clearButton = h("button", { type: "button", class: "dlviz-outlined small", hidden: "" }, messages.clear);
  clearButton.addEventListener("click", painted.clear, { signal });
  const fake = h("div", { class: "duel-fake" });
  const strength = strengthFold({ messages, signal });
  const side = h("div", { class: "duel-side" }, charts.element, fake);
  view.ui.root.classList.add("duel");
  const tools = h("div", { class: "duel-tools" }, buttons.element, clearButton);
  view.ui.main.append(tools, h("div", { class: "duel-row" }, picture.element, side), strength.element);
  redrawOnChange({ root: view.ui.root, element: side, signal, draw: charts.resize });
  view.start();
  clearButton.before(view.controls.element);

  function label(step) {
    const { labels } = model.get("scene").snapshots;
    const at = Math.min(step, labels.length - 1);
    return scene ? fillIn(messages.step, { name: labels[at], energy: format(scene.snapshots.energy[at], 3) }) : labels[at];
  }
  function select(index) {
    view.save("selected", index);
  }
  function onEscape() {
    if (model.get("selected") < 0) return false;
    select(-1);
    return true;
  }
  function paint(points) {
    painted.add(points);
    showState();
  }
  function draw() {
    scene = decode(model.get("scene"));
    painted.onScene();
    picture.show(scene);
    charts.show(scene);
    strength.show(scene);
    const live = Boolean(model.get("live"));
    const [d, g] = scene.trainable;
    const possible = { d, g, both: d && g };
    buttons.show(scene.training.remaining, BUTTONS.map(([, which]) => live && possible[which]));
    tools.hidden = !isPlane && buttons.element.hidden;
    if (isPlane) {
      toggle("heat", "show_heat");
      toggle("arrows", "show_arrows");
      if (scene.warp) toggle("grid", "show_grid");
      if (live) toggle("brush", "brush");
    }
    showState();
  }
  function toggle(name, trait) {
    view.controls.toggle({ label: messages[`control.${name}`], get: () => model.get(trait), set: (value) => view.save(trait, value) });
  }
  function showState() {
    if (!scene) return;
    const selected = Math.min(model.get("selected"), scene.d_fake.length - 1);
    picture.update(/** @type {any} */ ({
      heat: model.get("show_heat"), arrows: model.get("show_arrows"), grid: model.get("show_grid"), selected,
      brush: model.get("brush") && Boolean(model.get("live")), painted: painted.all(),
    }));
    clearButton.hidden = !model.get("live") || !scene.painted;
    showFake(selected);
  }
  function showFake(k) {
    if (k < 0) {
      fake.replaceChildren(h("p", { class: "dlviz-soft" }, messages.no_fake));
      return;
    }
    const number = (value) => format(value, 3);
    const shown = scene.noise.length / scene.d_fake.length;
    const noise = Array.from(scene.noise.subarray(k * shown, (k + 1) * shown), number).join(", ") + (shown < scene.noise_size ? ", …" : "");
    const pair = (values) => ({ x: number(values[2 * k]), y: number(values[2 * k + 1]) });
    const opinion = fillIn(scene.output === "score" ? messages.of_score : messages.of_d, { d: number(scene.d_fake[k]), logit: number(scene.logits_fake[k]) });
    const lines = scene.plane
      ? [fillIn(messages.of_noise, { values: noise, ...pair(scene.fakes) }), opinion, fillIn(messages.of_gradient, { ...pair(scene.gradients), norm: number(Math.hypot(scene.gradients[2 * k], scene.gradients[2 * k + 1])) })]
      : [fillIn(messages.of_image, { values: noise }), opinion, k < scene.drawn ? fillIn(messages.of_norm, { norm: number(scene.norms[k]) }) : ""];
    fake.replaceChildren(h("b", {}, fillIn(messages.one_fake, { index: k })), ...lines.map((text) => h("div", {}, text)));
  }
  function showStep(step) {
    charts.showStep(step);
  }
}

export default { render };
