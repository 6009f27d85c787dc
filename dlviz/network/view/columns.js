// The columns: one for every call, its maps on a canvas, arcs above them from each call to what it was made from.

import { h, s, fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { heatmap, maxAbs, hidpiContext } from "../../kit/js/heatmap.js";
import { places } from "./map_layout.js";

/** From one column's left edge to the next one's, and the height of the arcs. */
const PITCH = 104;
const ARCS = [12, 34];

/**
 * @param {{messages: Record<string, string>, signal: AbortSignal, pick: (column: number, channel: number) => void}} options
 */
export function strip({ messages, signal, pick }) {
  const arcs = s("svg", { class: "net-arcs", "aria-hidden": "true" });
  const row = h("div", { class: "net-row" });
  const element = h("div", { class: "net-strip", tabindex: "-1" }, arcs, row);
  let columns = [];
  /** What each column was last drawn from, so that it is drawn again only when that has changed. */
  let drawn = [];

  /** @param {any[]} about the scene's columns, with their numbers decoded */
  function show(about) {
    const same = columns.length === about.length && about.every((one, n) => one.name === columns[n].about.name);
    drawn = [];
    if (same) {
      columns.forEach((column, n) => describe(column, about[n]));
      return;
    }
    columns = about.map((one, n) => make(one, n));
    row.replaceChildren(...columns.map((column) => column.element));
    const tall = ARCS[about.some((one, n) => one.sources.some((from) => n - from > 1)) ? 1 : 0];
    arcs.setAttribute("width", String(PITCH * about.length));
    arcs.setAttribute("height", String(tall));
    arcs.replaceChildren(...about.flatMap((one, n) => one.sources.map((from) => arc(from, n, tall))));
  }

  function arc(from, to, tall) {
    const [a, b] = [from * PITCH + 42, to * PITCH + 42];
    const lift = to - from === 1 ? 5 : Math.min(tall - 5, 10 + 5 * (to - from));
    const y = tall - 2;
    const d = `M${a},${y} C${a},${y - lift * 1.3} ${b},${y - lift * 1.3} ${b},${y}`;
    return s("path", { d, "data-to": to, "data-from": from, "data-far": to - from > 1 ? "" : null });
  }

  function make(about, n) {
    const canvas = h("canvas");
    const button = h("button", { type: "button", class: "net-maps" }, canvas);
    const name = h("b");
    const kind = h("span", { class: "net-kind" });
    const foot = h("div", { class: "net-foot" });
    const element = h("div", { class: "net-column" }, h("div", { class: "net-name" }, name, kind), button, foot);
    const column = { about, n, canvas, button, name, kind, foot, element, place: null, at: 0 };
    button.addEventListener("click", (event) => {
      const box = canvas.getBoundingClientRect();
      // Enter on the button clicks it at no place: what was walked to is meant.
      const k = event.detail ? column.place.at(event.clientX - box.left, event.clientY - box.top) : column.at;
      if (k < 0) return;
      column.at = k;
      pick(n, k);
    }, { signal });
    button.addEventListener("keydown", (event) => walk(event, column), { signal });
    describe(column, about);
    return column;
  }

  function describe(column, about) {
    column.about = about;
    column.place = places(about);
    column.at = Math.min(column.at, column.place.count - 1);
    column.name.textContent = about.name;
    column.name.title = about.name;
    column.kind.textContent = about.kind === "input" ? messages.input : about.kind;
    column.kind.title = about.about;
    const shape = about.shape.join("×") || "()";
    const extra = [about.parameters ? fillIn(messages.learns, { count: brief(about.parameters) }) : "", ...about.returned.map((name) => fillIn(messages.returned, { name }))];
    column.foot.replaceChildren(h("code", {}, shape), ...extra.filter(Boolean).map((text) => h("span", { title: text }, text)), h("span", { class: "net-max" }));
    speak(column);
  }

  function speak(column) {
    const { about } = column;
    const text = about.layout === "maps" ? messages.map : about.layout === "vector" ? messages.map_unit : messages.map_plane;
    column.button.setAttribute("aria-label", fillIn(text, { name: about.name, channel: column.at, count: about.layout === "vector" ? about.size[0] : about.channels }));
  }

  /** Arrow keys walk over the maps of a column, and from column to column. */
  function walk(event, column) {
    const { abreast, count } = column.place;
    const steps = { ArrowUp: -abreast, ArrowDown: abreast, ArrowLeft: -1, ArrowRight: 1 };
    const step = steps[event.key];
    if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const sideways = Math.abs(step) === 1 && event.key !== "ArrowUp" && event.key !== "ArrowDown";
    const within = abreast > 1 && sideways ? Math.floor(column.at / abreast) === Math.floor((column.at + step) / abreast) : !sideways;
    const to = column.at + step;
    if (within && to >= 0 && to < count) {
      column.at = to;
      focus(column);
    } else if (sideways) {
      const next = columns[column.n + Math.sign(step)];
      if (next) focus(next);
    }
  }
  function focus(column) {
    speak(column);
    drawn[column.n] = "";
    column.button.focus();
    ring(column);
  }
  /** Where the keyboard stands in a column. */
  function ring(column) {
    const [x, y, w, high] = column.place.rect(column.at);
    column.button.style.setProperty("--ring", `${x}px ${y}px ${w}px ${high}px`);
    for (const [name, value] of [["--x", x], ["--y", y], ["--w", w], ["--h", high]]) column.button.style.setProperty(name, `${value}px`);
  }

  /**
   * @param {{scale: string, whole: number, step: number, opened: number[], boxes: Record<string, number[][]>, colors: any}} state
   */
  function paint({ scale, whole, step, opened, boxes, colors }) {
    for (const column of columns) {
      const { about, n } = column;
      const filled = n < step;
      const mine = opened[0] === n ? opened[1] : -1;
      const key = JSON.stringify([scale, scale === "network" ? whole : 0, filled, mine, boxes[n] ?? null, colors.paper]);
      column.element.toggleAttribute("data-now", n === step - 1);
      column.element.toggleAttribute("data-opened", mine >= 0);
      if (drawn[n] === key) continue;
      drawn[n] = key;
      const max = scale === "network" ? whole : about.max;
      draw(column, filled, mine, boxes[n], max, scale, colors);
      column.foot.lastChild.textContent = scale === "unit" || !filled ? "" : `± ${format(max, 3)}`;
    }
    for (const path of arcs.children) path.toggleAttribute("data-now", Number(path.dataset.to) === step - 1);
  }

  function draw(column, filled, mine, box, max, scale, colors) {
    const { about, place, canvas } = column;
    const context = hidpiContext(canvas, place.width, Math.ceil(place.height) + 1);
    const [, rows, width] = about.drawn;
    ring(column);
    for (let k = 0; k < place.count; k += 1) {
      const [x, y, w, high] = place.rect(k);
      if (filled && about.layout === "vector") {
        context.drawImage(heatmap(about.numbers, k, 1, 1, scale === "unit" ? about.max : max, colors), x, y, w, high);
      } else if (filled) {
        const from = k * rows * width;
        context.drawImage(heatmap(about.numbers, from, rows, width, scale === "unit" ? about.maxima[k] : max, colors), x, y, w, high);
      }
      if (about.layout !== "vector" || place.count <= 32) outline(context, [x, y, w, high], filled ? colors.line : colors["line-2"], 1);
    }
    if (filled && box && about.layout !== "vector") {
      // In its own column the unit has one map; what it sees of the others it sees in all of their maps.
      for (let k = 0; k < place.count; k += 1) if (mine < 0 || mine === k) outline(context, sub(place.rect(k), box, about), colors.flow, 1.5);
    }
    if (about.layout === "vector" && place.count > 32) outline(context, [0, 0, place.rect(place.count - 1)[0] + place.rect(0)[2], place.height], colors.line, 1);
    const chosen = mine < 0 ? -1 : about.layout === "vector" ? Math.floor(mine / about.every) : mine;
    if (chosen >= 0 && chosen < place.count) outline(context, place.rect(chosen), colors.accent, 2.5);
  }
  /** The part of a map's rectangle that a receptive field takes. */
  function sub([x, y, w, high], box, about) {
    const [[top, bottom], [left, right]] = box.length === 2 ? box : [[0, about.size[0] - 1], box[0]];
    const [dy, dx] = [high / about.size[0], w / about.size[1]];
    return [x + left * dx, y + top * dy, (right - left + 1) * dx, (bottom - top + 1) * dy];
  }
  function outline(context, [x, y, w, high], color, line) {
    context.strokeStyle = color;
    context.lineWidth = line;
    context.strokeRect(x + line / 2, y + line / 2, Math.max(1, w - line), Math.max(1, high - line));
  }

  /** Have a column in sight. */
  function reveal(n) {
    const left = n * PITCH;
    if (left < element.scrollLeft || left + PITCH > element.scrollLeft + element.clientWidth) element.scrollLeft = left - element.clientWidth + 2 * PITCH;
  }
  return { element, show, paint, reveal };
}

/** 12,345 as "12.3k": a column is narrow. */
function brief(count) {
  const [unit, name] = count >= 1e6 ? [1e6, "M"] : count >= 1e4 ? [1e3, "k"] : [1, ""];
  return `${format(count / unit, 3)}${name}`.replace(/^(\d)(\d{3})$/, "$1,$2");
}

/** Decode the numbers of a scene's column. */
export function decoded(column, numbers) {
  const [count, rows, columns] = column.drawn;
  const maxima = Array.from({ length: count }, (_, k) => maxAbs(numbers, k * rows * columns, (k + 1) * rows * columns));
  return { ...column, numbers, maxima, max: Math.max(0, ...maxima) };
}
