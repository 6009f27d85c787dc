// Outlines around whole blocks of a grid's cells.

import { h } from "./dom.js";

/** Outlines around blocks of cells, which glide when their cells change. @param {any} grid @returns {(ranges: number[][], isWhole: boolean) => void} ranges: positions of the cells of each block, the first and last at its corners; isWhole: whether the block has no gaps */
export function cellOutlines(grid) {
  const shown = [];
  return (ranges, isWhole) => {
    // Cells of a window without gaps have no outlines of their own.
    grid.element.toggleAttribute("data-outlined", isWhole && ranges.length > 0);
    const ends = ranges.map((range) => range.map(grid.node).filter(Boolean)).filter((cells) => cells.length).map((cells) => [cells[0], cells.at(-1)]);
    const outlines = ends.map(([first], i) => {
      const outline = (shown[i] ??= h("div", { class: "tensor-outline", "aria-hidden": "true" }));
      const cells = first.closest(".tensor-cells");
      if (outline.parentNode !== cells) cells.append(outline);
      return outline;
    });
    // All measuring comes first: reading after writing costs a layout.
    const boxes = ends.map(([first, last]) => [first.offsetLeft, first.offsetTop, last.offsetLeft + last.offsetWidth - first.offsetLeft, last.offsetTop + last.offsetHeight - first.offsetTop]);
    boxes.forEach((box, i) => ["left", "top", "width", "height"].forEach((side, k) => outlines[i].style.setProperty(side, `${box[k]}px`)));
    for (const extra of shown.splice(ends.length)) extra.remove();
  };
}
