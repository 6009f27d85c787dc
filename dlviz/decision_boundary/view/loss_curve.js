// The loss at every snapshot, and where the player stands.

import { h, s, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";

const WIDE = 220;
const HIGH = 96;
const BOX = { left: 40, right: 212, top: 8, bottom: 84 };

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, go: (step: number) => void}} options
 */
export function curve({ messages, signal, go }) {
  const line = s("path", { class: "plane-loss" });
  const dot = s("circle", { r: 4.5, class: "plane-now" });
  const frame = s("path", { class: "plane-frame", d: `M${BOX.left},${BOX.top}V${BOX.bottom}H${BOX.right}` });
  const top = s("text", { x: BOX.left - 5, y: BOX.top + 4, "text-anchor": "end" });
  const base = s("text", { x: BOX.left - 5, y: BOX.bottom + 3, "text-anchor": "end" }, "0");
  const picture = s("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, width: WIDE, height: HIGH, role: "img", class: "plane-curve" }, frame, line, dot, top, base);
  const told = h("output", { class: "plane-line" });
  const element = h("div", { class: "plane-panel", hidden: "" }, h("div", { class: "plane-title" }, h("b", {}, messages.losses)), picture, told);
  let moments = null;
  let most = 1;

  const x = (step) => BOX.left + ((BOX.right - BOX.left) * step) / Math.max(1, moments.loss.length - 1);
  const y = (value) => BOX.bottom - ((BOX.bottom - BOX.top) * value) / most;
  function show(next) {
    moments = next;
    const finite = Array.from(moments.loss).filter(Number.isFinite);
    element.hidden = moments.loss.length < 2 || !finite.length;
    most = Math.max(...finite, 1e-12);
    let pen = "M";
    const d = Array.from(moments.loss, (value, step) => {
      if (!Number.isFinite(value)) {
        pen = "M";
        return "";
      }
      const part = `${pen}${x(step).toFixed(1)},${y(value).toFixed(1)}`;
      pen = "L";
      return part;
    });
    line.setAttribute("d", d.join(""));
    top.textContent = format(most, 3);
    picture.setAttribute("aria-label", fillIn(messages.losses_alt, { count: moments.loss.length, first: format(moments.loss[0], 3), last: format(moments.loss.at(-1), 3) }));
  }
  function stand(step) {
    const value = moments.loss[step];
    dot.toggleAttribute("hidden", !Number.isFinite(value));
    dot.setAttribute("cx", x(step));
    dot.setAttribute("cy", Number.isFinite(value) ? y(value) : BOX.bottom);
    told.textContent = fillIn(messages.moment_line, { name: moments.labels[step], loss: format(value, 4), accuracy: `${format(100 * moments.accuracy[step], 3)}%` });
  }
  picture.addEventListener("click", (event) => {
    const box = picture.getBoundingClientRect();
    const share = ((event.clientX - box.left) / box.width) * WIDE;
    const last = moments.loss.length - 1;
    go(Math.max(0, Math.min(last, Math.round(((share - BOX.left) / (BOX.right - BOX.left)) * last))));
  }, { signal });
  return { element, show, stand };
}
