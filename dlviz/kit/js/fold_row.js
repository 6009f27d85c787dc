// Sections that start folded, with their titles in one row: opening one never moves a title.

import { h } from "./dom.js";

/**
 * @param {{signal: AbortSignal, sections: {title: string, content: HTMLElement}[], isSingle?: boolean, covered?: HTMLElement}} options title: which question the section answers; isSingle: opening a section closes the others; covered: what is hidden while one is open, where there is no room for both
 */
export function foldRow({ signal, sections, isSingle = false, covered }) {
  const buttons = sections.map(({ title, content }, k) => {
    content.hidden = true;
    const button = h("button", { type: "button", class: "dlviz-fold-title", "aria-expanded": "false" }, title);
    button.addEventListener("click", () => {
      const isOpened = content.hidden;
      for (const section of isSingle ? sections : [sections[k]]) section.content.hidden = true;
      content.hidden = !isOpened;
      update();
    }, { signal });
    return button;
  });
  const panels = h("div", { class: "dlviz-panels dlviz-fold-panels", hidden: "" }, ...sections.map(({ content }) => content));
  const element = h("div", { class: "dlviz-fold-row" }, h("div", { class: "dlviz-fold-titles" }, ...buttons), panels);

  function update() {
    buttons.forEach((button, k) => button.setAttribute("aria-expanded", String(!sections[k].content.hidden)));
    panels.hidden = sections.every(({ content }) => content.hidden);
    if (covered) covered.hidden = !panels.hidden;
    element.hidden = buttons.every((button) => button.hidden);
  }
  return {
    element,
    /** Offer a section, or hide it together with its title. @param {HTMLElement} content @param {boolean} offered */
    offer(content, offered) {
      const k = sections.findIndex((section) => section.content === content);
      buttons[k].hidden = !offered;
      if (!offered) content.hidden = true;
      update();
    },
  };
}
