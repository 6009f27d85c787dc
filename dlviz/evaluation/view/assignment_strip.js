// Every example in the file's order: its class above, its group if there are any, and below where it assignment.

import { h, fillIn } from "../../kit/js/dom.js";
import { pixelCanvas } from "../../kit/js/heatmap.js";
import { channels, cssColor } from "./palette.js";

/** Pixels of a column, from top to bottom; the page stretches it. */
const TALL = 24;

/** @param {{messages: Record<string, string>, signal: AbortSignal}} options */
export function strip({ messages, signal }) {
  const rows = Object.fromEntries(["classes", "groups", "parts"].map((name) => [name, h("div", { class: "part-band" })]));
  const mark = h("span", { class: "part-mark", hidden: "" });
  const bands = h("div", { class: "part-bands", tabindex: "0", role: "img" }, ...Object.values(rows), mark);
  const labels = ["classes", "groups", "parts"].map((name) => h("span", {}, messages[`split.row_${name}`]));
  const told = h("output", { class: "conf-caption" });
  const element = h("div", { class: "part-panel" }, h("div", { class: "conf-title" }, h("b", {}, messages["split.strip"])), h("div", { class: "part-strip" }, h("div", { class: "part-labels" }, ...labels), bands), told);
  let scene = null;
  let here = -1;

  const count = () => scene.strip.length / scene.classes.length;
  function show(next) {
    scene = next;
    for (const node of [rows.groups, labels[1]]) node.toggleAttribute("hidden", !scene.groups);
    bands.setAttribute("aria-label", fillIn(messages["split.strip_alt"], { total: scene.total.toLocaleString("en") }));
    read(Math.min(here, count() - 1));
  }
  /** @param {HTMLElement} root the widget, whose theme has the colors */
  function draw(root) {
    if (!scene) return;
    const mixed = (list) => list.map((color) => channels(root, color));
    rows.classes.replaceChildren(stacked(scene.strip, mixed(scene.class_tints.map(cssColor))));
    rows.parts.replaceChildren(stacked(scene.assignment, mixed(scene.part_tints.map(cssColor))));
    if (!scene.groups) return;
    const [paper, flow] = mixed(["var(--paper)", "var(--flow)"]);
    rows.groups.replaceChildren(pixelCanvas(1, count(), (p, data) => {
      const share = 0.15 + 0.75 * scene.groups[p];
      data.set([...paper.map((value, c) => value + (flow[c] - value) * share), 255], 4 * p);
    }));
  }
  /** Each column stacked of its kinds, as many pixels of each as its share. */
  function stacked(table, colors) {
    const kinds = colors.length;
    return pixelCanvas(TALL, count(), (p, data) => {
      const [row, column] = [Math.floor(p / count()), p % count()];
      let whole = 0;
      for (let k = 0; k < kinds; k += 1) whole += table[column * kinds + k];
      let below = ((row + 0.5) / TALL) * whole;
      let k = 0;
      while (k < kinds - 1 && below >= table[column * kinds + k]) below -= table[column * kinds + (k++)];
      data.set([...colors[k], 255], 4 * p);
    });
  }

  function read(column) {
    here = column;
    mark.toggleAttribute("hidden", column < 0);
    if (column < 0) {
      told.textContent = messages["split.read"];
      return;
    }
    mark.style.left = `${(100 * column) / count()}%`;
    mark.style.width = `max(2px, ${100 / count()}%)`;
    const first = column * scene.every;
    const last = Math.min(scene.total, first + scene.every) - 1;
    const names = { classes: listed(scene.strip, scene.classes, column), parts: listed(scene.assignment, scene.parts, column) };
    told.textContent = fillIn(messages[first === last ? "split.at_one" : "split.at"], { first, last, ...names });
  }
  /** "3, 2 × 5": what is in a column, and how often if more than once. */
  function listed(table, names, column) {
    const found = names.map((name, k) => [name, table[column * names.length + k]]).filter(([, times]) => times);
    return found.map(([name, times]) => (times === 1 ? name : fillIn(messages["split.times"], { name, count: times }))).join(", ");
  }
  bands.addEventListener("pointermove", (event) => {
    const box = bands.getBoundingClientRect();
    read(Math.max(0, Math.min(count() - 1, Math.floor(((event.clientX - box.left) / box.width) * count()))));
  }, { signal });
  bands.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 };
    if (!(event.key in moves)) return;
    event.preventDefault();
    event.stopPropagation();
    read(Math.max(0, Math.min(count() - 1, here + moves[event.key])));
  }, { signal });
  return { element, show, draw };
}
