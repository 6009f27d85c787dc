// Coordinates of the visible boxes, by the same steps as coordinates.py, so that a group opens without a kernel. A test compares the two.

const inPort = (producer) => -2 - 2 * producer;
const outPort = (producer) => -3 - 2 * producer;

/** The groups in the array that layout.py packed. @param {Int32Array} packed */
function unpack(packed) {
  let position = 0;
  const take = (count) => packed.subarray(position, (position += count));
  const next = () => packed[position++];
  return Array.from({ length: next() }, () => {
    const group = next();
    const vertices = take(next());
    const ranks = Array.from({ length: next() }, () => take(next()));
    const edges = Array.from({ length: next() }, () => ({ producer: next(), chain: take(next()), numbers: take(next()) }));
    const index = new Map();
    vertices.forEach((code, v) => code !== -1 && index.set(code, v));
    return { group, vertices, ranks, edges, index };
  });
}

const unpacked = new WeakMap();

/**
 * @param {Int32Array} packed
 * @param {{widths: ArrayLike<number>, heights: ArrayLike<number>, spacing: Record<string, number>, graphEdges: (edge: number) => number[]}} scene
 * @param {Set<number>} expanded the expanded groups
 */
export function place(packed, scene, expanded) {
  if (!unpacked.has(packed)) unpacked.set(packed, unpack(packed));
  const groups = unpacked.get(packed);
  const layouts = new Map(groups.map((layout) => [layout.group, layout]));
  const placed = new Map();
  const { spacing } = scene;
  // Groups come before what they hold, so the reverse order places the inner ones first.
  for (const layout of groups.filter(({ group }) => group < 0 || expanded.has(group)).reverse()) placed.set(layout.group, placeGroup(layout));
  const top = placed.get(-1);
  const result = { width: 0, height: 0, boxes: new Map(), segments: [] };
  if (!top) return result;
  result.width = top.width + 2 * spacing.margin;
  result.height = top.height + 2 * spacing.margin;
  collect(-1, spacing.margin, spacing.margin);
  return result;

  /** Make each column as wide as its widest box, then move every vertex toward the mean height of its neighbors. */
  function placeGroup(layout) {
    const count = layout.vertices.length;
    const size = Array.from(layout.vertices, sizeOf);
    let x = new Array(count).fill(0);
    let y = new Array(count).fill(0);
    const column = new Array(count).fill(0);
    let columns = [];
    let left = 0;
    layout.ranks.forEach((rank, r) => {
      let width = 0;
      for (const v of rank) width = Math.max(width, size[v][0]);
      for (const v of rank) {
        x[v] = left + (width - size[v][0]) / 2;
        column[v] = r;
      }
      columns.push([left, left + width]);
      left += width + (width ? spacing.gap_x : spacing.gap_x / 2);
    });
    const [rightLinks, leftLinks] = linksOf(layout);
    for (const rank of layout.ranks) stack(rank, size, y);
    for (let sweep = 0; sweep < spacing.sweeps; sweep += 1) {
      const leftward = sweep % 2 === 0;
      for (const rank of leftward ? [...layout.ranks].reverse() : layout.ranks) align(rank, leftward ? rightLinks : leftLinks, size, y);
    }
    let highest = Infinity;
    for (let v = 0; v < count; v += 1) highest = Math.min(highest, y[v] - size[v][1] / 2);
    if (count) y = y.map((value) => value - highest);
    let height = count ? -Infinity : 0;
    for (let v = 0; v < count; v += 1) height = Math.max(height, y[v] + size[v][1] / 2);
    let width = 0;
    for (const [, right] of columns) width = Math.max(width, right);
    if (layout.group < 0) return { width, height, x, y, size, column, columns };
    x = x.map((value) => value + spacing.padding);
    y = y.map((value) => value + spacing.title);
    columns = columns.map(([a, b]) => [a + spacing.padding, b + spacing.padding]);
    return { width: width + 2 * spacing.padding, height: height + spacing.title + spacing.bottom, x, y, size, column, columns };
  }

  function sizeOf(code) {
    if (code < 0) return [0, spacing.dummy];
    const group = placed.get(code);
    return group ? [group.width, group.height] : [scene.widths[code], scene.heights[code]];
  }

  /** For each vertex its right and its left neighbors, as [vertex, vertical offset between the ends, weight]. */
  function linksOf(layout) {
    const right = Array.from(layout.vertices, () => []);
    const left = Array.from(layout.vertices, () => []);
    const targets = new Set(layout.edges.map(({ chain }) => chain[chain.length - 1]));
    for (const { producer, chain } of layout.edges) {
      for (let i = 1; i < chain.length; i += 1) {
        const [a, b] = [chain[i - 1], chain[i]];
        const dummies = Number(layout.vertices[a] < 0) + Number(layout.vertices[b] < 0);
        const weight = dummies === 2 ? 8 : dummies === 1 ? 2 : targets.has(a) ? 1 : 0.01;
        const offset = portOffset(layout.vertices[b], inPort(producer)) - portOffset(layout.vertices[a], outPort(producer));
        right[a].push([b, offset, weight]);
        left[b].push([a, -offset, weight]);
      }
    }
    return [right, left];
  }

  /** How far below the center of a box its edge ends: 0, except for an expanded group, where it ends at a port. */
  function portOffset(code, port) {
    if (code < 0 || !placed.has(code)) return 0;
    const group = placed.get(code);
    return group.y[layouts.get(code).index.get(port)] - group.height / 2;
  }

  /** Stack the vertices of one rank without overlap, centered at 0. */
  function stack(rank, size, y) {
    let position = 0;
    rank.forEach((v, i) => {
      if (i) position += distance(rank[i - 1], v, size);
      y[v] = position;
    });
    for (const v of rank) y[v] -= position / 2;
  }

  function distance(above, below, size) {
    return (size[above][1] + size[below][1]) / 2 + spacing.gap_y;
  }

  /** Move each vertex as near as possible to the mean of its neighbors, keeping order and distance: weighted isotonic regression. */
  function align(rank, links, size, y) {
    const blocks = []; // target, weight, number of vertices
    const shifts = [];
    let shift = 0;
    rank.forEach((v, i) => {
      if (i) shift += distance(rank[i - 1], v, size);
      shifts.push(shift);
      let total = 0;
      let weight = 0;
      for (const [neighbor, offset, linkWeight] of links[v]) {
        total += (y[neighbor] + offset) * linkWeight;
        weight += linkWeight;
      }
      const target = weight ? total / weight : y[v];
      blocks.push([target - shift, weight || 0.01, 1]);
      while (blocks.length > 1 && blocks[blocks.length - 2][0] > blocks[blocks.length - 1][0]) {
        const b = blocks.pop();
        const a = blocks[blocks.length - 1];
        const merged = a[1] + b[1];
        a[0] = (a[0] * a[1] + b[0] * b[1]) / merged;
        a[1] = merged;
        a[2] += b[2];
      }
    });
    let i = 0;
    for (const [target, , count] of blocks) {
      for (let n = 0; n < count; n += 1, i += 1) y[rank[i]] = target + shifts[i];
    }
  }

  /** Add the boxes and edges of one group, whose upper left corner is (x0, y0), and of the groups inside. */
  function collect(group, x0, y0) {
    const layout = layouts.get(group);
    const here = placed.get(group);
    layout.vertices.forEach((code, v) => {
      if (code < 0) return;
      const [w, h] = here.size[v];
      const [x, y] = [x0 + here.x[v], y0 + here.y[v] - h / 2];
      result.boxes.set(code, { x, y, w, h });
      if (placed.has(code)) collect(code, x, y);
    });
    const byEnds = new Map();
    for (const { producer, chain, numbers } of layout.edges) {
      const ends = [chain[0], chain[chain.length - 1]];
      const edges = Array.from(numbers).flatMap(scene.graphEdges);
      // Between collapsed boxes one line stands for all values.
      if (byEnds.has(ends.join()) && !ends.some((v) => placed.has(layout.vertices[v]))) {
        byEnds.get(ends.join()).edges.push(...edges);
        continue;
      }
      const segment = { points: waypoints(layout, here, producer, chain, x0, y0), edges };
      byEnds.set(ends.join(), segment);
      result.segments.push(segment);
    }
  }

  function waypoints(layout, here, producer, chain, x0, y0) {
    const [first, last] = [chain[0], chain[chain.length - 1]];
    const [start, end] = [layout.vertices[first], layout.vertices[last]];
    const points = [[x0 + (start >= 0 ? here.x[first] + here.size[first][0] : 0), y0 + here.y[first] + portOffset(start, outPort(producer))]];
    for (const dummy of chain.slice(1, -1)) {
      const [left, right] = here.columns[here.column[dummy]];
      points.push([x0 + left, y0 + here.y[dummy]], [x0 + right, y0 + here.y[dummy]]);
    }
    points.push([x0 + (end >= 0 ? here.x[last] : here.width), y0 + here.y[last] + portOffset(end, inPort(producer))]);
    return points;
  }
}
