// A question, its options or field, and after the answer is locked in: the truth, the reason, and the outputs that waited for it.

import { card } from "../../kit/js/card.js";
import { fillIn, h, onKeys } from "../../kit/js/dom.js";
import { button, cellOf, cellsBelow, inline, paragraph, plain } from "./text.js";

/** Milliseconds after which the kernel is asked again, if no answer came; every further time the pause doubles. */
const ASK_AGAIN = 3000;

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const { id, question, options, is_shape: isShape, tolerance } = model.get("scene");
  const kind = isShape ? "shape" : "number";
  const ui = card({ el, model, signal, name: messages.prediction });
  const headline = h("p", { class: "exercise-question" }, ...inline(question));
  const answers = h("div", { class: "exercise-options" });
  const field = h("input", { type: "text", class: "exercise-field", "aria-label": messages[`field_${kind}`], placeholder: messages[`field_${kind}`], autocomplete: "off", spellcheck: "false" });
  const help = h("p", { class: "dlviz-soft" });
  const after = h("div", { class: "exercise-after", tabindex: "-1", hidden: "" });
  const lock = button(messages.lock, signal, lockIn, "exercise-primary");
  const show = button(messages.show, signal, showTruth, "exercise-quiet");
  const row = h("div", { class: "exercise-row" }, lock, show, help);
  let chosen = null;
  let isWaiting = false;

  ui.root.classList.add("exercise-card");
  ui.root.dataset.item = id;
  ui.setSignature(id);
  ui.setSummary(options.length ? fillIn(messages.summary, { question, options: options.map(({ text }) => text).join("; ") }) : question);
  const choices = options.map(({ value, text }, i) => {
    const mark = h("span", { class: "exercise-mark", "aria-hidden": "true" }, String(i + 1));
    const note = h("span", { class: "exercise-option-note" });
    const element = h("button", { type: "button", class: "exercise-option", "aria-pressed": "false", "data-value": value }, mark, h("span", {}, ...inline(text)), note);
    element.addEventListener("click", () => choose(value), { signal });
    return { value, text, element, mark, note };
  });
  answers.append(...choices.map(({ element }) => element), ...(options.length ? [] : [field]));
  ui.main.append(headline, answers, row, after);
  headline.hidden = isAbove();

  onKeys(ui.root, signal, (event) => {
    if (result()) return false;
    const option = /^[1-9]$/.test(event.key) && event.target !== field ? options[Number(event.key) - 1] : undefined;
    if (option) choose(option.value);
    const isButton = event.target instanceof HTMLButtonElement && !event.target.dataset.value;
    const locks = event.key === "Enter" && !isButton && answer() !== null;
    if (locks) lockIn();
    return Boolean(option) || locks;
  });
  field.addEventListener("input", update, { signal });
  model.on("change:result", update);
  signal.addEventListener("abort", () => model.off("change:result", update));
  update();
  if (result()) openOutputs();

  /** The result, or null before an answer. */
  function result() {
    const found = model.get("result") ?? {};
    return "truth" in found ? found : null;
  }
  function choose(value) {
    if (result() || isWaiting) return;
    chosen = value;
    update();
  }
  /** The answer as it stands: an option, a number, a shape; null if there is none yet. */
  function answer() {
    if (options.length) return chosen;
    const given = parse(field.value);
    return Array.isArray(given) === isShape ? given : null;
  }
  /** How a typed answer is read. */
  function readBack() {
    const given = answer();
    if (field.value.trim() === "") return "";
    return given === null ? messages[`unreadable_${kind}`] : fillIn(messages[`read_${kind}`], { answer: format(given) });
  }
  function lockIn() {
    const given = answer();
    if (given === null || result() || isWaiting) return;
    if (model.get("live")) {
      isWaiting = true;
      ask(given, ASK_AGAIN);
      update();
    } else {
      const { truth, why } = model.get("stored");
      model.set("result", { given, truth, right: isEqual(given, truth, tolerance), first: null, why, notes: [] });
    }
  }
  /** A message can be lost, as when the connection to the kernel breaks: the answer is sent until there is a result. */
  function ask(given, pause) {
    if (result() || signal.aborted) return;
    model.send({ kind: "commit", answer: given });
    setTimeout(() => ask(given, 2 * pause), pause);
  }
  function showTruth() {
    if (result()) return;
    if (model.get("live")) model.send({ kind: "show" });
    else model.set("result", model.get("stored"));
  }
  function update() {
    const found = result();
    if (found) isWaiting = false;
    // What is hidden next would leave the focus nowhere, and with it the notebook's keys.
    const losesFocus = found !== null && [row, field].some((node) => node.contains(document.activeElement));
    row.hidden = found !== null;
    after.hidden = !found;
    field.disabled = isWaiting || found !== null;
    lock.setAttribute("aria-disabled", String(answer() === null || isWaiting));
    help.textContent = isWaiting ? messages.waiting : options.length ? fillIn(messages.choose, { count: options.length }) : readBack();
    for (const { value, element, mark, note } of choices) {
      const isTruth = found !== null && value === found.truth;
      const isGiven = found ? value === found.given : value === chosen;
      element.setAttribute("aria-pressed", String(isGiven));
      if (found) element.setAttribute("aria-disabled", "true");
      element.dataset.verdict = isTruth ? "right" : found && isGiven ? "wrong" : "";
      if (found) mark.textContent = isTruth ? "✓" : isGiven ? "✗" : "";
      note.textContent = !found ? "" : [isGiven ? messages.yours : "", isTruth ? messages.truth : ""].filter(Boolean).join(" · ");
    }
    if (found) showResult(found);
    if (losesFocus) after.focus({ preventScroll: true });
    if (!found) ui.setBadge({ text: isWaiting ? messages["state.waiting"] : messages["state.open"], kind: "" });
  }
  function showResult({ given, truth, right, first, why, notes }) {
    const isShown = given === null;
    const state = isShown ? "shown" : right ? (first === null ? "right" : "later") : "wrong";
    ui.setBadge({ text: messages[`state.${state}`], kind: isShown ? "" : right ? "good" : "bad" });
    const values = options.length ? [] : [
      ...(isShown || right ? [] : [line("✗", format(given), messages.yours, "wrong")]),
      line("✓", format(truth), right ? `${messages.yours} · ${messages.truth}` : messages.truth, "right"),
    ];
    if (!options.length) field.hidden = true;
    after.replaceChildren(
      ...values, paragraph(why, "exercise-why"), ...notes.map((note) => paragraph(note, "dlviz-soft")),
      ...(first === null ? [] : [paragraph(fillIn(messages.kept, { first: name(first) }), "dlviz-soft")]),
      ...(isShown || right ? [] : [paragraph(messages.success, "dlviz-soft")]),
    );
    ui.announce(`${messages[`state.${state}`]}. ${name(truth)}. ${why}`);
    openOutputs();
  }
  function line(sign, value, note, verdict) {
    return h("p", { class: "exercise-option", "data-verdict": verdict }, h("span", { class: "exercise-mark", "aria-hidden": "true" }, sign), h("code", {}, value), h("span", { class: "exercise-option-note" }, note));
  }
  function name(value) {
    return choices.find((choice) => choice.value === value)?.text ?? format(value);
  }
  /** Open what waits below: in a page the outputs and texts of this prediction; in a notebook the texts, because Python opens the outputs. */
  function openOutputs() {
    for (const waiting of document.querySelectorAll(`details[data-after="${CSS.escape(id)}"]`)) waiting.setAttribute("open", "");
    for (const cell of cellsBelow(el)) {
      if (cell.querySelector("[data-item]") || /predict\(|exercise\(/.test(cell.querySelector(".cm-content")?.textContent ?? "")) break;
      for (const fold of cell.querySelectorAll(".jp-MarkdownOutput details")) fold.setAttribute("open", "");
    }
  }
  /** Whether the cell above shows the question already, as it does in a lesson. */
  function isAbove() {
    const above = cellOf(el)?.previousElementSibling?.textContent ?? "";
    return above.replace(/\s+/g, " ").includes(plain(question).replace(/\s+/g, " "));
  }
}

/** A number such as 0.25, 1e-3, 3/4, 75% or 20,100, or a shape such as (2, 3) as a list; null for anything else. @param {string} text @returns {number | number[] | null} */
function parse(text) {
  const written = text.trim().replace(/[−–]/g, "-").replace(/^torch\.Size\((.*)\)$/, "$1").replace(/^([+-])\s+/, "$1").replace(/(\d)\s*[x×]\s*(?=\d)/g, "$1, ");
  const [, above, below] = /^([+-]?(?:\d+\.?\d*|\.\d+))\s*(\/\s*\d+\.?\d*|%)$/.exec(written) ?? [];
  if (below) return finite(Number(above) / (below === "%" ? 100 : Number(below.slice(1))));
  // Commas before every three digits group them, unless parentheses make it a shape.
  const isGrouped = /^[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?$/.test(written);
  const bare = (isGrouped ? written.replaceAll(",", "") : written).replace(/^[([]|[)\]]$/g, "");
  const isShape = !isGrouped && /[,([]/.test(written);
  const parts = bare.split(",").map((part) => part.trim()).filter((part, i, all) => part !== "" || i < all.length - 1);
  if (parts.length === 0 || parts.some((part) => !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(part))) return isShape && bare.trim() === "" && written !== "" ? [] : null;
  const numbers = parts.map(Number);
  if (!isShape) return finite(numbers[0]);
  return numbers.every(Number.isInteger) ? numbers : null;
}

function finite(number) {
  return Number.isFinite(number) ? number : null;
}

/** Whether an answer is the truth, as `dlviz.exercises.predict` compares them. */
function isEqual(given, truth, tolerance) {
  const share = Number.isInteger(truth) ? 0 : 1e-3; // a whole number is a count
  if (typeof given === "number") return Math.abs(given - truth) <= Math.max(share * Math.max(Math.abs(given), Math.abs(truth)), tolerance, 1e-9);
  return JSON.stringify(given) === JSON.stringify(truth);
}

function format(value) {
  if (Array.isArray(value)) return `(${value.join(", ")}${value.length === 1 ? "," : ""})`;
  return Number.isInteger(value) ? value.toLocaleString("en") : String(value);
}

export default { render };
