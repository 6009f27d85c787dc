// One step of training: the network as units and edges, and beside the plane what the phase says in words, symbols and numbers.

import { h, s, fillIn } from "../../kit/js/dom.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { diverging, format } from "../../kit/js/numbers.js";
import { maxAbs } from "../../kit/js/heatmap.js";

const NODE = { wide: 62, high: 34, pitch: 50 };
/** Between two columns: room for the numbers on edges, or for plain lines. */
const WIDE = 88;
const NARROW = 30;
const TOP = 58;
/** How far along an edge its number stands: near its source, where edges are apart. */
const ALONG = 0.3;

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, leave: () => void}} options
 */
export function walking({ messages, signal, leave }) {
  const picture = s("svg", { "aria-hidden": "true" });
  const net = h("div", { class: "plane-walk", tabindex: "0", role: "group", hidden: "" }, picture);
  const title = h("h4");
  const formula = h("div", { class: "plane-formula" });
  const told = h("p");
  const unit = h("b");
  const lines = h("output", { class: "plane-sums" });
  const edges = h("p", { class: "plane-soft" });
  const notes = h("div", { class: "plane-soft" });
  const out = h("button", { type: "button", class: "plane-button" }, messages.walk_leave);
  const here = h("span", { class: "plane-soft" });
  const says = h("div", { class: "plane-panel plane-says", hidden: "" }, h("div", { class: "plane-title" }, here, out), title, formula, told, unit, lines, edges, notes);
  out.addEventListener("click", leave, { signal });
  let about = null;
  let phase = 0;
  /** The unit that is looked at in each column, and the column whose unit is. */
  let pins = [];
  let at = 0;

  /** @param {any} walk the step as Python wrote it, or null */
  function show(walk) {
    net.hidden = says.hidden = !walk;
    if (!walk) {
      about = null;
      return;
    }
    about = laidOut(walk);
    pins = about.columns.map((column) => column.pin);
    here.textContent = fillIn(messages.walk_here, { points: fillIn(walk.points.length === 1 ? messages.walk_point : messages.walk_points, { points: walk.points.join(", ") }) });
    notes.replaceChildren(...walk.notes.map((text) => h("p", {}, text)));
  }
  /** Stand at a phase. */
  function stand(next) {
    if (!about) return;
    phase = next;
    at = about.phases[phase].column < 0 ? at : about.phases[phase].column;
    // Where all weights move, one of a layer that has some is looked at.
    if (about.phases[phase].column < 0 && !about.columns[at].lines.update?.length) at = Math.max(0, about.columns.findIndex((column) => column.lines.update?.length));
    draw();
    reveal(at);
  }

  /** How far a column is: its value is known, its gradient, its new weights. */
  function reached(c) {
    const till = (kind) => about.phases.some((one, n) => n <= phase && one.kind === kind && (one.column === c || one.column < 0));
    return { forward: till("forward"), back: till("back"), update: till("update") };
  }
  /** What is written of a column's unit: of the phase's own kind, or of the latest that has come to it. */
  function sums(c) {
    const { lines: known } = about.columns[c];
    const far = reached(c);
    const kind = far.update ? "update" : far.back ? "back" : far.forward ? "forward" : "";
    return known[kind]?.[pins[c]] ?? [];
  }

  function draw() {
    const { columns, phases, wide, high } = about;
    const now = phases[phase];
    const far = columns.map((_, c) => reached(c));
    picture.setAttribute("viewBox", `0 0 ${wide} ${high}`);
    picture.setAttribute("width", wide);
    picture.setAttribute("height", high);
    picture.replaceChildren(
      ...columns.map((column, c) => head(column, c === now.column)),
      ...columns.flatMap((column, c) => column.edges.flatMap((edge) => bundle(edge, c, far, now))),
      ...columns.flatMap((column, c) => column.names.map((name, k) => node(column, c, k, far[c], name))),
      ...columns.flatMap((column, c) => (c === at ? column.edges.flatMap((edge) => labels(edge, c, far[c])) : [])),
    );
    net.setAttribute("aria-label", fillIn(messages.walk_picture, { phase: `${now.title}. ${now.formula}` }));
    title.textContent = now.title;
    formula.textContent = now.formula;
    told.textContent = now.told;
    unit.textContent = fillIn(messages.walk_unit, { name: columns[at].names[pins[at]], layer: columns[at].called });
    const text = sums(at);
    lines.replaceChildren(...(text.length || !Object.keys(columns[at].lines).length ? text : [messages.walk_later]).map((line) => h("div", {}, line)));
    unit.hidden = !Object.keys(columns[at].lines).length;
    const what = far[at].update ? "update" : far[at].back ? "back" : "forward";
    edges.textContent = columns[at].edges.some((edge) => edge[FIELD[what]]) ? fillIn(messages.walk_edges, { what: messages[`walk_edges_${what}`] }) : "";
  }

  function head(column, active) {
    const { x, name, kind, units, drawn } = column;
    const middle = x + NODE.wide / 2;
    const cut = drawn < units ? fillIn(messages.walk_count, { drawn, count: units }) : "";
    // Where calls are left out, nothing leads here.
    const gap = x > 10 && !column.edges.length ? s("text", { x: x - NARROW / 2, y: about.high / 2 + TOP / 2, class: "plane-walk-gap" }, "⋯") : null;
    return s("g", { class: "plane-walk-head", "data-active": active ? "" : null }, gap,
      s("rect", { x: x - 7, y: 2, width: NODE.wide + 14, height: about.high - 4, rx: 6 }),
      s("text", { x: middle, y: 18 }, s("tspan", { class: "plane-walk-name" }, shortened(name))),
      s("text", { x: middle, y: 32 }, kind === name || kind === "chances" ? "" : shortened(kind === "input" ? messages.input : kind)),
      s("text", { x: middle, y: 44, class: "plane-walk-cut" }, cut));
  }
  function node(column, c, k, far, name) {
    const [x, y] = [column.x, column.y(k)];
    const value = column.values[k];
    const back = far.back && column.gradients ? column.gradients[k] : null;
    const mark = s("g", { class: "plane-node", "data-pin": c === at && pins[c] === k ? "" : null, "data-known": far.forward ? "" : null },
      s("title", {}, name),
      s("text", { x: x + 1, y: y - 4, class: "plane-node-name" }, shortened(name)),
      s("rect", { x, y, width: NODE.wide, height: NODE.high, rx: 5, style: far.forward ? `fill: ${diverging(value, column.max)}` : null }),
      s("text", { x: x + NODE.wide / 2, y: y + (back === null ? 21 : 14) }, far.forward ? compact(value) : ""),
      back === null ? null : s("text", { x: x + NODE.wide / 2, y: y + 28, class: "plane-node-back" }, `∂ ${compact(back, 2)}`));
    // A pointer that rests enters whatever is drawn below it: only one that moves, or clicks, means a unit.
    for (const event of ["pointermove", "click"]) mark.addEventListener(event, () => pin(c, k), { signal });
    return mark;
  }
  /** All edges of one column to one before it. */
  function bundle(edge, c, far, now) {
    const { columns } = about;
    const [to, from] = [columns[c], columns[edge.from]];
    const field = far[c].update ? "after" : far[c].back ? "gradient" : "weight";
    const values = edge[field] ?? edge.weight;
    const max = values ? maxAbs(values) : 0;
    // Values run along the edges into the active column; gradients along those out of it, the other way.
    const live = now.kind === "forward" && now.column === c ? "forward" : now.kind === "back" && now.column === edge.from ? "back" : null;
    const line = (j, k, value) => s("line", {
      x1: from.x + NODE.wide, y1: from.y(j) + NODE.high / 2, x2: to.x, y2: to.y(k) + NODE.high / 2, class: "plane-edge",
      "data-sign": value === undefined ? null : value < 0 ? "neg" : "pos", "data-live": live, "data-known": far[c].forward ? "" : null,
      "data-mine": c === at && pins[c] === k ? "" : null,
      "stroke-width": value === undefined ? 1 : 0.5 + (max > 0 && Number.isFinite(value) ? (3.5 * Math.abs(value)) / max : 0),
    });
    const pairs = [];
    for (let k = 0; k < to.drawn; k += 1) {
      for (let j = 0; j < from.drawn; j += 1) {
        if (edge.kind === "each" ? j === k : edge.kind === "full" || edge.unit < 0 || edge.unit === j) pairs.push(line(j, k, values?.[k * from.drawn + j]));
      }
    }
    return pairs;
  }
  /** Numbers on the edges into the unit that is looked at. */
  function labels(edge, c, far) {
    const values = edge[FIELD[far.update ? "update" : far.back ? "back" : "forward"]];
    if (!values || !far.forward) return [];
    const [to, from] = [about.columns[c], about.columns[edge.from]];
    const k = pins[c];
    return Array.from({ length: from.drawn }, (_, j) => {
      const [x1, y1, x2, y2] = [from.x + NODE.wide, from.y(j) + NODE.high / 2, to.x, to.y(k) + NODE.high / 2];
      return s("text", { x: x1 + (x2 - x1) * ALONG + 6, y: y1 + (y2 - y1) * ALONG + 4, class: "plane-edge-number", "data-back": far.back && !far.update ? "" : null }, compact(values[k * from.drawn + j]));
    });
  }

  function pin(c, k) {
    if (at === c && pins[c] === k) return;
    [at, pins[c]] = [c, k];
    draw();
  }
  net.addEventListener("keydown", (event) => {
    const move = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    pin(at, Math.max(0, Math.min(about.columns[at].drawn - 1, pins[at] + move)));
  }, { signal });
  function reveal(c) {
    const { x } = about.columns[c];
    const scale = picture.getBoundingClientRect().width / about.wide || 1;
    if ((x - WIDE) * scale < net.scrollLeft || (x + NODE.wide + WIDE) * scale > net.scrollLeft + net.clientWidth) net.scrollLeft = (x + NODE.wide / 2) * scale - net.clientWidth / 2;
  }
  return { net, says, show, stand };
}

