// The input as an image, with the receptive field and gradient of the selected element, and a brush to occlude parts of it.

import { arrowDirection, h, onKeys } from "../../kit/js/dom.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { alphaMap, hidpiContext, maxAbs, pixelCanvas, scratch } from "../../kit/js/heatmap.js";

const IMAGE_SIDE = 190;

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, occlude: (patches: number[][]) => void}} options occlude: set all patches
 */
export function imagePanel({ messages, signal, occlude }) {
  const canvas = h("canvas");
  const button = h("button", { type: "button", class: "net-image", "aria-label": messages.image_alt }, canvas);
  const clear = h("button", { type: "button", class: "dlviz-outlined small" }, messages.clear_occlusion);
  const note = h("div", { class: "net-note" });
  const element = h("div", { class: "dlviz-panel", hidden: "" }, h("div", { class: "dlviz-panel-title" }, h("b", {}, messages.image), clear), button, note);
  let data = null;
  let picture = null;
  let scale = 1;
  /** Position and size of the brush, in pixels of the image. */
  let brush = { row: 0, column: 0, size: 1, visible: false };
  let stroke = [];
  let state = { overlay: null, occluded: [], live: true, colors: null };

  function show(next) {
    data = next;
    element.hidden = !data;
    if (!data) return;
    const [rows, columns, depth] = data.drawn.length === 3 ? [data.drawn[1], data.drawn[2], data.drawn[0]] : [1, 1, 1];
    const values = typedArray(data.values, "uint8");
    picture = pixelCanvas(rows, columns, (p, rgba) => {
      for (let c = 0; c < 3; c += 1) rgba[4 * p + c] = values[p * depth + (depth === 3 ? c : 0)];
      rgba[4 * p + 3] = 255;
    });
    scale = IMAGE_SIDE / Math.max(...data.size);
    const size = Math.max(1, Math.round(Math.max(...data.size) / 8));
    brush = { row: Math.floor(data.size[0] / 2), column: Math.floor(data.size[1] / 2), size, visible: false };
  }

  function draw(next) {
    state = { ...state, ...next };
    if (!data || !state.colors) return;
    const [rows, columns] = data.size;
    const context = hidpiContext(canvas, Math.round(columns * scale), Math.round(rows * scale));
    context.drawImage(picture, 0, 0, columns * scale, rows * scale);
    for (const patch of [...state.occluded, ...stroke]) hatch(context, patch);
    const { overlay } = state;
    if (overlay?.gradient) {
      const { drawn, values } = overlay.gradient;
      context.globalAlpha = 0.9;
      context.drawImage(alphaMap(values, drawn[0], drawn[1], maxAbs(values), state.colors.flow, scratch), 0, 0, columns * scale, rows * scale);
      context.globalAlpha = 1;
    }
    const box = overlay?.boxes?.["0"];
    if (box?.length === 2) outline(context, [box[0][0], box[1][0], box[0][1] - box[0][0] + 1, box[1][1] - box[1][0] + 1], state.colors.select, 2);
    if (brush.visible && state.live) outline(context, brushPatch(), state.colors.select, 1.5);
    clear.hidden = !state.occluded.length || !state.live;
    button.toggleAttribute("data-brush", state.live);
  }
  function hatch(context, [top, left, height, width]) {
    context.save();
    context.beginPath();
    context.rect(left * scale, top * scale, width * scale, height * scale);
    context.clip();
    context.fillStyle = state.colors.raised;
    context.fill();
    context.strokeStyle = state.colors["ink-3"];
    context.lineWidth = 1;
    for (let x = -IMAGE_SIDE; x < 2 * IMAGE_SIDE; x += 6) {
      context.beginPath();
      context.moveTo(x, 0);
      context.lineTo(x + IMAGE_SIDE, IMAGE_SIDE);
      context.stroke();
    }
    context.restore();
  }
  function outline(context, [top, left, height, width], color, line) {
    context.strokeStyle = state.colors.paper;
    context.lineWidth = line + 2;
    context.strokeRect(left * scale, top * scale, width * scale, height * scale);
    context.strokeStyle = color;
    context.lineWidth = line;
    context.strokeRect(left * scale, top * scale, width * scale, height * scale);
  }

  /** The patch under the brush, clipped to the image. @returns {[number, number, number, number]} */
  function brushPatch() {
    const [rows, columns] = data.size;
    const half = Math.floor(brush.size / 2);
    const top = Math.max(0, Math.min(rows - 1, brush.row - half));
    const left = Math.max(0, Math.min(columns - 1, brush.column - half));
    return [top, left, Math.min(brush.size, rows - top), Math.min(brush.size, columns - left)];
  }
  function moveBrush(event) {
    const box = canvas.getBoundingClientRect();
    brush = { ...brush, row: Math.floor((event.clientY - box.top) / scale), column: Math.floor((event.clientX - box.left) / scale), visible: true };
  }
  function addPatch() {
    const patch = brushPatch();
    if (!stroke.some((other) => other.join() === patch.join())) stroke.push(patch);
  }
  function finishStroke() {
    if (!stroke.length) return;
    const patches = stroke;
    stroke = [];
    occlude([...state.occluded, ...patches]);
  }

  button.addEventListener("pointerdown", (event) => {
    if (!state.live || !data) return;
    button.setPointerCapture(event.pointerId);
    moveBrush(event);
    addPatch();
    draw({});
  }, { signal });
  button.addEventListener("pointermove", (event) => {
    if (!state.live || !data) return;
    moveBrush(event);
    if (event.buttons && stroke.length) addPatch();
    draw({});
  }, { signal });
  button.addEventListener("pointerup", finishStroke, { signal });
  button.addEventListener("pointercancel", finishStroke, { signal });
  for (const name of ["pointerleave", "blur"]) {
    button.addEventListener(name, () => {
      brush.visible = false;
      draw({});
    }, { signal });
  }
  onKeys(button, signal, (event) => {
    const direction = arrowDirection(event);
    if (!state.live || !data || (!direction && event.key !== "Enter" && event.key !== " ")) return false;
    brush.visible = true;
    if (direction) {
      const [right, down] = direction.map((sign) => sign * (event.shiftKey ? brush.size : 1));
      brush.row = Math.max(0, Math.min(data.size[0] - 1, brush.row + down));
      brush.column = Math.max(0, Math.min(data.size[1] - 1, brush.column + right));
    } else {
      addPatch();
      finishStroke();
    }
    draw({});
    return true;
  });
  clear.addEventListener("click", () => occlude([]), { signal });

  return {
    element,
    show,
    draw,
    setNotes(lines) {
      note.replaceChildren(...lines.map((line) => h("div", {}, line)));
    },
    setBrushSize(size) {
      brush.size = size;
    },
    brushSize: () => brush.size,
    side: () => (data ? Math.max(...data.size) : 1),
  };
}
