// Numbers as colors on a canvas: one pixel per number, blue below zero and orange above, scaled up without smoothing.

/** A shared canvas for a picture that is copied to another canvas at once: the next picture replaces it. A new canvas takes ten times as long. */
export const scratch = document.createElement("canvas");

/** The theme and its colors, by the element for which they were read. @type {WeakMap<HTMLElement, {theme: string | null, colors: Record<string, string>}>} */
const colorCache = new WeakMap();

/** The current theme's colors and fonts by name, for drawing on a canvas. @param {HTMLElement} element inside the widget @returns {Record<string, string>} */
export function themeColors(element) {
  const theme = element.closest("[data-theme]")?.getAttribute("data-theme") ?? null;
  const before = colorCache.get(element);
  if (before && before.theme === theme) return before.colors;
  const style = getComputedStyle(element);
  const numbered = ["dim", "class", "run", "height"].flatMap((kind) => [0, 1, 2, 3, 4, 5].map((k) => `${kind}-${k}`));
  const names = ["paper", "pos", "neg", "bad", "ink", "ink-3", "line", "line-2", "flow", "select", "select-soft", "accent", "raised", "good", "ink-2", "font", "mono", ...numbered];
  const colors = Object.freeze(Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()])));
  // Before its style sheet is loaded, an element has no colors.
  if (theme && colors.paper) colorCache.set(element, { theme, colors });
  return colors;
}

/** Red, green and blue of a color such as "#0969da". @returns {number[]} */
export function channels(hex) {
  return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
}

/**
 * Draw a heat map of rows × columns pixels, to be scaled up.
 * @param {ArrayLike<number>} values row-major, read from `from`
 * @param {number} max the value with the strongest color
 * @param {Record<string, string>} colors
 * @param {HTMLCanvasElement} [canvas] a new one, or `scratch`
 */
export function heatmap(values, from, rows, columns, max, colors, canvas = undefined) {
  const [paper, pos, neg, bad] = [colors.paper, colors.pos, colors.neg, colors.bad].map(channels);
  return pixelCanvas(rows, columns, (p, data) => {
    const value = values[from + p];
    const nonfinite = !Number.isFinite(value);
    const share = nonfinite ? 1 : max > 0 ? Math.min(1, Math.abs(value) / max) : 0;
    const to = nonfinite ? bad : value < 0 ? neg : pos;
    for (let c = 0; c < 3; c += 1) data[4 * p + c] = paper[c] + (to[c] - paper[c]) * share;
    data[4 * p + 3] = 255;
  }, canvas);
}

/**
 * Black or white for a number on a pixel of a heat map, whichever has more contrast: at least 4.5 to 1 on any color.
 * @param {HTMLCanvasElement} picture one pixel for each number; not `scratch`, which reading would slow down
 * @returns {(p: number) => string} the color of the text on pixel p
 */
export function textColors(picture) {
  const { data } = picture.getContext("2d").getImageData(0, 0, picture.width, picture.height);
  const light = (share) => (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4);
  return (p) => (0.2126 * light(data[4 * p] / 255) + 0.7152 * light(data[4 * p + 1] / 255) + 0.0722 * light(data[4 * p + 2] / 255) > 0.179 ? "black" : "white");
}

/** Draw values as the opacity of one color. */
export function alphaMap(values, rows, columns, max, color, canvas = undefined) {
  const rgb = channels(color);
  return pixelCanvas(rows, columns, (p, data) => {
    data.set(rgb, 4 * p);
    data[4 * p + 3] = max > 0 ? 215 * Math.sqrt(Math.min(1, Math.abs(values[p]) / max)) : 0;
  }, canvas);
}

/** @param {number} rows @param {number} columns @param {(p: number, data: Uint8ClampedArray) => void} set @param {HTMLCanvasElement} [canvas] a new one, or `scratch` */
export function pixelCanvas(rows, columns, set, canvas = document.createElement("canvas")) {
  canvas.width = Math.max(1, columns);
  canvas.height = Math.max(1, rows);
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  for (let p = 0; p < rows * columns; p += 1) set(p, image.data);
  context.putImageData(image, 0, 0);
  return canvas;
}

/** Canvas pixels per CSS pixel. */
export const pixelRatio = () => Math.min(3, window.devicePixelRatio || 1);

/** Size a canvas for the screen's pixel ratio and return its 2D context in CSS pixels. */
export function hidpiContext(canvas, width, height) {
  const ratio = pixelRatio();
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.imageSmoothingEnabled = false;
  return context;
}

/** The largest finite absolute value. */
export function maxAbs(values, from = 0, to = values.length) {
  let max = 0;
  for (let p = from; p < to; p += 1) {
    const size = Math.abs(values[p]);
    if (size > max && size !== Infinity) max = size;
  }
  return max;
}

/** Call back when the widget changes between light and dark. */
export function onThemeChange(root, signal, call) {
  const observer = new MutationObserver(call);
  observer.observe(root, { attributes: true, attributeFilter: ["data-theme"] });
  signal.addEventListener("abort", () => observer.disconnect());
}
