// The card around every widget: head, notes, main area, side panel, and its theme.

import { h } from "./dom.js";

/**
 * @param {{el: HTMLElement, model: any, signal: AbortSignal, name: string}} options
 */
export function card({ el, model, signal, name }) {
  const signature = h("span", { class: "dlviz-signature" });
  const badge = h("span", { class: "dlviz-badge" });
  const notes = h("div", { class: "dlviz-notes" });
  const summary = h("p", { class: "dlviz-visually-hidden", id: `dlviz-${Math.random().toString(36).slice(2)}` });
  const status = h("p", { class: "dlviz-visually-hidden", "aria-live": "polite" });
  const main = h("div", { class: "dlviz-main" });
  const side = h("div", { class: "dlviz-side", hidden: "", tabindex: "0", role: "region" });
  const head = h("div", { class: "dlviz-head" }, h("strong", {}, name), signature, badge);
  const body = h("div", { class: "dlviz-body" }, main, side);
  const root = h("section", { class: "dlviz", tabindex: "0", role: "group", "aria-label": name, "aria-describedby": summary.id }, head, notes, body, summary, status);
  // JupyterLab handles its shortcuts before a widget gets a key, unless the focused element itself carries this attribute: so the
  // arrow keys and the space bar reach the widget.
  root.addEventListener("focusin", (event) => event.target instanceof Element && event.target.setAttribute("data-lm-suppress-shortcuts", "true"), { signal });
  el.replaceChildren(root);
  applyTheme(root, model, signal);
  return {
    root,
    head,
    main,
    side,
    notes,
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
    announce(text) {
      if (status.textContent !== text) status.textContent = text;
    },
    setSide(node, label) {
      side.hidden = node === null;
      side.replaceChildren(...(node === null ? [] : [node]));
      if (label) side.setAttribute("aria-label", label);
    },
  };
}

/** Follow the trait `theme`; on "auto" follow JupyterLab, or the browser where there is none. */
function applyTheme(root, model, signal) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const theme = model.get("theme");
    const lab = document.body.dataset.jpThemeLight;
    const dark = theme === "auto" ? (lab === undefined ? system.matches : lab === "false") : theme === "dark";
    root.dataset.theme = dark ? "dark" : "light";
  };
  const observer = new MutationObserver(apply);
  observer.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
  system.addEventListener("change", apply, { signal });
  model.on("change:theme", apply);
  signal.addEventListener("abort", () => {
    observer.disconnect();
    model.off("change:theme", apply);
  });
  apply();
}
