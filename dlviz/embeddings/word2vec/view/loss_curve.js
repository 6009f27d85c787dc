// The losses so far, a point the mean of a block of steps; where the picture stands; where the rate was changed.

import { h, s, fillIn } from "../../../kit/js/dom.js";
import { format } from "../../../kit/js/numbers.js";

const WIDE = 320;
const HIGH = 92;
const BOX = { left: 36, right: 312, top: 8, bottom: 74 };

/** @param {{messages: Record<string, string>, signal: AbortSignal, go: (step: number) => void}} options */
export function curve({ messages, signal, go }) {
  const line = s("path", { class: "w2v-line" });
  const now = s("path", { class: "w2v-now" });
  const changes = s("path", { class: "w2v-changes" });
  const frame = s("path", { class: "w2v-frame", d: `M${BOX.left},${BOX.top}V${BOX.bottom}H${BOX.right}` });
  const label = (x, y, anchor) => s("text", { x, y, "text-anchor": anchor });
  const top = label(BOX.left - 4, BOX.top + 4, "end");
  const base = label(BOX.left - 4, BOX.bottom + 3, "end");
  const end = label(BOX.right, HIGH - 5, "end");
  const name = label(BOX.left, HIGH - 5, "start");
  const svg = s("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", class: "w2v-curve" }, frame, changes, line, now, top, base, end, name);
  const element = h("div", { class: "w2v-losses" }, svg);
  let steps = 1;

  function draw({ frame: { curve: { block, means, rates }, reached, at } }) {
    steps = Math.max(1, reached);
    const finite = Array.from(means).filter(Number.isFinite);
    const most = Math.max(...finite, 1e-9);
    const least = finite.length ? Math.min(...finite) : 0;
    // From zero, unless the losses all lie far above it.
    const low = least > 0.6 * most ? least - 0.5 * (most - least) : 0;
    const x = (step) => BOX.left + ((BOX.right - BOX.left) * step) / steps;
    const y = (value) => BOX.bottom - ((BOX.bottom - BOX.top) * (value - low)) / Math.max(1e-9, most - low);
    let pen = "M";
    const parts = Array.from(means, (value, k) => {
      const here = Number.isFinite(value) ? `${pen}${x(Math.min(steps, (k + 0.5) * block)).toFixed(1)},${y(value).toFixed(1)}` : "";
      pen = here ? "L" : "M";
      return here;
    });
    line.setAttribute("d", parts.join(""));
    now.setAttribute("d", `M${x(Math.min(at, steps)).toFixed(1)},${BOX.top}V${BOX.bottom}`);
    changes.setAttribute("d", rates.slice(1).map(([since]) => `M${x(since).toFixed(1)},${BOX.top}V${BOX.bottom}`).join(""));
    top.textContent = finite.length ? format(most, 4) : "";
    base.textContent = finite.length ? format(low, 4) : "";
    end.textContent = reached.toLocaleString("en");
    name.textContent = fillIn(messages[block > 1 ? "losses" : "losses_each"], { block: block.toLocaleString("en") });
    const values = { steps: reached.toLocaleString("en"), first: finite.length ? format(finite[0], 3) : "–", last: finite.length ? format(finite.at(-1), 3) : "–" };
    svg.setAttribute("aria-label", fillIn(messages.losses_alt, values));
  }
  svg.addEventListener("click", (event) => {
    const box = svg.getBoundingClientRect();
    const share = (((event.clientX - box.left) / box.width) * WIDE - BOX.left) / (BOX.right - BOX.left);
    go(Math.round(Math.max(0, Math.min(1, share)) * steps));
  }, { signal });
  return { element, draw };
}
