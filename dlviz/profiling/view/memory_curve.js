// Memory over time, on the same time axis as the events.

import { firstAbove } from "./profile_data.js";
import { timePanel } from "./time_panel.js";

/** @param {{label: string}} options */
export function memoryCurve({ label }) {
  const panel = timePanel({ kind: "pro-memory", label });

  /** Bytes at a time. @param {any} curve @param {number} time */
  function at(curve, time) {
    const k = firstAbove(curve.times, time) - 1;
    return k < 0 ? 0 : curve.bytes[k];
  }
  /** @param {{curves: any[], range: any, colors: any}} picture */
  function draw({ curves, range, colors }) {
    const { context, width, height } = panel;
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
  return Object.assign(panel, { draw, at });
}
