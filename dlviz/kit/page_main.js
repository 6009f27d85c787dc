// Shows the one widget of an exported page.

import { PageModel, show } from "./js/page_model.js";
import { revive } from "./js/revive.js";

const { state, esm } = JSON.parse(document.getElementById("payload").textContent);
const model = new PageModel(revive(state));
globalThis.dlvizModel = model;
await show(model, esm, document.getElementById("widget"), new AbortController().signal);
document.documentElement.dataset.ready = "true";
