// The only code that a widget itself carries; the rest comes from a model that all widgets of its kind share (shared_assets.py, open.js).
export default {
  async render(view) {
    const shared = await view.model.widget_manager.get_model(view.model.get("_assets_id"));
    shared.dlviz ??= import(URL.createObjectURL(new Blob([shared.get("view")], { type: "text/javascript" })));
    await (await shared.dlviz).open(view, shared);
  },
};
