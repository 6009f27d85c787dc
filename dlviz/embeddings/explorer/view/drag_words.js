// Drag words from lists and the map to inputs.

import { closest, h } from "../../../kit/js/dom.js";

/** Pixels that the pointer must move before a drag begins. */
const THRESHOLD = 6;

/**
 * Make elements with data-row draggable to elements with data-slot.
 * @param {{root: HTMLElement, signal: AbortSignal, enabled: () => boolean, label: (row: number) => string,
 *   drop: (slot: HTMLElement, row: number) => void, onTap: (row: number) => void}} options onTap: called if the word was released without being dragged
 */
export function dragWords({ root, signal, enabled, label, drop, onTap }) {
  const dragLabel = h("div", { class: "embedding-drag-label", "aria-hidden": "true", hidden: "" });
  root.append(dragLabel);
  root.addEventListener("pointerdown", (event) => {
    const from = closest(event, "[data-row]");
    if (from && event.button === 0) start(event, Number(from.dataset.row), () => {});
  }, { signal });

  /** Begin a drag, and return whether that is possible. */
  function start(event, row, onRelease = onTap) {
    if (!enabled()) return false;
    const origin = [event.clientX, event.clientY];
    const ended = new AbortController();
    const until = { signal: AbortSignal.any([signal, ended.signal]) };
    let hoveredSlot = null;
    let isDragging = false;
    const end = () => {
      dragLabel.hidden = true;
      hoveredSlot?.removeAttribute("data-drop-target");
      root.removeAttribute("data-dragging");
      ended.abort();
    };
    window.addEventListener("pointermove", (moved) => {
      isDragging ||= Math.hypot(moved.clientX - origin[0], moved.clientY - origin[1]) > THRESHOLD;
      if (!isDragging) return;
      moved.preventDefault();
      if (dragLabel.hidden) {
        dragLabel.textContent = label(row);
        dragLabel.hidden = false;
        root.dataset.dragging = "";
      }
      const bounds = root.getBoundingClientRect();
      dragLabel.style.left = `${moved.clientX - bounds.left + 12}px`;
      dragLabel.style.top = `${moved.clientY - bounds.top + 14}px`;
      const next = slot(moved);
      if (next !== hoveredSlot) hoveredSlot?.removeAttribute("data-drop-target");
      next?.setAttribute("data-drop-target", "");
      hoveredSlot = next;
    }, until);
    window.addEventListener("pointerup", () => {
      const target = hoveredSlot;
      end();
      if (target) drop(target, row);
      else if (!isDragging) onRelease(row);
    }, until);
    window.addEventListener("pointercancel", end, until);
    window.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !isDragging) return;
      event.stopPropagation();
      end();
    }, { ...until, capture: true });
    return true;
  }
  function slot(event) {
    const found = /** @type {Document} */ (root.getRootNode()).elementFromPoint(event.clientX, event.clientY)?.closest("[data-slot]");
    return found && root.contains(found) ? found : null;
  }
  return start;
}
