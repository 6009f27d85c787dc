// Images: what one image is, the noise that the network predicts in it and the data that it predicts; below, all images at this step.

import { arrowDirection, h, fillIn, onKeys } from "../../kit/js/dom.js";
import { channels, hidpiContext, pixelCanvas, scratch } from "../../kit/js/heatmap.js";
import { pointerPixel } from "../../kit/js/plane_axes.js";
import { drawBox } from "../../kit/js/canvas.js";
import { part, subscript } from "./decode.js";

const COLUMNS = 8;
const GAP = 4;
const LARGE = 128;

/** @param {{messages: Record<string, string>, signal: AbortSignal, pick: (point: number) => void}} options */
export function imagePicture({ messages, signal, pick }) {
  const large = ["x", "noise", "x0"].map((name) => {
    const canvas = h("canvas");
    const title = h("b", {});
    return { name, canvas, title, element: h("figure", { class: "diff-large" }, h("figcaption", {}, title), canvas) };
  });
  const sheet = h("canvas");
  const button = h("button", { type: "button", class: "diff-canvas diff-sheet" }, sheet);
  const element = h("div", { class: "diff-images" }, h("div", { class: "diff-larges" }, ...large.map((one) => one.element)), button);
  let state = null;
  /** Width and height of a small image. */
  let tile = [44, 44];

  /** @param {any} next what plane_picture.js draws too, and noise: the predicted noise of every image, or null */
  function draw(next) {
    state = next;
    const { scene, points, width, k } = next;
    const chosen = selected();
    const [wide, high] = box(Math.min(LARGE, Math.floor((width - 2 * 12) / 3)));
    for (const { name, canvas, title, element: figure } of large) {
      const values = part(name === "x" ? points : next[name], chosen, scene.size);
      // Of the data themselves there is no prediction.
      figure.style.visibility = values ? "" : "hidden";
      const label = name === "x" && next.labels ? scene.classes[next.labels[chosen]] : undefined;
      const text = fillIn(messages[label === undefined ? `image.${name}` : "image.x_class"], { k: subscript(k), name: label });
      title.textContent = text;
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", text);
      const context = hidpiContext(canvas, wide, high);
      if (values) context.drawImage(picture(values, name === "noise"), 0, 0, wide, high);
      drawBox(context, [0.5, 0.5, wide - 1, high - 1], next.colors.line);
    }
    const count = points ? points.length / scene.size : 0;
    tile = box(Math.max(20, Math.min(44, Math.floor((width + GAP) / COLUMNS) - GAP)));
    const rows = Math.max(1, Math.ceil(count / COLUMNS));
    const context = hidpiContext(sheet, COLUMNS * (tile[0] + GAP) - GAP + 4, rows * (tile[1] + GAP) - GAP + 4);
    for (let i = 0; i < count; i += 1) {
      const [x, y] = [2 + (i % COLUMNS) * (tile[0] + GAP), 2 + Math.floor(i / COLUMNS) * (tile[1] + GAP)];
      context.drawImage(picture(part(points, i, scene.size), false), x, y, ...tile);
      if (i === chosen) drawBox(context, [x - 1, y - 1, tile[0] + 2, tile[1] + 2], next.colors.select, 2);
    }
    button.setAttribute("aria-label", messages[next.backward ? "sheet_alt_walk" : "sheet_alt_noise"]);
  }
  const selected = () => Math.max(0, state.point);
  /** Width and height of an image whose longer side is given. @returns {[number, number]} */
  function box(longer) {
    const { rows, columns } = state.scene.image;
    const unit = longer / Math.max(rows, columns);
    return [Math.max(6, Math.round(unit * columns)), Math.max(6, Math.round(unit * rows))];
  }
  /** Gray or colored pixels from black to white; noise blue below zero and orange above. */
  function picture(values, isNoise) {
    const { image } = state.scene;
    const pixels = image.rows * image.columns;
    const [paper, pos, neg] = ["paper", "pos", "neg"].map((name) => channels(state.colors[name]));
    return pixelCanvas(image.rows, image.columns, (p, data) => {
      for (let c = 0; c < 3; c += 1) {
        const value = values[p + (image.channels === 3 && !isNoise ? c * pixels : 0)];
        const share = Math.abs(value - 127.5) / 127.5;
        const to = value < 127.5 ? neg : pos;
        data[4 * p + c] = isNoise ? paper[c] + (to[c] - paper[c]) * share : value;
      }
      data[4 * p + 3] = 255;
    }, scratch);
  }
  button.addEventListener("click", (event) => {
    if (!event.detail || !state?.points) return;
    const [x, y] = pointerPixel(sheet, event).map((at, k) => Math.floor((at - 2) / (tile[k] + GAP)));
    choose(y * COLUMNS + Math.min(COLUMNS - 1, x));
  }, { signal });
  onKeys(button, signal, (event) => {
    const direction = arrowDirection(event);
    if (!direction || !state?.points) return false;
    choose(selected() + direction[0] + COLUMNS * direction[1]);
    return true;
  });
  function choose(i) {
    if (i >= 0 && i < state.points.length / state.scene.size) pick(i);
  }
  return { element, draw };
}
