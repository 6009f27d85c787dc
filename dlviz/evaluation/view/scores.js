// The score of every measured split as a dot, one row for each way to split, with mean and spread.

import { chart } from "../../kit/js/chart.js";
import { h, s, fillIn } from "../../kit/js/dom.js";
import { format, number } from "../../kit/js/numbers.js";
import { ticks } from "../../kit/js/scale.js";

const WIDTH = 340;
const ROW = 26;
const MARGIN = { left: 118, right: 8, top: 2, bottom: 20 };
/** Seeds that the button measures, as in dlviz.evaluation.split_widget. */
const MEASURED_SEEDS = 5;
/** Dots that are closer than this would hide each other. */
const MIN_DISTANCE = 3;

/** @param {{messages: Record<string, string>, signal: AbortSignal, measure: () => void}} options */
export function scores({ messages, signal, measure }) {
  const button = h("button", { type: "button", class: "dlviz-wide" });
  const plot = chart({ width: WIDTH, height: 0, margin: MARGIN, className: "split-scores" });
  const spreads = h("div", { class: "split-spreads" });
  const element = h("div", { class: "dlviz-panel" }, h("div", { class: "evaluation-title" }, h("b", {}, messages["split.scores"])), plot.element, spreads, button);
  let busy = false;
  button.addEventListener("click", () => {
    if (busy) return;
    setBusy(true);
    measure();
  }, { signal });

  function setBusy(measuring, how = "") {
    busy = measuring;
    button.setAttribute("aria-disabled", String(busy));
    const key = busy ? "measuring" : { order: "measure_one", folds: "measure_folds" }[how] ?? "measure";
    button.textContent = fillIn(messages[`split.${key}`], { count: MEASURED_SEEDS });
  }

  /** @param {any} scene decoded @param {boolean} live whether a kernel can measure */
  function show(scene, live) {
    const rows = scene.scores;
    element.toggleAttribute("hidden", !scene.measurable && !rows.length);
    button.toggleAttribute("hidden", !scene.measurable || !live);
    setBusy(scene.measuring, scene.how);
    const lines = rows.map((row) => [row.title, spreadText(row)]);
    const items = lines.map(([title, text]) => h("div", {}, h("b", {}, title), ` ${text}`));
    spreads.replaceChildren(...(items.length ? items : [h("p", { class: "evaluation-note" }, messages["split.unmeasured"])]));
    plot.element.toggleAttribute("hidden", !rows.length);
    const finite = rows.flatMap((row) => Array.from(row.values)).filter(Number.isFinite);
    const [low, high] = finite.length ? [Math.min(...finite), Math.max(...finite)] : [0, 1];
    const room = (high - low) * 0.08 || 0.01;
    plot.resize(WIDTH, ROW * rows.length + MARGIN.bottom + 4);
    plot.draw({
      label: lines.map((line) => line.join(": ")).join("; "),
      x: { domain: [low - room, high + room], ticks: ticks(low - room, high + room, 4).map((value) => [value, format(value, 4)]), grid: true },
      // Rows have a fixed height, so y values are pixels.
      y: { domain: [plot.area.bottom, plot.area.top] },
      content: () => rows.flatMap((row, k) => marks(row, (k + 0.5) * ROW)),
    });
  }
  /** Title, mean and dots of a row. */
  function marks(row, y) {
    const x = plot.scales().x.pixel;
    const mean = number(row.mean);
    const before = [];
    const dots = Array.from(row.values, (value, k) => {
      const close = before.filter((other) => Math.abs(x(other) - x(value)) < MIN_DISTANCE).length;
      before.push(value);
      if (!Number.isFinite(value)) return null;
      const dot = plot.dot(value, y + 3 * Math.ceil(close / 2) * (close % 2 ? 1 : -1), "split-dot");
      dot.append(s("title", {}, fillIn(messages["split.dot"], { how: row.title, seed: row.seeds[k], score: format(value, 4) })));
      return dot;
    });
    return [
      s("text", { x: MARGIN.left - 8, y: y + 4, "text-anchor": "end", class: "split-method" }, row.title),
      Number.isFinite(mean) ? s("path", { class: "split-mean", d: `M${x(mean).toFixed(1)},${y - 9}v18` }) : null,
      ...dots,
    ].filter(Boolean);
  }
  function spreadText(row) {
    const text = (value, digits = 4) => format(number(value), digits);
    if (row.values.length === 1) return fillIn(messages["split.single"], { mean: text(row.mean) });
    return fillIn(messages["split.spread"], { mean: text(row.mean), sd: text(row.sd, 2), count: row.values.length, low: text(row.low), high: text(row.high) });
  }
  return { element, show };
}
