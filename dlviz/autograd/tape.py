"""Watch a forward pass as it runs: values, source lines and module calls, each tied to the autograd node it made.

The tie is autograd's sequence number. An operation reaches the dispatch mode just after its node was made, so the node's number
is one below the next one; a module call is the span of numbers between its entry and its exit. Nothing is run twice and nothing
is replaced, so results, ``.grad`` and the random numbers are those of an unwatched run.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as module_hooks
from torch.utils._python_dispatch import TorchDispatchMode

from dlviz.autograd import torch_internals
from dlviz.autograd.source_lines import Spot, here

#: Values beyond this many bytes in one recording are not kept; the node then says so.
BUDGET = 2**30


@dataclass(slots=True)
class Op:
    """One operation as torch ran it. `values` are its outputs, kept by reference until somebody overwrites them.

    `inputs` are the tensors it read that carry no gradient. `parents` say where a value without a graph came from: the sequence
    number of a node, a leaf, or another operation without a graph; `cut` says why the graph ends here.
    """

    name: str
    values: tuple[Tensor, ...]
    versions: tuple[int, ...]
    spot: Spot | None
    maker: int | None = None
    is_view: bool = False
    in_place: bool = False
    kept: bool = True
    cut: str | None = None
    inputs: tuple[tuple[Tensor, "Op | None"], ...] = ()
    parents: tuple["int | Tensor | Op", ...] = ()

    def value(self, number: int) -> Tensor | None:
        """Forward output `number`, or ``None`` if it was too large to keep or has been overwritten since."""
        if number >= len(self.values):
            return None
        value = self.values[number]
        return value if value._version == self.versions[number] else None


@dataclass(slots=True)
class Scope:
    """One call of one module: the nodes numbered `start` to `end` were made inside it."""

    module: nn.Module
    parent: int
    start: int
    end: int = torch_internals.LEAF_SEQUENCE


@dataclass(slots=True, frozen=True)
class Mutation:
    """An in-place operation: whose storage it wrote, where, and the sequence number it came at."""

    storage: int
    name: str
    spot: Spot | None
    sequence: int


@dataclass
class Tape:
    """What :func:`recording` wrote down. Hand it to :func:`dlviz.autograd.record` or :func:`dlviz.graph`.

    A tape keeps the forward values, up to 1 GiB, for as long as you keep the tape, but never the graph; `clear` lets go of them.
    """

    model: nn.Module | None = None
    start: int = 0
    ops: dict[int, Op] = field(default_factory=dict)
    cuts: list[Op] = field(default_factory=list)
    scopes: list[Scope] = field(default_factory=list)
    mutations: list[Mutation] = field(default_factory=list)
    budget: int = BUDGET

    def __repr__(self) -> str:
        return f"Tape({len(self.ops)} autograd nodes, {len(self.scopes)} module calls)"

    def clear(self) -> None:
        """Forget everything recorded, and with it the forward values."""
        for store in (self.ops, self.cuts, self.scopes, self.mutations):
            store.clear()


class recording:  # noqa: N801 - used as a verb: with recording() as tape
    """Record a forward pass while it runs, for :func:`dlviz.autograd.record` and :func:`dlviz.graph`.

    Args:
        model: the module whose name the parameters carry; without it modules are named after the variables that hold them.

    Raises:
        TypeError: `model` is not a module.

    Example:
        >>> import torch, dlviz
        >>> w = torch.tensor(3.0, requires_grad=True)
        >>> with dlviz.autograd.recording() as tape:
        ...     loss = (w * 2) ** 2
        >>> [node.op for node in dlviz.autograd.record(loss, tape).nodes]
        ['pow', 'mul', 'leaf']

    Source:
        https://docs.pytorch.org/docs/stable/notes/autograd.html
    """

    def __init__(self, model: nn.Module | None = None) -> None:
        if model is not None and not isinstance(model, nn.Module):
            raise TypeError(f"recording: model is a torch.nn.Module or nothing, but got {type(model).__name__}")
        self.tape = Tape(model)
        self._open: list[int] = []

    def __enter__(self) -> Tape:
        """Start to watch this thread."""
        self.tape.start = torch_internals.next_sequence()
        self._watch = _Watch(self.tape)
        self._hooks = [
            module_hooks.register_module_forward_pre_hook(self._enter_module),
            module_hooks.register_module_forward_hook(self._leave_module, always_call=True),
        ]
        self._watch.__enter__()
        return self.tape

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop to watch, and let go of the graph: from here on the tape holds plain values."""
        self._watch.__exit__(kind, error, trace)
        for hook in self._hooks:
            hook.remove()
        self._watch.settle()

    def _enter_module(self, module: nn.Module, _: Any) -> None:
        parent = self._open[-1] if self._open else -1
        self._open.append(len(self.tape.scopes))
        self.tape.scopes.append(Scope(module, parent, torch_internals.next_sequence()))

    def _leave_module(self, module: nn.Module, _: Any, output: Any) -> None:
        while self._open:  # a module whose pre-hook raised never closes itself
            scope = self.tape.scopes[self._open.pop()]
            scope.end = torch_internals.next_sequence()
            if scope.module is module:
                break


