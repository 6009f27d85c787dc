// The code of a shared model: a notebook that shows our widgets keeps their pictures when it is saved, however JupyterLab was started.
// By itself JupyterLab saves no model unless a setting says so, and even then only models that have a kernel: a notebook that was
// opened again and saved without being run would lose what was saved before.

const VIEW = "application/vnd.jupyter.widget-view+json";
const STATE = "application/vnd.jupyter.widget-state+json";

export default {
  initialize({ model }) {
    const manager = model.widget_manager;
    const context = manager.context;
    if (!(manager._modelsSync instanceof Map) || !context?.model?.cells || manager.dlvizSaves) return; // another front end
    manager.dlvizSaves = true;
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
