// How many mistakes there were at each snapshot, and where the player stands.

import { h, s, fillIn } from "../../kit/js/dom.js";

const WIDE = 300;
const HIGH = 70;
const BOX = { left: 44, right: 290, top: 8, bottom: 60 };

/** @param {{messages: Record<string, string>, signal: AbortSignal, go: (step: number) => void}} options */
export function history({ messages, signal, go }) {
  const line = s("path", { class: "conf-line" });
  const dot = s("circle", { r: 4.5, class: "conf-dot" });
  const most = s("text", { x: BOX.left - 5, y: BOX.top + 4, "text-anchor": "end" });
  const zero = s("text", { x: BOX.left - 5, y: BOX.bottom + 3, "text-anchor": "end" }, "0");
  const frame = s("path", { class: "conf-frame", d: `M${BOX.left},${BOX.top}V${BOX.bottom}H${BOX.right}` });
  const picture = s("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, width: WIDE, height: HIGH, role: "img", class: "conf-history" }, frame, line, dot, most, zero);
  const told = h("output", { class: "conf-told" });
  const element = h("div", { class: "conf-past", hidden: "" }, h("div", { class: "conf-title" }, h("b", {}, messages["confusion.history"])), picture, told);
  let moments = null;
  let top = 1;

  const last = () => moments.mistakes.length - 1;
  const x = (step) => BOX.left + ((BOX.right - BOX.left) * step) / Math.max(1, last());
  const y = (count) => BOX.bottom - ((BOX.bottom - BOX.top) * count) / top;
  function show(next) {
    moments = next;
    element.hidden = last() < 1;
    top = Math.max(1, ...moments.mistakes);
    line.setAttribute("d", `M${moments.mistakes.map((count, step) => `${x(step).toFixed(1)},${y(count).toFixed(1)}`).join("L")}`);
    most.textContent = top.toLocaleString("en");
    picture.setAttribute("aria-label", fillIn(messages["confusion.history_alt"], { count: last() + 1, first: moments.mistakes[0], last: moments.mistakes[last()] }));
  }
  function stand(step) {
    dot.setAttribute("cx", x(step));
    dot.setAttribute("cy", y(moments.mistakes[step]));
    told.textContent = moments.told[step];
  }
  picture.addEventListener("click", (event) => {
    const box = picture.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * WIDE;
    go(Math.max(0, Math.min(last(), Math.round(((at - BOX.left) / (BOX.right - BOX.left)) * last()))));
  }, { signal });
  return { element, show, stand };
}
