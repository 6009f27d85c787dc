// All the code that a widget itself brings. The view, its style and its words come from a model that widgets of its kind share.
export default {
  async render({ model, el, signal }) {
    const shared = await model.widget_manager.get_model(model.get("_carrier"));
    shared.dlviz ??= load(shared.get("view"));
    dress(el.getRootNode(), model.get("_carrier"), shared.get("style"));
    const words = shared.get("words");
    const own = { ...model, get: (name) => (name === "words" ? words : model.get(name)) };
    const view = await shared.dlviz;
    if (!signal.aborted) await view.render({ model: own, el, signal });
  },
};
async function load(text) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const module = await import(address);
  URL.revokeObjectURL(address);
  return module.default;
}
function dress(root, name, text) {
  const home = root.head ?? (root instanceof ShadowRoot ? root : document.head);
  if (home.querySelector(`[data-dlviz="${name}"]`)) return;
  const style = document.createElement("style");
  style.dataset.dlviz = name;
  style.textContent = text;
  home.append(style);
}
