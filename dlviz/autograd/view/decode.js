// What Python sent, as arrays and small lookups.

import { typedArray } from "../../kit/js/typed_arrays.js";

const KINDS = ["op", "leaf", "input", "cut", "module", "fold", "step", "page", "run"];

/** The part that the forward pass fixed. @param {any} scene */
export function decodeScene(scene) {
  const texts = typedArray(scene.texts, scene.strings.length < 65536 ? "uint16" : "int32");
  const kinds = Array.from(typedArray(scene.kinds, "uint8"), (kind) => KINDS[kind]);
  const nodes = typedArray(scene.nodes, "int32");
  const edges = typedArray(scene.edges, "int32");
  const count = kinds.length;
  const text = (box, line) => scene.strings[texts[3 * box + line]];
  const boxesOf = new Map();
  const children = new Map();
  const parents = typedArray(scene.parents, "int32");
  for (let box = 0; box < count; box += 1) {
    if (kinds[box] === "op" || kinds[box] === "leaf") boxesOf.set(nodes[box], [...(boxesOf.get(nodes[box]) ?? []), box]);
    children.set(parents[box], [...(children.get(parents[box]) ?? []), box]);
  }
  const outgoing = new Map();
  for (let edge = 0; edge < edges.length / 2; edge += 1) {
    outgoing.set(edges[2 * edge], [...(outgoing.get(edges[2 * edge]) ?? []), edge]);
  }
  return {
    count,
    kinds,
    parents,
    nodes,
    widths: typedArray(scene.widths, "uint8"),
    heights: typedArray(scene.heights, "uint8"),
    counts: typedArray(scene.counts, "int32"),
    flags: new Map(scene.flags),
    layout: typedArray(scene.layout, "int32"),
    carries: carriesOf(typedArray(scene.carries, "int32")),
    boxesOf,
    children,
    /** Edges along which a node's backward sends. */
    outgoing,
    user: (edge) => edges[2 * edge],
    maker: (edge) => edges[2 * edge + 1],
    title: (box) => text(box, 0),
    sub: (box) => text(box, 1),
    type: (box) => text(box, 2),
    isGroup: (box) => KINDS.indexOf(kinds[box]) >= 4,
  };
}

/** The part that backward brings. @param {any} flow */
export function decodeFlow(flow) {
  const order = typedArray(flow.order, "int32");
  const when = new Map();
  order.forEach((node, i) => when.set(node, i + 1));
  return {
    ...flow,
    order,
    /** The step at which a node runs. */
    when,
    norms: numbers(flow, "norms"),
    values: numbers(flow, "values"),
    sizes: numbers(flow, "sizes"),
    gradients: numbers(flow, "gradients"),
    sent: numbers(flow, "sent"),
    marks: new Map(flow.marks),
    folds: new Map(Object.entries(flow.folds).map(([box, norms]) => [Number(box), typedArray(norms, "float32")])),
  };
}

/** Numbers of which some are missing: a lookup that answers undefined for those, and NaN only where torch said so. */
function numbers(flow, name) {
  const values = typedArray(flow[name], "float32");
  const there = typedArray(flow[`has_${name}`], "uint8");
  return (i) => (there[i >> 3] & (1 << (i & 7)) ? values[i] : undefined);
}

/** For an edge between boxes, the graph's own edges that it stands for. @param {Int32Array} row */
function carriesOf(row) {
  const found = [];
  for (let at = 0; at < row.length; at += 1 + row[at]) found.push(Array.from(row.subarray(at + 1, at + 1 + row[at])));
  return (edge) => found[edge];
}
