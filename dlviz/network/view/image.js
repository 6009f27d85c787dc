// The input as an image: what a unit sees of it, how strongly, and a brush to paint parts of it over.

import { h } from "../../kit/js/dom.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { pixelCanvas, hidpiContext, alphaMap } from "../../kit/js/heatmap.js";

const SIDE = 224;

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, paint: (patches: number[][]) => void}} options paint: new patches, or none to clear
 */
export function image({ messages, signal, paint }) {
  const canvas = h("canvas");
  const button = h("button", { type: "button", class: "net-image", "aria-label": messages.image_alt }, canvas);
  const clear = h("button", { type: "button", class: "net-button" }, messages.unpaint);
  const note = h("div", { class: "net-line" });
  const element = h("div", { class: "net-panel", hidden: "" }, h("div", { class: "net-title" }, h("b", {}, messages.image), clear), button, note);
  let about = null;
  let picture = null;
  let scale = 1;
  /** Brush: where it stands and how large it is, in pixels of the image. */
  let brush = { row: 0, column: 0, size: 1, seen: false };
  let stroke = [];
  let state = { sight: null, painted: [], live: true, colors: null };

  function show(next) {
    about = next;
    element.hidden = !about;
    if (!about) return;
    const [rows, columns, depth] = about.drawn.length === 3 ? [about.drawn[1], about.drawn[2], about.drawn[0]] : [1, 1, 1];
    const values = typedArray(about.values, "uint8");
    picture = pixelCanvas(rows, columns, (p, data) => {
      for (let c = 0; c < 3; c += 1) data[4 * p + c] = values[p * depth + (depth === 3 ? c : 0)];
      data[4 * p + 3] = 255;
    });
    scale = SIDE / Math.max(...about.size);
    const size = Math.max(1, Math.round(Math.max(...about.size) / 8));
    brush = { row: Math.floor(about.size[0] / 2), column: Math.floor(about.size[1] / 2), size, seen: false };
  }

  function draw(next) {
    state = { ...state, ...next };
    if (!about || !state.colors) return;
    const [rows, columns] = about.size;
    const context = hidpiContext(canvas, Math.round(columns * scale), Math.round(rows * scale));
    context.drawImage(picture, 0, 0, columns * scale, rows * scale);
    for (const patch of [...state.painted, ...stroke]) hatch(context, patch);
    const { sight } = state;
    if (sight?.heat) {
      const { drawn, values } = sight.heat;
      context.globalAlpha = 0.9;
      context.drawImage(alphaMap(values, drawn[0], drawn[1], sight.heat.max, state.colors.flow), 0, 0, columns * scale, rows * scale);
      context.globalAlpha = 1;
    }
    const box = sight?.boxes?.["0"];
    if (box?.length === 2) frame(context, [box[0][0], box[1][0], box[0][1] - box[0][0] + 1, box[1][1] - box[1][0] + 1], state.colors.flow, 2);
    if (brush.seen && state.live) frame(context, brushed(), state.colors.accent, 1.5);
    clear.hidden = !state.painted.length || !state.live;
    button.toggleAttribute("data-brush", state.live);
  }
  function hatch(context, [top, left, high, wide]) {
    context.save();
    context.beginPath();
    context.rect(left * scale, top * scale, wide * scale, high * scale);
    context.clip();
    context.fillStyle = state.colors.raised;
    context.fill();
    context.strokeStyle = state.colors["ink-3"];
    context.lineWidth = 1;
    for (let x = -SIDE; x < 2 * SIDE; x += 6) {
      context.beginPath();
      context.moveTo(x, 0);
      context.lineTo(x + SIDE, SIDE);
      context.stroke();
    }
    context.restore();
  }
  function frame(context, [top, left, high, wide], color, line) {
    context.strokeStyle = state.colors.paper;
    context.lineWidth = line + 2;
    context.strokeRect(left * scale, top * scale, wide * scale, high * scale);
    context.strokeStyle = color;
    context.lineWidth = line;
    context.strokeRect(left * scale, top * scale, wide * scale, high * scale);
  }

  /** The patch under the brush, inside the image. */
  function brushed() {
    const [rows, columns] = about.size;
    const half = Math.floor(brush.size / 2);
    const top = Math.max(0, Math.min(rows - 1, brush.row - half));
    const left = Math.max(0, Math.min(columns - 1, brush.column - half));
    return [top, left, Math.min(brush.size, rows - top), Math.min(brush.size, columns - left)];
  }
  function stand(event) {
    const box = canvas.getBoundingClientRect();
    brush = { ...brush, row: Math.floor((event.clientY - box.top) / scale), column: Math.floor((event.clientX - box.left) / scale), seen: true };
  }
  function dab() {
    const patch = brushed();
    if (!stroke.some((other) => other.join() === patch.join())) stroke.push(patch);
  }
  function finish() {
    if (!stroke.length) return;
    const patches = stroke;
    stroke = [];
    paint([...state.painted, ...patches]);
  }

  button.addEventListener("pointerdown", (event) => {
    if (!state.live || !about) return;
    button.setPointerCapture(event.pointerId);
    stand(event);
    dab();
    draw({});
  }, { signal });
  button.addEventListener("pointermove", (event) => {
    if (!state.live || !about) return;
    stand(event);
    if (event.buttons && stroke.length) dab();
    draw({});
  }, { signal });
  button.addEventListener("pointerup", finish, { signal });
  button.addEventListener("pointercancel", finish, { signal });
  for (const away of ["pointerleave", "blur"]) {
    button.addEventListener(away, () => {
      brush.seen = false;
      draw({});
    }, { signal });
  }
  button.addEventListener("keydown", (event) => {
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const move = moves[event.key];
    if (!state.live || !about || (!move && event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    event.stopPropagation();
    brush.seen = true;
    if (move) {
      brush.row = Math.max(0, Math.min(about.size[0] - 1, brush.row + move[0] * (event.shiftKey ? brush.size : 1)));
      brush.column = Math.max(0, Math.min(about.size[1] - 1, brush.column + move[1] * (event.shiftKey ? brush.size : 1)));
    } else {
      dab();
      finish();
    }
    draw({});
  }, { signal });
  clear.addEventListener("click", () => paint([]), { signal });

  return {
    element,
    show,
    draw,
    say(lines) {
      note.replaceChildren(...lines.map((line) => h("div", {}, line)));
    },
    setBrush(size) {
      brush.size = size;
    },
    brush: () => brush.size,
    side: () => (about ? Math.max(...about.size) : 1),
  };
}
