// A decision boundary: the plane, a map for every unit, and below them the opened unit, the folded plane and the losses.

import { h } from "../kit/js/dom.js";
import { array } from "../kit/js/binary.js";
import { onTheme, palette } from "../kit/js/heat.js";
import { stage } from "../kit/js/stage.js";
import { asking } from "../kit/js/asking.js";
import { listing } from "./code.js";
import { curve } from "./curve.js";
import { field } from "./field.js";
import { folding } from "./fold.js";
import { maps } from "./maps.js";
import { unit } from "./unit.js";

function render({ model, el, signal }) {
  const words = model.get("words");
  const live = () => Boolean(model.get("live"));
  let scene = null;
  const on = stage({
    model, el, signal, name: "boundary", steps: () => moments().length - 1, label: (step) => moments()[step], draw, stand,
    traits: { opened: () => {}, layer: () => {}, brush: () => {}, painted: () => {}, live: draw }, release,
  });
  const ask = asking(model, signal);
  const plane = field({ words, signal, add: (points) => on.save("painted", [...model.get("painted"), ...points]), clear: () => on.save("painted", []) });
  const units = maps({ words, signal, pick: (n, k) => on.save("opened", [scene.layers[n].call, k]) });
  const open = unit({ words, signal, edit, reset: () => ask("reset", { kind: "reset" }), close: () => on.save("opened", []) });
  const fold = folding({ words, signal, turn: (layer) => on.save("layer", layer) });
  const losses = curve({ words, signal, go: (step) => on.go(step) });
  const code = listing({ words, signal, say: on.ui.say });
  on.ui.root.classList.add("plane");
  on.ui.stage.append(
    h("div", { class: "plane-bench" }, plane.element, h("div", { class: "plane-panel plane-network" }, h("div", { class: "plane-title" }, h("b", {}, words.neurons), h("span", { class: "plane-soft" }, words.hint)), units.element)),
    h("div", { class: "plane-bench" }, open.element, fold.element, losses.element),
    code.element,
  );
  on.start();
  onTheme(on.ui.root, signal, () => stand(model.get("step")));

  function moments() {
    return model.get("scene").moments.labels;
  }
  /** Escape closes the unit that is open. */
  function release() {
    if (!model.get("opened").length) return false;
    on.save("opened", []);
    return true;
  }
  function edit(input, value) {
    const [call, k] = model.get("opened");
    const { linear } = scene.layers.find((one) => one.call === call);
    const layer = scene.layers[linear].call;
    ask(`${layer} ${k} ${input}`, { kind: "edit", layer, unit: k, input, value });
  }

  function draw() {
    scene = decoded(model.get("scene"));
    plane.show(scene);
    units.show(scene.layers);
    fold.show(scene);
    losses.show(scene.moments);
    code.show(scene.code);
    on.ui.root.querySelector(".dlviz-player")?.toggleAttribute("hidden", moments().length < 2);
    if (!live()) return;
    const classes = scene.classes.map((name, label) => [String(label), name]);
    on.controls.choice({ label: words["knob.brush"], options: [["-1", words["knob.off"]], ...classes], get: () => String(model.get("brush")), set: (value) => on.save("brush", Number(value)) });
    on.controls.range({ label: words["knob.resolution"], min: 10, max: () => 200, get: () => model.get("resolution"), set: (value) => on.save("resolution", value) });
  }

  function stand(step) {
    const colours = palette(on.ui.root);
    colours.good = getComputedStyle(on.ui.root).getPropertyValue("--good").trim();
    const [call, k] = model.get("opened");
    const n = scene.layers.findIndex((one) => one.call === call);
    const layer = n < 0 || k >= scene.layers[n].drawn ? null : scene.layers[n];
    plane.draw({ colours, brush: model.get("brush"), painted: model.get("painted"), live: live() });
    units.draw({ opened: layer ? [n, k] : [], side: scene.map, colours });
    open.show(layer && { scene, layer, unit: k, linear: scene.layers[layer.linear] ?? null, live: live() });
    open.draw(colours);
    fold.draw(colours, model.get("layer"));
    losses.stand(Math.min(step, moments().length - 1));
  }
}

/** The scene with its bytes as numbers, and the most probable class of every computed point. */
function decoded(about) {
  const single = (bytes) => (bytes ? array(bytes, "float32") : null);
  const heat = single(about.heat);
  const { side, map, every } = about;
  const count = side * side;
  const winners = new Uint8Array(count);
  for (let p = 0; p < count; p += 1) {
    for (let label = 1; label < about.classes.length; label += 1) if (heat[label * count + p] > heat[winners[p] * count + p]) winners[p] = label;
  }
  const first = Math.floor(every / 2);
  const coarse = Uint8Array.from({ length: map * map }, (_, p) => winners[(first + Math.floor(p / map) * every) * side + first + (p % map) * every]);
  return {
    ...about,
    heat,
    winners,
    coarse,
    points: single(about.points),
    labels: array(about.labels, "int32"),
    guesses: array(about.guesses, "int32"),
    layers: about.layers.map((one) => ({ ...one, values: single(one.values), weight: single(one.weight), bias: single(one.bias) })),
    folds: about.folds.map((one) => one && { ...one, plane: single(one.plane), points: single(one.points) }),
    moments: { ...about.moments, loss: array(about.moments.loss, "float64"), accuracy: array(about.moments.accuracy, "float64") },
  };
}

export default { render };
