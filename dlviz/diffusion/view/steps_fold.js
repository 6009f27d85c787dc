// How many sampling steps are enough: the distance between samples and data for several numbers of steps.

import { h, fillIn } from "../../kit/js/dom.js";
import { chart, crosshair, legendEntries, powerOfTen } from "../../kit/js/chart.js";
import { argmin, format } from "../../kit/js/numbers.js";
import { fold } from "../../kit/js/fold.js";

/** @param {{messages: Record<string, string>, signal: AbortSignal, compute: () => void, choose: (n: number) => void}} options */
export function stepsFold({ messages, signal, compute, choose }) {
  const plot = chart({ width: 520, height: 170, margin: { left: 52, right: 14, top: 8, bottom: 32 } });
  const button = h("button", { type: "button", class: "diff-plot" }, plot.element);
  const start = h("button", { type: "button", class: "dlviz-outlined diff-compute" }, messages["curve.compute"]);
  const progress = h("progress", { max: 1, value: 0, "aria-label": messages["curve.progress"], hidden: "" });
  const text = h("output", { class: "diff-read" });
  const legend = h("div", { class: "diff-legend" }, ...legendEntries([
    { class: "diff-ddim", text: messages["sampler.ddim"] }, { class: "diff-ddpm", text: messages["sampler.ddpm"] }, { class: "diff-floor", text: messages["curve.floor"] },
  ]));
  const drawn = h("div", { hidden: "" }, legend, button, text);
  const element = fold({ title: messages["curve.title"], signal, className: "diff-fold" }, h("p", { class: "dlviz-soft" }, messages["curve.hint"]), h("div", { class: "diff-buttons" }, start, progress), drawn);
  let curve = null;
  let chosen = 1;
  let shownValues = [];
  start.addEventListener("click", compute, { signal });
  const nearest = (value) => argmin(curve.n.length, (k) => Math.abs(Math.log(curve.n[k] / value)));
  crosshair({
    element: button, plot, signal,
    moveTo: (value) => curve && mark(value === null ? chosen : curve.n[nearest(value)]),
    moveBy(direction) {
      const k = Math.max(0, Math.min(curve.n.length - 1, nearest(chosen) + direction));
      choose(curve.n[k]);
    },
  });
  button.addEventListener("click", (event) => event.detail && curve && choose(curve.n[nearest(plot.valueAt(event))]), { signal });

  /** @param {{curve: any, width: number, n: number, live: boolean, job: any}} next n: number of steps of the shown walk */
  function show(next) {
    const values = [next.curve, next.width, next.n, next.live, next.job];
    if (values.every((value, k) => value === shownValues[k])) return;
    shownValues = values;
    draw(next);
  }
  function draw(next) {
    ({ curve } = next);
    chosen = next.n;
    const running = next.job.kind === "curve";
    element.hidden = !next.live && !curve;
    start.hidden = !next.live || Boolean(curve) || running;
    progress.hidden = !running;
    if (running) progress.value = next.job.done;
    drawn.hidden = !curve;
    if (!curve) return;
    plot.resize(Math.max(240, Math.min(640, next.width)), 170);
    const distances = [...curve.ddim, ...curve.ddpm, curve.floor].filter((value) => value > 0 && Number.isFinite(value));
    const powers = distances.length ? [Math.floor(Math.log10(Math.min(...distances))), Math.ceil(Math.log10(Math.max(...distances)))] : [-1, 0];
    // A distance that chance has made negative stands on a line of its own, below the others.
    const isNegative = [...curve.ddim, ...curve.ddpm, curve.floor].some((value) => value <= 0);
    powers[0] = Math.max(powers[0], powers[1] - 5) - Number(isNegative);
    const low = 10 ** powers[0];
    const place = (value) => (value > 0 ? Math.max(low * (isNegative ? 10 : 1), value) : low);
    const last = curve.n.at(-1);
    const shown = (list) => Array.from(list, (value, k) => [curve.n[k], Number.isFinite(value) ? place(value) : NaN]);
    const yTicks = Array.from({ length: powers[1] - powers[0] + 1 }, (_, k) => powers[0] + k);
    plot.draw({
      x: { domain: [1, Math.max(2, last)], log: true, ticks: curve.n.map((n) => [n, format(n)]), title: messages["curve.axis"] },
      y: { domain: [low, 10 ** Math.max(powers[1], powers[0] + 1)], log: true, ticks: yTicks.map((power) => [10 ** power, isNegative && power === powers[0] ? "≤ 0" : powerOfTen(power)]), grid: true },
      content: () => [
        ...(Number.isFinite(curve.floor) ? [plot.horizontal(place(curve.floor), "dlviz-chart-line diff-floor")] : []),
        ...["ddpm", "ddim"].flatMap((name) => [plot.path(shown(curve[name]), `diff-${name}`), ...shown(curve[name]).filter(([, value]) => Number.isFinite(value)).map(([n, value]) => plot.dot(n, value, `diff-dot diff-${name}`, 3))]),
      ],
    });
    button.setAttribute("aria-label", fillIn(messages["curve.alt"], { ddim: format(curve.ddim.at(-1), 2), ddpm: format(curve.ddpm.at(-1), 2), n: last }));
    mark(chosen);
  }
  function mark(n) {
    plot.cursor(plot.vertical(Math.max(1, chosen), "diff-now"), ...(n === chosen ? [] : [plot.vertical(n, "dlviz-chart-pointer")]));
    const k = curve.n.indexOf(n);
    text.textContent = k < 0 ? fillIn(messages["curve.other"], { n }) : fillIn(messages["curve.read"], { n, ddim: format(curve.ddim[k], 3), ddpm: format(curve.ddpm[k], 3), floor: format(curve.floor, 2) });
  }
  return { element, show };
}
