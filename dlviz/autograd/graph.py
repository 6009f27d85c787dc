"""The autograd graph as data: nodes in the order in which backward runs them, edges as pairs of indices."""

import re
from dataclasses import dataclass, field
from functools import cache, cached_property

import torch
from torch import Tensor

from dlviz.autograd.backward_hooks import BackwardRecorder
from dlviz.autograd.inputs import Cut, Input
from dlviz.autograd.source_lines import SourceLine, source_line
from dlviz.autograd.tape import Mutation, RecordedOp


# Not frozen: a frozen instance takes three times as long to create.
@dataclass(slots=True, eq=False)
class Node:
    """One node of the graph. Treat it as read-only.

    Attributes:
        index: its position in :attr:`Graph.nodes`, which is also the order in which backward runs the nodes.
        grad_fn: torch's own node.
        name: torch's name for it, such as ``"AddmmBackward0"``.
        op: the operation, such as ``"addmm"``; ``"leaf"`` for AccumulateGrad.
        sequence: the sequence number that autograd gave it.
        label: the name of the variable or parameter that holds its output (``h``, ``net.0.weight``), or ``""``.
        module: the path of the module whose call created it, such as ``"net.0"``, or ``""``.
        call: that module call, as an index into :attr:`Graph.calls`, or -1.
        created_by: for a node that backward itself created (``create_graph=True``), the index of the node whose backward did.
        is_leaf: whether it is an AccumulateGrad node, which fills a leaf's ``.grad``.
        has_hook: whether the leaf, or a variable that holds the node's output, has a hook.
        retains_grad: whether ``retain_grad()`` was called on such a variable.
        recorded: what a tape recorded of the operation.
        backward: recorder of backward passes through the graph.
        shapes: the shape of each forward output; a ragged size of a nested tensor is a text such as ``"j1"``.
        dtypes: the dtype of each forward output.
    """

    index: int
    grad_fn: torch.autograd.graph.Node
    name: str
    op: str
    sequence: int
    label: str
    module: str
    call: int
    created_by: int | None
    is_leaf: bool
    has_hook: bool
    retains_grad: bool
    recorded: RecordedOp | None
    backward: BackwardRecorder
    shapes: tuple[tuple[int | str, ...], ...]
    dtypes: tuple[torch.dtype, ...]

    def __repr__(self) -> str:
        return f"Node({self.index}, {self.name}{f', {self.label!r}' if self.label else ''})"

    @property
    def tensor(self) -> Tensor | None:
        """The leaf tensor itself; ``None`` for an operation."""
        return self.grad_fn.variable if self.is_leaf else None  # type: ignore[attr-defined]

    @property
    def source(self) -> SourceLine | None:
        """The line that called the operation, if a tape recorded it."""
        location = self.recorded.location if self.recorded is not None else None
        return source_line(location) if location is not None else None

    @property
    def values(self) -> tuple[Tensor | None, ...]:
        """Each forward output as torch computed it, detached; ``None`` where it is not available."""
        if self.tensor is not None:
            return (self.tensor.detach(),)
        if self.recorded is None:
            return (None,) * len(self.shapes)
        return tuple([self.recorded.value(i) for i in range(len(self.shapes))])

    @property
    def value(self) -> Tensor | None:
        """The first forward output, detached, or ``None``: then :attr:`value_missing` is the reason."""
        if self.is_leaf:
            return self.values[0]
        return self.recorded.value(0) if self.recorded is not None and self.shapes else None

    @property
    def value_missing(self) -> str:
        """Why :attr:`value` is ``None``: "no_tape", "large" or "overwritten"; "" if it is available."""
        if self.value is not None:
            return ""
        if self.recorded is None:
            return "no_tape"
        return "overwritten" if self.recorded.kept else "large"

    @property
    def gradients(self) -> tuple[Tensor | None, ...]:
        """The gradient of the root with respect to each forward output, from the latest backward; empty before it."""
        return self.backward.grad_outputs(self.index)

    @property
    def gradient(self) -> Tensor | None:
        """The gradient that arrives here, equal to what ``retain_grad()`` would keep; ``None`` before backward."""
        for gradient in self.gradients:
            if gradient is not None:
                return gradient
        return None

    @property
    def grad_inputs(self) -> tuple[Tensor | None, ...]:
        """The gradient that its backward sends to each of ``grad_fn.next_functions``; empty before backward."""
        return self.backward.grad_inputs(self.index)


@dataclass(frozen=True, slots=True)
class ModuleCall:
    """One call of one module.

    Attributes:
        path: path of the module, such as ``"net.0"``.
        module_class: its class and main arguments, such as ``"Linear(10, 32)"``.
        parent: the enclosing call, as an index into :attr:`Graph.calls`, or -1.
    """

    path: str
    module_class: str
    parent: int


