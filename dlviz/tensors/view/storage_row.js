// The storage of a tensor as one row of cells, with hops along it: offset + Σ index × stride.

import { closest, h, s } from "../../kit/js/dom.js";
import { diverging } from "../../kit/js/numbers.js";
import { decode, address } from "../../kit/js/tensor_block.js";
import { coloredIndex } from "../../kit/js/formula.js";

const HOPS_HEIGHT = 46;
/** Width in pixels assumed before the first layout. */
const DEFAULT_WIDTH = 600;
const GAP_WIDTH = 64;
/** Width of a cell for a short number, if there is room. */
const CELL_WIDTH = 36;
/** More hops along one dimension are drawn as one. */
const MAX_HOPS = 12;

/**
 * @param {{signal: AbortSignal, pick?: (address: number) => void, label: string}} options
 */
export function storageRow({ signal, pick, label }) {
  const hopsLayer = s("svg", { class: "storage-row-hops", height: HOPS_HEIGHT, "aria-hidden": "true" });
  const row = h("div", { class: "storage-row-cells" });
  const element = h("div", { class: "storage-row", role: "group", tabindex: "0", "aria-label": label }, h("div", { class: "storage-row-inner" }, hopsLayer, row));
  let cells = new Map();
  let marked = [];
  let scrolls = false;
  let scrollLeft = 0;
  /** What is drawn, to draw it again when the available width changes. */
  let state = { items: [], max: 0, marks: [], offset: 0, hops: [], width: 0 };

  /**
   * @param {{address: number, text: string, number: number, unreached: boolean, nonfinite: boolean}[]} items in the order of storage
   * @param {number} max the value with the strongest color
   */
  function show(items, max) {
    state = { ...state, items, max, marks: [], offset: 0, hops: [] };
    layOut();
  }

  function layOut() {
    const { items, max } = state;
    const available = (state.width || DEFAULT_WIDTH) - 8;
    cells = new Map();
    marked = [];
    const longest = items.reduce((most, item) => Math.max(most, item.text.length), 2);
    const fullWidth = Math.max(CELL_WIDTH, 9 + 7 * longest);
    const width = Math.max(12, Math.min(fullWidth, Math.floor(available / Math.max(1, items.length))));
    const hasText = width >= 2 + 6.7 * longest;
    const tickEvery = width >= 24 ? 1 : 8;
    let x = 0;
    let previous = items.length ? items[0].address - 1 : 0;
    const nodes = [];
    for (const item of items) {
      const skipped = item.address - previous - 1;
      if (skipped > 0) {
        nodes.push(h("span", { class: "storage-row-gap" }, `⋯ ${skipped.toLocaleString("en")}`));
        x += GAP_WIDTH;
      }
      const style = `width:${width}px;${item.unreached ? "" : `background:${diverging(item.number, max)}`}`;
      const tick = item.address % tickEvery === 0 || skipped > 0 ? item.address : null;
      const node = h("span", { class: "storage-row-cell", style, "data-unreached": item.unreached ? "" : null, "data-nonfinite": item.nonfinite ? "" : null, "data-tick": tick },
        h("span", { class: "storage-row-text" }, hasText ? item.text : ""));
      node.title = `${item.address}: ${item.text}`;
      node.dataset.address = String(item.address);
      nodes.push(node);
      cells.set(item.address, { node, x: x + width / 2, text: item.text, hasText });
      x += width;
      previous = item.address;
    }
    row.replaceChildren(...nodes);
    // As wide as all cells with their numbers, if the card is: panels stand side by side only where that fits.
    element.style.width = `${x + items.length * (fullWidth - width) + 10}px`;
    row.style.width = `${x}px`;
    scrolls = x > available;
    hopsLayer.setAttribute("width", String(x));
    hopsLayer.replaceChildren();
  }

  /** @param {any[][]} marks address and kind: now, lit or path */
  function mark(marks) {
    state.marks = marks;
    for (const { node, hasText } of marked) {
      delete node.dataset.mark;
      if (!hasText) node.firstChild.textContent = "";
    }
    marked = [];
    for (const [at, kind] of marks) {
      const cell = cells.get(at);
      if (!cell) continue;
      cell.node.dataset.mark = kind;
      if (kind === "now" && !cell.hasText) cell.node.firstChild.textContent = cell.text;
      marked.push(cell);
    }
    const now = marks.find(([, kind]) => kind === "now");
    if (now && cells.has(now[0])) keepInView(cells.get(now[0]).x);
  }

  /** The scroll position is stored, because reading it from the element would cost a layout at every step. */
  function keepInView(x) {
    if (!scrolls || (x - 60 >= scrollLeft && x + 60 <= scrollLeft + state.width)) return;
    scrollLeft = Math.max(0, x - state.width / 2);
    element.scrollLeft = scrollLeft;
  }
  element.addEventListener("scroll", () => {
    scrollLeft = element.scrollLeft;
  }, { signal, passive: true });

  /**
   * Draw the hops from the offset to an element, one dimension after the other.
   * @param {number} offset @param {{dim: number, stride: number, count: number}[]} hops
   */
  function drawHops(offset, hops) {
    Object.assign(state, { offset, hops });
    const drawn = [];
    let from = offset;
    let delay = 0;
    for (const { dim, stride, count } of hops) {
      const single = count <= MAX_HOPS && cells.has(from + stride);
      const length = single ? stride : stride * count;
      for (let i = 0; i < (single ? count : Math.min(count, 1)); i += 1) {
        const [a, b] = [cells.get(from), cells.get(from + length)];
        from += length;
        if (!a || !b || a === b) continue;
        const height = Math.min(HOPS_HEIGHT - 17, 12 + Math.abs(b.x - a.x) / 5);
        const base = HOPS_HEIGHT - 2;
        drawn.push(s("path", { class: "storage-row-hop", d: `M${a.x},${base}Q${(a.x + b.x) / 2},${base - 2 * height} ${b.x},${base}`, "data-dim": dim % 5, style: `animation-delay:${delay}ms`, pathLength: 1 }));
        delay += 90;
        if (i === 0 && b.x - a.x > 26) {
          drawn.push(s("text", { class: "storage-row-hop-label", x: (a.x + b.x) / 2, y: HOPS_HEIGHT - 5 - height, "data-dim": dim % 5 }, single ? `+${stride}` : `+${count}·${stride}`));
        }
      }
    }
    hopsLayer.replaceChildren(...drawn);
  }

  // The available width is known only after layout, and it changes with the window.
  const observer = new ResizeObserver(() => {
    const width = element.clientWidth;
    if (Math.abs(width - state.width) < 2) return;
    state.width = width;
    layOut();
    mark(state.marks);
    drawHops(state.offset, state.hops);
  });
  observer.observe(element);
  signal.addEventListener("abort", () => observer.disconnect());

  if (pick) {
    row.addEventListener("click", (event) => {
      const cell = closest(event, ".storage-row-cell");
      if (cell) pick(Number(cell.dataset.address));
    }, { signal });
  }
  return {
    element,
    show,
    mark,
    drawHops,
    /** The cell of an address, if it is drawn. */
    node: (at) => cells.get(at)?.node,
  };
}

