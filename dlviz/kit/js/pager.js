// One of several channels, tiles or maps at a time.

import { fillIn, h } from "./dom.js";

/** "‹ 1 of 6 ›" @param {{messages: Record<string, string>, signal: AbortSignal, label: string, set: (index: number) => void}} options */
export function pager({ messages, signal, label, set }) {
  let [at, count] = [0, 1];
  const text = h("span");
  const button = (sign, name, by) => {
    const node = h("button", { type: "button", "aria-label": fillIn(messages[name], { name: label }) }, sign);
    node.addEventListener("click", () => set(Math.max(0, Math.min(count - 1, at + by))), { signal });
    return node;
  };
  const [back, next] = [button("‹", "pager.back", -1), button("›", "pager.next", 1)];
  const element = h("span", { class: "dlviz-pager", role: "group", "aria-label": label, title: label, hidden: "" }, back, text, next);
  return {
    element,
    show(index, of) {
      [at, count] = [index, of];
      element.hidden = count < 2;
      text.textContent = fillIn(messages["pager.text"], { at: at + 1, count });
      back.setAttribute("aria-disabled", String(at === 0));
      next.setAttribute("aria-disabled", String(at === count - 1));
    },
  };
}
