// A decision boundary: the plane; to its right the network of units, the projection of a layer and the loss of every snapshot.

import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { snapshotCurve } from "../../kit/js/snapshots.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { onThemeChange, themeColors } from "../../kit/js/heatmap.js";
import { baseView } from "../../kit/js/base_view.js";
import { fold } from "../../kit/js/fold.js";
import { paintedPoints, requestQueue } from "../../kit/js/request_queue.js";
import { withStepTrait } from "../../kit/js/step_trait.js";
import { buildControls } from "./build_controls.js";
import { planeCanvas } from "./plane_canvas.js";
import { SIDE, projectionPanel } from "./layer_projection.js";
import { unitMaps } from "./unit_maps.js";
import { unitPanel } from "./unit_panel.js";
import { stepExplanation } from "./step_explanation.js";

/** Milliseconds between two snapshots while playing, and between two phases, which have text to read. */
const SNAPSHOT_PACE = 700;
const PHASE_PACE = 2600;

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const isLive = () => Boolean(model.get("live"));
  let scene = null;
  const view = baseView({
    model: withStepTrait(model, "phase", isExplaining), el, signal, name: "boundary", steps: () => (isExplaining() ? phases() : titles()).length - 1, label, draw, showStep, onEscape,
    traits: { opened: () => {}, layer: () => {}, brush: () => {}, painted: () => {}, example: showExplanation, explanation: showExplanation, settings: showBuild, live: draw },
    unit: /** @type {any} */ ({ toString: () => (isExplaining() ? messages.phase : messages.snapshot_unit) }),
    // toString() and valueOf() are called each time the player writes its unit and divides the pace by its speed.
    pace: { valueOf: () => (isExplaining() ? PHASE_PACE : SNAPSHOT_PACE) },
  });
  const request = requestQueue(model, signal);
  const painted = paintedPoints(request);
  const build = model.get("scene").build && buildControls({ messages, signal, request, send: (message) => model.send(message) });
  const plane = planeCanvas({ messages, signal, paint, clear: painted.clear, pick: (point) => explain([point]), explain: startExplanation });
  const maps = unitMaps({ messages, signal, open: (n, k) => view.save("opened", [scene.layers[n].call, k]) });
  const unit = unitPanel({ messages, signal, edit, reset: () => request("reset", { kind: "reset" }), close: () => view.save("opened", []) });
  const projection = projectionPanel({ messages, signal, select: (layer) => view.save("layer", layer) });
  const losses = snapshotCurve({ title: messages.loss_curve, across: messages.snapshot_unit, className: "boundary-loss-curve", width: SIDE, height: 104, signal, go: (step) => view.go(step) });
  losses.element.classList.add("dlviz-panel");
  const explanation = stepExplanation({ messages, signal, leave: () => explain([]) });
  const code = codeListing({ messages, signal, announce: view.ui.announce });
  const network = h("div", { class: "dlviz-panel boundary-network" }, h("div", { class: "boundary-title" }, h("b", {}, messages.units_title)), maps.element, h("div", { class: "dlviz-soft" }, messages.hint));
  const side = h("div", { class: "boundary-side" }, projection.element, losses.element);
  const left = h("div", { class: "boundary-left" }, plane.element, unit.element, explanation.arithmetic);
  view.ui.root.classList.add("boundary");
  if (build) view.ui.main.append(build.element);
  view.ui.main.append(h("div", { class: "boundary-row" }, left, network, side, explanation.panel), code.element);
  showExplanation();
  view.start();
  // The brush stands below the plane that it paints.
  plane.element.after(view.controls.element);
  onThemeChange(view.ui.root, signal, () => showStep());

  function titles() {
    return model.get("scene").snapshots.labels;
  }
  function phases() {
    return model.get("explanation").phases;
  }
  function isExplaining() {
    return model.get("example").length > 0 && hasExplanation();
  }
  /** Whether there is an explanation of the current snapshot. A page holds one of the snapshot at which it was saved. */
  function hasExplanation() {
    return Boolean(phases()) && model.get("explanation").step === model.get("step");
  }
  function label(step) {
    return isExplaining() ? `${phases()[step].title}. ${phases()[step].formula}` : titles()[step];
  }
  function explain(points) {
    model.set("playing", false);
    model.set("phase", 0);
    view.save("example", points);
  }
  /** The kernel chooses a point; a page has the one with which it was saved. */
  function startExplanation() {
    if (isLive()) request("explain", { kind: "explain" });
    else explain(model.get("explanation").points);
  }
  function showExplanation() {
    const explaining = isExplaining();
    explanation.show(explaining ? model.get("explanation") : null);
    network.hidden = side.hidden = explaining;
    view.ui.root.toggleAttribute("data-explaining", explaining);
  }
  /** Escape leaves the explained step, or closes the open unit. */
  function onEscape() {
    if (isExplaining()) {
      explain([]);
      return true;
    }
    if (!model.get("opened").length) return false;
    view.save("opened", []);
    return true;
  }
  function paint(points) {
    painted.add(points);
    view.update();
  }
  function edit(input, value) {
    const [call, k] = model.get("opened");
    const { linear } = scene.layers.find((layer) => layer.call === call);
    const layer = scene.layers[linear].call;
    request(`${layer} ${k} ${input}`, { kind: "edit", layer, unit: k, input, value });
  }

  function draw() {
    scene = decode(model.get("scene"));
    painted.onScene();
    showExplanation();
    plane.show(scene);
    maps.show(scene.layers);
    projection.show(scene);
    const { loss } = scene.snapshots;
    losses.show(loss, fillIn(messages.loss_curve_alt, { count: loss.length, first: format(loss[0], 3), last: format(loss.at(-1), 3) }));
    code.show(scene.code);
    showBuild();
    showPlayer();
    if (!isLive()) return;
    const classes = scene.classes.map((name, index) => [String(index), name]);
    view.controls.choice({ label: messages["control.brush"], options: [["-1", messages["control.off"]], ...classes], get: () => String(model.get("brush")), set: (value) => view.save("brush", Number(value)) });
    view.controls.range({ label: messages["control.resolution"], min: 10, max: () => 200, get: () => model.get("resolution"), set: (value) => view.save("resolution", value) });
  }
  function showBuild() {
    build?.show(scene.build, model.get("settings"), isLive());
    view.ui.root.toggleAttribute("data-built", Boolean(build && isLive()));
  }
  function showStep() {
    const explaining = isExplaining();
    const colors = themeColors(view.ui.root);
    const [call, k] = model.get("opened");
    const n = scene.layers.findIndex((layer) => layer.call === call);
    const layer = n < 0 || k >= scene.layers[n].drawn ? null : scene.layers[n];
    if (explaining) explanation.showPhase(Math.min(model.get("phase"), phases().length - 1));
    plane.draw({ colors, brush: model.get("brush"), painted: [...model.get("painted"), ...painted.all()], live: isLive(), trainable: scene.trainable, explained: explaining ? explainedOutputs() : null, explainable: !explaining && ((isLive() && scene.trainable) || hasExplanation()) });
    maps.draw({ opened: layer ? [n, k] : [], folded: Math.min(model.get("layer"), scene.layers.length - 1), side: scene.map_side, colors });
    unit.show(layer && !explaining && { scene, layer, unit: k, linear: scene.layers[layer.linear] ?? null, live: isLive() });
    unit.draw(colors);
    projection.draw(colors, model.get("layer"));
    markLoss(Math.min(model.get("step"), titles().length - 1));
    showPlayer();
  }
  function markLoss(step) {
    const { labels, loss, accuracy } = scene.snapshots;
    losses.mark(step, fillIn(messages.snapshot_line, { name: labels[step], loss: format(loss[step], 4), accuracy: `${format(100 * accuracy[step], 3)}%` }));
  }
  function showPlayer() {
    view.ui.root.querySelector(".dlviz-player")?.toggleAttribute("hidden", titles().length < 2 && !isExplaining());
  }
  /** Positions of the explained points, and in the last phase the model's outputs after the step. */
  function explainedOutputs() {
    const { positions, probs, preds } = model.get("explanation");
    const last = model.get("phase") >= phases().length - 1;
    return { positions, after: last ? { ...withWinners(typedArray(probs, "float32"), scene.side, scene.classes.length), preds: typedArray(preds, "int32") } : null };
  }
}