/**
 * The cells to draw: all of a small storage, of a large one those that the grids show.
 * @param {{block: any, metadata: {stride: number[], offset: number}, grid: any}[]} tensors the tensors in this storage
 * @param {any} whole the whole storage as Python read it, or nothing if it is large
 */
export function storageCells(tensors, whole) {
  const reached = new Map();
  for (const { block, metadata, grid } of tensors) {
    for (let p = 0; p < block.count; p += 1) {
      if (whole || grid.node(p)) reached.set(address(block.index(p), metadata.stride, metadata.offset), [block, p]);
    }
  }
  if (!whole) return [...reached.keys()].sort((a, b) => a - b).map((at) => storageCell(...reached.get(at), at, false));
  const all = decode(whole);
  return Array.from({ length: all.count }, (_, at) => storageCell(all, at, at, !reached.has(at)));
}

function storageCell(block, p, at, unreached) {
  return { address: at, text: block.text(p, 3), number: block.known ? block.number(p) : 0, unreached, nonfinite: block.nonfinite(p) };
}

export function hopsTo(index, { stride }) {
  return index.map((count, dim) => ({ dim, stride: stride[dim], count }));
}

/** "x[1, 2] lies at 0 + 1·4 + 2·1 = 6 and holds 5", as parts of a formula. */
export function addressFormula({ name, stride, offset }, index, messages, value) {
  const terms = index.flatMap((i, dim) => [" + ", { text: `${i}·${stride[dim]}`, dim }]);
  return [
    ...coloredIndex(name, index), { text: ` ${messages["storage.lies"]} `, soft: true },
    String(offset), ...terms, " = ", { text: String(address(index, stride, offset)), strong: true },
    { text: ` ${messages["storage.holds"]} `, soft: true }, { text: value, strong: true },
  ];
}
