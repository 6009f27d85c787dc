// Animation of products moving to the running sum, and of the sum moving to the output.

import { PACE } from "../../kit/js/player.js";

/** Milliseconds: between two starts, of one movement, and of the whole animation at most. */
const DELAY = 90;
const DURATION = 260;
const MAX_DURATION = 2000;

/**
 * @param {{layer: HTMLElement, model: any, fly: any}} options fly: of kit/js/flights.js
 * @param {{node: HTMLElement, onArrival: () => void}[]} tiles @param {HTMLElement} sum @param {HTMLElement} output @param {() => void} onEnd
 */
export function animateProducts({ layer, model, fly }, tiles, sum, output, onEnd) {
  // All measuring comes first: reading after writing costs a layout.
  const [origin, target, end, ...boxes] = [layer, sum, output, ...tiles.map(({ node }) => node)].map((node) => node.getBoundingClientRect());
  // While playing, the animation ends before the next step.
  const time = model.get("playing") ? (0.85 * PACE) / model.get("speed") : MAX_DURATION;
  const duration = Math.min(DURATION, time / 3);
  const delay = Math.min(DELAY, (time - 2 * duration) / tiles.length);
  const move = (node, from, to, startDelay, onArrival) => fly(node.textContent, from, to, { origin, delay: startDelay, duration, background: node.style.background, onEnd: onArrival });
  tiles.forEach(({ node, onArrival }, i) => move(node, boxes[i], target, i * delay, () => {
    onArrival();
    if (i === tiles.length - 1) move(sum, target, end, 0, onEnd);
  }));
}
