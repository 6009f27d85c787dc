// Small SVG charts: axes, lines, dots and a legend; a pointer gives values of the x axis.

import { h, s } from "./dom.js";
import { format } from "./numbers.js";
import { scale } from "./scale.js";

/** A power of ten as a label: 1000, 0.001, or 10⁻⁶. @param {number} power */
export function powerOfTen(power) {
  if (Math.abs(power) <= 3) return (10 ** power).toFixed(Math.max(0, -power));
  return `10${[...String(power)].map((sign) => (sign === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(sign)])).join("")}`;
}

/** A round value at an axis: 0.5, 20000, or 5·10⁶. @param {number} value */
export function tickLabel(value) {
  const power = Math.floor(Math.log10(Math.abs(value)) + 1e-9);
  if (!value || (power > -4 && power < 5)) return format(value, 3);
  const factor = format(value / 10 ** power, 3);
  return `${factor === "1" ? "" : `${factor}·`}${powerOfTen(power)}`;
}

/** SVG path of a line; a NaN in either coordinate breaks it. @param {Iterable<[number, number]>} points in pixels */
export function linePath(points) {
  let d = "";
  let pen = "M";
  for (const [x, y] of points) {
    const drawn = Number.isFinite(x) && Number.isFinite(y);
    if (drawn) d += `${pen}${x.toFixed(1)},${y.toFixed(1)}`;
    pen = drawn ? "L" : "M";
  }
  return d;
}

/** Entries of a legend below a chart. @param {{class: string, text: string, style?: string}[]} entries class and style of each line */
export function legendEntries(entries) {
  return entries.map(({ class: kind, text, style = null }) =>
    h("span", { class: "dlviz-chart-key" }, s("svg", { width: 18, height: 8 }, s("path", { d: "M0,4H18", class: kind, style })), text));
}

/** Places of labels at the ends of curves, moved apart where they would overlap. @param {number[]} places increasing @param {number} pitch smallest distance @param {number} last largest place of the last one */
export function spread(places, pitch, last) {
  const apart = [];
  for (const place of places) apart.push(Math.max(place, (apart.at(-1) ?? -Infinity) + pitch));
  const excess = Math.max(0, (apart.at(-1) ?? last) - last);
  return apart.map((place) => place - excess);
}

/**
 * Move a crosshair over a chart with the pointer or the left and right arrow keys; it disappears with the pointer or the focus.
 * @param {{element: HTMLElement, plot: {valueAt: (event: PointerEvent) => number}, signal: AbortSignal, moveTo: (value: number | null) => void, moveBy: (direction: number) => void}} options
 *   element: takes the focus and the pointer; moveTo: called with a value of the x axis, or null; moveBy: called with −1 or 1
 */
export function crosshair({ element, plot, signal, moveTo, moveBy }) {
  element.addEventListener("pointermove", (event) => moveTo(plot.valueAt(event)), { signal });
  for (const name of ["pointerleave", "blur"]) element.addEventListener(name, () => moveTo(null), { signal });
  element.addEventListener("keydown", (event) => {
    const direction = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!direction || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    moveBy(direction);
  }, { signal });
}

/**
 * An empty chart. `draw` sets its scales, axes and content; `cursor` replaces what marks the current value.
 * @param {{width: number, height: number, margin: {left: number, right: number, top: number, bottom: number}, className?: string}} options
 */
