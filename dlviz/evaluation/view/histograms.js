// The classes in each part as bars; a line over every bar is the class's fraction of the whole data set.

import { chart } from "../../kit/js/chart.js";
import { h, s, fillIn } from "../../kit/js/dom.js";
import { ticks } from "../../kit/js/scale.js";
import { percent } from "./example_list.js";
import { cssColor } from "./split_strip.js";

const WIDTH = 400;
const HEIGHT = 132;
const MARGIN = { left: 36, right: 0, top: 8, bottom: 18 };
/** Width of a character of a class's name. */
const CHARACTER = 7;

/** @param {{messages: Record<string, string>}} options */
export function histograms({ messages }) {
  const row = h("div", { class: "split-row" });
  const caption = h("output", { class: "evaluation-caption" });
  const element = h("div", { class: "dlviz-panel" }, h("div", { class: "evaluation-title" }, h("b", {}, messages["split.classes"]), h("span", { class: "dlviz-soft" }, messages["split.classes_soft"])), row, caption);

  /** @param {any} scene decoded */
  function show(scene) {
    const largest = Math.max(...scene.class_fractions.map((fractions) => Math.max(...fractions)), ...scene.overall_fractions);
    caption.textContent = "";
    row.replaceChildren(...scene.parts.map((_, k) => histogram(scene, k, largest)));
  }
  function histogram(scene, k, largest) {
    const { classes, class_fractions: { [k]: fractions }, overall_fractions: overall } = scene;
    const [part, size] = [scene.parts[k], scene.sizes[k].toLocaleString("en")];
    const step = (WIDTH - MARGIN.left) / classes.length;
    const gap = Math.min(2, step / 4) / step;
    const title = fillIn(messages["split.part"], { name: part, count: size, share: percent(scene.part_fractions[k]) });
    const chip = h("span", { class: "split-chip" });
    chip.style.background = cssColor(scene.part_tints[k]);
    const plot = chart({ width: WIDTH, height: HEIGHT, margin: MARGIN, className: "split-histogram" });
    plot.draw({
      label: `${title}. ${classes.map((name, c) => `${name}: ${percent(fractions[c])}`).join(", ")}`,
      x: { domain: [0, classes.length], ticks: classes.map((name, c) => [c + 0.5, name]).filter(([, name], c) => c % Math.ceil((CHARACTER * name.length) / step) === 0) },
      y: { domain: [0, largest], ticks: ticks(0, largest, 3).map((value) => [value, percent(value)]), grid: true },
      content: () => classes.flatMap((name, c) => {
        const label = fillIn(messages["split.bar"], { part, name, count: scene.counts[k][c].toLocaleString("en"), size, share: percent(fractions[c]), whole: percent(overall[c]) });
        // The whole column can be pointed at, however low its bar is.
        const column = s("rect", { x: MARGIN.left + c * step, y: 0, width: step, height: HEIGHT, class: "split-column" }, s("title", {}, label));
        column.addEventListener("pointerenter", () => { caption.textContent = label; });
        return [
          plot.bar(c + gap / 2, c + 1 - gap / 2, fractions[c], `fill:${cssColor(scene.class_tints[c])}`),
          plot.path([[c, overall[c]], [c + 1, overall[c]]], "split-overall"),
          column,
        ];
      }),
    });
    return h("div", { class: "split-part" }, h("div", { class: "split-title" }, chip, h("span", {}, title)), plot.element);
  }
  return { element, show };
}
