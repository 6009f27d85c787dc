// Model of a widget in an exported page: holds the state and notifies the view of changes, without a kernel.

function mapValues(object, call) {
  return Object.fromEntries(Object.entries(object).map(([key, item]) => [key, call(item)]));
}

function isPlainObject(value) {
  return typeof value === "object" && value?.constructor === Object;
}

export class PageModel {
  /** @param {Record<string, any>} state the traits, with the precomputed states under `precomputed` */
  constructor({ precomputed = {}, ...state }) {
    /** @type {Record<string, any>} */
    this.base = { ...state, live: false, restored: [] };
    // Keys are JSON as Python writes it; a lookup compares JSON as a browser writes it.
    this.precomputed = mapValues(precomputed, (values) => Object.fromEntries(Object.entries(values).map(([value, part]) => [JSON.stringify(JSON.parse(value)), part])));
    /** @type {Record<string, any>} */
    this.state = { ...this.base, precomputed: this.precomputed };
    this.touched = new Set(Object.values(this.precomputed).flatMap((values) => Object.values(values).flatMap(Object.keys)));
    this.listeners = new Map();
  }
  get(name) {
    return this.state[name];
  }
  set(name, value) {
    if (this.state[name] === value) return;
    if (this.precomputed[name]) this.applyPrecomputed(name, value);
    else this.assign({ [name]: value });
  }
  /** Each precomputed state starts from the settings that the page was saved with, so every other such setting is restored. */
  applyPrecomputed(name, value) {
    const state = this.precomputed[name][JSON.stringify(value)];
    const others = Object.keys(this.precomputed).filter((other) => other !== name);
    const next = Object.fromEntries([...this.touched, ...others].map((trait) => [trait, this.base[trait]]));
    // A value that was not precomputed changes nothing; the event makes its control show the earlier value again.
    if (!state) return this.emit(`change:${name}`);
    for (const [trait, part] of Object.entries(state)) next[trait] = isPlainObject(part) && isPlainObject(this.base[trait]) ? { ...this.base[trait], ...part } : part;
    const restored = others.filter((other) => JSON.stringify(this.state[other]) !== JSON.stringify(this.base[other]));
    return this.assign({ ...next, restored, [name]: value });
  }
  /** Change all values before any event, so that a listener to one change finds the others made. */
  assign(next) {
    const changed = Object.keys(next).filter((name) => this.state[name] !== next[name]);
    for (const name of changed) this.state[name] = next[name];
    for (const name of changed) this.emit(`change:${name}`);
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
  /** Show a child widget that the page carries inside this widget's picture. @returns {Promise<() => void>} removes it */
  async showChild(id, container) {
    const { state, esm, css } = this.state.child_widgets[id];
    const style = Object.assign(document.createElement("style"), { textContent: css });
    const el = document.createElement("div");
    container.replaceChildren(style, el);
    const removal = new AbortController();
    await show(new PageModel(state), esm, el, removal.signal);
    return () => removal.abort();
  }
}

const views = new Map();

/** One module for all widgets of a kind, however many a page has. */
function view(esm) {
  if (!views.has(esm)) views.set(esm, import(URL.createObjectURL(new Blob([esm], { type: "text/javascript" }))));
  return views.get(esm);
}

export async function show(model, esm, el, signal) {
  await (await view(esm)).default.render({ model, el, signal });
}
