"""The graph as a tree of boxes: module calls, loops folded into one box, long stretches cut into pages."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil

from dlviz.autograd.graph import Graph, Node

#: A level with more boxes than this is cut into pages.
PAGE = 100
#: A stretch repeats if it comes at least this often in a row.
REPEATS = 4
#: Loops with a longer body than this are not looked for.
LONGEST_BODY = 64


@dataclass(slots=True)
class Box:
    """One box of the picture.

    `kind` is "op", "leaf", "input" or "cut" for a box of its own, "module", "fold", "step" or "page" for one that holds others.
    `node` is the node it shows, or -1; `count` how many operations a group holds; `path` that of a module.
    """

    kind: str
    parent: int
    label: str
    sub: str = ""
    node: int = -1
    count: int = 0
    path: str = ""


@dataclass
class Tree:
    """Boxes, parents before children, and the edges between them from producer to consumer.

    `carries[i]` lists the graph's own edges that edge `i` stands for; empty where no gradient flows.
    """

    boxes: list[Box] = field(default_factory=list)
    edges: list[tuple[int, int]] = field(default_factory=list)
    carries: list[list[int]] = field(default_factory=list)
    box_of: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Branch:
    """A group under construction: children in the order in which they were made."""

    kind: str
    label: str
    sub: str
    scope: int
    children: list["_Branch | Node"]


def tree_of(graph: Graph) -> Tree:
    """Group the nodes of `graph`; each use of a leaf becomes a box of its own beside its user."""
    top = _by_module(graph)
    _tidy(top, graph)
    tree = Tree()
    _plant(tree, graph, top.children, -1)
    _add_leaves(tree, graph)
    _add_inputs(tree, graph)
    return tree


def _by_module(graph: Graph) -> _Branch:
    """Nest operations by the module call that made them. Calls nest, so the order of making is enough."""
    top = _Branch("module", "", "", -1, [])
    branches: dict[int, _Branch] = {-1: top}

    def branch(scope: int) -> _Branch:
        if scope not in branches:
            call = graph.calls[scope]
            outer = branch(call.parent)
            around = graph.calls[call.parent].path + "." if call.parent >= 0 else ""
            label = call.path.removeprefix(around) if around else call.path
            branches[scope] = _Branch("module", label, call.kind, scope, [])
            outer.children.append(branches[scope])
        return branches[scope]

    for node in sorted((n for n in graph.nodes if not n.is_leaf), key=lambda n: n.sequence):
        branch(node.scope).children.append(node)
    return top


def _tidy(branch: _Branch, graph: Graph) -> None:
    """From the inside out: drop boxes around a single operation, fold loops, cut long levels into pages."""
    for i, child in enumerate(branch.children):
        if isinstance(child, _Branch):
            _tidy(child, graph)
            only = child.children[0] if len(child.children) == 1 else None
            if isinstance(only, Node) and not any(
                graph.nodes[graph.edges[e][1]].is_leaf for e in graph.outgoing[only.index]
            ):
                branch.children[i] = only
    branch.children = _folded(branch.children)
    while len(branch.children) > PAGE:
        branch.children = _pages(branch.children)


def _folded(children: list["_Branch | Node"]) -> list["_Branch | Node"]:
    """Replace each run of a repeated body by one box that holds its steps."""
    numbers: dict[object, int] = {}
    tokens = [numbers.setdefault(_token(child), len(numbers)) for child in children]
    found: list[_Branch | Node] = []
    i = 0
    while i < len(tokens):
        body, times = _repetition(tokens, i)
        if times < REPEATS:
            found.append(children[i])
            i += 1
            continue
        steps: list[_Branch | Node] = []
        for step in range(times):
            part = children[i + step * body : i + (step + 1) * body]
            steps.append(_Branch("step", str(step + 1), "", -1, part))
        first = children[i]
        if body == 1 and isinstance(first, _Branch):
            steps = [_unwrapped(step) for step in steps]
        label, sub = (
            (first.label, first.sub)
            if isinstance(first, _Branch) and body == 1
            else (_loop_name(children[i : i + body]), "")
        )
        fold = _Branch("fold", label, sub, -1, steps)
        while len(fold.children) > 2 * PAGE:
            fold.children = _pages(fold.children)
        found.append(fold)
        i += body * times
    return found


def _unwrapped(step: "_Branch | Node") -> "_Branch | Node":
    """A step that is one module call needs no box around that call."""
    assert isinstance(step, _Branch)
    call = step.children[0]
    assert isinstance(call, _Branch)
    return _Branch("step", step.label, "", call.scope, call.children)


def _token(child: "_Branch | Node") -> object:
    if isinstance(child, Node):
        return child.name, child.shapes, child.source
    return child.kind, child.label, child.sub, tuple(_token(c) for c in child.children[:8]), len(child.children)


def _repetition(tokens: Sequence[int], start: int) -> tuple[int, int]:
    """The shortest body that repeats from `start` on, and how often it comes."""
    for body in range(1, min(LONGEST_BODY, (len(tokens) - start) // REPEATS) + 1):
        if tokens[start + body] != tokens[start]:
            continue
        end = start + body
        while end < len(tokens) and tokens[end] == tokens[end - body]:
            end += 1
        times = (end - start) // body
        if times >= REPEATS:
            return body, times
    return 1, 1


def _loop_name(body: list["_Branch | Node"]) -> str:
    """What a folded loop is called: its operations, or the first few."""
    names = [child.op if isinstance(child, Node) else child.label for child in body]
    return " · ".join(names[:3]) + (" …" if len(names) > 3 else "")


def _pages(children: list["_Branch | Node"]) -> list["_Branch | Node"]:
    size = max(PAGE // 2, ceil(len(children) / PAGE))
    return [
        _Branch("page", f"{i + 1}–{min(i + size, len(children))}", "", -1, children[i : i + size])
        for i in range(0, len(children), size)
    ]


def _plant(tree: Tree, graph: Graph, children: Sequence["_Branch | Node"], parent: int) -> int:
    """Write the branches down as boxes, parents first; returns how many operations they hold."""
    count = 0
    for child in children:
        here = len(tree.boxes)
        if isinstance(child, Node):
            tree.boxes.append(Box("op", parent, child.op, node=child.index))
            tree.box_of[child.index] = here
            count += 1
        else:
            tree.boxes.append(Box(child.kind, parent, child.label, child.sub, path=_path(child, graph)))
            inside = _plant(tree, graph, child.children, here)
            tree.boxes[here].count = inside
            count += inside
    return count


def _path(branch: _Branch, graph: Graph) -> str:
    return graph.calls[branch.scope].path if branch.scope >= 0 else ""


def _add_leaves(tree: Tree, graph: Graph) -> None:
    """Edges between operations, and for each use of a leaf a box beside its user."""
    uses: dict[tuple[int, int], int] = {}
    joined: dict[tuple[int, int], int] = {}
    for number, (user, maker) in enumerate(graph.edges):
        to = tree.box_of[user]
        if graph.nodes[maker].is_leaf:
            if (user, maker) not in uses:
                uses[user, maker] = len(tree.boxes)
                leaf = graph.nodes[maker]
                tree.boxes.append(Box("leaf", tree.boxes[to].parent, leaf.label, node=maker))
            start = uses[user, maker]
        else:
            start = tree.box_of[maker]
        if (start, to) not in joined:
            joined[start, to] = len(tree.edges)
            tree.edges.append((start, to))
            tree.carries.append([])
        tree.carries[joined[start, to]].append(number)


def _add_inputs(tree: Tree, graph: Graph) -> None:
    """Data, and values that were cut from the graph, each with the cut drawn."""
    cuts: dict[int, int] = {}

    def cut_box(number: int, parent: int) -> int:
        if number not in cuts:
            cut = graph.cuts[number]
            cuts[number] = len(tree.boxes)
            tree.boxes.append(Box("cut", parent, cut.op, cut.kind, node=number))
            for maker in cut.parents:
                tree.edges.append((tree.box_of[maker], cuts[number]))
                tree.carries.append([])
        return cuts[number]

    numbers = {id(cut): i for i, cut in enumerate(graph.cuts)}
    for number, value in enumerate(graph.inputs):
        user = tree.box_of[value.user]
        parent = tree.boxes[user].parent
        if value.cut is not None and id(value.cut) in numbers:
            start = cut_box(numbers[id(value.cut)], parent)
        else:
            start = len(tree.boxes)
            tree.boxes.append(Box("input", parent, value.label, node=number))
        tree.edges.append((start, user))
        tree.carries.append([])
    for number, cut in enumerate(graph.cuts):
        if number not in cuts and cut.parents:
            cut_box(number, tree.boxes[tree.box_of[cut.parents[0]]].parent)
