// The gradient norm of the learner's module at every snapshot, before and after clipping.

import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { chart, legendEntries } from "../../kit/js/chart.js";

/** Most snapshots that are drawn with a dot each. */
const DOTS = 40;

/** @param {{messages: Record<string, string>}} options */
export function gradNormChart({ messages }) {
  const plot = chart({ width: 330, height: 210, margin: { left: 52, right: 10, top: 12, bottom: 30 }, className: "rec-chart" });
  const readout = h("output", { class: "rec-readout" });
  const legend = h("div", { class: "rec-legend" }, ...legendEntries([
    { class: "rec-before", text: messages.before }, { class: "rec-gradient", text: messages.after }, { class: "rec-threshold", text: messages["control.clip"] },
  ]));
  const element = h("div", { class: "rec-grad-norm" }, h("span", { class: "dlviz-soft" }, messages.grad_norm_axis), plot.element, legend, readout);

  function showStep(history, clip) {
    const { norm_labels: labels, norms, clips, clipped } = history;
    const count = labels.length;
    plot.element.toggleAttribute("hidden", !count);
    legend.hidden = !count;
    if (!count) {
      readout.textContent = messages.grad_norm_none;
      return;
    }
    const row = clips.indexOf(clip);
    const after = clipped.subarray(row * count, (row + 1) * count);
    const largest = Math.max(0, ...Array.from(norms).filter(Number.isFinite));
    const most = 1.08 * Math.max(clip, largest);
    const last = count - 1;
    readout.textContent = fillIn(messages.grad_norm_at, { name: labels[last], before: format(norms[last], 4), clip: format(clip, 4), after: format(after[last], 4) });
    // An infinite norm is drawn at the upper edge.
    const drawn = (values) => Array.from(values, (value) => (Number.isFinite(value) ? value : most));
    /** @type {[number, string][]} */
    const ticks = [[clip, format(clip, 3)]];
    if (clip > 0.1 * most) ticks.push([0, "0"]);
    if (largest > 1.5 * clip) ticks.push([largest, format(largest, 2)]);
    const dots = (values, kind) => (count > DOTS ? [] : plot.dots(values, kind));
    plot.draw({
      label: readout.textContent,
      x: { domain: count > 1 ? [0, last] : [-1, 1], title: messages.snapshots },
      y: { domain: [0, most], ticks },
      content: () => [plot.horizontal(clip, "rec-threshold"), plot.line(drawn(norms), "rec-before"), plot.line(drawn(after), "rec-gradient"), ...dots(norms, "rec-dot before"), ...dots(after, "rec-dot")],
    });
  }
  return { element, showStep };
}
