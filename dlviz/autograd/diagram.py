"""The diagram of one graph, or of two compared graphs: boxes with their texts and sizes, laid out once for the view and the still."""

from collections.abc import Collection
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cache, cached_property

from dlviz.autograd.coordinates import Placement, place
from dlviz.autograd.graph import Graph, Node
from dlviz.autograd.grouping import GROUP_KINDS, Box, BoxTree, build_tree
from dlviz.autograd.inputs import Cut, Input
from dlviz.autograd.layout import GroupLayout, arrange
from dlviz.autograd.node_details import flags
from dlviz.autograd.tensor_summary import dtype_name, shape_text
from dlviz.autograd.torch_internals import shape_of
from dlviz.kit.messages import language, message, table

#: Heights of a box and of a folded loop, which holds a chart, and the range of a box's width; in pixels.
BOX_HEIGHT, LOOP_HEIGHT = 40, 64
MIN_WIDTH, MIN_LOOP_WIDTH, MAX_WIDTH = 54, 150, 220
#: Width of one character in pixels: the first line of a box, its second line in the monospaced font, and the title of an open group.
TITLE_CHARACTER, SUBTITLE_CHARACTER, GROUP_CHARACTER = 7.0, 6.7, 6.6


@dataclass(eq=False)
class Diagram:
    """The boxes of one or two graphs, their texts, sizes and layout. The second graph's nodes and edges are numbered after the first's.

    Attributes:
        graphs: the graphs that are drawn.
        tree: their boxes and the edges between them.
        offsets: for each graph, the number of its first node.
        marks: the operations that only one of two graphs has, by node number.
    """

    graphs: list[Graph]
    tree: BoxTree
    offsets: list[int]
    marks: dict[int, str] = field(default_factory=dict)

    @cached_property
    def inputs(self) -> list[Input]:
        """The inputs of all graphs, in the order in which boxes of kind "input" number them."""
        return [item for graph in self.graphs for item in graph.inputs]

    @cached_property
    def cuts(self) -> list[Cut]:
        """The cuts of all graphs, in the order in which boxes of kind "cut" number them."""
        return [cut for graph in self.graphs for cut in graph.cuts]

    @cached_property
    def flags(self) -> dict[int, list[str]]:
        """The flags of each node that has any, by node number."""
        numbered = (
            (node.index + offset, flags(node))
            for graph, offset in zip(self.graphs, self.offsets, strict=True)
            for node in graph.nodes
        )
        return {number: keys for number, keys in numbered if keys}

    @cached_property
    def texts(self) -> list[tuple[str, str, str]]:
        """For each box its title, its second line, and what the tooltip adds: a dtype, or where a cut was made."""
        children = [0] * len(self.tree.boxes)
        for box in self.tree.boxes:
            if box.parent >= 0:
                children[box.parent] += 1
        return [self._texts(box, count) for box, count in zip(self.tree.boxes, children, strict=True)]

    @cached_property
    def widths(self) -> list[int]:
        """Width of each collapsed box in pixels, from its texts; the view cuts longer texts with an ellipsis."""
        tags = _tags(language())
        widths = []
        for box, (title, subtitle, _) in zip(self.tree.boxes, self.texts, strict=True):
            second = subtitle
            if box.kind in ("op", "leaf") and box.node in self.flags:
                second = " · ".join([subtitle, *(tags[key] for key in self.flags[box.node] if key in tags)])
            icon = 26 if box.kind in GROUP_KINDS else 18 if box.kind == "cut" else 0
            least = MIN_LOOP_WIDTH if box.kind == "loop" else MIN_WIDTH
            text = max(TITLE_CHARACTER * len(title), SUBTITLE_CHARACTER * len(second))
            widths.append(int(max(least, min(MAX_WIDTH, 20 + icon + text))))
        return widths

    @cached_property
    def heights(self) -> list[int]:
        """Height of each collapsed box in pixels."""
        return [LOOP_HEIGHT if box.kind == "loop" else BOX_HEIGHT for box in self.tree.boxes]

    @cached_property
    def groups(self) -> list[GroupLayout]:
        """The layout of each group, which does not depend on what is expanded."""
        return arrange([box.parent for box in self.tree.boxes], self.tree.edges)

    def place(self, expanded: Collection[int]) -> Placement:
        """Return the coordinates of the visible boxes while the groups in `expanded` are expanded."""
        return place(self.groups, self.widths, self.heights, set(expanded))

    def locate(self, number: int) -> tuple[Graph, int]:
        """Return the graph that node `number` of the diagram belongs to, and the node's index there."""
        which = len(self.offsets) - 1
        while self.offsets[which] > number:
            which -= 1
        return self.graphs[which], number - self.offsets[which]

    def node(self, number: int) -> Node:
        """Return node `number` of the diagram."""
        graph, index = self.locate(number)
        return graph.nodes[index]

    def iteration_of(self, box: int, loop: int) -> int:
        """Return the box of the iteration of the folded `loop` that holds `box`, or -1."""
        iteration = -1
        while box >= 0 and box != loop:
            iteration = box if self.tree.boxes[box].kind == "iteration" else iteration
            box = self.tree.boxes[box].parent
        return iteration if box == loop else -1

    def _texts(self, box: Box, children: int) -> tuple[str, str, str]:
        if box.kind in ("op", "leaf"):
            node = self.node(box.node)
            if not node.shapes:
                return self._node_title(box, node), "", ""
            return self._node_title(box, node), shape_text(node.shapes[0]), dtype_name(node.dtypes[0])
        if box.kind == "input":
            value = self.inputs[box.node].value
            dtype = dtype_name(value.dtype)
            reason = message("autograd.box.no_grad") if value.is_floating_point() else dtype
            return box.label or message("autograd.box.data"), f"{shape_text(shape_of(value))} {reason}", dtype
        if box.kind == "cut":
            cut = self.cuts[box.node]
            call = f"{box.label}({', '.join(cut.leaves)})" if cut.leaves else box.label
            where = f"{cut.source}: {cut.source.text}" if cut.source else ""
            return call, message(f"autograd.box.cut_{box.subtitle}"), where
        return _group_title(box, children), message(f"autograd.box.{_held(box)}", count=box.count), ""

    def _node_title(self, box: Box, node: Node) -> str:
        if box.kind == "op":
            return f"{node.label} = {node.op}" if node.label else node.op
        module = self.tree.boxes[box.parent].path if box.parent >= 0 else ""
        return (node.label.removeprefix(f"{module}.") if module else node.label) or message("autograd.box.leaf")


