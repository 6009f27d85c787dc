// Coordinates for the visible boxes: the same as place.py, so that groups open without a kernel. A test holds the two equal.

const GAP_X = 26;
const GAP_Y = 18;
const LANE = 10;
const PAD = 12;
const TITLE = 26;
const MARGIN = 12;
const SWEEPS = 8;

const inPort = (producer) => -2 - 2 * producer;
const outPort = (producer) => -3 - 2 * producer;

/** Read the row that layout.py packed. @param {Int32Array} row */
function unpack(row) {
  let at = 0;
  const take = (count) => row.subarray(at, (at += count));
  const next = () => row[at++];
  return Array.from({ length: next() }, () => {
    const group = next();
    const vertices = take(next());
    const ranks = Array.from({ length: next() }, () => take(next()));
    const edges = Array.from({ length: next() }, () => ({ producer: next(), chain: take(next()), carried: take(next()) }));
    const number = new Map();
    vertices.forEach((code, v) => code !== -1 && number.set(code, v));
    return { group, vertices, ranks, edges, number };
  });
}

const unpacked = new WeakMap();

/**
 * @param {Int32Array} row
 * @param {{widths: ArrayLike<number>, heights: ArrayLike<number>, carries: (edge: number) => number[]}} scene
 * @param {Set<number>} open the groups that are open
 */
export function place(row, scene, open) {
  if (!unpacked.has(row)) unpacked.set(row, unpack(row));
  const groups = unpacked.get(row);
  const byGroup = new Map(groups.map((local) => [local.group, local]));
  const inside = new Map();
  for (const local of groups.filter(({ group }) => group < 0 || open.has(group)).reverse()) {
    inside.set(local.group, settle(local, scene, inside, byGroup));
  }
  const top = inside.get(-1);
  const placed = { width: 0, height: 0, boxes: new Map(), segments: [] };
  if (!top) return placed;
  placed.width = top.width + 2 * MARGIN;
  placed.height = top.height + 2 * MARGIN;
  draw(-1, MARGIN, MARGIN, placed, inside, byGroup, scene);
  return placed;
}

function settle(local, scene, inside, byGroup) {
  const count = local.vertices.length;
  const size = Array.from(local.vertices, (code) => {
    if (code < 0) return [0, LANE];
    const group = inside.get(code);
    return group ? [group.width, group.height] : [scene.widths[code], scene.heights[code]];
  });
  let x = new Array(count).fill(0);
  let y = new Array(count).fill(0);
  const column = new Array(count).fill(0);
  let columns = [];
  let left = 0;
  local.ranks.forEach((rank, r) => {
    let wide = 0;
    for (const v of rank) wide = Math.max(wide, size[v][0]);
    for (const v of rank) {
      x[v] = left + (wide - size[v][0]) / 2;
      column[v] = r;
    }
    columns.push([left, left + wide]);
    left += wide + (wide ? GAP_X : GAP_X / 2);
  });
  const [toRight, toLeft] = links(local, inside, byGroup);
  for (const rank of local.ranks) stack(rank, size, y);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const backwards = sweep % 2 === 0;
    const ranks = backwards ? [...local.ranks].reverse() : local.ranks;
    for (const rank of ranks) align(rank, backwards ? toRight : toLeft, size, y);
  }
  let top = Infinity;
  for (let v = 0; v < count; v += 1) top = Math.min(top, y[v] - size[v][1] / 2);
  if (count) y = y.map((value) => value - top);
  let tall = -Infinity;
  for (let v = 0; v < count; v += 1) tall = Math.max(tall, y[v] + size[v][1] / 2);
  if (!count) tall = 0;
  let wide = 0;
  for (const [, right] of columns) wide = Math.max(wide, right);
  if (local.group < 0) return { width: wide, height: tall, x, y, size, column, columns };
  x = x.map((value) => value + PAD);
  y = y.map((value) => value + TITLE);
  columns = columns.map(([a, b]) => [a + PAD, b + PAD]);
  return { width: wide + 2 * PAD, height: tall + TITLE + PAD, x, y, size, column, columns };
}

