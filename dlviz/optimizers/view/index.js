// Trajectories on a surface: contour map or 3-D view, table of optimizers beside it, learning rate slider below.

import { h, fillIn } from "../../kit/js/dom.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { redrawOnChange } from "../../kit/js/animation.js";
import { themeColors } from "../../kit/js/heatmap.js";
import { baseView } from "../../kit/js/base_view.js";
import { hasPlotly } from "../../kit/js/plotly.js";
import { contourMap } from "./contour_map.js";
import { surface3d } from "./surface3d.js";
import { optimizerTable } from "./optimizer_table.js";
import { lrSlider } from "./lr_slider.js";

/** Milliseconds between two steps at speed 1. */
const PACE = 90;
/** Widest picture, beside a table and alone. */
const MAX_PLOT_WIDTH = 560;
const MAX_ALONE = 900;
/** From this width on the table is beside the picture instead of below it. */
const TWO_COLUMNS = 840;

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const scene = () => model.get("scene");
  const steps = () => Math.max(0, ...paths.map((path) => path.size - 1));
  const isRace = scene().kind === "race";
  let paths = [];
  let surface = null;
  const on = baseView({
    model, el, signal, name: scene().kind, steps, label: (step) => fillIn(messages.player, { step }), draw: readScene, showStep: () => redraw(), pace: PACE, onEscape,
    traits: { paths_data: readPaths, opened: () => {}, scale: () => {}, view: showView },
  });
  const map2d = contourMap({ messages, signal, pick: (n) => toggleOpened(paths[n].name) });
  const map3d = surface3d({ model, messages, signal });
  const table = optimizerTable({ messages, signal, open: toggleOpened });
  const slider = lrSlider({ model, messages, signal, save: (scale) => on.save("scale", scale) });
  const viewButtons = ["2d", "3d"].map((view) => {
    const button = h("button", { type: "button", class: "optim-view" }, messages[`view_${view}`]);
    button.addEventListener("click", () => on.save("view", view), { signal });
    return button;
  });
  viewButtons[1].title = messages.view_3d_size;
  const toggle = h("div", { class: "optim-views", role: "group", "aria-label": messages.view }, ...viewButtons);
  const plot = h("div", { class: "optim-plot" }, toggle, map2d.element, map3d.element);
  on.ui.main.append(h("div", { class: "optim-layout" }, plot, table.element));
  const redraw = redrawOnChange({ root: on.ui.root, element: on.ui.main, signal, draw });
  on.start();
  if (isRace) on.ui.root.append(slider.element);
  showView();

  function readScene() {
    const data = scene().surface;
    const levels = data.levels.map(({ value, points, lengths }) => {
      const remaining = rows(typedArray(points, "float32"), 2);
      return { value, lines: lengths.map((length) => remaining.splice(0, length)) };
    });
    surface = { ...data, values: typedArray(data.values, "float64"), levels };
    map2d.show(scene(), surface);
    map3d.show(scene(), surface);
    readPaths();
  }
  function readPaths() {
    paths = (model.get("paths_data").list ?? []).map((path) => {
      const points = rows(typedArray(path.points, "float64"), 2);
      const arrays = Object.fromEntries(Object.entries(path.arrays).map(([name, { values, width }]) => [name, rows(typedArray(values, "float32"), width)]));
      const gradientNorms = (arrays.gradient ?? []).map((gradient) => Math.hypot(...gradient));
      return { ...path, points, size: points.length, losses: typedArray(path.losses, "float64"), arrays, maxGradientNorm: Math.max(0, ...gradientNorms.filter(Number.isFinite)) };
    });
    table.show(scene(), paths);
    table.element.hidden = paths.length === 0;
  }
  function toggleOpened(name) {
    if (isRace) on.save("opened", model.get("opened") === name ? "" : name);
  }
  /** Escape first closes the opened optimizer, and only then goes back to the start. */
  function onEscape() {
    const opened = Boolean(model.get("opened"));
    if (opened) on.save("opened", "");
    return opened;
  }
  function showView() {
    const view = model.get("view");
    toggle.hidden = !hasPlotly(model);
    viewButtons.forEach((button, n) => button.setAttribute("aria-pressed", String(view === ["2d", "3d"][n])));
    map2d.element.hidden = view !== "2d";
    map3d.element.hidden = view !== "3d";
    redraw();
  }

  function draw(width) {
    if (!width || !surface) return;
    const colors = themeColors(on.ui.root);
    const [step, opened] = [Math.min(model.get("step"), steps()), model.get("opened") ?? ""];
    const available = width - 32;
    const plotWidth = Math.min(paths.length ? MAX_PLOT_WIDTH : MAX_ALONE, paths.length && width >= TWO_COLUMNS ? Math.floor(available * 0.52) : available);
    plot.style.width = `${plotWidth}px`;
    const state = { paths, step, opened, colors, width: plotWidth };
    if (model.get("view") === "3d") map3d.draw(state);
    else map2d.draw(state);
    if (paths.length) table.draw(state);
    if (isRace) slider.draw({ scene: scene(), paths, colors, opened });
  }
}

/** The rows of a matrix of `width` columns. @returns {number[][]} */
function rows(values, width) {
  return Array.from({ length: values.length / width }, (_, row) => Array.from(values.subarray(row * width, (row + 1) * width)));
}

export default { render };
