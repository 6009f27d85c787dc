// The autograd graph: draws the diagram, steps through backward, expands groups, and shows the details of one node.

import { redrawOnChange } from "../../kit/js/animation.js";
import { closest, h, fillIn } from "../../kit/js/dom.js";
import { onThemeChange, themeColors } from "../../kit/js/heatmap.js";
import { baseView } from "../../kit/js/base_view.js";
import { format } from "../../kit/js/numbers.js";
import { decodeScene, decodeFlow } from "./decode.js";
import { diagramRenderer } from "./draw.js";
import { panZoom } from "./pan_zoom.js";
import { legend, nodePanel } from "./node_panel.js";
import { place } from "./coordinates.js";

/** Least milliseconds from one content of the side panel to the next. */
const SIDE_INTERVAL = 100;

function render({ model, el, signal }) {
  let scene;
  let flow;
  let diagram;
  let expanded = new Set();
  let size = { width: 1, height: 1 };
  let showsLegend = false;
  /** When the panel was last drawn, and the timer that will draw it. */
  let sideDrawnAt = 0;
  let sideTimer = 0;
  const details = new Map();
  const on = baseView({
    model, el, signal, name: model.get("messages").name, captions: "flow", steps, label, draw, showStep,
    traits: { flow: receiveFlow, details: receiveFlow, detail: receiveDetail, expanded: receiveExpanded, selected: () => {} },
    onEscape() {
      if (showsLegend) {
        showsLegend = false;
        on.update();
      } else select(-1);
      return true;
    },
  });
  const { ui, messages } = on;
  /** @type {[string, string, () => void][]} */
  const groupTools = [["legend.title", "?", () => { showsLegend = !showsLegend; showStep(model.get("step")); }], ["expand_all", "⊞", expandMore], ["collapse_all", "⊟", () => setExpanded([])]];
  const view = panZoom({ messages, signal, onMove: () => diagram?.drawVisible(view.visibleArea()), covered, tools: groupTools });
  const preview = previewPrompt();
  ui.root.classList.add("graph");
  ui.main.append(view.svg, view.toolbar, view.minimap);
  on.start();
  on.line.element.before(preview);
  onThemeChange(ui.root, signal, drawMinimap);

  function previewPrompt() {
    const button = h("button", { type: "button", class: "graph-preview-button" }, messages["preview.button"]);
    button.addEventListener("click", () => model.send({ kind: "preview" }), { signal });
    return h("div", { class: "graph-preview", hidden: "" }, h("span", {}, messages["preview.text"]), button);
  }

  function steps() {
    return flow?.backwardRan ? flow.order.length : 0;
  }

  function label(step) {
    if (step === 0 || !steps()) return messages.step_none;
    const node = flow.order[step - 1];
    const gradient = format(flow.gradient(node) ?? flow.gradientNorm(node) ?? NaN);
    return fillIn(messages.step_label, { step, last: steps(), name: scene.nodeName(node), gradient });
  }

  function draw() {
    scene = decodeScene(model.get("scene"));
    expanded = new Set(model.get("expanded"));
    diagram = diagramRenderer({ layer: view.layer, scene, messages, isExpanded: (box) => expanded.has(box) });
    receiveFlow();
    layOut(true);
  }

  function receiveFlow() {
    flow = decodeFlow(model.get("flow"));
    details.clear();
    for (const [node, about] of Object.entries(model.get("details"))) details.set(Number(node), about);
    view.svg.setAttribute("aria-label", flow.summary);
    preview.hidden = flow.backwardRan || !model.get("live");
  }

  function receiveDetail() {
    const about = model.get("detail");
    if (about.node !== undefined) details.set(about.node, about);
  }

  function receiveExpanded() {
    const before = expanded;
    expanded = new Set(model.get("expanded"));
    const changed = [...before, ...expanded].filter((box) => before.has(box) !== expanded.has(box));
    layOut(false, changed.length === 1 ? changed[0] : undefined);
  }

  /** @param {boolean} refit @param {number} [fixed] the box whose upper right corner, where its button is, stays in place */
  function layOut(refit, fixed) {
    const before = diagram.rectangle(fixed);
    const placement = place(scene.layout, scene, expanded);
    diagram.draw(placement);
    size = { width: placement.width, height: placement.height };
    const after = diagram.rectangle(fixed);
    view.resize(size, refit, before && after ? { x: after.x + after.w - before.x - before.w, y: after.y - before.y } : undefined);
    drawMinimap();
    if (fixed === undefined) showRoot();
    else if (after && expanded.has(fixed)) view.showGroup(after);
  }

  function drawMinimap() {
    view.drawMinimap(diagram.rectangles(), themeColors(ui.root)["ink-3"]);
  }

  /** How many pixels of the diagram's right lie below the side panel; on a narrow page the panel stands below the diagram. */
  function covered() {
    return ui.side.hidden || getComputedStyle(ui.side).position !== "absolute" ? 0 : ui.side.offsetWidth;
  }

  /** Show the root of a diagram that does not fit, until the user moves it. */
  function showRoot() {
    const root = visibleBox(flow.order[0]);
    if (root !== undefined && !view.movedByUser()) view.reveal(diagram.rectangle(root));
  }

  function showStep(step) {
    const running = step > 0 ? flow.order[step - 1] : -1;
    const selected = model.get("selected");
    const finished = step >= steps();
    diagram.update({
      flow,
      selected,
      current: finished && !model.get("playing") ? -1 : running,
      hasRun: (node) => (flow.stepOf.get(node) ?? Infinity) <= step,
    });
    showSideThrottled(selected < 0 && !finished ? running : selected);
    const box = visibleBox(finished ? selected : running);
    if (box !== undefined) view.reveal(diagram.rectangle(box));
  }

  /** Show a node in the side panel, at most one in SIDE_INTERVAL: a panel takes longer to lay out than a step to draw. */
  function showSideThrottled(node) {
    clearTimeout(sideTimer);
    const isOpen = !ui.side.hidden && !showsLegend && node >= 0;
    const wait = isOpen ? sideDrawnAt + SIDE_INTERVAL - performance.now() : 0;
    if (wait > 0) sideTimer = setTimeout(() => !signal.aborted && showSideThrottled(node), wait);
    else {
      showSide(node);
      sideDrawnAt = performance.now();
    }
  }

  function showSide(node) {
    if (showsLegend || node < 0) {
      ui.setSide(showsLegend ? legend(messages) : null, messages["legend.title"]);
      return;
    }
    const about = details.get(node);
    if (about) ui.setSide(nodePanel(about, { messages, name: scene.nodeName, select, uses: scene.boxesOf(node).length }), scene.nodeName(node));
    else if (model.get("live")) model.send({ kind: "details", node });
    else ui.setSide(h("p", {}, messages["panel.not_here"]), scene.nodeName(node));
  }

  /** The visible box of a node: its own, or the outermost collapsed group around it. */
  function visibleBox(node) {
    for (const own of scene.boxesOf(node)) {
      let visible = own;
      for (let box = own; box >= 0; box = scene.parents[box]) if (scene.isGroup(box) && !expanded.has(box)) visible = box;
      if (diagram.rectangle(visible)) return visible;
    }
    return undefined;
  }

  function select(node) {
    if (model.get("selected") !== node) on.save("selected", node);
  }

  /** The outer boxes of two compared graphs always stay expanded. */
  function setExpanded(boxes) {
    const outer = scene.kinds.flatMap((kind, box) => (kind === "graph" ? [box] : []));
    on.save("expanded", [...new Set([...outer, ...boxes])].sort((a, b) => a - b));
  }

  function toggle(box) {
    if (scene.kinds[box] === "graph") return;
    setExpanded(expanded.has(box) ? [...expanded].filter((other) => other !== box) : [...expanded, box]);
  }

  /** Expand the outermost groups that are still collapsed. */
  function expandMore() {
    setExpanded([...expanded, ...diagram.boxes().filter(scene.isGroup)]);
  }

  view.svg.addEventListener("click", (event) => {
    const button = closest(event, "[data-toggle]");
    if (button) toggle(Number(button.dataset.toggle));
    else {
      const card = closest(event, ".card");
      const box = card ? Number(card.dataset.box) : -1;
      if (box < 0) select(-1);
      else if (scene.isGroup(box)) toggle(box);
      else if (scene.isNode(box)) select(scene.nodes[box]);
    }
    ui.root.focus({ preventScroll: true });
  }, { signal });

  const keys = {
    Enter: () => (document.activeElement === ui.root ? enter() : false),
    "+": () => view.zoom(1.25),
    "-": () => view.zoom(1 / 1.25),
    0: () => view.fit(),
    ArrowLeft: () => selectNeighbor(-1, 0),
    ArrowRight: () => selectNeighbor(1, 0),
    ArrowUp: () => selectNeighbor(0, -1),
    ArrowDown: () => selectNeighbor(0, 1),
  };
  ui.root.addEventListener("keydown", (event) => {
    if (closest(event, "input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = keys[event.key];
    if (act && act() !== false) event.preventDefault();
  }, { signal, capture: true });

  /** Select the node that ran last, or toggle the group around the selected one. */
  function enter() {
    const selected = model.get("selected");
    if (selected < 0) {
      select(flow.order[Math.max(0, Math.min(model.get("step"), steps()) - 1)]);
      return;
    }
    const own = scene.boxesOf(selected)[0];
    const visible = visibleBox(selected);
    toggle(visible !== own ? visible : scene.parents[own]);
  }

  /** Select the nearest node in a direction. While none is selected, the arrow keys belong to the player. */
  function selectNeighbor(dx, dy) {
    const from = model.get("selected") >= 0 ? visibleBox(model.get("selected")) : undefined;
    if (from === undefined) return false;
    const start = center(diagram.rectangle(from));
    let nearest = -1;
    let least = Infinity;
    for (const box of diagram.boxes()) {
      if (box === from || !scene.isNode(box)) continue;
      const { x, y } = center(diagram.rectangle(box));
      const along = (x - start.x) * dx + (y - start.y) * dy;
      const across = Math.abs((x - start.x) * dy) + Math.abs((y - start.y) * dx);
      if (along > 1 && along + 2 * across < least) [nearest, least] = [scene.nodes[box], along + 2 * across];
    }
    if (nearest >= 0) {
      select(nearest);
      view.reveal(diagram.rectangle(visibleBox(nearest)));
    }
    return true;
  }

  redrawOnChange({
    root: ui.root, element: ui.main, signal,
    draw() {
      view.resize(size, false);
      showRoot();
    },
  });
}

const center = ({ x, y, w, h: height }) => ({ x: x + w / 2, y: y + height / 2 });

export default { render };
