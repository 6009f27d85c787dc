// The worst mistakes, or the examples of a cell, as cards, twelve on a page.

import { arrowDirection, h, fillIn, onKeys } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";

/** Cards on a page, as in dlviz.evaluation.widget. */
const PAGE = 12;
const SIDE = 56;

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, album: any, select: (number: number) => void, turn: (page: number) => void, back: () => void}} options
 */
export function exampleList({ messages, signal, album, select, turn, back }) {
  const button = (name, text) => h("button", { type: "button", class: "evaluation-button", "aria-label": messages[`confusion.${name}`], title: messages[`confusion.${name}`] }, text);
  const title = h("b");
  const order = h("span", { class: "dlviz-soft" });
  const backButton = h("button", { type: "button", class: "evaluation-button" }, messages["confusion.back"]);
  const cards = h("div", { class: "confusion-cards" });
  const note = h("p", { class: "evaluation-note" });
  const [earlier, later] = [button("earlier", "‹"), button("later", "›")];
  const range = h("span", { class: "evaluation-caption" });
  const pager = h("div", { class: "confusion-pager" }, earlier, range, later);
  const element = h("div", {}, h("div", { class: "evaluation-title" }, title, order, backButton), cards, note, pager);
  let nodes = [];
  let page = 0;
  /** Number of examples that can be reached: with a kernel all, in an exported page those that it holds. */
  let reachable = 0;

  backButton.addEventListener("click", back, { signal });
  earlier.addEventListener("click", () => reachable && turn(Math.max(0, page - 1)), { signal });
  later.addEventListener("click", () => (page + 1) * PAGE < reachable && turn(page + 1), { signal });

  /** @param {any} state the scene, the opened cell, the part of its list that the scene holds, the page, the selected example, and whether a kernel answers */
  function show(state) {
    const { scene, opened, part, live, selected } = state;
    const [label, predicted] = opened;
    const hasScores = scene.kind !== "labels";
    title.textContent = opened.length ? fillIn(messages["confusion.list_cell"], { true: scene.names[label], pred: className(scene, predicted) }) : messages[hasScores ? "confusion.worst" : "confusion.mistakes"];
    order.textContent = messages[`confusion.ordered_${!hasScores ? "index" : opened.length ? "confidence" : "loss"}`];
    backButton.toggleAttribute("hidden", !opened.length);
    const end = part ? part.start + part.items.length : 0;
    reachable = live && part ? part.total : end;
    page = Math.max(0, Math.min(state.page, Math.ceil(reachable / PAGE) - 1));
    const first = page * PAGE;
    const isHeld = part && first >= part.start && first < end;
    const items = isHeld ? Array.from(part.items.slice(first - part.start, first - part.start + PAGE)) : [];
    const focused = nodes.indexOf(document.activeElement);
    nodes = items.map((at) => card(scene, at, selected));
    cards.replaceChildren(...nodes);
    const stop = nodes[Math.max(0, Math.min(focused, nodes.length - 1))];
    if (stop) stop.tabIndex = 0;
    if (focused >= 0) stop?.focus();
    note.textContent = items.length ? "" : reason(state);
    note.toggleAttribute("hidden", items.length > 0);
    pager.toggleAttribute("hidden", !part || (reachable <= PAGE && part.total === reachable));
    const numbers = { first: (first + 1).toLocaleString("en"), last: Math.min(first + PAGE, reachable).toLocaleString("en"), total: part?.total.toLocaleString("en"), held: reachable };
    range.textContent = reachable ? fillIn(messages[reachable < part.total ? "confusion.page_of" : "confusion.page"], numbers) : "";
    earlier.setAttribute("aria-disabled", String(page === 0));
    later.setAttribute("aria-disabled", String((page + 1) * PAGE >= reachable));
  }
  /** Why there are no cards. */
  function reason({ part, opened, live, scene }) {
    if (part && !part.total) return messages[opened.length ? "confusion.empty" : "confusion.none"];
    if (!part && isEmpty(scene, opened)) return messages["confusion.empty"];
    return messages[live ? "confusion.waiting" : "confusion.not_loaded"];
  }
  /** Whether a cell holds no examples; an exported page has no list for it. */
  function isEmpty(scene, [label, predicted]) {
    const [r, c] = [scene.classes.indexOf(label), scene.classes.indexOf(predicted)];
    return r >= 0 && (c >= 0 ? scene.counts[r * scene.classes.length + c] : scene.unclassified[r]) === 0;
  }

  function card(scene, at, selected) {
    const { pool } = scene;
    const [number, wrong] = [pool.number[at], pool.true[at] !== pool.predicted[at]];
    const [label, predicted] = [scene.names[pool.true[at]], className(scene, pool.predicted[at])];
    const description = fillIn(messages[pool.confidence ? "confusion.card_confidence" : "confusion.card"], { number, true: label, predicted, confidence: pool.confidence ? percent(pool.confidence[at]) : "", loss: pool.loss ? format(pool.loss[at], 3) : "" });
    const picture = album.draw(number, SIDE) ?? h("span", { class: "confusion-text" }, pool.texts ? pool.texts[at] : `[${number}]`);
    const prediction = wrong ? `${label} → ${pool.predicted[at] < 0 ? messages["confusion.unclassified"] : predicted}` : label;
    const confidence = pool.confidence ? percent(pool.confidence[at], 2) : "";
    const node = h("button", { type: "button", class: "confusion-card", "aria-label": description, "aria-pressed": String(number === selected), tabindex: -1, "data-wide": pool.texts ? "" : null },
      picture, h("span", { class: "confusion-pred", title: description }, prediction),
      pool.confidence ? h("span", { class: "confusion-p" }, wrong ? `${percent(pool.p[at], 2)} → ${confidence}` : confidence) : null);
    node.addEventListener("click", () => select(number === selected ? -1 : number), { signal });
    return node;
  }
  onKeys(cards, signal, (event) => {
    const focused = nodes.indexOf(document.activeElement);
    const direction = arrowDirection(event);
    if (focused < 0 || !direction) return false;
    const target = nodes[focused + direction[0] + direction[1] * cardsPerRow()];
    if (target) {
      nodes[focused].tabIndex = -1;
      target.tabIndex = 0;
      target.focus();
    }
    return true;
  });
  function cardsPerRow() {
    return Math.max(1, nodes.filter((node) => node.offsetTop === nodes[0].offsetTop).length);
  }
  function className(scene, predicted) {
    return predicted < 0 ? messages["confusion.unclassified_long"] : scene.names[predicted];
  }
  return { element, show };
}

/** A probability in percent; only 0 and 1 themselves are rounded to them. @param {number} p @param {number} [digits] digits of a large one */
export function percent(p, digits = 3) {
  if (Number.isNaN(p)) return "NaN";
  if (p === 0 || p === 1) return `${100 * p}%`;
  if (p < 0.001) return "<0.1%";
  const most = digits > 2 ? 0.999 : 0.99;
  if (p > most) return `>${100 * most}%`;
  return `${(100 * p).toPrecision(p < 0.1 ? 2 : digits).replace(/\.0$/, "")}%`;
}
