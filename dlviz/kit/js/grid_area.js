// The main area of a picture with grids: cells as large as there is room, drawn again when the width changes.

import { h } from "./dom.js";
import { redrawOnChange } from "./animation.js";

/** Grids of up to so many rows, and of so many columns in all, have larger cells where the card is wide; those of more rows lower ones. */
const ROOMY_ROWS = 8;
const ROOMY_COLUMNS = 14;
const COMPACT_ROWS = 12;

/** The main area of a picture of these decoded blocks, with larger cells if they are small, and lower ones if they have many rows. */
export function mainArea(blocks, ...content) {
  const rows = Math.max(...blocks.map(({ size, column }) => (size.length === 1 && !column ? 1 : (size.at(column && size.length === 1 ? -1 : -2) ?? 1))));
  const columns = blocks.reduce((sum, { size, column }) => sum + (size.length > 2 ? Infinity : column && size.length === 1 ? 1 : (size.at(-1) ?? 1)), 0);
  return h("div", { class: "tensor-main", "data-roomy": rows <= ROOMY_ROWS && columns <= ROOMY_COLUMNS ? "" : null, "data-compact": rows > COMPACT_ROWS ? "" : null }, ...content);
}

/** Draw the step again when the width has changed: outlines are measured. */
export function updateOnResize(view, signal) {
  redrawOnChange({ root: view.ui.root, element: view.ui.main, signal, draw: () => view.update() });
}
