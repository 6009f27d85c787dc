// Inputs for words, which are typed, dropped there, or inserted with a button.

import { h, fillIn } from "../../../kit/js/dom.js";

/**
 * @param {{slots: {name: string, sign?: string, optional?: boolean}[], order: number[], label: string, signal: AbortSignal, messages: Record<string, string>,
 *   onSubmit: (rows: number[]) => void, clear: () => void}} options order: of the slots on the screen; onSubmit: called with the row of every slot, −1 for an
 *   empty optional one
 */
export function wordInputs({ slots, order, label, signal, messages, onSubmit, clear }) {
  const inputs = slots.map(({ name }) => h("input", { type: "text", "aria-label": name, placeholder: name, autocomplete: "off" }));
  const error = h("span", { class: "embedding-error", role: "alert" });
  const submitButton = h("button", { type: "button", class: "dlviz-wide" }, label);
  const clearButton = h("button", { type: "button" }, messages["side.clear"]);
  const nodes = slots.map(({ sign }, k) => h("label", { class: "embedding-slot", "data-slot": k }, sign ? h("span", { "aria-hidden": "true" }, sign) : null, inputs[k]));
  const element = h("div", { class: "embedding-fields" }, ...order.map((k) => nodes[k]), submitButton, clearButton, error);
  let labels = [];
  let shown = "";
  const typed = (k) => inputs[k].value.trim();
  const isMissing = (k) => (typed(k) || !slots[k].optional) && !labels.includes(typed(k));
  function submit() {
    const unknown = slots.findIndex((_, k) => isMissing(k));
    error.textContent = unknown < 0 ? "" : fillIn(messages["side.unknown"], { word: typed(unknown) });
    inputs.forEach((input, k) => input.setAttribute("aria-invalid", String(isMissing(k))));
    if (unknown < 0) onSubmit(inputs.map((_, k) => labels.indexOf(typed(k))));
    else inputs[unknown].focus();
  }
  submitButton.addEventListener("click", submit, { signal });
  clearButton.addEventListener("click", () => {
    empty();
    clear();
  }, { signal });
  for (const input of inputs) input.addEventListener("keydown", (event) => event.key === "Enter" && submit(), { signal });
  function empty() {
    for (const input of inputs) {
      input.value = "";
      input.removeAttribute("aria-invalid");
    }
    error.textContent = "";
  }
  return {
    element,
    names: slots.map(({ name }) => name),
    slotOf: (node) => nodes.indexOf(node),
    /** Insert a word, and submit once nothing is missing. */
    insert(slot, row) {
      inputs[slot].value = labels[row];
      inputs[slot].removeAttribute("aria-invalid");
      error.textContent = "";
      if (!slots.some((_, k) => isMissing(k))) submit();
    },
    /** Show submitted words; text that is being typed stays unless they have changed. */
    show(next, rows) {
      labels = next;
      if (shown === JSON.stringify(rows)) return;
      shown = JSON.stringify(rows);
      if (rows.some((row) => row >= 0)) rows.forEach((row, k) => (inputs[k].value = labels[row] ?? ""));
      else empty();
    },
  };
}
