// Lit cells of a grid outlined as regions instead of one by one.

import { cellOutlines } from "./cell_outlines.js";

/** @param {any} grid @returns {(marks: [number, string][]) => void} marks cells, those of the kind "lit" with one outline around each region, which glides */
export function regionMarker(grid) {
  const outline = cellOutlines(grid);
  return (marks) => {
    grid.mark(marks);
    outline(rectangles(marks.filter(([, kind]) => kind === "lit").map(([p]) => p), grid.block()), true);
  };
}

/** Positions of a block as few rectangles: runs along a row, joined with equal ones in the row above. @returns {number[][]} */
function rectangles(positions, block) {
  const runs = [];
  for (const p of positions.sort((a, b) => a - b)) {
    const index = block.index(p);
    const [column, row, ...tile] = block.column && index.length === 1 ? [0, index[0]] : index.reverse();
    const last = runs.at(-1);
    if (last && last.tile === tile.join() && last.row === row && last.column + last.cells.length === column) last.cells.push(p);
    else runs.push({ tile: tile.join(), row, column, wide: 0, cells: [p] });
  }
  const found = [];
  for (const run of runs) {
    run.wide = run.cells.length;
    const above = found.find((one) => one.tile === run.tile && one.column === run.column && one.wide === run.wide && one.row === run.row - 1);
    if (above) Object.assign(above, { row: run.row, cells: [...above.cells, ...run.cells] });
    else found.push(run);
  }
  return found.map(({ cells }) => cells);
}
