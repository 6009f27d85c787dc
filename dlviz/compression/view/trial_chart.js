// All trials: size, or time, against the score. A click or an arrow key shows a trial.

import { chart } from "../../kit/js/chart.js";
import { closest, fillIn, h, s } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { ticks } from "../../kit/js/scale.js";
import { segments } from "../../kit/js/segments.js";

const HEIGHT = 240;
const AXES = ["zipped", "disk", "latency"];
/** Markers by how numbers are stored, of radius 1; the student has one of its own. */
const MARKERS = { none: "M-1,0A1,1,0,1,0,1,0A1,1,0,1,0,-1,0Z", "int8 weights": "M-.9,-.9H.9V.9H-.9Z", "int8 dynamic": "M0,-1.1L1,.8H-1Z" };
const STUDENT = "M0,-1.25L1.25,0L0,1.25L-1.25,0Z";

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, select: (index: number) => void, setAxis: (axis: string) => void}} options
 *   The arrow keys are the player's: it knows the step before the next frame, in which this is drawn.
 */
export function trialChart({ messages, signal, select, setAxis }) {
  const title = h("b", {});
  const axes = segments({ label: messages.axis, options: AXES.map((axis) => [axis, messages[`x_${axis}`]]), signal, set: setAxis });
  const plot = chart({ width: 0, height: HEIGHT, margin: { left: 46, right: 14, top: 12, bottom: 34 } });
  const button = h("button", { type: "button", class: "cmp-trials" }, plot.element);
  const readout = h("p", { class: "cmp-point dlviz-soft" });
  const legend = h("div", { class: "cmp-keys" });
  const element = h("div", {}, h("div", { class: "dlviz-panel-title cmp-chart-title" }, title, axes.element), button, readout, legend);
  let shown = null;

  button.addEventListener("click", (event) => {
    const point = closest(event, "[data-trial]");
    if (point) select(Number(point.dataset.trial));
  }, { signal });
  for (const [name, at] of [["pointerover", true], ["pointerout", false]]) {
    button.addEventListener(String(name), (event) => {
      const point = at ? closest(event, "[data-point]") : null;
      describe(point ? Number(point.dataset.point) : shown.step);
    }, { signal });
  }
  const valueOf = (point, axis) => (axis === "latency" ? point.latency?.[1] ?? NaN : point[axis]);
  function describe(index) {
    const { scene, axis } = shown;
    const point = scene.points[index];
    const x = axis === "latency" ? (point.latency ? `${format(point.latency[1], 3)}×` : "—") : point.text[axis === "disk" ? 0 : 1];
    readout.textContent = fillIn(messages.point, { what: point.student ? messages.student : scene.labels[index], x, metric: scene.metric, score: point.text[2] });
  }
  function mark(point, k) {
    const size = 5;
    const [x, y] = [plot.scales().x.pixel(valueOf(point, shown.axis)), plot.scales().y.pixel(point.score)];
    if (!Number.isFinite(x) || !Number.isFinite(y)) return [];
    const path = point.student ? STUDENT : MARKERS[point.quantize];
    const whisker = shown.axis === "latency" ? [plot.path([[point.latency[0], point.score], [point.latency[2], point.score]], "cmp-whisker")] : [];
    return [...whisker, s("path", { d: path, transform: `translate(${x.toFixed(1)} ${y.toFixed(1)}) scale(${size})`, class: "cmp-mark", "data-kind": point.student ? "student" : point.pruning, "data-point": k, "data-trial": point.student ? null : k })];
  }
  return {
    element,
    draw(scene, { step, axis, width }) {
      plot.resize(width, HEIGHT);
      shown = { scene, step, axis };
      const { points } = scene;
      axes.update(axis);
      axes.element.querySelectorAll("input")[2].disabled = points.every((point) => !point.latency);
      title.textContent = fillIn(messages.scatter, { metric: scene.metric });
      const scores = points.map((point) => point.score).filter(Number.isFinite);
      const [low, high] = [Math.min(...scores, Infinity), Math.max(...scores, -Infinity)];
      const pad = high > low ? 0.08 * (high - low) : 0.05 * Math.abs(high) || 0.5;
      const most = Math.max(...points.map((point) => (axis === "latency" ? point.latency?.[2] ?? 0 : point[axis])), 1);
      const up = scores.length ? [low - pad, high + pad] : [0, 1];
      const words = (value) => (axis === "latency" ? `${format(value, 2)}×` : bytes(value));
      plot.draw({
        x: { domain: [0, most * 1.05], ticks: ticks(0, most * 1.05, 4).map((value) => [value, words(value)]), title: axis === "latency" ? messages.x_latency_axis : messages[`x_${axis}`] },
        y: { domain: /** @type {[number, number]} */ (up), grid: true, ticks: ticks(up[0], up[1], 6).map((value) => [value, scene.percent ? `${format(100 * value, 3)}%` : format(value, 3)]) },
        label: fillIn(messages.scatter_alt, { metric: scene.metric, count: scene.labels.length, axis: messages[`x_${axis}`] }),
        content: () => [
          ...scene.curves.map((curve) => {
            const line = plot.path(curve.map((k) => [valueOf(points[k], axis), points[k].score]), "cmp-curve");
            line.setAttribute("data-kind", points[curve.at(-1)].pruning);
            return line;
          }),
          ...points.flatMap(mark),
        ],
      });
      const [x, y] = [valueOf(points[step], axis), points[step].score];
      plot.cursor(...(Number.isFinite(x) && Number.isFinite(y) ? [plot.dot(x, y, "cmp-ring", 9)] : []));
      describe(step);
      drawLegend(points);
    },
  };

  function drawLegend(points) {
    const entry = (path, kind, text) => h("span", {}, s("svg", { width: 12, height: 12, viewBox: "-1.3 -1.3 2.6 2.6" }, s("path", { d: path, class: "cmp-mark", "data-kind": kind })), text);
    const trials = points.filter((point) => !point.student);
    const kinds = [...new Set(trials.map((point) => point.pruning))].filter((kind) => kind !== "none");
    const methods = [...new Set(trials.map((point) => point.quantize))].filter((method) => method !== "none");
    legend.replaceChildren(
      ...kinds.map((kind) => entry(MARKERS.none, kind, messages[`pruning.${kind}`])),
      ...methods.map((method) => entry(MARKERS[method], "none", messages[`method.${method.replace(" ", "_")}`])),
      ...(points.some((point) => point.student) ? [entry(STUDENT, "student", messages.student)] : []),
    );
  }
}

/** A number of bytes as a tick. @param {number} count */
function bytes(count) {
  if (count >= 1e6) return `${format(count / 1e6, 3)} MB`;
  return count >= 1e3 ? `${format(count / 1e3, 3)} kB` : `${format(count)} B`;
}
