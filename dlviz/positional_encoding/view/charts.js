// Two charts: dimensions along the positions, and the score against the distance.

import { h, fillIn } from "../../kit/js/dom.js";
import { chart, crosshair, legendEntries } from "../../kit/js/chart.js";
import { format } from "../../kit/js/numbers.js";
import { roundDown, ticks } from "../../kit/js/scale.js";

/**
 * Lines over whole numbers on the x axis; pointer, arrow keys and clicks read or choose a place.
 * @param {{signal: AbortSignal, title: HTMLElement, read: (place: number) => string, pick: (place: number) => void}} options
 */
export function lineChart({ signal, title, read, pick }) {
  const plot = chart({ width: 340, height: 150, margin: { left: 48, right: 12, top: 10, bottom: 30 } });
  const button = h("button", { type: "button", class: "pos-plot" }, plot.element);
  const readout = h("output", { class: "pos-readout" });
  const legend = h("div", { class: "pos-legend" });
  const element = h("div", { class: "pos-chart" }, h("div", { class: "dlviz-panel-title" }, title, legend), button, readout);
  let data = null;
  let selected = 0;
  let pointed = null;
  let marks = [];

  function update() {
    const place = pointed ?? selected;
    const { low, high } = plot.scales().y;
    const dots = marks.filter(({ values }) => Number.isFinite(values[place - data.first]) && values[place - data.first] >= low && values[place - data.first] <= high);
    plot.cursor(plot.vertical(selected, "pos-selected"), ...(pointed === null ? [] : [plot.vertical(pointed, "dlviz-chart-pointer")]), ...dots.map(({ values, kind }) => plot.dot(place, values[place - data.first], `pos-dot ${kind}`)));
    readout.textContent = read(place);
  }
  crosshair({
    element: button, plot, signal,
    moveTo(value) {
      pointed = value === null ? null : Math.round(value);
      if (data) update();
    },
    moveBy: (direction) => pick(Math.max(data.first, Math.min(data.last, selected + direction))),
  });
  button.addEventListener("click", (event) => {
    if (event.detail && pointed !== null) pick(pointed);
  }, { signal });

  return {
    element,
    /**
     * @param {{first: number, last: number, lines: {values: ArrayLike<number>, kind: string, text?: string}[], band?: {low: ArrayLike<number>, high: ArrayLike<number>}, x: string, label: string, width: number}} next
     */
    show(next) {
      data = next;
      pointed = null;
      const values = [...data.lines.flatMap((line) => Array.from(line.values)), ...(data.band ? [...Array.from(data.band.low), ...Array.from(data.band.high)] : [])].filter(Number.isFinite);
      const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
      const room = (high - low || 1) * 0.06;
      plot.resize(data.width, 150);
      plot.draw({
        x: { domain: [data.first, Math.max(data.first + 1, data.last)], ticks: ticks(data.first, data.last, data.width / 50).filter(Number.isInteger).map((value) => [value, format(value)]), title: data.x },
        y: { domain: [low - room, high + room], ticks: yTicks(low, high).map((value) => [value, format(value, 3)]), grid: true },
        content: () => [...(data.band ? [band(data)] : []), ...data.lines.map(({ values: one, kind }) => plot.path(Array.from(one, (value, k) => [data.first + k, value]), kind))],
      });
      button.setAttribute("aria-label", data.label);
      const named = data.lines.filter((line) => line.text);
      legend.replaceChildren(...legendEntries(named.map(({ kind, text }) => ({ class: kind, text }))));
    },
    /** Mark a place, with dots on these lines. */
    select(place, lines) {
      selected = place;
      marks = lines;
      update();
    },
  };
  function band({ first, band: { low, high } }) {
    const points = [...Array.from(high, (value, k) => [first + k, value]), ...Array.from(low, (value, k) => [first + k, value]).reverse()];
    return plot.path(points, "pos-band");
  }
}

function yTicks(low, high) {
  const found = ticks(low, high, 4);
  return found.length > 1 ? found : [0, roundDown(Math.max(high, -low) || 1)];
}

/** What the chart of distances says at a distance. */
export function readDistance(messages, { first, mean, low, high }, distance, earlier) {
  const k = distance - first;
  const value = format(mean[k]);
  if (earlier) return fillIn(messages["read.earlier"], { distance, value });
  const isOne = Math.abs(high[k] - low[k]) <= 1e-5 * Math.max(Math.abs(high[k]), Math.abs(low[k]), 1e-3);
  return fillIn(messages[isOne ? "read.distance" : "read.distance_range"], { distance: format(distance), value, low: format(low[k], 3), high: format(high[k], 3) });
}
