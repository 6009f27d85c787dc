// Edits: causal mask, scale, a head held at 0, shuffled keys, a painted mask, another text; and the output that they move.

import { chart } from "../../kit/js/chart.js";
import { controlBar } from "../../kit/js/controls.js";
import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { isAvailable } from "../../kit/js/precomputed.js";

/** @param {{messages: Record<string, string>, signal: AbortSignal, model: any, save: (trait: string, value: any) => void, onPaint: () => void}} options onPaint: called when painting begins or ends */
export function editPanel({ messages, signal, model, save, onPaint }) {
  const say = (key, values = {}) => fillIn(messages[`edit.${key}`], values);
  const bar = controlBar({ signal });
  const paint = h("input", { type: "checkbox", role: "switch", class: "dlviz-switch", "aria-label": messages.paint });
  const painting = h("label", { class: "dlviz-control dlviz-choice" }, paint, h("span", {}, messages.paint));
  const textInput = h("input", { type: "text", spellcheck: "false", autocomplete: "off", "aria-label": messages.type });
  const text = h("label", { class: "att-text" }, h("span", {}, messages.type), textInput);
  const refusal = h("p", { class: "att-refusal", role: "alert", hidden: "" });
  const reset = h("button", { type: "button", class: "dlviz-outlined" }, messages.reset);
  const plot = chart({ width: 420, height: 118, margin: { left: 48, right: 8, top: 8, bottom: 18 }, className: "att-ghost" });
  const [caption, moved] = [h("div", { class: "dlviz-chart-title" }), h("p", { class: "att-moved" })];
  const element = h("div", { class: "att-edits" }, bar.element, painting, text, reset, refusal);
  const effect = h("div", { class: "att-effect" }, caption, plot.element, moved);
  let scene = null;
  textInput.addEventListener("input", () => save("text", textInput.value), { signal });
  paint.addEventListener("change", onPaint, { signal });
  reset.addEventListener("click", () => (model.get("live") ? model.send({ kind: "reset" }) : save("edits", [])), { signal });

  const entries = () => model.get("edits");
  /** The numbers of this call's entry of a kind; undefined without one. */
  const own = (kind, number = null) => entries().find((entry) => entry[0] === scene.call && entry[1] === kind && (number === null || entry[2] === number));
  /** The entries with one of this call changed; in a page without a kernel only this one, as such states were computed. */
  function changed(kind, number, present) {
    const others = model.get("live") ? entries().filter((entry) => !(entry[0] === scene.call && entry[1] === kind && (kind !== "head" || entry[2] === number))) : [];
    const next = present ? [...others, [scene.call, kind, number]] : others;
    return next.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }
  function flip(kind, number) {
    return changed(kind, number, !own(kind, kind === "head" ? number : null));
  }
  const offers = (next) => isAvailable(model, "edits", next) || next.length === 0;

  function show(next) {
    scene = next;
    bar.clear();
    const causal = [["", say("given")], ["1", say("on")], ["0", say("off")]].filter(([value]) => value === "" || ((value !== "0" || scene.masked || own("causal")) && offers(changed("causal", Number(value), true))));
    if (causal.length > 1) bar.choice({ label: say("causal"), options: /** @type {[string, string][]} */ (causal), get: () => String(own("causal")?.[2] ?? ""), set: (value) => save("edits", changed("causal", Number(value), value !== "")) });
    const toggle = (kind, number, label, isOn) => {
      if (offers(flip(kind, number))) bar.toggle({ label, get: isOn, set: () => save("edits", flip(kind, number)) });
    };
    toggle("scale", 0, say("scale"), () => !own("scale"));
    toggle("head", scene.head, say("head", { head: scene.head }), () => Boolean(own("head", scene.head)));
    toggle("keys", 0, say("keys"), () => Boolean(own("keys")));
    bar.update();
  }
  /** Show the output of a query before and after. @param {number} i query @param {number} j key */
  function showStep(i, j) {
    const live = Boolean(model.get("live"));
    bar.update();
    painting.hidden = !live || scene.blocks.weights.isBinned;
    if (painting.hidden) paint.checked = false;
    text.hidden = !(live && model.get("accepts_text"));
    if (document.activeElement !== textInput) textInput.value = model.get("text");
    refusal.textContent = model.get("refusal");
    refusal.hidden = !refusal.textContent;
    // Not hidden: the focus stays where it is.
    reset.setAttribute("aria-disabled", String(!scene.changed));
    showEffect(i, j);
    return live || Boolean(model.get("precomputed")?.edits);
  }
  function showEffect(i, j) {
    const { changed: sizes } = scene;
    const now = scene.rowOf(sizes?.block ?? (scene.blocks.projected ? "projected" : scene.blocks.joined ? "joined" : "output"), i, j);
    const before = sizes && i < scene.blocks.before.rows ? scene.rowOf("before", i, j) : null;
    const [ofCall, ofModule] = [sizes?.call, sizes?.module].map((value) => (typeof value === "number" ? format(value, 3) : ""));
    const changes = [ofCall && fillIn(messages.change_call, { value: ofCall }), ofModule && ofModule !== ofCall && fillIn(messages.change_module, { value: ofModule })];
    moved.textContent = sizes ? changes.filter(Boolean).join(" ") : messages.no_change;
    caption.textContent = fillIn(messages.ghost, { query: scene.queryName(i) });
    if (!now) return;
    const finite = [...now, ...(before ?? [])].filter(Number.isFinite);
    const [low, high] = [Math.min(0, ...finite), Math.max(0, ...finite)];
    plot.draw({
      label: caption.textContent,
      x: { domain: [0, Math.max(1, now.length - 1)], ticks: [[0, "0"], [now.length - 1, String(now.length - 1)]] },
      y: { domain: low < high ? [low, high] : [-1, 1], ticks: low < high ? [[low, format(low, 2)], [high, format(high, 2)]] : [] },
      content: () => [...(before ? [plot.line(before, "att-before")] : []), plot.line(now, "att-now")],
    });
  }
  /** Flip whether a query may attend to a key, if the mask is being painted. */
  function paintPair(query, key) {
    if (!paint.checked) return;
    const isPair = (entry) => entry[0] === scene.call && entry[1] === "pair" && entry[2] === query && entry[3] === key;
    save("edits", entries().some(isPair) ? entries().filter((entry) => !isPair(entry)) : [...entries(), [scene.call, "pair", query, key]]);
  }
  return { element, effect, show, showStep, paintPair, isPainting: () => paint.checked };
}
