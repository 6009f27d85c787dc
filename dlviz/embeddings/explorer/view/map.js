// Points and labels on a canvas, flat or in space: moved, turned, zoomed, walked from word to word with the arrow keys. Thousands stay fluid.

import { h } from "../../../kit/js/dom.js";
import { themeColors, hidpiContext, onThemeChange } from "../../../kit/js/heatmap.js";
import { format } from "../../../kit/js/numbers.js";
import { TILT, fitted, project, screen, layered } from "./projection3d.js";
import { motion } from "./tween.js";
import { arrow, axes, labels, lettering, points, ring, MANY } from "./map_drawing.js";

const HIGH = 440;
const MARGIN = 36;
/** Layers of depth, and the angles from which a map in space is seen first. */
const LAYERS = 6;
const ASIDE = [0.6, TILT];
/** Milliseconds from one map to another. */
const WAY = 600;

/**
 * @param {{messages: Record<string, string>, root: HTMLElement, signal: AbortSignal, pick: (row: number) => void,
 *   lift?: (event: PointerEvent, row: number) => boolean}} options lift: takes a word that was pressed on, where words can be carried
 */
export function map({ messages, root, signal, pick, lift = () => false }) {
  const canvas = h("canvas", { class: "vec-canvas", tabindex: "0", role: "application", "aria-label": messages["map.alt"] });
  const name = h("span", { class: "vec-under" });
  const numbers = h("code");
  const element = h("div", { class: "vec-map" }, canvas, h("p", { class: "vec-foot" }, name, numbers));
  let scene = { labels: [], places: new Float32Array(0), components: 2, own: false, solid: false, axes: [] };
  let marks = { word: -1, near: [], answers: [], question: [], between: [], targets: [] };
  let sought = [];
  let moment = 0;
  let sight = { x: 0, y: 0, zoom: 1 };
  let [wide, asked, under] = [0, 0, -1];
  let [colors, font, letters, fit] = [null, "", null, null];
  let [at, ends, written] = [screen(1), screen(6), []];
  const places = motion({ redraw });
  const angles = motion({ redraw });
  angles.go([0, 0]);

  /** Where everything goes, now or on its way. */
  function aim(ms = 0, steady = false) {
    if (!wide) return;
    fit = fitted({ ...scene, rows: scene.labels.length, targets: marks.targets }, wide - 2 * MARGIN, HIGH - 2 * MARGIN);
    places.go(fit.at(moment), ms, steady);
  }
  /** Where everything is at this moment. */
  function look() {
    const base = places.now();
    if (!base) return;
    if (at.x.length !== base.length / 3) at = screen(base.length / 3);
    const [yaw, pitch] = angles.now();
    project(base, { ...sight, yaw, pitch }, wide, HIGH, at);
    const [x, y, z] = fit.half;
    project([-x, 0, 0, x, 0, 0, 0, -y, 0, 0, y, 0, 0, 0, -z, 0, 0, z], { ...sight, yaw, pitch }, wide, HIGH, ends);
  }
  function spot(row) {
    return [at.x[row], at.y[row]];
  }
  function redraw() {
    if (!asked) asked = requestAnimationFrame(paint);
  }
  function paint() {
    asked = 0;
    if (!wide || !fit) return;
    colors ??= themeColors(root);
    font ||= getComputedStyle(root).fontFamily;
    letters ??= lettering(font);
    look();
    const count = scene.labels.length;
    const context = hidpiContext(canvas, wide, HIGH);
    const seen = { at, ...layered(at.z, count, scene.solid ? LAYERS : 1) };
    if (scene.solid) axes(context, colors, ends, ["1", "2", "3"].map((one) => (scene.axes[1] ? one : "")), font);
    points(context, colors, seen, wide, HIGH);
    arithmetic(context);
    dots(context);
    for (const row of sought) ring(context, colors.pos, spot(row), 6);
    const first = [marks.word, under, ...marks.question, ...marks.between, ...marks.answers.slice(0, 1), ...marks.near, ...sought].filter((row) => row >= 0);
    const middle = count && scene.solid ? at.z[seen.order[count >> 1]] : -Infinity;
    const front = (row) => count > MANY || (scene.solid && at.z[row] >= middle);
    // What was written stays, as long as it can be; then what is nearest to the eye.
    const before = scene.solid ? written.map(({ row }) => row).filter(front) : [];
    written = labels(context, colors, { names: scene.labels, at, rows: unique(first, before, seen, scene.solid), first: new Set(first), front, letters, wide, high: HIGH });
  }
  /** From a to b, and the same from c to where b − a + c lies; where the map has no such place, nothing. */
  function arithmetic(context) {
    const target = scene.labels.length;
    if (!marks.question.length || !(at.x[target] === at.x[target])) return;
    const [a, b, c] = marks.question.map(spot);
    arrow(context, colors.flow, a, b, 5);
    arrow(context, colors.flow, c, spot(target), 7);
    ring(context, colors.flow, spot(target), 7);
  }
  function dots(context) {
    const groups = [[marks.near, colors.accent, 4], [marks.answers.slice(0, 1), colors.flow, 5], [[...marks.question, ...marks.between], colors.flow, 4], [[marks.word], colors.pos, 6]];
    for (const [rows, color, size] of groups) {
      context.fillStyle = color;
      for (const row of rows) {
        if (row < 0) continue;
        context.beginPath();
        context.arc(...spot(row), size, 0, 2 * Math.PI);
        context.fill();
      }
    }
  }

  /** The word under a place: of those close by the nearest, and in space rather one in front. */
  function nearest(x, y, far = 16) {
    if (fit) look();
    let best = -1;
    let least = far * far;
    for (let row = 0; row < scene.labels.length; row += 1) {
      const distance = (at.x[row] - x) ** 2 + (at.y[row] - y) ** 2;
      const cost = distance - (scene.solid && distance < 25 ? at.z[row] / 10 : 0);
      if (distance < far * far && cost < least) [best, least] = [row, cost];
    }
    return best;
  }
  /** The word that is meant at a place: a point right under it, then a label, then a point nearby. */
  function meant(x, y) {
    const row = taken(x, y);
    return row >= 0 ? row : nearest(x, y);
  }
  /** The word that can be taken hold of there; of very many points only by its label, so that there is room to drag the map. */
  function taken(x, y) {
    const point = scene.labels.length > MANY ? -1 : nearest(x, y, 5);
    return point >= 0 ? point : lettered(x, y);
  }
  function lettered(x, y) {
    return written.find(({ box }) => x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3])?.row ?? -1;
  }
  /** Around a place; without one around the chosen word, as long as it is in sight. */
  function zoom(by, ...place) {
    const [x, y] = place.length ? place : inSight(marks.word) ? spot(marks.word) : [wide / 2, HIGH / 2];
    const next = Math.max(0.5, Math.min(60, sight.zoom * by));
    const ratio = next / sight.zoom;
    sight = { zoom: next, x: (sight.x + wide / 2 - x) * ratio + x - wide / 2, y: (sight.y + HIGH / 2 - y) * ratio + y - HIGH / 2 };
    redraw();
  }
  function inSight(row) {
    const [x, y] = row < 0 ? [-1, -1] : spot(row);
    return x >= 0 && y >= 0 && x <= wide && y <= HIGH;
  }
  function move(dx, dy) {
    sight = { ...sight, x: sight.x + dx, y: sight.y + dy };
    redraw();
  }
  function turn(dx, dy) {
    const [yaw, pitch] = angles.now();
    angles.go([yaw + dx, Math.max(-Math.PI / 2, Math.min(Math.PI / 2, pitch + dy))]);
  }
  function hover(row) {
    if (row !== under && scene.labels.length) redraw();
    under = row;
    name.textContent = row < 0 ? messages[scene.solid ? "map.read_solid" : "map.read"] : scene.labels[row];
    numbers.textContent = row < 0 ? "" : coordinates(row);
  }
  function coordinates(row) {
    const from = (moment * scene.labels.length + row) * scene.components;
    return `(${Array.from(scene.places.slice(from, from + (scene.solid ? 3 : 2)), (value) => format(value, 3)).join(", ")})`;
  }

  let held = null;
  canvas.addEventListener("pointerdown", (event) => {
    const row = taken(event.offsetX, event.offsetY);
    if (row >= 0 && event.button === 0 && lift(event, row)) return;
    held = { x: event.offsetX, y: event.offsetY, moved: 0 };
    canvas.setPointerCapture(event.pointerId);
  }, { signal });
  canvas.addEventListener("pointermove", (event) => {
    if (!held) {
      canvas.toggleAttribute("data-word", taken(event.offsetX, event.offsetY) >= 0);
      return hover(meant(event.offsetX, event.offsetY));
    }
    const [dx, dy] = [event.offsetX - held.x, event.offsetY - held.y];
    held = { x: event.offsetX, y: event.offsetY, moved: held.moved + Math.abs(dx) + Math.abs(dy) };
    if (scene.solid && !event.shiftKey) turn(dx / 150, dy / 150);
    else move(dx, dy);
  }, { signal });
  canvas.addEventListener("pointerup", (event) => {
    if (held && held.moved < 4) {
      const row = meant(event.offsetX, event.offsetY);
      if (row >= 0) pick(row);
    }
    held = null;
  }, { signal });
  canvas.addEventListener("pointercancel", () => (held = null), { signal });
  canvas.addEventListener("pointerleave", () => held || hover(-1), { signal });
  canvas.addEventListener("wheel", (event) => {
    // Only over the map that has the focus; elsewhere the wheel scrolls the notebook.
    if (document.activeElement !== canvas) return;
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
  }, { signal, passive: false });
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key in ways && event.shiftKey) nudge(ways[event.key]);
    else if (event.key in ways) walk(ways[event.key]);
    else if (event.key === "+" || event.key === "=") zoom(1.3);
    else if (event.key === "-") zoom(1 / 1.3);
    else if (event.key === "0") reset();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }, { signal });

  /** A small step with the keys: a flat map moves, one in space turns. */
  function nudge([wx, wy]) {
    if (scene.solid) turn(0.15 * wx, 0.15 * wy);
    else move(40 * wx, 40 * wy);
  }
  /** A word chosen elsewhere comes into sight. */
  function follow(row) {
    look();
    if (!inSight(row)) move(wide / 2 - at.x[row], HIGH / 2 - at.y[row]);
  }
  /** To the word that lies nearest in a direction: as far sideways as ahead counts twice. */
  function walk([wx, wy]) {
    look();
    const from = marks.word < 0 ? [wide / 2, HIGH / 2] : spot(marks.word);
    let best = -1;
    let least = Infinity;
    for (let row = 0; row < scene.labels.length; row += 1) {
      const [dx, dy] = [at.x[row] - from[0], at.y[row] - from[1]];
      const ahead = dx * wx + dy * wy;
      const aside = Math.abs(dx * wy) + Math.abs(dy * wx);
      const cost = ahead + 2 * aside;
      if (row !== marks.word && ahead > 0.5 && aside < 2 * ahead && cost < least) [best, least] = [row, cost];
    }
    if (best >= 0) pick(best);
  }
  function reset() {
    sight = { x: 0, y: 0, zoom: 1 };
    if (scene.solid) angles.go(ASIDE, WAY);
    redraw();
  }

  const watcher = new ResizeObserver(() => {
    const next = Math.floor(element.clientWidth);
    if (next === wide) return;
    wide = next;
    aim();
    redraw();
  });
  watcher.observe(element);
  onThemeChange(root, signal, () => {
    colors = null;
    redraw();
  });
  signal.addEventListener("abort", () => {
    watcher.disconnect();
    cancelAnimationFrame(asked);
  });

  return {
    element,
    reset,
    zoom,
    nudge,
    /**
     * @param {{labels: string[], places: Float32Array, components?: number, frames?: string[], solid?: boolean, own: boolean, axes: string[], kind?: string}} next
     *   places: moments × rows × components, 2 where nothing is said; kind: another one is seen whole again
     * @param {number} [stand] which moment
     */
    show(next, stand = 0) {
      const before = scene;
      scene = { components: 2, solid: false, ...next };
      moment = stand;
      if (before.labels.length !== scene.labels.length) written = [];
      if (under >= scene.labels.length) under = -1;
      hover(under);
      if (before.kind !== scene.kind || before.solid !== scene.solid) sight = { x: 0, y: 0, zoom: 1 };
      if (before.solid !== scene.solid) angles.go(scene.solid ? ASIDE : [0, 0], before.labels.length ? WAY : 0);
      aim(WAY);
      redraw();
    },
    /** Stand at a moment. */
    stand(next, ms = 0) {
      if (next === moment) return;
      moment = next;
      aim(ms, true);
    },
    mark(next) {
      const before = marks;
      marks = { targets: [], ...next };
      if (marks.targets !== before.targets && (marks.targets.length || before.targets.length)) aim(WAY);
      if (marks.word !== before.word && marks.word >= 0 && fit) follow(marks.word);
      redraw();
    },
    /** Rings around some rows. */
    seek(rows) {
      sought = rows;
      redraw();
    },
  };
}

/** Rows in the order in which their labels are tried; none twice. */
function* unique(first, before, { order }, solid) {
  const gone = new Set();
  for (const rows of [first, before]) {
    for (const row of rows) {
      if (!gone.has(row)) yield row;
      gone.add(row);
    }
  }
  for (let k = 0; k < order.length; k += 1) {
    const row = order[solid ? order.length - 1 - k : k];
    if (!gone.has(row)) yield row;
  }
}
