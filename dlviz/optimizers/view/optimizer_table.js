// Table of the optimizers' current numbers, and the state and update rule of the opened one.

import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, open: (name: string) => void}} options
 */
export function optimizerTable({ messages, signal, open }) {
  const body = h("tbody");
  const heads = ["optimizer", "lr", "loss", "step_length", "to_minimum"].map((name) => h("th", { scope: "col" }, messages[name]));
  const table = h("table", { class: "optim-table" }, h("thead", {}, h("tr", {}, ...heads)), body);
  const details = h("div", { class: "optim-details" });
  const element = h("div", { class: "optim-side", tabindex: "0", role: "region", "aria-label": messages.optimizer }, table, details);
  let scene = null;
  let rows = [];

  /** @param {any} next the scene @param {any[]} paths decoded */
  function show(next, paths) {
    scene = next;
    heads[4].textContent = scene.minima.length ? messages.to_minimum : messages.from_start;
    heads[0].textContent = scene.kind === "race" ? messages.optimizer : "";
    heads[1].hidden = scene.kind !== "race";
    if (rows.map((row) => row.name).join("\n") === paths.map((path) => path.name).join("\n")) return;
    rows = paths.map((path) => {
      const button = h("button", { type: "button", class: "optim-name", title: path.name }, h("i"), h("b", {}, path.name));
      button.addEventListener("click", () => open(path.name), { signal });
      const cells = [h("td"), h("td"), h("td"), h("td")];
      const ended = h("td", { colspan: 5, class: "optim-ended" });
      const main = h("tr", {}, h("th", { scope: "row" }, button), ...cells);
      const below = h("tr", { hidden: "" }, ended);
      return { name: path.name, button, cells, ended, main, below };
    });
    body.replaceChildren(...rows.flatMap((row) => [row.main, row.below]));
  }

  function draw({ paths, step, opened, colors }) {
    paths.forEach((path, n) => {
      const { button, cells, ended, main, below } = rows[n];
      const t = Math.min(step, path.size - 1);
      const distanceTo = ([x, y]) => Math.hypot(path.points[t][0] - x, path.points[t][1] - y);
      const targets = scene.minima.length ? scene.minima : [path.points[0]];
      const numbers = [path.lr, path.losses[t], t ? distanceTo(path.points[t - 1]) : 0, Math.min(...targets.map(distanceTo))];
      cells.forEach((cell, c) => (cell.textContent = numbers[c] === null ? "" : format(numbers[c], c === 1 ? 4 : 3)));
      cells[0].hidden = scene.kind !== "race";
      button.style.setProperty("--own", colors[path.color]);
      button.toggleAttribute("data-dash", path.dash);
      button.disabled = scene.kind !== "race";
      button.setAttribute("aria-pressed", String(path.name === opened));
      main.toggleAttribute("data-open", path.name === opened);
      below.hidden = !(path.ended && t >= path.ended.step);
      ended.textContent = below.hidden ? "" : fillIn(messages[`ended_${path.ended.reason}`], { step: path.ended.step });
      ended.dataset.reason = path.ended?.reason ?? "";
    });
    drawDetails(paths.find((path) => path.name === opened), step);
  }

  function drawDetails(path, step) {
    if (!path) {
      details.replaceChildren(...(scene.kind === "race" ? [text(messages.hint), text(messages.arrows)] : []));
      return;
    }
    const t = Math.min(step, path.size - 1);
    const close = h("button", { type: "button", class: "optim-close", "aria-label": messages.close, title: messages.close }, "×");
    close.addEventListener("click", () => open(""), { signal });
    const state = [[`p = ${scene.pair}`, path.points[t]], [messages.gradient, path.arrays.gradient[t]], ...path.state.map((name) => [name, path.arrays[name][t]])];
    const stateList = h("dl", {}, ...state.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, h("code", {}, pair(value)))]));
    const rule = t === 0 ? [text(messages.formula_start)] : path.lines.length ? path.lines.map((parts) => h("p", { class: "optim-formula" }, ...lineParts(path, parts, t))) : [text(messages.formula_none)];
    details.replaceChildren(
      h("div", { class: "optim-title" }, h("b", {}, `${path.optimizer_class}(${path.settings})`), close),
      h("h4", {}, fillIn(messages.state_after, { step: t })), stateList,
      h("h4", {}, fillIn(messages.formula_at, { step: t })), ...rule, text(messages.arrows));
  }
  function text(content) {
    return h("p", { class: "optim-text" }, content);
  }
  /** A line of the update rule: text as it is, and a number where an array is named. */
  function lineParts(path, parts, t) {
    return parts.map((part, n) => {
      if (typeof part === "string") return document.createTextNode(part);
      const [name, stepsBack] = part;
      const values = name === "p" ? path.points : path.arrays[name];
      return h(n === parts.length - 1 ? "b" : "span", { class: "optim-number" }, pair(values[t - stepsBack]));
    });
  }
  function pair(value) {
    return value.length === 1 ? format(value[0], 4) : `(${value.map((x) => format(x, 4)).join(", ")})`;
  }

  return { element, show, draw };
}
