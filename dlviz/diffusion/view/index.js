// A diffusion model: data that get noise, samples that walk back, the network's predictions, the schedule, and how many steps are enough.

import { h, s, fillIn } from "../../kit/js/dom.js";
import { redrawOnChange } from "../../kit/js/animation.js";
import { baseView } from "../../kit/js/base_view.js";
import { argmin, format } from "../../kit/js/numbers.js";
import { themeColors } from "../../kit/js/heatmap.js";
import { isAvailable, nearest } from "../../kit/js/precomputed.js";
import { segments } from "../../kit/js/segments.js";
import { decodeCurve, decodePredictions, decodeScene, decodeWalk, part, subscript } from "./decode.js";
import { imagePicture } from "./image_picture.js";
import { arrowVectors, GHOST, planePicture } from "./plane_picture.js";
import { scheduleCharts } from "./schedule_charts.js";
import { stepsFold } from "./steps_fold.js";

/** Milliseconds between two steps while playing. */
const PACE = 130;
/** From this width on the schedule stands beside the picture. */
const TWO_COLUMNS = 700;
const PICTURE = 440;
/** A legend of more entries than this may scroll, so it can have the focus. */
const SCROLLED = 6;
/** An arrow as a mark of the legend, of radius 1 around the origin. */
const ARROW = "M-1.4,-.15H.4V-.7L1.5,0L.4,.7V.15H-1.4Z";

