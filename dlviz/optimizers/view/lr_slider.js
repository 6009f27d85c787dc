// Logarithmic slider of the learning rates, with a mark where each optimizer begins to diverge.

import { h, fillIn } from "../../kit/js/dom.js";
import { argmin, format } from "../../kit/js/numbers.js";
import { nearest, isAvailable } from "../../kit/js/precomputed.js";

/**
 * @param {{model: any, messages: Record<string, string>, signal: AbortSignal, save: (scale: number) => void}} options
 */
export function lrSlider({ model, messages, signal, save }) {
  const input = h("input", { type: "range", min: 0, step: 1, "aria-label": messages.lr_scale });
  const output = h("output");
  const marks = h("div", { class: "optim-marks" });
  const sentence = h("p", { class: "optim-threshold" });
  const element = h("div", { class: "optim-lr" }, h("label", { class: "optim-slider" }, h("span", {}, messages.lr_scale), h("div", { class: "optim-track" }, input, marks), output), sentence);
  let scales = [];
  const currentIndex = () => argmin(scales.length, (k) => Math.abs(Math.log(scales[k] / model.get("scale"))));
  input.addEventListener("input", () => {
    const available = scales.map((scale, k) => k).filter((k) => isAvailable(model, "scale", scales[k]));
    const next = nearest(available, Number(input.value), currentIndex());
    if (next !== currentIndex()) save(scales[next]);
    else draw();
  }, { signal });
  let state = null;

  /** @param {{scene: any, paths: any[], colors: any, opened: string}} [next] */
  function draw(next = state) {
    state = next;
    const { scene, paths, colors, opened } = state;
    scales = scene.scales;
    const k = currentIndex();
    input.max = String(scales.length - 1);
    input.value = String(k);
    input.style.setProperty("--done", `${(100 * k) / (scales.length - 1)}%`);
    output.textContent = `×${format(model.get("scale"), 3)}`;
    input.setAttribute("aria-valuetext", output.textContent);
    drawMarks(paths, scene.lrs, colors);
    const first = paths.findIndex((path) => path.threshold !== null);
    const selected = paths.findIndex((path) => path.name === opened);
    sentence.textContent = scene.thresholds[selected < 0 ? Math.max(0, first) : selected];
  }
  /** Marks whose names would overlap are put in rows below one another. */
  function drawMarks(paths, lrs, colors) {
    const width = marks.clientWidth;
    const span = Math.log(scales[scales.length - 1] / scales[0]);
    const marked = paths.map((path, n) => ({ path, lr: lrs[n], position: path.threshold === null ? NaN : Math.log(path.threshold / lrs[n] / scales[0]) / span })).filter(({ position }) => position >= 0 && position <= 1).sort((a, b) => a.position - b.position);
    const ends = [];
    marks.replaceChildren(...marked.map(({ path, lr, position }) => {
      const name = path.name.length > 20 ? `${path.name.slice(0, 19)}…` : path.name;
      const text = fillIn(messages.mark, { name, scale: format(path.threshold / lr, 3), lr: format(path.threshold, 3) });
      const at = 7 + position * (width - 14);
      const left = Math.max(0, Math.min(at - 3, width - 6.4 * text.length));
      let row = ends.findIndex((end) => end < left);
      if (row < 0) row = ends.length;
      ends[row] = left + 6.4 * text.length + 10;
      const node = h("div", { class: "optim-mark", title: fillIn(messages.diverges, { name: text }) }, h("i"), h("span", {}, text));
      for (const [name, value] of Object.entries({ at: `${at}px`, left: `${left}px`, row, own: colors[path.color] })) node.style.setProperty(`--${name}`, String(value));
      return node;
    }));
    marks.style.setProperty("--rows", String(ends.length));
  }
  return { element, draw };
}
