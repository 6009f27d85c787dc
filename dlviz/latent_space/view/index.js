// The codes of an autoencoder as a map; to its right what the probe decodes to, and the selected example.

import { redrawOnChange } from "../../kit/js/animation.js";
import { baseView } from "../../kit/js/base_view.js";
import { fillIn, h } from "../../kit/js/dom.js";
import { foldRow } from "../../kit/js/fold_row.js";
import { themeColors } from "../../kit/js/heatmap.js";
import { format } from "../../kit/js/numbers.js";
import { requestQueue } from "../../kit/js/request_queue.js";
import { withStepTrait } from "../../kit/js/step_trait.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { codeMap } from "./code_map.js";
import { drawingPad } from "./drawing_pad.js";
import { errorPanel } from "./error_panel.js";
import { examplePanel } from "./example_panel.js";
import { carriedSelection, nearestCarried, nearestDecoded } from "./page_answers.js";
import { divergencePanel, priorPanel } from "./variational_panels.js";

/** From this width on the map stands beside the pictures (style.css); its width there, and the largest below it. */
const TWO_COLUMNS = 760;
const MAP_WIDTH = 338;
/** Milliseconds between two snapshots while playing, and between two steps of a path. */
const SNAPSHOT_PACE = 500;
const PATH_PACE = 350;
/** Dimensions of a code that the menus offer. */
const MOST_DIMENSIONS = 64;
const FLOATS = ["points", "errors", "ellipses", "anomalies", "anomaly_errors"];

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const isLive = () => Boolean(model.get("live"));
  let scene = null;
  let shown = { selection: { example: -1 }, details: {}, background: null, prior: null, drawing: null, carried: null };
  let width = 0;
  /** Whether the next click on the map chooses where a path ends; where the probe was dragged to since the kernel last answered. */
  let picking = false;
  let dragged = null;
  const hasPath = () => Boolean(shown.selection.path);
  const view = baseView({
    model: withStepTrait(model, "path_step", hasPath), el, signal, name: "latent", draw: readScene, label, onEscape,
    steps: () => (hasPath() ? scene.steps : model.get("scene").snapshots.labels.length - 1),
    showStep: () => redraw(),
    unit: /** @type {any} */ ({ toString: () => (hasPath() ? messages.path_unit : messages.snapshot_unit) }),
    pace: { valueOf: () => (hasPath() ? PATH_PACE : SNAPSHOT_PACE) },
    traits: { example: answerInPage, target: answerInPage, probe: answerInPage, selection: readAnswers, details: readAnswers, background: readAnswers, prior: readAnswers, drawing: readAnswers, carried: readAnswers, decoded_grid: () => {}, ellipses: () => {}, threshold: () => {}, live: readScene, restored: showNotes },
  });
  const askProbe = requestQueue(model, signal, "change:details");
  const askDrawing = requestQueue(model, signal, "change:drawing");
  const map = codeMap({ messages, signal, redraw: () => redraw(), moveProbe, select });
  const panel = examplePanel({ messages, signal, goPath: (step) => view.go(step), togglePath });
  const errors = errorPanel({ messages, signal, setThreshold: (value) => view.save("threshold", value), select: (row) => select(row, false) });
  const divergence = divergencePanel({ messages });
  const prior = priorPanel({ messages, signal, resample: () => view.save("sample_seed", model.get("sample_seed") + 1) });
  const pad = drawingPad({ messages, signal, redraw: () => redraw(), paint: (values) => askDrawing("paint", { kind: "paint", values }), example: () => shown.selection.input ?? null });
  const folds = foldRow({
    signal,
    isSingle: true,
    sections: [
      { title: messages.errors_title, content: errors.element },
      { title: messages.divergence_title, content: divergence.element },
      { title: messages.prior_title, content: prior.element },
      { title: messages.pad_title, content: pad.element },
    ],
  });
  folds.element.addEventListener("click", () => redraw(), { signal });
  view.ui.root.classList.add("lat");
  const row = h("div", { class: "lat-row" }, map.element, panel.element);
  view.ui.main.append(row);
  const redraw = redrawOnChange({ root: view.ui.root, element: row, signal, draw: paint });
  view.start();
  view.ui.root.append(folds.element);

  function label(step) {
    if (hasPath()) return fillIn(messages.on_path, { step, last: scene.steps });
    const { labels, error } = model.get("scene").snapshots;
    return fillIn(messages.snapshot, { name: labels[step] ?? "", error: format(typedArray(error, "float64")[step] ?? NaN, 3) });
  }
  /** Escape ends the choice of a path's end, or closes the path. */
  function onEscape() {
    if (picking) {
      picking = false;
      redraw();
    } else if (hasPath()) view.save("target", -1);
    else return false;
    return true;
  }
  function readScene() {
    const raw = model.get("scene");
    /** @param {any} bytes @param {any} [kind] */
    const typed = (bytes, kind = "float32") => (bytes ? typedArray(bytes, kind) : null);
    scene = { ...raw, rows: typed(raw.rows, "int32"), labels: typed(raw.labels, "int32") };
    for (const name of FLOATS) scene[name] = typed(raw[name]);
    const thumbnails = (found) => found && { ...found, errors: typed(found.errors, "float64"), input: typed(found.input), output: typed(found.output) };
    scene.scores = { ...raw.scores, errors: typed(raw.scores.errors, "float64"), anomalies: typed(raw.scores.anomalies, "float64"), worst: thumbnails(raw.scores.worst), missed: thumbnails(raw.scores.missed) };
    scene.divergence = raw.divergence && { ...raw.divergence, kl: typed(raw.divergence.kl, "float64") };
    readAnswers();
    map.show(scene);
    errors.show(scene);
    divergence.show(scene);
    if (scene.picture.drawable) pad.show(scene.picture);
    folds.offer(divergence.element, Boolean(scene.divergence));
    folds.offer(prior.element, Boolean(scene.divergence) && Boolean(shown.prior));
    folds.offer(pad.element, scene.picture.drawable && isLive());
    addControls();
    showNotes();
    redraw();
  }
  function addControls() {
    view.controls.toggle({ label: messages["control.decoded_grid"], get: () => model.get("decoded_grid"), set: (value) => view.save("decoded_grid", value) });
    if (scene.variational) view.controls.toggle({ label: messages["control.ellipses"], get: () => model.get("ellipses"), set: (value) => view.save("ellipses", value) });
    if (!isLive()) {
      addAxesOfPage();
      return;
    }
    view.controls.range({ label: messages["control.resolution"], min: 4, max: () => 24, get: () => model.get("resolution"), set: setResolution });
    if (scene.size < 2) return;
    /** @type {[string, string][]} */
    const dimensions = Array.from({ length: Math.min(scene.size, MOST_DIMENSIONS) }, (_, k) => [String(k), fillIn(messages.dimension, { number: k })]);
    const chosen = () => (model.get("axes") === "pca" ? ["pca", "pca"] : model.get("axes").map(String));
    [0, 1].forEach((k) => view.controls.choice({
      label: messages[`control.axis_${k}`], options: [["pca", messages.pca], ...dimensions], get: () => chosen()[k],
      set: (value) => view.save("axes", value === "pca" ? "pca" : withDimension(chosen(), k, Number(value))),
    }));
  }
  /** A change of the grid shows it. */
  function setResolution(value) {
    model.set("decoded_grid", true);
    view.save("resolution", value);
  }
  /** The axes for which a page holds a map. */
  function addAxesOfPage() {
    const offered = Object.keys(model.get("precomputed")?.axes ?? {});
    const text = (axes) => (axes === "pca" ? messages.pca : axes.map((number) => fillIn(messages.dimension, { number })).join(", "));
    if (offered.length < 2) return;
    view.controls.choice({
      label: messages["control.axes"], options: offered.map((value) => [value, text(JSON.parse(value))]), get: () => JSON.stringify(model.get("axes")),
      set: (value) => {
        model.set("probe", []);
        view.save("axes", JSON.parse(value));
      },
    });
  }
  /** A page holds one changed setting at a time; a note names what went back. */
  function showNotes() {
    const restored = (model.get("restored") ?? []).map((name) => messages[`trait.${name}`]).join(", ");
    view.ui.setNotes([...model.get("scene").notes, ...(restored ? [{ kind: "", text: fillIn(messages["page.restored"], { names: restored }) }] : [])]);
  }
  /** Two different dimensions, of which the one on axis `k` is new. */
  function withDimension(current, k, value) {
    const other = current[1 - k] === "pca" || Number(current[1 - k]) === value ? (value === 0 ? 1 : 0) : Number(current[1 - k]);
    return k ? [other, value] : [value, other];
  }

  /** Decode what the kernel, or the page, answered. */
  function readAnswers() {
    const decoded = (trait, floats, doubles = [], ints = []) => {
      const raw = model.get(trait);
      if (!raw || !Object.keys(raw).length) return null;
      const result = { ...raw };
      const decode = (names, kind) => names.filter((name) => raw[name] instanceof DataView).forEach((name) => { result[name] = typedArray(raw[name], kind); });
      decode(floats, "float32");
      decode(doubles, "float64");
      decode(ints, "int32");
      if (raw.path) result.path = { ...raw.path, places: typedArray(raw.path.places, "float32"), values: typedArray(raw.path.values, "float32") };
      return result;
    };
    const carried = decoded("carried", ["input", "compared", "output", "difference"], ["errors", "kl"], ["rows"]);
    shown = {
      carried,
      selection: decoded("selection", ["input", "compared", "output", "difference"]) ?? { example: -1 },
      details: decoded("details", ["values"]) ?? {},
      background: decoded("background", ["values"]),
      prior: decoded("prior", ["places", "values"]),
      drawing: decoded("drawing", ["output", "difference"]),
    };
    dragged = null;
    if (isLive() || !scene) return;
    // Another snapshot of a page holds one example only: the one with which the page was saved.
    if (carried && !carried.rows.includes(model.get("example")) && shown.selection.example >= 0) model.set("example", shown.selection.example);
    else answerInPage();
  }
  /** Answer from what an exported page holds. */
  function answerInPage() {
    if (isLive() || !scene) return;
    const [example, target, probe] = [model.get("example"), model.get("target"), model.get("probe")];
    if (example < 0 || !shown.carried) shown.selection = { example: -1 };
    else shown.selection = carriedSelection(shown.carried, scene, example, target) ?? shown.selection;
    const { selection } = shown;
    const at = probe.length ? probe : selection.place;
    if (!at) return;
    const isExample = !probe.length && selection.output;
    shown.details = isExample ? { place: at, code: selection.code, values: selection.output } : nearestDecoded(shown.background, scene, at);
  }

  function moveProbe(place) {
    if (hasPath()) {
      model.set("playing", false);
      view.save("target", -1);
    }
    dragged = place;
    if (isLive()) askProbe("probe", () => ({ kind: "probe", x: place[0], y: place[1] }));
    else view.save("probe", place);
    redraw();
  }
  function select(row, isShifted) {
    const isTarget = isShifted || picking;
    picking = false;
    model.set("playing", false);
    if (isTarget && Math.max(row, model.get("example")) < scene.count && model.get("example") >= 0 && row !== model.get("example") && isLive()) {
      model.set("path_step", 0);
      view.save("target", row);
      return;
    }
    dragged = null;
    model.set("target", -1);
    model.set("probe", []);
    view.save("example", isLive() || !shown.carried ? row : nearestCarried(shown.carried, scene, row));
    redraw();
  }
  /** Open a path: with a kernel to the next example that is clicked, in a page to the one that the page holds. */
  function togglePath() {
    model.set("playing", false);
    model.set("path_step", 0);
    if (hasPath()) view.save("target", -1);
    else if (isLive()) {
      picking = !picking;
      if (picking) map.focus();
    } else if (shown.carried?.path) {
      model.set("example", shown.carried.path.example);
      view.save("target", shown.carried.path.target);
    }
    redraw();
  }

  function paint(measured) {
    width = measured;
    if (!width || !scene) return;
    const colors = themeColors(view.ui.root);
    const pathStep = Math.min(model.get("path_step"), scene.steps);
    const { selection, details, background } = shown;
    const probe = dragged ?? details.place ?? [0, 0];
    const isOpen = (content) => !content.hidden && content.offsetParent !== null;
    map.draw({
      colors, width: width >= TWO_COLUMNS ? MAP_WIDTH : Math.min(MAP_WIDTH, width), anomalies: Boolean(scene.anomalies) && isOpen(errors.element), example: model.get("example"), selection, probe, pathStep, picking,
      background: background?.values && (model.get("decoded_grid") || details.cell) ? { ...background, isShown: model.get("decoded_grid") } : null,
      ellipses: model.get("ellipses"), samples: isOpen(prior.element) ? shown.prior : null, drawing: isOpen(pad.element) ? shown.drawing : null, snapped: hasPath() ? null : details.cell ?? null,
    });
    panel.draw({ scene, selection, details, pathStep, colors, picking, offersPath: selection.example < scene.count && (isLive() || Boolean(shown.carried?.path)), live: isLive() });
    const { picture } = scene;
    if (isOpen(errors.element)) errors.draw({ picture, colors, threshold: model.get("threshold") });
    if (isOpen(prior.element) && shown.prior) prior.draw({ prior: shown.prior, picture, colors, live: isLive() });
    if (isOpen(pad.element)) pad.draw({ drawing: shown.drawing, colors });
  }
}

export default { render };
