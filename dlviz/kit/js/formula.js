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

/** "x[1, 2]" as parts of a formula, with every number in its dimension's color. @param {string} name @param {number[]} index @param {(d: number) => number} [colorOf] */
export function coloredIndex(name, index, colorOf = (d) => d) {
  const at = index.map((i, d) => ({ text: String(i), dim: colorOf(d) }));
  return [`${name}[`, ...(at.length ? intersperse(at, ", ") : ["()"]), "]"];
}

export function intersperse(items, separator) {
  return items.flatMap((item, i) => (i ? [separator, item] : [item]));
}

/** A factor in a formula: a negative or complex number stands in parentheses. @param {string} text */
export function inParentheses(text) {
  return /^−|j$/.test(text) ? `(${text})` : text;
}

/** The value of a number as a formula prints it, with four significant digits. @param {any} value @returns {number} */
export function printedValue(value) {
  return Number.isInteger(value) ? value : Number(Number(value).toPrecision(4));
}
