// What the methods say about every input, side by side; below it one map, large, with the terms of the marked place.

import { redrawOnChange } from "../../kit/js/animation.js";
import { baseView } from "../../kit/js/base_view.js";
import { fillIn, h } from "../../kit/js/dom.js";
import { foldRow } from "../../kit/js/fold_row.js";
import { themeColors } from "../../kit/js/heatmap.js";
import { isAvailable } from "../../kit/js/precomputed.js";
import { camPanel } from "./cam_panel.js";
import { checksPanel } from "./checks.js";
import { decodeAnswers, decodeOpened, decodeScene } from "./decode.js";
import { mapPanel, SIDE } from "./map_panel.js";
import { carriedAnswers } from "./page_answers.js";
import { pathPanel } from "./path_panel.js";
import { samplesPanel } from "./samples_panel.js";
import { table } from "./table.js";
import { termsPanel } from "./terms.js";
import { tiles } from "./tiles.js";

/** Milliseconds between two points of the path while playing. */
const PACE = 90;

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const isLive = () => Boolean(model.get("live"));
  /** @type {any} */
  let scene = null;
  /** @type {any} */
  let opened = null;
  const first = { opened: model.get("opened"), target: model.get("target"), layer: model.get("layer") };
  /** What is shown of the open method: the terms of the marked number, the path, layers and channels. @type {any} */
  let shown = { details: {}, path: null, cam: null, checks: {} };
  const steps = pathPanel({ messages, signal, go: (step) => view.go(step) });
  const hasPath = () => method() === "integrated_gradients" && Boolean(shown.path);
  const view = baseView({
    model, el, signal, name: "attribute", draw: readScene, onEscape, captions: "opened", unit: messages["path.unit"], pace: PACE, playerAfter: steps.anchor,
    steps: () => (scene && hasPath() ? shown.path.alphas.length - 1 : 0),
    label: (step) => (scene && hasPath() ? fillIn(messages["path.step"], { step, last: shown.path.alphas.length - 1 }) : ""),
    showStep: () => redraw(),
    traits: { opened: readScene, details: readAnswers, path: readAnswers, cam: readAnswers, checks: readAnswers, method: readAnswers, index: showIndex, place: readAnswers, target: () => {}, restored: () => {}, signed: () => {}, scale: () => {}, input_opacity: () => {}, live: readScene },
  });
  const grid = tiles({ messages, signal, open });
  const rows = table({ messages, signal, choose });
  const map = mapPanel({ messages, signal, pin: (place) => choose({ place }) });
  const terms = termsPanel({ messages });
  const cam = camPanel({ messages, signal, setLayer: (layer) => choose({ layer }), setRelu: (relu) => choose({ relu }) });
  const samples = samplesPanel({ messages });
  const panel = h("div", { class: "attr-panel" }, steps.element, cam.element, samples.element);
  const columns = h("div", { class: "attr-columns" }, terms.element, panel);
  const detail = h("div", { class: "attr-detail" }, map.element, columns);
  view.ui.root.classList.add("attr");
  const body = h("div", { class: "attr-body" }, grid.element, rows.element);
  const redraw = redrawOnChange({ root: view.ui.root, element: body, signal, draw: paint });
  const checks = checksPanel({ messages, signal, isLive, ask: (name) => model.send({ kind: "check", name }), redraw });
  const folds = foldRow({ signal, sections: [{ title: messages["check.title"], content: checks.element }], covered: detail });
  folds.element.addEventListener("click", () => redraw(), { signal });
  body.append(folds.element, detail);
  view.ui.main.append(body);
  view.start();

  function readScene() {
    scene = decodeScene(model.get("scene"));
    opened = decodeOpened(model.get("opened"));
    addControls();
    const isImage = scene.kind === "image";
    if (isImage) grid.show(scene, opened);
    grid.element.hidden = map.element.hidden = !isImage;
    rows.element.hidden = isImage;
    detail.toggleAttribute("data-narrow", !isImage);
    body.toggleAttribute("data-table", scene.kind === "row" && !scene.methods.includes("grad_cam"));
    // What notes take, and the part that is seen of a fourth row of tiles.
    body.style.setProperty("--taken", `${41 * opened.notes.length + (isImage && scene.count > 3 ? 36 : 0)}px`);
    readAnswers();
  }
  function readAnswers() {
    if (!scene || !opened) return;
    const answers = isLive() ? Object.fromEntries(["details", "path", "cam", "checks"].map((name) => [name, model.get(name) ?? {}])) : carriedAnswers(model, opened.index, method());
    shown = { ...decodeAnswers(answers.details, answers.path, answers.cam), checks: answers.checks };
    redraw();
  }
  function addControls() {
    view.controls.toggle({ label: messages["control.signed"], get: () => model.get("signed"), set: (value) => view.save("signed", value) });
    view.controls.choice({ label: messages["control.scale"], options: [["own", messages["scale.own"]], ["shared", messages["scale.shared"]]], get: () => model.get("scale"), set: (value) => view.save("scale", value) });
    const targets = scene.classes.map((name, k) => /** @type {[string, string]} */ ([String(k), name])).filter(([k]) => offersTarget(Number(k)));
    if (targets.length > 1) view.controls.choice({ label: messages[scene.count > 1 ? `control.target_of_${scene.kind}` : "control.target"], options: targets, get: () => String(scene.inputs[opened.index].target), set: (value) => view.save("target", Number(value)) });
    if (scene.kind === "image") view.controls.range({ label: messages["control.input_opacity"], max: () => 100, get: () => model.get("input_opacity"), set: (value) => view.save("input_opacity", value), text: (value) => `${value}%` });
  }
  /** A page holds other targets of the input with which it was saved. */
  function offersTarget(target) {
    return isLive() || opened.index === first.opened.index ? isAvailable(model, "target", target) : target === scene.inputs[opened.index].target;
  }
  function open(index, method) {
    choose({ index, ...(method ? { method } : {}) });
  }
  /** In a page the open input comes from what the page holds, with the target and the layer with which it was saved. */
  function showIndex() {
    if (isLive()) return;
    const index = model.get("index");
    model.set("target", first.target);
    const one = index === first.opened.index ? first.opened : model.get("carried").opened[index];
    if (!one) return;
    model.set("layer", first.layer);
    model.set("opened", one);
  }
  function choose(next) {
    for (const [name, value] of Object.entries(next)) model.set(name, value);
    model.save_changes();
    redraw();
  }
  function onEscape() {
    if (!model.get("place").length) return false;
    view.save("place", []);
    return true;
  }
  /** The number of the strongest color of one map: its own, or the largest of those of its unit. */
  function limitOf(method, index) {
    const kind = model.get("signed") ? "signed" : "absolute";
    if (model.get("scale") === "own") return scene.limits[method][kind][index];
    const same = scene.methods.filter((name) => scene.units[name] === scene.units[method]);
    return Math.max(...same.flatMap((name) => scene.limits[name][kind]));
  }
  function method() {
    const chosen = model.get("method");
    return scene.methods.includes(chosen) ? chosen : scene.methods[0];
  }

  function paint(width) {
    if (!width || !scene || !opened) return;
    const colors = themeColors(view.ui.root);
    const now = { colors, method: method(), index: opened.index, place: model.get("place"), signed: model.get("signed"), opacity: model.get("input_opacity") / 100 };
    const [row, column] = now.place;
    const { details } = shown;
    if (scene.kind === "image") {
      const [rows, columns] = scene.full;
      grid.draw({ ...now, width, limitOf, place: now.place.length ? [(row + 0.5) / rows, (column + 0.5) / columns] : null });
      map.draw({ ...now, scene, opened, limit: limitOf(now.method, now.index), windows: details.windows ?? [], side: Math.min(SIDE, width), picture: null });
      terms.show({ details, method: now.method, where: now.method === "grad_cam" ? fillIn(messages.at_cell, { row: details.cell?.[0], column: details.cell?.[1] }) : fillIn(messages.at, { row, column }) });
    } else {
      rows.draw({ ...now, scene, limitOf });
      terms.show({ details, method: now.method, where: scene.names[now.index][row] ?? "" });
    }
    const isPath = hasPath();
    steps.element.hidden = !isPath;
    cam.element.hidden = now.method !== "grad_cam" || !shown.cam;
    samples.element.hidden = now.method !== "smooth_grad" || !details.samples?.length;
    columns.toggleAttribute("data-path", isPath);
    columns.toggleAttribute("data-single", steps.element.hidden && cam.element.hidden && samples.element.hidden);
    if (!checks.element.hidden) checks.draw({ checks: shown.checks, method: now.method, colors, width });
    const room = panel.clientWidth;
    if (isPath) steps.draw({ path: shown.path, along: details.along ?? null, step: model.get("step"), scene, opened, width: room });
    if (!cam.element.hidden) cam.draw({ cam: shown.cam, layer: shown.cam.layer, offered: (path) => path === shown.cam.layer || isAvailable(model, "layer", path), offersRelu: isAvailable(model, "relu", !shown.cam.relu), colors });
    if (!samples.element.hidden) samples.draw({ details, width: room });
  }
}

export default { render };
