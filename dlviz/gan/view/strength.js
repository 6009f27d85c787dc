// How strong the gradient is that the generator gets, for two losses, over the discriminator's probability of a fake.

import { h, s, fillIn } from "../../kit/js/dom.js";
import { chart, legendEntries } from "../../kit/js/chart.js";
import { fold } from "../../kit/js/fold.js";
import { format, number } from "../../kit/js/numbers.js";

const KINDS = ["nonsaturating", "saturating"];

/** @param {{messages: Record<string, string>, signal: AbortSignal}} options */
export function strengthFold({ messages, signal }) {
  const plot = chart({ width: 340, height: 170, margin: { left: 30, right: 12, top: 8, bottom: 30 } });
  const means = h("p");
  const keys = h("div", { class: "dlviz-chart-title" }, h("b", {}, messages.strength_title), ...legendEntries(KINDS.map((kind) => ({ class: `duel-line-${kind}`, text: messages[`strength_${kind}`] }))));
  const element = fold({ title: messages.strength, signal, onToggle: draw }, h("div", { class: "duel-strength" }, h("div", {}, keys, plot.element), h("div", { class: "duel-strength-text" }, h("p", {}, messages.strength_text), means)));
  let scene = null;

  function draw() {
    element.hidden = !scene?.curves;
    if (element.hidden || !element.open) return;
    const { curves, means: values } = scene;
    const fakes = Array.from(scene.d_fake).filter(Number.isFinite);
    plot.draw({
      label: fillIn(messages.strength_alt, { count: fakes.length }),
      x: { domain: [0, 1], ticks: [[0, "0"], [0.5, "0.5"], [1, "1"]], title: messages.strength_axis },
      y: { domain: [0, 1], ticks: [[0, "0"], [1, "1"]] },
      content: () => {
        const { x } = plot.scales();
        const d = fakes.map((value) => `M${x.pixel(value).toFixed(1)},${plot.area.bottom}v-9`).join("");
        return [s("path", { class: "duel-ticks", d }), ...KINDS.map((kind) => plot.line(curves[kind], `duel-line-${kind}`, { xs: curves.over }))];
      },
    });
    means.textContent = fillIn(messages.strength_means, { count: scene.d_fake.length, ...Object.fromEntries(Object.entries(values).map(([name, value]) => [name, format(number(value), 3)])) });
  }
  return {
    element,
    /** @param {any} next the scene */
    show(next) {
      scene = next;
      draw();
    },
  };
}
