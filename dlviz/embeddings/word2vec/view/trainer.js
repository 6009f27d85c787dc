// Full speed: the kernel is asked for one short block of steps at a time, so it is free between two pictures and stops at once.

import { h } from "../../../kit/js/dom.js";

/** Milliseconds after which a block is no longer waited for. */
const PATIENCE = 3000;

/**
 * @param {{model: any, messages: Record<string, string>, signal: AbortSignal, root: HTMLElement, open: () => boolean, save: (trait: string, value: any) => void}} options
 */
export function trainer({ model, messages, signal, open, save }) {
  const element = h("button", { type: "button", class: "w2v-fast" }, messages.fast);
  let waiting = 0;
  let frame = 0;

  function ask() {
    frame = 0;
    if (!model.get("fast") || !open() || waiting || signal.aborted) return;
    waiting = setTimeout(answered, PATIENCE);
    // What was asked before something else was set is asked of another moment, and not answered.
    model.send({ kind: "train", from: model.get("frame").at });
  }
  function answered() {
    clearTimeout(waiting);
    waiting = 0;
    if (!frame) frame = requestAnimationFrame(ask);
  }
  function turned() {
    const is = Boolean(model.get("fast")) && open();
    element.textContent = is ? messages.stop : messages.fast;
    element.setAttribute("aria-pressed", String(is));
    if (is && !frame) frame = requestAnimationFrame(ask);
  }
  function toggle() {
    if (!model.get("fast")) model.set("playing", false);
    save("fast", !model.get("fast"));
  }
  function stop() {
    if (model.get("fast")) save("fast", false);
  }
  element.addEventListener("click", toggle, { signal });
  signal.addEventListener("abort", () => {
    clearTimeout(waiting);
    cancelAnimationFrame(frame);
  });
  return { element, answered, turned, toggle, stop };
}
