// View that most widgets share: card, formula line, player and controls, redrawn when a trait changes.

import { answerDrawn } from "./answer_drawn.js";
import { card } from "./card.js";
import { player } from "./player.js";
import { controlBar } from "./controls.js";
import { formula } from "./formula.js";

/**
 * @param {{model: any, el: HTMLElement, signal: AbortSignal, name: string, steps: () => number, label: (step: number) => string,
 *   draw: () => void, showStep: (step: number, isNew: boolean) => void, unit?: string | {toString: () => string}, counted?: (step: number) => [number, number], traits?: Record<string, () => void>, captions?: string, onEscape?: () => boolean, pace?: number | {valueOf: () => number}, playerAfter?: HTMLElement}} options
 *   unit: what the player counts, a word of the room's messages such as "cell"; counted: as for the player; draw: called when the scene changes, with an empty row of controls; showStep: called when the step changes (isNew) or a trait it depends on;
 *   traits: other traits to listen to, with `draw` for those that change the whole picture; captions: the trait that holds signature, badge, notes and summary; onEscape: called for Escape, returns whether it had something to close; playerAfter: what the player stands below, the head by default
 */
export function baseView({ model, el, signal, name, steps, label, draw, showStep, unit, counted, traits = {}, captions = "scene", onEscape = () => false, pace, playerAfter }) {
  const messages = model.get("messages");
  const ui = card({ el, model, signal, name });
  const line = formula();
  const controls = controlBar({ signal });
  let bar = null;
  let shownStep = -1;

  function save(trait, value) {
    model.set(trait, value);
    model.save_changes();
  }
  function showCaptions() {
    const { signature, badge, notes, summary } = model.get(captions);
    ui.setSignature(signature);
    ui.setBadge(badge);
    ui.setNotes(notes);
    ui.setSummary(summary);
  }
  function redraw() {
    showCaptions();
    controls.clear();
    shownStep = -1;
    draw();
    update();
  }
  function update() {
    bar?.update();
    controls.update();
    const step = Math.min(model.get("step"), steps());
    ui.announce(model.get("playing") ? "" : label(step));
    const isNew = step !== shownStep;
    shownStep = step;
    showStep(step, isNew);
  }
  function start() {
    bar = player({ model, messages, signal, root: ui.root, steps, label, unit, counted, pace });
    // Directly below the head: what opens or grows below never moves the button that is being pressed.
    (playerAfter ?? ui.head).after(bar.element);
    ui.root.append(line.element, controls.element);
    ui.root.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !onEscape()) bar.go(0);
    }, { signal });
    const answer = answerDrawn({ model, view: Math.random().toString(36).slice(2), signal });
    const events = { "change:_update_number": () => answer(model.get("_update_number")), "change:scene": redraw, "change:step": update, "change:playing": update };
    for (const [trait, call] of Object.entries(traits)) {
      events[`change:${trait}`] = call === draw ? redraw : () => {
        if (trait === captions) showCaptions();
        call();
        update();
      };
    }
    for (const [event, call] of Object.entries(events)) model.on(event, call);
    signal.addEventListener("abort", () => {
      for (const [event, call] of Object.entries(events)) model.off(event, call);
    });
    redraw();
  }
  /** Stop playing and go to a step. */
  function go(step) {
    model.set("playing", false);
    save("step", step);
  }
  return { ui, messages, line, controls, save, go, start, update };
}
