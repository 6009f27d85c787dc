// Pan and zoom by dragging, pinching or control-wheel, by buttons, and by a minimap of what does not fit.

import { h, s } from "../../kit/js/dom.js";
import { minimap } from "../../kit/js/minimap.js";

const MIN_SCALE = 0.12;
const MAX_SCALE = 2.5;
/** The least and the greatest height of the pane. */
const HEIGHTS = [300, 500];
/** Space above a diagram, where the buttons are, and at its other sides. */
const TOP = 32;
const MARGIN = 12;
/** Width of the minimap in pixels, and its distance from the edges of the pane. */
const MAP_WIDTH = 150;
const MAP_MARGIN = 8;
/** How far a gradient and a mark reach beyond their box. */
const BOX_MARGIN = 14;

/**
 * A diagram opens at its true size, so that every text has the size it was made for, or a little smaller if all of it then fits:
 * in the middle, else at its end, where the loss is.
 * @param {{messages: Record<string, string>, signal: AbortSignal, onMove: () => void, covered: () => number, tools: [string, string, () => void][]}} options covered: how many pixels at the right lie below the side panel; tools: message key, text and action of more buttons
 */
export function panZoom({ messages, signal, onMove, covered, tools }) {
  const layer = s("g", { class: "pan-zoom" });
  const svg = s("svg", { class: "graph-pane", role: "img" }, layer);
  const transform = { x: 0, y: 0, scale: 1 };
  let size = { width: 1, height: 1 };
  let movedByUser = false;

  const button = ([name, text, act]) => {
    const node = h("button", { type: "button", "aria-label": messages[name], title: messages[name] }, text);
    node.addEventListener("click", act, { signal });
    return node;
  };
  const zoomTools = [["zoom_out", "−", () => zoom(1 / 1.25)], ["zoom_in", "+", () => zoom(1.25)], ["fit", "⤢", () => fit()]];
  const toolbar = h("div", { class: "graph-tools" }, ...[...tools, ...zoomTools].map(button));
  const overview = minimap({ label: messages.minimap, signal, moveTo: centerAt, maxWidth: MAP_WIDTH, maxHeight: 90 });
  const map = overview.element;
  map.classList.add("graph-minimap");
  map.addEventListener("lostpointercapture", () => {
    isHeld = false;
    placeMinimap();
  }, { signal });
  /** Boxes of the diagram. @type {{x: number, y: number, w: number, h: number}[]} */
  let boxes = [];
  /** The minimap's corner, and whether it is dragged: until then it stays there. */
  let corner = 0;
  let isHeld = false;

  /** Put a point of the diagram, given as fractions, in the middle. */
  function centerAt(y, x) {
    isHeld = true;
    transform.x = svg.clientWidth / 2 - x * size.width * transform.scale;
    transform.y = svg.clientHeight / 2 - y * size.height * transform.scale;
    movedByUser = true;
    apply();
  }
  function visibleArea() {
    const { x, y, scale } = transform;
    return { left: -x / scale, top: -y / scale, right: (svg.clientWidth - x) / scale, bottom: (svg.clientHeight - y) / scale };
  }
  function placeMinimap() {
    const { left, top, right, bottom } = visibleArea();
    map.hidden = left <= 0 && top <= 0 && right >= size.width && bottom >= size.height;
    const part = (from, to, whole) => [Math.max(0, from), Math.min(whole, to) - Math.max(0, from), whole];
    overview.place(part(top, bottom, size.height), part(left, right, size.width));
    if (!map.hidden && !isHeld) chooseCorner();
  }
  /** Move the minimap to the corner of the pane where it lies over the fewest boxes. It stays where it is unless another one is better. */
  function chooseCorner() {
    const { offsetWidth: width, offsetHeight: height } = map;
    const right = svg.clientWidth - covered() - MAP_MARGIN - width;
    const bottom = svg.clientHeight - MAP_MARGIN - height;
    const corners = [[MAP_MARGIN, bottom], [right, bottom], [right, MAP_MARGIN], [MAP_MARGIN, TOP]];
    const { x: dx, y: dy, scale } = transform;
    const meet = (at, length, from, long) => at < from + long && at + length > from;
    const counts = corners.map(([left, top]) => boxes.filter(({ x, y, w, h: high }) => meet(dx + x * scale, w * scale, left, width) && meet(dy + (y - BOX_MARGIN) * scale, (high + 2 * BOX_MARGIN) * scale, top, height)).length);
    const least = Math.min(...counts);
    if (counts[corner] > least) corner = counts.indexOf(least);
    map.style.inset = `${corners[corner][1]}px auto auto ${corners[corner][0]}px`;
  }
  function apply() {
    placeMinimap();
    layer.setAttribute("transform", `translate(${transform.x.toFixed(1)},${transform.y.toFixed(1)}) scale(${transform.scale.toFixed(4)})`);
    onMove();
  }
  function zoom(factor, center = { x: svg.clientWidth / 2, y: svg.clientHeight / 2 }) {
    const scale = Math.max(MIN_SCALE, Math.min(MAX_SCALE, transform.scale * factor));
    transform.x = center.x - ((center.x - transform.x) * scale) / transform.scale;
    transform.y = center.y - ((center.y - transform.y) * scale) / transform.scale;
    transform.scale = scale;
    movedByUser = true;
    apply();
  }
  /** Show the whole diagram, or its end, where the loss is, if the scale would be less than `least`. */
  function fit(least = 0) {
    const { clientWidth: width, clientHeight: height } = svg;
    const scale = Math.max(MIN_SCALE, Math.min(1, (width - 2 * MARGIN) / size.width, (height - TOP - MARGIN) / size.height));
    transform.scale = scale < least ? 1 : scale;
    transform.x = size.width * transform.scale <= width ? (width - size.width * transform.scale) / 2 : width - MARGIN - size.width * transform.scale;
    transform.y = Math.max(TOP, (TOP + height - MARGIN - size.height * transform.scale) / 2);
    movedByUser = false;
    apply();
  }
  /** Bring a box into view with as little movement as possible. */
  function reveal({ x, y, w, h: height }) {
    const margin = 24;
    const left = transform.x + x * transform.scale;
    const top = transform.y + y * transform.scale;
    placeMinimap();
    const dx = Math.max(margin - left, 0) || Math.min(svg.clientWidth - covered() - margin - (left + w * transform.scale), 0);
    const dy = Math.max(margin - top, 0) || Math.min(svg.clientHeight - margin - (top + height * transform.scale), 0);
    if (!dx && !dy) return;
    transform.x += dx;
    transform.y += dy;
    apply();
  }

  let drag = null;
  svg.addEventListener("pointerdown", (event) => {
    if (event.button === 0) drag = { id: event.pointerId, x: event.clientX - transform.x, y: event.clientY - transform.y, moved: false };
  }, { signal });
  svg.addEventListener("pointermove", (event) => {
    if (!drag || drag.id !== event.pointerId) return;
    const x = event.clientX - drag.x;
    const y = event.clientY - drag.y;
    if (!drag.moved && Math.hypot(x - transform.x, y - transform.y) < 4) return;
    if (!drag.moved) svg.setPointerCapture(event.pointerId);
    drag.moved = true;
    movedByUser = true;
    Object.assign(transform, { x, y });
    apply();
  }, { signal });
  const drop = () => {
    // A drag ends with a click event, which must not select anything.
    if (drag?.moved) {
      const swallow = (event) => event.stopPropagation();
      svg.addEventListener("click", swallow, { capture: true, once: true });
      setTimeout(() => svg.removeEventListener("click", swallow, { capture: true }), 0);
    }
    drag = null;
  };
  svg.addEventListener("pointerup", drop, { signal });
  svg.addEventListener("pointercancel", () => (drag = null), { signal });
  svg.addEventListener("wheel", (event) => {
    const box = svg.getBoundingClientRect();
    if (event.ctrlKey) zoom(Math.exp(-event.deltaY / 200), { x: event.clientX - box.left, y: event.clientY - box.top });
    else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      transform.x -= event.deltaX;
      movedByUser = true;
      apply();
    } else return;
    event.preventDefault();
  }, { signal, passive: false });

  return {
    svg,
    layer,
    toolbar,
    minimap: map,
    /** Draw the minimap: boxes as a picture of the whole diagram. @param {{x: number, y: number, w: number, h: number}[]} drawn @param {string} color */
    drawMinimap(drawn, color) {
      boxes = drawn;
      const picture = document.createElement("canvas");
      const scale = MAP_WIDTH / size.width;
      Object.assign(picture, { width: MAP_WIDTH, height: Math.max(1, Math.ceil(size.height * scale)) });
      const context = picture.getContext("2d");
      context.fillStyle = color;
      for (const { x, y, w, h: height } of drawn) context.fillRect(x * scale, y * scale, Math.max(1, w * scale), Math.max(1, height * scale));
      overview.paint(picture);
      placeMinimap();
    },
    zoom,
    fit,
    reveal,
    /** Show an expanded group: all of it, or as much of its upper right as fits. */
    showGroup({ x, y, w, h: height }) {
      const [maxWidth, maxHeight] = [(0.7 * svg.clientWidth) / transform.scale, (0.8 * svg.clientHeight) / transform.scale];
      reveal({ x: x + Math.max(0, w - maxWidth), y, w: Math.min(w, maxWidth), h: Math.min(height, maxHeight) });
    },
    /** Whether the user has moved the diagram. */
    movedByUser: () => movedByUser,
    /** The visible part of the diagram. */
    visibleArea,
    /**
     * Adapt to a new size of the diagram. It stays where the user put it, and a toggled group stays under the pointer.
     * @param {{width: number, height: number}} next
     * @param {boolean} refit
     * @param {{x: number, y: number}} [shift] how far the group that must stay in place has moved within the diagram
     */
    resize(next, refit, shift) {
      size = next;
      svg.style.height = `${Math.max(HEIGHTS[0], Math.min(HEIGHTS[1], Math.ceil(next.height) + TOP + MARGIN))}px`;
      const whole = size.width + 2 * MARGIN <= svg.clientWidth && size.height + TOP + MARGIN <= svg.clientHeight;
      if (refit || (!movedByUser && (whole || !shift))) fit(0.9);
      else {
        transform.x -= (shift?.x ?? 0) * transform.scale;
        transform.y -= (shift?.y ?? 0) * transform.scale;
        apply();
      }
    },
  };
}
