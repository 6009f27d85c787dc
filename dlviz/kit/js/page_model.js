// Stands in for the notebook in a saved page: holds the state, tells the view of changes, asks nobody.

/** @param {any} value bytes come as {$bytes: base64} and leave as a DataView, just as a kernel would send them */
export function revive(value) {
  if (Array.isArray(value)) return value.map(revive);
  if (value === null || typeof value !== "object") return value;
  if (typeof value.$bytes === "string") {
    const text = atob(value.$bytes);
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    return new DataView(bytes.buffer);
  }
  return mapped(value, revive);
}

function mapped(object, call) {
  return Object.fromEntries(Object.entries(object).map(([key, item]) => [key, call(item)]));
}

function plain(value) {
  return typeof value === "object" && value?.constructor === Object;
}

export class PageModel {
  constructor({ frames = {}, ...state }) {
    this.base = { ...state, live: false, restored: [] };
    // Keys are JSON as Python writes it; a lookup compares JSON as a browser does.
    this.frames = mapped(frames, (values) => Object.fromEntries(Object.entries(values).map(([value, frame]) => [JSON.stringify(JSON.parse(value)), frame])));
    this.state = { ...this.base, frames: this.frames };
    this.touched = new Set(Object.values(this.frames).flatMap((values) => Object.values(values).flatMap(Object.keys)));
    this.listeners = new Map();
  }
  get(name) {
    return this.state[name];
  }
  set(name, value) {
    if (this.state[name] === value) return;
    if (this.frames[name]) this.turn(name, value);
    else this.assign({ [name]: value });
  }
  /** Each frame was computed from the settings that the page was saved with, so every other framed trait goes back to those. */
  turn(name, value) {
    const frame = this.frames[name][JSON.stringify(value)];
    const others = Object.keys(this.frames).filter((other) => other !== name);
    const next = Object.fromEntries([...this.touched, ...others].map((trait) => [trait, this.base[trait]]));
    // A value that was not computed beforehand changes nothing; its knob is told, and stands where it stood.
    if (!frame) return this.emit(`change:${name}`);
    for (const [trait, part] of Object.entries(frame)) next[trait] = plain(part) && plain(this.base[trait]) ? { ...this.base[trait], ...part } : part;
    const restored = others.filter((other) => JSON.stringify(this.state[other]) !== JSON.stringify(this.base[other]));
    return this.assign({ ...next, restored, [name]: value });
  }
  /** Everything first, then the news of it: who hears of one change finds the others made. */
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
  /** Show a widget that the page carries inside another's picture. */
  async mount(id, place) {
    const { state, esm, css } = this.state.doors[id];
    const style = Object.assign(document.createElement("style"), { textContent: css });
    const el = document.createElement("div");
    place.replaceChildren(style, el);
    const leaving = new AbortController();
    await show(new PageModel(state), esm, el, leaving.signal);
    return () => leaving.abort();
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
