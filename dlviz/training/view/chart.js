// One panel of curves: raw and smoothed lines, marks, and a crosshair with the values.

import { h, s } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { chart, crosshair, spread, tickLabel } from "../../kit/js/chart.js";
import { logTicks, ticks } from "../../kit/js/scale.js";

const HEIGHT = 210;
const MARGIN = { left: 52, right: 12, top: 10, bottom: 32 };
/** Distance of the labels at the ends of the curves, and the largest number of their characters. */
const LABEL_PITCH = 13;
const LABEL_LENGTH = 16;
/** Of curves with the same points each shows for this many pixels in turn. */
const STRIPE = 7;
/** Width of one character of a text in pixels. */
const CHARACTER = 6.7;
/** A smoothed curve is drawn through about this many points. */
const AVERAGES = 4000;

/**
 * @param {{signal: AbortSignal, hover: (step: number | null) => void, label: string, stepTitle: string}} options
 */
export function curvePanel({ signal, hover, label, stepTitle }) {
  const margin = { ...MARGIN };
  const plot = chart({ width: 0, height: HEIGHT, margin, className: "live-chart" });
  const box = h("div", { class: "live-plot", tabindex: "0", role: "img", "aria-label": label }, plot.element);
  const legend = h("div", { class: "live-legend" });
  const element = h("figure", { class: "live-panel" }, legend, box);
  let visible = [];
  let until = Infinity;
  let cursor = null;

  /** @param {{width: number, curves: any[], until: number, logX: boolean, logY: boolean, smoothing: number, marks: any[]}} state until: the last step that is shown */
  function draw({ width, curves, until: end, logX, logY, smoothing, marks }) {
    visible = curves.filter((curve) => curve.points.size());
    until = end;
    element.style.width = `${width}px`;
    const texts = namedCurves().map(labelText);
    margin.right = texts.length > 1 ? 10 + CHARACTER * Math.max(...texts.map((text) => text.length)) : MARGIN.right;
    plot.resize(width, HEIGHT);
    const x = stepAxis(logX);
    plot.draw({
      x, y: valueAxis(logY),
      content: () => [
        ...marks.filter((mark) => mark.step >= x.domain[0] && mark.step <= x.domain[1]).flatMap(drawMark),
        ...visible.flatMap((curve, k) => drawCurve(curve, smoothing, stripes(k))),
        ...endLabels(),
      ],
    });
    showCursor();
  }
  /** @returns {{domain: [number, number], log: boolean, title: string, ticks: [number, string][]}} */
  function stepAxis(log) {
    const first = visible.length ? Math.min(...visible.map(({ points }) => points.first())) : 0;
    const last = Math.max(1, ...visible.map(({ points }) => points.last()));
    const [low, high] = [log ? Math.max(1, first) : Math.min(first, 1), Math.max(last, first + 1)];
    const values = ticksOf(low, high, log, plot.area.right - plot.area.left).filter(Number.isInteger);
    return { domain: [low, high], log, title: stepTitle, ticks: values.map((value) => [value, value >= 1e4 ? `${format(value / 1e3, 4)}k` : String(value)]) };
  }
  /** @returns {{domain: [number, number], log: boolean, grid?: boolean, ticks: [number, string][]}} */
  function valueAxis(log) {
    const [low, high] = bounds(log);
    return { domain: [low, high], log, grid: true, ticks: ticksOf(low, high, log, plot.area.bottom - plot.area.top).map((value) => [value, tickLabel(value)]) };
  }
  function ticksOf(low, high, log, pixels) {
    return log ? logTicks(low, high) : ticks(low, high, pixels / 60);
  }
  function bounds(log) {
    let [low, high] = [Infinity, -Infinity];
    // Of the whole run, so that a replayed curve grows into a picture that stands still.
    for (const { points } of visible) {
      const [a, b] = points.range(0, points.size());
      if (log && a <= 0) for (let p = 0; p < points.size(); p += 1) low = points.y(p) > 0 && points.y(p) < low ? points.y(p) : low;
      else if (a < low) low = a;
      if (b > high) high = b;
    }
    if (!(low <= high)) return log ? [0.1, 1] : [0, 1];
    if (low === high) return log ? [low / 2, high * 2] : [low - 0.5, high + 0.5];
    const margin = log ? 0 : (high - low) * 0.05;
    return [low - margin, high + margin];
  }
  /** Number of a curve's points that are shown: of a past run all, of the current one those up to the current step. */
  function lengthOf({ points, behind }) {
    return behind ? points.size() : points.indexOf(until + 0.5);
  }

  function drawMark({ step, kind, text, row }) {
    const line = plot.vertical(step, `live-mark ${kind}`);
    return text ? [line, textAt(plot.scales().x.pixel(step), plot.area.top + 9 + 12 * (row % 4), "live-mark-text", text)] : [line];
  }
  /** A text to the right of a position, or to its left where it would not fit. */
  function textAt(left, top, kind, text) {
    const fits = left + CHARACTER * text.length + 8 <= plot.area.right;
    return s("text", { class: kind, x: fits ? left + 6 : left - 6, y: top, "text-anchor": fits ? "start" : "end" }, text);
  }
  /** Dashes of a curve that leave room for those below it with the same points; "" without any. */
  function stripes(k) {
    const same = visible.map((other) => coincide(visible[k].points, other.points));
    const below = same.slice(0, k).filter(Boolean).length;
    return below ? `${STRIPE * (same.filter(Boolean).length - below)} ${STRIPE * below}` : "";
  }
  /** A curve, its smoothed curve over it, and below it a mark for each value that is not finite. */
  function drawCurve(curve, smoothing, striped) {
    const { points, color, dash, behind, picked, faded } = curve;
    const length = lengthOf(curve);
    const smooth = smoothing > 0 && length > 2;
    const kind = picked ? "picked" : faded ? "faded" : behind ? "behind" : smooth ? "raw" : "single";
    const average = smooth ? averages(points, length, smoothing) : null;
    const style = `--own:${color};stroke-dasharray:${striped || dash || "none"}`;
    const { x } = plot.scales();
    const nonfinite = points.nonfiniteIndices.filter((p) => p < length).map((p) => `M${x.pixel(points.x(p)).toFixed(1)},${plot.area.bottom}v-5`);
    return [
      // Curves of other runs would hide each other with their raw values, too.
      plot.path((behind && average) || rawPoints(points, length), `live-line ${kind}`, style),
      s("path", { class: "live-nonfinite", d: nonfinite.join("") }),
      ...(average && !behind ? [plot.path(average, "live-line average", style)] : []),
    ];
  }
  /** Names at the right ends of two or more curves, moved apart where they would overlap. */
  function endLabels() {
    const { y } = plot.scales();
    const named = namedCurves().length > 1 ? namedCurves() : [];
    const ends = named.map((curve) => ({ curve, at: y.pixel(curve.points.y(lengthOf(curve) - 1)) })).filter(({ at }) => Number.isFinite(at)).sort((a, b) => a.at - b.at);
    const places = spread(ends.map(({ at }) => at), LABEL_PITCH, plot.area.bottom);
    return ends.map(({ curve }, k) => s("text", { class: "live-end", x: plot.area.right + 6, y: places[k] + 4, style: `fill:${curve.color}` }, labelText(curve)));
  }
  /** With more points than pixels, the largest and the least value of every column, so that no spike is lost. */
  function rawPoints(points, length) {
    const { left, right } = plot.area;
    if (length <= 2 * (right - left)) return Array.from({ length }, (_, p) => [points.x(p), points.y(p)]);
    const { x } = plot.scales();
    const drawn = [];
    let a = 0;
    for (let column = left; column <= right && a < length; column += 1) {
      const b = Math.min(length, points.indexOf(x.value(column + 1)));
      if (b <= a) continue;
      const [low, high] = points.range(a, b);
      a = b;
      if (low <= high) drawn.push([x.value(column), high], [x.value(column), low]);
    }
    return drawn;
  }

  function showCursor() {
    plot.cursor(...(cursor === null ? [] : [plot.vertical(cursor, "dlviz-chart-pointer"), ...visible.flatMap(cursorDot)]));
    showLegend();
  }
  /** A dot on the curve at the pointer, and beside it the value. */
  function cursorDot(curve) {
    const { points, color } = curve;
    const p = nearestIndex(curve);
    const { x, y } = plot.scales();
    const [left, top] = [x.pixel(points.x(p)), y.pixel(points.y(p))];
    if (!Number.isFinite(top)) return [];
    const dot = plot.dot(points.x(p), points.y(p), "live-dot", 3.2);
    dot.style.fill = color;
    return namedCurves().includes(curve) ? [dot, textAt(left, Math.max(plot.area.top + 9, top - 6), "live-value", format(points.y(p)))] : [dot];
  }
  function nearestIndex(curve) {
    const { points } = curve;
    const p = Math.min(lengthOf(curve) - 1, points.indexOf(cursor));
    return p > 0 && cursor - points.x(p - 1) < points.x(p) - cursor ? p - 1 : p;
  }
  /** Many past runs are listed in the table of runs; in the panel only the highlighted one is named. */
  function namedCurves() {
    const many = visible.filter((curve) => curve.behind).length > 3;
    return visible.filter((curve) => !many || !curve.behind || curve.picked);
  }
  /** Names in their curves' colors, with the latest value or the value at the crosshair. */
  function showLegend() {
    legend.replaceChildren(...namedCurves().map((curve) => {
      const { points, color, dash, title } = curve;
      const p = cursor === null ? points.indexOf(until + 0.5) - 1 : nearestIndex(curve);
      const node = h("span", { class: "live-name", "data-dash": dash ? "" : null, "data-behind": curve.behind ? "" : null }, h("i"), h("b", {}, title), ` ${p >= 0 ? format(points.y(p)) : ""}`, cursor !== null && p >= 0 ? h("small", {}, ` @ ${points.x(p)}`) : null);
      node.style.setProperty("--own", color);
      return node;
    }));
  }

  crosshair({
    element: box, plot, signal, moveTo: hover,
    moveBy(direction) {
      const { left, right } = plot.area;
      const { x } = plot.scales();
      const current = cursor === null ? (left + right) / 2 : x.pixel(cursor);
      hover(x.value(Math.max(left, Math.min(right, current + direction * Math.max(1, (right - left) / 100)))));
    },
  });
  return {
    element, draw,
    setCursor(step) {
      cursor = step;
      showCursor();
    },
  };
}

