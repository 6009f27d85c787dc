// Loads plotly.js once per page, from the kernel or from the exported page's own state; it is never fetched from a network.

const TIMEOUT = 60000;

/** @param {any} model of the widget that needs it @returns {Promise<any>} the library */
export function plotly(model) {
  globalThis.dlvizPlotly ??= gzipped(model).then(run).catch((error) => {
    // The next widget that needs it asks again.
    delete globalThis.dlvizPlotly;
    throw error;
  });
  return globalThis.dlvizPlotly;
}

/** Whether plotly.js is available: an exported page has it only if the widget was saved in 3D. */
export function hasPlotly(model) {
  return Boolean(model.get("live") || model.get("plotly") || globalThis.dlvizPlotly);
}

/** @returns {Promise<DataView>} plotly.js as gzip */
async function gzipped(model) {
  if (model.get("plotly")) return model.get("plotly");
  return new Promise((resolve, reject) => {
    const stop = (settle, value) => {
      clearTimeout(timer);
      model.off("msg:custom", take);
      settle(value);
    };
    const take = (content, buffers) => content?.kind === "plotly" && stop(resolve, buffers[0]);
    const timer = setTimeout(() => stop(reject, new Error("plotly")), TIMEOUT);
    model.on("msg:custom", take);
    model.send({ kind: "plotly" });
  });
}

async function run(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const code = await new Response(stream).blob();
  const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  // The script sets two globals; they are restored so that another plotly on the page keeps its own.
  const before = { Plotly: globalThis.Plotly, moduleName: globalThis.moduleName };
  try {
    await runScript(address);
    return globalThis.Plotly;
  } finally {
    URL.revokeObjectURL(address);
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete globalThis[name];
      else globalThis[name] = value;
    }
  }
}

function runScript(address) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.addEventListener("load", resolve);
    script.addEventListener("error", reject);
    document.head.append(script);
    script.remove();
  });
}
