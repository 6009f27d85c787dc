// Grad-CAM: the layer is chosen by a click; its strongest channels with their weights, and the sum of the map.

import { closest, fillIn, h } from "../../kit/js/dom.js";
import { hidpiContext } from "../../kit/js/heatmap.js";
import { format } from "../../kit/js/numbers.js";
import { STRONGEST } from "./decode.js";
import { drawOver, fitted, mapPicture } from "./map_canvas.js";

const SIDE = 50;

/** @param {{messages: Record<string, string>, signal: AbortSignal, setLayer: (path: string) => void, setRelu: (relu: boolean) => void}} options */
export function camPanel({ messages, signal, setLayer, setRelu }) {
  const list = h("div", { class: "attr-layers", role: "group", "aria-label": messages["cam.layers"] });
  const relu = h("input", { type: "checkbox", role: "switch", class: "dlviz-switch", "aria-label": messages["cam.relu"] });
  const sum = h("span", { class: "mono" });
  const note = h("p", { class: "dlviz-soft" });
  const channels = h("div", { class: "attr-channels" });
  const how = h("p", { class: "dlviz-soft" });
  const title = h("span", { class: "attr-name" });
  const element = h("div", { class: "attr-cam", hidden: "" }, title, list, note, h("label", { class: "attr-relu" }, relu, h("span", {}, messages["cam.relu"]), sum), how, channels);
  /** @type {any} */
  let shown = null;
  let key = "";
  list.addEventListener("click", (event) => {
    const item = closest(event, "[data-path]");
    if (item && item.getAttribute("aria-disabled") !== "true") setLayer(item.dataset.path ?? "");
  }, { signal });
  relu.addEventListener("change", () => setRelu(relu.checked), { signal });

  /** @param {{cam: any, layer: string, offered: (path: string) => boolean, offersRelu: boolean, colors: Record<string, string>}} now offered: whether a layer can be chosen, in a page those that it holds */
  function draw(now) {
    const { cam, colors, layer } = now;
    if (shown !== cam) build(now);
    shown = cam;
    for (const item of list.querySelectorAll("[data-path]")) item.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (item).dataset.path === layer));
    relu.checked = cam.relu;
    relu.disabled = !now.offersRelu;
    sum.textContent = fillIn(messages.sum, { value: format(cam.sum, 4) });
    if (key !== colors.pos) drawChannels(cam, colors);
    key = colors.pos;
  }
  function build({ cam, offered }) {
    const usable = cam.layers.filter((one) => one.usable);
    title.textContent = fillIn(messages["cam.choose"], { count: usable.length });
    const top = list.scrollTop;
    list.replaceChildren(...usable.reverse().map(({ path, kind, shape }) =>
      h("button", { type: "button", "data-path": path, "aria-disabled": String(!offered(path)) }, h("b", {}, path), h("span", {}, kind), h("span", { class: "mono" }, shape))));
    list.scrollTop = top;
    note.textContent = cam.note;
    how.textContent = fillIn(messages["cam.channels"], { drawn: cam.channels.length, count: cam.count });
    channels.replaceChildren(...cam.channels.map((channel, k) => {
      const texts = [fillIn(messages["cam.channel"], { channel }), fillIn(messages["cam.weight"], { weight: format(cam.weights[k], 2) })];
      return h("figure", {}, h("canvas", { role: "img", "aria-label": texts.join(", ") }), h("figcaption", {}, h("b", {}, String(channel)), h("span", {}, texts[1])));
    }));
    key = "";
  }
  function drawChannels(cam, colors) {
    const length = cam.maps.length / cam.channels.length;
    channels.querySelectorAll("canvas").forEach((canvas, k) => {
      const values = cam.maps.subarray(k * length, (k + 1) * length);
      const size = fitted(cam.shape, SIDE);
      if (cam.shape[0] === 1) size[1] = 12;
      const context = hidpiContext(canvas, ...size);
      const map = mapPicture(values, cam.shape, STRONGEST, colors);
      drawOver(context, size, { input: map, map, opacity: 0, paper: colors.paper });
    });
  }
  return { element, draw };
}
