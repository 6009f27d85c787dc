// Drawing in animation frames: after changes of size or theme, and while values move.

import { onThemeChange } from "./heatmap.js";

/**
 * Draw at most once in each animation frame: on request, and after a change of the element's width or of the theme.
 * @param {{root: HTMLElement, element: HTMLElement, signal: AbortSignal, draw: (width: number) => void}} options
 *   root: the card, whose theme is observed; draw: called with the width of `element` in pixels, 0 while it has none
 * @returns {() => void} requests a drawing
 */
export function redrawOnChange({ root, element, signal, draw }) {
  let width = 0;
  let requested = 0;
  let seen = false;
  function paint() {
    requested = 0;
    if (seen && !element.clientWidth) {
      // It is hidden, as JupyterLab hides everything while it loads another theme, and nothing in it can be measured. Observed anew it is
      // reported as soon as it has a width, also if that is the same again before the observer has seen it without.
      width = 0;
      observer.unobserve(element);
      observer.observe(element);
    } else draw(width);
  }
  function redraw() {
    requested ||= requestAnimationFrame(paint);
  }
  const observer = new ResizeObserver(([entry]) => {
    const measured = Math.floor(entry.contentRect.width);
    if (measured === width || !measured) return;
    width = measured;
    seen = true;
    redraw();
  });
  observer.observe(element);
  onThemeChange(root, signal, redraw);
  signal.addEventListener("abort", () => {
    observer.disconnect();
    cancelAnimationFrame(requested);
  });
  return redraw;
}

/**
 * Numbers that move to new values over time, or at once if the user prefers reduced motion.
 * @param {{redraw: () => void}} options redraw: requests an animation frame, in which `now` is called
 */
export function tween({ redraw }) {
  const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
  let shown = null;
  let from = null;
  let to = null;
  let [began, time, linear] = [0, 0, false];
  return {
    /** @param {number[] | Float32Array} next @param {number} [ms] 0 for at once @param {boolean} [steady] linear, for continuous playing */
    go(next, ms = 0, steady = false) {
      if (to && next.length === to.length && Array.prototype.every.call(next, (value, k) => Object.is(value, to[k]))) return;
      const isInstant = !ms || reducedMotion.matches || !shown || shown.length !== next.length;
      from = isInstant ? null : shown;
      to = next;
      if (isInstant) shown = next;
      [began, time, linear] = [performance.now(), ms, steady];
      redraw();
    },
    now() {
      if (!from) return shown;
      const progress = Math.min(1, (performance.now() - began) / time);
      const eased = linear ? progress : progress * progress * (3 - 2 * progress);
      shown = progress < 1 ? to.map((value, k) => from[k] + (value - from[k]) * eased) : to;
      if (progress < 1) redraw();
      else from = null;
      return shown;
    },
  };
}

/**
 * Play the animations of a step: none if the user prefers reduced motion, and none if the step before began less than `ms` milliseconds ago.
 * @param {number} ms
 * @returns {(parts: {start: (ms: number) => Animation}[]) => void} starts the animation of every part, and ends those of the step before
 */
export function stepAnimation(ms) {
  const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
  let running = [];
  let began = -ms;
  return (parts) => {
    for (const animation of running) animation.cancel();
    const now = performance.now();
    running = reducedMotion.matches || now - began < ms ? [] : parts.map((part) => part.start(ms));
    began = now;
  };
}
