// Buttons that make the learner's own training steps; of many steps the page asks for the next few once it has drawn the last ones.

import { h, fillIn } from "../../kit/js/dom.js";

/** Buttons: message of the text, which step, and how many. */
const BUTTONS = [["train_d", "d", 1], ["train_g", "g", 1], ["train_both", "both", 1], ["train_10", "both", 10], ["train_100", "both", 100]];
/** Milliseconds between a picture and the request for the next steps, in which the browser paints it. */
const PAUSE = 16;

/** @param {{messages: Record<string, string>, signal: AbortSignal, send: (message: any) => void}} options */
export function trainingButtons({ messages, signal, send }) {
  const buttons = BUTTONS.map(([name, which, count]) => {
    const label = count === 1 ? messages[`train_label_${which}`] : fillIn(messages.train_label_n, { count });
    const node = h("button", { type: "button", class: "dlviz-outlined small", "aria-label": label, title: label }, messages[name]);
    node.addEventListener("click", () => node.getAttribute("aria-disabled") !== "true" && send({ kind: "train", which, count }), { signal });
    return { node, which };
  });
  const stop = h("button", { type: "button", class: "dlviz-outlined small duel-stop" }, messages.stop);
  const remaining = h("span", { class: "dlviz-soft" });
  const element = h("div", { class: "duel-train", hidden: "" }, ...buttons.map(({ node }) => node), stop, remaining);
  let timer = 0;
  stop.addEventListener("click", () => {
    clearTimeout(timer);
    send({ kind: "stop" });
  }, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  return {
    element,
    /** @param {any} scene @param {boolean} live */
    show({ trainable: [d, g], training }, live) {
      const possible = { d, g, both: d && g };
      const running = training.remaining > 0;
      element.hidden = !live || !(d || g);
      for (const { node, which } of buttons) {
        node.hidden = !possible[which];
        node.setAttribute("aria-disabled", String(running));
      }
      stop.toggleAttribute("data-idle", !running);
      remaining.textContent = running ? fillIn(messages.remaining, { count: training.remaining }) : "";
      clearTimeout(timer);
      if (running && live) timer = setTimeout(() => send({ kind: "continue" }), PAUSE);
    },
  };
}
