// Index arithmetic: which input positions an output position reads, and the reverse. The numbers come from torch.

/** Every combination of one item of each list; the last list varies fastest. */
export function cartesianProduct(lists) {
  return lists.reduce((all, list) => all.flatMap((head) => list.map((item) => [...head, item])), [[]]);
}

/** @param {any} axis @param {number} o output position @returns {number[][]} kernel position and position in the (padded) input */
function window(axis, o) {
  const pairs = [];
  for (let k = 0; k < axis.kernel_size; k += 1) {
    if (!axis.transposed) {
      const padded = o * axis.stride + k * axis.dilation;
      if (padded < axis.pad_before + axis.input_size + axis.pad_after) pairs.push([k, padded]);
    } else {
      const from = o + axis.padding - k * axis.dilation;
      if (from % axis.stride === 0 && from >= 0 && from / axis.stride < axis.input_size) pairs.push([k, from / axis.stride]);
    }
  }
  // In a transposed convolution the kernel runs backwards while the input runs forwards.
  return !axis.transposed ? pairs : pairs.sort((a, b) => a[1] - b[1]);
}

/** Input and weight index of every term of output [channel, …position]. */
export function termsOf(scene, channel, position) {
  const { kind, groups, channels } = scene;
  const taps = cartesianProduct(scene.axes.map((axis, d) => window(axis, position[d])));
  const sources = [];
  if (kind === "conv") {
    const width = channels[0] / groups;
    const first = Math.floor(channel / (channels[1] / groups)) * width;
    for (let c = 0; c < width; c += 1) sources.push([first + c, channel, c]);
  } else if (kind === "conv_transpose") {
    const width = channels[1] / groups;
    const inputs = channels[0] / groups;
    const group = Math.floor(channel / width);
    for (let c = 0; c < inputs; c += 1) sources.push([group * inputs + c, group * inputs + c, channel % width]);
  } else sources.push([channel, -1, -1]);
  return sources.flatMap(([source, a, b]) => taps.map((tap) => ({
    input: [source, ...tap.map(([, i]) => i)],
    weight: a < 0 ? null : [a, b, ...tap.map(([k]) => k)],
  })));
}

/** Every output that reads a drawn input element, with the weight index. A padded position counts as the input that it repeats. */
export function outputsOf(scene, [channel, ...position]) {
  const { kind, groups, channels } = scene;
  const perAxis = scene.axes.map((axis, d) => {
    const pairs = [];
    for (let o = 0; o < axis.output_size; o += 1) {
      for (const [k, i] of window(axis, o)) if (isSameInput(axis, i, position[d])) pairs.push([o, k]);
    }
    return pairs;
  });
  let outs = [[channel, null]];
  if (kind === "conv") {
    const width = channels[0] / groups;
    const count = channels[1] / groups;
    const group = Math.floor(channel / width);
    outs = Array.from({ length: count }, (_, i) => [group * count + i, [group * count + i, channel % width]]);
  } else if (kind === "conv_transpose") {
    const width = channels[1] / groups;
    const group = Math.floor(channel / (channels[0] / groups));
    outs = Array.from({ length: width }, (_, i) => [group * width + i, [channel, i]]);
  }
  return cartesianProduct(perAxis).flatMap((taps) => outs.map(([out, lead]) => ({
    output: [out, ...taps.map(([o]) => o)],
    weight: lead && [...lead, ...taps.map(([, k]) => k)],
  })));
}

/** Whether two drawn positions are the same element of the input. */
function isSameInput(axis, a, b) {
  if (a === b) return true;
  return Boolean(axis.input_positions) && axis.input_positions[a] >= 0 && axis.input_positions[a] === axis.input_positions[b];
}

/** Every (input, output) pair that a weight connects. */
export function pairsOf(scene, [a, b, ...ks]) {
  const outs = cartesianProduct(scene.axes.map((axis) => Array.from({ length: axis.output_size }, (_, o) => o)));
  const width = scene.channels[1] / scene.groups;
  const group = scene.kind === "conv" ? Math.floor(a / width) : Math.floor(a / (scene.channels[0] / scene.groups));
  const channel = scene.kind === "conv" ? a : group * width + b;
  const source = scene.kind === "conv" ? group * (scene.channels[0] / scene.groups) + b : a;
  return outs.flatMap((position) => {
    const taps = scene.axes.map((axis, d) => window(axis, position[d]).find(([k]) => k === ks[d]));
    return taps.every(Boolean) ? [{ input: [source, ...taps.map(([, i]) => i)], output: [channel, ...position] }] : [];
  });
}
