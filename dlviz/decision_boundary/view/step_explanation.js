// One training step: beside the plane the phase as text and formula over the network of units and edges, below the plane its numbers.

import { h, s, fillIn, onKeys } from "../../kit/js/dom.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { diverging, format } from "../../kit/js/numbers.js";
import { maxAbs } from "../../kit/js/heatmap.js";

const NODE = { width: 58, height: 34, pitch: 48 };
/** Space between two columns, with numbers on the edges and without. */
const WIDE_GAP = 76;
const NARROW_GAP = 30;
const TOP = 58;
/** Position of an edge's number along it: near its source, where edges are apart. */
const NUMBER_POSITION = 0.3;
/** Which array of an edge belongs to each kind of phase. */
const EDGE_VALUES = { forward: "weight", backward: "gradient", update: "after" };

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, leave: () => void}} options
 */
export function stepExplanation({ messages, signal, leave }) {
  const picture = s("svg", { "aria-hidden": "true" });
  const network = h("div", { class: "boundary-step", tabindex: "0", role: "group" }, picture);
  const title = h("h4");
  const formula = h("div", { class: "boundary-formula" });
  const text = h("p");
  const unit = h("b");
  const lines = h("output", { class: "boundary-lines" });
  const edgeWidth = h("p", { class: "dlviz-soft" });
  const notes = h("div", { class: "dlviz-soft" });
  const leaveButton = h("button", { type: "button", class: "boundary-button" }, messages.leave);
  const points = h("span", { class: "dlviz-soft" });
  const panel = h("div", { class: "dlviz-panel boundary-phase", hidden: "" }, h("div", { class: "boundary-title" }, points, leaveButton), title, formula, text, network, edgeWidth, notes);
  const arithmetic = h("div", { class: "boundary-arithmetic", hidden: "" }, unit, lines);
  leaveButton.addEventListener("click", leave, { signal });
  let layout = null;
  let phase = 0;
  /** The selected unit of each column, and the column whose unit is highlighted. */
  let selected = [];
  let current = 0;

  /** @param {any} explanation the step as Python describes it, or null */
  function show(explanation) {
    panel.hidden = arithmetic.hidden = !explanation;
    layout = explanation && layOut(explanation);
    if (!layout) return;
    selected = layout.columns.map((column) => column.selected);
    const count = layout.points.length === 1 ? messages.one_point : messages.many_points;
    points.textContent = fillIn(messages.explained_points, { points: fillIn(count, { points: layout.points.join(", ") }) });
    notes.replaceChildren(...layout.notes.map((note) => h("p", {}, note)));
  }
  function showPhase(next) {
    if (!layout) return;
    phase = next;
    const { column } = layout.phases[phase];
    const hasUpdate = ({ lines: known }) => known.update?.length;
    if (column >= 0) current = column;
    // Where all weights change, a layer that has weights is highlighted.
    else if (!hasUpdate(layout.columns[current])) current = Math.max(0, layout.columns.findIndex(hasUpdate));
    draw();
    scrollTo(current);
  }

  /** Whether a column's values, gradients and new weights are known at this phase. */
  function reached(c) {
    const until = (kind) => layout.phases.some((one, n) => n <= phase && one.kind === kind && (one.column === c || one.column < 0));
    return { forward: until("forward"), backward: until("backward"), update: until("update") };
  }
  /** The latest kind of phase that a column has reached, "" for none. */
  function latest(known) {
    return ["update", "backward", "forward"].find((kind) => known[kind]) ?? "";
  }

  function draw() {
    const { columns, phases, width, height } = layout;
    const now = phases[phase];
    const known = columns.map((_, c) => reached(c));
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    picture.setAttribute("width", width);
    picture.setAttribute("height", height);
    picture.replaceChildren(
      ...columns.map((column, c) => columnHeader(column, c === now.column)),
      ...columns.flatMap((column, c) => column.edges.flatMap((edge) => edgeLines(edge, c, known[c], now))),
      ...columns.flatMap((column, c) => column.names.map((name, k) => node(column, c, k, known[c], name))),
      ...columns[current].edges.flatMap((edge) => edgeNumbers(edge, current, known[current])),
    );
    network.setAttribute("aria-label", fillIn(messages.explanation_alt, { phase: `${now.title}. ${now.formula}` }));
    title.textContent = now.title;
    formula.textContent = now.formula;
    text.textContent = now.text;
    drawUnit(columns[current], latest(known[current]));
  }
  /** Arithmetic of the highlighted unit, and what the edges' width means. */
  function drawUnit(column, kind) {
    const hasLines = Object.keys(column.lines).length > 0;
    const k = selected[current];
    const known = column.lines[kind]?.[k] ?? [];
    unit.textContent = fillIn(messages.explained_unit, { name: column.names[k], layer: column.title });
    unit.hidden = !hasLines;
    lines.replaceChildren(...(known.length || !hasLines ? known : [messages.not_yet]).map((line) => h("div", {}, line)));
    const what = kind || "forward";
    edgeWidth.textContent = column.edges.some((edge) => edge[EDGE_VALUES[what]]) ? fillIn(messages.edge_width, { what: messages[`edges.${what}`] }) : "";
  }

  function columnHeader(column, active) {
    const { x, name, kind, units, drawn } = column;
    const center = x + NODE.width / 2;
    const count = drawn < units ? fillIn(messages.explained_units, { drawn, count: units }) : "";
    // A column without edges follows calls that are left out.
    const gap = x > 10 && !column.edges.length ? s("text", { x: x - NARROW_GAP / 2, y: layout.height / 2 + TOP / 2, class: "boundary-step-gap" }, "⋯") : null;
    return s("g", { class: "boundary-step-column", "data-active": active ? "" : null }, gap,
      s("rect", { x: x - 7, y: 2, width: NODE.width + 14, height: layout.height - 4, rx: 6 }),
      s("text", { x: center, y: 18 }, s("tspan", { class: "boundary-step-name" }, shorten(name))),
      s("text", { x: center, y: 32 }, kind === name || kind === "probs" ? "" : shorten(kind === "input" ? messages.input : kind)),
      s("text", { x: center, y: 44, class: "boundary-step-units" }, count));
  }
  function node(column, c, k, known, name) {
    const [x, y] = [column.x, column.y(k)];
    const value = column.values[k];
    const gradient = known.backward && column.gradients ? column.gradients[k] : null;
    const center = x + NODE.width / 2;
    const mark = s("g", { class: "boundary-node", "data-selected": isHighlighted(c, k) ? "" : null, "data-reached": known.forward ? "" : null },
      s("title", {}, name),
      s("text", { x: x + 1, y: y - 4, class: "boundary-node-name" }, shorten(name)),
      s("rect", { x, y, width: NODE.width, height: NODE.height, rx: 5, style: known.forward ? `fill: ${diverging(value, column.max)}` : null }),
      s("text", { x: center, y: y + (gradient === null ? 21 : 14) }, known.forward ? compact(value) : ""),
      gradient === null ? null : s("text", { x: center, y: y + 28, class: "boundary-node-gradient" }, `∂ ${compact(gradient, 2)}`));
    // Not pointerenter, which a resting pointer fires when a node is drawn below it.
    for (const event of ["pointermove", "click"]) mark.addEventListener(event, () => select(c, k), { signal });
    return mark;
  }
  function isHighlighted(c, k) {
    return c === current && selected[c] === k;
  }
  /** All edges into one column from one before it. */
  function edgeLines(edge, c, known, now) {
    const { columns } = layout;
    const [to, from] = [columns[c], columns[edge.source]];
    const values = edge[EDGE_VALUES[latest(known) || "forward"]] ?? edge.weight;
    const max = values ? maxAbs(values) : 0;
    // Values flow along the edges into the active column; gradients flow backward along those out of it.
    const flow = now.kind === "forward" && now.column === c ? "forward" : now.kind === "backward" && now.column === edge.source ? "backward" : null;
    const line = (j, k, value) => s("line", {
      ...ends(from, j, to, k), class: "boundary-edge",
      "data-sign": value === undefined ? null : value < 0 ? "neg" : "pos", "data-flow": flow, "data-reached": known.forward ? "" : null,
      "data-highlighted": isHighlighted(c, k) ? "" : null,
      "stroke-width": value === undefined ? 1 : 0.5 + (max > 0 && Number.isFinite(value) ? (3.5 * Math.abs(value)) / max : 0),
    });
    const isDrawn = (j, k) => (edge.kind === "elementwise" ? j === k : edge.kind === "linear" || edge.unit < 0 || edge.unit === j);
    const drawn = [];
    for (let k = 0; k < to.drawn; k += 1) {
      for (let j = 0; j < from.drawn; j += 1) if (isDrawn(j, k)) drawn.push(line(j, k, values?.[k * from.drawn + j]));
    }
    return drawn;
  }
  /** Numbers on the edges into the highlighted unit. */
  function edgeNumbers(edge, c, known) {
    const values = edge[EDGE_VALUES[latest(known) || "forward"]];
    if (!values || !known.forward) return [];
    const [to, from] = [layout.columns[c], layout.columns[edge.source]];
    const isGradient = known.backward && !known.update;
    return Array.from({ length: from.drawn }, (_, j) => {
      const { x1, y1, x2, y2 } = ends(from, j, to, selected[c]);
      return s("text", { x: x1 + (x2 - x1) * NUMBER_POSITION + 6, y: y1 + (y2 - y1) * NUMBER_POSITION + 4, class: "boundary-edge-number", "data-backward": isGradient ? "" : null }, compact(values[selected[c] * from.drawn + j]));
    });
  }

  function select(c, k) {
    if (isHighlighted(c, k)) return;
    [current, selected[c]] = [c, k];
    draw();
  }
  onKeys(network, signal, (event) => {
    const move = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (move) select(current, Math.max(0, Math.min(layout.columns[current].drawn - 1, selected[current] + move)));
    return Boolean(move);
  });
  /** Scroll the network until a column is visible. */
  function scrollTo(c) {
    const { x } = layout.columns[c];
    const scale = picture.getBoundingClientRect().width / layout.width || 1;
    const [left, right] = [(x - WIDE_GAP) * scale, (x + NODE.width + WIDE_GAP) * scale];
    if (left < network.scrollLeft || right > network.scrollLeft + network.clientWidth) network.scrollLeft = (x + NODE.width / 2) * scale - network.clientWidth / 2;
  }
  return { panel, arithmetic, show, showPhase };
}