function labelText({ label }) {
  return label.length > LABEL_LENGTH ? `${label.slice(0, LABEL_LENGTH - 1)}…` : label;
}

/** Whether two curves run through the same points, as those of a repeated run; some points are compared. */
function coincide(one, other) {
  const size = Math.min(one.size(), other.size());
  for (let p = 0; p < size; p += Math.ceil(size / 32)) if (one.x(p) !== other.x(p) || !Object.is(one.y(p), other.y(p))) return false;
  return true;
}

/** Points of the exponential average with Adam's bias correction. A point that stands for many steps has their weight. */
function averages(points, length, decay) {
  const drawn = [];
  let [mean, weight] = [0, 0];
  const stride = Math.max(1, Math.floor(length / AVERAGES));
  // Number of steps between two logged values.
  const spacing = (points.last() - points.first()) / Math.max(1, points.count() - 1) || 1;
  for (let p = 0; p < length; p += 1) {
    const value = points.y(p);
    if (!Number.isFinite(value)) continue;
    const weightKept = p ? decay ** Math.max(1, (points.x(p) - points.x(p - 1)) / spacing) : decay;
    mean = weightKept * mean + (1 - weightKept) * value;
    weight = weightKept * weight + (1 - weightKept);
    if (p % stride === 0 || p === length - 1) drawn.push([points.x(p), mean / weight]);
  }
  return drawn;
}
