// One panel of curves on a canvas: axes, raw and smoothed lines, marks, and a crosshair with the values.

import { h } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { hidpiContext } from "../../kit/js/heatmap.js";
import { scale, ticks } from "../../kit/js/scale.js";

const LEFT = 52;
const RIGHT = 12;
const TOP = 10;
const BOTTOM = 24;
const HEIGHT = 210;

/**
 * @param {{signal: AbortSignal, hover: (step: number | null) => void, label: string}} options
 */
export function curvePanel({ signal, hover, label }) {
  const canvas = h("canvas");
  const box = h("div", { class: "live-canvas", tabindex: "0", role: "img", "aria-label": label }, canvas);
  const legend = h("div", { class: "live-legend" });
  const element = h("figure", { class: "live-panel" }, legend, box);
  let state = null;
  let xAxis = null;
  let cursor = null;

  function draw(next) {
    state = { ...state, ...next };
    const { width, curves, colors, until, logX, logY, smoothing, marks } = state;
    const context = hidpiContext(canvas, width, HEIGHT);
    element.style.width = `${width}px`;
    const visible = curves.filter((curve) => curve.points.size());
    const [first, last] = [Math.min(Infinity, ...visible.map((c) => c.points.first())), Math.max(1, ...visible.map((c) => Math.min(until, c.points.last())))];
    const x = axis([first === Infinity ? 0 : logX ? Math.max(1, first) : Math.min(first, 1), Math.max(last, first === Infinity ? 1 : first + 1)], [LEFT, width - RIGHT], logX);
    const [low, high] = bounds(visible, until, logY);
    const y = axis([low, high], [HEIGHT - BOTTOM, TOP], logY);
    xAxis = x;
    drawAxes(context, x, y, width, colors);
    for (const mark of marks) if (mark.step <= last) drawMark(context, mark, x, colors);
    for (const curve of visible) drawCurve(context, curve, x, y, until, smoothing, width);
    context.setLineDash([]);
    if (cursor !== null) drawCrosshair(context, visible, x, y, colors);
    drawLegend(visible);
  }

  function bounds(visible, until, log) {
    let [low, high] = [Infinity, -Infinity];
    for (const { points, behind } of visible) {
      const [a, b] = points.range(0, behind ? points.size() : points.indexOf(until + 0.5));
      if (log && a <= 0) for (let p = 0; p < points.size(); p += 1) low = points.y(p) > 0 && points.y(p) < low ? points.y(p) : low;
      else if (a < low) low = a;
      if (b > high) high = b;
    }
    if (!(low <= high)) return log ? [0.1, 1] : [0, 1];
    if (low === high) return log ? [low / 2, high * 2] : [low - 0.5, high + 0.5];
    const margin = log ? 0 : (high - low) * 0.05;
    return [low - margin, high + margin];
  }

  /** A scale from values to pixels with its ticks. */
  function axis(domain, range, log) {
    return { ...scale(domain, range, { log }), ticks: log ? decades(domain[0], domain[1]) : ticks(domain[0], domain[1], Math.abs(range[1] - range[0]) / 60) };
  }
  /** Ticks of a logarithmic axis: 1, 2 and 5 times the powers of 10. */
  function decades(low, high) {
    const values = [];
    for (let k = Math.floor(Math.log10(low)); k <= Math.ceil(Math.log10(high)); k += 1) for (const n of [1, 2, 5]) if (n * 10 ** k >= low && n * 10 ** k <= high) values.push(n * 10 ** k);
    return values.length > 7 ? values.filter((value) => String(value).includes("1")) : values;
  }

  function drawAxes(context, x, y, width, colors) {
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
    for (const value of x.ticks) if (Number.isInteger(value)) context.fillText(value >= 1e4 ? `${format(value / 1e3, 4)}k` : String(value), Math.max(LEFT + 6, Math.min(width - RIGHT - 10, x.pixel(value))), HEIGHT - BOTTOM + 7);
  }
  function drawMark(context, mark, x, colors) {
    const at = Math.round(x.pixel(Math.max(mark.step, 1e-9))) + 0.5;
    context.strokeStyle = mark.kind === "hyperparameter" ? colors.flow : colors.line;
    context.setLineDash(mark.kind === "hyperparameter" ? [4, 3] : [1, 3]);
    context.beginPath();
    context.moveTo(at, TOP);
    context.lineTo(at, HEIGHT - BOTTOM);
    context.stroke();
    context.setLineDash([]);
    if (mark.text) {
      context.font = `10.5px ${colors.mono}`;
      context.fillStyle = colors.flow;
      const textWidth = context.measureText(mark.text).width;
      context.textAlign = at + textWidth + 6 > state.width - RIGHT ? "right" : "left";
      context.textBaseline = "top";
      context.fillText(mark.text, at + (context.textAlign === "left" ? 4 : -4), TOP + 12 * (mark.row % 4));
    }
  }

  /** A curve, and its smoothed curve over it. */
  function drawCurve(context, curve, x, y, until, smoothing, width) {
    const { points, color, dash, behind, picked, faded } = curve;
    const end = behind ? points.size() : points.indexOf(until + 0.5);
    context.lineJoin = "round";
    context.strokeStyle = color;
    context.setLineDash(dash ? [5, 3] : []);
    const smooth = smoothing > 0 && end > 2;
    context.globalAlpha = picked ? 1 : faded ? 0.2 : behind ? 0.45 : smooth ? 0.28 : 1;
    context.lineWidth = picked ? 2 : smooth || behind ? 1 : 1.6;
    drawRaw(context, points, end, x, y, width);
    context.globalAlpha = 1;
    for (const p of points.nonfiniteIndices) {
      if (p >= end) break;
      context.fillStyle = state.colors.bad;
      context.fillRect(x.pixel(points.x(p)) - 1.5, HEIGHT - BOTTOM - 5, 3, 5);
    }
    if (!smooth || behind) return;
    context.lineWidth = 1.8;
    drawAverage(context, points, end, x, y, smoothing);
  }
  /** With more points than pixels, a stroke from the least to the largest value of every column, so that no spike is lost. */
  function drawRaw(context, points, end, x, y, width) {
    context.beginPath();
    if (end <= 2 * width) {
      let connected = false;
      for (let p = 0; p < end; p += 1) {
        const value = points.y(p);
        const py = y.pixel(value);
        if (!Number.isFinite(py)) {
          connected = false;
          continue;
        }
        const px = x.pixel(points.x(p));
        if (connected) context.lineTo(px, py);
        else {
          context.moveTo(px, py);
          context.lineTo(px + 0.01, py);
        }
        connected = true;
      }
    } else {
      let a = 0;
      for (let column = LEFT; column <= width - RIGHT && a < end; column += 1) {
        const b = Math.min(end, points.indexOf(x.value(column + 1)));
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
  /** Exponential average with Adam's bias correction. A point that stands for many steps has their weight. */
  function drawAverage(context, points, end, x, y, decay) {
    context.beginPath();
    let [mean, weight] = [0, 0];
    const stride = Math.max(1, Math.floor(end / 4000));
    // Number of steps between two logged values.
    const spacing = (points.last() - points.first()) / Math.max(1, points.count() - 1) || 1;
    for (let p = 0; p < end; p += 1) {
      const value = points.y(p);
      if (!Number.isFinite(value)) continue;
      const weightKept = p ? decay ** Math.max(1, (points.x(p) - points.x(p - 1)) / spacing) : decay;
      mean = weightKept * mean + (1 - weightKept) * value;
      weight = weightKept * weight + (1 - weightKept);
      if (p % stride === 0 || p === end - 1) context.lineTo(x.pixel(points.x(p)), y.pixel(mean / weight));
    }
    context.stroke();
  }

  function drawCrosshair(context, visible, x, y, colors) {
    const at = Math.round(x.pixel(cursor)) + 0.5;
    context.strokeStyle = colors["ink-3"];
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(at, TOP);
    context.lineTo(at, HEIGHT - BOTTOM);
    context.stroke();
    for (const { points, color } of visible) {
      const p = nearestIndex(points);
      const py = y.pixel(points.y(p));
      if (!Number.isFinite(py)) continue;
      context.fillStyle = color;
      context.beginPath();
      context.arc(x.pixel(points.x(p)), py, 3.2, 0, 7);
      context.fill();
    }
  }
  function nearestIndex(points) {
    const p = Math.min(points.size() - 1, points.indexOf(cursor));
    return p > 0 && cursor - points.x(p - 1) < points.x(p) - cursor ? p - 1 : p;
  }

  /** Names in their curves' colors, with the latest value or the value at the crosshair. */
  function drawLegend(visible) {
    // Many past runs are listed in the table of runs; here only the highlighted one is named.
    const many = visible.filter((curve) => curve.behind).length > 3;
    const named = visible.filter((curve) => !many || !curve.behind || curve.picked);
    legend.replaceChildren(...named.map((curve) => {
      const { points, color, dash, title } = curve;
      const p = cursor === null ? points.indexOf(state.until + 0.5) - 1 : nearestIndex(points);
      const node = h("span", { class: "live-name", "data-dash": dash ? "" : null, "data-behind": curve.behind ? "" : null }, h("i"), h("b", {}, title), ` ${p >= 0 ? format(points.y(p), 4) : ""}`, cursor !== null && p >= 0 ? h("small", {}, ` @ ${points.x(p)}`) : null);
      node.style.setProperty("--own", color);
      return node;
    }));
  }

  box.addEventListener("pointermove", (event) => xAxis && hover(xAxis.value(Math.max(LEFT, event.clientX - canvas.getBoundingClientRect().left))), { signal });
  box.addEventListener("pointerleave", () => hover(null), { signal });
  box.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !xAxis || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const width = state.width - LEFT - RIGHT;
    const current = cursor === null ? xAxis.value(LEFT + width / 2) : cursor;
    hover(xAxis.value(Math.max(LEFT, Math.min(LEFT + width, xAxis.pixel(current) + step * Math.max(1, width / 100)))));
  }, { signal });
  box.addEventListener("blur", () => hover(null), { signal });

  return {
    element, draw,
    setCursor(step) {
      cursor = step;
      if (state) draw({});
    },
  };
}
