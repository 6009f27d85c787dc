// Questions to the kernel, one at a time: of those that come meanwhile only the last one about each thing is asked.

/** Milliseconds after which an answer is no longer waited for. */
const PATIENCE = 1000;

export function requestQueue(model, signal) {
  const waiting = new Map();
  let timer = 0;
  function next() {
    clearTimeout(timer);
    timer = 0;
    const [first] = waiting;
    if (!first) return;
    waiting.delete(first[0]);
    timer = setTimeout(next, PATIENCE);
    model.send(first[1]);
  }
  model.on("change:scene", next);
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    model.off("change:scene", next);
  });
  return (key, message) => {
    waiting.set(key, message);
    if (!timer) next();
  };
}
