// The classes in each part, beside each other; a line at every bar is the class's share in the whole data set.

import { h, s, fillIn } from "../../kit/js/dom.js";
import { cssColor } from "./palette.js";
import { percent } from "./example_list.js";

const WIDE = 260;
const HIGH = 104;
const BOX = { top: 6, bottom: 88 };

/** @param {{messages: Record<string, string>}} options */
export function histograms({ messages }) {
  const row = h("div", { class: "part-row" });
  const told = h("output", { class: "conf-caption" });
  const element = h("div", { class: "part-panel" }, h("div", { class: "conf-title" }, h("b", {}, messages["split.classes"]), h("span", { class: "conf-muted" }, messages["split.classes_soft"])), row, told);

  /** @param {any} scene decoded */
  function show(scene) {
    const most = Math.max(...scene.histograms.map((shares) => Math.max(...shares)), ...scene.whole);
    told.textContent = "";
    row.replaceChildren(...scene.parts.map((_, k) => one(scene, k, most)));
  }
  function one(scene, k, most) {
    const step = WIDE / scene.classes.length;
    const y = (share) => BOX.bottom - ((BOX.bottom - BOX.top) * share) / most;
    const marks = scene.classes.flatMap((name, c) => {
      const share = scene.histograms[k][c];
      const label = fillIn(messages["split.bar"], { part: scene.parts[k], name, count: scene.counts[k][c].toLocaleString("en"), size: scene.sizes[k].toLocaleString("en"), share: percent(share), whole: percent(scene.whole[c]) });
      const gap = Math.min(2, step / 4);
      // The whole column can be pointed at, however low its bar.
      const area = s("rect", { x: c * step, y: 0, width: step, height: HIGH, class: "part-area" }, s("title", {}, label));
      area.addEventListener("pointerenter", () => { told.textContent = label; });
      return [
        s("rect", { x: c * step + gap / 2, y: y(share), width: step - gap, height: BOX.bottom - y(share), style: `fill:${cssColor(scene.class_tints[c])}` }),
        s("path", { class: "part-line", d: `M${c * step},${y(scene.whole[c]).toFixed(1)}h${step}` }),
        step >= 7 * name.length || c % Math.ceil((7 * name.length) / step) === 0 ? s("text", { x: (c + 0.5) * step, y: HIGH - 4, "text-anchor": "middle" }, name) : null,
        area,
      ].filter(Boolean);
    });
    const chip = h("span", { class: "part-chip" });
    chip.style.background = cssColor(scene.part_tints[k]);
    const title = fillIn(messages["split.part"], { name: scene.parts[k], count: scene.sizes[k].toLocaleString("en"), share: percent(scene.part_sizes_relative[k]) });
    const spoken = scene.classes.map((name, c) => `${name}: ${percent(scene.histograms[k][c])}`).join(", ");
    const picture = s("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, width: WIDE, height: HIGH, role: "img", class: "part-histogram", "aria-label": `${title}. ${spoken}` }, ...marks);
    return h("div", { class: "part-one" }, h("div", { class: "part-title" }, chip, h("span", {}, title)), picture);
  }
  return { element, show };
}
