// The arithmetic of one output: its terms as numbers, the formula that adds them up, and the sum of each input channel.

import { fillIn } from "../../kit/js/dom.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { format } from "../../kit/js/numbers.js";
import { ravel, unravel } from "../../kit/js/tensor_block.js";
import { inParentheses, intersperse } from "../../kit/js/formula.js";

/** Longer sums are written with an ellipsis. */
const MAX_TERMS = 10;

/** The factors of each term, null if they are not in the scene. Max pooling ignores its padding, which is `absent`. */
export function factorsOf(blocks, terms) {
  return terms.map(({ input, weight: index }) => {
    const p = blocks.input.position(input);
    const w = index ? blocks.weight.position(index) : 0;
    if (p < 0 || w < 0) return null;
    const value = Number(blocks.input.raw(p));
    const weight = index ? Number(blocks.weight.raw(w)) : null;
    const texts = [blocks.input.text(p), index ? blocks.weight.text(w) : null];
    return { texts, value, weight, product: weight === null ? value : value * weight, channel: input[0], absent: blocks.input.absent(p) };
  });
}

/** Sum (or maximum) of the terms up to the k-th one, and the sum of those in its channel. */
export function runningSum(kind, factors, k) {
  const terms = factors.slice(0, k + 1).filter((term) => term && !term.absent);
  if (kind === "max_pool") return { total: terms.reduce((max, term) => Math.max(max, term.product), -Infinity) };
  const channel = terms.at(-1)?.channel;
  return { channel, channelSum: sumOf(terms.filter((term) => term.channel === channel)), total: sumOf(terms) };
}
function sumOf(terms) {
  return terms.reduce((total, term) => total + term.product, 0);
}

/** @param {{scene: any, blocks: any, messages: any, name: string, q: number, channel: number, factors: any[]}} output @returns parts of a formula */
export function outputFormula({ scene, blocks, messages, name, q, channel, factors }) {
  const counted = factors.filter((term) => term && !term.absent);
  const complete = factors.every(Boolean);
  const parts = counted.map(({ texts: [value, weight] }) => (weight === null ? [inParentheses(value)] : [{ text: inParentheses(value), dim: 0 }, "·", { text: inParentheses(weight), dim: 1 }]));
  const shown = parts.length > MAX_TERMS + 1 ? [...parts.slice(0, MAX_TERMS - 1), ["…"], parts.at(-1)] : parts;
  const joined = (separator) => intersperse(shown, [separator]).flat();
  const result = { text: blocks.output.text(q), strong: true };
  if (scene.kind === "max_pool") {
    const flatIndex = scene.flat_indices ? [` ${fillIn(messages.flat, { index: typedArray(scene.flat_indices, "int32")[q] })}`] : [];
    return [name, " = max(", ...joined(", "), ") = ", result, ...flatIndex];
  }
  const printed = counted.reduce((total, { texts: [value, weight] }) => total + numberOf(value) * (weight === null ? 1 : numberOf(weight)), 0);
  const note = (sum) => roundingNote(messages, blocks, q, sum, complete);
  if (scene.kind === "avg_pool") {
    const divisor = divisorOf(scene, blocks, q);
    return [name, " = (", ...joined(" + "), `) / ${divisor} = `, result, ...note(Number((printed / divisor).toPrecision(5)))];
  }
  const bias = blocks.bias ? [" + bias ", blocks.bias.text(channel)] : [];
  return [name, " = ", ...(shown.length ? joined(" + ") : ["0"]), ...bias, " = ", result, ...note(printed + biasOf(blocks, channel))];
}

/** "channel 0: 3, channel 1: −2, bias 1 → 2", the sum of every input channel; nothing if there is only one. */
export function channelSums({ scene, blocks, messages, q, channel, factors }) {
  const terms = factors.filter(Boolean);
  const channels = [...new Set(terms.map((term) => term.channel))];
  const complete = terms.length === factors.length;
  if (scene.kind.endsWith("pool") || (channels.length < 2 && complete)) return [];
  const sums = channels.map((c) => sumOf(terms.filter((term) => term.channel === c)));
  const parts = channels.map((c, i) => fillIn(messages["sums.channel"], { channel: c, sum: blocks.output.write(sums[i]) }));
  const printed = sums.reduce((total, sum) => total + numberOf(blocks.output.write(sum)), biasOf(blocks, channel));
  // The sum of channels that are not in the scene is what remains of torch's result.
  if (!complete) parts.push(fillIn(messages["sums.others"], { sum: blocks.output.write(printedOutput(blocks, q) - printed) }));
  if (blocks.bias) parts.push(fillIn(messages["sums.bias"], { bias: blocks.bias.text(channel) }));
  return [parts.join(", "), " → ", { text: blocks.output.text(q), strong: true }, ...roundingNote(messages, blocks, q, printed, complete)];
}

/** The divisor of an average pooling. */
export function divisorOf(scene, blocks, q) {
  const position = unravel(q, blocks.output.size).slice(1);
  return typedArray(scene.divisors, "int32")[ravel(position, blocks.output.size.slice(1))];
}

function biasOf(blocks, channel) {
  return blocks.bias ? numberOf(blocks.bias.text(channel)) : 0;
}
function printedOutput(blocks, q) {
  return numberOf(blocks.output.text(q));
}
/** The number that a text shows. @param {string} text */
function numberOf(text) {
  return Number(text.replaceAll("−", "-"));
}
/** A note about the difference between torch's printed result and the sum of the printed terms. */
function roundingNote(messages, blocks, q, printed, complete) {
  const off = printedOutput(blocks, q) - printed;
  return complete && Math.abs(off) > 1e-9 * Math.max(1, Math.abs(printed)) ? [{ text: ` ${fillIn(messages.rounded, { off: format(off, 2) })}`, soft: true }] : [];
}
