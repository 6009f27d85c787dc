// The part of the time axis that is shown, shared by all parts of the timeline; zoom and pan change it.

import { h } from "./dom.js";

/** The shortest time that fills the picture, in microseconds. */
const SHORTEST = 1;

/** @param {{changed: () => void}} options */
export function timeRange({ changed }) {
  const range = {
    span: 1,
    from: 0,
    to: 1,
    isWhole: () => range.from === 0 && range.to === range.span,
    /** Show a part, moved and shortened so that it lies within the whole. @param {number} from @param {number} to */
    set(from, to) {
      const length = Math.min(range.span, Math.max(Math.min(SHORTEST, range.span), to - from));
      range.from = Math.max(0, Math.min(range.span - length, from));
      range.to = range.from + length;
      changed();
    },
    reset: () => range.set(0, range.span),
    /** Zoom by a factor around a place, given as a fraction of the picture. @param {number} factor above 1 for closer @param {number} [at] */
    zoom(factor, at = 0.5) {
      const length = range.to - range.from;
      const from = range.from + at * length * (1 - 1 / factor);
      range.set(from, from + length / factor);
    },
    /** @param {number} fraction of the picture's width */
    pan(fraction) {
      const by = fraction * (range.to - range.from);
      range.set(range.from + by, range.to + by);
    },
    /** Show a time in the middle. @param {number} time */
    center(time) {
      const half = (range.to - range.from) / 2;
      range.set(time - half, time + half);
    },
  };
  return range;
}

/** Buttons that zoom in, zoom out, and show all. @param {{messages: Record<string, string>, range: any, signal: AbortSignal}} options */
export function zoomButtons({ messages, range, signal }) {
  const acts = { closer: () => range.zoom(2), farther: () => range.zoom(0.5), whole: () => range.reset() };
  return Object.entries(acts).map(([name, act]) => {
    const label = messages[`timeline.${name}_label`];
    const node = h("button", { type: "button", class: "dlviz-outlined small", "aria-label": label, title: label }, messages[`timeline.${name}`]);
    node.addEventListener("click", act, { signal });
    return node;
  });
}

/** Zoom by +, − and 0. @param {KeyboardEvent} event @param {any} range @returns {boolean} whether it was one of these keys */
export function zoomKey(event, range) {
  if (event.key === "+" || event.key === "=") range.zoom(1.5);
  else if (event.key === "-") range.zoom(1 / 1.5);
  else if (event.key === "0") range.reset();
  else return false;
  return true;
}
