// Another widget shown inside this one: its own view in a notebook, the state that the page carries in an exported page.

/**
 * @param {any} model the widget that shows the other one
 * @param {string} id model id of the child widget
 * @param {HTMLElement} container
 * @returns {Promise<() => void>} removes it again
 */
export async function showChildWidget(model, id, container) {
  if (model.showChild) return model.showChild(id, container);
  const manager = model.widget_manager;
  const view = await manager.create_view(await manager.get_model(id));
  container.replaceChildren(view.el);
  return () => view.remove();
}
