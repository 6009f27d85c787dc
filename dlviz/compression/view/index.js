// A model pruned and quantized: settings and costs, the weights of a layer before and after, and all trials as points.

import { redrawOnChange } from "../../kit/js/animation.js";
import { baseView } from "../../kit/js/base_view.js";
import { fillIn, h } from "../../kit/js/dom.js";
import { requestQueue } from "../../kit/js/request_queue.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { classPanel } from "./class_panel.js";
import { costPanel } from "./cost_panel.js";
import { layerPanel } from "./layer_panel.js";
import { settingsPanel } from "./settings_panel.js";
import { trialChart } from "./trial_chart.js";

/** Milliseconds between two trials while playing. */
const PACE = 900;

function render({ model, el, signal }) {
  const messages = model.get("messages");
  let scene = null;
  const isLive = () => Boolean(model.get("live"));
  const view = baseView({
    model, el, signal, name: "compress", draw: readScene, label, steps: () => model.get("scene").labels.length - 1, showStep: () => redraw(),
    unit: messages.unit, pace: PACE, traits: { layer: () => {}, axis: () => {}, live: readScene, amount: () => {}, scope: () => {}, structured: () => {}, quantize: () => {} },
  });
  const request = requestQueue(model, signal);
  const settings = settingsPanel({ messages, signal, change, sweep: () => ask("sweep", { kind: "sweep" }) });
  const costs = costPanel({ messages });
  const layers = layerPanel({ messages, signal, select: (index) => view.save("layer", index) });
  const trials = trialChart({ messages, signal, select: (index) => view.go(index), setAxis: (axis) => view.save("axis", axis) });
  const classes = classPanel({ messages });
  view.ui.root.classList.add("cmp");
  const columns = h("div", { class: "cmp-columns" }, h("div", { class: "cmp-column" }, settings.element, costs.element), layers.element, h("div", { class: "cmp-column" }, trials.element, classes.element));
  view.ui.main.append(columns);
  const redraw = redrawOnChange({ root: view.ui.root, element: columns, signal, draw });
  view.start();

  function label(step) {
    return fillIn(messages.trial, { step, what: model.get("scene").labels[step] ?? "" });
  }
  function ask(key, message) {
    settings.setBusy(messages.working);
    request(key, message);
  }
  /** Other settings: with a kernel they are tried, in a page the nearest trial is shown. */
  function change(changed) {
    const wanted = { amount: model.get("amount"), scope: model.get("scope"), structured: model.get("structured"), quantize: model.get("quantize"), ...changed };
    model.set("playing", false);
    if (isLive()) ask("try", { kind: "try", ...wanted });
    else view.go(nearestTrial(scene.points, wanted));
    if (!isLive()) redraw();
  }
  function readScene() {
    const raw = model.get("scene");
    const decode = (bytes, kind) => (bytes ? typedArray(bytes, kind) : null);
    scene = {
      ...raw,
      layers: raw.layers.map((layer) => ({ ...layer, before: typedArray(layer.before, "int32"), after: typedArray(layer.after, "int32"), steps: decode(layer.steps, "float32"), integers: decode(layer.integers, "int32") })),
    };
    settings.setBusy(scene.progress);
    drawSettings(); // without a frame's delay, so that the first key finds the slider where it belongs
  }
  function drawSettings() {
    settings.draw({ scene, live: isLive(), amount: model.get("amount"), scope: model.get("scope"), structured: model.get("structured"), quantize: model.get("quantize") });
  }
  function draw(width) {
    if (!scene || !width) return;
    const step = Math.min(model.get("step"), scene.labels.length - 1);
    drawSettings();
    costs.draw(scene);
    layers.draw(scene, Math.min(model.get("layer"), scene.layers.length - 1));
    trials.draw(scene, { step, axis: model.get("axis"), width: Math.floor(trials.element.getBoundingClientRect().width) });
    classes.draw(scene);
  }
}

/** Index of the trial of a page that is nearest to some settings: of the same kind if there is one. */
function nearestTrial(points, { amount, scope, structured, quantize }) {
  const kind = structured ? "channels" : scope;
  const trials = points.filter((point) => !point.student);
  const cost = (point) => (point.quantize === quantize ? 0 : 4) + (point.pruning === kind || point.pruning === "none" ? 0 : 2) + Math.abs(point.amount - amount);
  return trials.reduce((best, point, k) => (cost(point) < cost(trials[best]) ? k : best), 0);
}

export default { render };
