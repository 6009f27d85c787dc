"""Hooks that record every backward pass through a graph: the gradients that arrive at each node and those it sends on.

The hooks hold an index and a weak reference, so they keep no graph alive and are freed with it.
"""

import weakref
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from dlviz.autograd import torch_internals
from dlviz.kit.caller_frames import is_library

Gradients = tuple[Tensor | None, ...]

#: The ``.grad`` of leaves with up to this many elements is copied before and after each pass; of larger leaves it is not.
MAX_COPIED = 2**20


@dataclass
class BackwardPass:
    """One backward pass.

    Attributes:
        task: torch's number of the call into the engine.
        preview: whether dlviz ran it, leaving every ``.grad`` unchanged.
        order: node indices in the order in which the engine ran them.
        grad_outputs: for each node, the gradients of the root with respect to its forward outputs.
        grad_inputs: for each node, the gradients that it sent to its ``next_functions``.
        grad_before: ``.grad`` of each leaf before the pass.
        grad_after: ``.grad`` of each leaf after the pass.
    """

    task: int
    preview: bool = False
    order: list[int] = field(default_factory=list)
    grad_outputs: dict[int, Gradients] = field(default_factory=dict)
    grad_inputs: dict[int, Gradients] = field(default_factory=dict)
    grad_before: dict[int, Tensor | None] = field(default_factory=dict)
    grad_after: dict[int, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Failure:
    """A backward pass that failed: the node that ran last, the message, and whether torch raised it rather than the user's own code."""

    node: int
    message: str
    by_torch: bool

    @classmethod
    def of(cls, error: Exception, node: int) -> "Failure":
        """Describe an error that was raised while `node` ran."""
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        by_torch = trace is None or is_library(trace.tb_frame.f_code)
        return cls(node, str(error) if by_torch else f"{type(error).__name__}: {error}", by_torch)


class BackwardRecorder:
    """Recorder of the latest backward pass through one graph.

    Attributes:
        passes: the number of passes, previews excluded.
        latest: the latest pass.
        failure: why the latest preview failed, or ``None``.
        listeners: weak references to methods that are called after each pass that the user started.
    """

    def __init__(self) -> None:
        self.passes = 0
        self.latest: BackwardPass | None = None
        self.failure: Failure | None = None
        self.listeners: list[weakref.WeakMethod[Any]] = []
        self._leaves: dict[int, Tensor] = {}
        self._node_count = 0
        self._previewing = False

    @property
    def order(self) -> list[int]:
        """Node indices in the order in which the engine ran them."""
        return self.latest.order if self.latest else []

    def grad_outputs(self, index: int) -> Gradients:
        """Return the gradient of the root with respect to each forward output of node `index`; empty before backward."""
        return self.latest.grad_outputs.get(index, ()) if self.latest else ()

    def grad_inputs(self, index: int) -> Gradients:
        """Return what node `index` sent to each of its ``next_functions``; empty before backward."""
        return self.latest.grad_inputs.get(index, ()) if self.latest else ()

    def register(self, nodes: Sequence[torch.autograd.graph.Node]) -> None:
        """Register a hook after every node, which also gets what arrived there, and one before each leaf.

        Args:
            nodes: the nodes in the order in which the engine will run them.
        """
        before, after, handles = _weak(self.before_leaf), _weak(self.after_node), []
        self._node_count = len(nodes)
        for index, node in enumerate(nodes):
            if torch_internals.is_leaf(node):
                self._leaves[index] = node.variable  # type: ignore[attr-defined]
                handles.append(node.register_prehook(partial(before, index)))
            handles.append(node.register_hook(partial(after, index)))
        weakref.finalize(self, _remove, handles)

    def preview(self, root: Tensor, leaves: Sequence[tuple[int, Tensor]], gradient: Tensor | None) -> None:
        """Run backward without changing any ``.grad``, freeing the graph, or advancing the random number generators."""
        devices = sorted({t.device.index or 0 for _, t in leaves if t.device.type == "cuda"})
        self._previewing = True
        passes, before = self.passes, self.latest
        self.failure = None
        try:
            with torch.random.fork_rng(devices=devices):
                gradients = torch.autograd.grad(
                    root,
                    [t for _, t in leaves],
                    gradient,
                    retain_graph=True,
                    allow_unused=True,
                    materialize_grads=False,
                )
        except Exception as error:
            # The first operation that did not run is the one that failed. What the others sent is dropped with the pass.
            ran = set(self.latest.order) if self.latest is not before and self.latest is not None else set()
            operations = (i for i in range(self._node_count) if i not in self._leaves)
            self.failure, self.latest = Failure.of(error, next(i for i in operations if i not in ran)), before
            raise
        finally:
            self._previewing = False
            self.passes = passes
        if self.latest is None:
            return
        # torch.autograd.grad does not run the AccumulateGrad nodes, so no hook recorded the leaves.
        for (index, _), leaf_gradient in zip(leaves, gradients, strict=True):
            if leaf_gradient is not None:
                self.latest.grad_outputs[index] = (leaf_gradient.detach(),)
                self.latest.order.append(index)

    def before_leaf(self, index: int, grad_outputs: Gradients) -> None:
        """Record what arrives at leaf `index`, and copy the ``.grad`` to which the node adds next."""
        current, leaf = self._current_pass(index), self._leaves[index]
        if current is None:
            return
        # Without this reference torch would make the tensor itself the .grad, and what is written there would change it.
        current.grad_outputs[index] = grad_outputs
        if leaf.numel() <= MAX_COPIED:
            current.grad_before[index] = leaf.grad.detach().clone() if leaf.grad is not None else None

    def after_node(self, index: int, grad_inputs: Gradients, grad_outputs: Gradients) -> None:
        """Record what arrived at node `index` and what it sent; a leaf sends nothing but has added to its ``.grad``."""
        current = self._current_pass(index)
        if current is None:
            return
        current.order.append(index)
        current.grad_outputs[index] = grad_outputs = _detached(grad_outputs)
        leaf = self._leaves.get(index)
        if leaf is None:
            current.grad_inputs[index] = _detached(grad_inputs)
        elif leaf.grad is not None and leaf.numel() <= MAX_COPIED:
            arrived = grad_outputs[0]
            if arrived is None or current.grad_before[index] is not None or leaf._post_accumulate_grad_hooks:
                arrived = leaf.grad.detach().clone()
            # Into an empty .grad torch has copied what arrived, because a reference to that is kept here.
            current.grad_after[index] = arrived

    def after_pass(self) -> None:
        """Call the listeners after a pass that the user started."""
        for listener in self.listeners:
            call = listener()
            if call is not None:
                call()

    def _current_pass(self, index: int) -> BackwardPass | None:
        """Return the running pass, or ``None`` if it is another loss's, which shares this node.

        The engine runs a node after all its consumers, so a pass through this graph's root runs the root, node 0, first.
        """
        task, latest = torch_internals.current_pass(), self.latest
        if latest is not None and latest.task == task:
            return latest
        if index:
            return None
        self.passes += 1
        self.failure = None
        self.latest = BackwardPass(task, preview=self._previewing)
        if not self._previewing:
            torch.autograd.Variable._execution_engine.queue_callback(_weak(self.after_pass))
        return self.latest


def _detached(gradients: Gradients) -> Gradients:
    # Not copied: a reference to the tensor itself keeps torch from writing into it. Under create_graph it has a graph of its own.
    for gradient in gradients:
        if gradient is not None and gradient.requires_grad:
            return tuple(g.detach() if g is not None else None for g in gradients)
    return gradients


def _weak(method: Callable[..., None]) -> Callable[..., None]:
    """Return a function that calls a method as long as its object is alive, and does not keep it alive."""
    reference, function = weakref.ref(method.__self__), method.__func__  # type: ignore[attr-defined]

    def call(*args: Any) -> None:
        alive = reference()
        if alive is not None:
            function(alive, *args)

    return call


def _remove(handles: Iterable[Any]) -> None:
    for handle in handles:
        handle.remove()