function links(local, inside, byGroup) {
  const right = Array.from(local.vertices, () => []);
  const left = Array.from(local.vertices, () => []);
  const fed = new Set(local.edges.map(({ chain }) => chain[chain.length - 1]));
  for (const { producer, chain } of local.edges) {
    for (let i = 1; i < chain.length; i += 1) {
      const [a, b] = [chain[i - 1], chain[i]];
      const lanes = Number(local.vertices[a] < 0) + Number(local.vertices[b] < 0);
      const weight = lanes === 2 ? 8 : lanes === 1 ? 2 : fed.has(a) ? 1 : 0.01;
      const apart = offset(local.vertices[b], inPort(producer), inside, byGroup) - offset(local.vertices[a], outPort(producer), inside, byGroup);
      right[a].push([b, apart, weight]);
      left[b].push([a, -apart, weight]);
    }
  }
  return [right, left];
}

function offset(code, port, inside, byGroup) {
  if (code < 0 || !inside.has(code)) return 0;
  const group = inside.get(code);
  return group.y[byGroup.get(code).number.get(port)] - group.height / 2;
}

function stack(rank, size, y) {
  let at = 0;
  rank.forEach((v, i) => {
    if (i) at += apartOf(rank[i - 1], v, size);
    y[v] = at;
  });
  for (const v of rank) y[v] -= at / 2;
}

const apartOf = (above, below, size) => (size[above][1] + size[below][1]) / 2 + GAP_Y;

function align(rank, around, size, y) {
  const blocks = [];
  const shifts = [];
  let shift = 0;
  rank.forEach((v, i) => {
    if (i) shift += apartOf(rank[i - 1], v, size);
    shifts.push(shift);
    let total = 0;
    let weight = 0;
    for (const [other, apart, counts] of around[v]) {
      total += (y[other] + apart) * counts;
      weight += counts;
    }
    const wish = weight ? total / weight : y[v];
    blocks.push([wish - shift, weight || 0.01, 1]);
    while (blocks.length > 1 && blocks[blocks.length - 2][0] > blocks[blocks.length - 1][0]) {
      const b = blocks.pop();
      const a = blocks[blocks.length - 1];
      const heavy = a[1] + b[1];
      a[0] = (a[0] * a[1] + b[0] * b[1]) / heavy;
      a[1] = heavy;
      a[2] += b[2];
    }
  });
  let i = 0;
  for (const [wish, , count] of blocks) {
    for (let n = 0; n < count; n += 1, i += 1) y[rank[i]] = wish + shifts[i];
  }
}

function draw(group, x0, y0, placed, inside, byGroup, scene) {
  const local = byGroup.get(group);
  const here = inside.get(group);
  local.vertices.forEach((code, v) => {
    if (code < 0) return;
    const [w, h] = here.size[v];
    const [x, y] = [x0 + here.x[v], y0 + here.y[v] - h / 2];
    placed.boxes.set(code, { x, y, w, h });
    if (inside.has(code)) draw(code, x, y, placed, inside, byGroup, scene);
  });
  const drawn = new Map();
  for (const { producer, chain, carried } of local.edges) {
    const [first, last] = [chain[0], chain[chain.length - 1]];
    const edges = Array.from(carried).flatMap(scene.carries);
    const key = `${first},${last}`;
    const closed = !inside.has(local.vertices[first]) && !inside.has(local.vertices[last]);
    if (closed && drawn.has(key)) {
      drawn.get(key).edges.push(...edges);
      continue;
    }
    const segment = { points: waypoints(local, here, producer, chain, x0, y0, inside, byGroup), edges };
    drawn.set(key, segment);
    placed.segments.push(segment);
  }
}

function waypoints(local, here, producer, chain, x0, y0, inside, byGroup) {
  const [first, last] = [chain[0], chain[chain.length - 1]];
  const [start, end] = [local.vertices[first], local.vertices[last]];
  const points = [[
    x0 + (start >= 0 ? here.x[first] + here.size[first][0] : 0),
    y0 + here.y[first] + offset(start, outPort(producer), inside, byGroup),
  ]];
  for (const lane of chain.slice(1, -1)) {
    const [left, right] = here.columns[here.column[lane]];
    points.push([x0 + left, y0 + here.y[lane]], [x0 + right, y0 + here.y[lane]]);
  }
  points.push([
    x0 + (end >= 0 ? here.x[last] : here.width),
    y0 + here.y[last] + offset(end, inPort(producer), inside, byGroup),
  ]);
  return points;
}
