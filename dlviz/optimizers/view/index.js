// Paths on a surface: the map or the turning surface, the board beside it, the learning rates below.

import { h, fillIn } from "../../kit/js/dom.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { onThemeChange, themeColors } from "../../kit/js/heatmap.js";
import { baseView } from "../../kit/js/base_view.js";
import { hasPlotly } from "../../kit/js/plotly.js";
import { map, vector } from "./contour_map.js";
import { solid } from "./surface3d.js";
import { board } from "./optimizer_table.js";
import { rate } from "./lr_slider.js";

/** Milliseconds between two steps at speed 1. */
const PACE = 90;
const WIDEST = 560;
/** From this width on the board stands beside the picture. */
const ABREAST = 840;

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const scene = () => model.get("scene");
  const steps = () => Math.max(0, ...paths.map((path) => path.size - 1));
  let paths = [];
  let ground = null;
  let width = 0;
  let due = 0;
  const on = baseView({
    model, el, signal, name: scene().kind, steps, label: (step) => fillIn(messages.player, { step }), draw: receive, showStep: later, pace: PACE, onEscape,
    traits: { paths_shown: decode, opened: () => {}, scale: () => {}, view: turn },
  });
  const flat = map({ messages, signal, pick: (n) => open(paths[n].name) });
  const turning = solid({ model, messages, signal });
  const table = board({ messages, signal, open });
  const slider = rate({ model, messages, signal, save: (scale) => on.save("scale", scale) });
  const views = ["2d", "3d"].map((view) => {
    const button = h("button", { type: "button", class: "des-view" }, messages[view === "2d" ? "flat" : "solid"]);
    button.addEventListener("click", () => on.save("view", view), { signal });
    return button;
  });
  views[1].title = messages.solid_live;
  const toggle = h("div", { class: "des-views", role: "group", "aria-label": messages.view }, ...views);
  const plot = h("div", { class: "des-plot" }, toggle, flat.element, turning.element);
  on.ui.main.append(h("div", { class: "des-bench" }, plot, table.element));
  onThemeChange(on.ui.root, signal, later);
  on.start();
  if (scene().kind === "race") on.ui.root.append(slider.element);
  turn();
  const watcher = new ResizeObserver(([entry]) => {
    const now = Math.round(entry.contentRect.width);
    if (now === width || !now) return;
    width = now;
    later();
  });
  watcher.observe(on.ui.main);
  signal.addEventListener("abort", () => {
    watcher.disconnect();
    cancelAnimationFrame(due);
  });

  function receive() {
    const about = scene().ground;
    const levels = about.levels.map((level) => ({ value: level.value, chains: apart(typedArray(level.points, "float32"), level.lengths) }));
    ground = { ...about, values: typedArray(about.values, "float64"), levels };
    flat.show(scene(), ground);
    turning.show(scene(), ground);
    decode();
  }
  function apart(points, lengths) {
    let from = 0;
    return lengths.map((length) => {
      const chain = Array.from({ length }, (_, i) => [points[2 * (from + i)], points[2 * (from + i) + 1]]);
      from += length;
      return chain;
    });
  }
  function decode() {
    paths = (model.get("paths_shown").list ?? []).map((path) => {
      const points = typedArray(path.points, "float64");
      const arrays = Object.fromEntries(Object.entries(path.arrays).map(([name, one]) => [name, { width: one.width, values: typedArray(one.values, "float32") }]));
      const slopes = arrays.gradient ? Array.from({ length: points.length / 2 }, (_, t) => Math.hypot(...vector(arrays.gradient, t))).filter(Number.isFinite) : [];
      return { ...path, steepest: Math.max(0, ...slopes), points, size: points.length / 2, losses: typedArray(path.losses, "float64"), arrays };
    });
    table.show(scene(), paths);
    table.element.hidden = paths.length === 0;
    on.ui.root.toggleAttribute("data-still", steps() === 0);
  }
  function open(name) {
    if (scene().kind === "race") on.save("opened", model.get("opened") === name ? "" : name);
  }
  /** Escape closes what is opened before it goes back to the start. */
  function onEscape() {
    const held = Boolean(model.get("opened"));
    if (held) on.save("opened", "");
    return held;
  }
  function turn() {
    const view = model.get("view");
    toggle.hidden = !hasPlotly(model);
    views.forEach((button, n) => button.setAttribute("aria-pressed", String(view === ["2d", "3d"][n])));
    flat.element.hidden = view !== "2d";
    turning.element.hidden = view !== "3d";
    later();
  }

  /** At most one drawing for each frame of the screen. */
  function later() {
    if (!due) due = requestAnimationFrame(draw);
  }
  function draw() {
    due = 0;
    if (!width || !ground) return;
    const style = getComputedStyle(on.ui.root);
    const more = Object.fromEntries(["good", "ink-2", "mono", "font"].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    const colors = { ...themeColors(on.ui.root), ...more };
    const [step, opened] = [Math.min(model.get("step"), steps()), model.get("opened") ?? ""];
    const room = width - 32;
    const own = Math.min(WIDEST, paths.length && width >= ABREAST ? Math.floor(room * 0.52) : room);
    plot.style.width = `${own}px`;
    const state = { paths, step, opened, colors, width: own };
    if (model.get("view") === "3d") turning.draw(state);
    else flat.draw(state);
    if (paths.length) table.draw(state);
    if (scene().kind === "race") slider.draw({ scene: scene(), paths, colors, opened });
  }
}

export default { render };
