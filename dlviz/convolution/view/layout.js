// Arrangement of the grids at the given width.

/** @type {[string, number, number][]} Arrangements from the widest to the narrowest, the least width of a cell with a number, and the most of one without, in pixels. */
const ARRANGEMENTS = [["row", 48, 99], ["row", 42, 99], ["row", 36, 99], ["row", 0, 99], ["row", 0, 8], ["pair", 36, 99], ["pair", 0, 8], ["below", 0, 8], ["stack", 0, 99]];
/** Large cells are not higher than this together, to stay on one screen. */
const MAX_LARGE_HEIGHT = 305;

/** Put input, kernel and output side by side, or one of them below, or all three below each other: the first that fits. @param {HTMLElement} row */
export function arrange(row) {
  const rows = Math.max(...[...row.querySelectorAll(".tensor-cells:not([data-dense])")].map((cells) => cells.querySelectorAll("[role=row]").length - 1));
  for (const [mode, least, most] of ARRANGEMENTS) {
    if (least && rows * (least - 5) > MAX_LARGE_HEIGHT) continue;
    row.dataset.mode = mode;
    row.style.setProperty("--least", `${least}px`);
    row.style.setProperty("--most", `${most}px`);
    if (row.scrollWidth <= row.clientWidth) break;
  }
  row.querySelector(":scope > span:nth-of-type(2)").textContent = row.dataset.mode === "pair" ? "→" : "=";
}
