// Draws placed boxes and edges as SVG. A step changes only classes and texts.

import { s, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";

/** With more boxes than this, only those in the visible area are drawn. */
const MAX_BOXES = 500;
/** Width of one character in pixels, as in diagram.py. */
const TITLE_CHARACTER = 7;
const SUBTITLE_CHARACTER = 6.7;
const GROUP_CHARACTER = 6.6;

/**
 * @param {{layer: SVGElement, scene: any, messages: Record<string, string>, isExpanded: (box: number) => boolean}} options
 */
export function diagramRenderer({ layer, scene, messages, isExpanded }) {
  const edgeLayer = s("g", { class: "edges" });
  const groupLayer = s("g", { class: "groups" });
  const cardLayer = s("g", { class: "cards" });
  layer.replaceChildren(groupLayer, edgeLayer, cardLayer);
  /** @type {Map<number, SVGElement>} */
  let cards = new Map();
  /** @type {{segment: any, node: SVGElement, label: SVGElement|null}[]} */
  let edges = [];
  let placement = null;
  let state = null;

  function draw(next) {
    placement = next;
    cards = new Map();
    const expanded = [...next.boxes].filter(([box]) => isOpenGroup(box));
    groupLayer.replaceChildren(...expanded.map(([box, rectangle]) => openGroup(box, rectangle)));
    edges = next.segments.map(edgeOf);
    edgeLayer.replaceChildren(...edges.flatMap(({ node, label }) => (label ? [node, label] : [node])));
    cardLayer.replaceChildren();
  }

  function isOpenGroup(box) {
    return scene.isGroup(box) && isExpanded(box);
  }

  /** Draw the cards in the visible area, or all if there are not many. */
  function drawVisible({ left, right, top, bottom }) {
    if (!placement) return;
    const all = placement.boxes.size <= MAX_BOXES;
    for (const [box, { x, y, w, h }] of placement.boxes) {
      if (isOpenGroup(box)) continue;
      const visible = all || (x < right + 200 && x + w > left - 200 && y < bottom + 100 && y + h > top - 100);
      const drawn = cards.get(box);
      if (visible && !drawn) {
        const node = card(box, placement.boxes.get(box));
        cards.set(box, node);
        cardLayer.append(node);
        if (state) updateCard(box, node);
      } else if (!visible && drawn) {
        drawn.remove();
        cards.delete(box);
      }
    }
  }

  function openGroup(box, { x, y, w, h }) {
    const node = s("g", { class: `open-group ${scene.kinds[box]}`, "data-box": box, transform: translate(x, y) });
    node.append(
      s("rect", { width: w, height: h, rx: 8 }),
      s("text", { x: 10, y: 16 }, shorten(scene.title(box), w - 44, GROUP_CHARACTER)),
      s("title", {}, scene.title(box)),
    );
    if (scene.kinds[box] !== "graph") node.append(toggleButton(box, w - 24, 4, "M5 9h8", messages.collapse));
    return node;
  }

  function card(box, { x, y, w, h }) {
    const kind = scene.kinds[box];
    const group = scene.isGroup(box);
    const node = s("g", { class: `card ${kind}${group ? " group" : ""}`, "data-box": box, transform: translate(x, y) });
    if (group) node.append(s("rect", { class: "shadow", x: 4, y: 4, width: w, height: h, rx: 6 }));
    node.append(
      s("rect", { class: "face", width: w, height: h, rx: kind === "leaf" ? 9 : 6 }),
      s("text", { x: 10, y: 16 }, shorten(scene.title(box), w - (group ? 42 : 18), TITLE_CHARACTER)),
      s("text", { class: "subtitle", x: 10, y: 30 }, shorten(scene.subtitle(box), w - (group ? 42 : 16), SUBTITLE_CHARACTER)),
      s("title", {}, ""),
    );
    if (kind === "cut") node.append(s("path", { class: "cut-icon", d: `M${w - 20} 8l10 10m0 -10l-10 10` }));
    if (group) node.append(toggleButton(box, w - 24, 8, "M5 9h8M9 5v8", messages.expand));
    return node;
  }

  function edgeOf(segment) {
    // A length of 1, so that a gradient can run along it, from its right end to its left.
    const node = s("path", { class: `edge${segment.edges.length ? "" : " data"}`, pathLength: segment.edges.length ? 1 : null, d: curve(segment.points) });
    const [x, y] = segment.points[0];
    const labeled = placement.boxes.size <= MAX_BOXES && segment.edges.length === 1;
    return { segment, node, label: labeled ? s("text", { class: "edge-gradient", x: x + 5, y: y - 4 }) : null };
  }

  /**
   * Show what has run and what is selected.
   * @param {{flow: any, current: number, selected: number, hasRun: (node: number) => boolean}} next
   */
  function update(next) {
    state = next;
    for (const [box, node] of cards) updateCard(box, node);
    for (const { segment, node, label } of edges) {
      const current = segment.edges.some((edge) => scene.consumer(edge) === state.current);
      const done = segment.edges.some((edge) => state.hasRun(scene.consumer(edge)));
      node.classList.toggle("current", current);
      node.classList.toggle("done", done && !current);
      const gradient = label && (done || current) ? state.flow.edgeGradient(segment.edges[0]) : undefined;
      if (label) label.textContent = gradient === undefined ? "" : format(gradient);
    }
  }

  function updateCard(box, node) {
    const number = scene.nodes[box];
    const isNode = scene.isNode(box);
    const shows = (other) => (isNode ? number === other : scene.isGroup(box) && scene.contains(box, other));
    node.classList.toggle("current", shows(state.current));
    node.classList.toggle("selected", shows(state.selected));
    const mark = isNode ? state.flow.marks.get(number) : [...state.flow.marks].find(([marked]) => shows(marked))?.[1];
    node.dataset.mark = mark ?? "";
    setMark(node, box, mark ? messages[`mark.${mark}`] : "");
    if (isNode) updateNode(box, number, node);
    else {
      node.querySelector("title").textContent = [scene.title(box), scene.subtitle(box), scene.tooltip(box)].filter(Boolean).join("\n");
      if (scene.kinds[box] === "loop") drawSparkline(node, box);
    }
  }

  function updateNode(box, number, node) {
    const value = state.flow.value(number);
    const subtitle = [value === undefined ? scene.subtitle(box) : format(value, 5), tags(number)].filter(Boolean).join(" · ");
    node.querySelector(".subtitle").textContent = shorten(subtitle, placement.boxes.get(box).w - 16, SUBTITLE_CHARACTER);
    node.querySelector("title").textContent = tooltip(box, number);
    setPill(node, box, state.hasRun(number) || number === state.current ? gradientText(number) : "");
    node.classList.toggle("filled", scene.kinds[box] === "leaf" && state.hasRun(number));
  }

  /** Short names of a node's flags, and its number of uses. */
  function tags(node) {
    const uses = scene.boxesOf(node).length;
    const names = (scene.flags.get(node) ?? []).map((flag) => messages[`tag.${flag}`]);
    return [...names, uses > 1 ? fillIn(messages["tag.uses"], { count: uses }) : ""].filter(Boolean).join(" · ");
  }

  function tooltip(box, node) {
    const { flow } = state;
    const rows = [scene.title(box), `${scene.subtitle(box)} ${scene.tooltip(box)}`];
    const add = (key, value) => value !== undefined && rows.push(`${messages[key]} ${format(value, 6)}`);
    add("value", flow.value(node)) || add("value_norm", flow.valueNorm(node));
    add("gradient", flow.gradient(node)) || add("gradient_norm", flow.gradientNorm(node));
    return rows.join("\n");
  }

  function gradientText(node) {
    const gradient = state.flow.gradient(node);
    if (gradient !== undefined) return `∂ ${format(gradient, 4)}`;
    const norm = state.flow.gradientNorm(node);
    return norm === undefined ? "" : `‖∂‖ ${format(norm, 3)}`;
  }

  function setPill(node, box, text) {
    let pill = node.querySelector(".pill");
    if (!text) {
      pill?.remove();
      return;
    }
    const { w, h } = placement.boxes.get(box);
    const width = 12 + 6.7 * text.length;
    if (!pill) {
      pill = s("g", { class: "pill" }, s("rect", { height: 15, rx: 7.5 }), s("text", { y: 11, "text-anchor": "middle" }));
      node.append(pill);
    }
    pill.setAttribute("transform", `translate(${(w - width) / 2},${h - 6})`);
    pill.firstChild.setAttribute("width", width);
    pill.lastChild.setAttribute("x", width / 2);
    pill.lastChild.textContent = text;
  }

  function setMark(node, box, text) {
    node.querySelector(".mark")?.remove();
    if (text) node.append(s("text", { class: "mark", x: placement.boxes.get(box).w, y: -4, "text-anchor": "end" }, text));
  }

  /** The gradient norm of each iteration of a folded loop on a logarithmic scale, last iteration right. */
  function drawSparkline(node, box) {
    node.querySelector(".sparkline")?.remove();
    const norms = state.flow.loopNorms.get(box);
    const positive = norms ? Array.from(norms).filter((norm) => norm > 0) : [];
    if (!positive.length) return;
    const { w, h } = placement.boxes.get(box);
    const low = Math.log10(Math.min(...positive)) - 0.3;
    const high = Math.max(Math.log10(Math.max(...positive)), low + 1);
    const width = (w - 20) / norms.length;
    const bars = Array.from(norms, (norm, i) => {
      const height = norm > 0 ? (18 * (Math.log10(norm) - low)) / (high - low) : 0;
      return `M${(10 + (i + 0.5) * width).toFixed(1)} ${h - 5}v${(-height).toFixed(1)}`;
    });
    node.append(s("path", { class: "sparkline", d: bars.join(""), "stroke-width": Math.max(0.7, width * 0.7) }));
  }

  return { draw, drawVisible, update, rectangle: (box) => placement?.boxes.get(box), rectangles: () => [...placement.boxes].filter(([box]) => !isOpenGroup(box)).map(([, rectangle]) => rectangle), boxes: () => [...cards.keys()] };
}

function toggleButton(box, x, y, icon, title) {
  const node = s("g", { class: "toggle", "data-toggle": box, transform: `translate(${x},${y})` });
  node.append(s("rect", { width: 18, height: 18, rx: 4 }), s("path", { d: icon }), s("title", {}, title));
  return node;
}

const translate = (x, y) => `translate(${x.toFixed(1)},${y.toFixed(1)})`;

/** Cut a text with an ellipsis so that it fits a width in pixels. */
function shorten(text, width, character) {
  const most = Math.floor(width / character);
  return text.length <= most ? text : `${text.slice(0, Math.max(1, most - 1))}…`;
}

/** A smooth line through waypoints, horizontal at each of them. */
function curve(points) {
  let d = `M${points[0][0].toFixed(1)},${points[0][1].toFixed(1)}`;
  for (let i = 1; i < points.length; i += 1) {
    const [[x1, y1], [x2, y2]] = [points[i - 1], points[i]];
    const middle = ((x1 + x2) / 2).toFixed(1);
    d += y1 === y2 ? `H${x2.toFixed(1)}` : `C${middle},${y1.toFixed(1)} ${middle},${y2.toFixed(1)} ${x2.toFixed(1)},${y2.toFixed(1)}`;
  }
  return d;
}
