"""The graph as a tree of boxes: modules as groups, repeated operations folded into one loop box, long levels split into pages."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil

from dlviz.autograd.graph import Graph, Node

#: Kinds of boxes that hold others: a module call, a folded loop and its iterations, a page of a long level, one of two compared graphs.
GROUP_KINDS = ("module", "loop", "iteration", "page", "graph")
#: All kinds of boxes, in the order by which the view numbers them.
KINDS = ("op", "leaf", "input", "cut", *GROUP_KINDS)
#: A level with more boxes than this is split into pages.
PAGE_SIZE = 100
#: A sequence of operations is folded into a loop if it occurs at least this many times in a row.
MIN_ITERATIONS = 4
#: Longest sequence of operations that is recognized as the body of a loop.
MAX_BODY = 64


@dataclass(slots=True)
class Box:
    """One box of the diagram.

    Attributes:
        kind: one of :data:`KINDS`.
        parent: the group that holds it, or -1.
        label: name of the operation, tensor or module; number of an iteration; range of a page.
        subtitle: a module's class, the kind of a cut, or the kind of what a page holds if not operations.
        node: index of the node, input or cut that it shows, or -1.
        count: number of operations in a group, or of what else a page holds.
        path: path of the module that a group shows.
    """

    kind: str
    parent: int
    label: str
    subtitle: str = ""
    node: int = -1
    count: int = 0
    path: str = ""


@dataclass
class BoxTree:
    """Boxes, parents before children, and the edges between them.

    Attributes:
        boxes: every box.
        edges: ``(producer, consumer)`` pairs of boxes.
        graph_edges: for each edge, the numbers of the graph's edges that it stands for; empty where no gradient flows.
        box_of_node: the box of each operation, by node index.
    """

    boxes: list[Box] = field(default_factory=list)
    edges: list[tuple[int, int]] = field(default_factory=list)
    graph_edges: list[list[int]] = field(default_factory=list)
    box_of_node: dict[int, int] = field(default_factory=dict)

    def add_box(self, box: Box) -> int:
        """Add a box and return its number."""
        self.boxes.append(box)
        return len(self.boxes) - 1

    def add_edge(self, start: int, end: int) -> int:
        """Add an edge, which stands for none of the graph's edges yet, and return its number."""
        self.edges.append((start, end))
        self.graph_edges.append([])
        return len(self.edges) - 1


@dataclass(slots=True)
class _Group:
    """A group under construction, with its children in the order in which they ran. `call` is an index into :attr:`Graph.calls`.

    `token` is the number of what it holds, which :func:`_token` gives once its children are final.
    """

    kind: str
    label: str
    subtitle: str
    call: int
    children: list["_Group | Node"]
    token: int = -1


def build_tree(graph: Graph) -> BoxTree:
    """Group the nodes of `graph`; each use of a leaf gets a box of its own next to its consumer."""
    top = _group_by_module(graph)
    _simplify(top, graph, {})
    tree = BoxTree()
    _add_boxes(tree, graph, top.children, -1)
    _add_edges_and_leaves(tree, graph)
    _add_inputs_and_cuts(tree, graph)
    return tree


def _group_by_module(graph: Graph) -> _Group:
    """Nest operations by the module call that ran them. Calls nest, so the order of the operations is sufficient."""
    top = _Group("module", "", "", -1, [])
    groups: dict[int, _Group] = {-1: top}

    def group_of(index: int) -> _Group:
        if index not in groups:
            call = graph.calls[index]
            outer = group_of(call.parent)
            prefix = graph.calls[call.parent].path + "." if call.parent >= 0 else ""
            label = call.path.removeprefix(prefix) if prefix else call.path
            groups[index] = _Group("module", label, call.module_class, index, [])
            outer.children.append(groups[index])
        return groups[index]

    for node in sorted((n for n in graph.nodes if not n.is_leaf), key=lambda n: n.sequence):
        group_of(node.call).children.append(node)
    return top


