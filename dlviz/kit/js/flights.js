// Copies of elements or pictures that move to where their values are used, so that what a step computes visibly comes from somewhere.

import { h } from "./dom.js";

/** Steps closer together than this are not animated. */
const MIN_STEP_INTERVAL = 300;
/** Milliseconds of the movement into a result, and of the result's appearance. */
const MOVE = 240;
const APPEAR = 140;

/**
 * @param {{layer: HTMLElement, model: any, signal: AbortSignal, className: string}} options layer: positioned element in which the copies are placed; className: of the copies
 */
export function flights({ layer, model, signal, className }) {
  const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
  let flying = [];
  let lastStep = -Infinity;
  /** What is there when the picture opens comes from nowhere. */
  let hasOpened = false;
  signal.addEventListener("abort", stop);

  function stop() {
    for (const { animation, copy } of flying) {
      animation.onfinish = null;
      animation.cancel();
      copy.remove();
    }
    flying = [];
  }
  /** Whether there is time for a step's animation: not with reduced motion, while scrubbing, nor when playing faster than speed 1. */
  function isWanted() {
    const now = performance.now();
    const tooFast = now - lastStep < MIN_STEP_INTERVAL;
    lastStep = now;
    return !tooFast && !reducedMotion.matches && !(model.get("playing") && model.get("speed") > 1);
  }
  /**
   * @param {Node | string} content of the copy @param {DOMRect} from @param {DOMRect} to rectangles in the window, measured by the caller before it changes anything
   * @param {{origin: DOMRect, delay?: number, duration: number, background?: string, scale?: boolean, onEnd?: () => void}} options origin: rectangle of the layer; scale: whether the copy takes the size of its goal
   */
  function fly(content, from, to, { origin, delay = 0, duration, background = "", scale = false, onEnd = () => {} }) {
    const copy = h("div", { class: className, "aria-hidden": "true" }, content);
    Object.assign(copy.style, { left: `${from.left - origin.left}px`, top: `${from.top - origin.top}px`, width: `${from.width}px`, height: `${from.height}px`, background });
    layer.append(copy);
    const size = scale ? ` scale(${to.width / from.width}, ${to.height / from.height})` : "";
    const transform = `translate(${to.left + to.width / 2 - from.left - from.width / 2}px, ${to.top + to.height / 2 - from.top - from.height / 2}px)${size}`;
    const animation = copy.animate([{ transform: "none" }, { transform }], { delay, duration, easing: "ease-in-out", fill: "backwards" });
    flying.push({ animation, copy });
    animation.onfinish = () => {
      copy.remove();
      onEnd();
    };
  }
  /** Move copies of cells into the cell of their result, where the number then appears, if there is time and it is not the first one. @param {HTMLElement[]} cells @param {HTMLElement | undefined} result */
  function moveInto(cells, result) {
    stop();
    result?.getAnimations().forEach((animation) => animation.cancel());
    const isFirst = !hasOpened;
    hasOpened = true;
    if (isFirst || !isWanted() || !result) return;
    const [origin, to, ...boxes] = [layer, result, ...cells].map((node) => node.getBoundingClientRect());
    cells.forEach((node, i) => fly(node.textContent, boxes[i], to, { origin, duration: MOVE, background: node.style.background }));
    result.animate([{ color: "transparent", background: "var(--raised)" }], { delay: MOVE, duration: APPEAR, fill: "backwards" });
  }
  return { fly, stop, isWanted, moveInto };
}
