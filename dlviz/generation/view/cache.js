// What a key/value cache saves: multiplications for one token with and without it, and how the cache grows.

import { fillIn, h } from "../../kit/js/dom.js";
import { shape } from "../../kit/js/numbers.js";
import { chart } from "../../kit/js/chart.js";
import { fold } from "../../kit/js/fold.js";

/** Most layers that the strip draws. */
const LAYERS = 12;
/** Most tokens between which the strip leaves a gap. */
const SEPARATE = 72;
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

/** @param {{messages: Record<string, string>, signal: AbortSignal}} options */
export function cachePanel({ messages, signal }) {
  const where = h("span", { class: "dlviz-soft" });
  const work = h("div", { class: "gen-work" });
  const plot = chart({ width: 290, height: 92, margin: { left: 42, right: 62, top: 8, bottom: 28 } });
  const strip = h("div", { class: "gen-strip", "aria-hidden": "true" });
  const size = h("p", { class: "gen-how" });
  const how = h("p", { class: "dlviz-soft gen-how" });
  const element = fold({ title: messages.cost, className: "gen-cost", signal }, where, work, plot.element, strip, size, how);
  let scene = null;
  element.title = messages.cost_how;

  function show(next) {
    scene = next;
    const { lengths, uncached, cached, same_tokens: same, bytes } = scene.cost;
    const last = lengths.length - 1;
    const top = Math.max(...uncached, ...(cached ?? []), 1);
    const values = { first: compact.format(uncached[0]), from: lengths[0], last: compact.format(uncached[last]), to: lengths[last] };
    const withCache = cached?.length ? ` ${fillIn(messages.cost_alt_cached, { cached: compact.format(cached[cached.length - 1]), to: lengths[cached.length - 1] })}` : "";
    plot.draw({
      x: { domain: [lengths[0], Math.max(lengths[last], lengths[0] + 1)], ticks: [[lengths[0], String(lengths[0])], [lengths[last], String(lengths[last])]], title: messages.cost_axis },
      y: { domain: [0, top], ticks: [[0, "0"], [top, compact.format(top)]] },
      label: fillIn(messages.cost_alt, values) + withCache,
      content: () => [[uncached, "gen-uncached", messages.cost_without], [cached ?? [], "gen-cached", messages.cost_with]].flatMap(([counts, kind, name]) => line(counts, kind, name)),
    });
    how.textContent = cached ? fillIn(messages.cache_same, { same, count: bytes.length }) : messages.cost_none;
    strip.hidden = !cached;
    size.hidden = !cached;
  }
  function line(counts, kind, name) {
    if (!counts.length) return [];
    const { lengths } = scene.cost;
    const { x, y } = plot.scales();
    const end = document.createElementNS("http://www.w3.org/2000/svg", "text");
    end.setAttribute("x", String(x.pixel(lengths[counts.length - 1]) + 5));
    end.setAttribute("y", String(y.pixel(counts[counts.length - 1]) + 4));
    end.append(name);
    return [plot.line(counts, kind, { xs: lengths }), ...counts.map((count, k) => plot.dot(lengths[k], count, `${kind}-dot`, 1.8)), end];
  }
  function showStep(step) {
    const { steps, lengths, uncached, cached, bytes, layers, tensors, shape: dims } = scene.cost;
    const at = steps.findLastIndex((one) => one <= step);
    const k = Math.max(0, at);
    const row = (name, what, value, kind) => h("div", { class: `gen-work-row ${kind}` }, h("i"), h("span", {}, name), h("span", { class: "dlviz-soft" }, what), h("b", {}, value));
    where.textContent = fillIn(messages.cost_at, { length: lengths[k] });
    const rows = [row(messages.cost_without, fillIn(messages.cost_uncached, { length: lengths[k] }), compact.format(uncached[k]), "gen-without")];
    if (cached && k < cached.length) rows.push(row(messages.cost_with, k === 0 ? messages.cost_prefill : messages.cost_cached, compact.format(cached[k]), "gen-with"));
    work.replaceChildren(...rows);
    plot.cursor(plot.vertical(lengths[k], "dlviz-chart-pointer"));
    if (!cached) return;
    const prompt = scene.prompt.length + scene.cropped;
    const fits = step < bytes.length;
    const now = prompt + Math.min(step, bytes.length - 1);
    const total = prompt + bytes.length - 1;
    strip.style.setProperty("--cell", `${100 / now}%`);
    strip.style.setProperty("--gap", total > SEPARATE ? "0px" : "1px");
    strip.replaceChildren(...Array.from({ length: Math.min(layers, LAYERS) }, () => h("div", { style: `width: ${(100 * now) / total}%` }, h("i", { style: `width: ${100 * (step === 0 ? 1 : 1 / now)}%` }))));
    const words = fillIn(layers === tensors ? messages.cache_tensors : messages.cache, { layers, tokens: now, size: byteText(bytes[now - prompt]) });
    size.textContent = fits ? words : messages.cache_over;
    size.title = fillIn(messages.cache_shape, { count: tensors, shape: shape(dims) });
  }
  function byteText(value) {
    if (value < 1000) return fillIn(messages.bytes, { value });
    if (value < 1e6) return fillIn(messages.kilobytes, { value: Number((value / 1e3).toPrecision(3)) });
    return fillIn(messages.megabytes, { value: Number((value / 1e6).toPrecision(3)) });
  }
  return { element, show, showStep };
}
