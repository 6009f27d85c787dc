// Numbers of the input and the kernel that the learner changes: typed into their cell, or dragged up and down. The kernel computes with them.

import { h, fillIn } from "../../kit/js/dom.js";
import { requestQueue } from "../../kit/js/request_queue.js";

/** Pixels to a step of a dragged number; with less than this it was a click. */
const STRIDE = 8;
const CLICK = 4;

/**
 * @param {{model: any, messages: Record<string, string>, signal: AbortSignal, about: (what: string, p: number) => any}} options
 *   about: block, index as the kernel counts it and name of a cell, or null where there is nothing to change
 * @returns {(what: string, sheet: any) => void} lets the cells of a grid be changed
 */
export function editing({ model, messages, signal, about }) {
  const ask = requestQueue(model, signal);
  const change = (what, index, value) => ask(`${what} ${index}`, { kind: "edit", what, index, value });
  const found = (what, cell) => (cell && model.get("live") && model.get("scene").editable ? about(what, Number(cell.dataset.p)) : null);
  return (what, sheet) => {
    typing({ sheet, messages, signal, found: (cell) => found(what, cell), change: (index, value) => change(what, index, value) });
    dragging({ sheet, signal, found: (cell) => found(what, cell), change: (index, value) => change(what, index, value) });
  };
}

/** Double-click, or a digit typed on a cell, opens it for another number. */
function typing({ sheet, messages, signal, found, change }) {
  const open = (cell, start) => {
    const about = cell?.querySelector("input") ? null : found(cell);
    if (!about) return;
    const { block, index, name } = about;
    const p = Number(cell.dataset.p);
    const field = h("input", { class: "slide-edit", type: "text", inputmode: "decimal", "aria-label": fillIn(messages.edit, { name }), value: start ?? block.raw(p) });
    let closed = false;
    const close = (keep) => {
      if (closed) return;
      closed = true;
      const value = Number(field.value.replace("−", "-"));
      field.remove();
      cell.textContent = block.dense ? "" : block.text(p, block.digits);
      cell.focus();
      if (keep && Number.isFinite(value) && value !== Number(block.raw(p))) change(index, value);
    };
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter") close(true);
      else if (event.key === "Escape") close(false);
    }, { signal });
    field.addEventListener("blur", () => close(true), { signal, once: true });
    cell.replaceChildren(field);
    field.focus();
    if (!start) field.select();
  };
  sheet.element.addEventListener("dblclick", (event) => open(event.target.closest(".tensor-cell")), { signal });
  sheet.element.addEventListener("keydown", (event) => {
    if (!/^[0-9.-]$/.test(event.key) || event.target.matches("input")) return;
    open(event.target.closest(".tensor-cell"), event.key);
    event.preventDefault();
  }, { signal });
}

/** Up is more. A finger scrolls the page instead. */
function dragging({ sheet, signal, found, change }) {
  const { element } = sheet;
  let held = null;
  let moved = false;
  const on = (event, call) => element.addEventListener(event, call, { signal });
  on("pointerdown", (event) => {
    moved = false;
    const cell = event.target.closest(".tensor-cell");
    const about = event.button === 0 && event.pointerType !== "touch" && !event.target.matches("input") ? found(cell) : null;
    if (!about) return;
    const p = Number(cell.dataset.p);
    const from = Number(about.block.raw(p));
    held = { ...about, p, from, value: from, y: event.clientY, step: wholly(about.block) ? 1 : 0.1 };
  });
  on("pointermove", (event) => {
    if (!held || (!moved && Math.abs(event.clientY - held.y) < CLICK)) return;
    // Of the grid and not of the cell: new numbers may need wider cells, and then all are made anew. The click that a drag ends with
    // goes there too, and follows no cell.
    if (!moved) element.setPointerCapture(event.pointerId);
    moved = true;
    element.dataset.dragging = "";
    const value = Number((held.from + held.step * Math.round((held.y - event.clientY) / STRIDE)).toPrecision(12));
    if (value === held.value) return;
    held.value = value;
    change(held.index, value);
  });
  const end = () => {
    held = null;
    delete element.dataset.dragging;
  };
  on("pointerup", end);
  on("pointercancel", end);
}

function wholly(block) {
  for (let p = 0; p < block.count; p += 1) if (!Number.isInteger(Number(block.raw(p)))) return false;
  return true;
}
