// A decision boundary: the plane, a map for every unit, and below them the opened unit, the folded plane and the losses.

import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { snapshotCurve } from "../../kit/js/snapshots.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { onThemeChange, themeColors } from "../../kit/js/heatmap.js";
import { baseView } from "../../kit/js/base_view.js";
import { requestQueue } from "../../kit/js/request_queue.js";
import { listing } from "./training_code.js";
import { field } from "./plane_canvas.js";
import { folding } from "./projection.js";
import { maps } from "./unit_maps.js";
import { unit } from "./unit_panel.js";
import { walking } from "./step_explanation.js";

/** Milliseconds between two snapshots that are played, and between two phases, in which there is something to read. */
const PACE = 700;
const READING = 2600;

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const live = () => Boolean(model.get("live"));
  let scene = null;
  const on = baseView({
    model: turned(model, walks), el, signal, name: "boundary", steps: () => (walks() ? phases() : moments()).length - 1, label, draw, showStep, onEscape,
    traits: { opened: () => {}, layer: () => {}, brush: () => {}, painted: () => {}, example: walked, walk: walked, live: draw },
    // What the player divides by its speed is asked every time.
    pace: { valueOf: () => (walks() ? READING : PACE) },
  });
  const ask = requestQueue(model, signal);
  const plane = field({ messages, signal, add: (points) => on.save("painted", [...model.get("painted"), ...points]), clear: () => on.save("painted", []), pick: (point) => explain([point]), start });
  const units = maps({ messages, signal, pick: (n, k) => on.save("opened", [scene.layers[n].call, k]) });
  const open = unit({ messages, signal, edit, reset: () => ask("reset", { kind: "reset" }), close: () => on.save("opened", []) });
  const fold = folding({ messages, signal, turn: (layer) => on.save("layer", layer) });
  const losses = snapshotCurve({ title: messages.losses, className: "plane-curve", width: 220, height: 96, signal, go: (step) => on.go(step) });
  losses.element.classList.add("plane-panel");
  const walk = walking({ messages, signal, leave: () => explain([]) });
  const code = listing({ messages, signal, say: on.ui.announce });
  const network = h("div", { class: "plane-panel plane-network" }, h("div", { class: "plane-title" }, h("b", {}, messages.neurons), h("span", { class: "plane-soft" }, messages.hint)), units.element, open.element);
  const more = h("div", { class: "plane-bench" }, fold.element, losses.element);
  on.ui.root.classList.add("plane");
  on.ui.main.append(walk.net, h("div", { class: "plane-bench" }, plane.element, network, walk.says), more, code.element);
  walked();
  on.start();
  onThemeChange(on.ui.root, signal, () => showStep());

  function moments() {
    return model.get("scene").moments.labels;
  }
  /** Whether a step is explained. One that a page holds is of the snapshot that it was saved at. */
  function walks() {
    return model.get("example").length > 0 && held();
  }
  function held() {
    return Boolean(model.get("walk").phases) && model.get("walk").step === model.get("step");
  }
  function phases() {
    return model.get("walk").phases;
  }
  function label(step) {
    return walks() ? `${phases()[step].title}. ${phases()[step].formula}` : moments()[step];
  }
  function explain(points) {
    model.set("playing", false);
    model.set("phase", 0);
    on.save("example", points);
  }
  /** Without a point that was picked the kernel chooses one; a page has the one it was saved with. */
  function start() {
    if (live()) ask("explain", { kind: "explain" });
    else explain(model.get("walk").points);
  }
  function walked() {
    const now = walks();
    walk.show(now ? model.get("walk") : null);
    network.hidden = more.hidden = now;
  }
  /** Escape leaves the step that is explained, or closes the unit that is open. */
  function onEscape() {
    if (walks()) {
      explain([]);
      return true;
    }
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
    walked();
    plane.show(scene);
    units.show(scene.layers);
    fold.show(scene);
    const { loss } = scene.moments;
    losses.show(loss, fillIn(messages.losses_alt, { count: loss.length, first: format(loss[0], 3), last: format(loss.at(-1), 3) }));
    code.show(scene.code);
    on.ui.root.querySelector(".dlviz-player")?.toggleAttribute("hidden", moments().length < 2 && !walks());
    if (!live()) return;
    const classes = scene.classes.map((name, label) => [String(label), name]);
    on.controls.choice({ label: messages["knob.brush"], options: [["-1", messages["knob.off"]], ...classes], get: () => String(model.get("brush")), set: (value) => on.save("brush", Number(value)) });
    on.controls.range({ label: messages["knob.resolution"], min: 10, max: () => 200, get: () => model.get("resolution"), set: (value) => on.save("resolution", value) });
  }

  function markLoss(step) {
    const { labels, loss, accuracy } = scene.moments;
    losses.mark(step, fillIn(messages.moment_line, { name: labels[step], loss: format(loss[step], 4), accuracy: `${format(100 * accuracy[step], 3)}%` }));
  }
  function showStep() {
    const step = model.get("step");
    const now = walks();
    const colors = themeColors(on.ui.root);
    colors.good = getComputedStyle(on.ui.root).getPropertyValue("--good").trim();
    const [call, k] = model.get("opened");
    const n = scene.layers.findIndex((one) => one.call === call);
    const layer = n < 0 || k >= scene.layers[n].drawn ? null : scene.layers[n];
    if (now) walk.stand(Math.min(model.get("phase"), phases().length - 1));
    plane.draw({ colors, brush: model.get("brush"), painted: model.get("painted"), live: live(), walk: now ? after() : null, startable: !now && (live() || held()) });
    units.draw({ opened: layer ? [n, k] : [], side: scene.map, colors });
    open.show(layer && { scene, layer, unit: k, linear: scene.layers[layer.linear] ?? null, live: live() });
    open.draw(colors);
    fold.draw(colors, model.get("layer"));
    markLoss(Math.min(step, moments().length - 1));
    on.ui.root.querySelector(".dlviz-player")?.toggleAttribute("hidden", moments().length < 2 && !now);
  }
  /** Where the explained points are, and in the last phase what the plane is after the step. */
  function after() {
    const { places, heat, guesses } = model.get("walk");
    const last = model.get("phase") >= phases().length - 1;
    return { places, after: last ? { ...won(typedArray(heat, "float32"), scene.side, scene.classes.length), guesses: typedArray(guesses, "int32") } : null };
  }
}

