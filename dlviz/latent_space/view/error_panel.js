// Which examples are reconstructed badly: histograms of the errors, a threshold with its two rates, and the worst examples.

import { chart } from "../../kit/js/chart.js";
import { closest, fillIn, h } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { logTicks, roundDown, scale } from "../../kit/js/scale.js";
import { exampleCanvas } from "./draw_example.js";

const WIDTH = 420;
const HEIGHT = 90;
const BINS = 40;
/** The axis is logarithmic where the largest error is so many times the median error of the data, so that both can be seen. */
const LOG_RATIO = 15;
const THUMBNAIL = 29;
/** Positions of the slider. */
const POSITIONS = 1000;

/** @param {{messages: Record<string, string>, signal: AbortSignal, setThreshold: (value: number) => void, select: (row: number) => void}} options */
export function errorPanel({ messages, signal, setThreshold, select }) {
  const plot = chart({ width: WIDTH, height: HEIGHT, margin: { left: 34, right: 8, top: 6, bottom: 30 } });
  const slider = h("input", { type: "range", min: 0, max: POSITIONS, step: 1, "aria-label": messages.threshold });
  const number = h("output", { class: "mono" });
  const rates = h("p", { class: "lat-rates", "aria-live": "polite" });
  const legend = h("div", { class: "lat-keys" });
  const lists = ["worst", "missed"].map((key) => h("div", { class: "lat-worst", role: "group", "aria-label": messages[key] }));
  const how = h("span", { class: "dlviz-soft" }, messages.worst_how);
  const [worst, missed] = lists.map((list, k) => h("div", {}, h("div", { class: "dlviz-panel-title" }, h("b", {}, list.getAttribute("aria-label")), k ? null : how), list));
  const element = h("div", { class: "dlviz-panel lat-errors" },
    h("div", {}, legend, plot.element, h("label", { class: "dlviz-control lat-threshold" }, h("span", {}, messages.threshold), slider, number)),
    h("div", {}, rates, h("div", { class: "lat-lists" }, worst, missed)));
  let scores = null;
  /** Errors along the axis; `pixel` gives the share of its length, from 0 to 1. */
  let axis = scale([0, 1], [0, 1]);
  let isLog = false;
  let canvases = [];
  let threshold = 0;

  slider.addEventListener("input", () => setThreshold(axis.value(Number(slider.value) / POSITIONS)), { signal });
  element.addEventListener("click", (event) => {
    const item = closest(event, "[data-row]");
    if (item) select(Number(item.dataset.row));
  }, { signal });

  function show(scene) {
    scores = scene.scores;
    const finite = [...scores.errors, ...(scores.anomalies ?? [])].filter(Number.isFinite);
    const most = 1.02 * finite.reduce((a, b) => Math.max(a, b), 0) || 1;
    const median = scores.errors[scores.errors.length >> 1];
    isLog = median > 0 && most > LOG_RATIO * median;
    // An error far below the median lies in the first bar.
    const least = finite.reduce((a, b) => (b > median / 100 ? Math.min(a, b) : a), median);
    axis = scale(isLog ? [0.95 * least, most] : [0, most], [0, 1], { log: isLog });
    legend.replaceChildren(...[["data", scores.errors], ["anomaly", scores.anomalies]].filter(([, values]) => values).map(([key]) => h("span", {}, h("i", { class: `lat-key-${key}` }), messages[`key_${key}`])));
    drawHistograms();
    canvases = [];
    missed.hidden = !scores.missed;
    // Two lists fill the line.
    how.hidden = Boolean(scores.missed);
    showThumbnails(lists[0], scores.worst, messages.worst_item, 0);
    if (scores.missed) showThumbnails(lists[1], scores.missed, messages.anomaly_item, scene.count);
  }
  function histogram(values) {
    const counts = new Float64Array(BINS);
    for (const value of values) counts[Math.min(BINS - 1, Math.floor(shareOf(value) * BINS))] += 1 / values.length;
    return counts;
  }
  /** The share of the axis up to an error, from 0 to 1. */
  function shareOf(value) {
    return axis.pixel(Math.min(axis.high, Math.max(axis.low, value)));
  }
  function drawHistograms() {
    const sets = [["data", scores.errors], ["anomaly", scores.anomalies]].filter(([, values]) => values).map(([key, values]) => [key, histogram(values)]);
    const most = Math.max(...sets.flatMap(([, counts]) => [...counts]), 1e-9);
    const edge = (k) => axis.value(k / BINS);
    const marks = isLog ? logTicks(axis.low, axis.high) : [0, roundDown(axis.high / 2), 2 * roundDown(axis.high / 2)];
    plot.draw({
      label: messages.histogram,
      x: { domain: [axis.low, axis.high], log: isLog, title: isLog ? messages.error_axis_log : messages.error_axis, ticks: marks.map((value) => [value, format(value, 2)]) },
      y: { domain: [0, most], ticks: [[0, "0"], [most, `${format(100 * most, 2)}%`]] },
      content: () => sets.flatMap(([key, counts]) => Array.from(counts, (count, k) => plot.bar(edge(k), edge(k + 0.92), count, `fill: var(--run-${key === "data" ? 0 : 1}); opacity: ${key === "data" ? 0.85 : 0.6}`))),
    });
  }
  /** Show examples as buttons; the number that is written counts from `first`. */
  function showThumbnails(list, found, name, first) {
    const size = [THUMBNAIL, THUMBNAIL];
    const length = found.input.length / Math.max(1, found.rows.length);
    list.replaceChildren(...found.rows.map((row, k) => {
      const pair = ["input", "output"].map((part) => ({ canvas: exampleCanvas(), values: found[part].subarray(k * length, (k + 1) * length), label: messages[part], size }));
      canvases.push(...pair);
      const text = fillIn(name, { index: row - first, error: format(found.errors[k], 3) });
      return h("button", { type: "button", class: "lat-worst-item", "data-row": row, "aria-label": text, title: text }, ...pair.map(({ canvas }) => canvas.element), h("span", {}, format(found.errors[k], 2)));
    }));
  }
  /** @param {{picture: any, colors: Record<string, string>, threshold: number | null}} now */
  function draw({ picture, colors, threshold: chosen }) {
    for (const { canvas, values, label, size } of canvases) canvas.draw(values, picture, colors, size, label, { small: true });
    threshold = chosen ?? scores.threshold;
    slider.value = String(Math.round(shareOf(threshold) * POSITIONS));
    slider.style.setProperty("--done", `${Number(slider.value) / (POSITIONS / 100)}%`);
    number.textContent = format(threshold, 3);
    plot.cursor(plot.vertical(axis.value(shareOf(threshold)), "lat-threshold-line"));
    const share = (values, isWrong) => `${format((100 * values.filter(isWrong).length) / values.length, 3)}%`;
    const values = { alarm: share(scores.errors, (error) => !(error <= threshold)) };
    if (!scores.anomalies) rates.textContent = fillIn(messages.rate, values);
    else rates.textContent = fillIn(messages.rates, { ...values, miss: share(scores.anomalies, (error) => error <= threshold), auc: format(scores.auc, 3) });
  }
  return { element, show, draw };
}
