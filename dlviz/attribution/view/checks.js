// Is it an explanation? Four checks of the open map, each with its picture, its number and how to read it.

import { chart, legendEntries } from "../../kit/js/chart.js";
import { closest, fillIn, h, s } from "../../kit/js/dom.js";
import { hidpiContext } from "../../kit/js/heatmap.js";
import { format } from "../../kit/js/numbers.js";
import { ticks } from "../../kit/js/scale.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { decodeShades, STRONGEST } from "./decode.js";
import { drawOver, fitted, mapPicture } from "./map_canvas.js";

const NAMES = ["randomization", "deletion_insertion", "other_class", "input_noise"];
const TILE = 64;
const CURVES = ["fractions", "deletion", "insertion", "random_deletion_mean", "random_deletion_std", "random_insertion_mean", "random_insertion_std"];

/** @param {{messages: Record<string, string>, signal: AbortSignal, isLive: () => boolean, ask: (name: string) => void, redraw: () => void}} options ask: asks the kernel for a check */
export function checksPanel({ messages, signal, isLive, ask, redraw }) {
  const buttons = NAMES.map((name) => h("button", { type: "button", class: "dlviz-outlined small", "data-name": name, "aria-pressed": "false" }, messages[`check.${name}_button`]));
  const text = h("p", { class: "attr-verdict", "aria-live": "polite" });
  const how = h("p", { class: "dlviz-soft" });
  const picture = h("div", { class: "attr-check" });
  const element = h("div", { class: "dlviz-panel attr-checks" }, h("div", { class: "attr-buttons", role: "group", "aria-label": messages["check.title"] }, ...buttons), text, h("div", { class: "attr-result" }, picture, how));
  let chosen = "";
  let waits = false;
  /** What is drawn, so that it is not drawn again. @type {any[]} */
  let drawn = [];
  element.addEventListener("click", (event) => {
    const button = closest(event, "[data-name]");
    if (!button) return;
    chosen = button.dataset.name ?? "";
    if (isLive()) {
      waits = true;
      ask(chosen);
    }
    redraw();
  }, { signal });

  /** @param {{checks: any, method: string, colors: Record<string, string>, width: number}} now */
  function draw(now) {
    const found = now.checks[chosen];
    if (found) waits = false;
    const values = [found, chosen, waits, now.method, now.colors.pos, now.width];
    if (values.every((value, k) => value === drawn[k])) return;
    drawn = values;
    buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.name === chosen)));
    how.hidden = picture.hidden = !found;
    const name = messages[`method.${now.method}`];
    if (!found) {
      text.textContent = waits ? messages["check.computing"] : fillIn(messages[chosen && !isLive() ? "check.not_carried" : "check.ask"], { method: name });
      return;
    }
    text.textContent = found.text;
    how.textContent = found.how;
    picture.replaceChildren(...(found.titles ? maps(found, now.colors) : curves(found, now.width)));
  }
  function maps({ shape, values: bytes, titles, texts }, colors) {
    const values = decodeShades(bytes);
    const length = values.length / titles.length;
    return titles.map((title, k) => {
      const canvas = h("canvas", { role: "img", "aria-label": `${title} ${texts[k]}` });
      const size = fitted(shape, TILE);
      if (shape[0] === 1) size[1] = 20;
      const map = mapPicture(values.subarray(k * length, (k + 1) * length), shape, STRONGEST, colors);
      drawOver(hidpiContext(canvas, ...size), size, { input: map, map, opacity: 0, paper: colors.paper });
      return h("figure", {}, h("figcaption", { title }, title), canvas, h("span", { class: "mono" }, texts[k]));
    });
  }
  function curves(found, width) {
    const data = Object.fromEntries(CURVES.map((name) => [name, typedArray(found[name], "float64")]));
    const plot = chart({ width: Math.min(560, width), height: 140, margin: { left: 46, right: 12, top: 8, bottom: 32 } });
    const band = (kind, sign) => Array.from(data[`random_${kind}_mean`], (value, k) => value + sign * data[`random_${kind}_std`][k]);
    const all = ["deletion", "insertion"].flatMap((kind) => [...data[kind], ...band(kind, 1), ...band(kind, -1)]).filter(Number.isFinite);
    const [low, high] = [Math.min(...all, 0), Math.max(...all, 0)];
    const up = /** @type {[number, number]} */ (found.is_prob ? [0, 1] : [low, high > low ? high : low + 1]);
    const inside = (value) => Math.max(up[0], Math.min(up[1], value));
    plot.draw({
      label: messages["check.alt"],
      x: { domain: [0, 1], ticks: [0, 0.25, 0.5, 0.75, 1].map((at) => [at, `${100 * at}%`]), title: messages["check.fraction"] },
      y: { domain: up, ticks: ticks(...up, 4).map((at) => [at, format(at, 3)]) },
      content: () => ["deletion", "insertion"].flatMap((kind) => {
        const xs = data.fractions;
        const { x, y } = plot.scales();
        const points = [...band(kind, 1).map((value, k) => [xs[k], inside(value)]), ...band(kind, -1).map((value, k) => [xs[k], inside(value)]).reverse()];
        const d = points.map(([at, value], k) => `${k ? "L" : "M"}${x.pixel(at).toFixed(1)},${y.pixel(value).toFixed(1)}`).join("");
        return [s("path", { d, class: "attr-band" }), plot.line(data[`random_${kind}_mean`], "attr-random", { xs }), plot.line(data[kind], `attr-${kind}`, { xs })];
      }),
    });
    const legend = h("div", { class: "attr-legend" }, h("span", {}, found.axis), ...legendEntries([{ class: "attr-deletion", text: messages["check.deletion"] }, { class: "attr-insertion", text: messages["check.insertion"] }, { class: "attr-random", text: messages["check.random"] }]));
    return [h("div", {}, legend, plot.element)];
  }
  return { element, draw };
}
