// Diagram of one step of one unit: x and h enter below, gates open valves, and the state flows from left to right.

import { stepAnimation } from "../../kit/js/animation.js";
import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { box, namedValue, joint, picture, pipe, pulse, inputLine, text, valve } from "./diagram_parts.js";

const TOP = 132;
const WIDTH = 560;
/** Milliseconds in which the values of a step run through the pipes. */
const FLOW = 380;

/** @param {{messages: Record<string, string>, signal: AbortSignal, choose: (gate: number) => void}} options */
export function cellDiagram({ messages, signal, choose }) {
  const title = h("b");
  const hint = h("span", { class: "dlviz-soft" });
  const container = h("div");
  const formulas = h("div", { class: "rec-formulas" });
  const element = h("div", {}, h("div", { class: "dlviz-panel-title" }, title, hint), container);
  const diagrams = { LSTM: lstm, GRU: gru, RNN: rnn };
  let scene = null;
  let diagram = null;
  let shownKey = "";
  let shownStep = -1;
  const flow = stepAnimation(FLOW);

  function show(next) {
    scene = next;
    shownStep = -1;
    const key = `${scene.kind} ${scene.nonlinearity} ${scene.projected}`;
    if (key === shownKey) return;
    shownKey = key;
    diagram = diagrams[scene.kind]({ scene, messages, signal, choose });
    container.replaceChildren(diagram.element);
  }
  function showStep(t, u, gate) {
    title.textContent = fillIn(messages.title, { unit: u, place: scene.stepName(t) });
    hint.textContent = scene.gates.length > 1 ? `${messages.choose} ${messages.previous_state}` : messages.previous_state;
    diagram.set(scene, t, u, gate);
    compareFormulas(t, u);
    if (shownStep >= 0 && shownStep !== t) flow(diagram.moving);
    shownStep = t;
  }
  /** Compare the formulas of torch and of the paper from the same previous state. */
  function compareFormulas(t, u) {
    if (scene.kind !== "GRU") return;
    const part = (name) => format(scene.number(scene.intermediates[name], t, u), 5);
    const first = format(scene.gateNumber("from_x", t, 2, u), 4);
    const line = (name, formula, numbers, n, state) => h("div", { class: "rec-compare" }, h("b", {}, name), h("code", {}, formula), h("code", {}, `= tanh(${numbers}) = ${n}`), h("code", {}, `h = ${state}`));
    formulas.replaceChildren(
      line(messages.torch, "n = tanh(W_in·x + b_in + r·(W_hn·h + b_hn))", `${first} + ${part("inner")}`, format(scene.gateNumber("gate_values", t, 2, u), 5), format(scene.number(scene.h, t, u), 5)),
      line(messages.paper, "n = tanh(W_in·x + b_in + W_hn·(r·h) + b_hn)", `${first} + ${part("paper_inner")}`, part("paper_n"), part("paper_h")),
      h("div", { class: "rec-compare" }, h("span", {}, fillIn(messages.paper_difference, { value: format(scene.number(scene.intermediates.paper_difference, t, u), 4) }))),
    );
  }
  return { element, formulas, show, showStep };
}

const ROWS = ["W·x + b", "W·h + b", "sum"];

