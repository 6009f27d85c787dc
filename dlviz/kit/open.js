// Appended to a linked view, whose function `render` it calls with the style and the messages of the shared model.
/* global render */

import { reviver } from "./js/revive.js";

/**
 * @param {{model: any, el: HTMLElement, signal: AbortSignal}} view what anywidget passes to the view
 * @param {any} shared the model that carries view, style and messages
 */
export async function open({ model, el, signal }, shared) {
  const root = el.getRootNode();
  const parent = root instanceof ShadowRoot ? root : document.head;
  addStyle(parent, "room", shared.get("style"));
  addStyle(parent, "kit", shared.get("kit_style"));
  const messages = shared.get("messages");
  const revived = reviver();
  const extended = { ...model, set, get: (name) => (name === "messages" ? messages : revived(model.get(name))) };
  // @ts-expect-error The view that this file is appended to defines `render`.
  if (!signal.aborted) await render({ model: extended, el, signal });

  /** With a value goes the count of Python's values of this trait that this page has received, by which Python ignores what comes too late. */
  function set(name, value) {
    if (model.get(name) !== value) model.set("_seen", { ...model.get("_seen"), [name]: model.get("_written")?.[name] ?? 0 });
    model.set(name, value);
  }
}

/** Add a style element, unless there is one with the same text: the kit's before those of all rooms, whichever is opened first. */
function addStyle(parent, kind, text) {
  const styles = [...parent.querySelectorAll("style[data-dlviz]")];
  if (styles.some((style) => style.textContent === text)) return;
  const style = document.createElement("style");
  style.dataset.dlviz = kind;
  style.textContent = text;
  parent.insertBefore(style, kind === "kit" ? styles[0] : null);
}
