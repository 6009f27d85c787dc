// The classes that lost most: what share of their examples was right before, and is right now.

import { fillIn, h } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";

/** @param {{messages: Record<string, string>}} options */
export function classPanel({ messages }) {
  const list = h("div", { class: "cmp-classes" });
  const note = h("p", { class: "dlviz-soft cmp-class-note" });
  const percent = (share) => `${format(100 * share, 3)}%`;
  return {
    element: h("div", {}, h("div", { class: "dlviz-panel-title" }, h("b", {}, messages.classes), h("span", { class: "dlviz-soft" }, messages.classes_how)), note, list),
    draw({ classes, by_class: isByClass }) {
      const lost = classes.filter(({ before, now }) => now < before);
      note.hidden = isByClass && lost.length > 0;
      note.textContent = isByClass ? messages.no_loss : messages.only_numbers;
      list.style.setProperty("--name", `${Math.min(14, Math.max(1, ...lost.map(({ name }) => name.length)))}ch`);
      list.replaceChildren(...lost.map(({ name, before, now }) => {
        const values = { name, before: percent(before), now: percent(now) };
        return h("div", { class: "cmp-class", role: "img", "aria-label": fillIn(messages.class_row, values) },
          h("span", { class: "cmp-name", title: name }, name), h("i", { class: "cmp-track" }, h("i", { class: "cmp-lost", style: `width:${100 * before}%` }), h("i", { class: "cmp-kept", style: `width:${100 * now}%` })), h("span", { class: "mono" }, values.before), h("span", { class: "mono" }, values.now));
      }));
    },
  };
}
