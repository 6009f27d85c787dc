// A card in place of an output that waits for a prediction.

import { card } from "../../kit/js/card.js";
import { fillIn, h } from "../../kit/js/dom.js";
import { button, jumpTo } from "./text.js";

function render({ model, el, signal }) {
  const messages = model.get("messages");
  const { id } = model.get("scene");
  const ui = card({ el, model, signal, name: messages.gate });
  ui.root.classList.add("exercise-card", "exercise-gate");
  const link = button(id, signal, () => jumpTo(id, el), "exercise-link");
  const text = messages.gated.split("{id}");
  ui.setSummary(fillIn(messages.gated, { id }));
  ui.main.append(h("div", { class: "exercise-row" }, h("p", {}, text[0], link, text[1]), button(messages.show, signal, () => model.send({ kind: "show" }))));
}

export default { render };
