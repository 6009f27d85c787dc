// Where a layer moves the plane: grid lines and points on two axes, in motion from layer to layer.

import { h, fillIn } from "../../kit/js/dom.js";
import { hidpiContext } from "../../kit/js/heatmap.js";
import { painter, token } from "./class_markers.js";

const SIZE = 260;
const EDGE = 14;
/** Every how many-th line of places is drawn, and how long a layer takes to fold, in milliseconds. */
const LINES = 3;
const TIME = 700;

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, turn: (layer: number) => void}} options
 */
export function folding({ messages, signal, turn }) {
  const canvas = h("canvas", { role: "img" });
  const slider = h("input", { type: "range", min: 0, step: 1, "aria-label": messages.fold });
  const name = h("output", { class: "plane-line" });
  const axes = h("div", { class: "plane-line plane-soft" });
  const element = h("div", { class: "plane-panel" }, h("div", { class: "plane-title" }, h("b", {}, messages.folded)), canvas, h("label", { class: "plane-slider" }, slider, name), axes);
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let scene = null;
  let colors = null;
  /** Where everything stands now, and where it is going. */
  let shown = null;
  let layer = 0;
  let timer = 0;
  slider.addEventListener("input", () => turn(Number(slider.value)), { signal });
  signal.addEventListener("abort", () => cancelAnimationFrame(timer));

  function show(next) {
    scene = next;
    const last = scene.folds.length - 1;
    slider.max = String(last);
  }
  /** The places of a layer in pixels, all with one scale, so that shapes stay as they are. */
  function placed(fold) {
    const { plane, points } = fold;
    const [low, high] = [[Infinity, Infinity], [-Infinity, -Infinity]];
    for (let k = 0; k < plane.length; k += 1) {
      const d = k % 2;
      if (plane[k] < low[d]) low[d] = plane[k];
      if (plane[k] > high[d]) high[d] = plane[k];
    }
    const span = Math.max(high[0] - low[0], high[1] - low[1]) || 1;
    const scale = (SIZE - 2 * EDGE) / span;
    const moved = (values) => values.map((value, k) => {
      const d = k % 2;
      const off = (value - (low[d] + high[d]) / 2) * scale;
      return SIZE / 2 + (d ? -off : off);
    });
    return { plane: moved(plane), points: moved(points) };
  }

  function draw(palette, wished) {
    colors = palette;
    const at = Math.min(wished, scene.folds.length - 1);
    slider.value = String(at);
    slider.style.setProperty("--done", `${scene.folds.length > 1 ? (100 * at) / (scene.folds.length - 1) : 0}%`);
    const about = scene.layers[at];
    const text = at ? `${about.name} · ${about.kind} · ${fillIn(about.units === 1 ? messages.units_one : messages.units, { count: about.units })}` : messages.unfolded;
    name.textContent = text;
    slider.setAttribute("aria-valuetext", text);
    canvas.setAttribute("aria-label", fillIn(messages.folded_alt, { layer: text }));
    const fold = scene.folds[at];
    axes.textContent = !fold ? messages.no_fold : fold.units === 1 ? messages.axis_one : fold.units === 2 ? messages.axis_two : fillIn(messages.axis_many, { first: Math.round(100 * fold.shares[0]), second: Math.round(100 * fold.shares[1]) });
    cancelAnimationFrame(timer);
    if (!fold) {
      shown = null;
      hidpiContext(canvas, SIZE, SIZE);
      return;
    }
    const goal = placed(fold);
    const moves = at !== layer && shown && !still.matches && shown.points.length === goal.points.length && shown.plane.length === goal.plane.length;
    layer = at;
    if (moves) go(shown, goal, performance.now());
    else paint(goal);
  }
  function go(from, to, start) {
    const frame = (now) => {
      const t = Math.max(0, Math.min(1, (now - start) / TIME));
      const share = t * t * (3 - 2 * t);
      const between = (a, b) => a.map((value, k) => value + (b[k] - value) * share);
      paint(t === 1 ? to : { plane: between(from.plane, to.plane), points: between(from.points, to.points) });
      if (t < 1) timer = requestAnimationFrame(frame);
    };
    frame(start);
  }
  function paint(places) {
    shown = places;
    const { map, classes, labels, guesses } = scene;
    const context = hidpiContext(canvas, SIZE, SIZE);
    const lines = classes.map(() => new Path2D());
    const { plane, points } = places;
    const piece = (a, b) => {
      const path = lines[scene.coarse[a]];
      path.moveTo(plane[2 * a], plane[2 * a + 1]);
      path.lineTo(plane[2 * b], plane[2 * b + 1]);
    };
    const drawn = (k) => k % LINES === 0 || k === map - 1;
    for (let r = 0; r < map; r += 1) {
      for (let c = 0; c < map; c += 1) {
        const a = r * map + c;
        if (c + 1 < map && drawn(r)) piece(a, a + 1);
        if (r + 1 < map && drawn(c)) piece(a, a + map);
      }
    }
    context.lineWidth = 1;
    context.globalAlpha = 0.65;
    lines.forEach((path, label) => {
      context.strokeStyle = colors[token(label)];
      context.stroke(path);
    });
    context.globalAlpha = 1;
    const stroke = painter(colors, labels.length > 400 ? 2 : 2.6);
    for (let p = 0; p < labels.length; p += 1) stroke(context, points[2 * p], points[2 * p + 1], labels[p], labels[p] === guesses[p] ? "right" : "wrong");
  }
  return { element, show, draw };
}
