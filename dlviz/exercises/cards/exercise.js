// The report on an answer: verdict, reason, one row for each case, and buttons for hints, solution and starter.

import { card } from "../../kit/js/card.js";
import { fillIn, h } from "../../kit/js/dom.js";
import { button, paragraph } from "./text.js";

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const { id, title, verdict, text, task, notes, cases, rows, hints, solution, starter } = model.get("scene");
  const ui = card({ el, model, signal, name: messages.exercise });
  ui.root.classList.add("exercise-card");
  ui.root.dataset.item = id;
  ui.setSignature(`${id} · ${title}`);
  ui.setBadge({ text: messages[`verdict.${verdict}`], kind: { right: "good", wrong: "bad" }[verdict] ?? "" });
  ui.setSummary(`${messages[`verdict.${verdict}`]}. ${text}`);

  const shownHints = h("ol", { class: "exercise-hints", "aria-live": "polite", hidden: "" });
  const listings = h("div", {});
  const buttons = h("div", { class: "exercise-row" });
  if (verdict !== "right" && hints.length) buttons.append(hintButton());
  buttons.append(listingButton(messages.solution, messages.hide_solution, solution, ""), listingButton(messages.starter, messages.hide_starter, starter, messages.copy_starter));
  /** @type {Node[]} */
  const parts = [paragraph(text, "exercise-text")];
  if (cases.length) parts.push(caseTable());
  if (rows.length) parts.push(h("table", { class: "exercise-table" }, ...rows.map(([label, value]) => h("tr", {}, h("th", { scope: "row" }, label), h("td", {}, value)))));
  parts.push(...notes.map((note) => paragraph(note, "dlviz-soft")));
  if (task && verdict !== "right") parts.push(h("details", { class: "exercise-task" }, h("summary", {}, messages.task), paragraph(task)));
  if (!model.get("live")) parts.push(paragraph(messages.notebook, "dlviz-soft"));
  ui.main.append(...parts, shownHints, buttons, listings);

  function hintButton() {
    const next = () => shownHints.children.length + 1;
    const label = () => fillIn(next() === 1 ? messages.hint : messages.next_hint, { number: next(), count: hints.length });
    const element = button(label(), signal, () => {
      const shown = h("li", { tabindex: "-1" }, ...paragraph(hints[next() - 1]).childNodes);
      shownHints.append(shown);
      shownHints.hidden = false;
      if (next() <= hints.length) element.textContent = label();
      else {
        // The button that had the focus goes.
        shown.focus({ preventScroll: true });
        element.remove();
      }
    });
    return element;
  }
  function listingButton(open, close, code, hint) {
    const copy = button(messages.copy, signal, async () => {
      await navigator.clipboard?.writeText(code);
      copy.textContent = messages.copied;
    }, "dlviz-outlined small");
    const listing = h("div", { class: "exercise-listing", hidden: "" }, hint ? h("p", { class: "dlviz-soft" }, hint) : null, h("pre", { tabindex: "0" }, h("code", {}, code)), copy);
    listings.append(listing);
    const element = button(open, signal, () => {
      listing.hidden = !listing.hidden;
      element.textContent = listing.hidden ? open : close;
      element.setAttribute("aria-expanded", String(!listing.hidden));
    });
    element.setAttribute("aria-expanded", "false");
    return element;
  }
  function caseTable() {
    const head = h("tr", {}, ...["case", "given", "got", "expected", ""].map((name) => h("th", { scope: "col" }, messages[name] ?? "")));
    const lines = cases.map(({ given, yours, expected, passed }, i) => h("tr", { "data-verdict": passed ? "right" : "wrong" },
      h("th", { scope: "row" }, String(i + 1)), h("td", {}, given), h("td", {}, yours), h("td", {}, expected), h("td", { class: "exercise-sign", title: messages[passed ? "passed" : "failed"] }, passed ? "✓" : "✗")));
    return h("div", { class: "exercise-wide", tabindex: "0", role: "region", "aria-label": messages.cases }, h("table", { class: "exercise-table" }, head, ...lines));
  }
}

export default { render };
