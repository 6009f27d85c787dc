// Positional encodings: the matrix, the selected dimensions along the positions, and the score of two positions against their distance.

import { h, fillIn } from "../../kit/js/dom.js";
import { redrawOnChange } from "../../kit/js/animation.js";
import { baseView } from "../../kit/js/base_view.js";
import { format } from "../../kit/js/numbers.js";
import { maxAbs } from "../../kit/js/heatmap.js";
import { isAvailable, nearest } from "../../kit/js/precomputed.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { lineChart, readDistance } from "./charts.js";
import { dial } from "./dial.js";
import { heatPanel } from "./heat_panel.js";
import { reader } from "./reader.js";

/** From this width on the matrix stands beside the charts. */
const TWO_COLUMNS = 760;
/** Up to this width a chart stands below what is otherwise beside it (style.css). */
const NARROW = 460;

function render({ model, el, signal }) {
  const messages = model.get("messages");
  let scene = null;
  let text = null;
  let width = 0;
  /** The lines of the chart of the selected dimensions, and what they show. */
  let waves = [];
  let shownWave = "";
  const view = baseView({
    model, el, signal, name: "positions", unit: messages.position, steps: () => model.get("scene").positions - 1, label: (step) => fillIn(messages.player, { step }), draw: readScene, showStep: () => width && select(), pace: 220,
    traits: { column: () => {}, head: () => redraw(), offset: () => {}, restored: showNotes },
  });
  const titles = { wave: h("b"), turning: h("b"), scores: h("b"), distance: h("b") };
  const matrix = heatPanel({
    signal,
    read: (row, column) => text.element(row, column, model.get("head")),
    pick: (row, column) => {
      view.save("column", column);
      view.go(row);
    },
  });
  const scores = heatPanel({
    signal,
    read: (m, n) => fillIn(messages["read.score"], { m, n, value: format(scene.scores[m * scene.positions + n]) }),
    pick: (m, n) => {
      view.save("offset", n - m);
      view.go(m);
    },
  });
  const hand = dial();
  const wave = lineChart({ signal, title: titles.wave, read: readWave, pick: pickWave });
  const distance = lineChart({ signal, title: titles.distance, read: (at) => readDistance(messages, curve(), at, isAlibi()), pick: (at) => (isAlibi() ? view.save("column", Math.max(0, step() - at)) : view.save("offset", at)) });
  const arithmetic = h("div", { class: "pos-arithmetic" });
  const turning = h("div", { class: "pos-turning" }, hand.element, arithmetic);
  const square = h("div", { class: "pos-square" }, h("div", { class: "dlviz-panel-title" }, titles.scores), scores.element);
  const upper = h("div", { class: "pos-row" }, turning, wave.element);
  const lower = h("div", { class: "pos-row" }, square, distance.element);
  const layout = h("div", { class: "pos-layout" }, h("div", { class: "pos-matrix" }, matrix.element), h("div", { class: "pos-charts" }, upper, lower));
  view.ui.main.append(layout);
  const redraw = redrawOnChange({ root: view.ui.root, element: view.ui.main, signal, draw });

  const step = () => Math.min(model.get("step"), scene.positions - 1);
  const isAlibi = () => scene.kind === "alibi";
  const column = () => Math.min(model.get("column"), (isAlibi() ? scene.positions : scene.columns) - 1);
  const pairOf = (at) => scene.pairs.find((pair) => pair.includes(at)) ?? [at];
  /** The key's position for the chosen distance, inside the picture. */
  const keyAt = (m) => m + Math.max(-m, Math.min(scene.positions - 1 - m, model.get("offset")));

  function showNotes() {
    const restored = (model.get("restored") ?? []).map((name) => messages[`trait.${name}`]).join(", ");
    view.ui.setNotes([...model.get("scene").notes, ...(restored ? [{ kind: "", text: fillIn(messages["page.restored"], { names: restored }) }] : [])]);
  }
  function readScene() {
    const raw = model.get("scene");
    const floats = (bytes) => (bytes ? typedArray(bytes, "float32") : null);
    const { first, mean, low, high } = raw.distance;
    scene = { ...raw, distance: { first, mean: floats(mean), low: floats(low), high: floats(high) } };
    for (const name of ["matrix", "scores", "angles", "queries", "keys", "bias"]) scene[name] = floats(raw[name]);
    text = reader(messages, scene);
    showNotes();
    addControls();
    redraw();
  }
  function addControls() {
    const bar = view.controls;
    const menu = (trait, values) => {
      const offered = values.filter((value) => isAvailable(model, trait, value));
      if (offered.length > 1) bar.choice({ label: messages[`control.${trait}`], options: offered.map((value) => [value, messages[`${trait}.${value}`]]), get: () => model.get(trait), set: (value) => view.save(trait, value) });
    };
    menu("kind", scene.kinds);
    if (scene.kind === "rotary") menu("pairing", ["interleaved", "half"]);
    const bases = scene.divisors ? model.get("bases").filter((value) => isAvailable(model, "base", value)) : [];
    if (bases.length > 1) {
      const indices = bases.map((_, k) => k);
      const at = () => bases.indexOf(model.get("base"));
      bar.range({ label: messages["control.base"], max: () => bases.length - 1, get: at, set: (k) => view.save("base", bases[nearest(indices, k, at())]), text: (k) => format(bases[k]) });
    }
    if (isAlibi() && scene.heads > 1) bar.range({ label: messages["control.head"], max: () => scene.heads - 1, get: () => model.get("head"), set: (value) => view.save("head", value) });
    if (!isAlibi()) bar.range({ label: messages["control.offset"], min: 1 - scene.positions, max: () => scene.positions - 1, get: () => model.get("offset"), set: (value) => view.save("offset", value), text: (value) => format(value) });
  }

  /** The bias of a head, query by query; what has no number is 0. */
  function biasMatrix(head) {
    const count = scene.positions;
    const values = new Float32Array(count * count);
    for (let m = 0; m < count; m += 1) for (let n = 0; n <= m; n += 1) values[m * count + n] = scene.bias[head * count + m - n];
    return values;
  }
  const biasOf = (head) => scene.bias.subarray(head * scene.positions, (head + 1) * scene.positions);
  /** How the line of a head is drawn, and its name in the legend. */
  const lineOf = (head) => (head === model.get("head") ? { kind: "pos-mean", text: fillIn(messages["read.head"], { head }) } : { kind: "pos-other" });
  /** The score against the distance: the mean, and of ALiBi the bias of the head. */
  function curve() {
    const values = isAlibi() ? biasOf(model.get("head")) : null;
    return values ? { first: 0, mean: values, low: values, high: values } : scene.distance;
  }

  function draw(measured) {
    width = measured;
    if (!width || !scene) return;
    const isWide = width >= TWO_COLUMNS;
    const full = width - 32;
    const left = isWide ? Math.round(full * 0.43) : full;
    const right = isWide ? full - left - 16 : full;
    const count = scene.positions;
    layout.toggleAttribute("data-wide", isWide);
    turning.hidden = !scene.divisors;
    wave.element.hidden = scene.kind === "rotary";
    square.hidden = isAlibi();
    const head = model.get("head");
    const own = isAlibi()
      ? { values: biasMatrix(head), columns: count, up: messages.query, across: messages.key, label: fillIn(messages.bias_alt, { head }), max: maxAbs(scene.bias), isBlank: (m, n) => n > m }
      : { values: scene.matrix, columns: scene.columns, up: messages.position, across: messages.dimension, label: messages.matrix_alt };
    matrix.show({ rows: count, width: left, height: isWide ? 400 : 300, ...own });
    if (!isAlibi()) scores.show({ rows: count, columns: count, values: scene.scores, width: 190, height: 190, up: "m", across: "n", label: messages.scores_alt });
    if (!isAlibi()) titles.scores.textContent = messages[`title.scores_${scene.kind}`];
    titles.distance.textContent = messages[`title.distance_${scene.kind}`];
    const heads = Array.from({ length: isAlibi() ? scene.heads : 0 }, (_, k) => ({ values: biasOf(k), ...lineOf(k) }));
    const lines = isAlibi() ? [...heads.filter((line) => line.kind === "pos-other"), ...heads.filter((line) => line.kind === "pos-mean")] : [{ values: scene.distance.mean, kind: "pos-mean" }];
    distance.show({
      first: isAlibi() ? 0 : scene.distance.first, last: count - 1, lines, band: scene.kind === "learned" ? scene.distance : null,
      x: messages[isAlibi() ? "axis.earlier" : "axis.distance"], label: messages.distance_alt, width: isAlibi() || width <= NARROW ? right : right - 206,
    });
    showWave(right);
    select();
  }
  const columnValues = (c) => Float32Array.from({ length: scene.positions }, (_, p) => scene.matrix[p * scene.columns + c]);
  function showWave(right = upper.clientWidth) {
    shownWave = `${column()} ${isAlibi() ? step() : ""}`;
    const pair = pairOf(column());
    if (isAlibi()) waves = Array.from({ length: scene.heads }, (_, k) => ({ ...lineOf(k), values: biasOf(k).slice(0, step() + 1).reverse() })).sort((a, b) => (a.kind < b.kind ? 1 : -1));
    else waves = pair.map((c, k) => ({ values: columnValues(c), kind: pair.length > 1 ? `pos-part${k}` : "pos-mean", text: pair.length > 1 ? `${["sin", "cos"][k]} [:, ${c}]` : "" }));
    wave.show({ first: 0, last: scene.positions - 1, lines: waves, x: messages[isAlibi() ? "key" : "position"], label: messages.wave_alt, width: turning.hidden || width <= NARROW ? right : right - 166 });
  }
  function readWave(place) {
    const shown = isAlibi() ? waves.filter((line) => line.kind === "pos-mean") : waves;
    return fillIn(messages["read.wave"], { p: place, values: shown.map(({ values, text: name }) => `${name && waves.length > 1 ? `${name}: ` : ""}${place < values.length ? format(values[place]) : "–"}`).join(", ") });
  }
  function pickWave(place) {
    if (isAlibi()) view.save("column", place);
    else view.go(place);
  }

  function select() {
    const [m, c] = [step(), column()];
    const pair = pairOf(c);
    if (shownWave !== `${c} ${isAlibi() ? m : ""}`) showWave();
    matrix.select(m, c, isAlibi() ? [c] : pair);
    view.line.show([text.element(m, c, model.get("head"))]);
    titles.wave.textContent = fillIn(messages[`title.${scene.kind}`], { a: pair[0], b: pair[1], m });
    wave.select(isAlibi() ? c : m, isAlibi() ? waves.filter((line) => line.kind === "pos-mean") : waves);
    if (isAlibi()) {
      distance.select(Math.max(0, m - c), [{ values: biasOf(model.get("head")), kind: "pos-mean" }]);
      return;
    }
    const n = keyAt(m);
    scores.select(m, n, [n], n - m);
    distance.select(n - m, [{ values: scene.distance.mean, kind: "pos-mean" }]);
    if (scene.kind === "sinusoidal") {
      const [sin, cos] = pair.map((one) => scene.matrix[m * scene.columns + one] ?? 0);
      hand.show([{ at: [cos, sin], kind: "pos-part2", text: String(m) }], messages.dial_alt);
      arithmetic.replaceChildren();
    }
    if (scene.kind === "rotary") showTurned(m, n, pair);
  }
  /** The query and the key of a pair of dimensions, turned, and their share of the score. */
  function showTurned(m, n, pair) {
    const query = pair.map((one) => scene.queries[m * scene.dim + one]);
    const key = pair.map((one) => scene.keys[n * scene.dim + one]);
    const longest = Math.max(Math.hypot(...query), Math.hypot(...key)) || 1;
    hand.show([{ at: query.map((value) => value / longest), kind: "pos-part0", text: "q" }, { at: key.map((value) => value / longest), kind: "pos-part1", text: "k" }], messages.dial_alt);
    titles.turning.textContent = titles.wave.textContent;
    arithmetic.replaceChildren(titles.turning, ...text.turned(m, n, pair, query, key, model.get("offset")));
  }
  view.start();
}

export default { render };
