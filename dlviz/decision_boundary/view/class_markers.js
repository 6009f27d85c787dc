// Every class has a color and a marker shape; a wrongly classified point is pale with a cross in it.

import { scaledPath } from "../../kit/js/canvas.js";
import { h, s } from "../../kit/js/dom.js";
import { hidpiContext, pixelRatio } from "../../kit/js/heatmap.js";

/** Marker pictures by the colors of a theme, and then by all else that they depend on. @type {WeakMap<object, Map<string, HTMLCanvasElement>>} */
const pictures = new WeakMap();

/**
 * A function that draws markers on a canvas as copies of small pictures: to stroke hundreds of paths in every frame takes too long.
 * @param {any} scene with the color and path of each class's marker @param {Record<string, string>} colors @param {number} radius
 */
export function markerPainter(scene, colors, radius) {
  const ratio = pixelRatio();
  // Room for the widest marker, a star, with its outline.
  const half = Math.ceil(2 * radius + 3);
  if (!pictures.has(colors)) pictures.set(colors, new Map());
  const made = /** @type {Map<string, HTMLCanvasElement>} */ (pictures.get(colors));
  const picture = (label, kind) => {
    const { path, color } = scene.markers[label];
    const key = [ratio, radius, path, color, kind === "wrong" ? scene.cross : kind].join();
    const drawn = made.get(key) ?? drawMarker(document.createElement("canvas"), half, { path, cross: scene.cross, color: colors[color], colors, radius, kind });
    made.set(key, drawn);
    return drawn;
  };
  /** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {number} label @param {"correct" | "wrong" | "painted"} kind */
  return (context, x, y, label, kind) => {
    const source = picture(label, kind);
    const toPixel = (at) => Math.round((at - half) * ratio) / ratio;
    context.drawImage(source, toPixel(x), toPixel(y), source.width / ratio, source.height / ratio);
  };
}

/** Draw one marker in the middle of a canvas. */
function drawMarker(canvas, half, { path, cross, color, colors, radius, kind }) {
  const context = hidpiContext(canvas, 2 * half, 2 * half);
  const shape = scaledPath(path, radius);
  context.translate(half, half);
  if (kind === "wrong") context.scale(1.25, 1.25);
  context.lineJoin = "round";
  context.lineWidth = kind === "correct" ? 2 : 4;
  context.strokeStyle = colors.paper;
  context.stroke(shape);
  context.fillStyle = kind === "correct" ? color : colors.paper;
  context.fill(shape);
  if (kind !== "correct") {
    context.strokeStyle = color;
    context.lineWidth = 1.8;
    context.stroke(shape);
  }
  if (kind === "wrong") {
    context.strokeStyle = colors.ink;
    context.lineWidth = 1.4;
    context.stroke(scaledPath(cross, radius));
  }
  return canvas;
}

/** Entries of the legend. @param {any} scene @param {Record<string, string>} messages */
export function legend({ classes, markers, cross }, messages) {
  const mark = (label, wrong) => s("svg", { width: 16, height: 16, viewBox: "-1.6 -1.6 3.2 3.2", "aria-hidden": "true", style: `--class: var(--${markers[label].color})`, "data-wrong": wrong ? "" : null },
    s("path", { d: markers[label].path }), wrong ? s("path", { d: cross, class: "boundary-legend-cross" }) : null);
  const entry = (node, text) => h("span", { class: "boundary-legend-entry" }, node, h("span", {}, text));
  return [...classes.map((name, label) => entry(mark(label, false), name)), entry(mark(0, true), messages.wrong), h("span", { class: "dlviz-soft" }, messages.certainty)];
}
