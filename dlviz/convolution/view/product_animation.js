// Products on their way to the running sum, and the sum on its way to the output. Where motion is not wanted, the sum simply stands there.

import { h } from "../../kit/js/dom.js";
import { PACE } from "../../kit/js/player.js";

/** Milliseconds: between two takeoffs, on the way, and all of it at most. */
const GAP = 90;
const WAY = 260;
const MOST = 2000;
/** Steps that follow each other faster than this are somebody hurrying through. */
const HURRY = 300;

/**
 * @param {{layer: HTMLElement, model: any, signal: AbortSignal}} options layer: what the flyers are placed in
 */
export function flight({ layer, model, signal }) {
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let flyers = [];
  let last = -Infinity;
  signal.addEventListener("abort", stop);

  function stop() {
    for (const { animation, clone } of flyers) {
      animation.onfinish = null;
      animation.cancel();
      clone.remove();
    }
    flyers = [];
  }
  /** Whether there is time for a flight: not while scrubbing, nor when playing faster than at speed 1. */
  function wanted() {
    const now = performance.now();
    const hurry = now - last < HURRY;
    last = now;
    return !hurry && !still.matches && !(model.get("playing") && model.get("speed") > 1);
  }
  /** @param {{node: HTMLElement, arrive: () => void}[]} tiles @param {HTMLElement} sum @param {HTMLElement} output @param {() => void} landed */
  function start(tiles, sum, output, landed) {
    // All that has to be measured is measured first: a read after a write costs a layout.
    const home = layer.getBoundingClientRect();
    const places = [...tiles.map(({ node }) => node), sum, output].map((node) => node.getBoundingClientRect());
    const target = places.at(-2);
    // While playing all have landed before the next step.
    const time = model.get("playing") ? (0.85 * PACE) / model.get("speed") : MOST;
    const way = Math.min(WAY, time / 3);
    const gap = Math.min(GAP, (time - 2 * way) / tiles.length);
    const launch = (node, from, to, delay, done) => {
      const clone = h("div", { class: "slide-flyer", "aria-hidden": "true" }, node.textContent);
      Object.assign(clone.style, { left: `${from.left - home.left}px`, top: `${from.top - home.top}px`, width: `${from.width}px`, height: `${from.height}px`, background: node.style.background });
      layer.append(clone);
      const away = `translate(${to.left + to.width / 2 - from.left - from.width / 2}px, ${to.top + to.height / 2 - from.top - from.height / 2}px)`;
      const animation = clone.animate([{ transform: "none" }, { transform: away }], { delay, duration: way, easing: "ease-in-out", fill: "backwards" });
      flyers.push({ animation, clone });
      animation.onfinish = () => {
        clone.remove();
        done();
      };
    };
    tiles.forEach(({ node, arrive }, i) => launch(node, places[i], target, i * gap, () => {
      arrive();
      if (i === tiles.length - 1) launch(sum, target, places.at(-1), 0, landed);
    }));
  }
  return { start, stop, wanted };
}
