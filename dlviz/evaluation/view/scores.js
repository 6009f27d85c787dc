// The score of every split that was tried as a dot, one row for each way to split, with mean and spread.

import { h, s, fillIn } from "../../kit/js/dom.js";
import { format, number } from "../../kit/js/numbers.js";
import { ticks } from "../../kit/js/scale.js";

const WIDE = 340;
const ROW = 26;
const BOX = { left: 118, right: 332 };
/** Splits that the button tries, as dlviz.evaluation.split_widget does. */
const TRIED = 5;

/** @param {{messages: Record<string, string>, signal: AbortSignal, measure: () => void}} options */
export function scores({ messages, signal, measure }) {
  const button = h("button", { type: "button", class: "dlviz-wide" });
  const picture = s("svg", { width: WIDE, role: "img", class: "part-scores" });
  const told = h("div", { class: "part-spreads" });
  const element = h("div", { class: "part-panel part-measured" }, h("div", { class: "conf-title" }, h("b", {}, messages["split.scores"])), picture, told, button);
  let busy = false;
  button.addEventListener("click", () => {
    if (busy) return;
    state(true);
    measure();
  }, { signal });

  function state(measuring, how) {
    busy = measuring;
    button.setAttribute("aria-disabled", String(busy));
    if (busy) button.textContent = messages["split.measuring"];
    else if (how === "order") button.textContent = messages["split.measure_one"];
    else button.textContent = how === "folds" ? messages["split.measure_folds"] : fillIn(messages["split.measure"], { count: TRIED });
  }

  /** @param {any} scene decoded @param {boolean} live whether a kernel can measure */
  function show(scene, live) {
    element.toggleAttribute("hidden", !scene.measurable && !scene.scores.length);
    button.toggleAttribute("hidden", !scene.measurable || !live);
    state(scene.measuring, scene.how);
    picture.toggleAttribute("hidden", !scene.scores.length);
    const finite = scene.scores.flatMap((one) => Array.from(one.values)).filter(Number.isFinite);
    const [low, high] = finite.length ? [Math.min(...finite), Math.max(...finite)] : [0, 1];
    const room = (high - low) * 0.08 || 0.01;
    const x = (value) => BOX.left + ((BOX.right - BOX.left) * (value - low + room)) / (high - low + 2 * room);
    const tall = ROW * scene.scores.length + 24;
    picture.setAttribute("viewBox", `0 0 ${WIDE} ${tall}`);
    picture.setAttribute("height", String(tall));
    const axis = ticks(low - room, high + room, 4).flatMap((value) => [
      s("path", { class: "conf-frame", d: `M${x(value).toFixed(1)},2V${tall - 20}` }),
      s("text", { x: x(value), y: tall - 6, "text-anchor": "middle" }, format(value, 4)),
    ]);
    picture.replaceChildren(...axis, ...scene.scores.flatMap((one, row) => dots(one, (row + 0.5) * ROW, x)));
    const lines = scene.scores.map((one) => [one.called, spread(one)]);
    picture.setAttribute("aria-label", lines.map((line) => line.join(": ")).join("; "));
    told.replaceChildren(...(lines.length ? lines.map(([how, text]) => h("div", {}, h("b", {}, how), ` ${text}`)) : [h("p", { class: "conf-note" }, messages["split.unmeasured"])]));
  }
  function dots(one, y, x) {
    const mean = number(one.mean);
    const middle = Number.isFinite(mean) ? [s("path", { class: "part-mean", d: `M${x(mean).toFixed(1)},${y - 9}v18` })] : [];
    const taken = [];
    const marks = Array.from(one.values, (value, k) => {
      const label = fillIn(messages["split.dot"], { how: one.called, seed: one.seeds[k], score: format(value, 4) });
      // Equal scores would hide each other.
      const same = taken.filter((other) => Math.abs(x(other) - x(value)) < 3).length;
      taken.push(value);
      return Number.isFinite(value) ? s("circle", { cx: x(value).toFixed(1), cy: y + 3 * Math.ceil(same / 2) * (same % 2 ? 1 : -1), r: 4.5, class: "part-dot" }, s("title", {}, label)) : null;
    });
    return [s("text", { x: BOX.left - 8, y: y + 4, "text-anchor": "end", class: "part-how" }, one.called), ...middle, ...marks.filter(Boolean)];
  }
  function spread(one) {
    const told = (value) => format(number(value), 4);
    if (one.values.length === 1) return fillIn(messages["split.single"], { mean: told(one.mean) });
    return fillIn(messages["split.spread"], { mean: told(one.mean), sd: format(number(one.sd), 2), count: one.values.length, low: told(one.low), high: told(one.high) });
  }
  return { element, show };
}
