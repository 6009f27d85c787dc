// A pair of dimensions as arrows in a circle: what a position turns.

import { s } from "../../kit/js/dom.js";

const SIZE = 150;
const RADIUS = 58;

/** @returns {{element: SVGElement, show: (arrows: {at: number[], kind: string, text: string}[], label: string) => void}} arrows: at, with the longest one 1 long */
export function dial() {
  const middle = SIZE / 2;
  const content = s("g");
  const element = s("svg", { class: "pos-dial", width: SIZE, height: SIZE, role: "img" }, s("circle", { class: "pos-dial-frame", cx: middle, cy: middle, r: RADIUS }), s("path", { class: "pos-dial-frame", d: `M${middle - RADIUS},${middle}h${2 * RADIUS}M${middle},${middle - RADIUS}v${2 * RADIUS}` }), content);

  function arrow({ at: [x, y], kind, text }) {
    const [toX, toY] = [middle + RADIUS * x, middle - RADIUS * y];
    const length = Math.hypot(x, y) || 1;
    const [ux, uy] = [x / length, -y / length];
    const tip = `M${toX},${toY}l${-9 * ux + 4 * uy},${-9 * uy - 4 * ux}l${-8 * uy},${8 * ux}z`;
    return s("g", { class: `pos-arrow ${kind}` }, s("path", { d: `M${middle},${middle}L${toX},${toY}` }), s("path", { class: "pos-tip", d: tip }), s("text", { x: middle + (RADIUS * length + 10) * ux, y: middle + (RADIUS * length + 10) * uy + 4, "text-anchor": "middle" }, text));
  }
  function show(arrows, label) {
    element.setAttribute("aria-label", label);
    content.replaceChildren(...arrows.map(arrow));
  }
  return { element, show };
}
