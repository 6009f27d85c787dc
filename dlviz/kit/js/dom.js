// Short constructors for DOM nodes. Text is always inserted as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An HTML element.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} [attributes] null and undefined ones are left out
 * @param {...(Node|string|null)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/**
 * An SVG element.
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node|string|null)} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** @template {Element} Kind @param {Kind} node @param {Record<string, any>} attributes @param {any[]} children @returns {Kind} */
function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) node.setAttribute(name, String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** The nearest ancestor of the event's target, or the target itself, that matches. @param {Event} event @param {string} selector @returns {HTMLElement | null} */
export function closest(event, selector) {
  return event.target instanceof Element ? event.target.closest(selector) : null;
}

/** Direction [x, y] of an arrow key, y downwards; undefined for any other key. @param {KeyboardEvent} event @returns {number[] | undefined} */
export function arrowDirection(event) {
  return { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
}

/**
 * Handle keys that are pressed without Ctrl, Meta or Alt.
 * @param {HTMLElement} element
 * @param {AbortSignal} signal
 * @param {(event: KeyboardEvent) => boolean} handle returns whether it has used the key, which then has no other effect
 */
export function onKeys(element, signal, handle) {
  element.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !handle(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }, { signal });
}

/**
 * Fill the {braces} of a message.
 * @param {string} text
 * @param {Record<string, any>} values
 */
export function fillIn(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}
/** The same as nodes, in which a value that is written from right to left does not turn its neighbors around. @param {string} text @param {Record<string, any>} values */
export function fillInApart(text, values) {
  return text.split(/(\{\w+\})/).map((part) => {
    const name = part.slice(1, -1);
    return part.startsWith("{") && name in values ? h("bdi", {}, String(values[name])) : part;
  });
}