class _Watch(TorchDispatchMode):
    """Sees every operation below autograd. Lives as long as the block, and holds what only the block needs."""

    def __init__(self, tape: Tape) -> None:
        super().__init__()
        self.tape = tape
        self.last = tape.start
        self.bytes = 0
        self.spot: Spot | None = None
        self.holders: dict[int, list[Op]] = {}
        self.inside_functions: dict[int, list[Op]] = {}
        self.without_graph: dict[tuple[Any, ...], Op] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        number = torch_internals.next_sequence()
        tracked = torch.is_grad_enabled()
        if not tracked and torch_internals.running_node() is not None:
            return func(*args, **kwargs)  # backward without create_graph makes no nodes
        traits = _traits(func)
        if traits.written:
            self._before_write(traits, args, kwargs, number)
        out = func(*args, **kwargs)
        made = number - 1
        fresh = number > self.last
        if fresh and tracked and made > self.last:
            self._fill_gap(args, made)
        self.last = number
        tensors = tuple(_tensors((out,)))
        inputs = (*_tensors(args), *_tensors(kwargs.values())) if kwargs else tuple(_tensors(args))
        writes = bool(traits.written)
        # A write counts its own version, and a view joins its base's count, only after this returns.
        counted = [inputs[0]] * len(tensors) if traits.is_view and not writes and inputs else tensors
        versions = tuple(t._version + writes for t in counted)
        spot = here(2)
        if traits.name == "detach" and spot == self.spot:
            return out  # autograd saving a result for backward, within the operation before
        self.spot = spot
        op = Op(traits.name, tensors, versions, spot, is_view=traits.is_view, in_place=writes)
        if fresh and tracked:
            maker = torch_internals.running_node()
            op.maker = torch_internals.sequence(maker) if maker is not None else None
            op.inputs = tuple((t, self.without_graph.get(_alias(t))) for t in inputs if not t.requires_grad)
            self._keep(op)
            self.tape.ops[made] = op
            if writes and tensors and tensors[0]._is_view():
                self._expect_copy_slices(op, tensors[0], number)
            return out
        if not tracked and fresh:
            self.inside_functions[made] = []
        if not tracked and made in self.inside_functions:
            self.inside_functions[made].append(op)
        if tensors or traits.reads:
            self._without_graph(op, traits, inputs, tracked)
        return out

    def settle(self) -> None:
        """After the block: tie custom Functions to their outputs, then drop every reference into the graph."""
        for made, ops in self.inside_functions.items():
            for op in reversed(ops):
                node = op.values[0].grad_fn if op.values else None
                if node is not None and torch_internals.is_custom(node) and torch_internals.sequence(node) == made:
                    self.tape.ops[made] = op
                    break
        for op in (*self.tape.ops.values(), *self.without_graph.values()):
            op.values = tuple(v.detach() for v in op.values)

    def _keep(self, op: Op) -> None:
        size = 0 if op.is_view else sum(t.nbytes for t in op.values)
        if self.bytes + size > self.tape.budget:
            op.kept, op.values = False, ()
            return
        self.bytes += size
        for value in op.values:
            self.holders.setdefault(_storage(value), []).append(op)

    def _before_write(self, traits: "_Traits", args: Any, kwargs: dict[str, Any], number: int) -> None:
        """Save the values that are about to be overwritten: who holds the storage gets a copy of its own."""
        for target in traits.targets(args, kwargs):
            storage = _storage(target)
            self.tape.mutations.append(Mutation(storage, traits.name, here(3), number))
            for op in self.holders.pop(storage, ()):
                held = [_storage(v) == storage for v in op.values]
                op.values = tuple(v.detach().clone() if h else v for h, v in zip(held, op.values, strict=True))
                op.versions = tuple(0 if h else n for h, n in zip(held, op.versions, strict=True))

    def _fill_gap(self, args: Any, made: int) -> None:
        """Nodes made between two operations (a view taken again after an in-place write) show up as inputs of the next."""
        for value in _tensors(args):
            node = value.grad_fn
            number = torch_internals.sequence(node) if node is not None else -1
            if node is not None and self.last <= number < made and number not in self.tape.ops:
                op = Op(node.name(), (value,), (value._version,), here(3))
                self._keep(op)
                self.tape.ops[number] = op

    def _expect_copy_slices(self, op: Op, view: Tensor, number: int) -> None:
        """Writing into a view makes a second node, numbered next: CopySlices, whose output is the whole base."""
        base = view._base
        if base is not None:
            whole = Op(op.name, (base,), (base._version + 1,), op.spot, in_place=True)
            self._keep(whole)
            self.tape.ops[number] = whole

    def _without_graph(self, op: Op, traits: "_Traits", inputs: tuple[Tensor, ...], tracked: bool) -> None:
        """An operation that made no node: under no_grad, on integers, inside a custom Function, or on plain data."""
        known = [self.without_graph.get(_alias(t)) if not t.requires_grad else None for t in inputs]
        if any(t.requires_grad for t in inputs):
            op.cut = _cut(traits, op.values, tracked)
        if op.cut is None and not any(known):
            return
        op.parents = tuple(_origin(t, before) for t, before in zip(inputs, known, strict=True))
        if op.cut is not None:
            self.tape.cuts.append(op)
        for value in op.values:
            self.without_graph[_alias(value)] = op


