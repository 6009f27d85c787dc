// A tensor as a grid of numbers: two dimensions are rows and columns, up to two more are tiles, and the others are indexed.

import { h, fillIn, closest } from "./dom.js";
import { diverging, format, shape } from "./numbers.js";

/** Most cells in all tiles and most rows of one tile; of a larger block a window is shown. */
const MAX_CELLS = 256;
const MAX_ROWS = 16;
/** Width of a grid in pixels. */
const WIDTH = 590;

/**
 * Choose the part of a block that is drawn, and which dimensions are rows, columns, tiles and fixed indices.
 * @param {any} block decoded
 * @param {number[]} near an index that has to be visible
 */
export function gridLayout(block, near) {
  const dims = block.size.length;
  const span = (dim, most) => {
    if (dim < 0) return { dim, first: 0, count: 1 };
    const count = Math.min(block.size[dim], most);
    const last = block.start[dim] + block.size[dim] - count;
    return { dim, first: Math.max(block.start[dim], Math.min(near[dim] ?? 0, last)), count };
  };
  const wide = block.wide + 1;
  if (block.dense) return { rows: span(dims - 2, Infinity), columns: span(dims - 1, Infinity), tiles: [], sliced: Array.from({ length: Math.max(0, dims - 2) }, (_, d) => d), abreast: 1 };
  const columns = span(dims - 1, block.column && dims === 1 ? MAX_ROWS : Math.max(4, Math.floor((block.room ?? WIDTH) / wide)));
  const rows = span(dims - 2, MAX_ROWS);
  let shown = rows.count * columns.count;
  const tiles = [];
  const plain = dims > 2 && !block.flat && columns.count === block.shape[dims - 1] && rows.count === block.shape[dims - 2];
  for (let dim = dims - 3; plain && dim >= 0 && tiles.length < (block.tiles ?? 2) && block.size[dim] === block.shape[dim] && shown * block.size[dim] <= MAX_CELLS; dim -= 1) {
    tiles.push(dim);
    shown *= block.size[dim];
  }
  const sliced = [];
  for (let dim = 0; dim < dims - 2 - tiles.length; dim += 1) sliced.push(dim);
  const abreast = Math.max(1, Math.floor((block.room ?? WIDTH) / (columns.count * wide + 40)));
  return { rows, columns, tiles, sliced, abreast };
}

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, pick?: (index: number[]) => void}} options
 */