/** Probabilities, one map for each class, with the most probable class of every grid point. */
function withWinners(probs, side, classes) {
  const count = side * side;
  const winners = new Uint8Array(count);
  for (let p = 0; p < count; p += 1) {
    for (let label = 1; label < classes; label += 1) if (probs[label * count + p] > probs[winners[p] * count + p]) winners[p] = label;
  }
  return { probs, winners };
}

/** The scene with its bytes as numbers, and the most probable class at every point of the grid and of the unit maps. */
function decode(scene) {
  const float32 = (bytes) => (bytes ? typedArray(bytes, "float32") : null);
  const { side, map_side: mapSide, map_stride: stride, snapshots } = scene;
  const { probs, winners } = withWinners(float32(scene.probs), side, scene.classes.length);
  const first = Math.floor(stride / 2);
  const mapWinners = Uint8Array.from({ length: mapSide * mapSide }, (_, p) => winners[(first + Math.floor(p / mapSide) * stride) * side + first + (p % mapSide) * stride]);
  return {
    ...scene,
    probs,
    winners,
    mapWinners,
    points: float32(scene.points),
    labels: typedArray(scene.labels, "int32"),
    preds: typedArray(scene.preds, "int32"),
    layers: scene.layers.map((layer) => ({ ...layer, values: float32(layer.values), weight: float32(layer.weight), bias: float32(layer.bias) })),
    projections: scene.projections.map((projection) => projection && { ...projection, grid: float32(projection.grid), points: float32(projection.points) }),
    snapshots: { ...snapshots, loss: typedArray(snapshots.loss, "float64"), accuracy: typedArray(snapshots.accuracy, "float64") },
  };
}

/** The training loop as text, with a button that copies it. @param {{messages: Record<string, string>, signal: AbortSignal, announce: (text: string) => void}} options */
function codeListing({ messages, signal, announce }) {
  const text = h("code");
  const copy = h("button", { type: "button", class: "boundary-button" }, messages.copy);
  const pre = h("pre", { tabindex: "0", role: "region", "aria-label": messages.code }, text);
  const element = fold({ title: messages.code, className: "boundary-code", signal }, copy, pre);
  function confirm(result) {
    announce(result);
    copy.textContent = result;
  }
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.textContent);
      confirm(messages.copied);
    } catch {
      // A page opened from a file has no clipboard; selected text can be copied with a key.
      getSelection().selectAllChildren(text);
      confirm(messages.selected);
    }
    setTimeout(() => { copy.textContent = messages.copy; }, 2500);
  }, { signal });
  return { element, show: (code) => { text.textContent = code; } };
}

export default { render };
