// One line for a lesson: a dot for every prediction, a bar for every exercise, and a button that leads to the next one.

import { card } from "../../kit/js/card.js";
import { fillIn, h } from "../../kit/js/dom.js";
import { button, jumpTo } from "./text.js";

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const ui = card({ el, model, signal, name: fillIn(messages.progress, { lesson: model.get("scene").lesson }) });
  const next = button("", signal, () => jumpTo(model.get("scene").next, el));
  const save = button(messages.export, signal, () => model.send({ kind: "export" }), "exercise-quiet");
  const saved = h("span", { class: "dlviz-soft", "aria-live": "polite" });
  const groups = h("div", { class: "exercise-groups" });
  ui.root.classList.add("exercise-card", "exercise-progress");
  ui.main.append(h("div", { class: "exercise-row" }, groups, next, model.get("live") ? save : null, saved));
  const events = { "change:scene": update, "change:exported": update };
  for (const [event, call] of Object.entries(events)) model.on(event, call);
  signal.addEventListener("abort", () => {
    for (const [event, call] of Object.entries(events)) model.off(event, call);
  });
  update();

  function update() {
    const { items, lesson } = model.get("scene");
    const done = items.filter(({ status }) => status === "done").length;
    groups.replaceChildren(...["predictions", "exercises"].map((kind) => group(kind, items.filter((item) => item.kind === kind))));
    ui.setSummary(fillIn(messages.progress_summary, { done, count: items.length, lesson }));
    ui.setBadge({ text: fillIn(messages.count, { done, count: items.length }), kind: done === items.length ? "good" : "" });
    const { next: id } = model.get("scene");
    next.textContent = id ? fillIn(messages.next, { id }) : messages.finished;
    next.setAttribute("aria-disabled", String(!id));
    const { file, reason } = model.get("exported") ?? {};
    saved.textContent = file ? fillIn(messages.exported, { file }) : reason ? fillIn(messages.not_exported, { reason }) : "";
  }
  function group(kind, items) {
    const marks = items.map(({ id, status }) => {
      const label = fillIn(messages.item, { id, status: messages[`status.${status}`] });
      const mark = h("button", { type: "button", class: "exercise-item", "data-kind": kind, "data-status": status, "aria-label": label, title: label });
      mark.addEventListener("click", () => jumpTo(id, el), { signal });
      return mark;
    });
    return h("div", { class: "exercise-group", role: "group", "aria-label": messages[kind] }, h("span", {}, messages[kind]), ...marks);
  }
}

export default { render };
