// Beside the picture: how every optimizer stands, and of the opened one its state and its formula with the numbers in it.

import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { vector } from "./contour_map.js";

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, open: (name: string) => void}} options
 */
export function board({ messages, signal, open }) {
  const body = h("tbody");
  const heads = ["optimizer", "lr", "loss", "stride", "goal"].map((name) => h("th", { scope: "col" }, messages[name]));
  const table = h("table", { class: "des-table" }, h("thead", {}, h("tr", {}, ...heads)), body);
  const about = h("div", { class: "des-about" });
  const element = h("div", { class: "des-board", tabindex: "0", role: "region", "aria-label": messages.optimizer }, table, about);
  let scene = null;
  let rows = [];

  /** @param {any} next the scene @param {any[]} paths decoded */
  function show(next, paths) {
    scene = next;
    const known = scene.minima.length > 0;
    heads[4].textContent = known ? messages.goal : messages.away;
    heads[0].textContent = scene.kind === "race" ? messages.optimizer : "";
    heads[1].hidden = scene.kind !== "race";
    if (rows.map((row) => row.name).join("\n") === paths.map((path) => path.name).join("\n")) return;
    rows = paths.map((path) => {
      const button = h("button", { type: "button", class: "des-name", title: path.name }, h("i"), h("b", {}, path.name));
      button.addEventListener("click", () => open(path.name), { signal });
      const cells = [h("td"), h("td"), h("td"), h("td")];
      const ended = h("td", { colspan: 5, class: "des-ended" });
      const line = h("tr", {}, h("th", { scope: "row" }, button), ...cells);
      const below = h("tr", { hidden: "" }, ended);
      return { name: path.name, button, cells, ended, line, below };
    });
    body.replaceChildren(...rows.flatMap((row) => [row.line, row.below]));
  }

  function draw({ paths, step, opened, colors }) {
    paths.forEach((path, n) => {
      const { button, cells, ended, line, below } = rows[n];
      const t = Math.min(step, path.size - 1);
      const here = point(path, t);
      const stride = t ? Math.hypot(...here.map((one, c) => one - point(path, t - 1)[c])) : 0;
      const goals = scene.minima.length ? scene.minima : [point(path, 0)];
      const away = Math.min(...goals.map((goal) => Math.hypot(here[0] - goal[0], here[1] - goal[1])));
      const numbers = [path.rate, path.losses[t], stride, away];
      cells.forEach((cell, c) => (cell.textContent = numbers[c] === null ? "" : format(numbers[c], c === 1 ? 4 : 3)));
      cells[0].hidden = scene.kind !== "race";
      button.style.setProperty("--own", colors[path.color]);
      button.toggleAttribute("data-dash", path.dash);
      button.disabled = scene.kind !== "race";
      button.setAttribute("aria-pressed", String(path.name === opened));
      line.toggleAttribute("data-open", path.name === opened);
      below.hidden = !(path.ended && t >= path.ended.step);
      ended.textContent = below.hidden ? "" : fillIn(messages[`ended_${path.ended.how}`], { step: path.ended.step });
      ended.dataset.how = path.ended?.how ?? "";
    });
    tell(paths.find((path) => path.name === opened), step);
  }
  function point(path, t) {
    return [path.points[2 * t], path.points[2 * t + 1]];
  }

  function tell(path, step) {
    if (!path) {
      about.replaceChildren(...(scene.kind === "race" ? [line(messages.hint), line(messages.arrows)] : []));
      return;
    }
    const t = Math.min(step, path.size - 1);
    const shut = h("button", { type: "button", class: "des-close", "aria-label": messages.closer, title: messages.closer }, "×");
    shut.addEventListener("click", () => open(""), { signal });
    const state = [[`p = ${scene.pair}`, point(path, t)], [messages.gradient, vector(path.arrays.gradient, t)], ...path.state.map((name) => [name, vector(path.arrays[name], t)])];
    const list = h("dl", {}, ...state.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, h("code", {}, pair(value)))]));
    const formula = t === 0 ? [line(messages.formula_start)] : path.lines.length ? path.lines.map((parts) => h("p", { class: "des-formula" }, ...written(path, parts, t))) : [line(messages.formula_none)];
    about.replaceChildren(
      h("div", { class: "des-title" }, h("b", {}, `${path.kind}(${path.settings})`), shut),
      h("h4", {}, fillIn(messages.state_after, { step: t })), list,
      h("h4", {}, fillIn(messages.formula_at, { step: t })), ...formula, line(messages.arrows));
  }
  function line(text) {
    return h("p", { class: "des-line" }, text);
  }
  /** A line of the formula: its names stay text, numbers stand where an array is named. */
  function written(path, parts, t) {
    return parts.map((part, n) => {
      if (typeof part === "string") return document.createTextNode(part);
      const [name, ago] = part;
      const value = name === "p" ? point(path, t - ago) : read(path.arrays[name], t - ago);
      return h(n === parts.length - 1 ? "b" : "span", { class: "des-number" }, pair(value));
    });
  }
  function read(about_, t) {
    return about_.width === 1 ? [about_.values[t]] : vector(about_, t);
  }
  function pair(value) {
    return value.length === 1 ? format(value[0], 4) : `(${value.map((one) => format(one, 4)).join(", ")})`;
  }

  return { element, show, draw };
}
