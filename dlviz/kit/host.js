// Stands in for the notebook in an exported page: holds the state, tells the view of changes, asks nobody.

/** @param {any} value bytes come as {$bytes: base64} and leave as a DataView, just as a kernel would send them */
function revive(value) {
  if (Array.isArray(value)) return value.map(revive);
  if (value === null || typeof value !== "object") return value;
  if (typeof value.$bytes === "string") {
    const text = atob(value.$bytes);
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    return new DataView(bytes.buffer);
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, revive(item)]));
}

class PageModel {
  constructor(state) {
    this.state = { ...state, live: false };
    this.listeners = new Map();
  }
  get(name) {
    return this.state[name];
  }
  set(name, value) {
    if (this.state[name] === value) return;
    this.state[name] = value;
    this.emit(`change:${name}`);
  }
  emit(event) {
    for (const call of [...(this.listeners.get(event) ?? [])]) call();
  }
  on(event, call) {
    if (!this.listeners.has(event)) this.listeners.set(event, new Set());
    this.listeners.get(event).add(call);
  }
  off(event, call) {
    if (event === undefined || event === null) this.listeners.clear();
    else if (call === undefined || call === null) this.listeners.delete(event);
    else this.listeners.get(event)?.delete(call);
  }
  save_changes() {}
  send() {}
}

const { state, esm } = JSON.parse(document.getElementById("payload").textContent, (_, value) => value);
const model = new PageModel(revive(state));
const address = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
const view = (await import(address)).default;
URL.revokeObjectURL(address);
globalThis.dlvizModel = model;
await view.render({ model, el: document.getElementById("widget"), signal: new AbortController().signal });
document.documentElement.dataset.ready = "true";
