// Tokens as boxes in a text. Those that a step leaves as they are keep their elements, so that a long text steps quickly.

import { h } from "../../kit/js/dom.js";

/** @returns {{element: HTMLElement, show: (tokens: {start: number, id: number, isNew: boolean, isNext: boolean}[], names: string[]) => void}} show: draws tokens as encoding.js returns them */
export function tokenRow() {
  const element = h("div", { class: "tok-text", tabindex: "0", role: "img" });
  /** @type {{start: number, id: number, nodes: HTMLElement[]}[]} */
  let drawn = [];
  let drawnNames = null;

  function show(tokens, names) {
    const before = names === drawnNames ? drawn : [];
    if (!before.length) element.replaceChildren();
    let k = 0;
    const removeUntil = (start) => {
      for (; k < before.length && before[k].start < start; k += 1) for (const node of before[k].nodes) node.remove();
    };
    drawn = tokens.map((token) => {
      removeUntil(token.start);
      const same = before[k]?.start === token.start && before[k].id === token.id ? before[k] : null;
      const entry = same ?? { start: token.start, id: token.id, nodes: makeNodes(names[token.id]) };
      if (same) k += 1;
      else for (const node of entry.nodes) element.insertBefore(node, before[k]?.nodes[0] ?? null);
      entry.nodes[0].toggleAttribute("data-new", token.isNew);
      entry.nodes[0].toggleAttribute("data-next", token.isNext);
      return entry;
    });
    removeUntil(Infinity);
    drawnNames = names;
  }
  return { element, show };
}

function makeNodes(name) {
  const node = h("span", { class: "tok-token" }, name);
  return name.includes("⏎") ? [node, h("br")] : [node];
}