/** The same model, whose `step` is the phase while a step is explained: one player plays both. */
function turned(model, walks) {
  const name = (trait) => (trait === "step" && walks() ? "phase" : trait);
  const both = (event) => (event === "change:step" ? [event, "change:phase"] : [event]);
  return {
    get: (trait) => model.get(name(trait)),
    set: (trait, value) => model.set(name(trait), value),
    save_changes: () => model.save_changes(),
    on: (event, call) => both(event).forEach((one) => model.on(one, call)),
    off: (event, call) => both(event).forEach((one) => model.off(one, call)),
  };
}

/** Probabilities, class after class, with the most probable class of every point. */
function won(heat, side, classes) {
  const count = side * side;
  const winners = new Uint8Array(count);
  for (let p = 0; p < count; p += 1) {
    for (let label = 1; label < classes; label += 1) if (heat[label * count + p] > heat[winners[p] * count + p]) winners[p] = label;
  }
  return { heat, winners };
}

/** The scene with its bytes as numbers, and the most probable class of every computed point. */
function decoded(about) {
  const single = (bytes) => (bytes ? typedArray(bytes, "float32") : null);
  const { side, map, every } = about;
  const { heat, winners } = won(single(about.heat), side, about.classes.length);
  const first = Math.floor(every / 2);
  const coarse = Uint8Array.from({ length: map * map }, (_, p) => winners[(first + Math.floor(p / map) * every) * side + first + (p % map) * every]);
  return {
    ...about,
    heat,
    winners,
    coarse,
    points: single(about.points),
    labels: typedArray(about.labels, "int32"),
    guesses: typedArray(about.guesses, "int32"),
    layers: about.layers.map((one) => ({ ...one, values: single(one.values), weight: single(one.weight), bias: single(one.bias) })),
    folds: about.folds.map((one) => one && { ...one, plane: single(one.plane), points: single(one.points) }),
    moments: { ...about.moments, loss: typedArray(about.moments.loss, "float64"), accuracy: typedArray(about.moments.accuracy, "float64") },
  };
}

export default { render };
