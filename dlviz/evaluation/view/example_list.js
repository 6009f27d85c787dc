// The worst mistakes, or the examples of a cell, as cards; a page of twelve at a time.

import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";

/** Cards on a page, as dlviz.evaluation.widget counts them. */
export const PAGE = 12;
const SIDE = 56;

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, album: any, pick: (number: number) => void, turn: (page: number) => void, back: () => void}} options
 */
export function listing({ messages, signal, album, pick, turn, back }) {
  const title = h("b");
  const order = h("span", { class: "conf-muted" });
  const away = h("button", { type: "button", class: "conf-button" }, messages["confusion.back"]);
  const cards = h("div", { class: "conf-cards" });
  const note = h("p", { class: "conf-note" });
  const [earlier, later] = ["earlier", "later"].map((one) => h("button", { type: "button", class: "conf-button", "aria-label": messages[`confusion.${one}`], title: messages[`confusion.${one}`] }, one === "earlier" ? "‹" : "›"));
  const told = h("span", { class: "conf-caption" });
  const pager = h("div", { class: "conf-pager" }, earlier, told, later);
  const element = h("div", {}, h("div", { class: "conf-title" }, title, order, away), cards, note, pager);
  let nodes = [];
  let shown = null;
  let first = 0;
  let held = 0;

  away.addEventListener("click", back, { signal });
  earlier.addEventListener("click", () => shown && turn(Math.max(0, first - 1)), { signal });
  later.addEventListener("click", () => shown && (first + 1) * PAGE < held && turn(first + 1), { signal });

  /** @param {any} next what is in sight: the scene, the opened cell, its part of the list, the page, and the picked example */
  function show(next) {
    const { scene, opened, part, live, picked } = next;
    const [true_, pred] = opened;
    shown = part ? next : null;
    title.textContent = opened.length ? fillIn(messages["confusion.list_cell"], { true: scene.names[true_], pred: called(scene, pred) }) : messages[scene.kind === "labels" ? "confusion.mistakes" : "confusion.worst"];
    order.textContent = messages[`confusion.ordered_${scene.kind === "labels" ? "index" : opened.length ? "confidence" : "loss"}`];
    away.toggleAttribute("hidden", !opened.length);
    // With a kernel every page can be had, in a page of a file only what it holds.
    const end = part ? part.start + part.items.length : 0;
    held = part ? (live ? part.total : end) : 0;
    first = part ? Math.max(0, Math.min(next.page, Math.ceil(held / PAGE) - 1)) : 0;
    const from = first * PAGE;
    const here = part && from >= part.start && from < end;
    const items = here ? Array.from(part.items.slice(from - part.start, from - part.start + PAGE)) : [];
    const around = nodes.findIndex((node) => node === document.activeElement);
    nodes = items.map((at) => card(scene, at, picked));
    cards.replaceChildren(...nodes);
    if (nodes.length) nodes[Math.max(0, Math.min(around, nodes.length - 1))].tabIndex = 0;
    if (around >= 0 && nodes.length) nodes[Math.min(around, nodes.length - 1)].focus();
    note.textContent = items.length ? "" : reason(next);
    note.toggleAttribute("hidden", items.length > 0);
    pager.toggleAttribute("hidden", !part || held <= PAGE && part.total === held);
    const range = { first: (from + 1).toLocaleString("en"), last: Math.min(from + PAGE, held).toLocaleString("en"), total: part?.total.toLocaleString("en"), held };
    told.textContent = held ? fillIn(messages[held < part.total ? "confusion.page_of" : "confusion.page"], range) : "";
    earlier.setAttribute("aria-disabled", String(first === 0));
    later.setAttribute("aria-disabled", String((first + 1) * PAGE >= held));
  }
  function reason({ part, opened, live, scene }) {
    if (part && !part.total) return messages[opened.length ? "confusion.empty" : "confusion.none"];
    if (!part && empty(scene, opened)) return messages["confusion.empty"];
    return messages[live ? "confusion.waiting" : "confusion.not_loaded"];
  }
  /** A page holds no list for a cell without examples. */
  function empty(scene, [true_, pred]) {
    const [r, c] = [scene.classes.indexOf(true_), scene.classes.indexOf(pred)];
    return r >= 0 && (c >= 0 ? scene.counts[r * scene.classes.length + c] : scene.unclassified[r]) === 0;
  }

  function card(scene, at, picked) {
    const { pool } = scene;
    const [number, wrong] = [pool.number[at], pool.true[at] !== pool.predicted[at]];
    const [right, pred] = [scene.names[pool.true[at]], called(scene, pool.predicted[at])];
    const label = fillIn(messages[pool.confidence ? "confusion.card_confidence" : "confusion.card"], { number, true: right, predicted: pred, confidence: pool.confidence ? percent(pool.confidence[at]) : "", loss: pool.loss ? format(pool.loss[at], 3) : "" });
    const picture = album.draw(number, SIDE) ?? h("span", { class: "conf-text" }, pool.texts ? pool.texts[at] : `[${number}]`);
    const lines = [h("span", { class: "conf-pred", title: label }, wrong ? `${right} → ${pool.predicted[at] < 0 ? messages["confusion.unclassified"] : pred}` : right)];
    if (pool.confidence) lines.push(h("span", { class: "conf-p" }, wrong ? `${percent(pool.p[at], 2)} → ${percent(pool.confidence[at], 2)}` : percent(pool.confidence[at], 2)));
    const node = h("button", { type: "button", class: "conf-card", "aria-label": label, "aria-pressed": String(number === picked), tabindex: -1, "data-wide": pool.texts ? "" : null }, picture, ...lines);
    node.addEventListener("click", () => pick(number === picked ? -1 : number), { signal });
    return node;
  }
  cards.addEventListener("keydown", (event) => {
    const now = nodes.indexOf(document.activeElement);
    const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -abreast(), ArrowDown: abreast() };
    if (now < 0 || !(event.key in moves)) return;
    event.preventDefault();
    event.stopPropagation();
    const to = nodes[now + moves[event.key]];
    if (!to) return;
    nodes[now].tabIndex = -1;
    to.tabIndex = 0;
    to.focus();
  }, { signal });
  function abreast() {
    return Math.max(1, nodes.filter((node) => node.offsetTop === nodes[0].offsetTop).length);
  }
  function called(scene, pred) {
    return pred < 0 ? messages["confusion.unclassified_long"] : scene.names[pred];
  }
  return { element, show };
}

/** A probability in percent; what is neither nothing nor all is never rounded to it. @param {number} p @param {number} [digits] figures of a large one */
export function percent(p, digits = 3) {
  if (Number.isNaN(p)) return "NaN";
  if (p === 0 || p === 1) return `${100 * p}%`;
  if (p < 0.001) return "<0.1%";
  const most = digits > 2 ? 0.999 : 0.99;
  if (p > most) return `>${100 * most}%`;
  return `${(100 * p).toPrecision(p < 0.1 ? 2 : digits).replace(/\.0$/, "")}%`;
}
