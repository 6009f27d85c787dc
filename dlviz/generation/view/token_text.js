// The text as tokens: the prompt, the generated ones up to the current step, and those after it.

import { closest, fillIn, h } from "../../kit/js/dom.js";

/** @param {{messages: Record<string, string>, signal: AbortSignal, go: (step: number) => void}} options */
export function tokenText({ messages, signal, go }) {
  const words = h("div", { class: "gen-tokens", tabindex: "0", role: "group", "aria-label": messages.text });
  let tokens = [];
  let current = null;
  words.addEventListener("click", (event) => {
    const token = closest(event, "[data-step]");
    if (token) go(Number(token.dataset.step));
  }, { signal });

  function token(scene, id, attributes) {
    const text = id < 0 ? "∅" : scene.names[id];
    // Lines are not broken here, so that more of the text is seen at once.
    return [h("span", attributes, text.replaceAll("\n", "⏎") || "∅"), scene.separator];
  }
  function show(scene) {
    const prompt = scene.prompt.flatMap((id) => token(scene, id, { class: "gen-prompt" }));
    const { tokens: ids, chosen } = scene.one;
    const generated = ids.map((id, k) => token(scene, id, { class: chosen[k] ? "gen-token gen-chosen" : "gen-token", "data-step": k, title: fillIn(messages.token_at, { place: k, token: id < 0 ? "∅" : scene.name(id) }) }));
    tokens = generated.map(([node]) => node);
    current = null;
    words.replaceChildren(...(scene.cropped ? ["… "] : []), ...prompt, ...generated.flat(), ...(scene.pending ? [" …"] : []));
  }
  function showStep(step) {
    current?.removeAttribute("data-current");
    current = tokens[step];
    if (!current) return;
    current.setAttribute("data-current", "true");
    const top = current.offsetTop;
    if (top < words.scrollTop || top + current.offsetHeight > words.scrollTop + words.clientHeight) words.scrollTop = top - words.clientHeight / 2;
  }
  return { element: words, show, showStep };
}
