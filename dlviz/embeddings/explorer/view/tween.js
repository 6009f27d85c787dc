// Numbers on their way to others. Where motion is not wanted, they are there at once.

/**
 * @param {{redraw: () => void}} options redraw: asks for a frame, in which `now` is asked for
 */
export function motion({ redraw }) {
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let shown = null;
  let from = null;
  let to = null;
  let [began, time, even] = [0, 0, false];
  return {
    /** @param {ArrayLike<number>} next @param {number} [ms] 0 for at once @param {boolean} [steady] without slowing down, for one move after another */
    go(next, ms = 0, steady = false) {
      if (to && next.length === to.length && next.every((value, k) => Object.is(value, to[k]))) return;
      const jumps = !ms || still.matches || !shown || shown.length !== next.length;
      from = jumps ? null : shown;
      to = next;
      if (jumps) shown = next;
      [began, time, even] = [performance.now(), ms, steady];
      redraw();
    },
    now() {
      if (!from) return shown;
      const part = Math.min(1, (performance.now() - began) / time);
      const share = even ? part : part * part * (3 - 2 * part);
      shown = part < 1 ? to.map((value, k) => from[k] + (value - from[k]) * share) : to;
      if (part < 1) redraw();
      else from = null;
      return shown;
    },
  };
}