/** The gates as boxes in a row, and the two pipes that feed them. */
function gateBoxes({ scene, messages, signal, choose, columns, width }) {
  const rows = (name) => (name === "n" ? ["W·x + b", "r·(W·h + b)", "sum"] : ROWS);
  const boxes = columns.map(({ gate, x, w }) => {
    const name = scene.gates[gate];
    const nonlinearity = scene.kind === "RNN" ? scene.nonlinearity : name === "g" || name === "n" ? "tanh" : "σ";
    return box({ x, y: TOP, width: w, name: scene.kind === "RNN" ? "h" : name, nonlinearity, rows: rows(name), label: fillIn(messages.gate, { name }), choose: () => choose(gate), signal });
  });
  const bottom = boxes[0].bottom;
  const [first, second] = [bottom + 20, bottom + 36];
  const inputs = columns.map(({ x, w }) => [inputLine(x + w / 2 - 16, first, bottom), inputLine(x + w / 2 + 16, second, bottom)]);
  const pulses = columns.map(({ x, w }) => [pulse(`M28,${first}H${x + w / 2 - 16}V${bottom}`, 0, 0.35), pulse(`M28,${second}H${x + w / 2 + 16}V${bottom}`, 0, 0.35)]);
  const nodes = [
    pipe(`M28,${first}H${width - 24}`, "rec-bus"), pipe(`M28,${second}H${width - 24}`, "rec-bus"), text(6, first + 4, "x", "rec-name"), text(6, second + 4, "h", "rec-name"), text(16, second + 4, "₋₁", "dlviz-soft"),
    ...[inputs, pulses].flat(2).map((part) => part.node), ...boxes.map((part) => part.node),
  ];
  function set(scene, t, u, selected) {
    const parts = columns.map(({ gate }) => {
      const x = scene.gateNumber("from_x", t, gate, u);
      const state = scene.gates[gate] === "n" ? scene.number(scene.intermediates.inner, t, u) : scene.gateNumber("from_h", t, gate, u);
      return [x, state, scene.gateNumber("preactivations", t, gate, u)];
    });
    const max = Math.max(...parts.flatMap(([x, state]) => [Math.abs(x), Math.abs(state)]).filter(Number.isFinite), 0);
    columns.forEach(({ gate }, k) => {
      boxes[k].set(scene.gateNumber("gate_values", t, gate, u), parts[k], gate === selected);
      parts[k].slice(0, 2).forEach((value, from) => {
        inputs[k][from].set(value, max);
        pulses[k][from].set(value);
      });
    });
  }
  return { nodes, set, moving: pulses.flat(), height: second + 12 };
}

function lstm({ scene, messages, signal, choose }) {
  const columns = [1, 0, 2, 3].map((gate, k) => ({ gate, x: 26 + 134 * k, w: 124 }));
  const gateRow = gateBoxes({ scene, messages, signal, choose, columns, width: WIDTH });
  const middle = columns.map(({ x, w }) => x + w / 2);
  const [left, meet, slot, out, last] = [98, 224, 258, 392, 438];
  const forget = valve(left, 44, "f");
  const enter = valve(slot, 96, "i");
  const leave = valve(last, 96, "o");
  const values = {
    c_prev: namedValue(1, 36, "c₋₁", 0), keep: namedValue(meet - 16, 36, "f·c₋₁", 0.5, "end"), add: namedValue(meet - 8, 88, "i·g", 0.5, "end"), c: namedValue(meet + 18, 36, "c", 0.65),
    tanh_c: namedValue(out - 8, 74, "tanh c", 0.75, "end"), out: namedValue(WIDTH - 4, 88, scene.projected ? "o·tanh c" : "h", 0.85, "end"),
  };
  const [newPart, output] = [`M${middle[2]},${TOP}V96H${meet}V44`, `M${out},44V96H${WIDTH - 16}`];
  const pulses = { c_prev: pulse(`M6,44H${meet}`, 0.3, 0.6), g: pulse(newPart, 0.35, 0.65), c: pulse(`M${meet},44H${WIDTH - 16}`, 0.6, 0.9), tanh_c: pulse(output, 0.75, 1) };
  const element = picture(WIDTH, 10, gateRow.height, messages.diagram,
    pipe(`M6,44H${WIDTH - 16}${newPart}${output}`), pipe(`M${WIDTH - 20},40l6,4l-6,4M${WIDTH - 20},92l6,4l-6,4`, "rec-tip"),
    pipe(`M${middle[0]},${TOP}V122H${left}V61M${middle[1]},${TOP}V122H${slot}V113M${middle[3]},${TOP}V122H${last}V113`, "rec-control"), ...nodes(pulses),
    joint(meet, 44, "+"), forget.node, enter.node, leave.node, ...nodes(values), ...gateRow.nodes);
  function set(scene, t, u, selected) {
    gateRow.set(scene, t, u, selected);
    enter.set(scene.gateNumber("gate_values", t, 0, u));
    forget.set(scene.gateNumber("gate_values", t, 1, u));
    leave.set(scene.gateNumber("gate_values", t, 3, u));
    pulses.g.set(scene.gateNumber("gate_values", t, 2, u));
    const { keep, add, tanh_c: tanhC, out: output } = scene.intermediates;
    setAll([values, pulses], { c_prev: scene.c_prev, c: scene.c, keep, add, tanh_c: tanhC, out: output }, (numbers) => scene.number(numbers, t, u));
  }
  return { element, set, moving: [gateRow.moving, pulses, values].flatMap(Object.values) };
}