def _origin(value: Tensor, before: Op | None) -> int | Tensor | Op:
    node = value.grad_fn
    if node is not None:
        return torch_internals.sequence(node)
    return before if before is not None else value


@dataclass(frozen=True)
class _Traits:
    """What an operator's schema says of it."""

    name: str
    is_view: bool
    reads: bool
    written: tuple[tuple[int, str], ...]

    def targets(self, args: Any, kwargs: dict[str, Any]) -> Iterator[Tensor]:
        for index, name in self.written:
            yield from _tensors((args[index] if index < len(args) else kwargs.get(name),))


_known: dict[Any, _Traits] = {}


def _traits(func: Any) -> _Traits:
    found = _known.get(func)
    if found is None:
        schema = func._schema
        written = tuple(
            (i, a.name) for i, a in enumerate(schema.arguments) if a.alias_info is not None and a.alias_info.is_write
        )
        aliased = any(r.alias_info is not None and not r.alias_info.is_write for r in schema.returns)
        name = schema.name.split("::")[-1]
        found = _known[func] = _Traits(name, aliased, name == "_local_scalar_dense", written)
    return found


def _cut(traits: _Traits, values: tuple[Tensor, ...], tracked: bool) -> str | None:
    """Why the graph ends here, as the key of a sentence; ``None`` where nothing of the value went on."""
    if traits.reads:
        return "item"
    if traits.name.endswith("_like") or traits.name.startswith("new_") or traits.written:
        return None  # takes a shape, not a value
    if traits.name in ("detach", "alias"):
        return "detach"
    if not tracked:
        return "no_grad"
    if not any(v.is_floating_point() or v.is_complex() for v in values):
        return "integer"
    return None


def _tensors(values: Any) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from _tensors(value)


def _storage(value: Tensor) -> int:
    try:
        return value.untyped_storage()._cdata
    except (RuntimeError, NotImplementedError):  # sparse and other tensors without one storage
        return -id(value)


def _alias(value: Tensor) -> tuple[Any, ...]:
    """The same memory seen the same way: survives torch handing out a new Python object for a view."""
    if value.layout is not torch.strided:
        return (id(value),)
    return (_storage(value), value.storage_offset(), value.shape, value.stride(), value.dtype)
