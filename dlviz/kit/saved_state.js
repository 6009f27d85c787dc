// The code of a shared model: a notebook that shows our widgets keeps their pictures when it is saved, however JupyterLab was started.
// By itself JupyterLab saves no model unless a setting says so, and even then only models that have a kernel: a notebook that was
// opened again and saved without being run would lose what was saved before. And in a notebook that opens slowly, JupyterLab may draw
// outputs before it has read their saved models, with an error in place of the widget.

const VIEW = "application/vnd.jupyter.widget-view+json";
const STATE = "application/vnd.jupyter.widget-state+json";

export default {
  initialize({ model }) {
    const manager = model.widget_manager;
    const context = manager.context;
    if (!(manager._modelsSync instanceof Map) || !context?.model?.cells || manager.dlvizSaves) return; // another front end
    manager.dlvizSaves = true;
    showAgain(manager);
    const save = manager.get_state_sync.bind(manager);
    manager.get_state_sync = (options) => {
      const restored = [...manager._modelsSync.values()].filter((one) => !one.comm_live);
      for (const one of restored) Object.defineProperty(one, "comm_live", { value: true, configurable: true });
      try {
        const saved = save(options);
        const shown = shownModels(context.model.cells, saved.state);
        for (const one of restored) if (!shown.has(one.model_id)) delete saved.state[one.model_id];
        return saved;
      } finally {
        for (const one of restored) delete one.comm_live;
      }
    };
    context.saveState.connect((_, phase) => {
      if (phase !== "started" || manager._settings?.saveState) return; // then JupyterLab does it
      context.model.setMetadata?.("widgets", { [STATE]: manager.get_state_sync({ drop_defaults: true }) });
    });
  },
};

/** Show again the outputs that failed before their saved models were read. Showing is no change of the notebook. */
async function showAgain(manager) {
  let waiting = [];
  for (let round = 0; round < 2; round += 1) {
    // The first time to let all models arrive, the second time for outputs that are being drawn.
    await new Promise((done) => setTimeout(done, 1000));
    waiting = await withoutView(manager);
    if (waiting.length === 0 || !manager.context.model?.cells) return; // the notebook may have been closed meanwhile
  }
  const { model } = manager.context;
  const { dirty } = model;
  for (const { outputs, i } of waiting) outputs.set(i, outputs.get(i).toJSON());
  model.dirty = dirty;
}

/** Return the places of outputs whose model was read from the notebook and has no view: those that failed or are not drawn yet. */
async function withoutView(manager) {
  const found = [];
  for (const { outputs } of manager.context.model?.cells ?? []) {
    for (let i = 0; i < (outputs?.length ?? 0); i += 1) {
      const id = outputs.get(i).toJSON().data?.[VIEW]?.model_id;
      if (!id || !manager.has_model(id)) continue;
      const { comm_live, views } = await manager.get_model(id);
      if (!comm_live && Object.keys(views ?? {}).length === 0) found.push({ outputs, i });
    }
  }
  return found;
}

/** Return the ids of the models that the notebook's outputs show, and of those that these name in their states. */
function shownModels(cells, states) {
  const outputs = [...cells].flatMap((cell) => cell.outputs?.toJSON() ?? []);
  const waiting = outputs.map((output) => output.data?.[VIEW]?.model_id).filter(Boolean);
  const shown = new Set();
  while (waiting.length > 0) {
    const id = waiting.pop();
    if (!(id in states) || shown.has(id)) continue;
    shown.add(id);
    waiting.push(...(JSON.stringify(states[id].state).match(/[0-9a-f]{32}/g) ?? []));
  }
  return shown;
}
