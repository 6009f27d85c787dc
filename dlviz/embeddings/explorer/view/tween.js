// Numbers that move to new values over time, or at once if the user prefers reduced motion.

/**
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
