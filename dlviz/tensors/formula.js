// One line of arithmetic below a picture, its parts in the colours of what they stand for.

import { h } from "../kit/js/dom.js";

export function formula() {
  const element = h("div", { class: "tensor-formula", hidden: "" });
  return {
    element,
    /** @param {(string | {text: string, dim?: number, strong?: boolean, soft?: boolean})[]} parts nothing hides the line */
    show(parts) {
      element.hidden = parts.length === 0;
      element.replaceChildren(...parts.map((part) => {
        if (typeof part === "string") return document.createTextNode(part);
        return h(part.strong ? "b" : "span", { "data-dim": part.dim === undefined ? null : part.dim % 5, class: part.soft ? "soft" : null }, part.text);
      }));
    },
  };
}

/** offset + Σ index × stride, as parts. */
export function addressParts(name, index, stride, offset, words) {
  const sum = index.reduce((all, at, d) => all + at * stride[d], offset);
  const parts = [name, "[", ...(index.length ? between(index.map((at, d) => ({ text: String(at), dim: d })), ", ") : ["()"]), "]"];
  parts.push({ text: ` ${words["tape.lies"]} `, soft: true }, String(offset));
  index.forEach((at, d) => parts.push(" + ", { text: `${at}·${stride[d]}`, dim: d }));
  parts.push(" = ", { text: String(sum), strong: true });
  return parts;
}

export function between(items, separator) {
  return items.flatMap((item, i) => (i ? [separator, item] : [item]));
}
