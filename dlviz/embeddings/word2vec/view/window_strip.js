// The sentence as written and as words; the words of the window are marked with their roles in this step.

import { h, fillIn } from "../../../kit/js/dom.js";

/** @param {{messages: Record<string, string>}} options */
export function windowStrip({ messages }) {
  const raw = h("p", { class: "word2vec-raw" });
  const chips = h("p", { class: "word2vec-chips" });
  const legend = h("p", { class: "word2vec-legend" }, ...["known", "target", "drawn"].map((role) => h("span", { "data-role": role }, messages[`role.${role}`])));
  const drawn = legend.lastChild;
  const element = h("div", { class: "word2vec-strip" }, raw, chips, legend);

  function draw(scene, snapshot) {
    const { index, count, line, words: tokens, roles, center, truncated } = snapshot.sentence;
    const position = h("span", { class: "word2vec-position" }, fillIn(messages.sentence, { index: index + 1, count: count.toLocaleString("en") }));
    raw.hidden = !line;
    raw.textContent = line;
    chips.replaceChildren(
      position,
      ...(truncated[0] ? ["…"] : []),
      ...tokens.map((token, k) => h("span", { class: "word2vec-chip", "data-role": roles[k] || null, "data-center": k === center ? "" : null, title: roles[k] ? messages[`role.${roles[k]}`] : null }, roles[k] === "out" ? h("s", {}, token) : token)),
      ...(truncated[1] ? ["…"] : []));
    drawn.textContent = messages[scene.loss === "negative" ? "role.drawn" : "role.others"];
  }
  return { element, draw };
}
