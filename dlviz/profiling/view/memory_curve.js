// Memory over time, on the same time axis as the events.

import { h } from "../../kit/js/dom.js";
import { hidpiContext } from "../../kit/js/heatmap.js";
import { firstAbove } from "./profile_data.js";

/** @param {{label: string}} options */
export function memoryCurve({ label }) {
  const labels = h("div", { class: "pro-labels" });
  const canvas = h("canvas", { class: "pro-canvas", role: "img", "aria-label": label });
  const element = h("div", { class: "pro-panel pro-memory" }, labels, canvas);
  let context = null;
  let width = 0;
  let height = 0;

  /** @param {Node[]} nodes labels @param {number} pixels height */
  function show(nodes, pixels) {
    labels.replaceChildren(...nodes);
    height = pixels;
    width = 0;
  }
  /** Fit the canvas to the panel. @param {number} left width of the labels */
  function resize(left) {
    const next = Math.max(40, element.clientWidth - left);
    if (next === width) return;
    width = next;
    context = hidpiContext(canvas, width, height);
  }
  /** Bytes at a time. @param {any} curve @param {number} time */
  function at(curve, time) {
    const k = firstAbove(curve.times, time) - 1;
    return k < 0 ? 0 : curve.bytes[k];
  }
  /** @param {{curves: any[], range: any, colors: any}} picture */
  function draw({ curves, range, colors }) {
    context.fillStyle = colors.paper;
    context.fillRect(0, 0, width, height);
    const scale = width / (range.to - range.from);
    curves.forEach((curve, device) => {
      const low = Math.min(0, ...curve.bytes);
      const high = Math.max(low + 1, ...curve.bytes);
      const y = (bytes) => height - 3 - ((bytes - low) / (high - low)) * (height - 8);
      const from = Math.max(0, firstAbove(curve.times, range.from) - 1);
      const to = firstAbove(curve.times, range.to);
      context.beginPath();
      context.moveTo(0, y(at(curve, range.from)));
      for (let k = from; k < to; k += 1) {
        const x = Math.max(0, (curve.times[k] - range.from) * scale);
        context.lineTo(x, y(k ? curve.bytes[k - 1] : 0));
        context.lineTo(x, y(curve.bytes[k]));
      }
      context.lineTo(width, y(at(curve, range.to)));
      context.strokeStyle = colors[device ? "run-5" : "run-3"];
      context.lineWidth = 1.5;
      context.stroke();
      if (device) return;
      context.lineTo(width, y(0));
      context.lineTo(0, y(0));
      context.globalAlpha = 0.14;
      context.fillStyle = colors["run-3"];
      context.fill();
      context.globalAlpha = 1;
    });
  }
  return { element, canvas, show, resize, draw, at, get width() { return width; } };
}
