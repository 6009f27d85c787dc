// Every example in the order of the data: a lane for each class, its group if there are any, and its part below.

import { h, fillIn, onKeys } from "../../kit/js/dom.js";
import { pixelCanvas } from "../../kit/js/heatmap.js";

/** Pixels of a column, from top to bottom; the page stretches it. */
const COLUMN_HEIGHT = 24;
const BANDS = ["classes", "groups", "parts"];
/** Height of all lanes and of one, in pixels; a lane lower than its name shows none. */
const LANES = 150;
const [LOWEST_LANE, HIGHEST_LANE, NAMED_LANE] = [4, 16, 12];

/** @param {{messages: Record<string, string>, signal: AbortSignal}} options */
export function splitStrip({ messages, signal }) {
  const bands = Object.fromEntries(BANDS.map((name) => [name, h("div", { class: "split-band" })]));
  const labels = BANDS.map((name) => h("span", {}, messages[`split.row_${name}`]));
  const mark = h("span", { class: "split-mark", hidden: "" });
  const strip = h("div", { class: "split-bands", tabindex: "0", role: "img" }, ...Object.values(bands), mark);
  const caption = h("output", { class: "evaluation-caption" });
  const legend = h("span", { class: "split-legend" });
  const element = h("div", { class: "dlviz-panel" }, h("div", { class: "evaluation-title" }, h("b", {}, messages["split.strip"]), legend), h("div", { class: "split-strip" }, h("div", { class: "split-labels" }, ...labels), strip), caption);
  let scene = null;
  let current = -1;

  const count = () => scene.class_columns.length / scene.classes.length;
  function show(next) {
    scene = next;
    for (const node of [bands.groups, labels[1]]) node.toggleAttribute("hidden", !scene.groups);
    legend.replaceChildren(...scene.parts.flatMap((name, k) => [h("span", { class: "split-chip", style: `background:${cssColor(scene.part_tints[k])}` }), name]));
    const kinds = scene.classes.length;
    const lane = Math.max(LOWEST_LANE, Math.min(HIGHEST_LANE, LANES / kinds));
    const names = lane < NAMED_LANE ? [messages["split.row_classes"]] : scene.classes.map((name) => h("span", { title: name, style: `height:${lane}px` }, name));
    labels[0].replaceChildren(...names);
    for (const node of [labels[0], bands.classes]) node.style.height = `${lane * kinds}px`;
    strip.setAttribute("aria-label", fillIn(messages["split.strip_alt"], { total: scene.total.toLocaleString("en") }));
    describe(Math.min(current, count() - 1));
  }
  /** @param {HTMLElement} root the widget, whose theme has the colors */
  function draw(root) {
    if (!scene) return;
    bands.classes.replaceChildren(lanes(scene.class_columns, scene.class_tints.map((tint) => channels(root, cssColor(tint))), channels(root, "var(--raised)")));
    bands.parts.replaceChildren(stacked(scene.part_columns, scene.part_tints.map((tint) => channels(root, cssColor(tint)))));
    if (!scene.groups) return;
    const [paper, ink] = ["var(--paper)", "var(--ink-3)"].map((color) => channels(root, color));
    bands.groups.replaceChildren(pixelCanvas(1, count(), (p, data) => {
      const opacity = 0.15 + 0.75 * scene.groups[p];
      data.set([...paper.map((value, c) => value + (ink[c] - value) * opacity), 255], 4 * p);
    }));
  }
  /** A row of pixels for each kind, the deeper the larger its share of a column. */
  function lanes(table, colors, background) {
    const kinds = colors.length;
    return pixelCanvas(kinds, count(), (p, data) => {
      const [kind, column] = [Math.floor(p / count()), p % count()];
      const share = Math.min(1, table[column * kinds + kind] / scene.stride);
      const opacity = share ? 0.4 + 0.6 * share : 0;
      data.set([...background.map((value, c) => value + (colors[kind][c] - value) * opacity), 255], 4 * p);
    });
  }
  /** Columns in which each kind has as many pixels as its share. */
  function stacked(table, colors) {
    const kinds = colors.length;
    return pixelCanvas(COLUMN_HEIGHT, count(), (p, data) => {
      const [row, column] = [Math.floor(p / count()), p % count()];
      const counts = table.subarray(column * kinds, (column + 1) * kinds);
      let below = ((row + 0.5) / COLUMN_HEIGHT) * counts.reduce((sum, value) => sum + value, 0);
      let k = 0;
      while (k < kinds - 1 && below >= counts[k]) {
        below -= counts[k];
        k += 1;
      }
      data.set([...colors[k], 255], 4 * p);
    });
  }

  /** Mark a column and say what is in it; −1 for none. */
  function describe(column) {
    current = column;
    mark.toggleAttribute("hidden", column < 0);
    if (column < 0) {
      caption.textContent = messages["split.read"];
      return;
    }
    mark.style.left = `${(100 * column) / count()}%`;
    mark.style.width = `max(2px, ${100 / count()}%)`;
    const first = column * scene.stride;
    const last = Math.min(scene.total, first + scene.stride) - 1;
    const names = { classes: listed(scene.class_columns, scene.classes, column), parts: listed(scene.part_columns, scene.parts, column) };
    caption.textContent = fillIn(messages[first === last ? "split.at_one" : "split.at"], { first, last, ...names });
  }
  /** What is in a column, and how often if more than once: "3, 2 (5×)". */
  function listed(table, names, column) {
    const present = names.map((name, k) => [name, table[column * names.length + k]]).filter(([, times]) => times);
    return present.map(([name, times]) => (times === 1 ? name : fillIn(messages["split.times"], { name, count: times }))).join(", ");
  }
  function moveTo(column) {
    describe(Math.max(0, Math.min(count() - 1, column)));
  }
  strip.addEventListener("pointermove", (event) => {
    const box = strip.getBoundingClientRect();
    moveTo(Math.floor(((event.clientX - box.left) / box.width) * count()));
  }, { signal });
  onKeys(strip, signal, (event) => {
    const distance = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
    if (distance) moveTo(current + distance);
    return Boolean(distance);
  });
  return { element, show, draw };
}

/** A color of the scene, which names a token and its opacity over the paper. @param {[string, number]} tint */
export function cssColor([token, opacity]) {
  return `color-mix(in srgb, var(--${token}) ${Math.round(100 * opacity)}%, var(--paper))`;
}

/** Red, green and blue of a CSS color, for drawing on a canvas. @param {HTMLElement} root an element inside the widget @param {string} color */
function channels(root, color) {
  const probe = document.createElement("span");
  probe.style.color = color;
  root.append(probe);
  const computed = getComputedStyle(probe).color;
  probe.remove();
  const numbers = computed.match(/-?[\d.]+(?:e-?\d+)?/g).map(Number);
  // Mixed colors are given from 0 to 1, others from 0 to 255.
  return numbers.slice(0, 3).map((value) => (computed.startsWith("color(") ? 255 * value : value));
}
