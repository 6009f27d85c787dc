// The arithmetic of one output: its terms as numbers, the line that adds them up, and what each input channel gives to it.

import { fillIn } from "../../kit/js/dom.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { format } from "../../kit/js/numbers.js";
import { ravel, unravel } from "../../kit/js/tensor_block.js";
import { intersperse } from "../../kit/js/formula.js";

/** More terms than this are written with a gap in the middle. */
const WRITTEN = 10;

/** The numbers behind each term, null for one that is not held; a maximum has nothing where it reads padding. */
export function factorsOf(blocks, terms) {
  return terms.map(({ input, weight }) => {
    const p = blocks.input.position(input);
    const w = weight ? blocks.weight.position(weight) : 0;
    if (p < 0 || w < 0) return null;
    const [value, by] = [Number(blocks.input.raw(p)), weight ? Number(blocks.weight.raw(w)) : null];
    return { value, weight: by, product: by === null ? value : value * by, channel: input[0], absent: blocks.input.absent(p) };
  });
}

/** What the k-th and all terms before it add up to, or which of them is the largest: with the sum of the k-th one's own channel. */
export function running(kind, factors, k) {
  const past = factors.slice(0, k + 1).filter((one) => one && !one.absent);
  if (kind === "max_pool") return { total: past.reduce((most, one) => Math.max(most, one.product), -Infinity) };
  const channel = past.at(-1)?.channel;
  return { channel, own: added(past.filter((one) => one.channel === channel)), total: added(past) };
}
function added(list) {
  return list.reduce((total, one) => total + one.product, 0);
}

/** @param {{about: any, blocks: any, messages: any, name: string, q: number, channel: number, factors: any[]}} output @returns parts of a formula */
export function lineOf({ about, blocks, messages, name, q, channel, factors }) {
  const counted = factors.filter((one) => one && !one.absent);
  const known = factors.every(Boolean);
  const parts = counted.map((one) => (one.weight === null ? [braced(one.value)] : [{ text: braced(one.value), dim: 0 }, "·", { text: braced(one.weight), dim: 1 }]));
  const shown = parts.length > WRITTEN + 1 ? [...parts.slice(0, WRITTEN - 1), ["…"], parts.at(-1)] : parts;
  const written = (sign) => intersperse(shown, [sign]).flat();
  const result = { text: blocks.output.text(q, 5), strong: true };
  if (about.kind === "max_pool") {
    const found = about.flat ? [` ${fillIn(messages.flat, { index: typedArray(about.flat, "int32")[q] })}`] : [];
    return [name, " = max(", ...written(", "), ") = ", result, ...found];
  }
  const printed = counted.reduce((total, one) => total + rounded(one.value) * (one.weight === null ? 1 : rounded(one.weight)), 0);
  if (about.kind === "avg_pool") {
    const by = divisorOf(about, blocks, q);
    return [name, " = (", ...written(" + "), `) / ${by} = `, result, ...rest(messages, blocks, q, Number((printed / by).toPrecision(5)), known)];
  }
  const bias = blocks.bias ? [" + bias ", blocks.bias.text(channel, 4)] : [];
  return [name, " = ", ...(shown.length ? written(" + ") : ["0"]), ...bias, " = ", result, ...rest(messages, blocks, q, printed + biasOf(blocks, channel), known)];
}

/** "channel 0: 3, channel 1: −2, bias 1 → 2": what every input channel gives; nothing where there is only one. */
export function channelsOf({ blocks, messages, q, channel, factors, about }) {
  const held = factors.filter(Boolean);
  const channels = [...new Set(held.map((one) => one.channel))];
  const known = held.length === factors.length;
  if (about.kind.endsWith("pool") || (channels.length < 2 && known)) return [];
  const sums = channels.map((one) => added(held.filter((term) => term.channel === one)));
  const parts = channels.map((one, i) => fillIn(messages["sums.channel"], { channel: one, sum: format(sums[i], 4) }));
  const printed = sums.reduce((total, one) => total + rounded(one), biasOf(blocks, channel));
  // Of channels that are not held nothing is known but what torch's own result leaves for them.
  if (!known) parts.push(fillIn(messages["sums.others"], { sum: format(torchs(blocks, q) - printed, 4) }));
  if (blocks.bias) parts.push(fillIn(messages["sums.bias"], { bias: blocks.bias.text(channel, 4) }));
  return [parts.join(", "), " → ", { text: blocks.output.text(q, 5), strong: true }, ...rest(messages, blocks, q, printed, known)];
}

/** What an average is divided by. */
export function divisorOf(about, blocks, q) {
  const spatial = unravel(q, blocks.output.size).slice(1);
  return typedArray(about.divides, "int32")[ravel(spatial, blocks.output.size.slice(1))];
}

function biasOf(blocks, channel) {
  return blocks.bias ? rounded(Number(blocks.bias.raw(channel))) : 0;
}
function torchs(blocks, q) {
  return Number(Number(blocks.output.raw(q)).toPrecision(5));
}
/** How far what is printed lies from torch's number as it is printed. */
function rest(messages, blocks, q, printed, known) {
  const off = torchs(blocks, q) - printed;
  return known && Math.abs(off) > 1e-9 * Math.max(1, Math.abs(printed)) ? [{ text: ` ${fillIn(messages.rounded, { off: format(off, 2) })}`, soft: true }] : [];
}
function rounded(value) {
  return Number.isInteger(value) ? value : Number(value.toPrecision(4));
}
function braced(value) {
  const text = format(value, 4);
  return text.startsWith("−") ? `(${text})` : text;
}
