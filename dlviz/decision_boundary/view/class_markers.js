// Classes have a color and a shape; a point that the model takes for another class is hollow with a cross in it.

import { h, s } from "../../kit/js/dom.js";

const COLORS = ["neg", "pos", "flow", "good", "bad"];
const SHAPES = [
  "M-1,0A1,1 0 1 0 1,0A1,1 0 1 0 -1,0Z",
  "M-.9,-.9H.9V.9H-.9Z",
  "M0,-1.15L1.1,.8H-1.1Z",
  "M0,-1.25L1.1,0L0,1.25L-1.1,0Z",
  "M0,1.15L1.1,-.8H-1.1Z",
];
const CROSS = "M-.55,-.55L.55,.55M.55,-.55L-.55,.55";

/** The token of a class's color. */
export function token(label) {
  return COLORS[label % COLORS.length];
}

/** From the sixth class on the colors come again, with other shapes. */
function shape(label) {
  return SHAPES[(label + Math.floor(label / COLORS.length)) % SHAPES.length];
}

/** The shapes as paths for a canvas, made once for each class and size. */
export function painter(colors, radius) {
  const scaled = (d) => {
    const path = new Path2D();
    path.addPath(new Path2D(d), new DOMMatrix([radius, 0, 0, radius, 0, 0]));
    return path;
  };
  const made = new Map();
  const cross = scaled(CROSS);
  /** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {number} label @param {"right" | "wrong" | "new"} kind */
  return (context, x, y, label, kind) => {
    if (!made.has(label)) made.set(label, scaled(shape(label)));
    const path = made.get(label);
    const color = colors[token(label)];
    context.save();
    context.translate(x, y);
    if (kind === "wrong") context.scale(1.25, 1.25);
    context.lineJoin = "round";
    context.lineWidth = kind === "right" ? 2 : 4;
    context.strokeStyle = colors.paper;
    context.stroke(path);
    context.fillStyle = kind === "right" ? color : colors.paper;
    context.fill(path);
    if (kind !== "right") {
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

/** What the shapes mean. @param {string[]} classes @param {Record<string, string>} messages */
export function legend(classes, messages) {
  const mark = (label, wrong) => s("svg", { width: 16, height: 16, viewBox: "-1.6 -1.6 3.2 3.2", "aria-hidden": "true", "data-token": token(label), "data-wrong": wrong ? "" : null },
    s("path", { d: shape(label) }), wrong ? s("path", { d: CROSS, class: "plane-cross" }) : null);
  const entry = (node, text) => h("span", { class: "plane-key" }, node, h("span", {}, text));
  return [...classes.map((name, label) => entry(mark(label, false), name)), entry(mark(0, true), messages.wrong), h("span", { class: "plane-soft" }, messages.deep)];
}
