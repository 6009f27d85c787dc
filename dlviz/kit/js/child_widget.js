// Another widget's picture inside this one: in a notebook its own view, in an exported page the state that the page carries.

/**
 * @param {any} model the widget that the door is in
 * @param {string} id model id of the widget behind it
 * @param {HTMLElement} place where it is to stand
 * @returns {Promise<() => void>} takes it away again
 */
export async function showChildWidget(model, id, place) {
  if (model.mount) return model.mount(id, place);
  const manager = model.widget_manager;
  const view = await manager.create_view(await manager.get_model(id));
  place.replaceChildren(view.el);
  return () => view.remove();
}
