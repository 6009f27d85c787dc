// Pan and zoom: drag, pinch or control-wheel, and buttons for who has neither.

import { h, s } from "../../kit/js/dom.js";

const SMALLEST = 0.12;
const LARGEST = 2.5;
/** A picture that fits at this scale is shown whole; of a wider one, the end, at a scale that reads well. */
const WHOLE = 0.6;
const READABLE = 0.75;

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, moved: () => void, extra: HTMLElement[]}} options
 */
export function pane({ messages, signal, moved, extra }) {
  const world = s("g", { class: "world" });
  const svg = s("svg", { class: "graph-pane", role: "img" }, world);
  const at = { x: 0, y: 0, k: 1 };
  let size = { width: 1, height: 1 };
  let touched = false;

  const tool = (name, text, act) => {
    const node = h("button", { type: "button", "aria-label": messages[name], title: messages[name] }, text);
    node.addEventListener("click", act, { signal });
    return node;
  };
  const tools = h(
    "div",
    { class: "graph-tools" },
    ...extra,
    tool("zoom_out", "−", () => zoom(1 / 1.25)),
    tool("zoom_in", "+", () => zoom(1.25)),
    tool("fit", "⤢", () => fit()),
  );

  function apply() {
    world.setAttribute("transform", `translate(${at.x.toFixed(1)},${at.y.toFixed(1)}) scale(${at.k.toFixed(4)})`);
    moved();
  }
  function zoom(factor, center = { x: svg.clientWidth / 2, y: svg.clientHeight / 2 }) {
    const k = Math.max(SMALLEST, Math.min(LARGEST, at.k * factor));
    at.x = center.x - ((center.x - at.x) * k) / at.k;
    at.y = center.y - ((center.y - at.y) * k) / at.k;
    at.k = k;
    touched = true;
    apply();
  }
  function readable() {
    const whole = ((svg.clientWidth || 640) - 24) / size.width;
    return whole < WHOLE ? READABLE : Math.min(1, whole);
  }
  /** Show everything, or at `scale` the end of it, where the loss is. */
  function fit(scale) {
    const width = svg.clientWidth || 640;
    const height = svg.clientHeight || 240;
    at.k = scale ?? Math.max(SMALLEST, Math.min(1, (width - 24) / size.width, (height - 24) / size.height));
    at.x = size.width * at.k <= width ? (width - size.width * at.k) / 2 : width - 12 - size.width * at.k;
    at.y = Math.max(12, (height - size.height * at.k) / 2);
    touched = false;
    apply();
  }
  /** Bring a box into view with as little movement as possible. */
  function reveal({ x, y, w, h: tall }) {
    const margin = 24;
    const left = at.x + x * at.k;
    const top = at.y + y * at.k;
    const dx = Math.max(margin - left, 0) || Math.min(svg.clientWidth - margin - (left + w * at.k), 0);
    const dy = Math.max(margin - top, 0) || Math.min(svg.clientHeight - margin - (top + tall * at.k), 0);
    if (!dx && !dy) return;
    at.x += dx;
    at.y += dy;
    apply();
  }

  let drag = null;
  svg.addEventListener("pointerdown", (event) => {
    if (event.button === 0) drag = { id: event.pointerId, x: event.clientX - at.x, y: event.clientY - at.y, moved: false };
  }, { signal });
  svg.addEventListener("pointermove", (event) => {
    if (!drag || drag.id !== event.pointerId) return;
    const x = event.clientX - drag.x;
    const y = event.clientY - drag.y;
    if (!drag.moved && Math.hypot(x - at.x, y - at.y) < 4) return;
    if (!drag.moved) svg.setPointerCapture(event.pointerId);
    drag.moved = true;
    touched = true;
    Object.assign(at, { x, y });
    apply();
  }, { signal });
  const drop = () => {
    // A drag ends with a click that nobody meant.
    if (drag?.moved) {
      const swallow = (event) => event.stopPropagation();
      svg.addEventListener("click", swallow, { capture: true, once: true });
      setTimeout(() => svg.removeEventListener("click", swallow, { capture: true }), 0);
    }
    drag = null;
  };
  svg.addEventListener("pointerup", drop, { signal });
  svg.addEventListener("pointercancel", () => (drag = null), { signal });
  svg.addEventListener("wheel", (event) => {
    const box = svg.getBoundingClientRect();
    if (event.ctrlKey) zoom(Math.exp(-event.deltaY / 200), { x: event.clientX - box.left, y: event.clientY - box.top });
    else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      at.x -= event.deltaX;
      touched = true;
      apply();
    } else return;
    event.preventDefault();
  }, { signal, passive: false });

  return {
    svg,
    world,
    tools,
    zoom,
    fit,
    reveal,
    /** Show a group that was opened: all of it, or as much of its upper right as there is room for. */
    makeRoom({ x, y, w, h: tall }) {
      const [most, highest] = [(0.7 * svg.clientWidth) / at.k, (0.8 * svg.clientHeight) / at.k];
      reveal({ x: x + Math.max(0, w - most), y, w: Math.min(w, most), h: Math.min(tall, highest) });
    },
    /** Whether the learner has moved the picture. */
    touched: () => touched,
    /** The part of the world in view. */
    window: () => ({ left: -at.x / at.k, top: -at.y / at.k, right: (svg.clientWidth - at.x) / at.k, bottom: (svg.clientHeight - at.y) / at.k }),
    /**
     * The picture has a new size. What is wholly readable is shown whole; otherwise the view stays where the learner put it, and what
     * was opened stays under the pointer.
     * @param {{width: number, height: number}} next
     * @param {boolean} refit
     * @param {{x: number, y: number}} [shift] how far what must stay in place has moved within the picture
     */
    resize(next, refit, shift) {
      size = next;
      svg.style.height = `${Math.max(300, Math.min(440, Math.ceil(next.height * readable()) + 40))}px`;
      const whole = Math.max(size.width * WHOLE - svg.clientWidth, size.height * WHOLE - svg.clientHeight) < -24;
      if (refit || (!touched && (whole || !shift))) fit(readable());
      else {
        at.x -= (shift?.x ?? 0) * at.k;
        at.y -= (shift?.y ?? 0) * at.k;
        apply();
      }
    },
  };
}
