// Time from left to right: the influence on the pinned number, the tokens, the states as heat, and the pinned unit as a curve.

import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { heatmap, maxAbs, hidpiContext } from "../../kit/js/heatmap.js";
import { activeUnits, similarSpans } from "./activation_spans.js";

const LEFT = 64;
const RIGHT = 14;
const BARS = 40;
const TOKENS = 22;
const MARKS = 8;
const GAP = 14;
const CURVE = 58;

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, pick: (place: number, unit: number) => void, extend: (span: number[]) => void}} options
 */
export function timeline({ messages, signal, pick, extend }) {
  const canvas = h("canvas");
  const field = h("button", { type: "button", class: "rec-heatmap" }, canvas);
  const readout = h("output", { class: "rec-readout" });
  const found = h("div", { class: "rec-similar", hidden: "" });
  const element = h("div", { class: "rec-timeline" }, field, readout, found);
  let scene = null;
  let bands = [];
  let colors = null;
  let width = 0;
  let column = 0;
  let tall = 0;
  let still = null;
  let mono = "";
  let here = { t: 0, u: 0, threshold: 0, span: [] };
  let over = null;
  let from = -1;

  function show(next) {
    scene = next;
    const rows = (values, count) => {
      const wide = values.length / scene.steps;
      return Float64Array.from({ length: count * scene.steps }, (_, p) => values[(p % scene.steps) * wide + Math.floor(p / scene.steps)]);
    };
    bands = [{ name: "h", count: scene.outputs, values: rows(scene.h, scene.outputs) }];
    if (scene.c) bands.push({ name: "c", count: scene.units, values: rows(scene.c, scene.units) });
    if (scene.unedited) {
      const { common_steps: common, change } = scene.unedited;
      const wide = change.length / common;
      const values = new Float64Array(scene.outputs * scene.steps);
      for (let t = 0; t < common; t += 1) for (let u = 0; u < scene.outputs; u += 1) values[u * scene.steps + t] = change[t * wide + u];
      bands.push({ name: messages.change, count: scene.outputs, values });
    }
    for (const band of bands) band.max = maxAbs(band.values);
    field.setAttribute("aria-label", fillIn(messages.heatmap_alt, { tokens: scene.tokens.slice(0, 40).join(" ") }));
    over = null;
  }

  /** What does not change while the player runs: kept as a picture. */
  function paint(palette, room) {
    colors = palette;
    width = Math.max(320, room - 32);
    column = Math.min(60, (width - LEFT - RIGHT) / scene.steps);
    let y = BARS + TOKENS + MARKS;
    for (const band of bands) {
      band.row = Math.max(2, Math.min(16, 128 / band.count));
      band.top = y;
      band.bottom = y + band.row * band.count;
      y = band.bottom + GAP;
    }
    tall = y + CURVE;
    still = document.createElement("canvas");
    const context = hidpiContext(still, width, tall);
    for (const band of bands) {
      context.drawImage(heatmap(band.values, 0, band.count, scene.steps, band.max, colors), LEFT, band.top, column * scene.steps, band.bottom - band.top);
      context.strokeStyle = colors.line;
      context.strokeRect(LEFT - 0.5, band.top - 0.5, column * scene.steps + 1, band.bottom - band.top + 1);
    }
    mono = getComputedStyle(field).getPropertyValue("--mono");
    context.font = `600 12px ${mono}`;
    context.fillStyle = colors.ink;
    context.textBaseline = "middle";
    for (const band of bands) {
      context.fillText(band.name, 2, (band.top + band.bottom) / 2 - 7);
      context.save();
      context.font = `10px ${mono}`;
      context.fillStyle = colors["ink-3"];
      context.fillText(`± ${format(band.max, 2)}`, 2, (band.top + band.bottom) / 2 + 8);
      context.restore();
    }
    hidpiContext(canvas, width, tall);
  }

  function showStep(t, u, threshold, span) {
    here = { t, u, threshold, span };
    put();
    search();
  }

  function put() {
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, width, tall);
    context.drawImage(still, 0, 0, width, tall);
    bars(context);
    tokens(context);
    marks(context);
    cursor(context);
    curve(context);
    tell();
  }
  const x = (place) => LEFT + place * column;

  function bars(context) {
    const norms = scene.inputGradNorms(here.t, here.u);
    context.font = `10px ${mono}`;
    context.fillStyle = colors["ink-3"];
    context.textAlign = "left";
    context.textBaseline = "middle";
    context.fillText("‖∂h/∂x‖", 2, BARS - 18);
    if (!norms) return;
    const most = maxAbs(norms);
    context.fillText(`≤ ${format(most, 2)}`, 2, BARS - 5);
    context.fillStyle = colors.flow;
    for (let s = 0; s < scene.steps && most > 0; s += 1) {
      const high = ((BARS - 4) * norms[s]) / most;
      context.fillRect(x(s) + Math.min(4, column / 8), BARS - high, Math.max(1, column - Math.min(8, column / 4)), high);
    }
  }
  function tokens(context) {
    context.textAlign = "center";
    context.textBaseline = "middle";
    const longest = Math.max(...scene.tokens.map((token) => Math.min(8, token.length)), 1);
    const apart = Math.max(1, Math.ceil((4 + 7.2 * longest) / column));
    const write = (place, strong) => {
      context.font = `${strong ? 700 : 400} 12px ${mono}`;
      const text = scene.token(place);
      if (strong) {
        const wide = context.measureText(text).width + 8;
        context.fillStyle = colors.paper;
        context.fillRect(x(place) + column / 2 - wide / 2, BARS + 1, wide, TOKENS - 1);
        context.strokeStyle = colors.accent;
        context.lineWidth = 1.5;
        context.strokeRect(x(place) + column / 2 - wide / 2, BARS + 2, wide, TOKENS - 3);
      }
      context.fillStyle = strong ? colors.ink : colors["ink-3"];
      context.fillText(text, x(place) + column / 2, BARS + TOKENS / 2 + 1);
    };
    for (let place = 0; place < scene.steps; place += apart) write(place, false);
    write(here.t, true);
  }
  function marks(context) {
    const line = (first, last, color) => {
      context.fillStyle = color;
      context.fillRect(x(first) + 1, BARS + TOKENS + 1, Math.max(2, (last - first + 1) * column - 2), 4);
    };
    for (const [first, last] of matches()) line(first, last, colors.flow);
    if (here.span.length === 2) line(...here.span, colors.accent);
  }
  function matches() {
    return here.span.length === 2 && here.threshold ? similarSpans(scene, ...here.span, here.threshold) : [];
  }
  function cursor(context) {
    context.strokeStyle = colors.accent;
    context.lineWidth = 1.5;
    for (const band of bands) {
      context.strokeRect(x(here.t), band.top - 2, Math.max(2, column), band.bottom - band.top + 4);
      if (here.u >= band.count) continue;
      const y = band.top + here.u * band.row;
      context.save();
      context.strokeStyle = colors["ink-3"];
      context.lineWidth = 1;
      context.strokeRect(LEFT - 1, y - 0.5, column * scene.steps + 2, band.row + 1);
      context.restore();
      context.strokeRect(x(here.t) - 1, y - 1, Math.max(3, column + 2), band.row + 2);
    }
  }
  /** The pinned unit over time, and behind it as it was without edits. */
  function curve(context) {
    const inside = here.u < scene.outputs;
    const [values, reference, name] = inside ? [scene.h, scene.unedited?.h, "h"] : [scene.c, scene.unedited?.c, "c"];
    const wide = values.length / scene.steps;
    const own = Array.from({ length: scene.steps }, (_, t) => values[t * wide + here.u]);
    const before = reference ? Array.from({ length: scene.unedited.steps }, (_, t) => reference[(t * reference.length) / scene.unedited.steps + here.u]) : [];
    const max = maxAbs([...own, ...before]) || 1;
    const top = tall - CURVE;
    const middle = top + CURVE / 2;
    const y = (value) => middle - (value / max) * (CURVE / 2 - 4);
    context.strokeStyle = colors.line;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(LEFT, middle);
    context.lineTo(LEFT + column * scene.steps, middle);
    context.stroke();
    const draw = (points, color, dash) => {
      context.strokeStyle = color;
      context.lineWidth = 2;
      context.setLineDash(dash);
      context.beginPath();
      points.slice(0, scene.steps).forEach((value, t) => context.lineTo(x(t) + column / 2, y(value)));
      context.stroke();
      context.setLineDash([]);
    };
    if (reference) draw(before, colors["ink-3"], [4, 3]);
    draw(own, colors.accent, []);
    context.fillStyle = colors.accent;
    context.beginPath();
    context.arc(x(here.t) + column / 2, y(own[here.t]), 4, 0, 7);
    context.fill();
    context.textAlign = "left";
    context.fillStyle = colors.ink;
    context.font = `600 12px ${mono}`;
    context.fillText(`${name}[${here.u}]`, 2, middle - 7);
    context.font = `10px ${mono}`;
    context.fillStyle = colors["ink-3"];
    context.fillText(`± ${format(max, 2)}`, 2, middle + 8);
  }

  function tell() {
    const at = over ?? { place: here.t, unit: here.u, band: bands[0] };
    const { place, unit } = at;
    const band = unit < at.band.count ? at.band : bands[1];
    const norms = scene.inputGradNorms(here.t, here.u);
    const value = format(band.values[unit * scene.steps + place], 5);
    const text = fillIn(messages.read, { name: band.name, unit, place: scene.stepName(place), value });
    const more = norms ? fillIn(messages.input_grad_norm, { unit: here.u, place: here.t, from: place, value: format(norms[place], 3) }) : here.u < scene.outputs ? messages.input_grad_unknown : messages.projected;
    readout.textContent = `${text} ${more}`;
  }
  function search() {
    const { threshold, span } = here;
    found.hidden = !threshold;
    if (!threshold) return;
    if (span.length !== 2) {
      found.textContent = messages.span_how;
      return;
    }
    const units = Object.keys(activeUnits(scene, ...span, threshold));
    const spans = matches();
    const name = ([first, last]) => (first === last ? String(first) : `${first}–${last}`);
    found.textContent = units.length ? fillIn(messages.span_found, { span: name(span), units: units.join(", "), found: spans.length ? spans.map(name).join(", ") : messages.span_none }) : fillIn(messages.span_off, { span: name(span), threshold });
  }

  function under(event) {
    const box = canvas.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    const place = Math.max(0, Math.min(scene.steps - 1, Math.floor((px - LEFT) / column)));
    const band = bands.find((one) => py >= one.top - 3 && py < one.bottom + 3);
    const unit = band ? Math.max(0, Math.min(band.count - 1, Math.floor((py - band.top) / band.row))) : here.u;
    return { place, unit, band: band ?? bands[0], left: px < LEFT };
  }
  field.addEventListener("pointermove", (event) => {
    const at = under(event);
    if (from >= 0 && event.buttons) {
      extend([Math.min(from, at.place), Math.max(from, at.place)]);
      return;
    }
    over = at;
    tell();
  }, { signal });
  field.addEventListener("pointerleave", () => {
    over = null;
    tell();
  }, { signal });
  field.addEventListener("pointerdown", (event) => {
    const at = under(event);
    from = event.shiftKey ? at.place : -1;
    if (event.shiftKey) {
      field.setPointerCapture(event.pointerId);
      extend([at.place, at.place]);
    } else pick(at.place, at.unit);
  }, { signal });
  field.addEventListener("pointerup", () => { from = -1; }, { signal });
  field.addEventListener("keydown", (event) => {
    const moves = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
    const move = moves[event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const place = Math.max(0, Math.min(scene.steps - 1, here.t + move[0]));
    const unit = Math.max(0, Math.min(scene.units - 1, here.u + move[1]));
    if (event.shiftKey && move[0]) {
      const [first, last] = here.span.length === 2 ? here.span : [here.t, here.t];
      extend(move[0] > 0 ? [first, Math.min(scene.steps - 1, last + 1)] : last > first ? [first, last - 1] : [Math.max(0, first - 1), last]);
    } else pick(place, unit);
  }, { signal });

  return { element, show, paint, showStep };
}
