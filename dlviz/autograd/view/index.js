// The autograd graph: draws a scene, plays backward over it, opens groups, and shows one node in full.

import { h, fillIn } from "../../kit/js/dom.js";
import { card } from "../../kit/js/card.js";
import { player } from "../../kit/js/player.js";
import { format } from "../../kit/js/numbers.js";
import { decodeScene, decodeFlow } from "./decode.js";
import { painter } from "./draw.js";
import { pane } from "./pan_zoom.js";
import { legend, panel } from "./node_panel.js";
import { place } from "./coordinates.js";

function render({ model, el, signal }) {
  const messages = model.get("messages");
  let scene;
  let flow;
  let paint;
  let open = new Set();
  let held = new Map();
  let size = { width: 1, height: 1 };
  const details = new Map();
  const frame = card({ el, model, signal, name: messages.name });
  const expandAll = tool("expand_all", "⊞", () => openMore());
  const collapseAll = tool("collapse_all", "⊟", () => setOpen([]));
  const view = pane({ messages, signal, moved: () => paint?.reveal(view.window()), extra: [expandAll, collapseAll] });
  const ask = askBar();
  frame.main.append(view.svg, view.tools);
  const bar = player({ model, messages, signal, root: frame.root, steps, label: stepLabel });
  frame.root.append(ask, bar.element);

  function tool(name, text, act) {
    const node = h("button", { type: "button", "aria-label": messages[name], title: messages[name] }, text);
    node.addEventListener("click", act, { signal });
    return node;
  }

  function askBar() {
    const button = h("button", { type: "button", class: "graph-ask-button" }, messages["ask.button"]);
    button.addEventListener("click", () => model.send({ kind: "preview" }), { signal });
    return h("div", { class: "graph-ask", hidden: "" }, h("span", {}, messages["ask.text"]), button);
  }

  function steps() {
    return flow?.ran ? flow.order.length : 0;
  }

  function stepLabel(step) {
    if (step === 0 || !steps()) return messages.step_none;
    const node = flow.order[step - 1];
    const arrives = format(flow.gradients(node) ?? flow.norms(node) ?? NaN);
    return fillIn(messages.step_label, { step, last: steps(), name: nameOf(node), gradient: arrives });
  }

  function nameOf(node) {
    const box = scene.boxesOf.get(node)?.[0];
    return box === undefined ? String(node) : scene.title(box);
  }

  function rebuild() {
    scene = decodeScene(model.get("scene"));
    held = new Map();
    open = new Set(model.get("expanded"));
    paint = painter({ world: view.world, scene, messages, open: (box) => open.has(box) });
    receive();
    arrange(true);
  }

  function receive() {
    flow = decodeFlow(model.get("flow"));
    details.clear();
    for (const [node, about] of Object.entries(model.get("details"))) details.set(Number(node), about);
    frame.setSignature(flow.signature);
    frame.setBadge(flow.badge);
    frame.setNotes(flow.notes);
    frame.setSummary(flow.summary);
    view.svg.setAttribute("aria-label", flow.summary);
    ask.hidden = flow.ran || !model.get("live");
    bar.update();
  }

  /** @param {boolean} refit @param {number} [fixed] the box whose upper right corner, where its button is, stays in place */
  function arrange(refit, fixed) {
    const before = paint.at(fixed);
    const placed = place(scene.layout, scene, open);
    paint.paint(placed);
    size = { width: placed.width, height: placed.height };
    const after = paint.at(fixed);
    view.resize(size, refit, before && after ? { x: after.x + after.w - before.x - before.w, y: after.y - before.y } : undefined);
    if (fixed === undefined) showEnd();
    else if (after && open.has(fixed)) view.makeRoom(after);
    dress();
  }

  /** Of a picture too large to be read whole, show where backward begins, until the learner has moved it. */
  function showEnd() {
    const end = visibleBox(flow.order[0]);
    if (end !== undefined && !view.touched()) view.reveal(paint.at(end));
  }

  /** The boxes, from the inside out, that hold a node. */
  function holds(box, node) {
    if (node < 0) return false;
    if (!held.has(node)) {
      const around = new Set();
      for (let at of scene.boxesOf.get(node) ?? []) for (; at >= 0; at = scene.parents[at]) around.add(at);
      held.set(node, around);
    }
    return held.get(node).has(box);
  }

  function markIn(box) {
    for (const [node, kind] of flow.marks) if (holds(box, node)) return kind;
    return undefined;
  }

  function flags(node) {
    const tags = (scene.flags.get(node) ?? []).map((flag) => messages[`tag.${flag}`]).filter(Boolean);
    const uses = scene.boxesOf.get(node)?.length ?? 1;
    return [...tags, ...(uses > 1 ? [fillIn(messages["tag.uses"], { count: uses })] : [])].join(" · ");
  }

  function dress() {
    const step = Math.min(model.get("step"), steps());
    const current = step > 0 ? flow.order[step - 1] : -1;
    const selected = model.get("selected");
    const ran = (node) => (flow.when.get(node) ?? Infinity) <= step;
    paint.dress({ flow, step, current: step < steps() || model.get("playing") ? current : -1, selected, ran, holds, markIn, flags });
    frame.announce(model.get("playing") ? "" : stepLabel(step));
    const shown = selected >= 0 ? selected : step < steps() ? current : -1;
    showSide(shown);
    const box = visibleBox(current);
    if (box !== undefined && step < steps()) view.reveal(paint.at(box));
  }

  function showSide(node) {
    if (node < 0) {
      frame.setSide(legend(messages), messages["legend.title"]);
      return;
    }
    const about = details.get(node);
    if (about) frame.setSide(panel(about, { messages, name: nameOf, pick, uses: scene.boxesOf.get(node)?.length ?? 1 }), nameOf(node));
    else if (model.get("live")) model.send({ kind: "details", node });
    else frame.setSide(h("p", {}, messages["panel.not_here"]), nameOf(node));
  }

  /** The box that stands for a node now: its own, or the closed group around it. */
  function visibleBox(node) {
    for (let box of scene.boxesOf.get(node) ?? []) {
      let shown = box;
      for (; box >= 0; box = scene.parents[box]) if (box !== shown && scene.isGroup(box) && !open.has(box)) shown = box;
      if (paint.at(shown)) return shown;
    }
    return undefined;
  }

  function pick(node) {
    if (model.get("selected") === node) return;
    model.set("selected", node);
    model.save_changes();
  }

  function setOpen(boxes) {
    const runs = scene.kinds.flatMap((kind, box) => (kind === "run" ? [box] : []));
    model.set("expanded", [...new Set([...runs, ...boxes])].sort((a, b) => a - b));
    model.save_changes();
  }

  function toggle(box) {
    if (scene.kinds[box] === "run") return;
    setOpen(open.has(box) ? [...open].filter((other) => other !== box) : [...open, box]);
  }

  /** Open the outermost groups that are still closed. */
  function openMore() {
    const closed = [...paint.cards().keys()].filter((box) => scene.isGroup(box));
    setOpen([...open, ...closed]);
  }

  view.svg.addEventListener("click", (event) => {
    const toggled = event.target.closest("[data-toggle]");
    if (toggled) toggle(Number(toggled.dataset.toggle));
    else {
      const card = event.target.closest(".card");
      const box = card ? Number(card.dataset.box) : -1;
      if (box < 0) pick(-1);
      else if (scene.isGroup(box)) toggle(box);
      else if (scene.kinds[box] === "op" || scene.kinds[box] === "leaf") pick(scene.nodes[box]);
    }
    frame.root.focus({ preventScroll: true });
  }, { signal });

  frame.root.addEventListener("keydown", (event) => {
    if (event.target.matches("input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = keys[event.key];
    if (act && act() !== false) event.preventDefault();
  }, { signal, capture: true });

  const keys = {
    Escape: () => pick(-1),
    Enter: () => (document.activeElement === frame.root ? enter() : false),
    "+": () => view.zoom(1.25),
    "-": () => view.zoom(1 / 1.25),
    0: () => view.fit(),
    ArrowLeft: () => walk(-1, 0),
    ArrowRight: () => walk(1, 0),
    ArrowUp: () => walk(0, -1),
    ArrowDown: () => walk(0, 1),
  };

  /** Pin the newest node, or close the group around the pinned one. */
  function enter() {
    const selected = model.get("selected");
    if (selected < 0) {
      pick(flow.order[Math.max(0, Math.min(model.get("step"), steps()) - 1)]);
      return;
    }
    const box = scene.boxesOf.get(selected)?.[0];
    const around = visibleBox(selected);
    toggle(around !== box ? around : scene.parents[box]);
  }

  /** Move the pinned node to its nearest neighbor on the screen; without one the arrows belong to the player. */
  function walk(dx, dy) {
    const from = model.get("selected") >= 0 ? visibleBox(model.get("selected")) : undefined;
    if (from === undefined) return false;
    const here = center(paint.at(from));
    let best = -1;
    let least = Infinity;
    for (const box of paint.cards().keys()) {
      if (box === from || scene.isGroup(box) || scene.nodes[box] < 0 || !["op", "leaf"].includes(scene.kinds[box])) continue;
      const there = center(paint.at(box));
      const along = (there.x - here.x) * dx + (there.y - here.y) * dy;
      const across = Math.abs((there.x - here.x) * dy) + Math.abs((there.y - here.y) * dx);
      if (along > 1 && along + 2 * across < least) [best, least] = [scene.nodes[box], along + 2 * across];
    }
    if (best >= 0) {
      pick(best);
      view.reveal(paint.at(visibleBox(best)));
    }
    return true;
  }

  const events = {
    "change:scene": rebuild,
    "change:flow": () => {
      receive();
      dress();
    },
    "change:details": receive,
    "change:detail": () => {
      const about = model.get("detail");
      if (about.node === undefined) return;
      details.set(about.node, about);
      dress();
    },
    "change:expanded": () => {
      const before = open;
      open = new Set(model.get("expanded"));
      const changed = [...before, ...open].filter((box) => before.has(box) !== open.has(box));
      arrange(false, changed.length === 1 ? changed[0] : undefined);
    },
    "change:step": dress,
    "change:playing": dress,
    "change:selected": dress,
  };
  for (const [name, call] of Object.entries(events)) model.on(name, call);
  let wide = 0;
  const resized = new ResizeObserver(([{ contentRect }]) => {
    // The height is ours; while a notebook keeps the cell off the page there is no width.
    if (contentRect.width === wide || !contentRect.width) return;
    wide = contentRect.width;
    requestAnimationFrame(() => {
      view.resize(size, false);
      showEnd();
    });
  });
  signal.addEventListener("abort", () => {
    resized.disconnect();
    for (const [name, call] of Object.entries(events)) model.off(name, call);
  });
  rebuild();
  resized.observe(frame.main);
}

const center = ({ x, y, w, h: tall }) => ({ x: x + w / 2, y: y + tall / 2 });

export default { render };
