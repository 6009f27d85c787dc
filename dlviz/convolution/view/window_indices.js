// Which places of the input a place of the output looks at, and the other way round. Only indices; torch has the numbers.

/** Every combination of one item of each list, the last list running fastest. */
export function combine(lists) {
  return lists.reduce((all, list) => all.flatMap((head) => list.map((item) => [...head, item])), [[]]);
}

/** @param {any} axis @param {number} o @returns {[number, number][]} kernel element and place in the drawn (padded) input */
function window(axis, o) {
  const found = [];
  for (let k = 0; k < axis.kernel; k += 1) {
    if (axis.extra === undefined) {
      const place = o * axis.stride + k * axis.dilation;
      if (place < axis.before + axis.size + axis.after) found.push([k, place]);
    } else {
      const from = o + axis.padding - k * axis.dilation;
      if (from % axis.stride === 0 && from >= 0 && from / axis.stride < axis.size) found.push([k, from / axis.stride]);
    }
  }
  // In a transposed convolution the input runs in order while the kernel runs backwards.
  return axis.extra === undefined ? found : found.sort((a, b) => a[1] - b[1]);
}

/** Input and weight of every term of output [channel, …place]. */
export function termsOf(scene, channel, place) {
  const { kind, groups, channels } = scene;
  const taps = combine(scene.axes.map((axis, d) => window(axis, place[d])));
  const sources = [];
  if (kind === "conv") {
    const width = channels[0] / groups;
    const first = Math.floor(channel / (channels[1] / groups)) * width;
    for (let c = 0; c < width; c += 1) sources.push([first + c, channel, c]);
  } else if (kind === "conv_transpose") {
    const width = channels[1] / groups;
    const share = channels[0] / groups;
    const group = Math.floor(channel / width);
    for (let c = 0; c < share; c += 1) sources.push([group * share + c, group * share + c, channel % width]);
  } else sources.push([channel, -1, -1]);
  return sources.flatMap(([source, a, b]) => taps.map((tap) => ({
    input: [source, ...tap.map(([, at]) => at)],
    weight: a < 0 ? null : [a, b, ...tap.map(([k]) => k)],
  })));
}

/** Every output that a drawn input element feeds, with the weight between. A padded place feeds as the input it repeats. */
export function feedsOf(scene, [channel, ...place]) {
  const { kind, groups, channels } = scene;
  const along = scene.axes.map((axis, d) => {
    const found = [];
    for (let o = 0; o < axis.out; o += 1) {
      for (const [k, at] of window(axis, o)) if (alike(axis, at, place[d])) found.push([o, k]);
    }
    return found;
  });
  let outs = [[channel, null]];
  if (kind === "conv") {
    const width = channels[0] / groups;
    const share = channels[1] / groups;
    const group = Math.floor(channel / width);
    outs = Array.from({ length: share }, (_, i) => [group * share + i, [group * share + i, channel % width]]);
  } else if (kind === "conv_transpose") {
    const width = channels[1] / groups;
    const group = Math.floor(channel / (channels[0] / groups));
    outs = Array.from({ length: width }, (_, i) => [group * width + i, [channel, i]]);
  }
  return combine(along).flatMap((taps) => outs.map(([out, lead]) => ({
    output: [out, ...taps.map(([o]) => o)],
    weight: lead && [...lead, ...taps.map(([, k]) => k)],
  })));
}

/** Whether two drawn places are the same element of the input. */
function alike(axis, a, b) {
  if (a === b) return true;
  return Boolean(axis.source) && axis.source[a] >= 0 && axis.source[a] === axis.source[b];
}

/** Every (input, output) that a weight joins. */
export function pairsOf(scene, [a, b, ...ks]) {
  const outs = combine(scene.axes.map((axis) => Array.from({ length: axis.out }, (_, o) => o)));
  const width = scene.channels[1] / scene.groups;
  const group = scene.kind === "conv" ? Math.floor(a / width) : Math.floor(a / (scene.channels[0] / scene.groups));
  const channel = scene.kind === "conv" ? a : group * width + b;
  const source = scene.kind === "conv" ? group * (scene.channels[0] / scene.groups) + b : a;
  return outs.flatMap((place) => {
    const found = scene.axes.map((axis, d) => window(axis, place[d]).find(([k]) => k === ks[d]));
    return found.every(Boolean) ? [{ input: [source, ...found.map(([, at]) => at)], output: [channel, ...place] }] : [];
  });
}