/** What an edge's number is, of each kind of phase. */
const FIELD = { forward: "weight", back: "gradient", update: "after" };

/** Small numbers as powers of ten: "−8.5e−4" is as long as a unit is wide. */
function compact(value, digits = 3) {
  if (value === 0 || !(Math.abs(value) < 0.001)) return format(value, digits);
  return `${value < 0 ? "−" : ""}${Math.abs(value).toExponential(1).replace("-", "−")}`;
}

function shortened(text) {
  return text.length > 11 ? `${text.slice(0, 10)}…` : text;
}

/** The step with its bytes as numbers, and a place for every column. */
function laidOut(walk) {
  const double = (bytes) => (bytes ? typedArray(bytes, "float64") : null);
  const deep = Math.max(...walk.columns.map((column) => column.drawn));
  let x = 10;
  const columns = walk.columns.map((column, c) => {
    const edges = column.edges.map((edge) => ({ ...edge, weight: double(edge.weight), gradient: double(edge.gradient), after: double(edge.after) }));
    if (c) x += NODE.wide + (edges.some((edge) => edge.kind === "full") ? WIDE : NARROW);
    const values = double(column.values);
    const down = TOP + ((deep - column.drawn) * NODE.pitch) / 2 + 8;
    return { ...column, edges, values, max: maxAbs(values), gradients: double(column.gradients), x, y: (k) => down + k * NODE.pitch };
  });
  return { ...walk, columns, wide: x + NODE.wide + 10, high: TOP + deep * NODE.pitch + 4 };
}
