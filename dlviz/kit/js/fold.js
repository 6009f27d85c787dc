// A section that starts folded: its title says which question it answers.

import { h } from "./dom.js";

/**
 * @param {{title: string, className?: string, open?: boolean, signal: AbortSignal, onToggle?: (open: boolean) => void}} options onToggle: called when the reader opens or closes it, so that what is dear is drawn only when it is seen
 * @param {...Node} children
 */
export function fold({ title, className = "", open = false, signal, onToggle = () => {} }, ...children) {
  const element = h("details", { class: `dlviz-fold ${className}`.trim(), open: open ? "" : null }, h("summary", {}, title), ...children);
  element.addEventListener("toggle", () => onToggle(element.open), { signal });
  return element;
}
