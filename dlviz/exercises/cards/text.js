// What the cards share: text with code in it, code blocks, buttons, and a place in the notebook to jump to.

import { h } from "../../kit/js/dom.js";

const BACKTICK = "\u0060";

/** Text in which code stands between backticks. @param {string} text @returns {(Node|string)[]} */
export function inline(text) {
  return text.split(BACKTICK).map((part, i) => (i % 2 ? h("code", {}, part) : part));
}

/** Text without its backticks. @param {string} text */
export function plain(text) {
  return text.replaceAll(BACKTICK, "");
}

/** @param {string} text */
export function paragraph(text, className = "") {
  return h("p", { class: className || null }, ...inline(text));
}

/** @param {string} text @param {AbortSignal} signal @param {() => void} click */
export function button(text, signal, click, className = "dlviz-outlined") {
  const element = h("button", { type: "button", class: className }, text);
  element.addEventListener("click", click, { signal });
  return element;
}

/** The cell of a notebook, or of an exported page, that holds an element. @param {Element} element @returns {HTMLElement | null} */
export function cellOf(element) {
  return element.closest(".jp-CodeCell, .cell");
}

/** The cells below an element's own, in order, to the end of the notebook. @param {Element} element @returns {Element[]} */
export function cellsBelow(element) {
  const own = cellOf(element);
  const all = [...(own?.parentElement?.children ?? [])];
  return all.slice(all.indexOf(own) + 1);
}

/** Scroll to the cell of an exercise or prediction, whether it has been run or not. @param {string} id @param {Element} from */
export function jumpTo(id, from) {
  const card = document.querySelector(`[data-item="${CSS.escape(id)}"]`);
  const cells = [...document.querySelectorAll(".jp-CodeCell, .cell")];
  const target = card ?? cells.find((cell) => cell !== cellOf(from) && cell.textContent.includes(`"${id}"`));
  if (!target) return false;
  target.scrollIntoView({ block: "center", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  if (target instanceof HTMLElement && target === card) target.focus({ preventScroll: true });
  return true;
}
