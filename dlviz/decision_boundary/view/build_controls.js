// Arguments of the learner's function that builds the network, as controls, and buttons that train what it built.

import { h, fillIn } from "../../kit/js/dom.js";
import { argmin, format } from "../../kit/js/numbers.js";
import { controlBar } from "../../kit/js/controls.js";
import { trainingButtons } from "../../kit/js/training_buttons.js";

const COUNTS = [1, 10, 100, 1000];

/** @param {{messages: Record<string, string>, signal: AbortSignal, request: (key: string, message: any) => void, send: (message: any) => void}} options */
export function buildControls({ messages, signal, request, send }) {
  const bar = controlBar({ signal });
  const buttons = trainingButtons({
    messages, signal, send,
    buttons: [
      ...COUNTS.map((count) => ({ text: count === 1 ? messages.train_one : fillIn(messages.train_many, { count }), label: fillIn(messages[count === 1 ? "train_one_label" : "train_label"], { count }), message: { kind: "train", count } })),
      { text: messages.restart, label: messages.restart_label, message: { kind: "restart" }, whileTraining: true },
    ],
  });
  const element = h("div", { class: "boundary-build", hidden: "" }, bar.element, buttons.element);
  /** Values that were chosen here and that the kernel has not set yet. */
  const pending = {};
  let settings = {};

  const current = (name) => pending[name] ?? settings[name];
  function choose(name, value) {
    pending[name] = value;
    request(`choose ${name}`, { kind: "choose", name, value });
    bar.update();
  }
  function addControl({ name, choices }) {
    const text = (value) => (typeof value === "number" ? format(value, 4) : String(value));
    if (choices.every((value) => typeof value === "boolean")) {
      bar.toggle({ label: name, get: () => current(name), set: (value) => choose(name, value) });
    } else if (choices.every((value) => typeof value === "number")) {
      const index = () => argmin(choices.length, (k) => Math.abs(choices[k] - current(name)));
      bar.range({ label: name, max: () => choices.length - 1, get: index, set: (k) => choose(name, choices[k]), text: (k) => text(k === index() ? current(name) : choices[k]) });
    } else {
      bar.choice({ label: name, options: choices.map((value, k) => [String(k), text(value)]), get: () => String(choices.indexOf(current(name))), set: (k) => choose(name, choices[Number(k)]) });
    }
  }
  return {
    element,
    /** @param {any} build the function's arguments, the steps that remain, and the last error @param {any} now values of the arguments @param {boolean} live */
    show(build, now, live) {
      settings = now;
      for (const name of Object.keys(pending)) if (build.error || settings[name] === pending[name]) delete pending[name];
      element.hidden = !live;
      bar.clear();
      for (const argument of build.arguments) if (argument.choices.length > 1) addControl(argument);
      bar.update();
      buttons.show(build.remaining, [...COUNTS, 1].map(() => live));
    },
  };
}
