// Sections that start folded, with their titles in one row: opening one never moves a title.

import { h } from "./dom.js";

/**
 * @param {{signal: AbortSignal, sections: {title: string, content: HTMLElement}[]}} options title: which question the section answers
 */
export function foldRow({ signal, sections }) {
  const buttons = sections.map(({ title, content }, k) => {
    content.hidden = true;
    const button = h("button", { type: "button", class: "dlviz-fold-title", "aria-expanded": "false" }, title);
    button.addEventListener("click", () => {
      content.hidden = !content.hidden;
      update(k);
    }, { signal });
    return button;
  });
  const panels = h("div", { class: "dlviz-panels dlviz-fold-panels", hidden: "" }, ...sections.map(({ content }) => content));
  const element = h("div", { class: "dlviz-fold-row" }, h("div", { class: "dlviz-fold-titles" }, ...buttons), panels);

  function update(k) {
    buttons[k].setAttribute("aria-expanded", String(!sections[k].content.hidden));
    panels.hidden = sections.every(({ content }) => content.hidden);
    element.hidden = buttons.every((button) => button.hidden);
  }
  return {
    element,
    /** Offer a section, or hide it together with its title. @param {HTMLElement} content @param {boolean} offered */
    offer(content, offered) {
      const k = sections.findIndex((section) => section.content === content);
      buttons[k].hidden = !offered;
      if (!offered) content.hidden = true;
      update(k);
    },
  };
}
