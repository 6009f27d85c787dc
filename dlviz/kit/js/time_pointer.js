// Pointer and wheel on a timeline: hover and click, drag to pan, wheel to zoom.

/** Pixels that the pointer may move during a click. */
const CLICK = 4;

/**
 * @param {{canvas: HTMLCanvasElement, signal: AbortSignal, range: any, hasFocus: () => boolean, hover: (event: PointerEvent | null) => void, click: (event: PointerEvent) => void}} options
 *   range: of time_range.js; hasFocus: whether the wheel zooms without Ctrl; hover: called with null while the pointer drags or is away
 */
export function timePointer({ canvas, signal, range, hasFocus, hover, click }) {
  let drag = null;
  canvas.addEventListener("pointerdown", (event) => {
    drag = { x: event.clientX, moved: 0 };
    canvas.setPointerCapture(event.pointerId);
  }, { signal });
  canvas.addEventListener("pointermove", (event) => {
    if (!drag) {
      hover(event);
      return;
    }
    const dx = event.clientX - drag.x;
    drag = { x: event.clientX, moved: drag.moved + Math.abs(dx) };
    if (drag.moved > CLICK) range.pan(-dx / canvas.clientWidth);
    hover(null);
  }, { signal });
  canvas.addEventListener("pointerup", (event) => {
    if (drag && drag.moved <= CLICK) click(event);
    drag = null;
  }, { signal });
  canvas.addEventListener("pointercancel", () => (drag = null), { signal });
  canvas.addEventListener("pointerleave", () => hover(null), { signal });
  canvas.addEventListener("wheel", (event) => {
    // The wheel zooms where the timeline has the focus, or with Ctrl; otherwise it scrolls the notebook.
    const isSideways = Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (!isSideways && !event.ctrlKey && !event.metaKey && !hasFocus()) return;
    event.preventDefault();
    if (isSideways) range.pan(event.deltaX / canvas.clientWidth);
    else range.zoom(Math.exp(-event.deltaY / 300), (event.clientX - canvas.getBoundingClientRect().left) / canvas.clientWidth);
  }, { signal, passive: false });
}