@cache
def _tags(_language: str) -> dict[str, str]:
    """Return the texts of the flags that a box shows, in the current language, by flag."""
    return table("autograd.tag")


def _held(box: Box) -> str:
    """Return what a group holds: "operations", "leaves" or "inputs"."""
    return {"leaf": "leaves", "input": "inputs"}.get(box.subtitle, "operations") if box.kind == "page" else "operations"


def _group_title(box: Box, children: int) -> str:
    if box.kind == "loop":
        return message("autograd.box.loop", what=box.label, times=children)
    if box.kind == "iteration":
        return message("autograd.box.iteration", number=box.label)
    if box.kind == "page":
        return message(f"autograd.box.page_{_held(box)}", number=box.label)
    return " · ".join(part for part in (box.label, box.subtitle) if part)


def build_diagram(graphs: list[Graph]) -> Diagram:
    """Group each graph into boxes; of two graphs, each gets an outer box, and the operations that only one of them has are marked."""
    if len(graphs) == 1:
        return Diagram(graphs, build_tree(graphs[0]), [0])
    offsets = [0, len(graphs[0].nodes)]
    tree = BoxTree()
    for number, graph in enumerate(graphs):
        outer = len(tree.boxes)
        tree.boxes.append(Box("graph", -1, message("autograd.graph_title", number=number + 1, title=graph.title)))
        _graft(tree, build_tree(graph), outer, graphs, number)
    unmatched = unmatched_operations(*graphs)
    marks = {offsets[number] + node: "changed" for number in range(2) for node in unmatched[number]}
    return Diagram(graphs, tree, offsets, marks)


def _graft(tree: BoxTree, branch: BoxTree, parent: int, graphs: list[Graph], number: int) -> None:
    """Add the boxes and edges of graph `number` below box `parent`, numbered after those of the graphs before it."""
    start, before = len(tree.boxes), graphs[:number]
    shift = {
        "op": sum(len(graph.nodes) for graph in before),
        "leaf": sum(len(graph.nodes) for graph in before),
        "input": sum(len(graph.inputs) for graph in before),
        "cut": sum(len(graph.cuts) for graph in before),
    }
    edges = sum(len(graph.edges) for graph in before)
    for box in branch.boxes:
        box.parent = box.parent + start if box.parent >= 0 else parent
        box.node += shift.get(box.kind, 0)
        tree.boxes.append(box)
    tree.boxes[parent].count = sum(box.kind == "op" for box in branch.boxes)
    tree.edges += [(a + start, b + start) for a, b in branch.edges]
    tree.graph_edges += [[edge + edges for edge in numbers] for numbers in branch.graph_edges]


def unmatched_operations(first: Graph, second: Graph) -> tuple[set[int], set[int]]:
    """Return the indices of the operations of each graph that have no counterpart in the other.

    Operations are matched in the order in which they ran, by name and module, as a diff matches lines.
    """
    a, b = _operations(first), _operations(second)
    keys_a, keys_b = ([(node.name, node.module) for node in nodes] for nodes in (a, b))
    matches = SequenceMatcher(None, keys_a, keys_b, autojunk=False).get_matching_blocks()
    matched_a = {a[match.a + i].index for match in matches for i in range(match.size)}
    matched_b = {b[match.b + i].index for match in matches for i in range(match.size)}
    return {node.index for node in a} - matched_a, {node.index for node in b} - matched_b


def _operations(graph: Graph) -> list[Node]:
    """Return the operations of a graph in the order in which they ran."""
    return sorted((node for node in graph.nodes if not node.is_leaf), key=lambda node: node.sequence)