@dataclass(eq=False)
class Graph:
    """The autograd graph behind one tensor.

    Attributes:
        root: the tensor it was recorded from.
        title: the root's name.
        nodes: every node, in the order in which backward runs them; ``nodes[0]`` computed the root.
        edges: ``(consumer, producer)`` pairs of indices into :attr:`nodes`: backward flows from the first to the second.
        slots: for each edge, its position in the consumer's ``next_functions`` and the number of the producer's output it reads.
        backward: recorder of backward passes.
        calls: the module calls that a tape recorded, outer before inner.
        inputs: tensors without a gradient that the nodes read.
        cuts: operations that took a value out of the graph.
        mutations: the in-place operations that a tape recorded.
        has_tape: whether a tape recorded the forward pass.
        model_notes: what the learner should know of the modules that ran, such as layers that no optimizer finds.
    """

    root: Tensor
    title: str
    nodes: list[Node]
    edges: list[tuple[int, int]]
    slots: list[tuple[int, int]]
    backward: BackwardRecorder
    calls: list[ModuleCall] = field(default_factory=list)
    inputs: list[Input] = field(default_factory=list)
    cuts: list[Cut] = field(default_factory=list)
    mutations: list[Mutation] = field(default_factory=list)
    has_tape: bool = False
    model_notes: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"Graph({len(self.nodes)} nodes, {len(self.edges)} edges, {len(self.leaves)} leaves)"

    @property
    def leaves(self) -> list[Node]:
        """The AccumulateGrad nodes, which fill ``.grad``."""
        return [node for node in self.nodes if node.is_leaf]

    @cached_property
    def incoming(self) -> list[list[int]]:
        """For each node, the edges along which gradients arrive."""
        return self._edges_by_end(1)

    @cached_property
    def outgoing(self) -> list[list[int]]:
        """For each node, the edges along which its backward sends gradients."""
        return self._edges_by_end(0)

    def _edges_by_end(self, end: int) -> list[list[int]]:
        edges: list[list[int]] = [[] for _ in self.nodes]
        for i, edge in enumerate(self.edges):
            edges[edge[end]].append(i)
        return edges

    def edge_gradient(self, edge: int) -> Tensor | None:
        """Return the gradient that the latest backward sent along edge number `edge`, or ``None``."""
        grad_inputs, slot = self.nodes[self.edges[edge][0]].grad_inputs, self.slots[edge][0]
        return grad_inputs[slot] if slot < len(grad_inputs) else None

    def contributions(self, index: int) -> list[int]:
        """Return the edges whose gradients add up to :attr:`Node.gradient`: those of the output that it belongs to."""
        gradients = self.nodes[index].gradients
        output = next((k for k, gradient in enumerate(gradients) if gradient is not None), 0)
        return [edge for edge in self.incoming[index] if self.slots[edge][1] == output]

    @property
    def order(self) -> list[int]:
        """Indices of :attr:`nodes` in the order in which the latest backward ran them; before it, as the engine will."""
        order = self.backward.order
        if not order:
            return list(range(len(self.nodes)))
        seen = set(order)
        return order + [node.index for node in self.nodes if node.index not in seen]

    def preview(self, gradient: Tensor | None = None) -> None:
        """Run backward for this record only: every ``.grad`` stays as it is and the graph is not freed.

        Args:
            gradient: gradient to send into a root that is not a scalar, with the root's shape.

        Raises:
            RuntimeError: torch refuses, with torch's own message.
        """
        leaves = [(node.index, node.tensor) for node in self.nodes if node.tensor is not None]
        self.backward.preview(self.root, leaves, gradient)

    def node(self, label: str) -> Node:
        """Return the node named `label`.

        Raises:
            KeyError: no node has that name.
        """
        for node in self.nodes:
            if node.label == label:
                return node
        known = ", ".join(sorted({node.label for node in self.nodes if node.label})) or "none"
        raise KeyError(f"Graph.node: no node is called {label!r}; the names in this graph are: {known}")


@cache
def op_name(name: str) -> str:
    """Return the operation behind a node's name: ``"AddmmBackward0"`` is ``"addmm"``.

    >>> op_name("MaxPool2DWithIndicesBackward0"), op_name("torch::autograd::AccumulateGrad"), op_name("CopySlices")
    ('max_pool2d_with_indices', 'leaf', 'copy_slices')
    """
    if name.endswith("AccumulateGrad"):
        return "leaf"
    stem = re.sub(r"Backward\d*$", "", name.split("::")[-1]) or name
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[0-9D])(?=[A-Z][a-z])", "_", stem)
    return re.sub(r"(?<=\d)D(?=_|$)", "d", snake).lower()
