// Opens every widget of a page. One that is shown at several places plays at all of them together, as in a notebook.

import { revive, PageModel, show } from "../kit/js/page_model.js";

const { kinds, widgets } = JSON.parse(document.getElementById("payload").textContent);
const models = new Map();

function model(id) {
  const { kind, state } = widgets[id];
  if (!models.has(id)) models.set(id, new PageModel(revive({ ...state, messages: kinds[kind].messages })));
  return models.get(id);
}

const staying = new AbortController();
for (const place of document.querySelectorAll("[data-widget]")) {
  const id = place.dataset.widget;
  await show(model(id), kinds[widgets[id].kind].esm, place, staying.signal);
}
globalThis.dlvizModels = models;
document.documentElement.dataset.ready = "true";
