// A small box with the numbers of what is pointed at, beside it.

/** Distance from the point, in pixels. */
const GAP = 14;

/**
 * Place a box of the class `dlviz-readout` beside a point: to the right and below, or on the other side where there is no space.
 * @param {HTMLElement} box absolutely positioned
 * @param {number[]} point in pixels, from the upper left corner of the box's offset parent
 */
export function placeReadout(box, [x, y]) {
  const { clientWidth, clientHeight } = /** @type {HTMLElement} */ (box.offsetParent) ?? box;
  box.style.left = "0px";
  const right = x + GAP + box.offsetWidth <= clientWidth ? x + GAP : x - GAP - box.offsetWidth;
  const below = y + GAP + box.offsetHeight <= clientHeight ? y + GAP : y - GAP - box.offsetHeight;
  box.style.left = `${Math.max(0, Math.min(right, clientWidth - box.offsetWidth))}px`;
  box.style.top = `${Math.max(0, below)}px`;
}
