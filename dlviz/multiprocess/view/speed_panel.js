// Speedup and efficiency against the number of processes: a table, and a chart with the ideal.

import { chart, legendEntries } from "../../kit/js/chart.js";
import { fillIn, h } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";

/** @param {{messages: Record<string, string>}} options */
export function speedPanel({ messages }) {
  const plot = chart({ width: 300, height: 122, margin: { left: 34, right: 12, top: 8, bottom: 32 } });
  const legend = h("div", { class: "par-legend" }, ...legendEntries([{ class: "par-measured", text: messages["speed.measured"] }, { class: "par-ideal", text: messages["speed.ideal"] }]));
  const head = h("thead", {}, h("tr", {}, ...["processes", "time", "speedup", "efficiency"].map((name) => h("th", { scope: "col" }, messages[`speed.${name}`]))));
  const body = h("tbody");
  const steps = h("p", { class: "dlviz-soft" });
  const element = h("div", { class: "dlviz-panel par-speed" }, h("div", {}, h("table", {}, head, body), h("p", { class: "dlviz-soft" }, messages["speed.about"]), steps), h("div", {}, plot.element, legend));

  /** @param {{processes: number, time: string, speedup: number | null, efficiency: number | null}[]} rows @param {string} timed which steps the times are of */
  function show(rows, timed) {
    if (!rows.length) return;
    steps.textContent = timed;
    steps.hidden = !timed;
    const number = (value, text) => (value === null ? "–" : text(value));
    body.replaceChildren(...rows.map(({ processes, time, speedup, efficiency }) => h("tr", {}, ...[processes, time, number(speedup, (value) => fillIn(messages["speed.times"], { times: format(value, 3) })), number(efficiency, (value) => fillIn(messages["speed.percent"], { share: (100 * value).toFixed(0) }))].map((text) => h("td", {}, String(text))))));
    const measured = rows.filter(({ speedup }) => speedup !== null);
    plot.element.toggleAttribute("hidden", measured.length < 2);
    legend.hidden = measured.length < 2;
    if (measured.length < 2) return;
    const most = Math.max(...rows.map(({ processes }) => processes));
    const ys = [...new Set([1, ...rows.map(({ processes }) => processes)])];
    plot.draw({
      label: messages["speed.alt"],
      x: { domain: [1 - 0.05 * (most - 1), most], ticks: rows.map(({ processes }) => [processes, String(processes)]), title: messages["speed.processes"] },
      y: { domain: [0, Math.max(most, ...measured.map(({ speedup }) => speedup))], ticks: ys.map((y) => [y, fillIn(messages["speed.times"], { times: y })]), grid: true },
      content: () => [
        plot.path([[1, 1], [most, most]], "par-ideal"),
        plot.path(measured.map(({ processes, speedup }) => [processes, speedup]), "par-measured"),
        ...measured.map(({ processes, speedup }) => plot.dot(processes, speedup, "par-dot", 3.5)),
      ],
    });
  }
  return { element, show };
}
