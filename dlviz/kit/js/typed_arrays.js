// Arrays travel as bytes; this turns them into typed arrays.

const KINDS = { int8: Int8Array, uint8: Uint8Array, uint16: Uint16Array, int32: Int32Array, float32: Float32Array, float64: Float64Array };

/**
 * @param {DataView} view little-endian bytes, as Python wrote them
 * @template {keyof typeof KINDS} Kind
 * @param {Kind} kind
 * @returns {InstanceType<typeof KINDS[Kind]>}
 */
export function typedArray(view, kind) {
  // Copied, because a typed array must start at a multiple of its item's size and a message's buffer may not.
  const bytes = view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
  return /** @type {any} */ (new (/** @type {any} */ (KINDS[kind]))(bytes));
}
