// The scene with its arrays, the text cut into tokens, and the encoding of a typed text: both only look merges up.

import { typedArray } from "../../kit/js/typed_arrays.js";

/** @typedef {{start: number, id: number, isNew: boolean, isNext: boolean}} Token start: its first byte in the text; isNew: made by the last merge; isNext: part of the pair that is merged next */

/** @param {any} raw the scene that dlviz.tokenization.scene.scene returned */
export function decode(raw) {
  const [bytes, byteIds] = [typedArray(raw.bytes, "uint8"), typedArray(raw.byte_ids, "uint8")];
  const mergedAt = typedArray(raw.merged_at, "int32");
  const flat = typedArray(raw.merges, "int32");
  const merges = Array.from({ length: flat.length / 3 }, (_, k) => ({ left: flat[3 * k], right: flat[3 * k + 1], id: flat[3 * k + 2] }));
  const pairKey = (left, right) => left * raw.names.length + right;
  /** Numbers of the merges of each pair. @type {Map<number, number[]>} */
  const numbers = new Map();
  /** The bytes of each token as a string, and its id. */
  const keys = [];
  byteIds.forEach((id, byte) => { keys[id] = String.fromCharCode(byte); });
  merges.forEach(({ left, right, id }, k) => {
    keys[id] = keys[left] + keys[right];
    numbers.set(pairKey(left, right), [...(numbers.get(pairKey(left, right)) ?? []), k + 1]);
  });
  const idOf = new Map(keys.map((key, id) => [key, id]));
  const word = new RegExp(raw.word, "gu");

  /** The drawn text after `step` merges. @param {number} step @returns {Token[]} */
  function tokens(step) {
    const found = [];
    let [key, isNew, wasNext] = ["", false, false];
    bytes.forEach((byte, k) => {
      key += String.fromCharCode(byte);
      if (mergedAt[k] > 0 && mergedAt[k] <= step) {
        if (mergedAt[k] === step) isNew = true;
        return;
      }
      const isNext = mergedAt[k] === step + 1;
      found.push({ start: k + 1 - key.length, id: idOf.get(key), isNew, isNext: isNext || wasNext });
      [key, isNew, wasNext] = ["", false, isNext];
    });
    return found;
  }
  /** The number of the merge of a pair among the first `step`; Infinity if there is none. */
  function numberOf(left, right, step) {
    return (numbers.get(pairKey(left, right)) ?? []).findLast((number) => number <= step) ?? Infinity;
  }
  /** Ids of a typed text with the first `step` merges. @param {string} text @param {number} step @returns {number[]} */
  function encode(text, step) {
    return (text.match(word) ?? []).flatMap((part) => {
      let ids = Array.from(new TextEncoder().encode(part), (byte) => byteIds[byte]);
      for (;;) {
        const first = Math.min(...ids.slice(1).map((id, k) => numberOf(ids[k], id, step)));
        if (first === Infinity) return ids;
        ids = merged(ids, merges[first - 1]);
      }
    });
  }
  return { ...raw, merges, tokens, encode };
}

function merged(ids, { left, right, id }) {
  const found = [];
  for (const one of ids) {
    if (found.length && found.at(-1) === left && one === right) found[found.length - 1] = id;
    else found.push(one);
  }
  return found;
}