function render({ model, el, signal }) {
  const messages = model.get("messages");
  let scene = null;
  /** The schedule with which the model was trained. */
  let ownSchedule = null;
  let predictions = null;
  let walk = null;
  let curve = null;
  let width = 0;
  const view = baseView({
    model, el, signal, name: "denoise", unit: messages.unit, counted: numbers, steps: () => timesOf().length - 1, label, draw: readScene, showStep: () => redraw(), pace: PACE,
    traits: { direction: () => showDirection(), arrow_kind: () => {}, point: () => {}, drawn_predictions: readPredictions, drawn_walk: readWalk, drawn_curve: readCurve, job: showJob, snapshot: () => {}, sampler: () => showDirection(), forward_schedule: () => showDirection(), restored: showNotes, live: readScene, ...Object.fromEntries(["guidance", "condition", "eta", "walk_steps", "forward_steps", "beta_end"].map((name) => [name, () => {}])) },
  });
  const isPlane = model.get("scene").kind === "plane";
  const pick = (point) => view.save("point", point);
  const picture = isPlane ? planePicture({ messages, signal, pick }) : imagePicture({ messages, signal, pick });
  const charts = scheduleCharts({ messages, signal, go: (k) => view.go(frameOf(k)), by: (direction) => view.go(Math.max(0, Math.min(timesOf().length - 1, model.get("step") + (isBackward() ? -direction : direction)))) });
  const steps = stepsFold({ messages, signal, compute: () => ask("curve"), choose: (n) => isAvailable(model, "walk_steps", n) && view.save("walk_steps", n) });
  const direction = segments({ label: messages["control.direction"], options: [["noise", messages["direction.noise"]], ["denoise", messages["direction.denoise"]]], signal, set: turn });
  const equation = h("output", { class: "diff-equation" });
  const readout = h("div", { class: "diff-readout" });
  const verdict = h("p", { class: "diff-verdict" });
  const reset = h("button", { type: "button", class: "dlviz-outlined small", hidden: "" }, messages["control.back"]);
  reset.addEventListener("click", () => view.save("forward_schedule", "model"), { signal });
  const again = h("button", { type: "button", class: "dlviz-outlined small diff-again", hidden: "" }, messages["control.walk"]);
  again.addEventListener("click", () => ask("walk"), { signal });
  const progress = h("progress", { max: 1, value: 0, "aria-label": messages["walk.progress"], hidden: "" });
  const caption = h("p", { class: "diff-caption" });
  const legend = h("div", { class: "diff-legend" });
  const left = h("div", { class: "diff-left" }, h("div", { class: "diff-top" }, direction.element, reset, again, progress), picture.element, legend, caption);
  const right = h("div", { class: "diff-right" }, equation, charts.element, readout, verdict);
  const row = h("div", { class: "diff-row" }, left, right);
  view.ui.main.append(row, steps.element);
  const redraw = redrawOnChange({ root: view.ui.root, element: view.ui.main, signal, draw });

  function isBackward() {
    return model.get("direction") === "denoise";
  }
  function timesOf() {
    return isBackward() ? model.get("drawn_walk").times : model.get("scene").process.times;
  }
  /** The number of the noise step, of which some are drawn, and how many there are: not those of the player. @returns {[number, number]} */
  function numbers(step) {
    const times = timesOf();
    const { model_steps: own, steps: last } = model.get("scene");
    return [times[Math.min(step, times.length - 1)] + 1, isBackward() ? own : last];
  }
  const frame = () => Math.min(model.get("step"), timesOf().length - 1);
  /** Index of the current step, −1 for the data. */
  const timeNow = () => timesOf()[frame()];
  /** The frame that is nearest to the step of a number. */
  function frameOf(k) {
    const times = timesOf();
    return argmin(times.length, (i) => Math.abs(times[i] + 1 - k));
  }
  function label(step) {
    const [k, last] = numbers(step);
    return fillIn(messages[k ? "label.step" : "label.data"], { k, t: k - 1, last });
  }
  /** Turn around: the player stays at the same amount of noise. */
  function turn(value) {
    const k = timeNow() + 1;
    model.set("playing", false);
    model.set("direction", value);
    view.save("step", frameOf(k));
  }
  function ask(kind) {
    if (model.get("live")) model.send({ kind });
  }

  function readScene() {
    scene = decodeScene(model.get("scene"));
    ownSchedule = scene.own ? scene : { steps: scene.model_steps, signal: scene.own_signal, noise: scene.own_noise, log_snr: scene.own_log_snr };
    readPredictions();
    readWalk();
    readCurve();
    showNotes();
    showDirection();
    showJob();
  }
  function readPredictions() {
    predictions = decodePredictions(model.get("drawn_predictions"), scene ?? decodeScene(model.get("scene")));
    redraw();
  }
  function readWalk() {
    walk = decodeWalk(model.get("drawn_walk"), scene);
    redraw();
  }
  function readCurve() {
    curve = decodeCurve(model.get("drawn_curve"));
    redraw();
  }
  function showNotes() {
    const restored = (model.get("restored") ?? []).filter((name) => messages[`trait.${name}`]).map((name) => messages[`trait.${name}`]).join(", ");
    view.ui.setNotes([...model.get("scene").notes, ...(restored ? [{ kind: "", text: fillIn(messages["page.restored"], { names: restored }) }] : [])]);
  }
  /** The kernel computes in portions: as long as it has not finished, the page asks for the next one. */
  function showJob() {
    const { kind } = model.get("job");
    progress.hidden = kind !== "walk";
    if (kind === "walk") progress.value = model.get("job").done;
    if (kind) ask(kind);
    redraw();
  }
  function showDirection() {
    direction.update(model.get("direction"));
    const bar = view.controls;
    bar.clear();
    addControls(bar);
    bar.update();
    redraw();
  }
  function addControls(bar) {
    const { offered, snapshots, classes } = scene;
    const slider = (trait, values, text = format) => {
      const found = values.filter((value) => isAvailable(model, trait, value));
      const at = () => Math.max(0, argmin(found.length, (k) => Math.abs(found[k] - model.get(trait))));
      const indices = found.map((_, k) => k);
      if (found.length > 1) bar.range({ label: messages[`control.${trait}`], max: () => found.length - 1, get: at, set: (k) => view.save(trait, found[nearest(indices, k, at())]), text: () => text(model.get(trait)) });
    };
    const menu = (trait, values) => {
      const found = values.filter(([value]) => isAvailable(model, trait, value));
      if (found.length > 1) bar.choice({ label: messages[`control.${trait}`], options: found.map(([value, text]) => [String(value), text]), get: () => String(model.get(trait)), set: (text) => view.save(trait, found.find(([value]) => String(value) === text)[0]) });
    };
    menu("snapshot", snapshots.labels.map((name, k) => [k, fillIn(messages["control.snapshot_loss"], { name, loss: format(snapshots.loss[k], 2) })]));
    if (isPlane) bar.choice({ label: messages["control.arrow_kind"], options: ["score", "x0", "off"].map((kind) => [kind, messages[`arrows.${kind}`]]), get: () => model.get("arrow_kind"), set: (value) => view.save("arrow_kind", value) });
    if (classes.length) menu("condition", [[-1, messages.every_class], ...classes.map((name, k) => [k, name]).filter(([k]) => k !== scene.null)]);
    if (scene.null !== null) slider("guidance", offered.guidance);
    if (isBackward()) {
      menu("sampler", ["ddpm", "ddim"].map((name) => [name, messages[`sampler.${name}`]]));
      if (model.get("sampler") === "ddim" && model.get("live")) slider("eta", [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]);
      slider("walk_steps", offered.walk_steps);
    } else {
      menu("forward_schedule", ["model", "linear", "cosine"].map((name) => [name, messages[`schedule.${name}`]]));
      slider("forward_steps", offered.forward_steps);
      if (model.get("forward_schedule") !== "cosine") slider("beta_end", offered.beta_end);
    }
  }

  /** Predictions on the grid at a step: those of the walk or of the process. */
  function gridAt(t) {
    if (!scene.own && !isBackward()) return null;
    for (const grid of [walk.grid, predictions.grid]) {
      const at = grid?.noise ? grid.times.indexOf(Math.max(0, t)) : -1;
      const cells = 2 * scene.side * scene.side;
      if (at >= 0) return { noise: part(grid.noise, at, cells), score: part(grid.score, at, cells), x0: part(grid.x0, at, cells) };
    }
    return null;
  }
  /** The points or images at this frame, and what the network predicts for them. */
  function items() {
    const i = frame();
    if (isBackward()) {
      const size = walk.path ? walk.path.length / walk.times.length : 0;
      return { points: part(walk.path, i, size), frames: walk.path, labels: walk.labels, x0: part(walk.x0, i, size), noise: part(walk.noise, i, size) };
    }
    const size = scene.process.x.length / scene.process.times.length;
    const at = scene.own && timeNow() >= 0 ? predictions.times.indexOf(timeNow()) : -1;
    return { points: part(scene.process.x, i, size), frames: scene.process.x, labels: scene.labels, x0: part(predictions.x0, at, size), noise: part(predictions.noise, at, size), loss: at < 0 ? NaN : predictions.loss[at] };
  }
  function draw(measured) {
    width = measured || width;
    if (!width || !scene || !walk || !predictions) return;
    const isWide = width >= TWO_COLUMNS;
    row.toggleAttribute("data-wide", isWide);
    const full = width - 32;
    const pictureWidth = isWide ? Math.min(PICTURE, full) : full;
    const t = timeNow();
    const found = items();
    const backward = isBackward();
    const colors = themeColors(view.ui.root);
    const count = found.points ? found.points.length / scene.size : 0;
    const point = isPlane && model.get("point") >= count ? -1 : Math.min(model.get("point"), count - 1);
    const grid = isPlane ? gridAt(t) : null;
    const arrows = model.get("arrow_kind");
    picture.draw({ scene, colors, width: pictureWidth, ...found, frame: frame(), backward, grid, arrows, point, k: t + 1, smooth: model.get("sampler") === "ddim" && model.get("eta") === 0, ms: model.get("playing") ? PACE / model.get("speed") : 0 });
    again.hidden = !(backward && !walk.path && model.get("live") && model.get("job").kind !== "walk");
    showEquation(t, backward);
    showTold(found, grid, point, t);
    showLegend();
    charts.draw(backward ? ownSchedule : scene, isWide ? full - pictureWidth - 20 : full);
    charts.mark(t + 1);
    verdict.textContent = scene.verdict;
    verdict.dataset.kind = scene.is_noise ? "good" : "bad";
    verdict.hidden = backward;
    reset.hidden = backward || scene.own;
    steps.show({ curve, width: full, n: model.get("walk_steps"), live: model.get("live"), job: model.get("job") });
  }
  function showEquation(t, backward) {
    const [signalAt, noiseAt] = backward ? [scene.own_signal, scene.own_noise] : [scene.signal, scene.noise];
    const values = { k: subscript(t + 1), t, signal: format(signalAt[Math.max(0, t)], 3), noise: format(noiseAt[Math.max(0, t)], 3), n: model.get("walk_steps"), to: subscript((timesOf()[frame() + 1] ?? -1) + 1) };
    const { made } = model.get("drawn_walk");
    const count = made[frame() + 1] - made[frame()];
    const key = backward ? (t < 0 ? "walked" : "walk") : t < 0 ? "data" : "noised";
    const why = key === "noised" && !scene.own ? "tried" : key === "walk" && count > 1 ? "walk_many" : key;
    equation.replaceChildren(h("b", {}, fillIn(messages[`equation.${key}`], values)), h("span", {}, fillIn(messages[`equation.${why}_why`], { ...values, count })));
  }
  /** What stands below the equation: the loss at this step, the scale of the arrows, and the chosen point. */
  function showTold({ points, x0, loss = NaN }, grid, point, t) {
    const lines = [];
    if (!scene.own && !isBackward()) lines.push(fillIn(messages["readout.schedule"], { steps: scene.model_steps }));
    if (Number.isFinite(loss)) lines.push(fillIn(messages["readout.loss"], { loss: format(loss, 3) }));
    const arrows = model.get("arrow_kind");
    if (grid && arrows !== "off") {
      const strengths = arrowVectors({ scene, grid, arrows }).map((arrow) => arrow[4]).filter(Number.isFinite);
      lines.push(strengths.length ? fillIn(messages[`readout.${arrows}`], { most: format(Math.max(...strengths), 3) }) : messages["readout.nonfinite"]);
    }
    if (isPlane && (scene.own || isBackward()) && !grid && arrows !== "off") lines.push(messages[scene.classes.length ? "readout.class" : "readout.none"]);
    if (isPlane && points && point >= 0) {
      const pair = (values) => `(${format(values[2 * point], 3)}, ${format(values[2 * point + 1], 3)})`;
      lines.push(fillIn(messages[x0 ? "readout.point_x0" : "readout.point"], { k: subscript(t + 1), x: pair(points), x0: x0 ? pair(x0) : "" }));
    }
    const outside = isPlane && points ? countOutside(points) : 0;
    if (outside) lines.push(fillIn(messages[points.every(Number.isFinite) ? "readout.outside" : "readout.outside_nonfinite"], { outside, count: points.length / 2 }));
    readout.replaceChildren(...lines.map((line) => h("div", {}, line)));
    caption.textContent = isBackward() && !walk.path ? messages["walk.missing"] : messages[isPlane ? "hint.plane" : "hint.images"];
  }
  function countOutside(points) {
    const [low, high, bottom, top] = scene.limits;
    let outside = 0;
    for (let p = 0; p < points.length; p += 2) if (!(points[p] >= low && points[p] <= high && points[p + 1] >= bottom && points[p + 1] <= top)) outside += 1;
    return outside;
  }
  /** What the marks of the plane mean. */
  function showLegend() {
    const disc = scene.markers[0].path;
    const arrows = model.get("arrow_kind");
    const what = messages[isBackward() ? "legend.samples" : "legend.noisy"];
    const entries = !isPlane ? [] : [
      ...scene.classes.map((name, k) => [name, scene.markers[k].color, scene.markers[k].path]).filter((_, k) => k !== scene.null),
      ...(scene.classes.length ? [] : [[what, scene.markers[0].color, disc]]),
      ...(isBackward() ? [[messages["legend.data"], "ink-3", disc, GHOST]] : []),
      ...(arrows === "off" ? [] : [[messages[`arrows.${arrows}`], "flow", ARROW]]),
      ...(model.get("point") < 0 ? [] : [[messages["legend.point"], "select", disc]]),
    ];
    legend.tabIndex = entries.length > SCROLLED ? 0 : -1;
    legend.replaceChildren(...(isPlane && scene.classes.length ? [`${what}:`] : []), ...entries.map(([text, color, path, opacity]) => h("span", { class: "diff-key" }, mark(color, path, opacity), text)));
  }
  view.start();
  right.append(view.controls.element);
}

function mark(color, path, opacity = 1) {
  return s("svg", { width: 14, height: 14, viewBox: "-1.6 -1.6 3.2 3.2", "aria-hidden": "true", style: `--diff-mark: var(--${color})` }, s("path", { d: path, opacity }));
}

export default { render };
