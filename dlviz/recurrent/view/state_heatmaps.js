// The timeline: gradient norms by the input, tokens, states as heat maps, and the selected unit as a curve, with time from left to right.

import { tween } from "../../kit/js/animation.js";
import { arrowDirection, fillIn, h, onKeys } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { hidpiContext } from "../../kit/js/heatmap.js";
import { placeReadout } from "../../kit/js/readout.js";
import { drawHeatmaps, drawSelection, makeHeatmaps, makeLayout } from "./state_heatmap_drawing.js";

/** Share of a span's active units that are active in a similar span, as in dlviz.recurrent.similar_spans. */
const MATCH_FRACTION = 0.75;
/** Milliseconds in which the outlines glide to another step. */
const GLIDE = 160;

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, pick: (t: number, unit: number) => void, setSpan: (span: number[]) => void}} options
 */
export function timeline({ messages, signal, pick, setSpan }) {
  const canvas = h("canvas");
  const button = h("button", { type: "button", class: "rec-heatmap" }, canvas);
  const readout = h("output", { class: "rec-readout" });
  const similar = h("p", { class: "rec-found" });
  const pointed = h("output", { class: "dlviz-readout rec-pointed", hidden: "" });
  const element = h("div", { class: "rec-timeline" }, button, readout, pointed);
  let scene = null;
  let heatmaps = [];
  let layout = null;
  let style = null;
  /** The heat maps as a picture. */
  let background = null;
  let selected = { t: 0, u: 0, threshold: 0, span: [], similar: [] };
  /** The number under the pointer, printed beside it; the selected one is printed below. */
  let hovered = null;
  /** The step where a drag with Shift began, -1 for none. */
  let dragStart = -1;
  let requested = 0;
  const cursor = tween({ redraw: () => (requested ||= requestAnimationFrame(drawSelected)) });
  signal.addEventListener("abort", () => cancelAnimationFrame(requested));

  function show(next) {
    scene = next;
    heatmaps = makeHeatmaps(scene, messages);
    button.setAttribute("aria-label", fillIn(messages.heatmap_alt, { tokens: scene.tokens.slice(0, 40).join(" ") }));
    hovered = null;
  }

  /** Draw the heat maps in these colors and this width. @param {any} colors @param {number} availableWidth @param {"beside" | "above"} position */
  function paint(colors, availableWidth, position) {
    style = { colors, mono: getComputedStyle(button).getPropertyValue("--mono") };
    layout = makeLayout(scene, heatmaps, Math.max(300, availableWidth), position);
    background = drawHeatmaps(scene, layout, style);
    hidpiContext(canvas, layout.width, layout.height);
  }

  function showStep(t, u, threshold, span) {
    selected = { t, u, threshold, span, similar: span.length === 2 && threshold ? similarSpans(scene, ...span, threshold) : [] };
    cursor.go([t, u], GLIDE);
    drawSelected();
    showValue();
    showSimilar();
  }
  function drawSelected() {
    requested = 0;
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, layout.width, layout.height);
    context.drawImage(background, 0, 0, layout.width, layout.height);
    drawSelection(context, scene, layout, { ...selected, cursor: cursor.now() }, style);
  }

  function showValue() {
    const { t, u } = selected;
    readout.replaceChildren(...describe({ t, unit: u, heatmap: layout.heatmaps[0] }));
    pointed.hidden = !hovered;
    if (!hovered) return;
    pointed.replaceChildren(...describe(hovered));
    placeReadout(pointed, hovered.point);
  }
  function describe({ t: from, unit, heatmap }) {
    const { t, u } = selected;
    const { name, values } = unit < heatmap.count ? heatmap : layout.heatmaps[1];
    const norms = scene.inputGradNorms(t, u);
    const missing = scene.input_grad.positions ? messages.input_grad_sampled : messages.input_grad_unknown;
    const unknown = u < scene.outputs ? missing : messages.projected;
    const texts = [
      fillIn(messages.read, { name, unit, place: scene.stepName(from), value: format(values[unit * scene.steps + from], 4) }),
      norms ? fillIn(messages.input_grad_norm, { unit: u, place: t, from, value: format(norms[from], 3) }) : unknown,
    ];
    return texts.map((text) => h("div", {}, text));
  }
  function showSimilar() {
    const { threshold, span, similar: spans } = selected;
    if (span.length !== 2 || !threshold) {
      similar.textContent = messages.span_how;
      return;
    }
    /** @param {number[]} span */
    const name = ([first, last]) => (first === last ? String(first) : `${first}–${last}`);
    const units = Object.keys(activeUnits(scene, ...span, threshold));
    similar.textContent = units.length
      ? fillIn(messages.span_found, { span: name(span), units: units.join(", "), found: spans.map(name).join(", ") || messages.span_none })
      : fillIn(messages.span_off, { span: name(span), threshold });
  }

  function underPointer(event) {
    const box = canvas.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    const heatmap = layout.heatmapAt(py);
    return { t: layout.stepAt(px), unit: heatmap ? layout.unitAt(heatmap, py) : selected.u, heatmap: heatmap ?? layout.heatmaps[0], point: [px + canvas.offsetLeft, py + canvas.offsetTop] };
  }
  button.addEventListener("pointermove", (event) => {
    const at = underPointer(event);
    if (dragStart >= 0 && event.buttons) {
      setSpan([Math.min(dragStart, at.t), Math.max(dragStart, at.t)]);
      return;
    }
    hovered = at;
    showValue();
  }, { signal });
  button.addEventListener("pointerleave", () => {
    hovered = null;
    showValue();
  }, { signal });
  button.addEventListener("pointerdown", (event) => {
    const at = underPointer(event);
    dragStart = event.shiftKey ? at.t : -1;
    if (event.shiftKey) {
      button.setPointerCapture(event.pointerId);
      setSpan([at.t, at.t]);
    } else pick(at.t, at.unit);
  }, { signal });
  button.addEventListener("pointerup", () => { dragStart = -1; }, { signal });
  onKeys(button, signal, (event) => {
    const move = arrowDirection(event);
    if (!move) return false;
    const { t, u, span } = selected;
    if (event.shiftKey && move[0]) setSpan(extended(span.length === 2 ? span : [t, t], move[0]));
    else pick(Math.max(0, Math.min(scene.steps - 1, t + move[0])), Math.max(0, Math.min(scene.units - 1, u + move[1])));
    return true;
  });
  /**
   * The span one step longer to the right; to the left one step shorter, or longer if it is a single step.
   * @param {number[]} span @param {number} direction
   */
  function extended([first, last], direction) {
    if (direction > 0) return [first, Math.min(scene.steps - 1, last + 1)];
    return last > first ? [first, last - 1] : [Math.max(0, first - 1), last];
  }

  return { element, similar, show, paint, showStep };
}

/** Units beyond the threshold on one side throughout a span: 1 above, −1 below. @returns {Record<string, number>} */
function activeUnits(scene, first, last, threshold) {
  /** @type {Record<string, number>} */
  const found = {};
  for (let u = 0; u < scene.outputs; u += 1) {
    for (const side of [1, -1]) {
      let active = true;
      for (let t = first; t <= last; t += 1) active &&= scene.number(scene.h, t, u) * side >= threshold;
      if (active) found[u] = side;
    }
  }
  return found;
}

/** Other spans in which three of four of these units are active. @returns {[number, number][]} */
function similarSpans(scene, first, last, threshold) {
  const units = Object.entries(activeUnits(scene, first, last, threshold));
  /** @type {[number, number][]} */
  const spans = [];
  for (let t = 0; t < scene.steps && units.length; t += 1) {
    if (t >= first && t <= last) continue;
    const count = units.filter(([u, side]) => scene.number(scene.h, t, Number(u)) * side >= threshold).length;
    if (count < MATCH_FRACTION * units.length) continue;
    const before = spans[spans.length - 1];
    if (before && before[1] === t - 1) before[1] = t;
    else spans.push([t, t]);
  }
  return spans;
}
