// The sentence with its window, and below it the pair of this step; words are marked with their roles, as in the matrices and on the map.

import { h, fillIn } from "../../../kit/js/dom.js";

/** @param {{messages: Record<string, string>}} options */
export function windowStrip({ messages }) {
  const raw = h("p", { class: "word2vec-raw" });
  const chips = h("p", { class: "word2vec-chips" });
  const pair = h("p", { class: "word2vec-pair" });
  const element = h("div", { class: "word2vec-strip" }, raw, chips, pair);

  function draw(scene, { sentence, table: example }) {
    const { index, count, line, words: tokens, roles, center, truncated } = sentence;
    raw.textContent = line;
    // A line that was cut into words at its spaces says the same once more.
    raw.hidden = !line || line === tokens.join(" ");
    chips.replaceChildren(
      h("span", { class: "word2vec-position" }, fillIn(messages.sentence, { index: index + 1, count: count.toLocaleString("en") })),
      ...(truncated[0] ? ["…"] : []),
      ...tokens.map((token, k) => h("span", { class: "word2vec-chip", "data-role": roles[k] || null, "data-center": k === center ? "" : null, title: roles[k] ? messages[`role.${roles[k]}`] : null }, roles[k] === "out" ? h("s", {}, token) : token)),
      ...(truncated[1] ? ["…"] : []));
    const [target, ...drawn] = example.words;
    pair.replaceChildren(
      ...filled(messages.pair, { known: role("known", example.known.join(", ")), target: role("target", target) }), " ",
      ...(scene.loss === "negative" ? filled(messages.drawn, { drawn: role("drawn", drawn.join(", ")) }) : filled(messages.others, {})), " ",
      ...(example.example_count > 1 ? [h("span", { class: "dlviz-soft" }, fillIn(messages.examples, { count: example.example_count }))] : []));
  }
  return { element, draw };
}

function role(name, text) {
  return h("b", { "data-role": name }, text);
}
/** Split a text at its placeholders, and replace these with nodes. */
function filled(text, nodes) {
  return text.split(/\{(\w+)\}/).map((part, k) => (k % 2 ? nodes[part] : part));
}
