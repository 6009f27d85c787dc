// Points and labels on a canvas in two or three dimensions: panned, rotated, zoomed, and walked from word to word with the arrow keys.

import { redrawOnChange, tween } from "../../../kit/js/animation.js";
import { drawArrow, drawDisc, drawRing } from "../../../kit/js/canvas.js";
import { arrowDirection, h, onKeys } from "../../../kit/js/dom.js";
import { themeColors, hidpiContext } from "../../../kit/js/heatmap.js";
import { drawLabels, labelMeasurer } from "../../../kit/js/map_labels.js";
import { argmin, format } from "../../../kit/js/numbers.js";
import { placeReadout } from "../../../kit/js/readout.js";
import { PITCH, fitScale, project, screen, layered } from "./viewport.js";
import { drawAxes, drawPoints, MANY } from "./map_drawing.js";

const HEIGHT = 480;
const MARGIN = 36;
/** Layers of depth, and the first yaw and pitch of a map in three dimensions, in radians. */
const LAYERS = 10;
const INITIAL_ANGLES = [0.6, PITCH];
/** Milliseconds of the transition from one map to another. */
const TRANSITION = 600;

/**
 * @param {{messages: Record<string, string>, root: HTMLElement, signal: AbortSignal, pick: (row: number) => void,
 *   startDrag?: (event: PointerEvent, row: number) => boolean}} options startDrag: begins to drag a word that was pressed, and returns whether words can be dragged
 */
