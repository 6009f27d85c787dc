"""Watch backward run, whoever starts it: the gradient arriving at each node and what each node passes on.

Hooks sit on torch's nodes and know nothing but an index and a weak reference, so they keep no graph alive and die with it.
"""

import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from dlviz.autograd import torch_internals

Gradients = tuple[Tensor | None, ...]

#: Leaves up to this many numbers get their ``.grad`` copied before and after each pass; larger ones keep only the arriving part.
COPIED = 2**20


@dataclass
class Pass:
    """One run of backward. `preview` is True where dlviz ran it, leaving every ``.grad`` as it was."""

    task: int
    preview: bool = False
    order: list[int] = field(default_factory=list)
    arriving: dict[int, Gradients] = field(default_factory=dict)
    sent: dict[int, Gradients] = field(default_factory=dict)
    before: dict[int, Tensor | None] = field(default_factory=dict)
    after: dict[int, Tensor] = field(default_factory=dict)


class Backward:
    """What the latest backward through one graph did, and how many there were."""

    def __init__(self) -> None:
        self.passes = 0
        self.latest: Pass | None = None
        self.listeners: list[weakref.WeakMethod[Any]] = []
        self._leaves: dict[int, Tensor] = {}
        self._previewing = False

    @property
    def order(self) -> list[int]:
        """Node indices in the order in which the engine ran them."""
        return self.latest.order if self.latest else []

    def arriving(self, index: int) -> Gradients:
        """The gradient of the root with respect to each output of node `index`; empty before backward."""
        return self.latest.arriving.get(index, ()) if self.latest else ()

    def sent(self, index: int) -> Gradients:
        """What node `index` passed to each of its ``next_functions``; empty before backward."""
        return self.latest.sent.get(index, ()) if self.latest else ()

    def watch(self, nodes: Sequence[torch.autograd.graph.Node]) -> None:
        """Put a hook before and after every node."""
        store = weakref.ref(self)
        handles = []
        for index, node in enumerate(nodes):
            if torch_internals.is_leaf(node):
                self._leaves[index] = node.variable  # type: ignore[attr-defined]
            handles.append(node.register_prehook(_Before(store, index)))
            handles.append(node.register_hook(_After(store, index)))
        weakref.finalize(self, _remove, handles)

    def preview(self, root: Tensor, leaves: Sequence[tuple[int, Tensor]], gradient: Tensor | None) -> None:
        """Run backward for the picture alone: no ``.grad`` changes, the graph stays whole, random numbers are put back."""
        devices = sorted({t.device.index or 0 for _, t in leaves if t.device.type == "cuda"})
        self._previewing = True
        passes = self.passes
        try:
            with torch.random.fork_rng(devices=devices):
                found = torch.autograd.grad(
                    root,
                    [t for _, t in leaves],
                    gradient,
                    retain_graph=True,
                    allow_unused=True,
                    materialize_grads=False,
                )
        finally:
            self._previewing = False
        self.passes = passes
        if self.latest is None:
            return
        for (index, _), gradient_here in zip(leaves, found, strict=True):
            if gradient_here is not None:
                self.latest.arriving[index] = (gradient_here.detach(),)
                self.latest.order.append(index)

    def before(self, index: int, gradients: Gradients) -> None:
        """Node `index` is about to run."""
        current = self._current(index)
        if current is None:
            return
        current.order.append(index)
        current.arriving[index] = tuple(_plain(g) for g in gradients)
        leaf = self._leaves.get(index)
        if leaf is not None and leaf.numel() <= COPIED:
            current.before[index] = leaf.grad.detach().clone() if leaf.grad is not None else None

    def ran(self, index: int, sent: Gradients) -> None:
        """Node `index` has run; a leaf passes nothing on but has added to its ``.grad``."""
        current = self._current(index)
        if current is None:
            return
        leaf = self._leaves.get(index)
        if leaf is None:
            current.sent[index] = tuple(_plain(g) for g in sent)
        elif leaf.grad is not None and leaf.numel() <= COPIED:
            current.after[index] = leaf.grad.detach().clone()

    def _current(self, index: int) -> Pass | None:
        """The pass that is running, or ``None`` where it belongs to another graph that shares this leaf."""
        task = torch_internals.running_pass()
        if self.latest is not None and self.latest.task == task:
            return self.latest
        if index in self._leaves:
            return None
        self.passes += 1
        self.latest = Pass(task, preview=self._previewing)
        if not self._previewing:
            torch.autograd.Variable._execution_engine.queue_callback(_Done(weakref.ref(self)))
        return self.latest

    def done(self) -> None:
        """A pass of the learner's own has ended: tell whoever shows it."""
        for listener in self.listeners:
            call = listener()
            if call is not None:
                call()


def _plain(gradient: Tensor | None) -> Tensor | None:
    # Held as it came, so that torch sees it is in use and does not write into it; under create_graph it carries a graph of its own.
    return gradient.detach() if gradient is not None and gradient.requires_grad else gradient


@dataclass(slots=True, frozen=True)
class _Before:
    store: "weakref.ref[Backward]"
    index: int

    def __call__(self, gradients: Gradients) -> None:
        store = self.store()
        if store is not None:
            store.before(self.index, gradients)


@dataclass(slots=True, frozen=True)
class _After:
    store: "weakref.ref[Backward]"
    index: int

    def __call__(self, sent: Gradients, _: Gradients) -> None:
        store = self.store()
        if store is not None:
            store.ran(self.index, sent)


@dataclass(slots=True, frozen=True)
class _Done:
    store: "weakref.ref[Backward]"

    def __call__(self) -> None:
        store = self.store()
        if store is not None:
            store.done()


def _remove(handles: Iterable[Any]) -> None:
    for handle in handles:
        handle.remove()
