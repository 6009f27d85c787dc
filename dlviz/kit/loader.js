// All the code that a widget itself brings: the rest comes from a model that widgets of its kind share (shared_assets.py, open.js).
export default {
  async render(own) {
    const shared = await own.model.widget_manager.get_model(own.model.get("_assets_id"));
    shared.dlviz ??= import(URL.createObjectURL(new Blob([shared.get("view")], { type: "text/javascript" })));
    await (await shared.dlviz).open(own, shared);
  },
};
