// Editing of the input and the kernel: numbers are typed into their cell or dragged up and down, and Python computes with them.

import { h, fillIn } from "../../kit/js/dom.js";
import { requestQueue } from "../../kit/js/request_queue.js";

/** Pixels for one step of a dragged number. */
const PIXELS_PER_STEP = 8;
/** A shorter drag is a click. */
const CLICK_DISTANCE = 4;

/**
 * @param {{model: any, messages: Record<string, string>, signal: AbortSignal, target: (what: string, p: number) => any}} options
 *   target: block, tensor index and name of a cell, or null if it cannot be edited
 * @returns {(what: string, grid: any) => void} makes the cells of a grid editable
 */
export function gridEditor({ model, messages, signal, target }) {
  const ask = requestQueue(model, signal);
  const change = (what, index, value) => ask(`${what} ${index}`, { kind: "edit", what, index, value });
  const targetOf = (what, cell) => (cell && model.get("live") && model.get("scene").editable ? target(what, Number(cell.dataset.p)) : null);
  return (what, grid) => {
    editByTyping({ grid, messages, signal, targetOf: (cell) => targetOf(what, cell), change: (index, value) => change(what, index, value) });
    editByDragging({ grid, signal, targetOf: (cell) => targetOf(what, cell), change: (index, value) => change(what, index, value) });
  };
}

/** Double-clicking a cell or typing a digit opens an input in it. */
function editByTyping({ grid, messages, signal, targetOf, change }) {
  const open = (cell, start) => {
    const edited = cell?.querySelector("input") ? null : targetOf(cell);
    if (!edited) return;
    const { block, index, name } = edited;
    const p = Number(cell.dataset.p);
    const field = h("input", { class: "conv-edit", type: "text", inputmode: "decimal", "aria-label": fillIn(messages.edit, { name }), value: start ?? block.raw(p) });
    let closed = false;
    const close = (accept) => {
      if (closed) return;
      closed = true;
      const value = Number(field.value.replace("−", "-"));
      field.remove();
      cell.textContent = block.dense ? "" : block.text(p, block.digits);
      cell.focus();
      if (accept && Number.isFinite(value) && value !== Number(block.raw(p))) change(index, value);
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
  grid.element.addEventListener("dblclick", (event) => open(event.target.closest(".tensor-cell")), { signal });
  grid.element.addEventListener("keydown", (event) => {
    if (!/^[0-9.-]$/.test(event.key) || event.target.matches("input")) return;
    open(event.target.closest(".tensor-cell"), event.key);
    event.preventDefault();
  }, { signal });
}

/** Dragging up increases a number. Touch is left to scrolling. */
function editByDragging({ grid, signal, targetOf, change }) {
  const { element } = grid;
  let drag = null;
  let moved = false;
  const on = (event, call) => element.addEventListener(event, call, { signal });
  on("pointerdown", (event) => {
    moved = false;
    const cell = event.target.closest(".tensor-cell");
    const edited = event.button === 0 && event.pointerType !== "touch" && !event.target.matches("input") ? targetOf(cell) : null;
    if (!edited) return;
    const start = Number(edited.block.raw(Number(cell.dataset.p)));
    drag = { ...edited, start, value: start, y: event.clientY, step: isInteger(edited.block) ? 1 : 0.1 };
  });
  on("pointermove", (event) => {
    if (!drag || (!moved && Math.abs(event.clientY - drag.y) < CLICK_DISTANCE)) return;
    // The grid captures the pointer, not the cell: new numbers may need wider cells, and then all cells are replaced. It also receives
    // the click at the end of the drag, which must not select a cell.
    if (!moved) element.setPointerCapture(event.pointerId);
    moved = true;
    element.dataset.dragging = "";
    const value = Number((drag.start + drag.step * Math.round((drag.y - event.clientY) / PIXELS_PER_STEP)).toPrecision(12));
    if (value === drag.value) return;
    drag.value = value;
    change(drag.index, value);
  });
  const end = () => {
    drag = null;
    delete element.dataset.dragging;
  };
  on("pointerup", end);
  on("pointercancel", end);
}

function isInteger(block) {
  for (let p = 0; p < block.count; p += 1) if (!Number.isInteger(Number(block.raw(p)))) return false;
  return true;
}
