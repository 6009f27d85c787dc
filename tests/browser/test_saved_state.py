"""The code with which a notebook keeps its widgets, on a page with a widget manager in the place of JupyterLab's."""

from pathlib import Path

import dlviz.kit

SOURCE = (Path(dlviz.kit.__file__).parent / "saved_state.js").read_text(encoding="utf-8")
#: Opens a notebook with four outputs: the model of the second has no view, that of the third is a kernel's, that of the fourth is lost.
OPENED = """async (source) => {
  const { default: saved } = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  const shown = [];
  const output = (id) => ({ toJSON: () => ({ data: { "application/vnd.jupyter.widget-view+json": { model_id: id } } }) });
  const list = ["seen", "failed", "live", "lost"].map(output);
  const outputs = { length: 4, get: (i) => list[i], toJSON: () => list.map((one) => one.toJSON()),
    set: (i, value) => { shown.push(value.data["application/vnd.jupyter.widget-view+json"].model_id); model.dirty = true; } };
  const model = { cells: [{ outputs }], dirty: false };
  const models = { seen: { views: { a: 1 } }, failed: { views: {} }, live: { views: {}, comm_live: true } };
  const manager = {
    _modelsSync: new Map(), get_state_sync: () => ({}), has_model: (id) => id in models, get_model: async (id) => models[id],
    context: { model, saveState: { connect() {} } },
  };
  saved.initialize({ model: { widget_manager: manager } });
  await new Promise((done) => setTimeout(done, 2300));
  return { shown, dirty: model.dirty };
}"""


def test_an_output_that_was_drawn_before_its_model_was_read_is_drawn_again(chromium):
    page = chromium.new_page()
    page.set_content("<p>a notebook</p>")
    assert page.evaluate(OPENED, SOURCE) == {"shown": ["failed"], "dirty": False}
    page.close()
