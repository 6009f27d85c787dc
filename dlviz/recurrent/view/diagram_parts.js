// Parts of the cell diagram: pipes for states, valves that gates open, boxes with a gate's numbers.

import { h, s } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";

const VALVE_HEIGHT = 34;

/** A number as a share of `max`, from 0 to 1; 0 for NaN. */
function share(value, max = 1) {
  return Number.isNaN(value) || !(max > 0) ? 0 : Math.min(1, Math.abs(value) / max);
}

export function text(x, y, content, kind = "", anchor = "start") {
  return s("text", { x, y, class: kind, "text-anchor": anchor }, content);
}

export function pipe(d, kind = "rec-pipe") {
  return s("path", { d, class: kind });
}

/**
 * A mark that runs along a pipe in every step, in the color of the sign of what flows there.
 * @param {string} d @param {number} from @param {number} to when it runs, as shares of the time that a step takes
 */
export function pulse(d, from, to) {
  const node = s("path", { d, class: "rec-pulse", pathLength: 1 });
  return {
    node,
    set: (value) => node.setAttribute("class", value < 0 ? "rec-pulse negative" : "rec-pulse"),
    start: (ms) => node.animate({ strokeDashoffset: [0.3, -1] }, { delay: from * ms, duration: (to - from) * ms, fill: "backwards" }),
  };
}

/** A slot in a pipe with two shutters, open by the value of its gate. */
export function valve(x, y, name) {
  const upper = s("rect", { x: x - 6, y: y - VALVE_HEIGHT / 2, width: 12, height: 0, class: "rec-shutter" });
  const lower = s("rect", { x: x - 6, y, width: 12, height: 0, class: "rec-shutter" });
  const frame = s("rect", { x: x - 6, y: y - VALVE_HEIGHT / 2, width: 12, height: VALVE_HEIGHT, rx: 2, class: "rec-valve" });
  return {
    node: s("g", {}, s("rect", { x: x - 6, y: y - VALVE_HEIGHT / 2, width: 12, height: VALVE_HEIGHT, class: "rec-slot" }), pipe(`M${x - 6},${y}h12`), upper, lower, frame, text(x, y - VALVE_HEIGHT / 2 - 4, name, "rec-name", "middle")),
    set(value) {
      const shut = (VALVE_HEIGHT / 2) * (1 - share(value));
      upper.setAttribute("height", String(shut));
      lower.setAttribute("height", String(shut));
      lower.setAttribute("y", String(y + VALVE_HEIGHT / 2 - shut));
    },
  };
}

/** The joint of two pipes, with the sign of an operation. */
export function joint(x, y, sign) {
  return s("g", {}, s("circle", { cx: x, cy: y, r: 11, class: "rec-joint" }), text(x, y + 5, sign, "rec-sign", "middle"));
}

/** A number with its name before it. @param {number} at when it appears in a step, as a share of the time that the step takes */
export function namedValue(x, y, name, at, anchor = "start") {
  const value = s("tspan", { class: "rec-value" });
  const node = s("text", { x, y, "text-anchor": anchor }, `${name} `, value);
  return {
    node,
    set(number) {
      value.textContent = format(number, 4);
    },
    start: (ms) => node.animate({ opacity: [0.1, 1] }, { delay: at * ms, duration: 0.15 * ms, fill: "backwards" }),
  };
}

/**
 * A gate: its part from x, its part from h, their sum, and its value as a bar.
 * @param {{x: number, y: number, width: number, name: string, nonlinearity: string, rows: string[], label: string, choose: () => void, signal: AbortSignal}} options
 */
export function box({ x, y, width, name, nonlinearity, rows, label, choose, signal }) {
  const height = 42 + 17 * rows.length;
  const value = text(x + width - 8, y + 17, "", "rec-value", "end");
  const bar = s("rect", { x: x + 8, y: y + 23, width: 0, height: 5, class: "rec-bar" });
  const numbers = rows.map((_, k) => text(x + width - 8, y + 44 + 17 * k, "", "rec-number", "end"));
  const node = s("g", { class: "rec-gate", role: "button", tabindex: 0, "aria-pressed": "false" },
    s("rect", { x, y, width, height, rx: 6, class: "rec-box" }),
    text(x + 8, y + 17, name, "rec-name"), text(x + 18 + 7 * name.length, y + 17, nonlinearity, "dlviz-soft"), value,
    s("rect", { x: x + 8, y: y + 23, width: width - 16, height: 5, class: "rec-track" }), bar,
    ...rows.map((row, k) => text(x + 8, y + 44 + 17 * k, row, "dlviz-soft")), ...numbers);
  node.addEventListener("click", choose, { signal });
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    event.stopPropagation();
    choose();
  }, { signal });
  return {
    node,
    bottom: y + height,
    /** @param {number} gate @param {number[]} parts one number a row @param {boolean} selected */
    set(gate, parts, selected) {
      const formatted = format(gate, 4);
      value.textContent = formatted;
      node.setAttribute("aria-label", `${label} ${formatted}`);
      node.setAttribute("aria-pressed", String(selected));
      // The bar of a tanh gate starts in the middle, that of a sigmoid gate at the left.
      const room = width - 16;
      const size = share(gate);
      const centered = nonlinearity === "tanh";
      bar.setAttribute("width", String(centered ? (room / 2) * size : room * size));
      bar.setAttribute("x", String(x + 8 + (centered ? (gate < 0 ? (room / 2) * (1 - size) : room / 2) : 0)));
      // The value of a sigmoid says how far the gate is open; only others have a sign.
      bar.setAttribute("class", nonlinearity === "σ" ? "rec-bar" : gate < 0 ? "rec-bar negative" : "rec-bar positive");
      numbers.forEach((number, k) => { number.textContent = format(parts[k], 4); });
    },
  };
}

/** A line from the bus to a gate, as thick as its part is large. */
export function inputLine(x, from, to) {
  const node = s("path", { d: `M${x},${from}V${to}`, class: "rec-input" });
  return {
    node,
    set(value, max) {
      node.setAttribute("stroke-width", String(1 + 5 * share(value, max)));
      node.setAttribute("class", value < 0 ? "rec-input negative" : "rec-input");
    },
  };
}

/** @param {number} top y coordinate of the upper edge @param {number} bottom y coordinate of the lower edge */
export function picture(width, top, bottom, label, ...children) {
  const svg = s("svg", { width, height: bottom - top, viewBox: `0 ${top} ${width} ${bottom - top}`, class: "rec-picture", role: "group", "aria-label": label }, ...children);
  return h("div", { class: "rec-scroll dlviz-scroll-x" }, svg);
}
