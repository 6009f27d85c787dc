// Diagram of one step of one unit: x and h enter below, gates open valves, and the state flows from left to right.

import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { box, namedValue, joint, picture, pipe, inputLine, text, valve } from "./diagram_parts.js";

const TOP = 132;

/** @param {{messages: Record<string, string>, signal: AbortSignal, choose: (gate: number) => void}} options */
export function cellDiagram({ messages, signal, choose }) {
  const title = h("b");
  const hint = h("span", { class: "dlviz-soft" });
  const container = h("div");
  const formulas = h("div", { class: "rec-formulas" });
  const element = h("div", { class: "dlviz-panel" }, h("div", { class: "dlviz-panel-title" }, title, hint), container);
  const diagrams = { LSTM: lstm, GRU: gru, RNN: rnn };
  let scene = null;
  let diagram = null;
  let shownKey = "";

  function show(next) {
    scene = next;
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
  }
  /** Compare the formulas of torch and of the paper from the same previous state. */
  function compareFormulas(t, u) {
    formulas.hidden = scene.kind !== "GRU";
    if (formulas.hidden) return;
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
  const nodes = [
    pipe(`M28,${first}H${width - 24}`, "rec-bus"), pipe(`M28,${second}H${width - 24}`, "rec-bus"), text(6, first + 4, "x", "rec-name"), text(6, second + 4, "h", "rec-name"), text(16, second + 4, "₋₁", "dlviz-soft"),
    ...inputs.flat().map((part) => part.node), ...boxes.map((part) => part.node),
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
      inputs[k][0].set(parts[k][0], max);
      inputs[k][1].set(parts[k][1], max);
    });
  }
  return { nodes, set, height: second + 12 };
}

function lstm({ scene, messages, signal, choose }) {
  const width = 600;
  const columns = [1, 0, 2, 3].map((gate, k) => ({ gate, x: 30 + 142 * k, w: 130 }));
  const gateRow = gateBoxes({ scene, messages, signal, choose, columns, width });
  const middle = columns.map(({ x, w }) => x + w / 2);
  const [meet, slot, out, last] = [226, 290, 420, 480];
  const forget = valve(middle[0], 44, "f");
  const enter = valve(slot, 96, "i");
  const leave = valve(last, 96, "o");
  const values = {
    c_prev: namedValue(6, 36, "c₋₁"), keep: namedValue(meet - 16, 36, "f·c₋₁", "end"), add: namedValue(meet - 8, 88, "i·g", "end"), c: namedValue(meet + 18, 36, "c"),
    tanh_c: namedValue(out - 8, 74, "tanh c", "end"), out: namedValue(width - 4, 88, scene.projected ? "o·tanh c" : "h", "end"),
  };
  const element = picture(width, 10, gateRow.height, messages.diagram,
    pipe(`M6,44H${width - 16}`), pipe(`M${middle[2]},${TOP}V96H${meet}V44`), pipe(`M${out},44V96H${width - 16}`), pipe(`M${width - 20},40l6,4l-6,4M${width - 20},92l6,4l-6,4`, "rec-tip"),
    pipe(`M${middle[0]},${TOP}V61M${middle[1]},${TOP}V122H${slot}V113M${middle[3]},${TOP}V122H${last}V113`, "rec-control"),
    joint(meet, 44, "+"), forget.node, enter.node, leave.node, ...Object.values(values).map((part) => part.node), ...gateRow.nodes);
  function set(scene, t, u, selected) {
    gateRow.set(scene, t, u, selected);
    enter.set(scene.gateNumber("gate_values", t, 0, u));
    forget.set(scene.gateNumber("gate_values", t, 1, u));
    leave.set(scene.gateNumber("gate_values", t, 3, u));
    values.c_prev.set(scene.number(scene.c_prev, t, u));
    values.c.set(scene.number(scene.c, t, u));
    for (const name of ["keep", "add", "tanh_c", "out"]) values[name].set(scene.number(scene.intermediates[name], t, u));
  }
  return { element, set };
}

function gru({ scene, messages, signal, choose }) {
  const width = 600;
  const columns = [{ gate: 1, x: 30, w: 140 }, { gate: 0, x: 184, w: 140 }, { gate: 2, x: 388, w: 190 }];
  const gateRow = gateBoxes({ scene, messages, signal, choose, columns, width });
  const middle = columns.map(({ x, w }) => x + w / 2);
  const keep = valve(middle[0], 44, "z");
  const enter = valve(middle[1] + 130, 96, "1 − z");
  const reset = valve(356, TOP + 62, "r");
  const meet = middle[1] + 60;
  const values = { h_prev: namedValue(6, 36, "h₋₁"), keep: namedValue(meet - 18, 36, "z·h₋₁", "end"), add: namedValue(meet - 16, 90, "(1 − z)·n", "end"), h: namedValue(width - 4, 36, "h", "end") };
  const element = picture(width, 10, gateRow.height, messages.diagram,
    pipe(`M6,44H${width - 16}`), pipe(`M${middle[2]},${TOP}V96H${meet}V44`), pipe(`M${width - 20},40l6,4l-6,4`, "rec-tip"), pipe(`M332,${TOP + 62}H388`),
    pipe(`M${middle[0]},${TOP}V61M${middle[0]},120H${middle[1] + 130}V113M324,${TOP + 20}H356V${TOP + 30}`, "rec-control"),
    joint(meet, 44, "+"), keep.node, enter.node, reset.node, ...Object.values(values).map((part) => part.node), ...gateRow.nodes);
  function set(scene, t, u, selected) {
    gateRow.set(scene, t, u, selected);
    const z = scene.gateNumber("gate_values", t, 1, u);
    keep.set(z);
    enter.set(1 - z);
    reset.set(scene.gateNumber("gate_values", t, 0, u));
    values.h_prev.set(scene.number(scene.h_prev, t, u));
    values.h.set(scene.number(scene.h, t, u));
    for (const name of ["keep", "add"]) values[name].set(scene.number(scene.intermediates[name], t, u));
  }
  return { element, set };
}

function rnn({ scene, messages, signal, choose }) {
  const width = 420;
  const gateRow = gateBoxes({ scene, messages, signal, choose, columns: [{ gate: 0, x: 120, w: 180 }], width });
  const value = namedValue(width - 30, 82, "h", "end");
  const element = picture(width, 64, gateRow.height, messages.diagram, pipe(`M210,${TOP}V92H${width - 16}`), pipe(`M${width - 20},88l6,4l-6,4`, "rec-tip"), value.node, ...gateRow.nodes);
  function set(scene, t, u, selected) {
    gateRow.set(scene, t, u, selected);
    value.set(scene.number(scene.h, t, u));
  }
  return { element, set };
}
