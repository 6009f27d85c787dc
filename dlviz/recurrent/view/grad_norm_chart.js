// How long the learner's own gradient was at every look, and what clipping leaves of it.

import { h, s, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";

const WIDE = 330;
const HIGH = 210;
const BOX = { left: 52, right: 10, top: 12, bottom: 30 };

/** @param {{messages: Record<string, string>}} options */
export function lengths({ messages }) {
  const svg = s("svg", { width: WIDE, height: HIGH, viewBox: `0 0 ${WIDE} ${HIGH}`, class: "rec-chart", role: "img" });
  const readout = h("output", { class: "rec-readout" });
  const legend = h("div", { class: "rec-legend" });
  const element = h("div", { class: "rec-panel rec-lengths" }, h("div", { class: "rec-title" }, h("b", {}, messages.lengths)), svg, legend, readout);

  function stand(history, clip) {
    const { looks, norms, clips, clipped } = history;
    const count = looks.length;
    svg.toggleAttribute("hidden", !count);
    legend.hidden = !count;
    if (!count) {
      readout.textContent = messages.lengths_none;
      return;
    }
    const row = clips.indexOf(clip);
    const after = clipped.subarray(row * count, (row + 1) * count);
    const finite = Array.from(norms).filter(Number.isFinite);
    const most = 1.08 * Math.max(clip, ...finite);
    const x = (k) => BOX.left + ((WIDE - BOX.left - BOX.right) * (count > 1 ? k / (count - 1) : 0.5));
    const y = (value) => HIGH - BOX.bottom - ((HIGH - BOX.top - BOX.bottom) * Math.min(value, most)) / most;
    const line = (values) => Array.from(values).map((value, k) => `${k ? "L" : "M"}${x(k).toFixed(1)},${y(Number.isFinite(value) ? value : most).toFixed(1)}`).join("");
    const dots = (values, kind) => (count > 40 ? [] : Array.from(values).map((value, k) => s("circle", { cx: x(k), cy: y(value), r: 3, class: kind })));
    svg.replaceChildren(
      s("path", { d: `M${BOX.left},${y(0)}H${WIDE - BOX.right}`, class: "rec-grid" }),
      s("path", { d: `M${BOX.left},${y(clip)}H${WIDE - BOX.right}`, class: "rec-threshold" }),
      s("text", { x: BOX.left - 6, y: y(clip) + 4, "text-anchor": "end" }, format(clip, 3)),
      s("text", { x: BOX.left - 6, y: y(0) + 4, "text-anchor": "end" }, "0"),
      ...(finite.length && Math.max(...finite) > 1.5 * clip ? [s("text", { x: BOX.left - 6, y: y(Math.max(...finite)) + 4, "text-anchor": "end" }, format(Math.max(...finite), 2))] : []),
      s("text", { x: (WIDE + BOX.left) / 2, y: HIGH - 8, "text-anchor": "middle" }, messages.looks),
      s("path", { d: line(norms), class: "rec-before" }), s("path", { d: line(after), class: "rec-now" }), ...dots(norms, "rec-dot before"), ...dots(after, "rec-dot"),
    );
    const last = count - 1;
    readout.textContent = fillIn(messages.length_at, { name: looks[last], before: format(norms[last], 4), clip: format(clip, 4), after: format(after[last], 4) });
    svg.setAttribute("aria-label", readout.textContent);
    const key = (kind, text) => h("span", { class: "rec-key" }, s("svg", { width: 18, height: 8 }, s("path", { d: "M0,4H18", class: kind })), text);
    legend.replaceChildren(key("rec-before", messages.before), key("rec-now", messages.after), key("rec-threshold", messages["knob.clip"]));
  }
  return { element, stand };
}
