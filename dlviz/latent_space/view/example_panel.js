// To the right of the map: what the probe decodes to, the selected example with its reconstruction and error, and the strip of a path.

import { closest, fillIn, h } from "../../kit/js/dom.js";
import { diverging, format } from "../../kit/js/numbers.js";
import { exampleCanvas, formatNats } from "./draw_example.js";

const PROBE = 130;
const SMALL = 80;
/** Width of a series, as a multiple of its height. */
const WIDE = 1.2;
/** Width of a column of the table. */
const COLUMNS = { probe: 82, input: 62, compared: 62, output: 92, difference: 72 };
const STRIP = 32;
/** What is shown of an example; "compared" is the target of a denoiser. */
const PARTS = ["input", "compared", "output", "difference"];

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, goPath: (step: number) => void, togglePath: () => void}} options togglePath: opens a path, or closes it
 */
export function examplePanel({ messages, signal, goPath, togglePath }) {
  const title = h("b");
  const probe = exampleCanvas("lat-probe");
  const code = h("code", { class: "lat-code" });
  const note = h("p", { class: "dlviz-soft" });
  const hint = h("p", { class: "dlviz-soft" });
  const button = h("button", { type: "button", class: "dlviz-outlined small lat-path-button" });
  const name = h("b");
  const exampleCode = h("code", { class: "lat-code" });
  const parts = PARTS.map((part) => {
    const [canvas, caption] = [exampleCanvas(), h("figcaption")];
    return { part, canvas, caption, figure: h("figure", {}, canvas.element, caption) };
  });
  const figures = h("div", { class: "lat-figures" }, ...parts.map(({ figure }) => figure));
  const table = h("div", { class: "lat-table", role: "table", "aria-label": messages.table, tabindex: "0" });
  const error = h("p", { class: "lat-error" });
  const strip = h("div", { class: "lat-strip", role: "group", "aria-label": messages.strip });
  const selected = h("div", {}, h("div", { class: "dlviz-panel-title" }, name, exampleCode), figures, error);
  const element = h("div", { class: "lat-right" },
    h("div", { class: "lat-top" }, h("div", { class: "lat-decoded" }, h("div", { class: "dlviz-panel-title" }, title), probe.element), h("div", { class: "lat-words" }, code, note, hint, button)),
    selected, table, strip);
  const thumbnails = [];
  button.addEventListener("click", togglePath, { signal });
  strip.addEventListener("click", (event) => {
    const item = closest(event, "[data-step]");
    if (item) goPath(Number(item.dataset.step));
  }, { signal });

  /** @param {{scene: any, selection: any, details: any, pathStep: number, colors: Record<string, string>, picking: boolean, offersPath: boolean, live: boolean}} now */
  function draw(now) {
    const { scene, selection, details, colors } = now;
    const { picture } = scene;
    const { path } = selection;
    const isRow = picture.kind === "row";
    const isSeries = picture.kind === "series";
    const length = path ? path.values.length / (scene.steps + 1) : 0;
    const frames = path ? Array.from({ length: scene.steps + 1 }, (_, k) => path.values.subarray(k * length, (k + 1) * length)) : [];
    const shown = path ? frames[now.pathStep] : details.values;
    title.textContent = path ? fillIn(messages.on_path, { step: now.pathStep, last: scene.steps }) : messages.at_probe;
    code.textContent = path ? path.codes[now.pathStep] : details.code ?? "";
    note.textContent = path ? pathText(selection, now.pathStep, scene.steps) : !shown ? messages.no_grid : details.nearest ? messages.nearest : "";
    hint.hidden = Boolean(path);
    hint.textContent = isSeries && selection.input ? `${messages.hint} ${messages.dashed}` : messages.hint;
    probe.element.hidden = isRow;
    element.toggleAttribute("data-row", isRow);
    const size = [PROBE * (isSeries ? 1.5 : 1), PROBE];
    if (!isRow) probe.draw(shown ?? null, picture, colors, size, title.textContent, { small: !path && details.small, behind: isSeries && !path ? selection.input : null });
    button.hidden = selection.example < 0 || !now.offersPath;
    button.textContent = path ? messages.close_path : now.picking ? messages.pick : messages.open_path;
    button.setAttribute("aria-pressed", String(now.picking));
    selected.hidden = selection.example < 0;
    figures.hidden = isRow;
    table.hidden = !isRow;
    if (isRow) showTable(now, shown);
    if (selection.example >= 0) {
      const isAnomaly = selection.example >= scene.count;
      const values = { index: selection.example - (isAnomaly ? scene.count : 0), label: selection.label, error: format(selection.error, 4), kl: formatNats(selection.kl ?? 0) };
      name.textContent = fillIn(isAnomaly ? messages.anomaly : selection.label ? messages.example_of : messages.example, values);
      exampleCode.textContent = selection.code;
      const words = fillIn(selection.kl === null ? messages.error : messages.error_kl, { value: values.error, kl: values.kl });
      error.replaceChildren(words, h("span", { class: "dlviz-soft" }, ` · ${fillIn(messages.scale, { scale: format(picture.error_scale, 2) })}`));
      for (const { part, canvas, caption, figure } of isRow ? [] : parts) {
        figure.hidden = !selection[part];
        const behind = part === "output" && isSeries ? selection.compared ?? selection.input : null;
        const width = SMALL * (isSeries && !selection.compared ? WIDE : 1);
        caption.textContent = partName(part, selection) + (behind ? fillIn(messages.behind, { name: messages[selection.compared ? "compared" : "input"] }) : "");
        if (selection[part]) canvas.draw(selection[part], picture, colors, [width, SMALL], caption.textContent, { isError: part === "difference", behind });
      }
    }
    strip.hidden = !path;
    if (path) showStrip(frames, now);
  }
  function partName(part, selection) {
    return messages[part === "difference" && selection.compared ? "difference_compared" : part];
  }
  function pathText({ example, target, label, path }, step, last) {
    const name = (index, text) => (text ? fillIn(messages.named, { index, label: text }) : String(index));
    return fillIn(messages.path, { from: name(example, label), to: name(target, path.label), t: format(step / last, 2) });
  }
  function showStrip(frames, { scene, colors, pathStep }) {
    while (thumbnails.length < frames.length) {
      const canvas = exampleCanvas();
      const step = thumbnails.length;
      thumbnails.push({ canvas, node: h("button", { type: "button", class: "lat-frame-button", "data-step": step }, canvas.element) });
    }
    if (strip.children.length !== frames.length) strip.replaceChildren(...frames.map((_, k) => thumbnails[k].node));
    frames.forEach((values, k) => {
      const { canvas, node } = thumbnails[k];
      node.setAttribute("aria-pressed", String(k === pathStep));
      canvas.draw(values, scene.picture, colors, [STRIP, STRIP], fillIn(messages.on_path, { step: k, last: scene.steps }), {});
    });
  }
  /** The features of a row: what the probe decodes to, and input, reconstruction and error of the selected example. */
  function showTable({ scene: { picture }, selection, colors }, shown) {
    const has = selection.example >= 0;
    const cell = (text, attributes = {}) => h("span", { role: "cell", ...attributes }, text);
    const number = (value) => cell(value === undefined ? "" : format(value, 3));
    const values = has ? PARTS.filter((part) => part !== "difference" && selection[part]) : [];
    const heads = [messages.feature, messages.probe_column, ...values.map((part) => messages[part]), ...(has ? [messages.difference_column] : [])];
    const columns = ["probe", ...values, ...(has ? ["difference"] : [])];
    const rows = picture.names.map((feature, k) => h("div", { role: "row" },
      h("span", { role: "rowheader", title: feature }, feature), number(shown?.[k]),
      ...values.map((part) => number(selection[part][k])), ...(has ? [cell(format(selection.difference[k], 3), { style: `background: ${diverging(selection.difference[k], picture.error_scale)}` })] : [])));
    table.style.setProperty("--columns", columns.map((column) => `${COLUMNS[column]}px`).join(" "));
    table.replaceChildren(h("div", { role: "row", class: "lat-heads" }, ...heads.map((head) => h("span", { role: "columnheader" }, head))), ...rows);
    table.style.color = colors.ink;
  }
  return { element, draw };
}