def _simplify(group: _Group, graph: Graph, numbers: dict[object, int]) -> None:
    """From the inside out, remove groups of a single operation without parameters, fold loops, and split long levels into pages."""
    for i, child in enumerate(group.children):
        if isinstance(child, _Group):
            _simplify(child, graph, numbers)
            only = child.children[0] if len(child.children) == 1 else None
            if isinstance(only, Node) and not any(
                graph.nodes[graph.edges[e][1]].is_leaf for e in graph.outgoing[only.index]
            ):
                group.children[i] = only
    group.children = _fold_loops(group.children, numbers)
    while len(group.children) > PAGE_SIZE:
        group.children = _paginate(group.children)


def _fold_loops(children: list["_Group | Node"], numbers: dict[object, int]) -> list["_Group | Node"]:
    """Replace each repeated sequence by one loop group that holds its iterations."""
    tokens = [_token(child, numbers) for child in children]
    result: list[_Group | Node] = []
    i = 0
    while i < len(tokens):
        body, times = _repetition(tokens, i)
        if times < MIN_ITERATIONS:
            result.append(children[i])
            i += 1
            continue
        result.append(_loop(children[i : i + body * times], body))
        i += body * times
    return result


def _loop(children: list["_Group | Node"], body: int) -> _Group:
    """Return the loop group of a sequence that repeats after `body` children."""
    first = children[0]
    iterations: list[_Group | Node] = []
    for number, start in enumerate(range(0, len(children), body)):
        call, part = -1, children[start : start + body]
        if body == 1 and isinstance(part[0], _Group):  # an iteration that is one module call needs no group inside
            call, part = part[0].call, part[0].children
        iterations.append(_Group("iteration", str(number + 1), "", call, part))
    if body == 1 and isinstance(first, _Group):
        loop = _Group("loop", first.label, first.subtitle, -1, iterations)
    else:
        loop = _Group("loop", _loop_label(children[:body]), "", -1, iterations)
    while len(loop.children) > 2 * PAGE_SIZE:
        loop.children = _paginate(loop.children)
    return loop


def _token(child: "_Group | Node", numbers: dict[object, int]) -> int:
    """Return the number, in `numbers`, of what two children must share to count as a repetition."""
    if isinstance(child, Node):
        return numbers.setdefault((child.name, child.shapes, child.source), len(numbers))
    if child.token < 0:
        inside = tuple([_token(c, numbers) for c in child.children[:8]])
        content = (child.kind, child.label, child.subtitle, inside, len(child.children))
        child.token = numbers.setdefault(content, len(numbers))
    return child.token


