// The schedule: factors of data and noise over the steps, the logarithm of their ratio, and where we are.

import { h, fillIn } from "../../kit/js/dom.js";
import { chart, crosshair } from "../../kit/js/chart.js";
import { format } from "../../kit/js/numbers.js";
import { ticks } from "../../kit/js/scale.js";

const HEIGHT = 138;

/** @param {{messages: Record<string, string>, signal: AbortSignal, go: (k: number) => void, by: (direction: number) => void}} options go: to the step of a number; by: one step on or back */
export function scheduleCharts({ messages, signal, go, by }) {
  const factors = panel(messages["chart.factors"], 42);
  const ratio = panel(messages["chart.log_snr"], 36);
  const element = h("div", { class: "diff-charts" }, factors.element, ratio.element);
  let scene = null;
  let drawnWidth = 0;
  let marked = 0;
  for (const { plot, button } of [factors, ratio]) {
    let pointed = null;
    crosshair({
      element: button, plot, signal,
      moveTo(value) {
        pointed = value === null ? null : Math.round(value);
        mark(pointed ?? marked, pointed !== null);
      },
      moveBy: by,
    });
    button.addEventListener("click", (event) => event.detail && pointed !== null && go(pointed), { signal });
  }
  function panel(title, left) {
    const plot = chart({ width: 300, height: HEIGHT, margin: { left, right: 10, top: 8, bottom: 30 } });
    const button = h("button", { type: "button", class: "diff-plot" }, plot.element);
    const text = h("output", { class: "diff-read" });
    return { plot, button, text, element: h("div", {}, h("div", { class: "dlviz-panel-title" }, h("b", {}, title)), button, text) };
  }
  /** Step numbers and values from the data, at 0, on. */
  function draw(next, width) {
    if (scene === next && width === drawnWidth) return;
    [scene, drawnWidth] = [next, width];
    const last = scene.steps;
    const wide = width >= 320;
    const first = wide ? Math.round((width - 12) * 0.58) : width;
    factors.plot.resize(first, HEIGHT);
    ratio.plot.resize(wide ? width - 12 - first : width, HEIGHT);
    for (const { plot, element: box } of [factors, ratio]) box.style.width = `${plot.element.getAttribute("width")}px`;
    const x = { domain: /** @type {[number, number]} */ ([0, last]), ticks: /** @type {[number, string][]} */ (ticks(0, last, 4).filter(Number.isInteger).map((k) => [k, format(k)])), title: messages["axis.step"] };
    const values = (start, list) => [[0, start], ...Array.from(list, (value, k) => [k + 1, value])];
    factors.plot.draw({
      x, y: { domain: [0, 1], ticks: [[0, "0"], [0.5, "0.5"], [1, "1"]], grid: true },
      content: () => [factors.plot.path(values(1, scene.signal), "diff-signal"), factors.plot.path(values(0, scene.noise), "diff-noise")],
    });
    const finite = Array.from(scene.log_snr).filter(Number.isFinite);
    const [low, high] = [Math.min(0, ...finite), Math.max(0, ...finite)];
    ratio.plot.draw({
      x, y: { domain: [low, high > low ? high : low + 1], ticks: ticks(low, high, 4).map((value) => [value, format(value, 3)]), grid: true },
      content: () => [ratio.plot.path(Array.from(scene.log_snr, (value, k) => [k + 1, value]), "diff-ratio")],
    });
    factors.button.setAttribute("aria-label", fillIn(messages["chart.factors_alt"], { last, left: format(scene.signal[last - 1], 2) }));
    ratio.button.setAttribute("aria-label", fillIn(messages["chart.log_snr_alt"], { high: format(high, 3), low: format(low, 3) }));
  }
  /** Mark a step by its number. @param {number} k @param {boolean} [isPointed] only read it */
  function mark(k, isPointed = false) {
    if (!scene) return;
    if (!isPointed) marked = k;
    const at = Math.max(0, Math.min(scene.steps, k));
    const [signal, noise, log] = at ? [scene.signal[at - 1], scene.noise[at - 1], scene.log_snr[at - 1]] : [1, 0, Infinity];
    const line = (plot) => [plot.vertical(Math.min(scene.steps, marked), "diff-now"), ...(isPointed ? [plot.vertical(at, "dlviz-chart-pointer")] : [])];
    factors.plot.cursor(...line(factors.plot), factors.plot.dot(at, signal, "diff-dot diff-signal", 4), factors.plot.dot(at, noise, "diff-dot diff-noise", 4));
    ratio.plot.cursor(...line(ratio.plot), ...(Number.isFinite(log) ? [ratio.plot.dot(at, log, "diff-dot diff-ratio", 4)] : []));
    factors.text.replaceChildren(h("span", { class: "diff-signal-text" }, fillIn(messages["read.signal"], { value: format(signal, 3) })), " ", h("span", { class: "diff-noise-text" }, fillIn(messages["read.noise_factor"], { value: format(noise, 3) })));
    ratio.text.textContent = fillIn(messages["read.log_snr"], { value: format(log, 3) });
  }
  return { element, draw, mark };
}
