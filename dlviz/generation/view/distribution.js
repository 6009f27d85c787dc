// The distribution of one token: every stage of the most probable tokens, what is cut, and what is left.

import { closest, fillIn, h } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";

const COLUMNS = ["token", "logit", "scaled", "softmax", "running", "kept", "prob"];

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
  let focused = 0;

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
    const hasFocus = body.contains(document.activeElement);
    const largest = Math.max(...rows.flatMap((row) => [row.softmax, row.probs]), scene.number("others_prob", step), scene.number("others_softmax", step));
    const nodes = rows.map((row, k) => rowNode(row, k));
    if (scene.vocabulary > rows.length) nodes.push(othersNode());
    body.replaceChildren(...nodes);
    if (hasFocus) /** @type {HTMLElement | undefined} */ (body.querySelector('[tabindex="0"]'))?.focus();

    function rowNode(row, k) {
      const cut = row.cut === 1 && greedy ? messages.cut_greedy : messages[`cut_${row.cut}`] ?? "";
      const values = { token: scene.name(row.id), logit: format(row.logits, 4), softmax: format(row.softmax, 3), prob: format(row.probs, 3), cut: cut ? fillIn(messages.bar_cut, { cut }) : "" };
      return h("button", {
        type: "button", class: "gen-row", "data-id": row.id, "data-cut": cut ? "true" : null, "data-taken": row.id === scene.one.tokens[step] ? "true" : null,
        tabindex: k === focused ? "0" : "-1", "aria-disabled": live ? null : "true", "aria-label": fillIn(messages.bar, values),
      }, ...cells([scene.name(row.id), values.logit, format(row.scaled, 4), null, row.cut === 1 ? "" : format(row.running, 3), cut, null], row.softmax, row.probs));
    }
    function othersNode() {
      const name = fillIn(messages.others, { count: (scene.vocabulary - rows.length).toLocaleString("en") });
      return h("div", { class: "gen-row gen-others" }, ...cells([name, "", "", null, "", "", null], scene.number("others_softmax", step), scene.number("others_prob", step)));
    }
    function cells(texts, softmax, prob) {
      return COLUMNS.map((name, k) => {
        if (texts[k] !== null) return h("span", { class: `gen-col-${name}` }, texts[k]);
        const value = name === "softmax" ? softmax : prob;
        return h("span", { class: `gen-col-${name}` }, h("i", { style: `--share: ${value / largest}` }), value ? format(value, 3) : "0");
      });
    }
  }
  function settingsText([temperature, topK, topP, greedy]) {
    const values = { temperature, top_k: topK, top_p: topP < 1 && topP, greedy };
    return Object.entries(values).filter(([, value]) => value).map(([name, value]) => fillIn(messages[`setting_${name}`], { value: typeof value === "number" ? format(value, 3) : "" })).join(", ");
  }
  return { element, showStep };
}
