// A whole network: its calls as columns, and below them the image, the class scores and the selected map.

import { h, fillIn } from "../../kit/js/dom.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { fixed, format } from "../../kit/js/numbers.js";
import { maxAbs, onThemeChange, themeColors } from "../../kit/js/heatmap.js";
import { showChildWidget } from "../../kit/js/child_widget.js";
import { baseView } from "../../kit/js/base_view.js";
import { isAvailable } from "../../kit/js/precomputed.js";
import { columnRow, decodeColumn, fieldBoxes } from "./columns.js";
import { imagePanel } from "./image.js";
import { detailPanel } from "./map_detail.js";
import { scorePanel } from "./class_scores.js";

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const scene = () => model.get("scene");
  const live = () => model.get("live");
  let columns = [];
  let scores = null;
  let overlay = null;
  let networkMax = 0;
  /** The element of the opened map under the pointer, empty for none. */
  let pointed = [];
  let requested = 0;
  let shownStep = -1;
  /** Model id of the child widget that is shown, and the function that removes it. */
  let shownChild = "";
  let removeChild = null;
  const noop = () => {};
  const view = baseView({
    model, el, signal, name: "layers", steps: () => columns.length, unit: messages.unit, label: (step) => (step ? columns[step - 1].name : messages.none), draw, showStep,
    traits: { detail: updateDetail, field_overlay: updateOverlay, scale: noop, selected_map: noop, selected_position: noop, occluded: updateOverlay, child_widget: updateChild }, onEscape,
  });
  const row = columnRow({ model, messages, signal, pick: selectDrawn });
  const image = imagePanel({ messages, signal, occlude: (patches) => save({ occluded: patches }) });
  const detail = detailPanel({ messages, signal, selectMap, selectElement: (position) => save({ selected_position: position }), point, close: () => save({ selected_map: [], selected_position: [] }) });
  const classes = scorePanel({ messages, signal, pick: (unit) => save({ selected_map: [scores.column, unit], selected_position: [] }) });
  const child = h("div", { class: "net-child", hidden: "" });
  view.ui.main.append(h("div", { class: "net-body" }, row.element, h("div", { class: "net-panels" }, image.element, classes.element), detail.element), child);
  onThemeChange(view.ui.root, signal, () => columns.length && showStep(model.get("step")));
  view.start();
  updateDetail();
  updateOverlay();
  updateChild();
  view.update();

  function save(traits) {
    model.set("playing", false);
    for (const [name, value] of Object.entries(traits)) model.set(name, value);
    model.save_changes();
  }
  /** Escape deselects the element, then the map. */
  function onEscape() {
    const name = ["selected_position", "selected_map"].find((trait) => model.get(trait).length);
    if (name) save({ [name]: [] });
    return Boolean(name);
  }
  function selectMap(n, channel) {
    if (isAvailable(model, "selected_map", [n, channel])) save({ selected_position: [], selected_map: [n, channel] });
  }
  /** Select the k-th drawn map of a column; a long vector is drawn with a stride. */
  function selectDrawn(n, k) {
    selectMap(n, columns[n].layout === "vector" ? k * columns[n].stride : k);
  }
  function draw() {
    columns = scene().columns.map(decodeColumn);
    networkMax = Math.max(...columns.map((column) => column.max));
    row.show(columns);
    image.show(scene().image);
    scores = scene().scores && decodeScores(scene().scores);
    classes.show(scores);
    addControls();
  }
  function addControls() {
    const { batch_size: batchSize, compared } = scene();
    const { controls } = view;
    const choose = (trait, values) => controls.choice({ label: messages[`control.${trait}`], options: values.map((value) => [value, messages[`option.${value}`]]), get: () => model.get(trait), set: (value) => view.save(trait, value) });
    choose("scale", ["map", "layer", "network"]);
    if (batchSize > 1 && live()) controls.range({ label: messages["control.sample"], max: () => batchSize - 1, get: () => model.get("sample"), set: (value) => view.save("sample", value) });
    const runs = ["this", "against", "difference"].filter((value) => isAvailable(model, "shown_run", value));
    if (compared && runs.length > 1) choose("shown_run", runs);
    if (live() && scene().image) controls.range({ label: messages["control.brush"], min: 1, max: () => Math.max(2, Math.round(image.side() / 2)), get: image.brushSize, set: setBrushSize });
    const maps = columns.filter((column) => column.layout === "maps");
    if (live() && maps.length > 1) controls.range({ label: messages["control.depth"], max: () => maps.length - 1, get: () => Math.max(0, maps.indexOf(columns[model.get("selected_map")[0]])), set: (value) => selectSamePlace(maps[value]), text: (value) => maps[value].name });
  }
  function setBrushSize(size) {
    image.setBrushSize(size);
    view.update();
  }
  /** Select the element of another column at the same relative position, or its middle one if none is selected. */
  function selectSamePlace(column) {
    const size = columns[model.get("selected_map")[0]]?.size ?? [1, 1];
    const selected = model.get("selected_position");
    const from = selected.length ? [...size.map(() => 0).slice(selected.length), ...selected] : size.map((n) => Math.floor(n / 2));
    const position = column.size.map((n, d) => Math.min(n - 1, Math.floor(((from[d] + 0.5) / size[d]) * n)));
    save({ selected_map: [columns.indexOf(column), 0], selected_position: column.shape.length === 2 ? position.slice(1) : position });
  }

  function updateDetail() {
    const data = model.get("detail");
    pointed = [];
    if (!data.map) return detail.show(null);
    const inputs = data.inputs.map((input) => ({ ...input, map: decodeMap(input.map), kernel: input.kernel && decodeMap(input.kernel), contribution: input.contribution && decodeMap(input.contribution) }));
    return detail.show({ ...data, map: decodeMap(data.map), inputs }, columns);
  }
  function updateOverlay() {
    const data = model.get("field_overlay");
    overlay = data.boxes ? { ...data, gradient: data.gradient && decodeMap(data.gradient) } : null;
  }
  /** The field of the element under the pointer, else of the selected one; its gradient is known only to Python. */
  function currentField() {
    const [n] = model.get("selected_map");
    const position = pointed.length ? pointed : model.get("selected_position");
    if (n === undefined || (overlay && position.join() === model.get("selected_position").join())) return overlay;
    return position.length && columns[n].layout !== "vector" ? { boxes: fieldBoxes(columns, n, position), known: true } : null;
  }
  /** The pointer or the focus has come to an element of the opened map, or left it. */
  function point(position) {
    pointed = position;
    requested ||= requestAnimationFrame(() => {
      requested = 0;
      if (!signal.aborted) view.update();
    });
  }
  function fieldNotes(field) {
    const { boxes: { 0: box }, gradient, known, nonzero } = field;
    const lines = [];
    if (!known) lines.push(messages.field_unknown);
    else if (!box) lines.push(field === overlay ? messages.field_none : "");
    else if (box.length === 2) {
      const [[top, bottom], [left, right]] = box;
      lines.push(fillIn(messages.field, { rows: bottom - top + 1, columns: right - left + 1, top, bottom, left, right }));
    }
    if (gradient) lines.push(nonzero ? fillIn(messages.gradient, { most: format(maxAbs(gradient.values), 3), moved: nonzero.toLocaleString("en") }) : messages.zero_gradient);
    return lines;
  }

  async function updateChild() {
    const id = model.get("child_widget");
    child.hidden = !id;
    if (id === shownChild) return;
    shownChild = id;
    removeChild?.();
    removeChild = null;
    if (!id) {
      child.replaceChildren();
      return;
    }
    const remove = await showChildWidget(model, id, child);
    // Another child may have been selected while this one was loading.
    if (shownChild === id && !signal.aborted) removeChild = remove;
    else remove();
  }
  signal.addEventListener("abort", () => removeChild?.());

  function showStep(step, fresh) {
    if (!columns.length) return;
    const colors = themeColors(view.ui.root);
    const scale = model.get("scale");
    const selected = model.get("selected_map");
    const field = currentField();
    row.paint({ scale, networkMax, step, selected, boxes: field?.boxes ?? {}, colors });
    // The picture opens at its beginning, though it has been run to its end.
    if (fresh && shownStep >= 0) row.scrollTo(step - 1);
    if (fresh && step === shownStep + 1 && step > 1) row.flow(step - 1);
    shownStep = step;
    image.setNotes(field ? fieldNotes(field) : live() && !model.get("occluded").length ? [messages.occlude] : []);
    image.draw({ overlay: field, occluded: model.get("occluded"), live: live(), colors });
    const column = columns[selected[0]];
    detail.draw({ max: !column || scale === "map" ? 0 : scale === "layer" ? column.max : networkMax, colors, selected: model.get("selected_position") });
    classes.mark(scores && selected[0] === scores.column ? selected[1] : -1);
    view.line.show(explanation(step, column, selected[1]));
  }

  /** The call that has just run, or the softmax of the selected class. */
  function explanation(step, column, channel) {
    if (column && scores && model.get("selected_map")[0] === scores.column) {
      return [`${messages.softmax}(z)[${channel}]: z = ${format(scores.z[channel], 5)}; `, softmaxText(channel)];
    }
    if (!step) return [{ text: messages.hint, soft: true }];
    const current = columns[step - 1];
    const shape = `(${current.shape.join(", ")})`;
    const from = current.sources.map((n) => `${columns[n].name} (${columns[n].shape.join(", ")})`).join(" + ");
    const hint = step === columns.length && !column ? [{ text: `  ${messages.hint}`, soft: true }] : [];
    return [{ text: current.name, strong: true }, ` ${current.call} `, from ? `${from} → ${shape}` : shape, ...hint];
  }
  /** e / sum = p, with as many digits as the printed numbers need to agree. */
  function softmaxText(channel) {
    const [e, sum, p] = [scores.e[channel], scores.sum ?? NaN, scores.p[channel]];
    let digits = 4;
    while (digits < 15 && Math.abs(Number(e.toPrecision(digits)) / Number(sum.toPrecision(digits)) - p) > 5e-4 * p) digits += 1;
    return fillIn(messages.softmax_terms, { e: format(e, digits), sum: format(sum, digits), p: p < 5e-5 ? format(p, 4) : fixed(p, 4) });
  }
}

function decodeMap(map) {
  return { ...map, values: typedArray(map.values, map.dtype) };
}

function decodeScores(scores) {
  const names = ["z", "e", "p", "before_z", "before_p"].filter((name) => scores[name]);
  return { ...scores, ...Object.fromEntries(names.map((name) => [name, typedArray(scores[name], "float64")])) };
}

export default { render };
