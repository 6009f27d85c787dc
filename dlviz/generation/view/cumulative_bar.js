// The probabilities in one row from 0 to 1, and where the uniform number fell that draws the token.

import { fillIn, fillInApart, h } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";

/** Share of the row from which a part has room for its token. */
const LABELED = 0.035;

/** @param {{messages: Record<string, string>}} options */
export function cumulativeBar({ messages }) {
  const parts = h("div", { class: "gen-parts" });
  const drawn = h("div", { class: "gen-drawn" });
  const mark = h("div", { class: "gen-mark" });
  const row = h("div", { class: "gen-cumulative", role: "img" }, parts, drawn, mark);
  const caption = h("span", { class: "gen-caption" });
  const element = h("div", { class: "gen-row-panel" }, h("div", { class: "dlviz-panel-title" }, h("b", {}, messages.cumulative), caption), row);

  function showStep(scene, step) {
    element.hidden = scene.one.tokens[step] < 0;
    if (element.hidden) return;
    const [u, low, high, id] = ["u", "low", "high", "drawn"].map((name) => scene.number(name, step));
    const taken = scene.one.tokens[step];
    const others = scene.vocabulary - scene.one.rows;
    const items = scene.rows(step).map(({ id: one, probs }) => [scene.name(one), probs]);
    if (others > 0) items.push([fillIn(messages.others, { count: others.toLocaleString("en") }), scene.number("others_prob", step)]);
    while (parts.children.length < items.length) parts.append(h("span"));
    [...parts.children].forEach((part, k) => {
      const [name, prob] = items[k] ?? ["", 0];
      part.setAttribute("style", `flex-grow: ${prob}`);
      part.setAttribute("title", `${name} ${format(prob, 3)}`);
      part.textContent = prob > LABELED * (1 + 0.25 * name.length) ? name : "";
    });
    drawn.style.left = `${100 * low}%`;
    drawn.style.width = `${100 * (high - low)}%`;
    mark.style.left = `${100 * u}%`;
    const values = { u: u.toFixed(4), token: scene.name(id), low: low.toFixed(4), high: high.toFixed(4) };
    row.setAttribute("aria-label", fillIn(messages.cumulative_alt, values));
    const [, , , greedy] = scene.settingsOf(step);
    const text = taken !== id ? messages.chosen : greedy ? messages.greedy_drawn : messages.drawn;
    caption.replaceChildren(...fillInApart(text, { ...values, token: scene.name(taken), drawn: values.token }));
  }
  return { element, showStep };
}