export function grid({ messages, signal, pick }) {
  const head = h("div", { class: "tensor-head" });
  const body = h("div", { class: "tensor-tiles" });
  const element = h("div", { class: "tensor-grid" }, head, body);
  let block;
  let nodes = new Map();
  let marked = [];
  let corner = [];
  let here = null;
  let near = [];
  let layoutKey = "";

  /** @param {any} next decoded @param {number[]} at an index that has to be visible @param {Node[]} title */
  function show(next, at, title) {
    const focused = focusedPosition();
    block = next;
    // The block may hold only a part of a large tensor, and only that can be drawn.
    near = block.size.map((size, d) => Math.max(block.start[d], Math.min(at[d] ?? 0, block.start[d] + size - 1)));
    const layout = gridLayout(block, near);
    corner = near.slice();
    for (const span of [layout.rows, layout.columns]) if (span.dim >= 0) corner[span.dim] = span.first;
    head.replaceChildren(...title);
    const wanted = JSON.stringify([block.shape, block.start, block.size, block.wide, block.dense, block.shift, block.name, layout, near]);
    if (wanted === layoutKey) {
      // The same cells with other numbers keep their elements, and with them the focus.
      for (const [p, node] of nodes) fill(p, node);
      return;
    }
    layoutKey = wanted;
    nodes = new Map();
    marked = [];
    here = null;
    const [across, down] = [layout.tiles[0], layout.tiles[1]];
    const wide = across === undefined ? 1 : block.size[across];
    const high = down === undefined ? 1 : block.size[down];
    body.style.gridTemplateColumns = `repeat(${down === undefined ? Math.min(wide, layout.abreast) : wide}, max-content)`;
    const drawn = [];
    for (let y = 0; y < high; y += 1) {
      for (let x = 0; x < wide; x += 1) {
        const fixed = near.slice();
        if (across !== undefined) fixed[across] = x;
        if (down !== undefined) fixed[down] = y;
        drawn.push(tile(layout, fixed));
      }
    }
    body.replaceChildren(...(block.count ? drawn : !block.shape.includes(0) ? [] : [h("p", { class: "tensor-empty" }, fillIn(messages["grid.empty"], { shape: shape(block.shape) }))]));
    const first = nodes.values().next().value;
    if (first && pick) first.tabIndex = 0;
    if (focused !== null) nodes.get(focused)?.focus();
  }

  function focusedPosition() {
    for (const [p, node] of nodes) if (node === document.activeElement) return p;
    return null;
  }

  /** The label of the k-th row or column of a span: its index in the tensor without padding, with an ellipsis where more are not drawn. */
  function tick({ dim, first, count }, k, more = "…") {
    if (dim < 0) return "";
    const shown = first + k - (block.shift?.[dim] ?? 0);
    if (block.dense) return shown % 8 ? "" : format(shown, 15);
    return `${k || !first ? "" : more}${format(shown, 15)}${k === count - 1 && first + count < block.shape[dim] ? more : ""}`;
  }

  function tile(layout, fixed) {
    const { rows, columns } = layout;
    const upright = block.column && columns.dim >= 0 && rows.dim < 0;
    const [outer, inner] = upright ? [columns, rows] : [rows, columns];
    const cells = h("div", { class: "tensor-cells", role: "grid", "aria-label": caption(layout, fixed) || block.name, "data-dense": block.dense ? "" : null });
    const heads = [h("span", { class: "tensor-axis", role: "columnheader" }, "")];
    for (let c = 0; c < inner.count; c += 1) heads.push(h("span", { class: "tensor-axis", role: "columnheader" }, tick(inner, c)));
    cells.append(h("div", { role: "row" }, ...heads));
    for (let r = 0; r < outer.count; r += 1) {
      const row = h("div", { role: "row" }, h("span", { class: "tensor-axis", role: "rowheader" }, tick(outer, r, "⋮")));
      for (let c = 0; c < inner.count; c += 1) {
        const index = fixed.slice();
        if (outer.dim >= 0) index[outer.dim] = outer.first + r;
        if (inner.dim >= 0) index[inner.dim] = inner.first + c;
        row.append(cellOf(block.position(index)));
      }
      cells.append(row);
    }
    cells.style.setProperty("--columns", String(inner.count));
    cells.style.setProperty("--wide", `${block.dense ? block.dense : block.wide}px`);
    const over = caption(layout, fixed);
    return h("div", { class: "tensor-tile" }, over ? h("div", { class: "tensor-caption" }, over) : null, cells);
  }

  /** "[0, :, :]" over a tile of more than two dimensions. */
  function caption(layout, fixed) {
    if (block.size.length < 3 || block.bare) return "";
    return `[${fixed.map((at, d) => (d === layout.rows.dim || d === layout.columns.dim ? ":" : at)).join(", ")}]`;
  }

  function cellOf(p) {
    const cell = h("div", { class: "tensor-cell", role: "gridcell", tabindex: pick ? -1 : null });
    cell.dataset.p = String(p);
    nodes.set(p, cell);
    fill(p, cell);
    return cell;
  }

  /** Write a number into its cell, with its color and state attributes. */
  function fill(p, cell) {
    const absent = block.absent(p);
    // Not computed yet: a cell without a number.
    const empty = block.empty?.(p) ?? false;
    const text = block.dense || empty ? "" : absent ? "·" : block.text(p, block.digits);
    const stretched = (block.stretched ?? []).some((d) => block.index(p)[d] > 0);
    const booleanColor = block.raw(p) ? "var(--accent-soft)" : "var(--paper)";
    const color = !block.known || stretched || absent || empty ? "" : block.kind === "bool" ? booleanColor : diverging(block.number(p), block.max);
    const state = { "data-empty": empty, "data-nonfinite": !empty && block.nonfinite(p), "data-stretched": stretched, "data-absent": absent || !block.known };
    if (cell.textContent !== text) cell.textContent = text;
    if (cell.dataset.color !== color) {
      cell.dataset.color = color;
      cell.style.background = color;
    }
    for (const [name, is] of Object.entries({ ...state, ...block.state?.(block.index(p)) })) cell.toggleAttribute(name, Boolean(is));
  }

  if (pick) {
    element.addEventListener("click", (event) => {
      const cell = closest(event, ".tensor-cell");
      if (cell) pick(block.index(Number(cell.dataset.p)));
    }, { signal });
    element.addEventListener("keydown", (event) => {
      const cell = closest(event, ".tensor-cell");
      if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
      const index = moved(block.index(Number(cell.dataset.p)), event.key);
      if (!index) return;
      event.preventDefault();
      event.stopPropagation();
      pick(index);
      nodes.get(block.position(index))?.focus();
    }, { signal });
  }

  /** The index that an arrow key moves to: along rows and columns, and at a tile's edge into the next tile. */
  function moved(index, key) {
    if (key === "Enter") return index;
    const last = block.shape.length - 1;
    const column = block.column && last === 0;
    const steps = { ArrowLeft: [column ? -1 : last, -1], ArrowRight: [column ? -1 : last, 1], ArrowUp: [column ? 0 : last - 1, -1], ArrowDown: [column ? 0 : last - 1, 1] };
    const found = steps[key];
    if (!found || found[0] < 0) return null;
    const [dim, by] = found;
    const to = index.slice();
    to[dim] += by;
    if (to[dim] >= 0 && to[dim] < block.shape[dim]) return to;
    const next = dim - 2;
    if (next < 0 || to[next] + by < 0 || to[next] + by >= block.shape[next]) return index;
    to[next] += by;
    to[dim] = by > 0 ? 0 : block.shape[dim] - 1;
    return to;
  }

  return {
    element,
    show,
    /** @param {[number, string][]} marks position in the block and kind: now, lit, path or dim */
    mark(marks) {
      for (const node of marked) delete node.dataset.mark;
      marked = [];
      for (const [p, kind] of marks) {
        const node = nodes.get(p);
        if (!node) continue;
        node.dataset.mark = kind;
        marked.push(node);
        if (kind === "now" && pick) {
          if (here) here.tabIndex = -1;
          else for (const other of nodes.values()) other.tabIndex = -1;
          node.tabIndex = 0;
          here = node;
        }
      }
    },
    /** Whether an index is drawn. */
    shows: (index) => nodes.has(block.position(index)),
    corner: () => corner,
    block: () => block,
    /** Whether the block holds an index. */
    holds: (index) => block.position(index) >= 0,
    node: (p) => nodes.get(p),
  };
}
