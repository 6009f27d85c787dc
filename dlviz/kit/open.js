// Stands at the end of a linked view, whose function `render` it calls with the style and the words of the shared model.

/**
 * @param {{model: any, el: HTMLElement, signal: AbortSignal}} own what the notebook gave the widget
 * @param {any} shared the model that carries view, style and messages
 */
export async function open({ model, el, signal }, shared) {
  const root = el.getRootNode();
  dress(root instanceof ShadowRoot ? root : document.head, model.get("_assets_id"), shared.get("style"));
  const messages = shared.get("messages");
  const worded = { ...model, get: (name) => (name === "messages" ? messages : model.get(name)) };
  if (!signal.aborted) await render({ model: worded, el, signal });
}

/** One style element for all widgets of a kind. */
function dress(home, name, text) {
  if (home.querySelector(`[data-dlviz="${name}"]`)) return;
  const style = document.createElement("style");
  style.dataset.dlviz = name;
  style.textContent = text;
  home.append(style);
}
