// One unit: its map large, its equation, and its weights, each with a slider and a field to type into.

import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { heatmap, maxAbs, hidpiContext } from "../../kit/js/heatmap.js";
import { place } from "./scale.js";

const SIZE = 200;

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, edit: (input: number | string, value: number) => void, reset: () => void, close: () => void}} options
 */
export function unit({ messages, signal, edit, reset, close }) {
  const title = h("b");
  const shut = h("button", { type: "button", class: "plane-button", "aria-label": messages.close }, "×");
  const canvas = h("canvas");
  const map = h("button", { type: "button", class: "plane-large" }, canvas);
  const readout = h("output", { class: "plane-line" });
  const equation = h("div", { class: "plane-equation" });
  const from = h("div", { class: "plane-line plane-soft" });
  const weights = h("div", { class: "plane-weights", tabindex: "0", role: "group", "aria-label": messages.weights });
  const back = h("button", { type: "button", class: "plane-button", hidden: "" }, messages.reset);
  const element = h("div", { class: "plane-panel plane-opened", hidden: "" },
    h("div", { class: "plane-title" }, title, shut),
    h("div", { class: "plane-pair" }, h("div", {}, map, readout), h("div", { class: "plane-terms" }, equation, from, weights, back)));
  shut.addEventListener("click", close, { signal });
  back.addEventListener("click", reset, { signal });
  let about = null;
  let colors = null;
  let at = null;
  /** Which unit the sliders are of, how they are held, and how far they reach. */
  let key = "";
  let rows = [];

  /** @param {any} next scene, layer, unit, and the linear layer behind it, or null */
  function show(next) {
    about = next;
    element.hidden = !about;
    if (!about) {
      key = "";
      return;
    }
    const { scene, layer, unit: k, linear, live } = about;
    title.textContent = fillIn(messages.unit, { name: layer.name === layer.kind ? layer.name : `${layer.name} ${layer.kind}`, unit: k, count: layer.units });
    map.setAttribute("aria-label", title.textContent);
    equation.textContent = layer.equations[k];
    const source = linear?.from.join(", ");
    from.textContent = !linear ? "" : linear.inputs[0]?.startsWith("h") ? fillIn(messages.from, { name: source }) : "";
    list(linear, k, live);
    back.hidden = !(scene.edited && live);
  }

  function list(linear, k, live) {
    const wanted = linear ? `${linear.call} ${k} ${live && linear.editable} ${linear.inputs.length}` : "";
    if (wanted !== key) {
      key = wanted;
      rows = linear ? [...linear.inputs.map((name, i) => row(name, i, live && linear.editable)), ...(linear.bias ? [row(messages.bias, "bias", live && linear.editable)] : [])] : [];
      weights.hidden = rows.length === 0;
      weights.replaceChildren(...rows.map((one) => one.element), ...(linear && linear.fan > linear.inputs.length ? [h("div", { class: "plane-line plane-soft" }, fillIn(messages.more_weights, { shown: linear.inputs.length, count: linear.fan }))] : []));
    }
    if (!linear) return;
    const values = [...linear.inputs.map((_, i) => linear.weight[k * linear.inputs.length + i]), ...(linear.bias ? [linear.bias[k]] : [])];
    rows.forEach((one, i) => one.set(values[i], values));
  }
  function row(name, input, editable) {
    const label = input === "bias" ? name : `· ${name}`;
    if (!editable) {
      const shown = h("code");
      return { element: h("div", { class: "plane-weight", "data-still": "" }, h("span", {}, label), shown), set: (value) => { shown.textContent = format(value, 4); } };
    }
    const spoken = input === "bias" ? name : fillIn(messages.weight, { name });
    const slider = h("input", { type: "range", step: "any", "aria-label": spoken });
    const typed = h("input", { type: "text", inputmode: "decimal", "aria-label": fillIn(messages.typed, { name: spoken }) });
    let now = 0;
    const send = (value) => {
      if (Number.isFinite(value)) edit(input, value);
    };
    slider.addEventListener("input", () => {
      const value = Number(Number(slider.value).toPrecision(3));
      typed.value = String(value);
      done(value);
      send(value);
    }, { signal });
    // A tenth to a key press: of a slider without steps the browser would choose.
    slider.addEventListener("keydown", (event) => {
      const turn = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      if (!turn) return;
      event.preventDefault();
      event.stopPropagation();
      const value = Number((Number(slider.value) + turn * 0.1).toPrecision(4));
      slider.value = String(value);
      slider.dispatchEvent(new Event("input"));
    }, { signal });
    // Enter commits, and so does leaving the field: one edit all the same. As it was drawn it is none.
    let committed = "";
    const commit = () => {
      const value = Number(typed.value.replace("−", "-"));
      if (typed.value === format(now, 3) || typed.value === committed) return;
      if (typed.value.trim() === "" || !Number.isFinite(value)) {
        typed.value = format(now, 3);
        return;
      }
      committed = typed.value;
      send(value);
    };
    typed.addEventListener("change", commit, { signal });
    typed.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter") commit();
      else if (event.key === "Escape") typed.value = format(now, 3);
    }, { signal });
    function done(value) {
      slider.style.setProperty("--done", `${(100 * (value - slider.min)) / (slider.max - slider.min)}%`);
    }
    let reach = 0;
    return {
      element: h("div", { class: "plane-weight" }, h("span", {}, label), slider, typed),
      set(value, all) {
        if (value !== now) committed = "";
        now = value;
        // The ends stay where they are while a slider is moved; only a weight beyond them moves them.
        if (!reach || Math.abs(value) > reach) reach = Math.max(2, Math.ceil(2 * Math.max(...all.map(Math.abs).filter(Number.isFinite), 0)));
        slider.min = String(-reach);
        slider.max = String(reach);
        if (document.activeElement !== slider) slider.value = String(value);
        if (document.activeElement !== typed && document.activeElement !== slider) typed.value = format(value, 3);
        slider.setAttribute("aria-valuetext", format(value, 4));
        done(Number(slider.value));
      },
    };
  }

  function draw(palette) {
    colors = palette;
    if (!about) return;
    const { scene, layer, unit: k } = about;
    const side = scene.map;
    const context = hidpiContext(canvas, SIZE, SIZE);
    const own = layer.values.subarray(k * side * side, (k + 1) * side * side);
    const max = maxAbs(own);
    context.drawImage(heatmap(own, 0, side, side, max, colors), 0, 0, SIZE, SIZE);
    context.strokeStyle = colors.line;
    context.lineWidth = 1;
    context.strokeRect(0.5, 0.5, SIZE - 1, SIZE - 1);
    if (at) {
      const cell = SIZE / side;
      context.strokeStyle = colors.accent;
      context.lineWidth = 2;
      context.strokeRect(at[1] * cell, at[0] * cell, cell, cell);
    }
    readout.textContent = at ? told(own, side) : max > 0 ? fillIn(messages.range, { most: format(max, 3) }) : messages.dead;
  }
  function told(own, side) {
    const { scene, layer, unit: k } = about;
    const real = at.map((one) => Math.floor(scene.every / 2) + one * scene.every);
    const [x, y] = place(scene.limits, scene.side, ...real);
    return fillIn(messages.value, { name: layer.name, unit: k, x: format(x, 3), y: format(y, 3), value: format(own[at[0] * side + at[1]], 5) });
  }
  function stand(row, column) {
    const within = (value) => Math.max(0, Math.min(about.scene.map - 1, value));
    at = [within(row), within(column)];
    draw(colors);
  }
  map.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    const cell = SIZE / about.scene.map;
    stand(Math.floor((event.clientY - box.top) / cell), Math.floor((event.clientX - box.left) / cell));
  }, { signal });
  for (const away of ["pointerleave", "blur"]) {
    map.addEventListener(away, () => {
      at = null;
      draw(colors);
    }, { signal });
  }
  map.addEventListener("keydown", (event) => {
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const move = moves[event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const from = at ?? [Math.floor(about.scene.map / 2), Math.floor(about.scene.map / 2)];
    stand(from[0] + move[0], from[1] + move[1]);
  }, { signal });

  return { element, show, draw };
}
