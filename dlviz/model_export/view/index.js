// An export: your calls and the program's operations side by side with lines between them, details of a row, and a question with its answer.

import { h, onKeys } from "../../kit/js/dom.js";
import { baseView } from "../../kit/js/base_view.js";
import { segments } from "../../kit/js/segments.js";
import { answers } from "./answers.js";
import { programColumns } from "./program_columns.js";

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const view = baseView({
    model, el, signal, name: "export_check", steps: () => 0, label: () => "", draw, showStep: () => {},
    traits: { tab: showTab, pinned: showDetails }, onEscape: unpin,
  });
  const verdict = h("p", { class: "exp-verdict", role: "status" });
  const columns = programColumns({ messages, signal, point: showDetails, pin: (key) => view.save("pinned", key === model.get("pinned") ? "" : key) });
  const details = h("div", { class: "exp-details", role: "region", "aria-live": "polite", "aria-label": messages.details, tabindex: "0" });
  const tabs = segments({ label: messages.tabs, options: ["branches", "sizes", "parity", "compile", "saving"].map((name) => [name, messages[`tab_${name}`]]), signal, set: (name) => view.save("tab", name) });
  const answer = h("div", { class: "exp-answer", tabindex: "0", role: "region" });
  view.ui.main.append(verdict,
    h("div", { class: "exp-top" }, columns.element, details),
    h("div", { class: "exp-tabs" }, tabs.element), answer);
  onKeys(columns.element, signal, (event) => columns.key(event.key));

  function draw() {
    const scene = model.get("scene");
    verdict.textContent = scene.verdict;
    verdict.dataset.kind = scene.kind;
    columns.draw(scene);
    showTab();
    showDetails();
  }
  function showTab() {
    const tab = model.get("tab");
    tabs.update(tab);
    answer.setAttribute("aria-label", messages[`tab_${tab}`]);
    answer.replaceChildren(...answers(messages, model.get("scene"), tab, signal));
    answer.scrollTop = 0;
  }
  /** @param {string} [pointed] key of the row under the pointer or with the focus */
  function showDetails(pointed = "") {
    const row = columns.row(pointed || model.get("pinned"));
    columns.mark(model.get("pinned"), pointed);
    details.replaceChildren(...(row ? described(row) : [h("p", { class: "dlviz-soft" }, messages.hint)]));
  }
  function described(row) {
    const lines = [[row.target ? messages.operator : messages.call, row.target ?? row.type], [messages.module, row.module || messages.whole], [messages.output, row.shape]];
    return [
      h("h4", {}, row.name),
      row.note ? h("p", { class: "exp-note", "data-kind": row.kind }, row.note) : null,
      h("dl", {}, ...lines.filter(([, value]) => value).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, h("code", {}, value))])),
      row.where ? h("p", { class: "dlviz-soft" }, row.where) : null,
      row.code ? h("pre", { class: "exp-code" }, row.code) : null,
    ].filter(Boolean);
  }
  function unpin() {
    const isPinned = model.get("pinned") !== "";
    if (isPinned) view.save("pinned", "");
    return isPinned;
  }
  view.start();
}

export default { render };
