// A whole network: its calls as columns, and below them the image, the map that is opened, and the scores.

import { h, fillIn } from "../../kit/js/dom.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { format } from "../../kit/js/numbers.js";
import { maxAbs, onThemeChange, themeColors } from "../../kit/js/heatmap.js";
import { showChildWidget } from "../../kit/js/child_widget.js";
import { baseView } from "../../kit/js/base_view.js";
import { isAvailable } from "../../kit/js/precomputed.js";
import { strip, decoded } from "./columns.js";
import { image } from "./image.js";
import { opened } from "./map_detail.js";
import { scores } from "./class_scores.js";

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const scene = () => model.get("scene");
  const live = () => model.get("live");
  let columns = [];
  let points = null;
  let sight = null;
  let whole = 0;
  /** Which widget stands behind the door, and how to take it away. */
  let behind = "";
  let leave = null;
  const on = baseView({
    model, el, signal, name: "layers", steps: () => columns.length, label: (step) => (step ? columns[step - 1].name : messages.none), draw, showStep,
    traits: { detail: unfold, sight: look, scale: () => {}, opened: () => {}, unit: () => {}, painted: look, door: enter }, onEscape,
  });
  const row = strip({ messages, signal, pick });
  const picture = image({ messages, signal, paint: (patches) => save({ painted: patches }) });
  const open = opened({ messages, signal, open: (column, channel) => pick(column, channel), choose, close: () => save({ opened: [], unit: [] }) });
  const classes = scores({ messages, signal, pick: (unit) => save({ opened: [points.column, unit], unit: [] }) });
  const door = h("div", { class: "net-door", hidden: "" });
  on.ui.main.append(row.element, h("div", { class: "net-bench" }, picture.element, classes.element, open.element), door);
  onThemeChange(on.ui.root, signal, () => columns.length && showStep(model.get("step")));
  on.start();
  unfold();
  look();
  enter();
  on.moved();

  function save(traits) {
    model.set("playing", false);
    for (const [name, value] of Object.entries(traits)) model.set(name, value);
    model.save_changes();
  }
  /** Escape lets go of the unit, then of the map. */
  function onEscape() {
    const held = model.get("unit").length ? { unit: [] } : model.get("opened").length ? { opened: [] } : null;
    if (held) save(held);
    return held !== null;
  }
  function pick(n, k) {
    const column = columns[n];
    const channel = column.layout === "vector" ? k * (row.element.contains(document.activeElement) ? column.every : 1) : k;
    if (isAvailable(model, "opened", [n, channel])) save({ unit: [], opened: [n, channel] });
  }
  function choose(place) {
    // Of a series a map is one row.
    const { layout, shape } = columns[model.get("opened")[0]];
    save({ unit: layout === "maps" && shape.length === 2 ? place.slice(1) : place });
  }

  function draw() {
    columns = scene().columns.map((column) => decoded(column, typedArray(column.values, column.type)));
    whole = Math.max(...columns.map((column) => column.max));
    row.show(columns);
    picture.show(scene().image);
    const about = scene().scores;
    points = about && { ...about, ...Object.fromEntries(["z", "e", "p", "before_z", "before_p"].filter((name) => about[name]).map((name) => [name, typedArray(about[name], "float64")])) };
    classes.show(points);
    controls();
  }
  function controls() {
    const { batch, compared } = scene();
    on.controls.choice({ label: messages["knob.scale"], options: choices(["unit", "layer", "network"]), get: () => model.get("scale"), set: (value) => on.save("scale", value) });
    if (batch > 1 && live()) on.controls.range({ label: messages["knob.sample"], max: () => batch - 1, get: () => model.get("sample"), set: (value) => on.save("sample", value) });
    const shown = ["this", "against", "difference"].filter((value) => isAvailable(model, "shows", value));
    if (compared && shown.length > 1) on.controls.choice({ label: messages["knob.shows"], options: choices(shown), get: () => model.get("shows"), set: (value) => on.save("shows", value) });
    if (live() && scene().image) on.controls.range({ label: messages.brush, min: 1, max: () => Math.max(2, Math.round(picture.side() / 2)), get: picture.brush, set: brush });
    const deep = columns.filter((column) => column.layout === "maps");
    if (live() && deep.length > 1) on.controls.range({ label: messages["knob.depth"], max: () => deep.length - 1, get: () => Math.max(0, deep.indexOf(columns[model.get("opened")[0]])), set: (value) => dive(deep[value]), text: (value) => deep[value].name });
  }
  function choices(values) {
    return values.map((value) => [value, messages[`option.${value}`]]);
  }
  function brush(size) {
    picture.setBrush(size);
    on.moved();
  }
  /** The unit at the same place of the image, in another column: the middle one, if none is chosen. */
  function dive(column) {
    const [n] = model.get("opened");
    const from = columns[n]?.size ?? [1, 1];
    const held = model.get("unit");
    const unit = held.length ? [...from.map(() => 0).slice(held.length), ...held] : from.map((size) => Math.floor(size / 2));
    const place = column.size.map((size, d) => Math.min(size - 1, Math.floor(((unit[d] + 0.5) / from[d]) * size)));
    save({ opened: [columns.indexOf(column), 0], unit: column.shape.length === 2 ? place.slice(1) : place });
  }

  function sheet(about) {
    return { ...about, values: typedArray(about.values, about.kind) };
  }
  function unfold() {
    const detail = model.get("detail");
    if (!detail.sheet) return open.show(null);
    const inputs = detail.inputs.map((one) => ({ ...one, map: sheet(one.map), kernel: one.kernel && sheet(one.kernel), part: one.part && sheet(one.part) }));
    return open.show({ ...detail, sheet: sheet(detail.sheet), inputs }, columns);
  }
  function look() {
    const about = model.get("sight");
    sight = about.boxes ? { ...about, heat: about.heat && sheet(about.heat) } : null;
    if (sight?.heat) sight.heat.max = maxAbs(sight.heat.values);
    picture.announce(sight ? seen() : live() && !model.get("painted").length ? [messages.paint] : []);
  }
  function seen() {
    const box = sight.boxes["0"];
    const lines = [];
    if (!sight.known) lines.push(messages.field_unknown);
    else if (!box) lines.push(messages.field_none);
    else if (box.length === 2) {
      const [[top, bottom], [left, right]] = box;
      lines.push(fillIn(messages.field, { rows: bottom - top + 1, columns: right - left + 1, top, bottom, left, right }));
    }
    if (sight.heat) lines.push(sight.moved ? fillIn(messages.heat, { most: format(sight.heat.max, 3), moved: sight.moved.toLocaleString("en") }) : messages.dead);
    return lines;
  }

  async function enter() {
    const id = model.get("door");
    door.hidden = !id;
    if (id === behind) return;
    behind = id;
    leave?.();
    leave = null;
    if (!id) {
      door.replaceChildren();
      return;
    }
    const away = await showChildWidget(model, id, door);
    if (behind === id && !signal.aborted) leave = away;
    else away();
  }
  signal.addEventListener("abort", () => leave?.());

  function showStep(step, fresh) {
    if (!columns.length) return;
    const colors = themeColors(on.ui.root);
    const scale = model.get("scale");
    const chosen = model.get("opened");
    row.paint({ scale, whole, step, opened: chosen, boxes: sight?.boxes ?? {}, colors });
    if (fresh && model.get("playing")) row.reveal(step - 1);
    picture.draw({ sight, painted: model.get("painted"), live: live(), colors });
    const column = columns[chosen[0]];
    open.draw({ max: !column || scale === "unit" ? 0 : scale === "layer" ? column.max : whole, colors, chosen: model.get("unit") });
    classes.mark(points && chosen[0] === points.column ? chosen[1] : -1);
    on.line.show(tell(step, column, chosen[1]));
  }

  /** e / sum = p, with as many digits as it takes for the printed numbers to agree. */
  function quotient(channel) {
    const [e, sum, p] = [points.e[channel], points.sum ?? NaN, points.p[channel]];
    let digits = 4;
    while (digits < 15 && Math.abs(Number(e.toPrecision(digits)) / Number(sum.toPrecision(digits)) - p) > 5e-4 * p) digits += 1;
    return fillIn(messages.terms, { e: format(e, digits), sum: format(sum, digits), p: format(p, 4) });
  }

  /** What has just run, or the softmax of the class that is opened. */
  function tell(step, column, channel) {
    if (column && points && model.get("opened")[0] === points.column) {
      return [`${messages.softmax}(z)[${channel}]: z = ${format(points.z[channel], 5)}; `, quotient(channel)];
    }
    if (!step) return [{ text: messages.hint, soft: true }];
    const now = columns[step - 1];
    const from = now.sources.map((n) => `${columns[n].name} (${columns[n].shape.join(", ")})`).join(" + ");
    const parts = [{ text: now.name, strong: true }, ` ${now.about} `];
    return [...parts, from ? `${from} → (${now.shape.join(", ")})` : `(${now.shape.join(", ")})`, ...(step === columns.length && !column ? [{ text: `  ${messages.hint}`, soft: true }] : [])];
  }
}

export default { render };
