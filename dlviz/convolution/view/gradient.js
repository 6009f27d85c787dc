// Gradients of a pooling, as small numbers in the cells of the input. All of them come from autograd.

import { fillIn } from "../../kit/js/dom.js";
import { format } from "../../kit/js/numbers.js";
import { decode } from "../../kit/js/tensor_block.js";

/** @param {{grid: any, messages: Record<string, string>}} options grid: the grid of the input */
export function gradientMarks({ grid, messages }) {
  let marked = [];
  let perOutput = null;
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
    const { per_output: each, total: sum } = scene.gradient ?? {};
    perOutput = each ? decode({ ...each, name: "" }) : null;
    total = sum ? decode({ ...sum, name: "" }) : null;
  }
  /** Mark the gradient of one output with these terms. @returns parts for the formula line */
  function showOutput(scene, block, terms, index, name) {
    clear();
    if (!perOutput) return [];
    const [channel, ...position] = index;
    const marks = terms.flatMap(({ input }) => {
      const ks = scene.axes.map((axis, d) => (input[d + 1] - position[d] * axis.stride) / axis.dilation);
      const value = perOutput.raw(perOutput.position([channel, ...position.map((o, d) => o - scene.output.block.start[d + 1]), ...ks]));
      return value ? [{ input, value }] : [];
    });
    for (const { input, value } of marks) mark(grid.node(block.position(input)), value);
    if (marks.length === 0) return [{ text: ` ${messages["gradient.none"]}`, soft: true }];
    const [{ input, value }] = marks;
    const unpadded = input.map((i, d) => (d ? i - scene.axes[d - 1].pad_before : i));
    const text = marks.length === 1 ? fillIn(messages["gradient.one"], { value: format(value, 2), name: name(unpadded) }) : fillIn(messages["gradient.many"], { value: format(value, 2), count: marks.length });
    return [{ text: ` ${text}`, soft: true }];
  }
  /** Mark the gradient of the sum of all outputs. @returns parts for the formula line, or null without a gradient */
  function showTotal(block) {
    clear();
    if (!total) return null;
    for (let p = 0; p < block.count; p += 1) {
      const node = grid.node(p);
      if (node) mark(node, total.raw(total.position(block.index(p))));
    }
    return [{ text: messages["gradient.sum"], soft: true }];
  }
  return { read, clear, showOutput, showTotal };
}
