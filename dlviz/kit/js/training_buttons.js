// Buttons that make the learner's own training steps; of many steps the page asks for the next few once it has drawn the last ones.

import { h, fillIn } from "./dom.js";

/** Milliseconds between a picture and the request for the next steps, in which the browser paints it. */
const PAUSE = 16;

/**
 * @param {{buttons: {text: string, label: string, message: any, whileTraining?: boolean}[], messages: Record<string, string>, signal: AbortSignal, send: (message: any) => void}} options
 *   buttons: message: what a click sends; whileTraining: whether it may be clicked while steps are made; messages: those called stop and remaining
 */
export function trainingButtons({ buttons, messages, signal, send }) {
  const nodes = buttons.map(({ text, label, message, whileTraining }) => {
    const node = h("button", { type: "button", class: "dlviz-outlined small", "aria-label": label, title: label }, text);
    node.addEventListener("click", () => (whileTraining || node.getAttribute("aria-disabled") !== "true") && send(message), { signal });
    return node;
  });
  const stop = h("button", { type: "button", class: "dlviz-outlined small dlviz-train-stop" }, messages.stop);
  const remaining = h("span", { class: "dlviz-soft" });
  const element = h("div", { class: "dlviz-train", hidden: "" }, ...nodes, stop, remaining);
  let timer = 0;
  stop.addEventListener("click", () => {
    clearTimeout(timer);
    send({ kind: "stop" });
  }, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  return {
    element,
    /** @param {number} count steps that are still to be made @param {boolean[]} offered for each button whether it is shown; without any the row is hidden */
    show(count, offered) {
      const running = count > 0;
      element.hidden = !offered.some(Boolean);
      nodes.forEach((node, k) => {
        node.hidden = !offered[k];
        node.setAttribute("aria-disabled", String(running && !buttons[k].whileTraining));
      });
      stop.toggleAttribute("data-idle", !running);
      remaining.textContent = running ? fillIn(messages.remaining, { count }) : "";
      clearTimeout(timer);
      if (running && !element.hidden) timer = setTimeout(() => send({ kind: "continue" }), PAUSE);
    },
  };
}
