// The storage under a tensor: one long row of cells, and hops along it, offset + Σ index × stride.

import { h, s } from "../../kit/js/dom.js";
import { diverging } from "../../kit/js/numbers.js";
import { decode, address } from "../../kit/js/tensor_block.js";
import { intersperse } from "../../kit/js/formula.js";

const HIGH = 46;
/** Where nothing is laid out yet. */
const ROOM = 600;

/**
 * @param {{signal: AbortSignal, pick?: (address: number) => void, label: string}} options
 */
export function tape({ signal, pick, label }) {
  const arcs = s("svg", { class: "tape-arcs", height: HIGH, "aria-hidden": "true" });
  const row = h("div", { class: "tape-row" });
  const element = h("div", { class: "tape", role: "group", tabindex: "0", "aria-label": label }, h("div", { class: "tape-inner" }, arcs, row));
  let cells = new Map();
  let marked = [];
  let wide = 30;
  let scrolls = false;
  let left = 0;
  let last = { items: [], max: 0, marks: [], offset: 0, hops: [], room: 0 };

  /**
   * @param {{address: number, text: string, number: number, off: boolean, nonfinite: boolean}[]} items in the order of storage
   * @param {number} max the value of the strongest color
   */
  function show(items, max) {
    last = { ...last, items, max, marks: [], offset: 0, hops: [] };
    lay(items, max);
  }

  function lay(items, max) {
    cells = new Map();
    marked = [];
    const longest = items.reduce((most, item) => Math.max(most, item.text.length), 2);
    const full = Math.max(28, 9 + 7 * longest);
    wide = Math.max(12, Math.min(full, Math.floor(((last.room || ROOM) - 8) / Math.max(1, items.length))));
    const written = wide >= 2 + 6.7 * longest;
    const tick = wide >= 24 ? 1 : 8;
    let x = 0;
    let before = items.length ? items[0].address - 1 : 0;
    const nodes = [];
    for (const item of items) {
      const skipped = item.address - before - 1;
      if (skipped > 0) {
        nodes.push(h("span", { class: "tape-gap" }, `⋯ ${skipped.toLocaleString("en")}`));
        x += 64;
      }
      const style = `width:${wide}px;${item.off ? "" : `background:${diverging(item.number, max)}`}`;
      const ticked = item.address % tick === 0 || skipped > 0;
      const node = h("span", { class: "tape-cell", style, "data-off": item.off ? "" : null, "data-nonfinite": item.nonfinite ? "" : null, "data-tick": ticked ? item.address : null },
        h("span", { class: "tape-text" }, written ? item.text : ""));
      node.title = `${item.address}: ${item.text}`;
      node.dataset.address = String(item.address);
      nodes.push(node);
      cells.set(item.address, { node, x: x + wide / 2, text: item.text, written });
      x += wide;
      before = item.address;
    }
    row.replaceChildren(...nodes);
    row.style.width = `${x}px`;
    scrolls = x + 8 > (last.room || ROOM);
    arcs.setAttribute("width", String(x));
    arcs.replaceChildren();
  }

  /** @param {[number, string][]} marks address and kind */
  function mark(marks) {
    last.marks = marks;
    for (const { node, written } of marked) {
      delete node.dataset.mark;
      if (!written) node.firstChild.textContent = "";
    }
    marked = [];
    for (const [address, kind] of marks) {
      const cell = cells.get(address);
      if (!cell) continue;
      cell.node.dataset.mark = kind;
      if (kind === "now" && !cell.written) cell.node.firstChild.textContent = cell.text;
      marked.push(cell);
    }
    const now = marks.find(([, kind]) => kind === "now");
    if (now && cells.has(now[0])) keepInView(cells.get(now[0]).x);
  }

  /** Where it is scrolled to is remembered, because asking for it would lay the page out anew at every step. */
  function keepInView(x) {
    if (!scrolls || (x - 60 >= left && x + 60 <= left + last.room)) return;
    left = Math.max(0, x - last.room / 2);
    element.scrollLeft = left;
  }
  element.addEventListener("scroll", () => {
    left = element.scrollLeft;
  }, { signal, passive: true });

  /**
   * Hops from the offset to the element: one dimension after the other.
   * @param {number} offset @param {{dim: number, stride: number, count: number}[]} hops
   */
  function march(offset, hops) {
    Object.assign(last, { offset, hops });
    const drawn = [];
    let from = offset;
    let turn = 0;
    for (const { dim, stride, count } of hops) {
      const single = count <= 12 && cells.has(from + stride);
      const leaps = single ? count : count ? 1 : 0;
      const leap = single ? stride : stride * count;
      for (let i = 0; i < leaps; i += 1) {
        const [a, b] = [cells.get(from), cells.get(from + leap)];
        from += leap;
        if (!a || !b || a === b) continue;
        const high = Math.min(HIGH - 17, 12 + Math.abs(b.x - a.x) / 5);
        const arc = s("path", { class: "tape-arc", d: `M${a.x},${HIGH - 2}Q${(a.x + b.x) / 2},${HIGH - 2 - 2 * high} ${b.x},${HIGH - 2}`, "data-dim": dim % 5, style: `animation-delay:${turn * 90}ms`, pathLength: 1 });
        turn += 1;
        drawn.push(arc);
        if (i === 0 && b.x - a.x > 26) {
          drawn.push(s("text", { class: "tape-hop", x: (a.x + b.x) / 2, y: HIGH - 5 - high, "data-dim": dim % 5 }, single ? `+${stride}` : `+${count}·${stride}`));
        }
      }
    }
    arcs.replaceChildren(...drawn);
  }

  // How much fits is known only when the picture stands; and it changes with the window.
  const watcher = new ResizeObserver(() => {
    const room = element.clientWidth;
    if (Math.abs(room - last.room) < 2) return;
    last.room = room;
    lay(last.items, last.max);
    mark(last.marks);
    march(last.offset, last.hops);
  });
  watcher.observe(element);
  signal.addEventListener("abort", () => watcher.disconnect());

  if (pick) {
    row.addEventListener("click", (event) => {
      const cell = event.target.closest(".tape-cell");
      if (cell) pick(Number(cell.dataset.address));
    }, { signal });
  }
  return { element, show, mark, march };
}

