// All heads as small pictures, a row for each call: their pattern, the selected query's row, their entropy, or how far back they look.

import { redrawOnChange } from "../../kit/js/animation.js";
import { drawBox } from "../../kit/js/canvas.js";
import { arrowDirection, fillIn, h, onKeys } from "../../kit/js/dom.js";
import { channels, hidpiContext, maxAbs, pixelCanvas, themeColors, scratch } from "../../kit/js/heatmap.js";
import { format } from "../../kit/js/numbers.js";
import { placeReadout } from "../../kit/js/readout.js";
import { isAvailable } from "../../kit/js/precomputed.js";
import { segments } from "../../kit/js/segments.js";
import { typedArray } from "../../kit/js/typed_arrays.js";

/** Width of the numbers of the calls, and height of those of the heads. */
const LEFT = 20;
const TOP = 15;
const LARGEST = 46;
/** Height in which all calls fit, as long as their tiles are not too small. */
const HEIGHT = 214;
const SMALLEST = 13;

/** @param {{messages: Record<string, string>, model: any, root: HTMLElement, signal: AbortSignal, open: (index: number) => void}} options open: called with the index of a head over all calls */
export function tileChooser({ messages, model, root, signal, open }) {
  const canvas = h("canvas");
  const button = h("button", { type: "button", class: "att-tiles", "aria-label": messages.tiles }, canvas);
  const readout = h("output", { class: "dlviz-readout", hidden: "" });
  const scroll = h("div", { class: "att-scroll" }, button);
  let measure = "pattern";
  const switcher = segments({
    label: messages.tiles, signal, options: ["pattern", "query", "entropy", "distance"].map((name) => [name, messages[`by_${name}`]]),
    set(value) {
      measure = value;
      base = null;
      redraw();
    },
  });
  const element = h("div", { class: "att-chooser" }, switcher.element, scroll, readout);
  const redraw = redrawOnChange({ root, element: scroll, signal, draw });
  let calls = [];
  let base = null;
  let colors = null;
  let [size, width] = [0, 0];

  function show(raw) {
    let first = 0;
    calls = raw.calls.map((call) => {
      const made = { ...call, first, pictures: typedArray(call.pictures, "uint8"), entropy: typedArray(call.entropy, "float32"), distance: call.distance && typedArray(call.distance, "float32") };
      first += call.heads;
      return made;
    });
    // The tile of an only head would repeat its map.
    element.hidden = calls.length === 1 && calls[0].heads === 1;
    switcher.update(measure);
    base = null;
    redraw();
  }
  const most = () => Math.max(...calls.map((call) => call.heads));
  function draw(available) {
    if (!calls.length || !available || signal.aborted) return;
    const next = themeColors(root);
    const nextSize = Math.max(9, Math.min(LARGEST, Math.floor((available - LEFT) / most()) - 3, Math.max(SMALLEST, Math.floor((HEIGHT - TOP) / calls.length) - 3)));
    if (!base || nextSize !== size || available !== width || JSON.stringify(next) !== JSON.stringify(colors)) {
      [colors, size, width] = [next, nextSize, available];
      base = paintAll();
      hidpiContext(canvas, LEFT + most() * (size + 3), TOP + calls.length * (size + 3));
    }
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
    context.drawImage(base, 0, 0, canvas.clientWidth, canvas.clientHeight);
    const [c, k] = place(model.get("opened"));
    drawBox(context, [LEFT + k * (size + 3) - 1, TOP + c * (size + 3) - 1, size + 2, size + 2], colors.select, 2);
  }
  function paintAll() {
    const made = document.createElement("canvas");
    const context = hidpiContext(made, LEFT + most() * (size + 3), TOP + calls.length * (size + 3));
    Object.assign(context, { font: `11px ${getComputedStyle(button).getPropertyValue("--mono")}`, fillStyle: colors["ink-3"], textBaseline: "middle" });
    context.textAlign = "center";
    const every = Math.ceil(14 / (size + 3));
    for (let k = 0; k < most(); k += every) context.fillText(String(k), LEFT + k * (size + 3) + size / 2, TOP / 2);
    const largest = { entropy: Math.max(...calls.map((call) => maxAbs(call.entropy))), distance: Math.max(...calls.map((call) => (call.distance ? maxAbs(call.distance) : 0))) };
    calls.forEach((call, c) => {
      const y = TOP + c * (size + 3);
      context.textAlign = "right";
      context.fillStyle = colors["ink-3"];
      if (c % every === 0) context.fillText(String(c), LEFT - 5, y + size / 2);
      for (let k = 0; k < call.heads; k += 1) {
        const x = LEFT + k * (size + 3);
        context.drawImage(measure === "pattern" ? pattern(call, k) : measure === "query" ? ofQuery(call, k) : level(call[measure]?.[k], largest[measure]), x, y, size, size);
        drawBox(context, [x - 0.5, y - 0.5, size + 1, size + 1], colors.line);
      }
    });
    return made;
  }
  /** A head's weights, one pixel each. */
  function pattern(call, k) {
    const [rows, columns] = call.shape;
    const values = call.pictures.subarray(k * rows * columns, (k + 1) * rows * columns);
    // The root, because beside the first query of a causal map, whose only weight is 1, all others are small.
    return shaded(rows, columns, (p) => Math.sqrt(values[p] / 255));
  }
  /** The row of the selected query, followed through all heads and calls. */
  function ofQuery(call, k) {
    const [rows, columns] = call.shape;
    const row = Math.min(rows - 1, Math.floor((model.get("query") * rows) / call.queries));
    const from = (k * rows + row) * columns;
    const values = call.pictures.subarray(from, from + columns);
    const most = Math.max(1, ...values);
    return shaded(1, columns, (p) => values[p] / most);
  }
  function level(value, max) {
    return shaded(1, 1, () => (max > 0 && Number.isFinite(value) ? value / max : 0));
  }
  function shaded(rows, columns, share) {
    const [paper, pos, neg] = [colors.paper, colors.pos, colors.neg].map(channels);
    return pixelCanvas(rows, columns, (p, data) => {
      const value = share(p);
      for (let c = 0; c < 3; c += 1) data[4 * p + c] = paper[c] + ((value < 0 ? neg : pos)[c] - paper[c]) * Math.abs(value);
      data[4 * p + 3] = 255;
    }, scratch);
  }

  /** Call and head of a head that is counted over all calls. */
  function place(index) {
    const c = Math.max(0, calls.findLastIndex((call) => call.first <= index));
    return [c, index - calls[c].first];
  }
  function under(event) {
    const box = canvas.getBoundingClientRect();
    const c = Math.floor((event.clientY - box.top - TOP) / (size + 3));
    const k = Math.floor((event.clientX - box.left - LEFT) / (size + 3));
    return calls[c] && k >= 0 && k < calls[c].heads ? { c, k, index: calls[c].first + k } : null;
  }
  button.addEventListener("pointermove", (event) => {
    const at = under(event);
    readout.hidden = !at;
    if (!at) return;
    const call = calls[at.c];
    readout.replaceChildren(...[fillIn(messages.tile, { name: call.name || fillIn(messages.call, { number: at.c }), head: at.k }), ...headFacts(messages, call.entropy[at.k], call.keys, call.distance?.[at.k])].map((text) => h("div", {}, text)));
    const [box, origin] = [event, element.getBoundingClientRect()];
    placeReadout(readout, [box.clientX - origin.left, box.clientY - origin.top]);
  }, { signal });
  button.addEventListener("pointerleave", () => { readout.hidden = true; }, { signal });
  button.addEventListener("pointerdown", (event) => {
    const at = under(event);
    if (at && isAvailable(model, "opened", at.index)) open(at.index);
  }, { signal });
  onKeys(button, signal, (event) => {
    const move = arrowDirection(event);
    if (!move || !calls.length) return false;
    const [c, k] = place(model.get("opened"));
    const call = calls[Math.max(0, Math.min(calls.length - 1, c + move[1]))];
    const next = call.first + Math.max(0, Math.min(call.heads - 1, k + move[0]));
    if (isAvailable(model, "opened", next)) open(next);
    return true;
  });
  function showQuery() {
    if (measure === "query") base = null;
    redraw();
  }
  return { element, show, showQuery };
}

/** What is said of a head: its entropy, at most the logarithm of the number of keys, and how far back it looks where queries and keys are the same sequence. @returns {string[]} */
export function headFacts(messages, entropy, keys, distance) {
  const facts = [fillIn(messages.head_facts, { entropy: format(entropy, 3), most: format(Math.log(keys), 3) })];
  if (Number.isFinite(distance)) facts.push(fillIn(messages[distance < 0 ? "head_ahead" : "head_back"], { distance: format(Math.abs(distance), 2) }));
  return facts;
}
