// The scene and the flow that Python sent, as arrays and lookups.

import { typedArray } from "../../kit/js/typed_arrays.js";

const KINDS = ["op", "leaf", "input", "cut", "module", "loop", "iteration", "page", "graph"];

/** What the forward pass determines. @param {any} scene */
export function decodeScene(scene) {
  const texts = typedArray(scene.texts, scene.strings.length < 65536 ? "uint16" : "int32");
  const kinds = Array.from(typedArray(scene.kinds, "uint8"), (kind) => KINDS[kind]);
  const nodes = typedArray(scene.nodes, "int32");
  const edges = typedArray(scene.edges, "int32");
  const parents = typedArray(scene.parents, "int32");
  const text = (box, line) => scene.strings[texts[3 * box + line]];
  const isNode = (box) => kinds[box] === "op" || kinds[box] === "leaf";
  const boxes = new Map();
  kinds.forEach((_, box) => {
    if (isNode(box)) boxes.set(nodes[box], [...(boxes.get(nodes[box]) ?? []), box]);
  });
  const boxesOf = (node) => boxes.get(node) ?? [];
  const title = (box) => text(box, 0);
  const ancestors = new Map();
  return {
    kinds,
    parents,
    nodes,
    widths: typedArray(scene.widths, "uint8"),
    heights: typedArray(scene.heights, "uint8"),
    flags: new Map(scene.flags),
    layout: typedArray(scene.layout, "int32"),
    spacing: scene.spacing,
    graphEdges: lists(typedArray(scene.graph_edges, "int32")),
    /** The boxes of a node; a leaf has one for each use. */
    boxesOf,
    /** The consumer of an edge, whose backward sends the gradient. */
    consumer: (edge) => edges[2 * edge],
    title,
    subtitle: (box) => text(box, 1),
    tooltip: (box) => text(box, 2),
    isNode,
    isGroup: (box) => KINDS.indexOf(kinds[box]) >= 4,
    nodeName: (node) => (boxesOf(node).length ? title(boxesOf(node)[0]) : String(node)),
    /** Whether a box shows a node or is a group around it. */
    contains(box, node) {
      if (node < 0) return false;
      if (!ancestors.has(node)) {
        const around = new Set();
        for (let inner of boxesOf(node)) for (; inner >= 0; inner = parents[inner]) around.add(inner);
        ancestors.set(node, around);
      }
      return ancestors.get(node).has(box);
    },
  };
}

/** What backward adds. @param {any} flow */
export function decodeFlow(flow) {
  const order = typedArray(flow.order, "int32");
  return {
    order,
    backwardRan: flow.backward_ran,
    summary: flow.summary,
    /** The step at which each node runs. */
    stepOf: new Map(Array.from(order, (node, i) => [node, i + 1])),
    gradientNorm: optional(flow, "gradient_norms"),
    valueNorm: optional(flow, "value_norms"),
    value: optional(flow, "values"),
    gradient: optional(flow, "gradients"),
    edgeGradient: optional(flow, "edge_gradients"),
    marks: new Map(flow.marks),
    loopNorms: new Map(Object.entries(flow.loop_norms).map(([box, norms]) => [Number(box), typedArray(norms, "float32")])),
  };
}

/** A lookup that returns undefined for missing numbers. A NaN is a value that torch computed. */
function optional(flow, name) {
  const values = typedArray(flow[name], "float32");
  const present = typedArray(flow[`has_${name}`], "uint8");
  return (i) => (present[i >> 3] & (1 << (i & 7)) ? values[i] : undefined);
}

/** A lookup into consecutive lists, each preceded by its length. @param {Int32Array} packed */
function lists(packed) {
  const result = [];
  for (let i = 0; i < packed.length; i += 1 + packed[i]) result.push(Array.from(packed.subarray(i + 1, i + 1 + packed[i])));
  return (index) => result[index];
}
