// One step of one unit: x and h come in below, gates open valves, and the state flows from left to right.

import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { box, figure, joint, picture, pipe, tap, text, valve } from "./diagram_parts.js";

const TOP = 132;

/** @param {{messages: Record<string, string>, signal: AbortSignal, choose: (gate: number) => void}} options */
export function cellDiagram({ messages, signal, choose }) {
  const title = h("b");
  const more = h("span", { class: "rec-soft" });
  const place = h("div");
  const lines = h("div", { class: "rec-formulas" });
  const element = h("div", { class: "rec-panel" }, h("div", { class: "rec-title" }, title, more), place);
  const makers = { LSTM: lstm, GRU: gru, RNN: rnn };
  let scene = null;
  let made = null;
  let built = "";

  function show(next) {
    scene = next;
    const key = `${scene.kind} ${scene.nonlinearity} ${scene.projected}`;
    if (key === built) return;
    built = key;
    made = makers[scene.kind]({ scene, messages, signal, choose });
    place.replaceChildren(made.element);
  }
  function showStep(t, u, gate) {
    title.textContent = fillIn(messages.title, { unit: u, place: scene.stepName(t) });
    more.textContent = scene.gates.length > 1 ? `${messages.choose} ${messages.previous_state}` : messages.previous_state;
    made.set(scene, t, u, gate);
    compare(t, u);
  }
  /** Torch's reset gate and the paper's, on the same state before. */
  function compare(t, u) {
    lines.hidden = scene.kind !== "GRU";
    if (lines.hidden) return;
    const part = (name) => format(scene.number(scene.intermediates[name], t, u), 5);
    const first = format(scene.gateNumber("from_x", t, 2, u), 4);
    const line = (name, formula, numbers, n, state) => h("div", { class: "rec-compare" }, h("b", {}, name), h("code", {}, formula), h("code", {}, `= tanh(${numbers}) = ${n}`), h("code", {}, `h = ${state}`));
    lines.replaceChildren(
      line(messages.torch, "n = tanh(W_in·x + b_in + r·(W_hn·h + b_hn))", `${first} + ${part("inner")}`, format(scene.gateNumber("gate_values", t, 2, u), 5), format(scene.number(scene.h, t, u), 5)),
      line(messages.paper, "n = tanh(W_in·x + b_in + W_hn·(r·h) + b_hn)", `${first} + ${part("paper_inner")}`, part("paper_n"), part("paper_h")),
      h("div", { class: "rec-compare" }, h("span", {}, fillIn(messages.paper_difference, { value: format(scene.number(scene.intermediates.paper_difference, t, u), 4) }))),
    );
  }
  return { element, lines, show, showStep };
}

const ROWS = ["W·x + b", "W·h + b", "sum"];

/** Boxes in a row, the two lines that feed them, and how common are set. */
function gates({ scene, messages, signal, choose, places, wide }) {
  const rows = (name) => (name === "n" ? ["W·x + b", "r·(W·h + b)", "sum"] : ROWS);
  const boxes = places.map(({ gate, x, w }) => {
    const name = scene.gates[gate];
    const nonlinearity = scene.kind === "RNN" ? scene.nonlinearity : name === "g" || name === "n" ? "tanh" : "σ";
    return box({ x, y: TOP, wide: w, name: scene.kind === "RNN" ? "h" : name, nonlinearity, rows: rows(name), label: fillIn(messages.gate, { name }), choose: () => choose(gate), signal });
  });
  const bottom = boxes[0].bottom;
  const [first, second] = [bottom + 20, bottom + 36];
  const taps = places.map(({ x, w }) => [tap(x + w / 2 - 16, first, bottom), tap(x + w / 2 + 16, second, bottom)]);
  const nodes = [
    pipe(`M28,${first}H${wide - 24}`, "rec-bus"), pipe(`M28,${second}H${wide - 24}`, "rec-bus"), text(6, first + 4, "x", "rec-name"), text(6, second + 4, "h", "rec-name"), text(16, second + 4, "₋₁", "rec-soft"),
    ...taps.flat().map((one) => one.node), ...boxes.map((one) => one.node),
  ];
  function set(scene, t, u, chosen) {
    const parts = places.map(({ gate }) => {
      const x = scene.gateNumber("from_x", t, gate, u);
      const state = scene.gates[gate] === "n" ? scene.number(scene.intermediates.inner, t, u) : scene.gateNumber("from_h", t, gate, u);
      return [x, state, scene.gateNumber("preactivations", t, gate, u)];
    });
    const most = Math.max(...parts.flatMap(([x, state]) => [Math.abs(x), Math.abs(state)]).filter(Number.isFinite), 0);
    places.forEach(({ gate }, k) => {
      boxes[k].set(scene.gateNumber("gate_values", t, gate, u), parts[k], gate === chosen);
      taps[k][0].set(parts[k][0], most);
      taps[k][1].set(parts[k][1], most);
    });
  }
  return { nodes, set, high: second + 12 };
}