/** Ends of the edge from unit `j` of one column to unit `k` of another. */
function ends(from, j, to, k) {
  return { x1: from.x + NODE.width, y1: from.y(j) + NODE.height / 2, x2: to.x, y2: to.y(k) + NODE.height / 2 };
}

/** A number as short as a node is wide: small ones as powers of ten, such as "−8.5e−4". */
function compact(value, digits = 3) {
  if (value === 0 || !(Math.abs(value) < 0.001)) return format(value, digits);
  return `${value < 0 ? "−" : ""}${Math.abs(value).toExponential(1).replace("-", "−")}`;
}

function shorten(text) {
  return text.length > 11 ? `${text.slice(0, 10)}…` : text;
}

/** The explanation with its bytes as numbers, and a position for every column. */
function layOut(explanation) {
  const float64 = (bytes) => (bytes ? typedArray(bytes, "float64") : null);
  const tallest = Math.max(...explanation.columns.map((column) => column.drawn));
  let x = 10;
  const columns = explanation.columns.map((column, c) => {
    const edges = column.edges.map((edge) => ({ ...edge, weight: float64(edge.weight), gradient: float64(edge.gradient), after: float64(edge.after) }));
    if (c) x += NODE.width + (edges.some((edge) => edge.kind === "linear") ? WIDE_GAP : NARROW_GAP);
    const values = float64(column.values);
    const top = TOP + ((tallest - column.drawn) * NODE.pitch) / 2 + 8;
    return { ...column, edges, values, max: maxAbs(values), gradients: float64(column.gradients), x, y: (k) => top + k * NODE.pitch };
  });
  return { ...explanation, columns, width: x + NODE.width + 10, height: TOP + tallest * NODE.pitch + 4 };
}
