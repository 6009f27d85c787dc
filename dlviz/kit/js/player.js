// The player bar and its keys: first, back, play, next, scrubber, speed. It runs in the browser without the kernel.

import { h, s, fillIn, onKeys } from "./dom.js";

const ICONS = {
  first: "M3 3h2v10H3zM13 3v10L6 8z",
  back: "M11 3v10L4 8z",
  play: "M4 2.5v11l9-5.5z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
  next: "M5 3v10l7-5z",
};
const SPEEDS = [0.25, 0.5, 1, 2, 4];
/** Milliseconds between steps at speed 1. */
export const PACE = 700;

/**
 * @param {{model: any, messages: Record<string, string>, signal: AbortSignal, root: HTMLElement, steps: () => number, label: (step: number) => string, unit?: string | {toString: () => string}, counted?: (step: number) => [number, number], pace?: number | {valueOf: () => number}}} options unit: what is counted, such as "cell"; counted: numbers shown for a step and the last one, where they are others than the player's; pace: milliseconds between two steps at speed 1, read at every step
 * @returns {{element: HTMLElement, update: () => void, go: (step: number) => void}}
 */
export function player({ model, messages, signal, root, steps, label, unit = messages["player.unit"], counted = (step) => [step, steps()], pace = PACE }) {
  const button = (name, act) => {
    const node = h("button", { type: "button", "aria-label": messages[`player.${name}`], title: messages[`player.${name}`], class: `dlviz-${name}` }, icon(name));
    node.addEventListener("click", act, { signal });
    return node;
  };
  const first = button("first", () => go(0));
  const back = button("back", () => go(model.get("step") - 1));
  const play = button("play", () => toggle());
  const next = button("next", () => go(model.get("step") + 1));
  const scrubber = h("input", { type: "range", min: 0, step: 1, "aria-label": messages["player.scrubber"] });
  scrubber.addEventListener("input", () => go(Number(scrubber.value)), { signal });
  const count = h("span", { class: "dlviz-count" });
  const speed = h("select", { "aria-label": messages["player.speed"] }, ...SPEEDS.map((value) => h("option", { value }, `${value}×`)));
  speed.addEventListener("change", () => write({ speed: Number(speed.value) }), { signal });
  const element = h("div", { class: "dlviz-player" }, first, back, play, next, scrubber, count, speed);

  let timer = 0;
  /** Change traits in one message. */
  function write(traits) {
    const changed = Object.entries(traits).filter(([name, value]) => model.get(name) !== value);
    if (!changed.length) return;
    for (const [name, value] of changed) model.set(name, value);
    // Saved at once: the widget manager sends one message at a time and merges the waiting ones. A change that it does not know of yet
    // would be undone by the kernel's echo of the one before.
    model.save_changes();
  }
  function go(step) {
    write({ playing: false, step: clamp(step) });
  }
  function clamp(step) {
    return Math.max(0, Math.min(steps(), step));
  }
  function toggle() {
    const playing = !model.get("playing");
    write({ step: playing && model.get("step") >= steps() ? 0 : model.get("step"), playing });
  }
  function tick() {
    if (model.get("step") >= steps()) {
      write({ playing: false });
      return;
    }
    write({ step: model.get("step") + 1 });
    timer = setTimeout(tick, Number(pace) / model.get("speed"));
  }
  function update() {
    const last = steps();
    const step = clamp(model.get("step"));
    element.hidden = last === 0;
    scrubber.max = String(last);
    scrubber.value = String(step);
    scrubber.style.setProperty("--done", `${last ? (100 * step) / last : 0}%`);
    scrubber.setAttribute("aria-valuetext", label(step));
    const [shown, of] = counted(step);
    count.textContent = fillIn(messages["player.count"], { unit, step: shown, last: of });
    first.setAttribute("aria-disabled", String(step === 0));
    back.setAttribute("aria-disabled", String(step === 0));
    next.setAttribute("aria-disabled", String(step === last));
    speed.value = String(model.get("speed"));
    const name = model.get("playing") ? "pause" : "play";
    if (play.dataset.shows !== name) {
      play.dataset.shows = name;
      play.replaceChildren(icon(name));
      play.setAttribute("aria-label", messages[`player.${name}`]);
      play.title = messages[`player.${name}`];
    }
  }
  function playing() {
    clearTimeout(timer);
    if (model.get("playing")) timer = setTimeout(tick, Number(pace) / model.get("speed"));
    update();
  }
  onKeys(root, signal, (event) => handleKey(event, { go, toggle, model, steps }));
  const events = { "change:step": update, "change:speed": update, "change:playing": playing };
  for (const [name, call] of Object.entries(events)) model.on(name, call);
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    for (const [name, call] of Object.entries(events)) model.off(name, call);
  });
  playing();
  return { element, update, go };
}

/** Handle the player's keys anywhere in the widget, except in controls that use them for themselves. */
function handleKey(event, { go, toggle, model, steps }) {
  const target = event.target;
  if (event.defaultPrevented || target.matches("select, input[type=text], input[type=number]")) return false;
  const moves = { ",": -1, ".": 1, PageUp: -10, PageDown: 10 };
  if (event.key === " " && !target.matches("button")) toggle();
  else if (event.key in moves) go(model.get("step") + moves[event.key]);
  else if (event.key === "Home" && !target.matches("input")) go(0);
  else if (event.key === "End" && !target.matches("input")) go(steps());
  else if (event.key === "ArrowLeft" && !target.matches("input")) go(model.get("step") - 1);
  else if (event.key === "ArrowRight" && !target.matches("input")) go(model.get("step") + 1);
  else return false;
  return true;
}

function icon(name) {
  return s("svg", { width: 16, height: 16, viewBox: "0 0 16 16", "aria-hidden": "true" }, s("path", { fill: "currentColor", d: ICONS[name] }));
}
