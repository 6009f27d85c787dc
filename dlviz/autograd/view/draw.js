// From a placed scene to SVG: boxes, groups, edges. Dressing a step only sets classes and texts.

import { s } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";

/** Boxes beyond this many are drawn only where they can be seen. */
const MANY = 500;
const GROUP = ["module", "fold", "step", "page", "run"];

/**
 * @param {{world: SVGElement, scene: any, messages: Record<string, string>, open: (box: number) => boolean}} options
 */
export function painter({ world, scene, messages, open }) {
  const lines = s("g", { class: "edges" });
  const frames = s("g", { class: "frames" });
  const cards = s("g", { class: "cards" });
  world.replaceChildren(frames, lines, cards);
  /** @type {Map<number, SVGElement>} */
  let drawn = new Map();
  /** @type {{segment: any, node: SVGElement, label: SVGElement|null}[]} */
  let edges = [];
  let placed = null;
  let dressing = null;

  function paint(layout) {
    placed = layout;
    drawn = new Map();
    const small = layout.boxes.size <= MANY;
    frames.replaceChildren(...[...layout.boxes].filter(([box]) => scene.isGroup(box) && open(box)).map(([box, at]) => frame(box, at)));
    edges = layout.segments.map((segment) => edgeOf(segment, small));
    lines.replaceChildren(...edges.flatMap(({ node, label }) => (label ? [node, label] : [node])));
    cards.replaceChildren();
  }

  /** Draw the cards that can be seen; all of them while they are few. */
  function reveal(view) {
    if (!placed) return;
    const all = placed.boxes.size <= MANY;
    for (const [box, at] of placed.boxes) {
      if (scene.isGroup(box) && open(box)) continue;
      const seen = all || (at.x < view.right + 200 && at.x + at.w > view.left - 200 && at.y < view.bottom + 100 && at.y + at.h > view.top - 100);
      const here = drawn.get(box);
      if (seen && !here) {
        const made = card(box, at);
        drawn.set(box, made);
        cards.append(made);
        if (dressing) dressCard(box, made, dressing);
      } else if (!seen && here) {
        here.remove();
        drawn.delete(box);
      }
    }
  }

  function frame(box, at) {
    const title = fit([scene.title(box)], at.w - 44, 6.6);
    const node = s("g", { class: `frame ${scene.kinds[box]}`, "data-box": box, transform: move(at) });
    node.append(s("rect", { width: at.w, height: at.h, rx: 8 }), s("text", { x: 10, y: 17 }, title), s("title", {}, scene.title(box)));
    if (scene.kinds[box] !== "run") {
      const close = s("g", { class: "toggle", "data-toggle": box, transform: `translate(${at.w - 24},4)` });
      close.append(s("rect", { width: 18, height: 18, rx: 4 }), s("path", { d: "M5 9h8" }), s("title", {}, messages.collapse));
      node.append(close);
    }
    return node;
  }

  function card(box, at) {
    const kind = scene.kinds[box];
    const group = GROUP.includes(kind);
    const node = s("g", { class: `card ${kind}${group ? " group" : ""}`, "data-box": box, transform: move(at) });
    if (group) node.append(s("rect", { class: "behind", x: 4, y: 4, width: at.w, height: at.h, rx: 6 }));
    node.append(
      s("rect", { class: "face", width: at.w, height: at.h, rx: kind === "leaf" ? 9 : 6 }),
      s("text", { x: 10, y: 16 }, fit([scene.title(box)], at.w - (group ? 42 : 18), 7)),
      s("text", { class: "sub", x: 10, y: 30 }, fit([scene.sub(box)], at.w - (group ? 42 : 16), 6.3)),
      s("title", {}, ""),
    );
    if (kind === "cut") node.append(s("path", { class: "scissors", d: `M${at.w - 20} 8l10 10m0 -10l-10 10` }));
    if (group) {
      const more = s("g", { class: "toggle", "data-toggle": box, transform: `translate(${at.w - 24},8)` });
      more.append(s("rect", { width: 18, height: 18, rx: 4 }), s("path", { d: "M5 9h8M9 5v8" }), s("title", {}, messages.expand));
      node.append(more);
    }
    return node;
  }

  function edgeOf(segment, small) {
    const plain = segment.edges.length === 0;
    const node = s("path", { class: `edge${plain ? " data" : ""}`, d: curve(segment.points) });
    let label = null;
    if (small && segment.edges.length === 1) {
      const [x, y] = segment.points[0];
      label = s("text", { class: "sent", x: x + 5, y: y - 4 });
    }
    return { segment, node, label };
  }

  /** Show what has happened up to a step, and what is selected. */
  function dress(next) {
    dressing = next;
    for (const [box, node] of drawn) dressCard(box, node, next);
    for (const { segment, node, label } of edges) {
      const now = segment.edges.some((edge) => scene.user(edge) === next.current);
      const done = segment.edges.length > 0 && segment.edges.some((edge) => next.ran(scene.user(edge)));
      node.classList.toggle("now", now);
      node.classList.toggle("done", done && !now);
      if (label) label.textContent = done || now ? sentText(segment.edges[0], next) : "";
    }
  }

  function sentText(edge, { flow }) {
    const sent = flow.sent(edge);
    return sent === undefined ? "" : format(sent);
  }

  function dressCard(box, node, next) {
    const number = scene.nodes[box];
    const [kind, isNode] = [scene.kinds[box], scene.kinds[box] === "op" || scene.kinds[box] === "leaf"];
    const inside = !isNode && scene.isGroup(box);
    const current = isNode ? number === next.current : inside && next.holds(box, next.current);
    node.classList.toggle("now", current);
    node.classList.toggle("picked", (isNode && number === next.selected) || (inside && next.holds(box, next.selected)));
    const mark = isNode ? next.flow.marks.get(number) : inside ? next.markIn(box) : undefined;
    node.dataset.mark = mark ?? "";
    tag(node, box, mark ? messages[`mark.${mark}`] : "");
    if (isNode) {
      const value = next.flow.values(number);
      const type = scene.type(box);
      node.querySelector(".sub").textContent = fit([value === undefined ? scene.sub(box) : format(value, 5), next.flags(number)], placed.boxes.get(box).w - 16, 6.3);
      node.querySelector("title").textContent = hover(box, number, type, next);
      pill(node, box, next.ran(number) || current ? gradientText(number, next) : "");
      node.classList.toggle("filled", kind === "leaf" && next.ran(number));
    } else {
      node.querySelector("title").textContent = [scene.title(box), scene.sub(box), scene.type(box)].filter(Boolean).join("\n");
      if (kind === "fold") spark(node, box, next);
    }
  }

  function hover(box, number, type, { flow }) {
    const rows = [scene.title(box), `${scene.sub(box)} ${type}`];
    const known = (key, value) => value !== undefined && rows.push(`${messages[key]} ${format(value, 6)}`);
    known("value", flow.values(number)) || known("value_norm", flow.sizes(number));
    known("gradient", flow.gradients(number)) || known("gradient_norm", flow.norms(number));
    return rows.join("\n");
  }

  function gradientText(number, { flow }) {
    const exact = flow.gradients(number);
    if (exact !== undefined) return `∂ ${format(exact, 4)}`;
    const norm = flow.norms(number);
    return norm === undefined ? "" : `‖∂‖ ${format(norm, 3)}`;
  }

  function pill(node, box, text) {
    let holder = node.querySelector(".pill");
    if (!text) {
      holder?.remove();
      return;
    }
    const { w, h } = placed.boxes.get(box);
    const wide = 12 + 6.2 * text.length;
    if (!holder) {
      holder = s("g", { class: "pill" }, s("rect", { height: 15, rx: 7.5 }), s("text", { y: 11, "text-anchor": "middle" }));
      node.append(holder);
    }
    holder.setAttribute("transform", `translate(${(w - wide) / 2},${h - 5})`);
    holder.firstChild.setAttribute("width", wide);
    holder.lastChild.setAttribute("x", wide / 2);
    holder.lastChild.textContent = text;
  }

  function tag(node, box, text) {
    let holder = node.querySelector(".mark");
    if (!text) {
      holder?.remove();
      return;
    }
    if (!holder) {
      holder = s("text", { class: "mark", y: -4, "text-anchor": "end" });
      node.append(holder);
    }
    holder.setAttribute("x", placed.boxes.get(box).w);
    holder.textContent = text;
  }

  /** The gradient norm of each step of a folded loop, last step right, on a scale of powers of ten. */
  function spark(node, box, { flow }) {
    node.querySelector(".spark")?.remove();
    const norms = flow.folds.get(box);
    const known = norms ? Array.from(norms).filter((norm) => norm > 0) : [];
    if (!known.length) return;
    const { w, h } = placed.boxes.get(box);
    const low = Math.log10(Math.min(...known)) - 0.3;
    const high = Math.max(Math.log10(Math.max(...known)), low + 1);
    const wide = (w - 20) / norms.length;
    const bars = Array.from(norms, (norm, i) => {
      const tall = norm > 0 ? (18 * (Math.log10(norm) - low)) / (high - low) : 0;
      return `M${(10 + (i + 0.5) * wide).toFixed(1)} ${h - 5}v${(-tall).toFixed(1)}`;
    });
    node.append(s("path", { class: "spark", d: bars.join(""), "stroke-width": Math.max(0.7, wide * 0.7) }));
  }

  return { paint, reveal, dress, at: (box) => placed?.boxes.get(box), cards: () => drawn };
}

const move = ({ x, y }) => `translate(${x.toFixed(1)},${y.toFixed(1)})`;

function fit(parts, room, letter) {
  const text = parts.filter(Boolean).join(" · ");
  const most = Math.floor(room / letter);
  return text.length <= most ? text : `${text.slice(0, Math.max(1, most - 1))}…`;
}

/** A smooth line through waypoints, level where it meets them. */
function curve(points) {
  let d = `M${points[0][0].toFixed(1)},${points[0][1].toFixed(1)}`;
  for (let i = 1; i < points.length; i += 1) {
    const [[x1, y1], [x2, y2]] = [points[i - 1], points[i]];
    const middle = ((x1 + x2) / 2).toFixed(1);
    d += y1 === y2 ? `H${x2.toFixed(1)}` : `C${middle},${y1.toFixed(1)} ${middle},${y2.toFixed(1)} ${x2.toFixed(1)},${y2.toFixed(1)}`;
  }
  return d;
}
