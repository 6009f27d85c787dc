// Points and labels on a canvas: dragged, zoomed, walked from word to word with the arrow keys. Thousands stay fluid.

import { h } from "../kit/js/dom.js";
import { palette, sharp, onTheme } from "../kit/js/heat.js";

const HIGH = 440;
const MARGIN = 36;
const TALL = 15;
/** More points than this are small and faint. */
const MANY = 2000;
/** So many labels are tried in one picture, and so many written. */
const TRIED = 600;
const WRITTEN = 120;

/**
 * @param {{words: Record<string, string>, root: HTMLElement, signal: AbortSignal, pick: (row: number) => void}} options
 */
export function map({ words, root, signal, pick }) {
  const canvas = h("canvas", { class: "vec-canvas", tabindex: "0", role: "application", "aria-label": words["map.alt"] });
  const name = h("p", { class: "vec-under" });
  const element = h("div", { class: "vec-map" }, canvas, name);
  let scene = { labels: [], places: new Float32Array(0), own: false, low: [0, 0], span: [1, 1] };
  let marks = { word: -1, near: [], answers: [], question: [], between: [] };
  let sight = { x: 0, y: 0, zoom: 1 };
  let wide = 0;
  let asked = 0;
  let under = -1;
  let colours = null;

  /** Where a row stands, in CSS pixels. */
  function at(row) {
    const [width, height] = [wide - 2 * MARGIN, HIGH - 2 * MARGIN];
    // One unit is as long upwards as sideways, unless the horizontal axis has a unit of its own.
    const unit = Math.min(width / scene.span[0], height / scene.span[1]);
    const [ux, uy] = scene.own ? [width / scene.span[0], height / scene.span[1]] : [unit, unit];
    const x = MARGIN + (width - ux * scene.span[0]) / 2 + (scene.places[2 * row] - scene.low[0]) * ux;
    const y = HIGH - MARGIN - (height - uy * scene.span[1]) / 2 - (scene.places[2 * row + 1] - scene.low[1]) * uy;
    return [(x - wide / 2) * sight.zoom + wide / 2 + sight.x, (y - HIGH / 2) * sight.zoom + HIGH / 2 + sight.y];
  }
  function redraw() {
    if (!asked) asked = requestAnimationFrame(paint);
  }
  function paint() {
    asked = 0;
    if (!wide) return;
    colours ??= palette(root);
    const context = sharp(canvas, wide, HIGH);
    const count = scene.labels.length;
    const many = count > MANY;
    context.fillStyle = colours["ink-3"];
    context.globalAlpha = many ? 0.5 : 1;
    const seen = [];
    for (let row = 0; row < count; row += 1) {
      const [x, y] = at(row);
      if (x < 0 || y < 0 || x > wide || y > HIGH) continue;
      const size = many ? 2 : 4;
      context.fillRect(x - size / 2, y - size / 2, size, size);
      seen.push(row);
    }
    context.globalAlpha = 1;
    lines(context);
    const first = [marks.word, ...marks.question, ...marks.between, ...marks.answers.slice(0, 1), ...marks.near].filter((row) => row >= 0);
    dots(context);
    labels(context, [...new Set([...first, ...seen.slice(0, TRIED)])], new Set(first));
  }
  /** b − a + c as the parallelogram that it is: from a to b, and from c to the answer. */
  function lines(context) {
    if (!marks.question.length || !marks.answers.length) return;
    const [a, b, c] = marks.question.map(at);
    context.strokeStyle = colours.flow;
    context.lineWidth = 1.5;
    for (const [from, to] of [[a, b], [c, at(marks.answers[0])]]) {
      context.beginPath();
      context.moveTo(...from);
      context.lineTo(...to);
      context.stroke();
    }
  }
  function dots(context) {
    const groups = [[marks.near, colours.accent, 4], [marks.answers.slice(0, 1), colours.flow, 5], [[...marks.question, ...marks.between], colours.flow, 4], [[marks.word], colours.pos, 6]];
    for (const [rows, colour, size] of groups) {
      context.fillStyle = colour;
      for (const row of rows) {
        if (row < 0) continue;
        context.beginPath();
        context.arc(...at(row), size, 0, 2 * Math.PI);
        context.fill();
      }
    }
  }
  /** Labels where none stands yet; the first ones come first. */
  function labels(context, rows, first) {
    const taken = [];
    context.textBaseline = "middle";
    for (const row of rows) {
      const [x, y] = at(row);
      if (x < -40 || y < 0 || x > wide || y > HIGH) continue;
      const bold = first.has(row);
      context.font = `${bold ? "600 " : ""}12px ${getFont()}`;
      const long = context.measureText(scene.labels[row]).width;
      // At the right edge it stands on the other side of its point.
      const left = x + 6 + long > wide - 4 ? x - 6 - long : x + 6;
      const box = [Math.min(x, left), y - TALL / 2, Math.max(x, left + long + 2), y + TALL / 2];
      if (taken.some((other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3])) continue;
      taken.push(box);
      // Paper behind it, so that it can be read over points.
      context.strokeStyle = colours.paper;
      context.lineWidth = 3;
      context.strokeText(scene.labels[row], left, y);
      context.fillStyle = bold || scene.labels.length > MANY ? colours.ink : colours["ink-3"];
      context.fillText(scene.labels[row], left, y);
      if (taken.length >= WRITTEN && !bold) break;
    }
  }
  let font = "";
  function getFont() {
    font ||= getComputedStyle(root).fontFamily;
    return font;
  }

  function nearest(x, y, far = 16) {
    let best = -1;
    let least = far * far;
    for (let row = 0; row < scene.labels.length; row += 1) {
      const [px, py] = at(row);
      const distance = (px - x) ** 2 + (py - y) ** 2;
      if (distance < least) [best, least] = [row, distance];
    }
    return best;
  }
  function zoom(by, x = wide / 2, y = HIGH / 2) {
    const next = Math.max(0.5, Math.min(60, sight.zoom * by));
    const ratio = next / sight.zoom;
    sight = { zoom: next, x: (sight.x + wide / 2 - x) * ratio + x - wide / 2, y: (sight.y + HIGH / 2 - y) * ratio + y - HIGH / 2 };
    redraw();
  }
  function hover(row) {
    under = row;
    name.textContent = row < 0 ? words["map.read"] : scene.labels[row];
  }

  let held = null;
  canvas.addEventListener("pointerdown", (event) => {
    held = { x: event.offsetX, y: event.offsetY, moved: 0 };
    canvas.setPointerCapture(event.pointerId);
  }, { signal });
  canvas.addEventListener("pointermove", (event) => {
    if (!held) return hover(nearest(event.offsetX, event.offsetY));
    const [dx, dy] = [event.offsetX - held.x, event.offsetY - held.y];
    held = { x: event.offsetX, y: event.offsetY, moved: held.moved + Math.abs(dx) + Math.abs(dy) };
    sight = { ...sight, x: sight.x + dx, y: sight.y + dy };
    redraw();
  }, { signal });
  canvas.addEventListener("pointerup", (event) => {
    if (held && held.moved < 4) {
      const row = nearest(event.offsetX, event.offsetY);
      if (row >= 0) pick(row);
    }
    held = null;
  }, { signal });
  canvas.addEventListener("pointercancel", () => (held = null), { signal });
  canvas.addEventListener("wheel", (event) => {
    // Only over the map that has the focus; elsewhere the wheel scrolls the notebook.
    if (document.activeElement !== canvas) return;
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
  }, { signal, passive: false });
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key in ways) walk(ways[event.key]);
    else if (event.key === "+" || event.key === "=") zoom(1.3);
    else if (event.key === "-") zoom(1 / 1.3);
    else if (event.key === "0") reset();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }, { signal });

  /** To the word that lies nearest in a direction: as far sideways as ahead counts twice. */
  function walk([wx, wy]) {
    const from = marks.word < 0 ? [wide / 2, HIGH / 2] : at(marks.word);
    let best = -1;
    let least = Infinity;
    for (let row = 0; row < scene.labels.length; row += 1) {
      const [x, y] = at(row);
      const [dx, dy] = [x - from[0], y - from[1]];
      const ahead = dx * wx + dy * wy;
      const aside = Math.abs(dx * wy) + Math.abs(dy * wx);
      const cost = ahead + 2 * aside;
      if (row !== marks.word && ahead > 0.5 && aside < 2 * ahead && cost < least) [best, least] = [row, cost];
    }
    if (best >= 0) pick(best);
  }
  function reset() {
    sight = { x: 0, y: 0, zoom: 1 };
    redraw();
  }

  const watcher = new ResizeObserver(() => {
    const next = Math.floor(element.clientWidth);
    if (next === wide) return;
    wide = next;
    redraw();
  });
  watcher.observe(element);
  onTheme(root, signal, () => {
    colours = null;
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
    show(next) {
      const [low, high] = [[Infinity, Infinity], [-Infinity, -Infinity]];
      next.places.forEach((value, k) => {
        low[k % 2] = Math.min(low[k % 2], value);
        high[k % 2] = Math.max(high[k % 2], value);
      });
      scene = { ...next, low, span: [0, 1].map((k) => high[k] - low[k] || 1) };
      hover(under < scene.labels.length ? under : -1);
      reset();
    },
    mark(next) {
      marks = next;
      redraw();
    },
  };
}
