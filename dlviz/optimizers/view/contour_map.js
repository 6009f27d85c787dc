// The surface from above: tones, lines of equal height with their names, paths, arrows, and a crosshair.

import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { pixelCanvas, hidpiContext } from "../../kit/js/heatmap.js";
import { ticks } from "../../kit/js/ticks.js";
import { tone, shareOf } from "./colormap.js";

const LEFT = 50;
const BOTTOM = 36;
const TOP = 8;
const RIGHT = 14;
/** The longer of a runner's two arrows, in pixels. */
const ARROW = 44;

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, pick: (number: number) => void}} options pick: the runner nearest to a click
 */
export function map({ messages, signal, pick }) {
  const canvas = h("canvas");
  const box = h("div", { class: "des-map", tabindex: "0", role: "img", "aria-label": messages.map_alt }, canvas);
  const readout = h("output", { class: "des-readout" });
  const element = h("div", {}, box, readout);
  let scene = null;
  let ground = null;
  let state = null;
  let cursor = null;
  let [wide, high] = [400, 400];
  let picture = null;

  function show(next, decoded) {
    scene = next;
    ground = decoded;
    picture = null;
  }
  const across = (x) => LEFT + ((x - ground.x[0]) / (ground.x[1] - ground.x[0])) * wide;
  const down = (y) => TOP + high - ((y - ground.y[0]) / (ground.y[1] - ground.y[0])) * high;

  /** @param {{paths: any[], step: number, colors: any, opened: string, width: number}} next */
  function draw(next) {
    const { colors, width } = next;
    if (state?.colors.paper !== colors.paper) picture = null;
    state = next;
    wide = Math.max(120, width - LEFT - RIGHT);
    const ratio = (ground.y[1] - ground.y[0]) / (ground.x[1] - ground.x[0]);
    high = Math.round(wide * Math.min(1, Math.max(0.55, ratio)));
    const context = hidpiContext(canvas, width, high + TOP + BOTTOM);
    picture ??= toned(colors);
    // Numbers belong to grid points, so the outermost pixels reach half a cell beyond the edge and are cut there.
    const [dx, dy] = [wide / (ground.columns - 1), high / (ground.rows - 1)];
    context.save();
    context.beginPath();
    context.rect(LEFT, TOP, wide, high);
    context.clip();
    context.drawImage(picture, LEFT - dx / 2, TOP - dy / 2, wide + dx, high + dy);
    contours(context, colors, dx, dy);
    for (const [x, y] of [...scene.minima, ...scene.marked]) cross(context, across(x), down(y), colors);
    for (const path of state.paths) trace(context, path, colors);
    context.restore();
    frame(context, colors);
    for (const path of state.paths) runner(context, path, colors);
    crosshair(context, colors);
    tell();
  }

  function toned(colors) {
    const paint = tone(colors);
    return pixelCanvas(ground.rows, ground.columns, (p, data) => {
      const row = ground.rows - 1 - Math.floor(p / ground.columns);
      const value = ground.values[row * ground.columns + (p % ground.columns)];
      data.set(paint(value, shareOf(ground, value)), 4 * p);
      data[4 * p + 3] = 255;
    });
  }
  function contours(context, colors, dx, dy) {
    const put = [];
    context.font = `10.5px ${colors.mono}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    const names = [];
    const busy = state.paths.flatMap((path) => Array.from({ length: Math.min(path.size, 400) }, (_, t) => [across(path.points[2 * t]), down(path.points[2 * t + 1])]));
    for (const level of ground.levels) {
      context.strokeStyle = colors["ink-3"];
      context.globalAlpha = 0.55;
      context.lineWidth = 0.8;
      let longest = [];
      for (const chain of level.chains) {
        const points = chain.map(([c, r]) => [LEFT + c * dx, TOP + high - r * dy]);
        stroke(context, points);
        if (points.length > longest.length) longest = points;
      }
      context.globalAlpha = 1;
      names.push([level.value, longest]);
    }
    for (const [value, points] of names) {
      const text = format(value, 3);
      const room = context.measureText(text).width / 2 + 4;
      const free = ([x, y]) => x > LEFT + room && x < LEFT + wide - room && y > TOP + 8 && y < TOP + high - 8 && put.every(([a, b, r]) => Math.abs(a - x) > room + r || Math.abs(b - y) > 13) && !busy.some(([a, b]) => Math.abs(a - x) < room + 3 && Math.abs(b - y) < 10);
      const place = [0.5, 0.25, 0.75, 0.1, 0.9, 0.4, 0.6].map((share) => points[Math.floor(share * points.length)]).find((one) => one && free(one));
      if (!place || points.length < 12) continue;
      put.push([...place, room]);
      label(context, text, place, colors);
    }
  }
  function label(context, text, [x, y], colors) {
    context.lineWidth = 3;
    context.lineJoin = "round";
    context.strokeStyle = colors.paper;
    context.strokeText(text, x, y);
    context.fillStyle = colors["ink-2"];
    context.fillText(text, x, y);
  }
  function stroke(context, points) {
    context.beginPath();
    for (const [x, y] of points) context.lineTo(x, y);
    context.stroke();
  }
  function cross(context, x, y, colors) {
    for (const [color, line] of [[colors.paper, 4], [colors.ink, 1.6]]) {
      context.strokeStyle = color;
      context.lineWidth = line;
      for (const sign of [1, -1]) stroke(context, [[x - 5, y - 5 * sign], [x + 5, y + 5 * sign]]);
    }
  }
  function trace(context, path, colors) {
    const points = [];
    // Who has left for good would only paint the picture over.
    const until = Math.min(state.step, path.size - 1, path.ended?.step ?? Infinity);
    for (let t = 0; t <= until; t += 1) {
      const [x, y] = [across(path.points[2 * t]), down(path.points[2 * t + 1])];
      // A canvas cannot draw to infinity: what is far away is drawn to where it no longer matters.
      if (!Number.isFinite(x + y)) break;
      points.push([Math.max(-1e5, Math.min(1e5, x)), Math.max(-1e5, Math.min(1e5, y))]);
    }
    const own = colors[path.color];
    context.lineJoin = "round";
    context.setLineDash([]);
    context.strokeStyle = colors.paper;
    context.lineWidth = path.name === state.opened ? 6 : 4;
    stroke(context, points);
    context.setLineDash(path.dash ? [6, 3] : []);
    context.strokeStyle = own;
    context.lineWidth = path.name === state.opened ? 3 : 1.8;
    stroke(context, points);
    context.setLineDash([]);
    context.fillStyle = own;
    if (path.size <= 400) for (const [x, y] of points) context.fillRect(x - 1.3, y - 1.3, 2.6, 2.6);
  }
  /** Where a path stands, held at the edge if it has left; its arrows if it has not. */
  function place(path) {
    let t = Math.min(state.step, path.size - 1, path.ended?.step ?? Infinity);
    while (t > 0 && !Number.isFinite(path.points[2 * t] + path.points[2 * t + 1])) t -= 1;
    const [x, y] = [across(path.points[2 * t]), down(path.points[2 * t + 1])];
    const at = [Math.max(LEFT, Math.min(LEFT + wide, x)), Math.max(TOP, Math.min(TOP + high, y))];
    return { t, at, out: Math.abs(at[0] - x) + Math.abs(at[1] - y) > 0.5 };
  }
  function runner(context, path, colors) {
    const { t, at, out } = place(path);
    if (!out) arrows(context, path, t, at, colors);
    context.beginPath();
    context.arc(at[0], at[1], path.name === state.opened ? 6.5 : 5, 0, 7);
    context.fillStyle = out ? colors.paper : colors[path.color];
    context.fill();
    context.strokeStyle = out ? colors[path.color] : colors.paper;
    context.lineWidth = 2;
    context.stroke();
  }
  /** Downhill is against the gradient, and so is a step against its momentum. */
  function arrows(context, path, t, at, colors) {
    // Of an optimizer that has arrived the directions mean nothing.
    if (!path.arrays.gradient || !(Math.hypot(...vector(path.arrays.gradient, t)) > 1e-4 * path.steepest)) return;
    const both = ["gradient", path.momentum].map((name) => (name ? vector(path.arrays[name], t) : [0, 0]));
    const most = Math.max(...both.map(([x, y]) => Math.hypot(x, y)));
    if (!(most > 0) || !Number.isFinite(most)) return;
    both.forEach(([x, y], n) => {
      const size = (ARROW * Math.hypot(x, y)) / most;
      if (size < 3) return;
      arrow(context, at, [at[0] - (ARROW * x) / most, at[1] + (ARROW * y) / most], n ? colors[path.color] : colors.ink, n === 0, colors);
    });
  }
  function arrow(context, [x, y], [tipX, tipY], color, dashed, colors) {
    const angle = Math.atan2(tipY - y, tipX - x);
    const head = [-0.45, 0.45].map((turn) => [tipX - 9 * Math.cos(angle + turn), tipY - 9 * Math.sin(angle + turn)]);
    for (const [own, line] of [[colors.paper, 4.5], [color, 2]]) {
      context.strokeStyle = own;
      context.lineWidth = line;
      context.setLineDash(dashed && own === color ? [4, 3] : []);
      stroke(context, [[x, y], [tipX, tipY]]);
      context.setLineDash([]);
      stroke(context, [head[0], [tipX, tipY], head[1]]);
    }
  }
  function frame(context, colors) {
    context.strokeStyle = colors.line;
    context.lineWidth = 1;
    context.strokeRect(LEFT + 0.5, TOP + 0.5, wide - 1, high - 1);
    context.font = `10.5px ${colors.mono}`;
    context.fillStyle = colors["ink-3"];
    context.textBaseline = "top";
    context.textAlign = "center";
    for (const value of ticks(...ground.x, wide / 70)) context.fillText(format(value, 3), across(value), TOP + high + 5);
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const value of ticks(...ground.y, high / 50)) context.fillText(format(value, 3), LEFT - 6, Math.max(TOP + 6, Math.min(TOP + high - 6, down(value))));
    context.font = `600 11px ${colors.font}`;
    context.fillStyle = colors["ink-2"];
    context.textAlign = "center";
    context.textBaseline = "bottom";
    context.fillText(scene.axes[0], LEFT + wide / 2, TOP + high + BOTTOM);
    context.save();
    context.translate(2, TOP + high / 2);
    context.rotate(-Math.PI / 2);
    context.textBaseline = "top";
    context.fillText(scene.axes[1], 0, 0);
    context.restore();
  }

  function value(name, n) {
    const [low, top] = ground[name];
    return low + (n / (ground[name === "x" ? "columns" : "rows"] - 1)) * (top - low);
  }
  function crosshair(context, colors) {
    if (!cursor) return;
    const [x, y] = [across(value("x", cursor[1])), down(value("y", cursor[0]))];
    context.strokeStyle = colors.accent;
    context.lineWidth = 1;
    context.globalAlpha = 0.7;
    stroke(context, [[LEFT, y], [LEFT + wide, y]]);
    stroke(context, [[x, TOP], [x, TOP + high]]);
    context.globalAlpha = 1;
  }
  function tell() {
    const text = fillIn(messages.levels, { levels: ground.levels.map((level) => format(level.value, 3)).join(", ") });
    const [x, y] = cursor ? [value("x", cursor[1]), value("y", cursor[0])] : [0, 0];
    readout.textContent = cursor ? fillIn(messages.readout, { pair: scene.pair && `${scene.pair} = `, x: format(x, 4), y: format(y, 4), loss: format(ground.values[cursor[0] * ground.columns + cursor[1]], 5) }) : ground.levels.length ? text : "";
  }
  function hover(next) {
    cursor = next && [Math.max(0, Math.min(ground.rows - 1, next[0])), Math.max(0, Math.min(ground.columns - 1, next[1]))];
    if (state) draw(state);
  }
  function under(event) {
    const corner = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - corner.left - LEFT, event.clientY - corner.top - TOP];
    return [Math.round((1 - y / high) * (ground.rows - 1)), Math.round((x / wide) * (ground.columns - 1))];
  }
  function choose(x, y, reach) {
    const far = state.paths.map((path) => {
      let least = Infinity;
      const last = place(path).t;
      for (let t = 0; t <= last; t += 1) least = Math.min(least, Math.hypot(across(path.points[2 * t]) - x, down(path.points[2 * t + 1]) - y));
      return least;
    });
    const best = Math.min(...far);
    if (best <= reach) pick(far.indexOf(best));
  }

  box.addEventListener("pointermove", (event) => ground && hover(under(event)), { signal });
  for (const away of ["pointerleave", "blur"]) box.addEventListener(away, () => hover(null), { signal });
  box.addEventListener("click", (event) => {
    const corner = canvas.getBoundingClientRect();
    choose(event.clientX - corner.left, event.clientY - corner.top, 14);
  }, { signal });
  box.addEventListener("keydown", (event) => {
    const moves = { ArrowUp: [1, 0], ArrowDown: [-1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const move = moves[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || (!move && event.key !== "Enter")) return;
    event.preventDefault();
    event.stopPropagation();
    const from = cursor ?? [Math.floor(ground.rows / 2), Math.floor(ground.columns / 2)];
    if (move) hover([from[0] + move[0], from[1] + move[1]]);
    else choose(across(value("x", from[1])), down(value("y", from[0])), Infinity);
  }, { signal });

  return { element, show, draw };
}

/** The two numbers of an array at a step. */
export function vector({ width, values }, t) {
  return [values[width * t], values[width * t + width - 1]];
}
