// The learning rates' slider, logarithmic, with a mark where each path begins to diverge.

import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { nearest, isAvailable } from "../../kit/js/precomputed.js";

/**
 * @param {{model: any, messages: Record<string, string>, signal: AbortSignal, save: (scale: number) => void}} options
 */
export function rate({ model, messages, signal, save }) {
  const input = h("input", { type: "range", min: 0, step: 1, "aria-label": messages.rate });
  const shown = h("output");
  const marks = h("div", { class: "des-marks" });
  const said = h("p", { class: "des-limit" });
  const element = h("div", { class: "des-rate" }, h("label", { class: "des-slider" }, h("span", {}, messages.rate), h("div", { class: "des-track" }, input, marks), shown), said);
  let scales = [];
  const place = () => scales.reduce((best, scale, k) => (Math.abs(Math.log(scale / model.get("scale"))) < Math.abs(Math.log(scales[best] / model.get("scale"))) ? k : best), 0);
  input.addEventListener("input", () => {
    const had = scales.map((scale, k) => k).filter((k) => isAvailable(model, "scale", scales[k]));
    const next = nearest(had, Number(input.value), place());
    if (next !== place()) save(scales[next]);
    else draw();
  }, { signal });
  let state = null;

  /** @param {{scene: any, paths: any[], colors: any, opened: string}} [next] */
  function draw(next = state) {
    state = next;
    const { scene, paths, colors, opened } = state;
    scales = scene.scales;
    const k = place();
    input.max = String(scales.length - 1);
    input.value = String(k);
    input.style.setProperty("--done", `${(100 * k) / (scales.length - 1)}%`);
    shown.textContent = `×${format(model.get("scale"), 3)}`;
    input.setAttribute("aria-valuetext", shown.textContent);
    mark(paths, scene.rates, colors);
    const first = paths.findIndex((path) => path.threshold !== null);
    const asked = paths.findIndex((path) => path.name === opened);
    said.textContent = scene.limits[asked < 0 ? Math.max(0, first) : asked];
  }
  /** Marks whose names would touch stand in rows below one another. */
  function mark(paths, rates, colors) {
    const wide = marks.clientWidth;
    const span = Math.log(scales[scales.length - 1] / scales[0]);
    const found = paths.map((path, n) => ({ path, share: path.threshold === null ? NaN : Math.log(path.threshold / rates[n] / scales[0]) / span })).filter(({ share }) => share >= 0 && share <= 1).sort((a, b) => a.share - b.share);
    const ends = [];
    marks.replaceChildren(...found.map(({ path, share }) => {
      const text = `${path.name.length > 20 ? `${path.name.slice(0, 19)}…` : path.name} ${format(path.threshold, 3)}`;
      const at = 7 + share * (wide - 14);
      const left = Math.max(0, Math.min(at - 3, wide - 6.4 * text.length));
      let row = ends.findIndex((end) => end < left);
      if (row < 0) row = ends.length;
      ends[row] = left + 6.4 * text.length + 10;
      const node = h("div", { class: "des-mark", title: fillIn(messages.diverges, { name: text }) }, h("i"), h("span", {}, text));
      for (const [name, value] of Object.entries({ at: `${at}px`, left: `${left}px`, row, own: colors[path.color] })) node.style.setProperty(`--${name}`, String(value));
      return node;
    }));
    marks.style.setProperty("--rows", String(ends.length));
  }
  return { element, draw };
}
