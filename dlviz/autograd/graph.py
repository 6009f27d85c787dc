"""The autograd graph as data: nodes in the engine's own backward order, edges as index pairs."""

import re
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from dlviz.autograd import torch_internals
from dlviz.autograd.backward_hooks import Backward
from dlviz.autograd.inputs import Cut, Input
from dlviz.autograd.source_lines import Source, locate
from dlviz.autograd.tape import Mutation, Op


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One node of the graph.

    Attributes:
        index: its place in :attr:`Graph.nodes`, which is also the order in which backward runs it.
        grad_fn: torch's own node.
        name: torch's name for it, such as ``"AddmmBackward0"``.
        op: the operation behind it, such as ``"addmm"``; ``"leaf"`` for AccumulateGrad.
        sequence: the number torch gave it when it was made.
        label: the learner's own name for its output (a variable, ``net.0.weight``), or ``""``.
        module: the path of the module call that made it, such as ``"net.0"``, or ``""``.
        is_leaf: true for AccumulateGrad, which fills a leaf's ``.grad``.
        hooked: whether a variable of the learner's that it made, or the leaf itself, carries a hook.
        retained: whether ``retain_grad()`` was called on such a variable, so that it will keep its ``.grad``.
        maker: for a node that backward itself made (``create_graph=True``), the index of the node whose backward made it.
    """

    index: int
    grad_fn: torch.autograd.graph.Node
    name: str
    op: str
    sequence: int
    label: str
    module: str
    scope: int
    maker: int | None
    is_leaf: bool
    hooked: bool
    retained: bool
    record: Op | None
    backward: Backward

    def __repr__(self) -> str:
        return f"Node({self.index}, {self.name}{f', {self.label!r}' if self.label else ''})"

    @property
    def tensor(self) -> Tensor | None:
        """For a leaf, the learner's own tensor; else ``None``."""
        return self.grad_fn.variable if self.is_leaf else None  # type: ignore[attr-defined]

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shape of each forward output."""
        if self.tensor is not None:
            return (tuple(self.tensor.shape),)
        return tuple(tuple(meta.shape) for meta in torch_internals.outputs_of(self.grad_fn))

    @property
    def dtypes(self) -> tuple[torch.dtype, ...]:
        """The dtype of each forward output."""
        if self.tensor is not None:
            return (self.tensor.dtype,)
        return tuple(meta.dtype for meta in torch_internals.outputs_of(self.grad_fn))

    @property
    def source(self) -> Source | None:
        """The learner's line that made it, if a tape was running."""
        return locate(self.record.spot) if self.record is not None and self.record.spot is not None else None

    @property
    def values(self) -> tuple[Tensor | None, ...]:
        """Each forward output as torch computed it, detached; ``None`` where it is not known any more."""
        if self.tensor is not None:
            return (self.tensor.detach(),)
        outputs = range(len(torch_internals.outputs_of(self.grad_fn)))
        return tuple(self.record.value(i) if self.record is not None else None for i in outputs)

    @property
    def value(self) -> Tensor | None:
        """The first forward output, detached, or ``None``: then :attr:`value_missing` says why."""
        return next(iter(self.values), None)

    @property
    def value_missing(self) -> str:
        """Why :attr:`value` is ``None``: "untaped", "large" or "overwritten"; "" where it is there."""
        if self.value is not None:
            return ""
        if self.record is None:
            return "untaped"
        return "overwritten" if self.record.kept else "large"

    @property
    def gradients(self) -> tuple[Tensor | None, ...]:
        """The gradient of the root with respect to each forward output, from the latest backward; empty before it."""
        return self.backward.arriving(self.index)

    @property
    def gradient(self) -> Tensor | None:
        """The gradient that arrives here, equal to what ``retain_grad()`` would keep, or ``None`` before backward."""
        return next((g for g in self.gradients if g is not None), None)

    @property
    def sent(self) -> tuple[Tensor | None, ...]:
        """What its backward passes on, one for each of ``grad_fn.next_functions``."""
        return self.backward.sent(self.index)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of one module: its path, its class, and the call around it (an index into :attr:`Graph.calls`, or -1)."""

    path: str
    kind: str
    parent: int


@dataclass(eq=False)
class Graph:
    """The autograd graph behind one tensor.

    Attributes:
        root: the tensor it was recorded from.
        title: the learner's name for it.
        nodes: every node, in the order in which backward runs them; ``nodes[0]`` made the root.
        edges: ``(user, maker)`` pairs of indices into :attr:`nodes`: backward flows from the first to the second.
        slots: for each edge, its position in the user's ``next_functions`` and the number of the maker's output it reads.
        calls: the module calls that a tape saw, outer before inner; :attr:`Node.scope` is an index into it.
        inputs: tensors without a gradient that the nodes read.
        cuts: where a value left the graph.
        mutations: the in-place operations that a tape saw.
        taped: whether a tape saw the forward pass.
    """

    root: Tensor
    title: str
    nodes: list[Node]
    edges: list[tuple[int, int]]
    slots: list[tuple[int, int]]
    backward: Backward
    calls: list[Call] = field(default_factory=list)
    inputs: list[Input] = field(default_factory=list)
    cuts: list[Cut] = field(default_factory=list)
    mutations: list[Mutation] = field(default_factory=list)
    taped: bool = False

    def __repr__(self) -> str:
        leaves = sum(node.is_leaf for node in self.nodes)
        return f"Graph({len(self.nodes)} nodes, {len(self.edges)} edges, {leaves} leaves)"

    @property
    def leaves(self) -> list[Node]:
        """The AccumulateGrad nodes: where ``.grad`` is filled."""
        return [node for node in self.nodes if node.is_leaf]

    @cached_property
    def incoming(self) -> list[list[int]]:
        """For each node, the edges along which backward reaches it."""
        return self._by_end(1)

    @cached_property
    def outgoing(self) -> list[list[int]]:
        """For each node, the edges along which its own backward sends."""
        return self._by_end(0)

    def _by_end(self, end: int) -> list[list[int]]:
        found: list[list[int]] = [[] for _ in self.nodes]
        for i, edge in enumerate(self.edges):
            found[edge[end]].append(i)
        return found

    def flowing(self, edge: int) -> Tensor | None:
        """The gradient that the latest backward sent along edge number `edge`, or ``None``."""
        sent, slot = self.nodes[self.edges[edge][0]].sent, self.slots[edge][0]
        return sent[slot] if slot < len(sent) else None

    @property
    def order(self) -> list[int]:
        """Indices of :attr:`nodes` as the latest backward really ran them; before it, as the engine will."""
        ran = self.backward.order
        if not ran:
            return list(range(len(self.nodes)))
        seen = set(ran)
        return ran + [node.index for node in self.nodes if node.index not in seen]

    def preview(self, gradient: Tensor | None = None) -> None:
        """Run backward for this record alone: every ``.grad`` stays as it is and the graph stays whole.

        Args:
            gradient: what to send into a root that is not a scalar, with the root's shape.

        Raises:
            RuntimeError: torch refuses, with torch's own message.
        """
        leaves = [(node.index, node.tensor) for node in self.nodes if node.tensor is not None]
        self.backward.preview(self.root, leaves, gradient)

    def node(self, label: str) -> Node:
        """The node that carries the learner's name `label`.

        Raises:
            KeyError: no node is called that.
        """
        for node in self.nodes:
            if node.label == label:
                return node
        known = ", ".join(sorted({node.label for node in self.nodes if node.label})) or "none"
        raise KeyError(f"Graph.node: no node is called {label!r}; the names in this graph are: {known}")


def op_name(name: str) -> str:
    """The operation behind a node's name: ``"AddmmBackward0"`` is ``"addmm"``.

    >>> op_name("MaxPool2DWithIndicesBackward0"), op_name("torch::autograd::AccumulateGrad"), op_name("CopySlices")
    ('max_pool2d_with_indices', 'leaf', 'copy_slices')
    """
    if name.endswith("AccumulateGrad"):
        return "leaf"
    stem = re.sub(r"Backward\d*$", "", name.split("::")[-1]) or name
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[0-9D])(?=[A-Z][a-z])", "_", stem)
    return re.sub(r"(?<=\d)D(?=_|$)", "d", snake).lower()
