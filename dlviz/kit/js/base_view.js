// What the pictures of this room have in common: frame, arithmetic, player and knobs, redrawn when a trait changes.

import { card } from "./card.js";
import { player } from "./player.js";
import { controlBar } from "./controls.js";
import { formula } from "./formula.js";

/**
 * @param {{model: any, el: HTMLElement, signal: AbortSignal, name: string, steps: () => number, label: (step: number) => string,
 *   draw: () => void, stand: (step: number, fresh: boolean) => void, traits?: Record<string, () => void>, pace?: number}} options
 *   draw: the scene has changed; stand: the player has moved (fresh), or what it stands on; traits: what else to listen for
 */
export function baseView({ model, el, signal, name, steps, label, draw, stand, traits = {}, onEscape = () => false, pace }) {
  const messages = model.get("messages");
  const ui = card({ el, model, signal, name });
  const line = formula();
  const controls = controlBar({ signal });
  let bar = null;
  let stood = -1;

  function save(trait, value) {
    model.set(trait, value);
    model.save_changes();
  }
  function receive() {
    const scene = model.get("scene");
    ui.setSignature(scene.signature);
    ui.setBadge(scene.badge);
    ui.setNotes(scene.notes);
    ui.setSummary(scene.summary);
    controls.clear();
    stood = -1;
    draw();
    moved();
  }
  function moved() {
    bar?.update();
    controls.update();
    const step = Math.min(model.get("step"), steps());
    ui.announce(model.get("playing") ? "" : label(step));
    const fresh = step !== stood;
    stood = step;
    stand(step, fresh);
  }
  function start() {
    bar = player({ model, messages, signal, root: ui.root, steps, label, pace });
    ui.root.append(line.element, bar.element, controls.element);
    ui.root.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !onEscape()) bar.go(0);
    }, { signal });
    const events = { "change:scene": receive, "change:step": moved, "change:playing": moved };
    for (const [trait, call] of Object.entries(traits)) {
      events[`change:${trait}`] = () => {
        call();
        moved();
      };
    }
    for (const [event, call] of Object.entries(events)) model.on(event, call);
    signal.addEventListener("abort", () => {
      for (const [event, call] of Object.entries(events)) model.off(event, call);
    });
    receive();
  }
  /** Stop playing and stand at a step. */
  function go(step) {
    model.set("playing", false);
    save("step", step);
  }
  return { ui, messages, line, controls, save, go, start, moved };
}
