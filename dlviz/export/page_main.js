// Mounts every widget of an exported page. A widget that is shown several times has one model, as in a notebook.

import { PageModel, show } from "../kit/js/page_model.js";
import { revive } from "../kit/js/revive.js";

const { kinds, widgets } = JSON.parse(document.getElementById("payload").textContent);
const models = new Map();

function model(id) {
  const { kind, state } = widgets[id];
  if (!models.has(id)) models.set(id, new PageModel(revive({ ...state, messages: kinds[kind].messages })));
  return models.get(id);
}

async function mount(place) {
  const id = place.dataset.widget;
  await show(model(id), kinds[widgets[id].kind].esm, place, pageLifetime.signal);
}

const pageLifetime = new AbortController();
/** @type {NodeListOf<HTMLElement>} */
const places = document.querySelectorAll("[data-widget]");
for (const place of places) {
  const fold = place.closest("details:not([open])");
  // A widget takes its size when it is mounted, so one that is folded waits until it can be seen.
  if (fold) fold.addEventListener("toggle", () => mount(place), { once: true });
  else await mount(place);
}
globalThis.dlvizModels = models;
document.documentElement.dataset.ready = "true";