function gru({ scene, messages, signal, choose }) {
  const columns = [{ gate: 1, x: 26, w: 130 }, { gate: 0, x: 172, w: 130 }, { gate: 2, x: 362, w: 190 }];
  const gateRow = gateBoxes({ scene, messages, signal, choose, columns, width: WIDTH });
  const middle = columns.map(({ x, w }) => x + w / 2);
  const keep = valve(102, 44, "z");
  const enter = valve(middle[1] + 130, 96, "1 − z");
  const reset = valve(332, TOP + 62, "r");
  const meet = middle[1] + 60;
  const values = { h_prev: namedValue(1, 36, "h₋₁", 0), keep: namedValue(meet - 18, 36, "z·h₋₁", 0.55, "end"), add: namedValue(meet - 16, 90, "(1 − z)·n", 0.65, "end"), h: namedValue(WIDTH - 4, 36, "h", 0.85, "end") };
  const newPart = `M${middle[2]},${TOP}V96H${meet}V44`;
  const pulses = { h_prev: pulse(`M6,44H${meet}`, 0.4, 0.75), n: pulse(newPart, 0.4, 0.75), h: pulse(`M${meet},44H${WIDTH - 16}`, 0.7, 1) };
  const element = picture(WIDTH, 10, gateRow.height, messages.diagram,
    pipe(`M6,44H${WIDTH - 16}${newPart}M310,${TOP + 62}H362`), pipe(`M${WIDTH - 20},40l6,4l-6,4`, "rec-tip"),
    pipe(`M${middle[0]},${TOP}V120H102V61M102,120H${middle[1] + 130}V113M302,${TOP + 20}H332V${TOP + 30}`, "rec-control"), ...nodes(pulses),
    joint(meet, 44, "+"), keep.node, enter.node, reset.node, ...nodes(values), ...gateRow.nodes);
  function set(scene, t, u, selected) {
    gateRow.set(scene, t, u, selected);
    const z = scene.gateNumber("gate_values", t, 1, u);
    keep.set(z);
    enter.set(1 - z);
    reset.set(scene.gateNumber("gate_values", t, 0, u));
    pulses.n.set(scene.gateNumber("gate_values", t, 2, u));
    setAll([values, pulses], { h_prev: scene.h_prev, h: scene.h, keep: scene.intermediates.keep, add: scene.intermediates.add }, (numbers) => scene.number(numbers, t, u));
  }
  return { element, set, moving: [gateRow.moving, pulses, values].flatMap(Object.values) };
}

function rnn({ scene, messages, signal, choose }) {
  const width = 420;
  const gateRow = gateBoxes({ scene, messages, signal, choose, columns: [{ gate: 0, x: 120, w: 180 }], width });
  const value = namedValue(width - 30, 82, "h", 0.75, "end");
  const path = `M210,${TOP}V92H${width - 16}`;
  const output = pulse(path, 0.4, 1);
  const element = picture(width, 64, gateRow.height, messages.diagram, pipe(path), pipe(`M${width - 20},88l6,4l-6,4`, "rec-tip"), output.node, value.node, ...gateRow.nodes);
  function set(scene, t, u, selected) {
    gateRow.set(scene, t, u, selected);
    for (const part of [value, output]) part.set(scene.number(scene.h, t, u));
  }
  return { element, set, moving: [...gateRow.moving, output, value] };
}

/** @param {Record<string, {node: Node}>} parts */
function nodes(parts) {
  return Object.values(parts).map((part) => part.node);
}
/** Set those parts of some tables for which there are numbers. */
function setAll(tables, numbers, number) {
  for (const table of tables) for (const [name, values] of Object.entries(numbers)) table[name]?.set(number(values));
}