def _repetition(tokens: Sequence[int], start: int) -> tuple[int, int]:
    """Return the length of the shortest sequence that repeats from `start` on, and the number of its occurrences."""
    for body in range(1, min(MAX_BODY, (len(tokens) - start) // MIN_ITERATIONS) + 1):
        if tokens[start + body] != tokens[start]:
            continue
        end = start + body
        while end < len(tokens) and tokens[end] == tokens[end - body]:
            end += 1
        times = (end - start) // body
        if times >= MIN_ITERATIONS:
            return body, times
    return 1, 1


def _loop_label(body: list["_Group | Node"]) -> str:
    """Return the label of a loop: its first operations."""
    names = [child.op if isinstance(child, Node) else child.label for child in body]
    return " · ".join(names[:3]) + (" …" if len(names) > 3 else "")


def _page_size(count: int) -> int:
    """Return how many of `count` boxes a page holds."""
    return max(PAGE_SIZE // 2, ceil(count / PAGE_SIZE))


def _paginate(children: list["_Group | Node"]) -> list["_Group | Node"]:
    size = _page_size(len(children))
    return [
        _Group("page", f"{i + 1}–{min(i + size, len(children))}", "", -1, children[i : i + size])
        for i in range(0, len(children), size)
    ]


def _add_boxes(tree: BoxTree, graph: Graph, children: Sequence["_Group | Node"], parent: int) -> int:
    """Add boxes for groups and operations, parents first, and return the number of operations."""
    count = 0
    for child in children:
        if isinstance(child, Node):
            tree.box_of_node[child.index] = tree.add_box(Box("op", parent, child.op, node=child.index))
            count += 1
        else:
            path = graph.calls[child.call].path if child.call >= 0 else ""
            box = Box(child.kind, parent, child.label, child.subtitle, path=path)
            box.count = _add_boxes(tree, graph, child.children, tree.add_box(box))
            count += box.count
    return count


class _Pages:
    """The groups that hold the leaves (or inputs) of each operation: its own group, or pages if it reads very many.

    Args:
        tree: the tree that holds the operations.
        kind: "leaf" or "input".
        consumers: for each leaf or input, the index of the node that reads it.
    """

    def __init__(self, tree: BoxTree, kind: str, consumers: Iterable[int]) -> None:
        self._tree, self._kind = tree, kind
        self._counts = Counter(consumers)
        self._placed: Counter[int] = Counter()
        self._page: dict[int, int] = {}

    def next(self, consumer: int) -> int:
        """Return the group for the next leaf or input of node `consumer`."""
        tree = self._tree
        group, count = tree.boxes[tree.box_of_node[consumer]].parent, self._counts[consumer]
        if count <= PAGE_SIZE:
            return group
        before, size = self._placed[consumer], _page_size(count)
        self._placed[consumer] += 1
        if before % size == 0:
            last = min(before + size, count)
            page = Box("page", group, f"{before + 1}–{last}", self._kind, count=last - before)
            self._page[consumer] = tree.add_box(page)
        return self._page[consumer]


def _add_edges_and_leaves(tree: BoxTree, graph: Graph) -> None:
    """Add the edges between operations, and for each use of a leaf a box next to its consumer."""
    leaf_uses = dict.fromkeys(edge for edge in graph.edges if graph.nodes[edge[1]].is_leaf)
    pages = _Pages(tree, "leaf", (consumer for consumer, _ in leaf_uses))
    uses: dict[tuple[int, int], int] = {}
    joined: dict[tuple[int, int], int] = {}
    for number, (consumer, producer) in enumerate(graph.edges):
        end = tree.box_of_node[consumer]
        if graph.nodes[producer].is_leaf:
            if (consumer, producer) not in uses:
                leaf = Box("leaf", pages.next(consumer), graph.nodes[producer].label, node=producer)
                uses[consumer, producer] = tree.add_box(leaf)
            start = uses[consumer, producer]
        else:
            start = tree.box_of_node[producer]
        if (start, end) not in joined:
            joined[start, end] = tree.add_edge(start, end)
        tree.graph_edges[joined[start, end]].append(number)


def _add_inputs_and_cuts(tree: BoxTree, graph: Graph) -> None:
    """Add boxes for tensors without a gradient, and for the operations that cut a value from the graph."""
    cuts: dict[int, int] = {}

    def cut_box(number: int, parent: int) -> int:
        if number not in cuts:
            cut = graph.cuts[number]
            cuts[number] = tree.add_box(Box("cut", parent, cut.op, cut.kind, node=number))
            for producer in cut.parents:
                tree.add_edge(tree.box_of_node[producer], cuts[number])
        return cuts[number]

    numbers = {id(cut): i for i, cut in enumerate(graph.cuts)}
    pages = _Pages(tree, "input", (value.consumer for value in graph.inputs if id(value.cut) not in numbers))
    for number, value in enumerate(graph.inputs):
        consumer = tree.box_of_node[value.consumer]
        parent = tree.boxes[consumer].parent
        if id(value.cut) in numbers:
            start = cut_box(numbers[id(value.cut)], parent)
        else:
            start = tree.add_box(Box("input", pages.next(value.consumer), value.label, node=number))
        tree.add_edge(start, consumer)
    for number, cut in enumerate(graph.cuts):
        if number not in cuts and cut.parents:
            cut_box(number, tree.boxes[tree.box_of_node[cut.parents[0]]].parent)
