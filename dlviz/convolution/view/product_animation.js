// Animation of products moving to the running sum, and of the sum moving to the output. With reduced motion only the sum is shown.

import { h } from "../../kit/js/dom.js";
import { PACE } from "../../kit/js/player.js";

/** Milliseconds: between two starts, of one movement, and of the whole animation at most. */
const DELAY = 90;
const DURATION = 260;
const MAX_DURATION = 2000;
/** Steps closer together than this are not animated. */
const MIN_STEP_INTERVAL = 300;

/**
 * @param {{layer: HTMLElement, model: any, signal: AbortSignal}} options layer: element in which the moving copies are placed
 */
export function productAnimation({ layer, model, signal }) {
  const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
  let running = [];
  let lastStep = -Infinity;
  signal.addEventListener("abort", stop);

  function stop() {
    for (const { animation, clone } of running) {
      animation.onfinish = null;
      animation.cancel();
      clone.remove();
    }
    running = [];
  }
  /** Whether there is time for the animation: not while scrubbing, nor when playing faster than speed 1. */
  function isWanted() {
    const now = performance.now();
    const tooFast = now - lastStep < MIN_STEP_INTERVAL;
    lastStep = now;
    return !tooFast && !reducedMotion.matches && !(model.get("playing") && model.get("speed") > 1);
  }
  /** @param {{node: HTMLElement, onArrival: () => void}[]} tiles @param {HTMLElement} sum @param {HTMLElement} output @param {() => void} onEnd */
  function start(tiles, sum, output, onEnd) {
    // All measuring comes first: reading after writing costs a layout.
    const origin = layer.getBoundingClientRect();
    const boxes = [...tiles.map(({ node }) => node), sum, output].map((node) => node.getBoundingClientRect());
    const target = boxes.at(-2);
    // While playing, the animation ends before the next step.
    const time = model.get("playing") ? (0.85 * PACE) / model.get("speed") : MAX_DURATION;
    const duration = Math.min(DURATION, time / 3);
    const delay = Math.min(DELAY, (time - 2 * duration) / tiles.length);
    const move = (node, from, to, startDelay, done) => {
      const clone = h("div", { class: "conv-moving-product", "aria-hidden": "true" }, node.textContent);
      Object.assign(clone.style, { left: `${from.left - origin.left}px`, top: `${from.top - origin.top}px`, width: `${from.width}px`, height: `${from.height}px`, background: node.style.background });
      layer.append(clone);
      const transform = `translate(${to.left + to.width / 2 - from.left - from.width / 2}px, ${to.top + to.height / 2 - from.top - from.height / 2}px)`;
      const animation = clone.animate([{ transform: "none" }, { transform }], { delay: startDelay, duration, easing: "ease-in-out", fill: "backwards" });
      running.push({ animation, clone });
      animation.onfinish = () => {
        clone.remove();
        done();
      };
    };
    tiles.forEach(({ node, onArrival }, i) => move(node, boxes[i], target, i * delay, () => {
      onArrival();
      if (i === tiles.length - 1) move(sum, target, boxes.at(-1), 0, onEnd);
    }));
  }
  return { start, stop, isWanted };
}
