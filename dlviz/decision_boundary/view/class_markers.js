// Every class has a color and a marker shape; a wrongly classified point is pale with a cross in it.

import { scaledPath } from "../../kit/js/canvas.js";
import { h, s } from "../../kit/js/dom.js";

/** A function that draws markers on a canvas. @param {any} scene with the color and path of each class's marker */
export function markerPainter(scene, colors, radius) {
  const paths = new Map();
  const cross = scaledPath(scene.cross, radius);
  /** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {number} label @param {"correct" | "wrong" | "painted"} kind */
  return (context, x, y, label, kind) => {
    if (!paths.has(label)) paths.set(label, scaledPath(scene.markers[label].path, radius));
    const path = paths.get(label);
    const color = colors[scene.markers[label].color];
    context.save();
    context.translate(x, y);
    if (kind === "wrong") context.scale(1.25, 1.25);
    context.lineJoin = "round";
    context.lineWidth = kind === "correct" ? 2 : 4;
    context.strokeStyle = colors.paper;
    context.stroke(path);
    context.fillStyle = kind === "correct" ? color : colors.paper;
    context.fill(path);
    if (kind !== "correct") {
      context.strokeStyle = color;
      context.lineWidth = 1.8;
      context.stroke(path);
    }
    if (kind === "wrong") {
      context.strokeStyle = colors.ink;
      context.lineWidth = 1.4;
      context.stroke(cross);
    }
    context.restore();
  };
}

/** Entries of the legend. @param {any} scene @param {Record<string, string>} messages */
export function legend({ classes, markers, cross }, messages) {
  const mark = (label, wrong) => s("svg", { width: 16, height: 16, viewBox: "-1.6 -1.6 3.2 3.2", "aria-hidden": "true", style: `--class: var(--${markers[label].color})`, "data-wrong": wrong ? "" : null },
    s("path", { d: markers[label].path }), wrong ? s("path", { d: cross, class: "boundary-legend-cross" }) : null);
  const entry = (node, text) => h("span", { class: "boundary-legend-entry" }, node, h("span", {}, text));
  return [...classes.map((name, label) => entry(mark(label, false), name)), entry(mark(0, true), messages.wrong), h("span", { class: "dlviz-soft" }, messages.certainty)];
}
