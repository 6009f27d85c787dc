// Full speed: the page asks the kernel for one short block of steps at a time, so that the kernel is free between two pictures.

import { h } from "../../../kit/js/dom.js";

/** Milliseconds to wait for a block. */
const TIMEOUT = 3000;

/**
 * @param {{model: any, messages: Record<string, string>, signal: AbortSignal, canTrain: () => boolean, save: (trait: string, value: any) => void}} options
 */
export function fullSpeedButton({ model, messages, signal, canTrain, save }) {
  const element = h("button", { type: "button", class: "word2vec-fast" }, messages.fast);
  let timer = 0;
  let request = 0;

  function requestBlock() {
    request = 0;
    if (!model.get("full_speed") || !canTrain() || timer || signal.aborted) return;
    timer = setTimeout(onSnapshot, TIMEOUT);
    // The kernel does not answer a request from another step, which was sent before a setting changed.
    model.send({ kind: "train", from: model.get("snapshot").step });
  }
  function onSnapshot() {
    clearTimeout(timer);
    timer = 0;
    if (!request) request = requestAnimationFrame(requestBlock);
  }
  function update() {
    const isRunning = Boolean(model.get("full_speed")) && canTrain();
    element.textContent = isRunning ? messages.stop : messages.fast;
    element.setAttribute("aria-pressed", String(isRunning));
    if (isRunning && !request) request = requestAnimationFrame(requestBlock);
  }
  function toggle() {
    if (!model.get("full_speed")) model.set("playing", false);
    save("full_speed", !model.get("full_speed"));
  }
  function stop() {
    if (model.get("full_speed")) save("full_speed", false);
  }
  element.addEventListener("click", toggle, { signal });
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    cancelAnimationFrame(request);
  });
  return { element, onSnapshot, update, toggle, stop };
}
