// One unit: its map enlarged, its equation, and its weights, each with a slider and a text field.

import { drawBox } from "../../kit/js/canvas.js";
import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { heatmap, maxAbs, hidpiContext, scratch } from "../../kit/js/heatmap.js";
import { cellCenter, planeAxes } from "../../kit/js/plane_axes.js";
import { planeCursor } from "../../kit/js/plane_cursor.js";

const SIZE = 160;

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, edit: (input: number | string, value: number) => void, reset: () => void, close: () => void}} options
 */
export function unitPanel({ messages, signal, edit, reset, close }) {
  const title = h("b");
  const closeButton = h("button", { type: "button", class: "boundary-button", "aria-label": messages.close }, "×");
  const canvas = h("canvas");
  const map = h("button", { type: "button", class: "boundary-unit-map" }, canvas);
  const readout = h("output", { class: "boundary-line" });
  const equation = h("div", { class: "boundary-equation" });
  const inputsFrom = h("div", { class: "boundary-line dlviz-soft" });
  const weights = h("div", { class: "boundary-weights", tabindex: "0", role: "group", "aria-label": messages.weights });
  const resetButton = h("button", { type: "button", class: "boundary-button", hidden: "" }, messages.reset);
  const element = h("div", { class: "dlviz-panel boundary-unit", hidden: "" },
    h("div", { class: "boundary-title" }, title, closeButton),
    h("div", { class: "boundary-unit-parts" }, h("div", {}, map, readout), h("div", { class: "boundary-unit-weights" }, equation, inputsFrom, weights, resetButton)));
  closeButton.addEventListener("click", close, { signal });
  resetButton.addEventListener("click", reset, { signal });
  /** The unit that is shown, with its scene, its layer and the linear layer behind it. */
  let shown = null;
  let colors = null;
  const cursor = planeCursor({ button: map, canvas, signal, changed: () => draw(colors) });
  /** Which unit the rows belong to, so that they are built anew only for another unit. */
  let rowsKey = "";
  let rows = [];

  /** @param {any} next scene, layer, unit, and the linear layer behind it, or null */
  function show(next) {
    shown = next;
    element.hidden = !shown;
    if (!shown) {
      rowsKey = "";
      return;
    }
    const { scene, layer, unit: k, linear, live } = shown;
    title.textContent = fillIn(messages.unit, { name: layer.name === layer.kind ? layer.name : `${layer.name} ${layer.kind}`, unit: k, count: layer.units });
    map.setAttribute("aria-label", title.textContent);
    cursor.show(planeAxes({ left: 0, top: 0, size: SIZE }, scene.limits), scene.map_side);
    equation.textContent = layer.equations[k];
    inputsFrom.textContent = linear?.inputs[0]?.startsWith("h") ? fillIn(messages.inputs_from, { name: linear.sources.join(", ") }) : "";
    showWeights(linear, k, live);
    resetButton.hidden = !(scene.edited && live);
  }

  function showWeights(linear, k, live) {
    const key = linear ? `${linear.call} ${k} ${live && linear.editable} ${linear.inputs.length}` : "";
    const count = linear?.inputs.length;
    if (key !== rowsKey) {
      rowsKey = key;
      const makeRow = live && linear?.editable ? editableRow : readonlyRow;
      rows = linear ? [...linear.inputs.map((name, i) => makeRow(name, i)), ...(linear.bias ? [makeRow(messages.bias, "bias")] : [])] : [];
      const hidden = linear && linear.in_features > count ? [h("div", { class: "boundary-line dlviz-soft" }, fillIn(messages.more_weights, { shown: count, count: linear.in_features }))] : [];
      weights.hidden = rows.length === 0;
      weights.replaceChildren(...rows.map((row) => row.element), ...hidden);
    }
    if (!linear) return;
    const values = [...linear.inputs.map((_, i) => linear.weight[k * count + i]), ...(linear.bias ? [linear.bias[k]] : [])];
    rows.forEach((row, i) => row.set(values[i], values));
  }
  function rowLabel(name, input) {
    return h("span", {}, input === "bias" ? name : `· ${name}`);
  }
  function readonlyRow(name, input) {
    const number = h("code");
    return { element: h("div", { class: "boundary-weight", "data-readonly": "" }, rowLabel(name, input), number), set: (value) => { number.textContent = format(value, 4); } };
  }
  function editableRow(name, input) {
    const label = input === "bias" ? name : fillIn(messages.weight, { name });
    const slider = /** @type {HTMLInputElement} */ (h("input", { type: "range", step: "any", "aria-label": label }));
    const field = /** @type {HTMLInputElement} */ (h("input", { type: "text", inputmode: "decimal", "aria-label": fillIn(messages.typed, { name: label }) }));
    let current = 0;
    /** Largest value of the slider. */
    let limit = 0;
    /** Text of the last edit, because Enter and leaving the field both commit it. */
    let committed = "";
    const send = (value) => {
      if (Number.isFinite(value)) edit(input, value);
    };
    function showTrack() {
      slider.style.setProperty("--done", `${50 + (50 * Number(slider.value)) / limit}%`);
    }
    slider.addEventListener("input", () => {
      const value = Number(Number(slider.value).toPrecision(3));
      field.value = String(value);
      showTrack();
      send(value);
    }, { signal });
    // A key press moves by 0.1: without steps the browser would choose the distance.
    slider.addEventListener("keydown", (event) => {
      const direction = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      if (!direction) return;
      event.preventDefault();
      event.stopPropagation();
      slider.value = String(Number((Number(slider.value) + direction * 0.1).toPrecision(4)));
      slider.dispatchEvent(new Event("input"));
    }, { signal });
    function commit() {
      const value = Number(field.value.replace("−", "-"));
      if (field.value === format(current, 3) || field.value === committed) return;
      if (field.value.trim() === "" || !Number.isFinite(value)) {
        field.value = format(current, 3);
        return;
      }
      committed = field.value;
      send(value);
    }
    field.addEventListener("change", commit, { signal });
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter") commit();
      else if (event.key === "Escape") field.value = format(current, 3);
    }, { signal });
    return {
      element: h("div", { class: "boundary-weight" }, rowLabel(name, input), slider, field),
      set(value, all) {
        if (value !== current) committed = "";
        current = value;
        // The range stays while the slider is moved; only a weight outside it changes the range.
        if (!limit || Math.abs(value) > limit) limit = Math.max(2, Math.ceil(2 * Math.max(...all.map(Math.abs).filter(Number.isFinite), 0)));
        slider.min = String(-limit);
        slider.max = String(limit);
        const focused = document.activeElement;
        if (focused !== slider) slider.value = String(value);
        if (focused !== field && focused !== slider) field.value = format(value, 3);
        slider.setAttribute("aria-valuetext", format(value, 4));
        showTrack();
      },
    };
  }

  function draw(themeColors) {
    colors = themeColors;
    if (!shown) return;
    const { scene, layer, unit: k } = shown;
    const side = scene.map_side;
    const context = hidpiContext(canvas, SIZE, SIZE);
    const values = layer.values.subarray(k * side * side, (k + 1) * side * side);
    const max = maxAbs(values);
    context.drawImage(heatmap(values, 0, side, side, max, colors, scratch), 0, 0, SIZE, SIZE);
    drawBox(context, [0.5, 0.5, SIZE - 1, SIZE - 1], colors.line);
    cursor.draw(context, colors);
    readout.textContent = cursor.visible ? cursorText(values) : max > 0 ? fillIn(messages.range, { most: format(max, 3) }) : messages.zero;
  }
  function cursorText(values) {
    const { scene, layer, unit: k } = shown;
    const { map_side: side, map_stride: stride } = scene;
    const [row, column] = [cursor.row, cursor.column].map((index) => Math.floor(stride / 2) + index * stride);
    const [x, y] = cellCenter(scene.limits, scene.side, row, column);
    return fillIn(messages.value, { name: layer.name, unit: k, x: format(x, 3), y: format(y, 3), value: format(values[cursor.row * side + cursor.column], 5) });
  }

  return { element, show, draw };
}
