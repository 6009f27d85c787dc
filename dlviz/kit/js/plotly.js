// plotly.js, once a page however many pictures want it: asked of the kernel, or found in an exported page; never fetched.

const PATIENCE = 60000;

/** @param {any} model of the widget that wants it @returns {Promise<any>} the library */
export function plotly(model) {
  globalThis.dlvizPlotly ??= packed(model).then(run).catch((error) => {
    // The next picture that wants it asks again.
    delete globalThis.dlvizPlotly;
    throw error;
  });
  return globalThis.dlvizPlotly;
}

/** Whether it can be had: an exported page has it only if it was saved so. */
export function hasPlotly(model) {
  return Boolean(model.get("live") || model.get("plotly") || globalThis.dlvizPlotly);
}

/** @returns {Promise<DataView>} its gzip */
async function packed(model) {
  if (model.get("plotly")) return model.get("plotly");
  return new Promise((resolve, reject) => {
    const stop = (settle, value) => {
      clearTimeout(timer);
      model.off("msg:custom", take);
      settle(value);
    };
    const take = (content, buffers) => content?.kind === "plotly" && stop(resolve, buffers[0]);
    const timer = setTimeout(() => stop(reject, new Error("plotly")), PATIENCE);
    model.on("msg:custom", take);
    model.send({ kind: "plotly" });
  });
}

async function run(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const code = await new Response(stream).blob();
  const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  // It leaves two names behind; another plotly of the page's keeps its own.
  const before = { Plotly: globalThis.Plotly, moduleName: globalThis.moduleName };
  try {
    await executed(address);
    return globalThis.Plotly;
  } finally {
    URL.revokeObjectURL(address);
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete globalThis[name];
      else globalThis[name] = value;
    }
  }
}

function executed(address) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.addEventListener("load", resolve);
    script.addEventListener("error", reject);
    document.head.append(script);
    script.remove();
  });
}
