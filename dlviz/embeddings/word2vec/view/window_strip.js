// The sentence in hand, as written and as words; those of the window carry what they are in this step.

import { h, fillIn } from "../../../kit/js/dom.js";

/** @param {{messages: Record<string, string>}} options */
export function strip({ messages }) {
  const raw = h("p", { class: "w2v-raw" });
  const chips = h("p", { class: "w2v-chips" });
  const legend = h("p", { class: "w2v-legend" }, ...["known", "target", "drawn"].map((role) => h("span", { "data-role": role }, messages[`role.${role}`])));
  const drawn = legend.lastChild;
  const element = h("div", { class: "w2v-strip" }, raw, chips, legend);

  function draw(scene, frame) {
    const { number, count, raw: line, words: tokens, roles, middle, cut } = frame.sentence;
    const where = h("span", { class: "w2v-where" }, fillIn(messages.sentence, { number: number + 1, count: count.toLocaleString("en") }));
    raw.hidden = !line;
    raw.textContent = line;
    chips.replaceChildren(
      where,
      ...(cut[0] ? ["…"] : []),
      ...tokens.map((token, k) => h("span", { class: "w2v-chip", "data-role": roles[k] || null, "data-middle": k === middle ? "" : null, title: roles[k] ? messages[`role.${roles[k]}`] : null }, roles[k] === "out" ? h("s", {}, token) : token)),
      ...(cut[1] ? ["…"] : []));
    drawn.textContent = messages[scene.loss === "negative" ? "role.drawn" : "role.others"];
  }
  return { element, draw };
}
