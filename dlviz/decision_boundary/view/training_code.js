// The plain loop as text, with a button that copies it.

import { h } from "../../kit/js/dom.js";

/** @param {{words: Record<string, string>, signal: AbortSignal, say: (text: string) => void}} options */
export function listing({ words, signal, say }) {
  const text = h("code");
  const copy = h("button", { type: "button", class: "plane-button" }, words.copy);
  const pre = h("pre", { tabindex: "0", role: "region", "aria-label": words.code }, text);
  const element = h("details", { class: "plane-code" }, h("summary", {}, words.code), copy, pre);
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.textContent);
      say(words.copied);
      copy.textContent = words.copied;
    } catch {
      // No clipboard in a page of a file: what is marked can be copied with a key.
      getSelection().selectAllChildren(text);
      say(words.marked);
      copy.textContent = words.marked;
    }
    setTimeout(() => { copy.textContent = words.copy; }, 2500);
  }, { signal });
  return { element, show: (code) => { text.textContent = code; } };
}
