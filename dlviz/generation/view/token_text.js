// The text as tokens: the prompt, the generated ones up to the current step, and those after it.

import { closest, fillIn, h } from "../../kit/js/dom.js";

/** @param {{messages: Record<string, string>, signal: AbortSignal, go: (step: number) => void, reset: () => void}} options */
export function tokenText({ messages, signal, go, reset }) {
  const words = h("p", { class: "gen-tokens", tabindex: "0", "aria-label": messages.text });
  const again = h("button", { type: "button", class: "dlviz-outlined small" }, messages["control.reset"]);
  const how = h("span", { class: "dlviz-soft" }, messages.text_how);
  const element = h("div", { class: "gen-text" }, h("div", { class: "dlviz-panel-title" }, h("b", {}, messages.text), how, again), words);
  let tokens = [];
  let current = null;
  again.addEventListener("click", reset, { signal });
  words.addEventListener("click", (event) => {
    const token = closest(event, "[data-step]");
    if (token) go(Number(token.dataset.step));
  }, { signal });

  function token(scene, id, attributes) {
    const text = id < 0 ? "∅" : scene.names[id];
    const breaks = text.includes("\n");
    const node = h("span", attributes, breaks ? text.replaceAll("\n", "⏎") : text || "∅");
    return [node, breaks ? h("br") : scene.separator];
  }
  function show(scene, live) {
    const prompt = scene.prompt.flatMap((id) => token(scene, id, { class: "gen-prompt" }));
    const { tokens: ids, chosen } = scene.one;
    const generated = ids.map((id, k) => token(scene, id, { class: chosen[k] ? "gen-token gen-chosen" : "gen-token", "data-step": k, title: fillIn(messages.token_at, { place: k, token: id < 0 ? "∅" : scene.name(id) }) }));
    tokens = generated.map(([node]) => node);
    current = null;
    words.replaceChildren(...(scene.cropped ? ["… "] : []), ...prompt, ...generated.flat(), ...(scene.pending ? [" …"] : []));
    again.hidden = !(live && scene.continuations.some((one) => one.chosen.some(Boolean)));
  }
  function showStep(step) {
    current?.removeAttribute("data-current");
    current = tokens[step];
    if (!current) return;
    current.setAttribute("data-current", "true");
    const top = current.offsetTop - words.offsetTop;
    if (top < words.scrollTop || top + current.offsetHeight > words.scrollTop + words.clientHeight) words.scrollTop = top - words.clientHeight / 2;
  }
  return { element, show, showStep };
}