/**
 * Which cells of storage are drawn: all of a small one, of a large one those that the grids show.
 * @param {{block: any, about: {stride: number[], offset: number}, sheet: any}[]} over the tensors over this storage
 * @param {any} stored the whole storage as Python read it, or nothing if it is large
 */
export function tapeItems(over, stored) {
  const reached = new Map();
  for (const { block, about, sheet } of over) {
    for (let p = 0; p < block.count; p += 1) {
      if (stored || sheet.node(p)) reached.set(address(block.index(p), about.stride, about.offset), [block, p]);
    }
  }
  if (!stored) return [...reached.keys()].sort((a, b) => a - b).map((place) => item(...reached.get(place), place, false));
  const all = decode(stored);
  return Array.from({ length: all.count }, (_, place) => item(all, place, place, !reached.has(place)));
}

function item(block, p, place, off) {
  return { address: place, text: block.text(p, 3), number: block.known ? block.number(p) : 0, off, nonfinite: block.nonfinite(p) };
}

/** offset + Σ index × stride, as parts. */
export function addressParts(name, index, stride, offset, messages) {
  const sum = index.reduce((all, at, d) => all + at * stride[d], offset);
  const parts = [name, "[", ...(index.length ? intersperse(index.map((at, d) => ({ text: String(at), dim: d })), ", ") : ["()"]), "]"];
  parts.push({ text: ` ${messages["tape.lies"]} `, soft: true }, String(offset));
  index.forEach((at, d) => parts.push(" + ", { text: `${at}·${stride[d]}`, dim: d }));
  parts.push(" = ", { text: String(sum), strong: true });
  return parts;
}
