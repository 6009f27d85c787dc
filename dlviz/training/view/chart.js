// One panel of curves on a canvas: axes, raw and smoothed lines, marks, a crosshair with the numbers.

import { h } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { hidpiContext } from "../../kit/js/heatmap.js";
import { ticks } from "../../kit/js/scale.js";

const LEFT = 52;
const RIGHT = 12;
const TOP = 10;
const BOTTOM = 24;
const HIGH = 210;

/**
 * @param {{name: string, messages: Record<string, string>, signal: AbortSignal, hover: (step: number | null) => void, label: string}} options
 */
export function chart({ name, signal, hover, label }) {
  const canvas = h("canvas");
  const box = h("div", { class: "live-canvas", tabindex: "0", role: "img", "aria-label": label }, canvas);
  const legend = h("div", { class: "live-legend" });
  const element = h("figure", { class: "live-panel" }, legend, box);
  let state = null;
  let scaleX = null;
  let cursor = null;

  function draw(next) {
    state = { ...state, ...next };
    const { width, curves, colors, until, logX, logY, smoothing, marks } = state;
    const context = hidpiContext(canvas, width, HIGH);
    element.style.width = `${width}px`;
    const shown = curves.filter((curve) => curve.points.size());
    const [first, last] = [Math.min(Infinity, ...shown.map((c) => c.points.first())), Math.max(1, ...shown.map((c) => Math.min(until, c.points.last())))];
    const x = axis(first === Infinity ? 0 : logX ? Math.max(1, first) : Math.min(first, 1), Math.max(last, first === Infinity ? 1 : first + 1), LEFT, width - RIGHT, logX);
    const [low, high] = bounds(shown, until, logY);
    const y = axis(low, high, HIGH - BOTTOM, TOP, logY);
    scaleX = x;
    rule(context, x, y, width, colors);
    for (const mark of marks) if (mark.step <= last) notch(context, mark, x, colors);
    for (const curve of shown) line(context, curve, x, y, until, smoothing, width);
    context.setLineDash([]);
    if (cursor !== null) cross(context, shown, x, y, colors);
    tell(shown);
  }

  function bounds(shown, until, log) {
    let [low, high] = [Infinity, -Infinity];
    for (const { points, behind } of shown) {
      const [a, b] = points.range(0, behind ? points.size() : points.at(until + 0.5));
      if (log && a <= 0) for (let p = 0; p < points.size(); p += 1) low = points.y(p) > 0 && points.y(p) < low ? points.y(p) : low;
      else if (a < low) low = a;
      if (b > high) high = b;
    }
    if (!(low <= high)) return log ? [0.1, 1] : [0, 1];
    if (low === high) return log ? [low / 2, high * 2] : [low - 0.5, high + 0.5];
    const air = log ? 0 : (high - low) * 0.05;
    return [low - air, high + air];
  }

  /** A scale from numbers to pixels, and where its ticks stand. */
  function axis(low, high, from, to, log) {
    const f = log ? Math.log10 : (value) => value;
    const [a, b] = [f(low), f(high)];
    const pixel = (value) => from + ((f(value) - a) / (b - a || 1)) * (to - from);
    const value = (pixel_) => {
      const v = a + ((pixel_ - from) / (to - from)) * (b - a);
      return log ? 10 ** v : v;
    };
    return { pixel, value, ticks: log ? decades(low, high) : ticks(low, high, Math.abs(to - from) / 60) };
  }
  function decades(low, high) {
    const found = [];
    for (let k = Math.floor(Math.log10(low)); k <= Math.ceil(Math.log10(high)); k += 1) for (const n of [1, 2, 5]) if (n * 10 ** k >= low && n * 10 ** k <= high) found.push(n * 10 ** k);
    return found.length > 7 ? found.filter((value) => String(value).includes("1")) : found;
  }

  function rule(context, x, y, width, colors) {
    context.font = `10.5px ${colors.mono}`;
    context.fillStyle = colors["ink-3"];
    context.strokeStyle = colors["line-2"];
    context.lineWidth = 1;
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const value of y.ticks) {
      const at = Math.round(y.pixel(value)) + 0.5;
      context.beginPath();
      context.moveTo(LEFT, at);
      context.lineTo(width - RIGHT, at);
      context.stroke();
      context.fillText(format(value, 3), LEFT - 6, at);
    }
    context.textAlign = "center";
    context.textBaseline = "top";
    for (const value of x.ticks) if (Number.isInteger(value)) context.fillText(value >= 1e4 ? `${format(value / 1e3, 4)}k` : String(value), Math.max(LEFT + 6, Math.min(width - RIGHT - 10, x.pixel(value))), HIGH - BOTTOM + 7);
  }
  function notch(context, mark, x, colors) {
    const at = Math.round(x.pixel(Math.max(mark.step, 1e-9))) + 0.5;
    context.strokeStyle = mark.kind === "knob" ? colors.flow : colors.line;
    context.setLineDash(mark.kind === "knob" ? [4, 3] : [1, 3]);
    context.beginPath();
    context.moveTo(at, TOP);
    context.lineTo(at, HIGH - BOTTOM);
    context.stroke();
    context.setLineDash([]);
    if (mark.text) {
      context.font = `10.5px ${colors.mono}`;
      context.fillStyle = colors.flow;
      const wide = context.measureText(mark.text).width;
      context.textAlign = at + wide + 6 > state.width - RIGHT ? "right" : "left";
      context.textBaseline = "top";
      context.fillText(mark.text, at + (context.textAlign === "left" ? 4 : -4), TOP + 12 * (mark.row % 4));
    }
  }

  /** At most one column of pixels wide a stroke: its least and largest value, so that no spike is lost. */
  function line(context, curve, x, y, until, smoothing, width) {
    const { points, color, dash, behind, picked, faded } = curve;
    const end = behind ? points.size() : points.at(until + 0.5);
    context.lineJoin = "round";
    context.strokeStyle = color;
    context.setLineDash(dash ? [5, 3] : []);
    const smooth = smoothing > 0 && end > 2;
    context.globalAlpha = picked ? 1 : faded ? 0.2 : behind ? 0.45 : smooth ? 0.28 : 1;
    context.lineWidth = picked ? 2 : smooth || behind ? 1 : 1.6;
    raw(context, points, end, x, y, width);
    context.globalAlpha = 1;
    for (const p of points.odd) {
      if (p >= end) break;
      context.fillStyle = state.colors.bad;
      context.fillRect(x.pixel(points.x(p)) - 1.5, HIGH - BOTTOM - 5, 3, 5);
    }
    if (!smooth || behind) return;
    context.lineWidth = 1.8;
    average(context, points, end, x, y, smoothing);
  }
  function raw(context, points, end, x, y, width) {
    context.beginPath();
    if (end <= 2 * width) {
      let pen = false;
      for (let p = 0; p < end; p += 1) {
        const value = points.y(p);
        const down = y.pixel(value);
        if (!Number.isFinite(down)) {
          pen = false;
          continue;
        }
        const across = x.pixel(points.x(p));
        if (pen) context.lineTo(across, down);
        else {
          context.moveTo(across, down);
          context.lineTo(across + 0.01, down);
        }
        pen = true;
      }
    } else {
      let a = 0;
      for (let column = LEFT; column <= width - RIGHT && a < end; column += 1) {
        const b = Math.min(end, points.at(x.value(column + 1)));
        if (b <= a) continue;
        const [low, high] = points.range(a, b);
        a = b;
        if (!(low <= high)) continue;
        context.lineTo(column, y.pixel(high));
        context.lineTo(column, y.pixel(low));
      }
    }
    context.stroke();
  }
  /** Exponential average, corrected for its beginning as Adam corrects its own. A point that stands for many weighs as many. */
  function average(context, points, end, x, y, keep) {
    context.beginPath();
    let [mean, weight] = [0, 0];
    const every = Math.max(1, Math.floor(end / 4000));
    // How many steps lie between two values that were logged.
    const spacing = (points.last() - points.first()) / Math.max(1, points.count() - 1) || 1;
    for (let p = 0; p < end; p += 1) {
      const value = points.y(p);
      if (!Number.isFinite(value)) continue;
      const kept = p ? keep ** Math.max(1, (points.x(p) - points.x(p - 1)) / spacing) : keep;
      mean = kept * mean + (1 - kept) * value;
      weight = kept * weight + (1 - kept);
      if (p % every === 0 || p === end - 1) context.lineTo(x.pixel(points.x(p)), y.pixel(mean / weight));
    }
    context.stroke();
  }

  function cross(context, shown, x, y, colors) {
    const at = Math.round(x.pixel(cursor)) + 0.5;
    context.strokeStyle = colors["ink-3"];
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(at, TOP);
    context.lineTo(at, HIGH - BOTTOM);
    context.stroke();
    for (const { points, color } of shown) {
      const p = near(points);
      const down = y.pixel(points.y(p));
      if (!Number.isFinite(down)) continue;
      context.fillStyle = color;
      context.beginPath();
      context.arc(x.pixel(points.x(p)), down, 3.2, 0, 7);
      context.fill();
    }
  }
  function near(points) {
    const p = Math.min(points.size() - 1, points.at(cursor));
    return p > 0 && cursor - points.x(p - 1) < points.x(p) - cursor ? p - 1 : p;
  }

  /** Names in their lines' colors, with the newest number, or the one under the crosshair. */
  function tell(all) {
    // Many runs behind are told apart by the list of runs; here only the one that stands out is named.
    const many = all.filter((curve) => curve.behind).length > 3;
    const shown = all.filter((curve) => !many || !curve.behind || curve.picked);
    legend.replaceChildren(...shown.map((curve) => {
      const { points, color, dash, title } = curve;
      const p = cursor === null ? points.at(state.until + 0.5) - 1 : near(points);
      const node = h("span", { class: "live-name", "data-dash": dash ? "" : null, "data-behind": curve.behind ? "" : null }, h("i"), h("b", {}, title), ` ${p >= 0 ? format(points.y(p), 4) : ""}`, cursor !== null && p >= 0 ? h("small", {}, ` @ ${points.x(p)}`) : null);
      node.style.setProperty("--own", color);
      return node;
    }));
  }

  box.addEventListener("pointermove", (event) => scaleX && hover(scaleX.value(Math.max(LEFT, event.clientX - canvas.getBoundingClientRect().left))), { signal });
  box.addEventListener("pointerleave", () => hover(null), { signal });
  box.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !scaleX || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const width = state.width - LEFT - RIGHT;
    const from = cursor === null ? scaleX.value(LEFT + width / 2) : cursor;
    hover(scaleX.value(Math.max(LEFT, Math.min(LEFT + width, scaleX.pixel(from) + step * Math.max(1, width / 100)))));
  }, { signal });
  box.addEventListener("blur", () => hover(null), { signal });

  return {
    name, element, draw,
    point(step) {
      cursor = step;
      if (state) draw({});
    },
  };
}
