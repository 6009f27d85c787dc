// Norm of the gradient of a state with respect to an earlier input, against the lag between them, for each snapshot.

import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { chart, crosshair, legendEntries, powerOfTen } from "../../kit/js/chart.js";
import { ticks } from "../../kit/js/scale.js";

/** @param {{messages: Record<string, string>, signal: AbortSignal}} options */
export function gradientByLag({ messages, signal }) {
  const plot = chart({ width: 470, height: 210, margin: { left: 52, right: 12, top: 12, bottom: 30 }, className: "rec-chart" });
  const button = h("button", { type: "button", class: "rec-plot" }, plot.element);
  const readout = h("output", { class: "rec-readout" });
  const legend = h("div", { class: "rec-legend" });
  const element = h("div", { class: "rec-by-lag" }, h("span", { class: "dlviz-soft" }, messages.by_lag_axis), button, legend, readout);
  let scene = null;
  let low = 0;
  let lastLag = 1;
  let lag = -1;
  let pinned = { t: 0, u: 0 };

  function show(next) {
    scene = next;
    lag = -1;
    const { current, references, label } = scene.history;
    const curves = [...references.map((reference) => reference.curve), current];
    const logs = curves.flatMap((curve) => Array.from(curve)).filter((value) => value > 0 && Number.isFinite(value)).map(Math.log10);
    const highPower = logs.length ? Math.ceil(Math.max(...logs) + 0.05) : 0;
    const lowPower = logs.length ? Math.max(Math.floor(Math.min(...logs) - 0.05), highPower - 20) : -1;
    low = 10 ** lowPower;
    lastLag = Math.max(1, ...curves.map((curve) => curve.length - 1));
    const apart = Math.max(1, Math.ceil((highPower - lowPower) / 6));
    const powers = Array.from({ length: Math.floor((highPower - lowPower) / apart) + 1 }, (_, k) => highPower - k * apart);
    const ages = references.map((_, k) => `--age:${(k + 1) / (references.length + 1)}`);
    plot.draw({
      x: { domain: [0, lastLag], ticks: ticks(0, lastLag, 6).filter(Number.isInteger).map((value) => [value, String(value)]), title: messages.lag },
      y: { domain: [low, 10 ** highPower], log: true, grid: true, ticks: powers.map((power) => [10 ** power, powerOfTen(power)]) },
      content: () => [...references.map((reference, k) => line(reference.curve, "rec-reference", ages[k])), line(current, "rec-gradient")],
    });
    button.setAttribute("aria-label", fillIn(messages.by_lag_alt, { first: format(current[0], 3), last: format(current[current.length - 1], 3), lag: current.length - 1 }));
    legend.replaceChildren(...legendEntries([
      { class: "rec-gradient", text: scene.edits.typed || scene.edits.count ? messages.edited : label },
      { class: "rec-pinned", text: messages.pinned },
      ...references.map((reference, k) => ({ class: "rec-reference", text: reference.label, style: ages[k] })).reverse(),
    ]));
  }
  /** A line that breaks where a value is 0, not finite, or far below the others, and so has no place on the scale. */
  function line(curve, kind, style = null) {
    return plot.line(Array.from(curve, (value) => (value >= low ? value : NaN)), kind, { style });
  }
  /** The curve of the pinned unit alone, from the pinned step. */
  function pinnedCurve() {
    const norms = scene.inputGradNorms(pinned.t, pinned.u);
    if (!norms) return [];
    return Array.from(scene.reverse ? norms.subarray(pinned.t) : norms.subarray(0, pinned.t + 1).slice().reverse());
  }
  function showStep(t, u) {
    pinned = { t, u };
    update();
  }
  function update() {
    const { current, references } = scene.history;
    const own = pinnedCurve();
    plot.cursor(line(own, "rec-pinned"), ...(lag < 0 ? [] : [plot.vertical(lag, "dlviz-chart-pointer")]));
    if (lag < 0) {
      readout.textContent = messages.by_lag_how;
      return;
    }
    const at = (curve) => (lag < curve.length ? format(curve[lag], 3) : "–");
    const parts = [fillIn(messages.lag_at, { lag, value: at(current) }), fillIn(messages.pinned_at, { unit: pinned.u, place: pinned.t, value: at(own) }), ...references.map((reference) => `${reference.label}: ${at(reference.curve)}`).reverse()];
    readout.textContent = parts.join(" · ");
  }
  crosshair({
    element: button, plot, signal,
    moveTo(value) {
      lag = value === null ? -1 : Math.round(value);
      update();
    },
    moveBy(direction) {
      lag = lag < 0 ? 0 : Math.max(0, Math.min(lastLag, lag + direction));
      update();
    },
  });
  return { element, show, showStep };
}
