// The distribution of one token: every stage of the most probable tokens, what is cut, and what is left.

import { closest, fillIn, h } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";

const BARS = ["softmax", "prob"];
const COLUMNS = ["token", "logit", "scaled", "softmax", "running", "kept", "prob"];

/** A row of the table, filled again for every step: a text in each column, and in two of them a bar and its number. @param {"button" | "div"} tag */
function line(tag) {
  const cells = COLUMNS.map((name) => {
    const bar = BARS.includes(name) ? h("i") : null;
    const text = h("span");
    return { bar, text, node: h("span", { class: `gen-col-${name}` }, bar, text) };
  });
  const node = h(tag, { type: tag === "button" ? "button" : null, class: "gen-row" }, ...cells.map((cell) => cell.node));
  return {
    node,
    fill(values, largest, attributes) {
      cells.forEach(({ bar, text }, k) => {
        bar?.style.setProperty("--share", String(values[k] / largest));
        bar?.toggleAttribute("hidden", !values[k]);
        text.textContent = bar ? (values[k] ? format(values[k], 3) : "0") : values[k];
      });
      for (const [name, value] of Object.entries(attributes)) {
        if (value === null) node.removeAttribute(name);
        else node.setAttribute(name, String(value));
      }
    },
  };
}

/** @param {{messages: Record<string, string>, signal: AbortSignal, choose: (id: number) => void, reset: () => void}} options */
export function distribution({ messages, signal, choose, reset }) {
  const kept = h("span", { class: "dlviz-soft" });
  const other = h("span", { class: "gen-other" });
  const heads = COLUMNS.map((name) => h("span", { class: `gen-col-${name}` }));
  const body = h("div", { class: "gen-rows", role: "group", "aria-label": messages.distribution });
  const none = h("p", { class: "gen-none", hidden: "" }, messages.no_distribution);
  const table = h("div", { class: "gen-table" }, h("div", { class: "gen-row gen-heads", "aria-hidden": "true" }, ...heads), body);
  const again = h("button", { type: "button", class: "dlviz-outlined small" }, messages["control.reset"]);
  const element = h("div", {}, h("div", { class: "dlviz-panel-title gen-title" }, h("b", {}, messages.distribution), kept, other, again), none, table);
  const lines = [];
  const others = line("div");
  let focused = 0;
  let shownKey = "";

  again.addEventListener("click", reset, { signal });

  body.addEventListener("click", (event) => {
    const row = closest(event, "[data-id]");
    if (row && row.getAttribute("aria-disabled") !== "true") choose(Number(row.dataset.id));
  }, { signal });
  body.addEventListener("keydown", (event) => {
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const rows = /** @type {HTMLElement[]} */ ([...body.querySelectorAll("[data-id]")]);
    if (!move || !rows.length || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    rows[focused]?.setAttribute("tabindex", "-1");
    focused = Math.max(0, Math.min(rows.length - 1, focused + move));
    rows[focused].setAttribute("tabindex", "0");
    rows[focused].focus();
  }, { signal });

  /** Show a step. @param {any} scene @param {number} step @param {boolean} live @param {any[]} sliders the settings of what comes next */
  function showStep(scene, step, live, sliders) {
    const [temperature, topK, topP, greedy] = scene.settingsOf(step);
    const rows = scene.rows(step);
    const hasNone = scene.one.tokens[step] < 0;
    none.hidden = !hasNone;
    table.hidden = hasNone;
    kept.textContent = hasNone ? "" : fillIn(messages.kept, { kept: scene.number("kept_p", step).toLocaleString("en"), count: scene.vocabulary.toLocaleString("en") });
    again.hidden = !(live && scene.continuations.some((one) => one.chosen.some(Boolean)));
    const differs = [temperature, topK, topP, greedy].some((value, k) => value !== sliders[k]);
    other.textContent = differs ? fillIn(messages.other_settings, { settings: settingsText([temperature, topK, topP, greedy]) }) : "";
    if (hasNone) return;
    COLUMNS.forEach((name, k) => {
      heads[k].textContent = fillIn(messages[`stage_${name}`], { temperature: format(temperature, 3) });
    });
    const largest = Math.max(...rows.flatMap((row) => [row.softmax, row.probs]), scene.number("others_prob", step), scene.number("others_softmax", step));
    // The same tokens with other probabilities: their bars move there.
    const key = `${step} ${rows.map((row) => row.id)}`;
    body.toggleAttribute("data-moves", key === shownKey);
    shownKey = key;
    while (lines.length < rows.length) lines.push(line("button"));
    focused = Math.min(focused, rows.length - 1);
    rows.forEach((row, k) => {
      const cut = row.cut === 1 && greedy ? messages.cut_greedy : messages[`cut_${row.cut}`] ?? "";
      const values = { token: scene.name(row.id), logit: format(row.logits, 3), softmax: format(row.softmax, 3), prob: format(row.probs, 3), cut: cut ? fillIn(messages.bar_cut, { cut }) : "" };
      const attributes = { "data-id": row.id, "data-cut": cut ? "true" : null, "data-taken": row.id === scene.one.tokens[step] ? "true" : null, tabindex: k === focused ? "0" : "-1", "aria-disabled": live ? null : "true", "aria-label": [fillIn(messages.bar, values), ...(live ? [messages.bar_takes] : [])].join(" ") };
      lines[k].fill([values.token, values.logit, format(row.scaled, 3), row.softmax, row.cut === 1 ? "" : format(row.running, 3), cut, row.probs], largest, attributes);
    });
    const name = fillIn(messages.others, { count: (scene.vocabulary - rows.length).toLocaleString("en") });
    others.fill([name, "", "", scene.number("others_softmax", step), "", "", scene.number("others_prob", step)], largest, { class: "gen-row gen-others" });
    const nodes = [...lines.slice(0, rows.length), ...(scene.vocabulary > rows.length ? [others] : [])].map(({ node }) => node);
    if (nodes.length !== body.children.length || body.lastElementChild !== nodes[nodes.length - 1]) body.replaceChildren(...nodes);
  }
  function settingsText([temperature, topK, topP, greedy]) {
    const values = { temperature, top_k: topK, top_p: topP < 1 && topP, greedy };
    return Object.entries(values).filter(([, value]) => value).map(([name, value]) => fillIn(messages[`setting_${name}`], { value: typeof value === "number" ? format(value, 3) : "" })).join(", ");
  }
  return { element, showStep };
}
