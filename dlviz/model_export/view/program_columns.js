// Two columns in one scrolling box: the eager calls on the left, the program's operations on the right, a line from each operation to its call.

import { closest, fillIn, h, s } from "../../kit/js/dom.js";

/** Height of a place, in pixels, as in style.css. */
const ROW = 24;
/** Width of the space for lines between the columns. */
const GAP = 44;

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, point: (key: string) => void, pin: (key: string) => void}} options
 *   point: called with the key of the row under the pointer or with the focus, or ""; pin: called with the key of the row that is clicked
 */
export function programColumns({ messages, signal, point, pin }) {
  const left = h("div", { class: "exp-column" });
  const right = h("div", { class: "exp-column" });
  const lines = s("svg", { class: "exp-lines", "aria-hidden": "true" });
  const body = h("div", { class: "exp-body" }, left, lines, right);
  const title = h("b");
  const hidden = h("span", { class: "dlviz-soft" });
  const box = h("div", { class: "exp-scroll", tabindex: "0", role: "group", "aria-label": messages.program }, body);
  const element = h("div", { class: "exp-columns" }, h("div", { class: "exp-titles" }, h("b", {}, messages.eager), h("span", {}, title, " ", hidden)), box);
  /** Rows and their nodes by key. @type {Map<string, {row: any, node: HTMLElement, links: SVGElement[]}>} */
  let rows = new Map();
  /** Keys in the order in which the arrow keys go through them. @type {string[]} */
  let order = [];
  let focused = "";

  const keyAt = (event) => closest(event, "[data-key]")?.dataset.key ?? "";
  body.addEventListener("pointerover", (event) => point(keyAt(event)), { signal });
  body.addEventListener("pointerleave", () => point(""), { signal });
  body.addEventListener("click", (event) => {
    const key = keyAt(event);
    if (key) pin(key);
  }, { signal });
  box.addEventListener("blur", () => {
    focused = "";
    point("");
  }, { signal });

  function draw(scene) {
    rows = new Map();
    hidden.textContent = scene.hidden;
    title.textContent = scene.is_draft ? messages.draft : messages.program;
    const made = [["eager", left, scene.eager, "call"], ["program", right, scene.program, "operation"]].flatMap(([side, column, list, id]) => list.map((row) => {
      const key = `${side} ${row[id]}`;
      const node = h("div", { class: "exp-row", "data-key": key, "data-kind": row.kind, style: `top:${row.place * ROW}px`, role: "img", "aria-label": fillIn(messages.row_alt, { side: messages[side], name: row.name, shape: row.shape, note: row.note }) },
        h("span", { class: "exp-name" }, row.name), h("span", { class: "exp-type" }, row.is_module ? row.type : ""), h("span", { class: "exp-shape" }, row.shape));
      rows.set(key, { row, node, links: [] });
      return { column, node };
    }));
    for (const column of [left, right]) column.replaceChildren(...made.filter((one) => one.column === column).map((one) => one.node));
    const height = Math.max(1, scene.height) * ROW;
    body.style.height = `${height}px`;
    lines.setAttribute("viewBox", `0 0 ${GAP} ${height}`);
    lines.replaceChildren(...scene.program.filter((row) => rows.has(`eager ${row.call}`)).map((row) => {
      const call = rows.get(`eager ${row.call}`);
      const [y1, y2] = [call.row.place, row.place].map((place) => (place + 0.5) * ROW);
      const path = s("path", { d: `M0,${y1}C${GAP / 2},${y1} ${GAP / 2},${y2} ${GAP},${y2}`, "data-kind": row.kind });
      for (const one of [call, rows.get(`program ${row.operation}`)]) one.links.push(path);
      return path;
    }));
    order = [...rows.keys()].sort((a, b) => rows.get(a).row.place - rows.get(b).row.place || (a < b ? -1 : 1));
  }
  /** Mark the pinned row and the one that is pointed at, with the lines from them and what stands at their other ends. */
  function mark(pinned, pointed) {
    const marked = new Set([pinned, pointed].filter((key) => rows.has(key)));
    const partners = new Set([...marked].flatMap((key) => partnersOf(key)));
    for (const [key, { node, links }] of rows) {
      node.toggleAttribute("data-marked", marked.has(key) || partners.has(key));
      node.toggleAttribute("data-pinned", key === pinned);
      for (const link of links) link.toggleAttribute("data-marked", false);
    }
    for (const key of marked) for (const link of rows.get(key).links) link.toggleAttribute("data-marked", true);
  }
  function partnersOf(key) {
    const { row } = rows.get(key);
    if (key.startsWith("program")) return [`eager ${row.call}`];
    return [...rows].filter(([other, one]) => other.startsWith("program") && one.row.call === row.call).map(([other]) => other);
  }
  /** Handle a key in the box: arrows go from row to row, left and right to the other column, Enter pins. @param {string} key @returns {boolean} */
  function key(key) {
    if (key === "Enter" && focused) {
      pin(focused);
      return true;
    }
    const side = focused.split(" ")[0] || "eager";
    const own = order.filter((one) => one.startsWith(side));
    const next = {
      ArrowDown: () => own[Math.min(own.length - 1, own.indexOf(focused) + 1)],
      ArrowUp: () => own[Math.max(0, own.indexOf(focused) - 1)],
      ArrowLeft: () => focused.startsWith("program") && partnersOf(focused)[0],
      ArrowRight: () => (focused.startsWith("eager") ? partnersOf(focused)[0] : order.find((one) => one.startsWith("program"))),
    }[key];
    if (!next) return false;
    const to = next();
    if (to && rows.has(to)) {
      focused = to;
      rows.get(to).node.scrollIntoView({ block: "nearest" });
      point(to);
    }
    return true;
  }
  return { element, draw, mark, key, row: (name) => rows.get(name)?.row };
}
