// Fields that take words: typed, carried there, or put in with a button.

import { h, fillIn } from "../../../kit/js/dom.js";

/**
 * @param {{slots: {name: string, sign?: string, optional?: boolean}[], order: number[], label: string, signal: AbortSignal, messages: Record<string, string>,
 *   act: (rows: number[]) => void, clear: () => void}} options order: in which the slots stand; act: with the row of every slot, −1 for an
 *   optional one that is empty
 */
export function fields({ slots, order, label, signal, messages, act, clear }) {
  const inputs = slots.map(({ name }) => h("input", { type: "text", "aria-label": name, placeholder: name, autocomplete: "off" }));
  const told = h("span", { class: "vec-bad", role: "alert" });
  const go = h("button", { type: "button", class: "dlviz-wide" }, label);
  const off = h("button", { type: "button" }, messages["side.clear"]);
  const nodes = slots.map(({ sign }, k) => h("label", { class: "vec-slot", "data-slot": k }, sign ? h("span", { "aria-hidden": "true" }, sign) : null, inputs[k]));
  const element = h("div", { class: "vec-fields" }, ...order.map((k) => nodes[k]), go, off, told);
  let labels = [];
  let known = "";
  const typed = (k) => inputs[k].value.trim();
  const absent = (k) => (typed(k) || !slots[k].optional) && !labels.includes(typed(k));
  function submit() {
    const unknown = slots.findIndex((_, k) => absent(k));
    told.textContent = unknown < 0 ? "" : fillIn(messages["side.unknown"], { word: typed(unknown) });
    inputs.forEach((input, k) => input.setAttribute("aria-invalid", String(absent(k))));
    if (unknown < 0) act(inputs.map((_, k) => labels.indexOf(typed(k))));
    else inputs[unknown].focus();
  }
  go.addEventListener("click", submit, { signal });
  off.addEventListener("click", () => {
    empty();
    clear();
  }, { signal });
  for (const input of inputs) input.addEventListener("keydown", (event) => event.key === "Enter" && submit(), { signal });
  function empty() {
    for (const input of inputs) {
      input.value = "";
      input.removeAttribute("aria-invalid");
    }
    told.textContent = "";
  }
  return {
    element,
    names: slots.map(({ name }) => name),
    takes: (node) => nodes.indexOf(node),
    /** Put a word in; once nothing is missing, it is asked. */
    put(slot, row) {
      inputs[slot].value = labels[row];
      inputs[slot].removeAttribute("aria-invalid");
      told.textContent = "";
      if (!slots.some((_, k) => absent(k))) submit();
    },
    /** What is asked now; what is being typed stays where nothing else was asked. */
    show(next, rows) {
      labels = next;
      if (known === JSON.stringify(rows)) return;
      known = JSON.stringify(rows);
      if (rows.some((row) => row >= 0)) rows.forEach((row, k) => (inputs[k].value = labels[row] ?? ""));
      else empty();
    },
  };
}
