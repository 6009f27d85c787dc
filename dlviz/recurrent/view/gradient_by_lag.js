// How much a state still moves with an input that it read some steps before: now, and behind it as it was.

import { h, s, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { ticks } from "../../kit/js/ticks.js";

const WIDE = 470;
const HIGH = 210;
const BOX = { left: 52, right: 12, top: 12, bottom: 30 };

/** @param {{messages: Record<string, string>, signal: AbortSignal}} options */
export function chart({ messages, signal }) {
  const svg = s("svg", { width: WIDE, height: HIGH, viewBox: `0 0 ${WIDE} ${HIGH}`, class: "rec-chart" });
  const field = h("button", { type: "button", class: "rec-plot" }, svg);
  const readout = h("output", { class: "rec-readout" });
  const legend = h("div", { class: "rec-legend" });
  const element = h("div", { class: "rec-panel" }, h("div", { class: "rec-title" }, h("b", {}, messages.lags)), field, legend, readout);
  const pinned = s("path", { class: "rec-pinned" });
  const pointer = s("path", { class: "rec-pointer" });
  let scene = null;
  let scale = null;
  let lag = -1;
  let here = { t: 0, u: 0 };

  function show(next) {
    scene = next;
    lag = -1;
    const { now, ghosts, label } = scene.history;
    const curves = [...ghosts.map((one) => one.curve), now];
    const logs = curves.flatMap((curve) => Array.from(curve)).filter((value) => value > 0 && Number.isFinite(value)).map(Math.log10);
    const high = logs.length ? Math.ceil(Math.max(...logs) + 0.05) : 0;
    const low = logs.length ? Math.max(Math.floor(Math.min(...logs) - 0.05), high - 20) : -1;
    const last = Math.max(1, ...curves.map((curve) => curve.length - 1));
    scale = {
      x: (k) => BOX.left + ((WIDE - BOX.left - BOX.right) * k) / last,
      y: (value) => BOX.top + ((HIGH - BOX.top - BOX.bottom) * (high - Math.log10(value))) / (high - low),
      last,
      low: 10 ** low,
    };
    svg.replaceChildren(...axes(low, high, last), ...ghosts.map((one, k) => s("path", { d: line(one.curve), class: "rec-ghost", style: `--age:${(k + 1) / (ghosts.length + 1)}` })), s("path", { d: line(now), class: "rec-now" }), pinned, pointer);
    field.setAttribute("aria-label", fillIn(messages.lags_alt, { first: format(now[0], 3), last: format(now[now.length - 1], 3), lag: now.length - 1 }));
    const key = (kind, text, age) => h("span", { class: "rec-key" }, s("svg", { width: 18, height: 8 }, s("path", { d: "M0,4H18", class: kind, style: age ? `--age:${age}` : null })), text);
    legend.replaceChildren(key("rec-now", scene.edits.typed || scene.edits.count ? messages.edited : label), key("rec-pinned", messages.pinned), ...ghosts.map((one, k) => key("rec-ghost", one.label, (k + 1) / (ghosts.length + 1))).reverse());
  }
  function axes(low, high, last) {
    const apart = Math.max(1, Math.ceil((high - low) / 6));
    const rows = Array.from({ length: Math.floor((high - low) / apart) + 1 }, (_, k) => high - k * apart);
    const across = ticks(0, last, 6).filter(Number.isInteger);
    return [
      ...rows.flatMap((power) => [s("path", { d: `M${BOX.left},${scale.y(10 ** power)}H${WIDE - BOX.right}`, class: "rec-grid" }), s("text", { x: BOX.left - 6, y: scale.y(10 ** power) + 4, "text-anchor": "end" }, `1e${power}`.replace("-", "−"))]),
      ...across.map((k) => s("text", { x: scale.x(k), y: HIGH - BOX.bottom + 14, "text-anchor": "middle" }, String(k))),
      s("text", { x: (WIDE + BOX.left) / 2, y: HIGH - 3, "text-anchor": "middle" }, messages.lag),
    ];
  }
  /** What is 0, far below the others or no number has no place on this scale, and breaks the line. */
  function line(curve) {
    let d = "";
    let on = false;
    curve.forEach((value, k) => {
      const real = value >= scale.low && Number.isFinite(value);
      if (real) d += `${on ? "L" : "M"}${scale.x(k).toFixed(1)},${scale.y(value).toFixed(1)}`;
      on = real;
    });
    return d;
  }
  /** The same for the pinned number alone, from where the player stands. */
  function own() {
    const norms = scene.influence(here.t, here.u);
    if (!norms) return [];
    return Array.from(scene.reverse ? norms.subarray(here.t) : norms.subarray(0, here.t + 1).slice().reverse());
  }
  function stand(t, u) {
    here = { t, u };
    pinned.setAttribute("d", line(own()));
    tell();
  }
  function tell() {
    const { now, ghosts } = scene.history;
    pointer.setAttribute("d", lag < 0 ? "" : `M${scale.x(lag)},${BOX.top}V${HIGH - BOX.bottom}`);
    if (lag < 0) {
      readout.textContent = messages.lags_read;
      return;
    }
    const at = (curve) => (lag < curve.length ? format(curve[lag], 3) : "–");
    const parts = [fillIn(messages.lag_at, { lag, value: at(now) }), fillIn(messages.pinned_at, { unit: here.u, place: here.t, value: at(own()) }), ...ghosts.map((one) => `${one.label}: ${at(one.curve)}`).reverse()];
    readout.textContent = parts.join(" · ");
  }
  const within = (k) => Math.max(0, Math.min(scale.last, k));
  field.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    lag = within(Math.round(((((event.clientX - box.left) * WIDE) / box.width - BOX.left) / (WIDE - BOX.left - BOX.right)) * scale.last));
    tell();
  }, { signal });
  for (const away of ["pointerleave", "blur"]) {
    field.addEventListener(away, () => {
      lag = -1;
      tell();
    }, { signal });
  }
  field.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    lag = within(lag < 0 ? 0 : lag + move);
    tell();
  }, { signal });
  return { element, show, stand };
}
