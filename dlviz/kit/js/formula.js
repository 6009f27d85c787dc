// A line of arithmetic below a picture, its parts in the colors of their dimensions.

import { h } from "./dom.js";

export function formula(kind = "tensor-formula") {
  const element = h("div", { class: kind, hidden: "" });
  return {
    element,
    /** @param {(string | {text: string, dim?: number, strong?: boolean, soft?: boolean})[]} parts an empty list hides the line */
    show(parts) {
      element.hidden = parts.length === 0;
      element.replaceChildren(...parts.map((part) => {
        if (typeof part === "string") return document.createTextNode(part);
        return h(part.strong ? "b" : "span", { "data-dim": part.dim === undefined ? null : part.dim % 5, class: part.soft ? "soft" : null }, part.text);
      }));
    },
  };
}

export function intersperse(items, separator) {
  return items.flatMap((item, i) => (i ? [separator, item] : [item]));
}
