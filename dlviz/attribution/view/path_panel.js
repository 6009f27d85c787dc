// The path of integrated gradients: the input at α, the score along the path, and the sum of the attributions up to α.

import { chart, legendEntries } from "../../kit/js/chart.js";
import { fillIn, h } from "../../kit/js/dom.js";
import { hidpiContext } from "../../kit/js/heatmap.js";
import { argmin, format } from "../../kit/js/numbers.js";
import { ticks } from "../../kit/js/scale.js";
import { fitted, inputPicture } from "./map_canvas.js";

const HEIGHT = 118;
const LOW = 84;
const PICTURE = 92;
const GAP = 12;

/** @param {{messages: Record<string, string>, signal: AbortSignal, go: (step: number) => void}} options */
export function pathPanel({ messages, signal, go }) {
  const plot = chart({ width: 340, height: HEIGHT, margin: { left: 44, right: 10, top: 6, bottom: 30 }, className: "attr-plot" });
  const small = chart({ width: 340, height: 46, margin: { left: 44, right: 10, top: 4, bottom: 4 }, className: "attr-plot" });
  const canvas = h("canvas", { role: "img" });
  const caption = h("span", { class: "dlviz-soft" });
  const text = h("p", { class: "attr-sum" });
  const smallTitle = h("span", { class: "dlviz-soft" });
  const anchor = h("span", { hidden: "" });
  const legend = h("div", { class: "attr-legend" }, ...legendEntries([{ class: "attr-score", text: messages["path.score"] }, { class: "attr-running", text: messages["path.running"] }]));
  const picture = h("div", { class: "attr-at-alpha" }, canvas, caption);
  const along = h("div", {}, smallTitle, small.element);
  const main = h("div", {}, legend, plot.element);
  const charts = h("div", { class: "attr-charts" }, main, along);
  const element = h("div", { class: "attr-path", hidden: "" }, anchor, h("div", { class: "attr-path-row" }, charts, picture), text);
  /** @type {any} */
  let path = null;
  plot.element.addEventListener("click", (event) => {
    const alpha = plot.valueAt(event);
    go(argmin(path.alphas.length, (k) => Math.abs(path.alphas[k] - alpha)));
  }, { signal });

  /** @param {{path: any, along: Float64Array | null, step: number, scene: any, opened: any, width: number}} now */
  function draw(now) {
    ({ path } = now);
    const step = Math.min(now.step, path.alphas.length - 1);
    const [start, end] = [path.scores[0], path.scores[path.scores.length - 1]];
    const sums = Array.from(path.running, (value) => start + value);
    const values = [...path.scores, ...sums].filter(Number.isFinite);
    const [low, high] = values.length ? [Math.min(...values), Math.max(...values)] : [0, 1];
    const room = now.width - 1 - (path.baseline ? PICTURE + GAP : 0);
    // Two charts side by side where there is room, else one below the other, of one width, so that each α stands below itself.
    const pair = !path.baseline && room > 440;
    const wide = Math.max(180, pair ? Math.floor((room - GAP) * 0.58) : Math.min(420, room));
    const height = pair ? LOW : HEIGHT;
    plot.resize(wide, height);
    const other = pair ? room - GAP - wide : wide;
    small.resize(other, pair ? height - 24 : 46);
    charts.style.width = `${pair ? room : wide}px`;
    main.style.width = `${wide}px`;
    along.style.width = `${other}px`;
    const marks = ticks(low, high > low ? high : low + 1, 4);
    plot.draw({
      label: fillIn(messages["path.alt"], { start: format(start, 3), end: format(end, 3) }),
      x: { domain: [0, 1], ticks: [0, 0.25, 0.5, 0.75, 1].map((value) => [value, format(value)]), title: messages["path.axis"] },
      y: { domain: [low, high > low ? high : low + 1], ticks: marks.map((value) => [value, format(value, 3)]) },
      content: () => [plot.line(path.scores, "attr-score", { xs: path.alphas }), plot.line(sums, "attr-running", { xs: path.alphas })],
    });
    const alpha = path.alphas[step];
    plot.cursor(plot.vertical(alpha, "dlviz-chart-pointer"), ...(Number.isFinite(path.scores[step]) ? [plot.dot(alpha, path.scores[step], "dlviz-chart-current")] : []));
    const said = { alpha: format(alpha, 2), score: format(path.scores[step], 4), sum: format(path.running[step], 4), expected: format(path.expected, 4), error: format(path.error, 2), start: format(start, 4), end: format(end, 4) };
    text.textContent = fillIn(messages[step === path.alphas.length - 1 ? "path.end" : "path.at"], said);
    along.hidden = !now.along;
    if (now.along) showAlong(now.along, alpha);
    picture.hidden = !path.baseline;
    if (path.baseline) showPicture(alpha, now);
  }
  function showAlong(values, alpha) {
    const inner = Array.from(path.alphas).slice(1, -1);
    const most = Math.max(...Array.from(values, Math.abs).filter(Number.isFinite), 1e-300);
    smallTitle.textContent = messages["path.along"];
    small.draw({
      label: messages["path.along"],
      x: { domain: [0, 1] }, y: { domain: [-most, most], ticks: [[-most, format(-most, 2)], [most, format(most, 2)]] },
      content: () => [small.horizontal(0, "dlviz-chart-grid"), small.line(values, "attr-along", { xs: inner })],
    });
    small.cursor(small.vertical(alpha, "dlviz-chart-pointer"));
  }
  function showPicture(alpha, { scene, opened }) {
    const { baseline } = path;
    const bytes = Uint8Array.from(opened.input, (value, p) => {
      const from = baseline[baseline.length > 1 ? p : 0];
      return Math.round(from + alpha * (value - from));
    });
    const size = fitted(scene.shape, PICTURE);
    const context = hidpiContext(canvas, ...size);
    context.drawImage(inputPicture(bytes, scene.shape), 0, 0, ...size);
    caption.textContent = fillIn(messages["path.picture"], { alpha: format(alpha, 2) });
    canvas.setAttribute("aria-label", caption.textContent);
  }
  return { element, anchor, draw };
}
