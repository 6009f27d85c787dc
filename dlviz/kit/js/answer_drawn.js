// Answers to the kernel's updates: it sends the next one only when this one is drawn, so that they never pile up in front of a slow page.

/** Milliseconds within which a busy page answers all the same. */
const PATIENCE = 300;

/** Call back when buttons and sliders that wait have been heard. Safari has no idle callbacks. @param {() => void} call */
function whenIdle(call) {
  if (globalThis.requestIdleCallback) requestIdleCallback(call, { timeout: PATIENCE });
  else setTimeout(call, 16);
}

/**
 * @param {{model: any, view: string, signal: AbortSignal}} options view: the view's id
 * @returns {(update: number) => void} call it after drawing an update, or requesting an animation frame for it
 */
export function answerDrawn({ model, view, signal }) {
  let newest = 0;
  let waits = false;
  function answer() {
    waits = false;
    if (signal.aborted) return;
    try {
      model.send({ kind: "drawn", from: view, update: newest });
    } catch {
      // The kernel was restarted or shut down meanwhile: nobody waits for the answer.
    }
  }
  return (update) => {
    if (!update) return;
    newest = update;
    if (waits) return;
    waits = true;
    // A timer of the frame that draws runs after the browser has painted. A hidden page has no frames.
    if (document.hidden) setTimeout(answer);
    else requestAnimationFrame(() => setTimeout(() => whenIdle(answer)));
  };
}
