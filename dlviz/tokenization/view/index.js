// Byte-pair encoding, merge by merge: the text as tokens, pairs and their counts, the vocabulary, and a typed text.

import { fillIn, fillInApart, h } from "../../kit/js/dom.js";
import { baseView } from "../../kit/js/base_view.js";
import { chart, crosshair } from "../../kit/js/chart.js";
import { format } from "../../kit/js/numbers.js";
import { ticks } from "../../kit/js/scale.js";
import { decode } from "./encoding.js";
import { tokenRow } from "./token_row.js";

/** Learned tokens that are listed, the newest ones. */
const MAX_LISTED = 200;
/** A text of fewer bytes than a quarter of this number needs little room. */
const SHORT = 1200;
/** Characters of a typed text that are encoded. */
const MAX_TYPED = 400;

function render({ model, el, signal }) {
  const messages = model.get("messages");
  let scene = null;
  const view = baseView({
    model, el, signal, name: "bpe", unit: messages.unit, steps: () => model.get("scene").steps, label: (step) => fillIn(messages.player, { step }), draw, showStep, pace: 900,
    traits: { typed: () => {} },
  });
  const row = tokenRow();
  const text = row.element;
  const size = h("span", { class: "dlviz-soft tok-size" });
  const sign = (mark, words) => h("span", { class: "dlviz-soft" }, h("span", { class: "tok-token", [`data-${mark}`]: "" }, "␣"), ` ${words}`);
  const legend = h("div", { class: "tok-legend", "aria-hidden": "true" }, sign("new", messages.new), sign("next", messages.next));
  const input = h("input", { type: "text", spellcheck: "false", autocomplete: "off", maxlength: MAX_TYPED, "aria-label": messages.type });
  const encoded = h("div", { class: "tok-encoded", tabindex: "0", role: "img" });
  const encodedSize = h("span", { class: "dlviz-soft" });
  const pairs = h("div", { class: "tok-pairs" });
  const winner = h("p", { class: "tok-winner" });
  const vocabulary = h("div", { class: "tok-vocabulary", tabindex: "0", role: "img" });
  const vocabularySize = h("span", { class: "dlviz-soft" });
  const curve = curveChart();
  const panel = (kind, title, note, ...children) => h("div", { class: `dlviz-panel ${kind}` }, h("div", { class: "dlviz-panel-title" }, h("b", {}, title), note), ...children);
  view.ui.main.append(h("div", { class: "tok-layout" },
    h("div", { class: "tok-column" }, panel("", messages.text, size, text, legend), panel("tok-typed", messages.type, encodedSize, input, encoded)),
    h("div", { class: "tok-column" }, panel("tok-learning", messages.pairs, null, pairs, winner), panel("tok-learning", messages.vocabulary, vocabularySize, vocabulary), panel("tok-curve", messages.curve, curve.readout, curve.element))));
  input.addEventListener("input", () => view.save("typed", input.value), { signal });
  input.addEventListener("keydown", (event) => event.stopPropagation(), { signal });

  const step = () => Math.min(model.get("step"), scene.steps);
  const name = (id) => scene.names[id];

  function draw() {
    scene = decode(model.get("scene"));
    text.toggleAttribute("data-short", scene.merged_at.byteLength < SHORT);
    curve.draw();
  }
  function showStep(_, isNew) {
    if (isNew) showTraining();
    showTyped();
    // Last, because reading places after writing costs a layout.
    if (isNew) reveal();
  }
  function showTraining() {
    const at = step();
    row.show(scene.tokens(at), scene.names);
    const summary = fillIn(messages.size, { tokens: scene.sizes[at].toLocaleString("en"), each: perCharacter(at) });
    size.textContent = summary;
    text.setAttribute("aria-label", `${fillIn(messages.text_alt, { step: at })}: ${summary}`);
    showPairs(at);
    showVocabulary(at);
    curve.select(at);
  }
  /** Scroll the text to the first token that was merged last, or is merged next, and the vocabulary to its newest token. */
  function reveal() {
    const node = /** @type {HTMLElement | null} */ (text.querySelector("[data-new]") ?? text.querySelector("[data-next]"));
    const [end, top] = [vocabulary.scrollHeight, (node?.offsetTop ?? 0) - text.offsetTop];
    const isHidden = top < text.scrollTop || top + 30 > text.scrollTop + text.clientHeight;
    vocabulary.scrollTop = end;
    if (node && isHidden) text.scrollTop = Math.max(0, top - 40);
  }
  const perCharacter = (at) => format(scene.sizes[at] / scene.characters, 3);

  function showPairs(at) {
    const list = scene.candidates[at];
    const most = list.length ? list[0][2] : 1;
    const merge = scene.merges[at];
    const isOver = !list.length || most < scene.min_count;
    pairs.replaceChildren(...list.map(([left, right, count], k) =>
      h("div", { class: "tok-pair", "data-next": k === 0 && !isOver ? "" : null }, h("span", { class: "tok-sides" }, h("span", { class: "tok-token" }, name(left)), " + ", h("span", { class: "tok-token" }, name(right))), h("span", { class: "tok-bar" }, h("i", { style: `width:${(100 * count) / most}%` })), h("span", { class: "tok-count" }, count.toLocaleString("en")))));
    const tie = isOver ? "" : scene.ties[at] > 1 ? fillIn(messages.ties, { ties: scene.ties[at], count: most }) : messages.alone;
    const what = merge ? fillInApart(messages.winner, { left: name(merge.left), right: name(merge.right), new: name(merge.id) }) : [isOver ? fillIn(messages.done, { min: scene.min_count }) : messages.last];
    winner.replaceChildren(h("b", {}, ...what), " ", h("span", { class: "dlviz-soft" }, tie));
  }
  function showVocabulary(at) {
    const first = Math.max(0, at - MAX_LISTED);
    const chips = scene.merges.slice(first, at).map(({ left, right, id }, k) => h("span", { class: "tok-token", "data-new": first + k === at - 1 ? "" : null, title: fillIn(messages.learned, { id, left: name(left), right: name(right), number: first + k + 1 }) }, name(id)));
    if (first) chips.unshift(h("span", { class: "dlviz-soft" }, fillIn(messages.earlier, { count: first })));
    vocabulary.replaceChildren(...chips);
    const learned = new Set(scene.merges.slice(0, at).map(({ id }) => id)).size;
    vocabularySize.textContent = fillIn(messages.vocabulary_size, { learned });
    vocabulary.setAttribute("aria-label", `${vocabularySize.textContent}: ${chips.map((chip) => chip.textContent).join(", ")}`);
  }
  function showTyped() {
    const typed = model.get("typed").slice(0, MAX_TYPED);
    if (document.activeElement !== input) input.value = typed;
    const ids = scene.encode(typed, step());
    encoded.replaceChildren(...ids.map((id) => h("span", { class: "tok-pairing", title: fillIn(messages.token, { name: name(id), id }) }, h("span", { class: "tok-token" }, name(id)), h("span", { class: "tok-id" }, String(id)))));
    encodedSize.textContent = fillIn(messages.encoded, { tokens: ids.length, characters: [...typed].length, bytes: new TextEncoder().encode(typed).length });
    const list = ids.map((id) => `${name(id)} ${id}`).join(", ");
    encoded.setAttribute("aria-label", `${messages.encoded_alt}: ${list}`);
  }

  /** Tokens per character against merges. */
  function curveChart() {
    const plot = chart({ width: 372, height: 104, margin: { left: 40, right: 12, top: 8, bottom: 30 } });
    const button = h("button", { type: "button", class: "tok-plot" }, plot.element);
    const readout = h("span", { class: "dlviz-soft" });
    let pointed = null;
    const update = (at = pointed ?? step()) => {
      plot.cursor(plot.vertical(at, "dlviz-chart-pointer"), plot.dot(at, scene.sizes[at] / scene.characters, "dlviz-chart-current"));
      readout.textContent = fillIn(messages.curve_read, { step: at, value: perCharacter(at) });
    };
    crosshair({
      element: button, plot, signal,
      moveTo(value) {
        pointed = value === null ? null : Math.round(Math.min(value, scene.steps));
        if (scene) update();
      },
      moveBy: (direction) => view.go(Math.max(0, Math.min(scene.steps, step() + direction))),
    });
    button.addEventListener("click", (event) => {
      if (event.detail && pointed !== null) view.go(pointed);
    }, { signal });
    return {
      element: button,
      readout,
      draw() {
        const values = scene.sizes.map((count) => count / scene.characters);
        const top = Math.max(...values);
        const last = Math.max(1, scene.steps);
        plot.draw({
          x: { domain: [0, last], ticks: ticks(0, last, 5).filter(Number.isInteger).map((value) => [value, String(value)]), title: messages.curve_axis },
          y: { domain: [0, top * 1.05], ticks: ticks(0, top, 3).map((value) => [value, format(value, 3)]), grid: true },
          content: () => [plot.line(values, "tok-line")],
        });
        button.setAttribute("aria-label", fillIn(messages.curve_alt, { first: format(values[0], 3), last: format(values.at(-1), 3) }));
      },
      select: update,
    };
  }
  view.start();
}

export default { render };
