// The frame of every widget: head, notes, stage, side column, and the theme it wears.

import { h } from "./dom.js";

/**
 * @param {{el: HTMLElement, model: any, signal: AbortSignal, name: string}} options
 */
export function card({ el, model, signal, name }) {
  const signature = h("span", { class: "dlviz-signature" });
  const badge = h("span", { class: "dlviz-badge" });
  const notes = h("div", { class: "dlviz-notes" });
  const summary = h("p", { class: "dlviz-visually-hidden", id: `dlviz-${Math.random().toString(36).slice(2)}` });
  const spoken = h("p", { class: "dlviz-visually-hidden", "aria-live": "polite" });
  const stage = h("div", { class: "dlviz-main" });
  const side = h("div", { class: "dlviz-side", hidden: "", tabindex: "0", role: "region" });
  const head = h("div", { class: "dlviz-head" }, h("strong", {}, name), signature, badge);
  const body = h("div", { class: "dlviz-body" }, stage, side);
  const root = h("section", { class: "dlviz", tabindex: "0", role: "group", "aria-label": name, "aria-describedby": summary.id }, head, notes, body, summary, spoken);
  // JupyterLab looks for its shortcuts before anybody else sees a key, and spares only an element that itself says so: what has the
  // focus in here keeps the arrows and the space bar.
  root.addEventListener("focusin", (event) => event.target.setAttribute("data-lm-suppress-shortcuts", "true"), { signal });
  el.replaceChildren(root);
  wearTheme(root, model, signal);
  return {
    root,
    stage,
    side,
    setSignature(text) {
      signature.textContent = text;
      signature.title = text;
    },
    setBadge({ text, kind }) {
      badge.textContent = text;
      badge.dataset.kind = kind;
    },
    setNotes(items) {
      notes.replaceChildren(...items.map(({ kind, text }) => h("p", { class: "dlviz-note", "data-kind": kind, role: "note" }, text)));
    },
    setSummary(text) {
      summary.textContent = text;
    },
    say(text) {
      if (spoken.textContent !== text) spoken.textContent = text;
    },
    setSide(node, label) {
      side.hidden = node === null;
      side.replaceChildren(...(node === null ? [] : [node]));
      if (label) side.setAttribute("aria-label", label);
    },
  };
}

/** Follow the trait `theme`; on "auto" follow JupyterLab, or the browser where there is none. */
function wearTheme(root, model, signal) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dress = () => {
    const wished = model.get("theme");
    const lab = document.body.dataset.jpThemeLight;
    const dark = wished === "auto" ? (lab === undefined ? system.matches : lab === "false") : wished === "dark";
    root.dataset.theme = dark ? "dark" : "light";
  };
  const watcher = new MutationObserver(dress);
  watcher.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
  system.addEventListener("change", dress, { signal });
  model.on("change:theme", dress);
  signal.addEventListener("abort", () => {
    watcher.disconnect();
    model.off("change:theme", dress);
  });
  dress();
}
