// A small map for every unit of every layer: what the unit gives, over the same plane.

import { h, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { heatmap, maxAbs, hidpiContext } from "../../kit/js/heatmap.js";

const MAP = 36;
const GAP = 3;
/** Maps below each other; up to so many stand in one line. */
const DEEP = 8;
const NARROW = 4;

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, pick: (layer: number, unit: number) => void}} options
 */
export function maps({ messages, signal, pick }) {
  const element = h("div", { class: "plane-maps", tabindex: "-1" });
  let columns = [];

  function show(layers) {
    const same = columns.length === layers.length && layers.every((one, n) => one.name === columns[n].layer.name && one.drawn === columns[n].layer.drawn);
    if (same) {
      columns.forEach((column, n) => {
        column.layer = layers[n];
        column.max = maxAbs(layers[n].values);
      });
      return;
    }
    columns = layers.map(make);
    element.replaceChildren(...columns.map((column) => column.element));
  }

  function make(layer, n) {
    const canvas = h("canvas");
    const button = h("button", { type: "button", class: "plane-units" }, canvas);
    const foot = h("div", { class: "plane-foot" });
    const head = h("div", { class: "plane-name" }, h("b", { title: layer.name }, layer.name), h("span", { title: layer.about }, layer.kind === "input" ? messages.input : layer.kind));
    const abreast = layer.drawn <= NARROW ? 1 : Math.max(2, Math.ceil(layer.drawn / DEEP));
    const column = { layer, n, canvas, button, foot, abreast, at: 0, max: maxAbs(layer.values), element: h("div", { class: "plane-column" }, head, button, foot) };
    column.element.style.setProperty("--abreast", String(abreast));
    button.addEventListener("click", (event) => {
      const box = canvas.getBoundingClientRect();
      // Enter on the button clicks it at no place: what was walked to is meant.
      if (event.detail) {
        const [x, y] = [event.clientX - box.left, event.clientY - box.top].map((value) => Math.floor(value / (MAP + GAP)));
        const unit = y * abreast + x;
        if (x >= abreast || unit >= column.layer.drawn) return;
        column.at = unit;
      }
      speak(column);
      pick(n, column.at);
    }, { signal });
    button.addEventListener("keydown", (event) => walk(event, column), { signal });
    speak(column);
    return column;
  }
  function speak(column) {
    const { layer, at } = column;
    column.button.setAttribute("aria-label", fillIn(messages.unit, { name: layer.name, unit: at, count: layer.units }));
    column.button.style.setProperty("--x", `${(at % column.abreast) * (MAP + GAP)}px`);
    column.button.style.setProperty("--y", `${Math.floor(at / column.abreast) * (MAP + GAP)}px`);
  }

  /** Arrow keys walk over the units of a layer, and from layer to layer. */
  function walk(event, column) {
    const moves = { ArrowUp: -column.abreast, ArrowDown: column.abreast, ArrowLeft: -1, ArrowRight: 1 };
    const move = moves[event.key];
    if (move === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const sideways = event.key === "ArrowLeft" || event.key === "ArrowRight";
    const to = column.at + move;
    const same = !sideways || Math.floor(to / column.abreast) === Math.floor(column.at / column.abreast);
    if (to >= 0 && to < column.layer.drawn && same) {
      column.at = to;
      speak(column);
    } else if (sideways) columns[column.n + move]?.button.focus();
  }

  /** @param {{opened: number[], side: number, colors: any}} state side: numbers along a side of each map */
  function draw({ opened, side, colors }) {
    for (const column of columns) {
      const { layer, canvas, abreast, max } = column;
      const rows = Math.ceil(layer.drawn / abreast);
      const context = hidpiContext(canvas, Math.min(abreast, layer.drawn) * (MAP + GAP) - GAP, Math.max(1, rows) * (MAP + GAP) - GAP);
      for (let unit = 0; unit < layer.drawn; unit += 1) {
        const [x, y] = [(unit % abreast) * (MAP + GAP), Math.floor(unit / abreast) * (MAP + GAP)];
        context.drawImage(heatmap(layer.values, unit * side * side, side, side, max, colors), x, y, MAP, MAP);
        const mine = opened[0] === column.n && opened[1] === unit;
        context.strokeStyle = mine ? colors.accent : colors.line;
        context.lineWidth = mine ? 3 : 1;
        context.strokeRect(x + (mine ? 1.5 : 0.5), y + (mine ? 1.5 : 0.5), MAP - (mine ? 3 : 1), MAP - (mine ? 3 : 1));
        if (!mine) continue;
        // A ring of paper between the frame and a map of the frame's own color.
        context.strokeStyle = colors.paper;
        context.lineWidth = 1.5;
        context.strokeRect(x + 3.75, y + 3.75, MAP - 7.5, MAP - 7.5);
      }
      column.foot.replaceChildren(h("span", {}, fillIn(layer.units === 1 ? messages.units_one : messages.units, { count: layer.units })), h("span", {}, `± ${format(max, 3)}`));
    }
  }
  return { element, show, draw };
}
