// The gradient that a pooling routes back, as small numbers in the cells of the input. Python asked autograd for every one of them.

import { fillIn } from "../../kit/js/dom.js";
import { typedArray } from "../../kit/js/typed_arrays.js";
import { format } from "../../kit/js/numbers.js";
import { decode } from "../../kit/js/tensor_block.js";

/** @param {{sheet: any, messages: Record<string, string>}} options sheet: the grid of the input */
export function gradients({ sheet, messages }) {
  let marked = [];
  let about = null;
  let each = null;
  let total = null;

  function clear() {
    for (const node of marked) delete node.dataset.gradient;
    marked = [];
  }
  function mark(node, value) {
    if (!node || !value) return;
    node.dataset.gradient = format(value, 2);
    marked.push(node);
  }
  function read(scene) {
    about = scene.gradient ?? null;
    each = about?.each ? decode({ ...about.each, name: "" }) : null;
    total = about ? decode({ ...about.total, name: "" }) : null;
  }
  /** Of one output, whose terms these are. @returns what the line of arithmetic says of it */
  function ofOutput(scene, block, terms, index, name) {
    clear();
    if (!each) return [];
    const [channel, ...place] = index;
    const found = terms.flatMap(({ input }) => {
      const ks = scene.axes.map((axis, d) => (input[d + 1] - place[d] * axis.stride) / axis.dilation);
      const value = each.raw(each.position([channel, ...place.map((o, d) => o - scene.output.block.start[d + 1]), ...ks]));
      return value ? [{ input, value }] : [];
    });
    for (const { input, value } of found) mark(sheet.node(block.position(input)), value);
    if (found.length === 0) return [{ text: ` ${messages["gradient.none"]}`, soft: true }];
    const [{ input, value }] = found;
    const shifted = input.map((i, d) => (d ? i - scene.axes[d - 1].before : i));
    const text = found.length === 1 ? fillIn(messages["gradient.one"], { value: format(value, 5), name: name(shifted) }) : fillIn(messages["gradient.many"], { value: format(value, 5), count: found.length });
    return [{ text: ` ${text}`, soft: true }];
  }
  /** Of the sum of all outputs. @returns what the line says, or null where there is no gradient to draw */
  function ofAll(block) {
    clear();
    if (!total) return null;
    for (let p = 0; p < block.count; p += 1) {
      const node = sheet.node(p);
      if (node) mark(node, total.raw(total.position(block.index(p))));
    }
    return [{ text: messages["gradient.sum"], soft: true }];
  }
  return { read, clear, ofOutput, ofAll };
}