export function chart({ width, height, margin, className = "" }) {
  const area = { left: margin.left, right: 0, top: margin.top, bottom: 0 };
  const axes = s("g", { class: "dlviz-chart-axes" });
  const content = s("g");
  const cursor = s("g");
  const element = s("svg", { class: `dlviz-chart ${className}`.trim() }, axes, content, cursor);
  let x = null;
  let y = null;
  resize(width, height);

  /** Change the size; the next `draw` uses it. */
  function resize(newWidth, newHeight) {
    [width, height] = [newWidth, newHeight];
    area.right = width - margin.right;
    area.bottom = height - margin.bottom;
    setAttributes({ width, height, viewBox: `0 0 ${width} ${height}` });
  }
  function setAttributes(attributes) {
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  }

  /** @typedef {{domain: [number, number], log?: boolean, ticks?: [number, string][], grid?: boolean, title?: string}} Axis grid: a line at every tick; without any, the axes are lines */
  /** @param {{x: Axis, y: Axis, label?: string, content: () => Node[]}} options label: text alternative, none where an element around the chart has it; content: drawn with the new scales */
  function draw({ x: across, y: up, label, content: make }) {
    x = scale(across.domain, [area.left, area.right], across);
    y = scale(up.domain, [area.bottom, area.top], up);
    const text = (left, top, anchor, words) => s("text", { x: left, y: top, "text-anchor": anchor }, words);
    const lines = [
      ...(up.grid ? up.ticks.map(([value]) => horizontal(value, "dlviz-chart-grid")) : []),
      ...(across.grid ? across.ticks.map(([value]) => vertical(value, "dlviz-chart-grid")) : []),
    ];
    const frame = s("path", { class: "dlviz-chart-frame", d: `M${area.left},${area.top}V${area.bottom}H${area.right}` });
    axes.replaceChildren(
      ...(up.grid || across.grid ? lines : [frame]),
      ...(up.ticks ?? []).map(([value, words]) => text(area.left - 5, y.pixel(value) + 4, "end", words)),
      // A label that would be cut off at the right edge ends at its tick.
      ...(across.ticks ?? []).map(([value, words]) => text(x.pixel(value), area.bottom + 14, x.pixel(value) + 3.2 * words.length > width ? "end" : "middle", words)),
      ...(across.title ? [text((area.left + area.right) / 2, height - 3, "middle", across.title)] : []),
    );
    cursor.replaceChildren();
    content.replaceChildren(...make());
    setAttributes(label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" });
  }
  /** A line through values at x = 0, 1, 2, …, or at `xs`. */
  function line(values, kind, { xs = null, style = null } = {}) {
    return path(Array.from(values, (value, k) => [xs ? xs[k] : k, value]), kind, style);
  }
  /** A line through points; one without a place on the scales breaks it. @param {number[][]} points pairs of values */
  function path(points, kind, style = null) {
    return s("path", { class: `dlviz-chart-line ${kind}`, style, d: linePath(points.map(([at, value]) => [x.pixel(at), y.pixel(value)])) });
  }
  function dots(values, kind, radius = 3) {
    return Array.from(values, (value, k) => [value, k]).filter(([value]) => Number.isFinite(value)).map(([value, k]) => dot(k, value, kind, radius));
  }
  function dot(at, value, kind, radius = 4.5) {
    return s("circle", { class: kind, r: radius, cx: x.pixel(at), cy: y.pixel(value) });
  }
  /** A bar between two values of the x axis, from the bottom of the y axis up to `value`. */
  function bar(from, to, value, style) {
    return s("rect", { x: x.pixel(from), y: y.pixel(value), width: x.pixel(to) - x.pixel(from), height: area.bottom - y.pixel(value), style });
  }
  function horizontal(value, kind) {
    return s("path", { class: kind, d: `M${area.left},${y.pixel(value).toFixed(1)}H${area.right}` });
  }
  function vertical(value, kind) {
    return s("path", { class: kind, d: `M${x.pixel(value).toFixed(1)},${area.top}V${area.bottom}` });
  }
  /** The x value under a pointer, within the axis. */
  function valueAt(event) {
    const box = element.getBoundingClientRect();
    const value = x.value(((event.clientX - box.left) / box.width) * width);
    return Math.max(x.low, Math.min(x.high, value));
  }
  return {
    element, area, resize, draw, line, path, dots, dot, bar, horizontal, vertical, valueAt,
    cursor: (...nodes) => cursor.replaceChildren(...nodes),
    /** The scale of each axis, with `pixel(value)` and `value(pixel)`. */
    scales: () => ({ x, y }),
  };
}
