// Pictures of examples, drawn from bytes onto canvases.

import { typedArray } from "../../kit/js/typed_arrays.js";
import { pixelCanvas } from "../../kit/js/heatmap.js";

export function pictures() {
  let about = null;
  let bytes = null;
  let places = new Map();
  return {
    /** @param {any} next what dlviz.evaluation.scene.album wrote; nothing where there are no pictures */
    show(next) {
      about = next?.pixels ? next : null;
      bytes = about && typedArray(about.pixels, "uint8");
      places = new Map(about ? Array.from(typedArray(about.numbers, "int32"), (number, at) => [number, at]) : []);
    },
    /** @returns {HTMLCanvasElement | null} the picture of an example, its longer side so many CSS pixels */
    draw(number, side) {
      if (!places.has(number)) return null;
      const { height, width, channels } = about;
      const from = places.get(number) * height * width * channels;
      const canvas = pixelCanvas(height, width, (p, data) => {
        for (let c = 0; c < 3; c += 1) data[4 * p + c] = bytes[from + p * channels + (channels === 3 ? c : 0)];
        data[4 * p + 3] = 255;
      });
      const scale = side / Math.max(height, width);
      canvas.className = "conf-picture";
      canvas.style.width = `${Math.max(1, Math.round(width * scale))}px`;
      canvas.style.height = `${Math.max(1, Math.round(height * scale))}px`;
      return canvas;
    },
  };
}