export function map({ messages, root, signal, pick, startDrag = () => false }) {
  const canvas = h("canvas", { class: "embedding-canvas", tabindex: "0", role: "application", "aria-label": messages["map.alt"] });
  const name = h("span", { class: "embedding-hovered" });
  const numbers = h("code");
  const status = h("p", { class: "embedding-status" }, name, numbers);
  const element = h("div", { class: "embedding-map" }, canvas, status);
  /** @type {any} */
  let scene = { labels: [], coordinates: new Float32Array(0), components: 2, custom_axis: false, is3d: false, axes: [] };
  let marks = { word: -1, near: [], answers: [], question: [], others: [], targets: [] };
  let highlighted = [];
  let step = 0;
  let viewport = { x: 0, y: 0, zoom: 1 };
  let [width, hovered] = [0, -1];
  let [colors, measure, fit] = [null, null, null];
  const axisEnds = screen(6);
  let [screenXY, drawnLabels] = [screen(1), []];
  const redraw = redrawOnChange({ root, element, signal, draw: paint });
  const positions = tween({ redraw });
  const angles = tween({ redraw });
  angles.go([0, 0]);

  /** Start to move the points to their positions for this scene and step. */
  function updateLayout(ms = 0, steady = false) {
    if (!width) return;
    fit = fitScale({ ...scene, rows: scene.labels.length, targets: marks.targets }, width - 2 * MARGIN, HEIGHT - 2 * MARGIN);
    positions.go(fit.at(step), ms, steady);
  }
  /** Update the position of every point on the screen. */
  function updateScreen() {
    const base = positions.now();
    if (!base) return;
    if (screenXY.x.length !== base.length / 3) screenXY = screen(base.length / 3);
    const [yaw, pitch] = angles.now();
    project(base, { ...viewport, yaw, pitch }, width, HEIGHT, screenXY);
    const [x, y, z] = fit.half;
    project([-x, 0, 0, x, 0, 0, 0, -y, 0, 0, y, 0, 0, 0, -z, 0, 0, z], { ...viewport, yaw, pitch }, width, HEIGHT, axisEnds);
  }
  function position(row) {
    return [screenXY.x[row], screenXY.y[row]];
  }
  function paint(available) {
    if (available !== width) {
      width = available;
      updateLayout();
    }
    if (!fit) return;
    colors = themeColors(root);
    measure ??= labelMeasurer(colors.font);
    updateScreen();
    const count = scene.labels.length;
    const context = hidpiContext(canvas, width, HEIGHT);
    const layers = { at: screenXY, ...layered(screenXY.z, count, scene.is3d ? LAYERS : 1) };
    if (scene.is3d) drawAxes(context, colors, axisEnds, ["1", "2", "3"].map((one) => (scene.axes[1] ? one : "")));
    drawPoints(context, colors, layers, width, HEIGHT);
    drawArithmetic(context);
    drawMarks(context);
    for (const row of highlighted) drawRing(context, position(row), 7, colors.select);
    const first = [marks.word, hovered, ...marks.question, ...marks.others, ...marks.answers.slice(0, 1), ...marks.near, ...highlighted].filter((row) => row >= 0);
    const middle = count && scene.is3d ? screenXY.z[layers.order[count >> 1]] : -Infinity;
    const front = (row) => count > MANY || (scene.is3d && screenXY.z[row] >= middle);
    // Labels that were drawn before stay if they fit; then come those nearest to the viewer.
    const before = scene.is3d ? drawnLabels.map(({ row }) => row).filter(front) : [];
    const bold = new Set(first);
    const color = (row) => (bold.has(row) || front(row) ? colors.ink : colors["ink-3"]);
    const rows = labelOrder(first, before, layers, scene.is3d);
    drawnLabels = drawLabels(context, { names: scene.labels, at: screenXY, rows, first: bold, color, paper: colors.paper, measure, width, height: HEIGHT, reserved: covered(), before: drawnLabels });
  }
  /** The boxes of the buttons, of the text on the map, and of the axes' names. */
  function covered() {
    const names = scene.is3d ? [1, 3, 5].map((k) => [axisEnds.x[k], axisEnds.y[k] - 7, axisEnds.x[k] + 12, axisEnds.y[k] + 7]) : [];
    const nodes = [...element.children].filter((node) => node !== canvas && node !== status).map((node) => {
      const { offsetLeft: left, offsetTop: top, offsetWidth: wide, offsetHeight: high } = /** @type {HTMLElement} */ (node);
      return [left, top, left + wide, top + high];
    });
    return [...names, ...nodes];
  }
  /** Draw an arrow from a to b, and the same arrow from c to b − a + c, if the map has a position for it. */
  function drawArithmetic(context) {
    const target = scene.labels.length;
    if (!marks.question.length || !(screenXY.x[target] === screenXY.x[target])) return;
    const [a, b, c] = marks.question.map(position);
    drawArrow(context, a, b, colors["class-0"], { short: 5 });
    drawArrow(context, c, position(target), colors["class-0"], { short: 7 });
    drawRing(context, position(target), 7, colors["class-0"]);
  }
  function drawMarks(context) {
    const groups = [[marks.near, colors.ink, 4], [marks.answers.slice(0, 1), colors["class-0"], 5], [[...marks.question, ...marks.others], colors["class-0"], 4], [[marks.word], colors.select, 6]];
    for (const [rows, color, radius] of groups) {
      for (const row of rows) if (row >= 0) drawDisc(context, position(row), radius, color);
    }
  }

  /** Return the row nearest to a position, and of several that overlap in three dimensions one in front. */
  function nearest(x, y, radius = 16) {
    if (fit) updateScreen();
    return argmin(scene.labels.length, (row) => {
      const squaredDistance = (screenXY.x[row] - x) ** 2 + (screenXY.y[row] - y) ** 2;
      if (squaredDistance >= radius ** 2) return Infinity;
      return squaredDistance - (scene.is3d && squaredDistance < 25 ? screenXY.z[row] / 10 : 0);
    }, radius ** 2);
  }
  /** Return the row that a pointer selects: a point right under it, then a label, then a point nearby. */
  function wordAt(x, y) {
    const row = draggableAt(x, y);
    return row >= 0 ? row : nearest(x, y);
  }
  /** Return the row that can be dragged from here. Of very many points only labels can, so that there is room to pan. */
  function draggableAt(x, y) {
    const point = scene.labels.length > MANY ? -1 : nearest(x, y, 5);
    return point >= 0 ? point : labelAt(x, y);
  }
  function labelAt(x, y) {
    return drawnLabels.find(({ box }) => x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3])?.row ?? -1;
  }
  /** Zoom around a position; by default around the selected word, if it is visible. */
  function zoom(factor, center = isVisible(marks.word) ? position(marks.word) : [width / 2, HEIGHT / 2]) {
    const [x, y] = center;
    const next = Math.max(0.5, Math.min(60, viewport.zoom * factor));
    const ratio = next / viewport.zoom;
    viewport = { zoom: next, x: (viewport.x + width / 2 - x) * ratio + x - width / 2, y: (viewport.y + HEIGHT / 2 - y) * ratio + y - HEIGHT / 2 };
    redraw();
  }
  function isVisible(row) {
    const [x, y] = row < 0 ? [-1, -1] : position(row);
    return x >= 0 && y >= 0 && x <= width && y <= HEIGHT;
  }
  function pan(dx, dy) {
    viewport = { ...viewport, x: viewport.x + dx, y: viewport.y + dy };
    redraw();
  }
  function rotate(dx, dy) {
    const [yaw, pitch] = angles.now();
    angles.go([yaw + dx, Math.max(-Math.PI / 2, Math.min(Math.PI / 2, pitch + dy))]);
  }
  /** Print the word under the pointer beside it. @param {number} row @param {number[]} [point] */
  function hover(row, point) {
    if (row !== hovered && scene.labels.length) redraw();
    hovered = row;
    name.textContent = row < 0 ? messages[scene.is3d ? "map.hint_3d" : "map.hint"] : scene.labels[row];
    numbers.textContent = row < 0 ? "" : coordinates(row);
    status.classList.toggle("dlviz-readout", Boolean(row >= 0 && point));
    if (row >= 0 && point) placeReadout(status, point);
    else status.removeAttribute("style");
  }
  function coordinates(row) {
    const from = (step * scene.labels.length + row) * scene.components;
    return `(${Array.from(scene.coordinates.slice(from, from + (scene.is3d ? 3 : 2)), (value) => format(value, 3)).join(", ")})`;
  }

  let drag = null;
  canvas.addEventListener("pointerdown", (event) => {
    const row = draggableAt(event.offsetX, event.offsetY);
    if (row >= 0 && event.button === 0 && startDrag(event, row)) return;
    drag = { x: event.offsetX, y: event.offsetY, moved: 0 };
    canvas.setPointerCapture(event.pointerId);
  }, { signal });
  canvas.addEventListener("pointermove", (event) => {
    if (!drag) {
      canvas.toggleAttribute("data-word", draggableAt(event.offsetX, event.offsetY) >= 0);
      return hover(wordAt(event.offsetX, event.offsetY), [event.offsetX, event.offsetY]);
    }
    const [dx, dy] = [event.offsetX - drag.x, event.offsetY - drag.y];
    drag = { x: event.offsetX, y: event.offsetY, moved: drag.moved + Math.abs(dx) + Math.abs(dy) };
    if (scene.is3d && !event.shiftKey) rotate(dx / 150, dy / 150);
    else pan(dx, dy);
  }, { signal });
  canvas.addEventListener("pointerup", (event) => {
    if (drag && drag.moved < 4) {
      const row = wordAt(event.offsetX, event.offsetY);
      if (row >= 0) pick(row);
    }
    drag = null;
  }, { signal });
  canvas.addEventListener("pointercancel", () => (drag = null), { signal });
  canvas.addEventListener("pointerleave", () => drag || hover(-1), { signal });
  canvas.addEventListener("wheel", (event) => {
    // The wheel zooms only a map with the focus; otherwise it scrolls the notebook.
    if (document.activeElement !== canvas) return;
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 400), [event.offsetX, event.offsetY]);
  }, { signal, passive: false });
  onKeys(canvas, signal, (event) => {
    const direction = arrowDirection(event);
    if (direction) (event.shiftKey ? nudge : walk)(direction);
    else if (event.key === "+" || event.key === "=") zoom(1.3);
    else if (event.key === "-") zoom(1 / 1.3);
    else if (event.key === "0") reset();
    else return false;
    return true;
  });

  /** Pan a flat map by a small step, or rotate one in three dimensions. @param {number[]} direction */
  function nudge([dx, dy]) {
    if (scene.is3d) rotate(0.15 * dx, 0.15 * dy);
    else pan(40 * dx, 40 * dy);
  }
  /** Pan until a word is visible that was selected elsewhere. */
  function follow(row) {
    updateScreen();
    if (!isVisible(row)) pan(width / 2 - screenXY.x[row], HEIGHT / 2 - screenXY.y[row]);
  }
  /** Select the nearest word in a direction; distance sideways counts twice. @param {number[]} direction */
  function walk([directionX, directionY]) {
    updateScreen();
    const from = marks.word < 0 ? [width / 2, HEIGHT / 2] : position(marks.word);
    const best = argmin(scene.labels.length, (row) => {
      const [dx, dy] = [screenXY.x[row] - from[0], screenXY.y[row] - from[1]];
      const ahead = dx * directionX + dy * directionY;
      const aside = Math.abs(dx * directionY) + Math.abs(dy * directionX);
      return row !== marks.word && ahead > 0.5 && aside < 2 * ahead ? ahead + 2 * aside : Infinity;
    });
    if (best >= 0) pick(best);
  }
  function reset() {
    viewport = { x: 0, y: 0, zoom: 1 };
    if (scene.is3d) angles.go(INITIAL_ANGLES, TRANSITION);
    redraw();
  }

  return {
    element,
    reset,
    zoom,
    nudge,
    /**
     * @param {{labels: string[], coordinates: Float32Array, components?: number, snapshots?: string[], is3d?: boolean, custom_axis: boolean, axes: string[], layout_key?: string}} next
     *   coordinates: snapshots × rows × components, 2 by default; layout_key: another one resets pan and zoom
     * @param {number} [shown] which snapshot
     */
    show(next, shown = 0) {
      const before = scene;
      scene = { components: 2, is3d: false, ...next };
      step = shown;
      if (before.labels.length !== scene.labels.length || before.is3d !== scene.is3d) drawnLabels = [];
      if (hovered >= scene.labels.length) hovered = -1;
      hover(hovered);
      if (before.layout_key !== scene.layout_key || before.is3d !== scene.is3d) viewport = { x: 0, y: 0, zoom: 1 };
      if (before.is3d !== scene.is3d) angles.go(scene.is3d ? INITIAL_ANGLES : [0, 0], before.labels.length ? TRANSITION : 0);
      updateLayout(TRANSITION);
      redraw();
    },
    /** Show a snapshot. */
    showStep(next, ms = 0) {
      if (next === step) return;
      step = next;
      updateLayout(ms, true);
    },
    mark(next) {
      const before = marks;
      marks = { targets: [], ...next };
      if (marks.targets !== before.targets && (marks.targets.length || before.targets.length)) updateLayout(TRANSITION);
      if (marks.word !== before.word && marks.word >= 0 && fit) follow(marks.word);
      redraw();
    },
    /** Draw rings around some rows. */
    highlight(rows) {
      highlighted = rows;
      redraw();
    },
  };
}

/** Yield each row once, in the order in which labels are placed. */
function* labelOrder(first, before, { order }, is3d) {
  const seen = new Set();
  for (const rows of [first, before]) {
    for (const row of rows) {
      if (!seen.has(row)) yield row;
      seen.add(row);
    }
  }
  for (let k = 0; k < order.length; k += 1) {
    const row = order[is3d ? order.length - 1 - k : k];
    if (!seen.has(row)) yield row;
  }
}
