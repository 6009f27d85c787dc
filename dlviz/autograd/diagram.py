"""One graph, or two runs of a changing one, gathered into one picture with one numbering."""

from dataclasses import dataclass, field
from functools import cached_property

from dlviz.autograd.compare import changed
from dlviz.autograd.graph import Graph, Node
from dlviz.autograd.grouping import Box, Tree, tree_of
from dlviz.autograd.inputs import Cut, Input
from dlviz.autograd.node_details import flags
from dlviz.kit.messages import message


@dataclass(eq=False)
class Picture:
    """The graphs in one picture with their boxes. Nodes and edges are numbered through, first graph first."""

    graphs: list[Graph]
    tree: Tree
    offsets: list[int]
    marks: dict[int, str] = field(default_factory=dict)

    @property
    def inputs(self) -> list[Input]:
        """The inputs of all graphs, as boxes of that kind number them."""
        return [item for graph in self.graphs for item in graph.inputs]

    @property
    def cuts(self) -> list[Cut]:
        """The cuts of all graphs, as boxes of that kind number them."""
        return [cut for graph in self.graphs for cut in graph.cuts]

    @cached_property
    def flags(self) -> dict[int, list[str]]:
        """Keys of what is special about a node, for those of which something is."""
        numbered = (
            (node.index + shift, flags(node))
            for graph, shift in zip(self.graphs, self.offsets, strict=True)
            for node in graph.nodes
        )
        return {number: keys for number, keys in numbered if keys}

    def locate(self, node: int) -> tuple[Graph, int]:
        """The graph that node number `node` of the picture belongs to, and its index there."""
        which = len(self.offsets) - 1
        while self.offsets[which] > node:
            which -= 1
        return self.graphs[which], node - self.offsets[which]

    def node(self, number: int) -> Node:
        """Node number `number` of the picture."""
        graph, index = self.locate(number)
        return graph.nodes[index]

    def step_of(self, box: int, fold: int) -> int:
        """The step of the folded loop `fold` that holds `box`, or -1."""
        step = -1
        while box >= 0 and box != fold:
            step = box if self.tree.boxes[box].kind == "step" else step
            box = self.tree.boxes[box].parent
        return step if box == fold else -1


def picture(graphs: list[Graph]) -> Picture:
    """Group each graph into boxes; of two, each gets a box of its own and what differs is marked."""
    if len(graphs) == 1:
        return Picture(graphs, tree_of(graphs[0]), [0])
    offsets = [0, len(graphs[0].nodes)]
    tree = Tree()
    for number, graph in enumerate(graphs):
        run = len(tree.boxes)
        tree.boxes.append(Box("run", -1, message("autograd.run", number=number + 1, title=graph.title)))
        _graft(tree, tree_of(graph), run, graphs, number)
    only = changed(*graphs)
    marks = {offsets[number] + node: "changed" for number in range(2) for node in only[number]}
    return Picture(graphs, tree, offsets, marks)


def _graft(tree: Tree, branch: Tree, parent: int, graphs: list[Graph], number: int) -> None:
    """Add the boxes and edges of graph `number`, numbered on from the graphs before it."""
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
    tree.carries += [[edge + edges for edge in carried] for carried in branch.carries]