function lstm({ scene, messages, signal, choose }) {
  const wide = 600;
  const places = [1, 0, 2, 3].map((gate, k) => ({ gate, x: 30 + 142 * k, w: 130 }));
  const below = gates({ scene, messages, signal, choose, places, wide });
  const middle = places.map(({ x, w }) => x + w / 2);
  const [meet, slot, out, last] = [226, 290, 420, 480];
  const forget = valve(middle[0], 44, "f");
  const enter = valve(slot, 96, "i");
  const leave = valve(last, 96, "o");
  const figures = {
    cell: figure(6, 36, "c₋₁"), keep: figure(meet - 16, 36, "f·c₋₁", "end"), add: figure(meet - 8, 88, "i·g", "end"), c: figure(meet + 18, 36, "c"),
    tanh_c: figure(out - 8, 74, "tanh c", "end"), out: figure(wide - 4, 88, scene.projected ? "o·tanh c" : "h", "end"),
  };
  const element = picture(wide, 10, below.high, messages.diagram,
    pipe(`M6,44H${wide - 16}`), pipe(`M${middle[2]},${TOP}V96H${meet}V44`), pipe(`M${out},44V96H${wide - 16}`), pipe(`M${wide - 20},40l6,4l-6,4M${wide - 20},92l6,4l-6,4`, "rec-tip"),
    pipe(`M${middle[0]},${TOP}V61M${middle[1]},${TOP}V122H${slot}V113M${middle[3]},${TOP}V122H${last}V113`, "rec-control"),
    joint(meet, 44, "+"), forget.node, enter.node, leave.node, ...Object.values(figures).map((one) => one.node), ...negative.nodes);
  function set(scene, t, u, chosen) {
    below.set(scene, t, u, chosen);
    enter.set(scene.gateNumber("gate_values", t, 0, u));
    forget.set(scene.gateNumber("gate_values", t, 1, u));
    leave.set(scene.gateNumber("gate_values", t, 3, u));
    figures.cell.set(scene.number(scene.c_prev, t, u));
    figures.c.set(scene.number(scene.c, t, u));
    for (const name of ["keep", "add", "tanh_c", "out"]) figures[name].set(scene.number(scene.intermediates[name], t, u));
  }
  return { element, set };
}

function gru({ scene, messages, signal, choose }) {
  const wide = 600;
  const places = [{ gate: 1, x: 30, w: 140 }, { gate: 0, x: 184, w: 140 }, { gate: 2, x: 388, w: 190 }];
  const below = gates({ scene, messages, signal, choose, places, wide });
  const middle = places.map(({ x, w }) => x + w / 2);
  const keep = valve(middle[0], 44, "z");
  const enter = valve(middle[1] + 130, 96, "1 − z");
  const reset = valve(356, TOP + 62, "r");
  const meet = middle[1] + 60;
  const figures = { before: figure(6, 36, "h₋₁"), keep: figure(meet - 18, 36, "z·h₋₁", "end"), add: figure(meet - 16, 90, "(1 − z)·n", "end"), h: figure(wide - 4, 36, "h", "end") };
  const element = picture(wide, 10, below.high, messages.diagram,
    pipe(`M6,44H${wide - 16}`), pipe(`M${middle[2]},${TOP}V96H${meet}V44`), pipe(`M${wide - 20},40l6,4l-6,4`, "rec-tip"), pipe(`M332,${TOP + 62}H388`),
    pipe(`M${middle[0]},${TOP}V61M${middle[0]},120H${middle[1] + 130}V113M324,${TOP + 20}H356V${TOP + 30}`, "rec-control"),
    joint(meet, 44, "+"), keep.node, enter.node, reset.node, ...Object.values(figures).map((one) => one.node), ...negative.nodes);
  function set(scene, t, u, chosen) {
    below.set(scene, t, u, chosen);
    const z = scene.gateNumber("gate_values", t, 1, u);
    keep.set(z);
    enter.set(1 - z);
    reset.set(scene.gateNumber("gate_values", t, 0, u));
    figures.before.set(scene.number(scene.h_prev, t, u));
    figures.h.set(scene.number(scene.h, t, u));
    for (const name of ["keep", "add"]) figures[name].set(scene.number(scene.intermediates[name], t, u));
  }
  return { element, set };
}

function rnn({ scene, messages, signal, choose }) {
  const wide = 420;
  const below = gates({ scene, messages, signal, choose, places: [{ gate: 0, x: 120, w: 180 }], wide });
  const value = figure(wide - 30, 82, "h", "end");
  const element = picture(wide, 64, below.high, messages.diagram, pipe(`M210,${TOP}V92H${wide - 16}`), pipe(`M${wide - 20},88l6,4l-6,4`, "rec-tip"), value.node, ...negative.nodes);
  function set(scene, t, u, chosen) {
    below.set(scene, t, u, chosen);
    value.set(scene.number(scene.h, t, u));
  }
  return { element, set };
}
