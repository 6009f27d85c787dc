// Real images beside fakes, each with the discriminator's answer; a selected fake enlarged beside the gradient of its pixels.

import { h, fillIn } from "../../kit/js/dom.js";
import { heatmap, hidpiContext, maxAbs, onThemeChange, pixelCanvas, themeColors, scratch } from "../../kit/js/heatmap.js";
import { format } from "../../kit/js/numbers.js";

/** Sides of a small and of an enlarged image, in pixels. */
const SMALL = 40;
const LARGE = 124;

/** @param {{messages: Record<string, string>, root: HTMLElement, signal: AbortSignal, select: (fake: number) => void}} options */
export function imagesView({ messages, root, signal, select }) {
  const [real, fakes] = [h("div", { class: "duel-images" }), h("div", { class: "duel-images" })];
  const [enlarged, gradient] = [h("canvas"), h("canvas")];
  const scale = h("span", { class: "dlviz-soft" });
  const figure = (canvas, text) => h("figure", {}, canvas, h("figcaption", {}, text));
  const detail = h("div", { class: "duel-detail", hidden: "" }, figure(enlarged, messages.pixels), figure(gradient, messages.pixel_gradient), scale);
  const [realTitle, fakesTitle, below] = [h("b"), h("b"), h("p", { class: "duel-below dlviz-soft" })];
  const panel = (title, grid) => h("div", { class: "dlviz-panel" }, h("div", { class: "dlviz-panel-title" }, title), grid);
  const element = h("div", { class: "duel-gallery" }, h("div", { class: "duel-pair" }, panel(realTitle, real), panel(fakesTitle, fakes)), below, detail);
  let scene = null;
  let selected = -1;
  onThemeChange(root, signal, drawDetail);

  function show(next) {
    scene = next;
    realTitle.textContent = titleOf("real_title", scene.d_real.length, scene.real_count);
    fakesTitle.textContent = titleOf("fakes_title", scene.drawn, scene.count);
    below.textContent = scene.output === "score" ? messages.below_score : messages.below;
    fill(real, scene.d_real.length, scene.real, scene.d_real, false);
    fill(fakes, scene.drawn, scene.fakes, scene.d_fake, true);
    drawDetail();
  }
  function titleOf(name, shown, count) {
    return shown < count ? fillIn(messages[`${name}_some`], { shown, count }) : messages[name];
  }
  /** Fill a grid; its buttons stay, so that none loses the focus. */
  function fill(grid, count, pixels, d, isButton) {
    while (grid.children.length > count) grid.lastChild.remove();
    for (let k = grid.children.length; k < count; k += 1) {
      const node = h(isButton ? "button" : "div", { class: "duel-image", type: isButton ? "button" : null }, h("canvas"), h("span"));
      if (isButton) node.addEventListener("click", () => select(k === selected ? -1 : k), { signal });
      grid.append(node);
    }
    for (let k = 0; k < count; k += 1) {
      const [canvas, text] = grid.children[k].children;
      drawImage(canvas, pixels, k, SMALL);
      text.textContent = d[k].toFixed(2).replace("-0.00", "0.00").replace("-", "−");
      if (isButton) grid.children[k].setAttribute("aria-label", fillIn(messages.image_label, { index: k, d: format(d[k], 3) }));
    }
    mark();
  }
  function mark() {
    Array.from(fakes.children).forEach((node, k) => node.setAttribute("aria-pressed", String(k === selected)));
  }
  function drawImage(canvas, pixels, index, size) {
    const [depth, rows, columns] = scene.shape;
    const start = index * depth * rows * columns;
    put(canvas, size, pixelCanvas(rows, columns, (p, data) => {
      for (let c = 0; c < 3; c += 1) data[4 * p + c] = pixels[start + (depth === 3 ? c : 0) * rows * columns + p];
      data[4 * p + 3] = 255;
    }, scratch));
  }
  function put(canvas, size, picture) {
    const [, rows, columns] = scene.shape;
    const unit = size / Math.max(rows, columns);
    hidpiContext(canvas, columns * unit, rows * unit).drawImage(picture, 0, 0, columns * unit, rows * unit);
  }
  function drawDetail() {
    detail.hidden = !scene || selected < 0 || selected >= scene.drawn;
    if (detail.hidden) return;
    const [, rows, columns] = scene.shape;
    const start = selected * rows * columns;
    const strongest = maxAbs(scene.gradients, start, start + rows * columns);
    drawImage(enlarged, scene.fakes, selected, LARGE);
    put(gradient, LARGE, heatmap(scene.gradients, start, rows, columns, strongest, themeColors(root), scratch));
    scale.textContent = fillIn(messages.pixel_scale, { size: format(strongest, 3) });
  }
  return {
    element, show,
    /** @param {{selected: number}} state */
    update(state) {
      selected = state.selected;
      mark();
      drawDetail();
    },
  };
}
