// The plain loop as text, with a button that copies it.

import { h } from "../../kit/js/dom.js";

/** @param {{messages: Record<string, string>, signal: AbortSignal, say: (text: string) => void}} options */
export function listing({ messages, signal, say }) {
  const text = h("code");
  const copy = h("button", { type: "button", class: "plane-button" }, messages.copy);
  const pre = h("pre", { tabindex: "0", role: "region", "aria-label": messages.code }, text);
  const element = h("details", { class: "plane-code" }, h("summary", {}, messages.code), copy, pre);
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.textContent);
      say(messages.copied);
      copy.textContent = messages.copied;
    } catch {
      // No clipboard in a page of a file: what is marked can be copied with a key.
      getSelection().selectAllChildren(text);
      say(messages.marked);
      copy.textContent = messages.marked;
    }
    setTimeout(() => { copy.textContent = messages.copy; }, 2500);
  }, { signal });
  return { element, show: (code) => { text.textContent = code; } };
}
