// Words carried from wherever they stand to a field that takes them.

import { h } from "../../../kit/js/dom.js";

/** So far has a word to be pulled before it comes along, in pixels. */
const LOOSE = 6;

/**
 * Any element with data-row can be carried; any with data-slot takes it.
 * @param {{root: HTMLElement, signal: AbortSignal, may: () => boolean, label: (row: number) => string,
 *   drop: (slot: HTMLElement, row: number) => void, tapped: (row: number) => void}} options tapped: a word lifted from elsewhere, and let go where it was
 */
export function carrying({ root, signal, may, label, drop, tapped }) {
  const ghost = h("div", { class: "vec-ghost", "aria-hidden": "true", hidden: "" });
  root.append(ghost);
  root.addEventListener("pointerdown", (event) => {
    const from = event.target.closest?.("[data-row]");
    if (from && event.button === 0) lift(event, Number(from.dataset.row), () => {});
  }, { signal });

  /** Whether the word comes along is seen once the pointer has moved. */
  function lift(event, row, tap = tapped) {
    if (!may()) return false;
    const start = [event.clientX, event.clientY];
    const ended = new AbortController();
    const until = { signal: AbortSignal.any([signal, ended.signal]) };
    let over = null;
    let loose = false;
    const end = () => {
      ghost.hidden = true;
      over?.removeAttribute("data-over");
      root.removeAttribute("data-carrying");
      ended.abort();
    };
    window.addEventListener("pointermove", (moved) => {
      loose ||= Math.hypot(moved.clientX - start[0], moved.clientY - start[1]) > LOOSE;
      if (!loose) return;
      moved.preventDefault();
      if (ghost.hidden) {
        ghost.textContent = label(row);
        ghost.hidden = false;
        root.dataset.carrying = "";
      }
      const home = root.getBoundingClientRect();
      ghost.style.left = `${moved.clientX - home.left + 12}px`;
      ghost.style.top = `${moved.clientY - home.top + 14}px`;
      const next = slot(moved);
      if (next !== over) over?.removeAttribute("data-over");
      next?.setAttribute("data-over", "");
      over = next;
    }, until);
    window.addEventListener("pointerup", () => {
      const into = over;
      end();
      if (into) drop(into, row);
      else if (!loose) tap(row);
    }, until);
    window.addEventListener("pointercancel", end, until);
    window.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !loose) return;
      event.stopPropagation();
      end();
    }, { ...until, capture: true });
    return true;
  }
  function slot(event) {
    const found = root.getRootNode().elementFromPoint(event.clientX, event.clientY)?.closest("[data-slot]");
    return found && root.contains(found) ? found : null;
  }
  return lift;
}
