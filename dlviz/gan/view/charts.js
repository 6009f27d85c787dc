// Losses of all snapshots, and below them, with the same x axis, what the losses do not say.

import { h, fillIn } from "../../kit/js/dom.js";
import { chart, legendEntries } from "../../kit/js/chart.js";
import { format } from "../../kit/js/numbers.js";

const HEIGHT = 92;
const MARGIN = { left: 46, right: 12, top: 8, bottom: 15 };

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, go: (step: number) => void}} options go: goes to a snapshot
 */
export function measureCharts({ messages, signal, go }) {
  const rows = [
    row({ title: messages.losses, lines: [{ name: "d_loss", class: "duel-line-d", text: messages.loss_d }, { name: "g_loss", class: "duel-line-g", text: messages.loss_g }] }),
    row({ title: messages.energy, lines: [{ name: "energy", class: "duel-line-energy", text: "" }] }),
    row({ title: messages.covered, lines: [{ name: "modes", class: "duel-line-modes", text: "" }] }),
  ];
  const [losses, energy, covered] = rows;
  const first = h("p", { class: "dlviz-soft" });
  const missing = h("p", { class: "dlviz-soft" }, messages.no_losses);
  const beyond = h("p", { class: "duel-beyond" }, messages.beyond);
  const element = h("div", { class: "dlviz-panel duel-charts" }, losses.element, missing, beyond, energy.element, covered.element, first);
  let scene = null;
  let width = 0;
  let at = 0;

  function row({ title, lines }) {
    const plot = chart({ width: 400, height: HEIGHT, margin: MARGIN, className: "dlviz-snapshots" });
    const heading = h("b", {}, title);
    const values = h("span", { class: "duel-values" });
    const node = h("div", { hidden: "" }, h("div", { class: "dlviz-chart-title" }, heading, values), plot.element);
    plot.element.addEventListener("click", (event) => go(Math.round(plot.valueAt(/** @type {any} */ (event)))), { signal });
    return {
      element: node, plot, lines, heading,
      /** @param {{label: string, top?: number, bottom?: number}} options top, bottom: ends of the y axis, by default those of the values and 0 */
      draw({ label, top = 0, bottom = -Infinity }) {
        const series = lines.map(({ name }) => Array.from(scene.snapshots[name]));
        const finite = series.flat().filter(Number.isFinite);
        const last = Math.max(1, series[0].length - 1);
        const low = Math.max(bottom, Math.min(0, ...finite));
        const high = Math.max(top, ...finite, 1e-12);
        plot.resize(width, HEIGHT);
        plot.draw({
          label,
          x: { domain: [0, last], ticks: [[0, "0"], [last, String(last)]], title: messages.unit },
          y: { domain: [low, high], ticks: [[low, format(low, 2)], [high, format(high, 3)]] },
          // A snapshot without a value, such as a step of the other module alone, does not break the line.
          content: () => series.map((values, k) => plot.path(values.map((value, index) => [index, value]).filter(([, value]) => Number.isFinite(value)), lines[k].class)),
        });
      },
      mark(text) {
        const marks = lines.map(({ name }) => scene.snapshots[name][at]).filter(Number.isFinite);
        plot.cursor(plot.vertical(at, "dlviz-chart-pointer"), ...marks.map((value) => plot.dot(at, value, "dlviz-chart-current", 4)));
        values.replaceChildren(...text());
      },
    };
  }
  function value(name) {
    return scene.snapshots[name][at];
  }
  function draw() {
    if (!scene || !width) return;
    const { snapshots, mode_count: count } = scene;
    const total = snapshots.labels.length;
    const has = (name) => snapshots[name].some(Number.isFinite);
    const hasLosses = has("d_loss") || has("g_loss");
    const hasCurves = total > 1;
    first.hidden = hasCurves;
    first.textContent = messages[scene.trainable.some(Boolean) ? "first_step" : "first_snapshot"];
    beyond.hidden = !hasCurves;
    for (const { plot } of rows) plot.element.toggleAttribute("hidden", !hasCurves);
    missing.hidden = !hasCurves || hasLosses;
    losses.element.hidden = !hasCurves || !hasLosses;
    energy.element.hidden = !has("energy");
    covered.element.hidden = !count || !has("modes");
    covered.heading.textContent = scene.by_class ? messages.classes : messages.covered;
    const ends = (name) => {
      const finite = Array.from(snapshots[name]).filter(Number.isFinite);
      return { first: format(finite[0] ?? NaN, 3), last: format(finite.at(-1) ?? NaN, 3) };
    };
    const [d, g, e, m] = ["d_loss", "g_loss", "energy", "modes"].map(ends);
    if (!losses.element.hidden) losses.draw({ label: fillIn(messages.losses_alt, { count: total, first_d: d.first, last_d: d.last, first_g: g.first, last_g: g.last }) });
    if (!energy.element.hidden) energy.draw({ label: fillIn(messages.energy_alt, { count: total, ...e }), bottom: 0 });
    if (!covered.element.hidden) covered.draw({ label: fillIn(messages.covered_alt, { count: total, ...m, all: count }), top: count });
    mark();
  }
  function mark() {
    const keyed = (lines) => legendEntries(lines.map(({ name, class: kind, text }) => ({ class: kind, text: Number.isFinite(value(name)) ? `${text} ${format(value(name), 3)}` : text })));
    if (!losses.element.hidden) losses.mark(() => keyed(losses.lines));
    if (!energy.element.hidden) energy.mark(() => [format(value("energy"), 3)]);
    if (covered.element.hidden) return;
    const quality = Number.isFinite(value("quality")) ? fillIn(messages.quality, { share: `${format(100 * value("quality"), 3)}%` }) : "";
    covered.mark(() => [h("span", {}, fillIn(messages.covered_of, { value: format(value("modes"), 3), count: scene.mode_count })), h("span", { class: "dlviz-soft" }, quality)]);
  }
  return {
    element,
    /** @param {any} next the scene */
    show(next) {
      scene = next;
      draw();
    },
    /** Mark a snapshot. @param {number} step */
    showStep(step) {
      at = Math.min(step, scene.snapshots.labels.length - 1);
      if (width) mark();
    },
    /** @param {number} next width in pixels */
    resize(next) {
      width = next;
      draw();
    },
  };
}
