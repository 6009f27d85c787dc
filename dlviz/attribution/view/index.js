// What the methods say about every input, side by side; below it one map, large, with the terms of the marked place.

import { redrawOnChange } from "../../kit/js/animation.js";
import { baseView } from "../../kit/js/base_view.js";
import { fillIn, h } from "../../kit/js/dom.js";
import { themeColors } from "../../kit/js/heatmap.js";
import { format } from "../../kit/js/numbers.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { decodeOpened, decodeScene } from "./decode.js";
import { mapPanel, SIDE } from "./map_panel.js";
import { table } from "./table.js";
import { termsPanel } from "./terms.js";
import { tiles } from "./tiles.js";

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const isLive = () => Boolean(model.get("live"));
  /** @type {any} */
  let scene = null;
  /** @type {any} */
  let opened = null;
  const words = h("div", { class: "attr-detail" });
  const view = baseView({
    model, el, signal, name: "attribute", draw: readScene, label: () => "", onEscape, captions: "opened",
    steps: () => 0, showStep: () => redraw(),
    traits: { opened: readOpened, details: () => {}, method: () => {}, index: () => {}, place: () => {}, signed: () => {}, scale: () => {}, input_opacity: () => {}, live: readScene },
  });
  const grid = tiles({ messages, signal, open });
  const rows = table({ messages, signal, choose });
  const map = mapPanel({ messages, signal, pin });
  const terms = termsPanel({ messages });
  const title = h("b");
  const panel = h("div", { class: "attr-panel" });
  words.append(map.element, h("div", { class: "attr-right" }, h("div", { class: "dlviz-panel-title" }, title), h("div", { class: "attr-columns" }, terms.element, panel)));
  view.ui.root.classList.add("attr");
  const body = h("div", { class: "attr-body" }, grid.element, rows.element, words);
  view.ui.main.append(body);
  const redraw = redrawOnChange({ root: view.ui.root, element: body, signal, draw: paint });
  view.start();

  function readScene() {
    scene = decodeScene(model.get("scene"));
    addControls();
    readOpened();
  }
  function readOpened() {
    opened = decodeOpened(model.get("opened"));
    const isImage = scene.kind === "image";
    if (isImage) grid.show(scene, opened);
    grid.element.hidden = map.element.hidden = !isImage;
    rows.element.hidden = isImage;
    words.toggleAttribute("data-narrow", !isImage);
    redraw();
  }
  function addControls() {
    view.controls.toggle({ label: messages["control.signed"], get: () => model.get("signed"), set: (value) => view.save("signed", value) });
    view.controls.choice({ label: messages["control.scale"], options: [["own", messages["scale.own"]], ["shared", messages["scale.shared"]]], get: () => model.get("scale"), set: (value) => view.save("scale", value) });
    if (scene.kind === "image") view.controls.range({ label: messages["control.input_opacity"], max: () => 100, get: () => model.get("input_opacity"), set: (value) => view.save("input_opacity", value), text: (value) => `${value}%` });
  }
  function open(index, method) {
    choose({ index, ...(method ? { method } : {}) });
  }
  function choose(next) {
    for (const [name, value] of Object.entries(next)) model.set(name, value);
    model.save_changes();
    redraw();
  }
  function pin(place) {
    view.save("place", place);
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
    title.textContent = messages[`method.${now.method}`];
    const details = model.get("details");
    if (scene.kind === "image") {
      const [rows, columns] = scene.full;
      grid.draw({ ...now, width, limitOf, place: now.place.length ? [(row + 0.5) / rows, (column + 0.5) / columns] : null });
      map.draw({ ...now, scene, opened, limit: limitOf(now.method, now.index), windows: details.windows ?? [], side: Math.min(SIDE, width), picture: null });
      terms.show({ details, method: now.method, where: fillIn(messages.at, { row, column }) });
    } else {
      rows.draw({ ...now, scene, limitOf });
      terms.show({ details, method: now.method, where: scene.names[now.index][row] ?? "" });
    }
  }
}

export default { render };
