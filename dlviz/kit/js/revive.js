// What JSON does not have: bytes, NaN and the infinities, as Python encodes them (sanitize.py, page.py).

/**
 * @template Value
 * @param {Value} value bytes arrive in an exported page as {$bytes: base64} and become a DataView, as a kernel sends them; numbers that
 *   are not finite arrive as {$number: "NaN"}
 * @returns {any} the value itself where nothing in it is encoded
 */
export function revive(value) {
  if (value === null || typeof value !== "object" || ArrayBuffer.isView(value)) return value;
  const { $bytes, $number } = /** @type {any} */ (value);
  if (typeof $bytes === "string") {
    const text = atob($bytes);
    const bytes = new Uint8Array(text.length);
    for (let k = 0; k < text.length; k += 1) bytes[k] = text.charCodeAt(k);
    return new DataView(bytes.buffer);
  }
  if (typeof $number === "string") return Number($number);
  // Only what holds something encoded is copied: a page can have millions of numbers.
  /** @type {any} */
  let copy = null;
  const put = (key, item) => {
    const revived = revive(item);
    if (revived === item) return;
    copy ??= Array.isArray(value) ? value.slice() : { ...value };
    copy[key] = revived;
  };
  if (Array.isArray(value)) {
    for (let k = 0; k < value.length; k += 1) if (typeof value[k] === "object") put(k, value[k]);
  } else {
    for (const key of Object.keys(value)) if (typeof value[key] === "object") put(key, value[key]);
  }
  return copy ?? value;
}

/** `revive` for a notebook's values: the same object each time, as views compare them. @returns {(value: any) => any} */
export function reviver() {
  const revived = new WeakMap();
  return (value) => {
    if (value === null || typeof value !== "object") return value;
    if (!revived.has(value)) revived.set(value, revive(value));
    return revived.get(value);
  };
}

/** A number as a message can hold it. @param {any} value */
export function encoded(value) {
  return typeof value === "number" && !Number.isFinite(value) ? { $number: String(value) } : value;
}

/** A message with its buffers where Python took them out. */
export function restoreBuffers(value, buffers) {
  if (Array.isArray(value)) return value.map((item) => restoreBuffers(item, buffers));
  if (value === null || typeof value !== "object" || ArrayBuffer.isView(value)) return value;
  if ("$buffer" in value) return buffers[value.$buffer];
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, restoreBuffers(item, buffers)]));
}
