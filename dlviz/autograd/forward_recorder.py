"""Record a forward pass while it runs: values, source lines and module calls, each tied to its autograd node.

The tie is autograd's sequence number. An operation reaches the dispatch mode just after its node was created, so the node's number is
one less than the next number; a module call is the range of numbers between its entry and its exit. No operation runs twice and none is
replaced, so results, ``.grad`` and random numbers equal those of an unrecorded run.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as module_hooks
from torch.utils._python_dispatch import TorchDispatchMode

from dlviz.autograd import torch_internals
from dlviz.autograd.source_lines import Location, caller_location
from dlviz.autograd.tape import ModuleSpan, Mutation, RecordedOp, Tape


class recording:  # noqa: N801 - used as a verb: with recording() as tape
    """Context manager that records a forward pass for :func:`dlviz.autograd.record` and :func:`dlviz.graph`.

    Args:
        model: the module to name parameters after; without it, modules are named after the variables that hold them.

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
        """Start recording on this thread."""
        self.tape.start = torch_internals.next_sequence()
        self._recorder = _DispatchRecorder(self.tape)
        self._hooks = [
            module_hooks.register_module_forward_pre_hook(self._enter_module),
            module_hooks.register_module_forward_hook(self._leave_module, always_call=True),
        ]
        self._recorder.__enter__()
        return self.tape

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop recording and release the graph: from now on the tape holds plain values."""
        self._recorder.__exit__(kind, error, trace)
        for hook in self._hooks:
            hook.remove()
        self._recorder.finish()

    def _enter_module(self, module: nn.Module, _: Any) -> None:
        parent = self._open[-1] if self._open else -1
        self._open.append(len(self.tape.module_spans))
        self.tape.module_spans.append(ModuleSpan(module, parent, torch_internals.next_sequence()))

    def _leave_module(self, module: nn.Module, _: Any, output: Any) -> None:
        while self._open:  # the hook of a module whose pre-hook raised never runs
            span = self.tape.module_spans[self._open.pop()]
            span.end = torch_internals.next_sequence()
            if span.module is module:
                break


class _DispatchRecorder(TorchDispatchMode):
    """Dispatch mode that gets every operation below autograd, for as long as the ``with`` block runs."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # torch would wrap each call in two more

    def __init__(self, tape: Tape) -> None:
        super().__init__()
        self.tape = tape
        self.last = tape.start
        self.bytes = 0
        self.location: Location | None = None
        self.ops_by_storage: dict[int, list[RecordedOp]] = {}
        self.unindexed: list[RecordedOp] = []
        self.ops_in_functions: dict[int, list[RecordedOp]] = {}
        self.untracked: dict[tuple[Any, ...], RecordedOp] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        number = torch_internals.next_sequence()
        grad_enabled = torch.is_grad_enabled()
        if not grad_enabled and torch_internals.current_node() is not None:
            return func(*args, **kwargs)  # backward without create_graph creates no nodes
        schema = _schema(func)
        writes = bool(schema.written)
        if writes:
            self._before_write(schema, args, kwargs, number)
        out = func(*args, **kwargs)
        sequence = number - 1
        new_node = number > self.last
        if new_node and grad_enabled and sequence > self.last:
            self._fill_gap(args, sequence)
        self.last = number
        tensors = (out,) if isinstance(out, Tensor) else tuple(_tensors((out,)))
        inputs = _tensors((*args, *kwargs.values())) if kwargs else _tensors(args)
        # A write increments the version, and a view starts to share its base's counter, only after this method returns.
        counted = [inputs[0]] * len(tensors) if schema.is_view and not writes and inputs else tensors
        versions = tuple([torch_internals.version(t) + writes for t in counted])
        location = caller_location(2)
        if schema.name == "detach" and location == self.location:
            return out  # autograd saving a result for backward, as part of the operation before
        self.location = location
        op = RecordedOp(schema.name, tensors, versions, location, is_view=schema.is_view, in_place=writes)
        if new_node and grad_enabled:
            self._tracked(op, sequence, inputs)
            return out
        if not grad_enabled and new_node:
            self.ops_in_functions[sequence] = []
        if not grad_enabled and sequence in self.ops_in_functions:
            self.ops_in_functions[sequence].append(op)
        if tensors or schema.reads:
            self._untracked(op, schema, inputs, grad_enabled)
        return out

    def finish(self) -> None:
        """After the block: tie custom Functions to their outputs, then drop every reference into the graph."""
        for sequence, ops in self.ops_in_functions.items():
            for op in reversed(ops):
                node = op.values[0].grad_fn if op.values else None
                if node is not None and torch_internals.is_custom(node) and torch_internals.sequence(node) == sequence:
                    self.tape.ops[sequence] = op
                    break
        for op in (*self.tape.ops.values(), *self.untracked.values()):
            op.values = tuple([v.detach() for v in op.values])

    def _tracked(self, op: RecordedOp, sequence: int, inputs: list[Tensor]) -> None:
        """Record an operation that created an autograd node."""
        creator = torch_internals.current_node()
        op.created_by = torch_internals.sequence(creator) if creator is not None else None
        op.inputs = tuple([(t, self._producer(t)) for t in inputs if not t.requires_grad])
        self._keep(op)
        self.tape.ops[sequence] = op
        if op.in_place and op.values and op.values[0]._is_view():
            self._expect_copy_slices(op, op.values[0], sequence + 1)

    def _keep(self, op: RecordedOp) -> None:
        """Keep the outputs of an operation if they fit the budget."""
        size = 0 if op.is_view else sum([t.nbytes for t in op.values])
        if self.bytes + size > self.tape.max_bytes:
            op.kept, op.values = False, ()
            return
        self.bytes += size
        self.unindexed.append(op)

    def _before_write(self, schema: "_Schema", args: Any, kwargs: dict[str, Any], number: int) -> None:
        """Copy the recorded values that are about to be overwritten."""
        for op in self.unindexed:
            for value in op.values:
                self.ops_by_storage.setdefault(_storage(value), []).append(op)
        self.unindexed.clear()
        for target in schema.targets(args, kwargs):
            storage = _storage(target)
            self.tape.mutations.append(Mutation(storage, schema.name, caller_location(3), number))
            for op in self.ops_by_storage.pop(storage, ()):
                written = [_storage(v) == storage for v in op.values]
                op.values = tuple(v.detach().clone() if w else v for w, v in zip(written, op.values, strict=True))
                op.versions = tuple(0 if w else n for w, n in zip(written, op.versions, strict=True))

    def _fill_gap(self, args: Any, sequence: int) -> None:
        """Record nodes created between two operations (such as a view that is taken again after a write) from the next one's inputs."""
        for value in _tensors(args):
            node = value.grad_fn
            number = torch_internals.sequence(node) if node is not None else -1
            if node is not None and self.last <= number < sequence and number not in self.tape.ops:
                op = RecordedOp(node.name(), (value,), (torch_internals.version(value),), caller_location(3))
                self._keep(op)
                self.tape.ops[number] = op

    def _expect_copy_slices(self, op: RecordedOp, view: Tensor, number: int) -> None:
        """Record the second node that a write into a view creates: CopySlices, whose output is the whole base."""
        base = view._base
        if base is not None:
            copy = RecordedOp(op.name, (base,), (torch_internals.version(base) + 1,), op.location, in_place=True)
            self._keep(copy)
            self.tape.ops[number] = copy

    def _producer(self, value: Tensor) -> RecordedOp | None:
        """Return the operation without a graph that computed a value, if there is one."""
        return self.untracked.get(_view_key(value)) if self.untracked else None

    def _untracked(self, op: RecordedOp, schema: "_Schema", inputs: list[Tensor], grad_enabled: bool) -> None:
        """Record an operation that created no node: under no_grad, on integers, inside a custom Function, or on plain data."""
        producers = [None if t.requires_grad else self._producer(t) for t in inputs]
        if any(t.requires_grad for t in inputs):
            op.cut = _cut(schema, op.values, grad_enabled)
        if op.cut is None and not any(producers):
            return
        op.parents = tuple(_origin(t, producer) for t, producer in zip(inputs, producers, strict=True))
        if op.cut is not None:
            self.tape.cuts.append(op)
        for value in op.values:
            self.untracked[_view_key(value)] = op


def _origin(value: Tensor, producer: RecordedOp | None) -> int | Tensor | RecordedOp:
    """Return the sequence number of a tensor's node, else the untracked operation that computed it, else the tensor itself."""
    node = value.grad_fn
    if node is not None:
        return torch_internals.sequence(node)
    return producer if producer is not None else value


@dataclass(frozen=True)
class _Schema:
    """Properties of an operator, from its schema. `written` holds ``(index, name)`` of the arguments that it writes into."""

    name: str
    is_view: bool
    reads: bool
    written: tuple[tuple[int, str], ...]

    def targets(self, args: Any, kwargs: dict[str, Any]) -> Iterator[Tensor]:
        """Yield the tensors that a call writes into."""
        for index, name in self.written:
            yield from _tensors((args[index] if index < len(args) else kwargs.get(name),))


#: Schemas by the id of the operator, whose own hash is slow. The operator is held, so that its id is not used again.
_schemas: dict[int, tuple[Any, _Schema]] = {}


def _schema(func: Any) -> _Schema:
    cached = _schemas.get(id(func))
    if cached is None:
        schema = func._schema
        written = tuple(
            (i, a.name) for i, a in enumerate(schema.arguments) if a.alias_info is not None and a.alias_info.is_write
        )
        is_view = any(r.alias_info is not None and not r.alias_info.is_write for r in schema.returns)
        name = schema.name.split("::")[-1]
        cached = _schemas[id(func)] = func, _Schema(name, is_view, name == "_local_scalar_dense", written)
    return cached[1]


def _cut(schema: _Schema, values: tuple[Tensor, ...], grad_enabled: bool) -> str | None:
    """Return why the graph ends at an operation, as a message key; ``None`` if the value does not go on."""
    if schema.reads:
        return "item"
    if schema.name.endswith("_like") or schema.name.startswith("new_") or schema.written:
        return None  # uses only the shape
    if schema.name in ("detach", "alias"):
        return "detach"
    if not grad_enabled:
        return "inference" if torch.is_inference_mode_enabled() else "no_grad"
    if not any(v.is_floating_point() or v.is_complex() for v in values):
        return "integer"
    return None


def _tensors(values: Iterable[Any]) -> list[Tensor]:
    """Return the tensors among values and in their nested tuples and lists."""
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, (tuple, list)):
            found += _tensors(value)
    return found


def _storage(value: Tensor) -> int:
    """Return a number that identifies the storage of a tensor."""
    try:
        return value.untyped_storage()._cdata
    except (RuntimeError, NotImplementedError):  # sparse and other tensors without a single storage
        return -id(value)


def _view_key(value: Tensor) -> tuple[Any, ...]:
    """Return a key of the memory and layout of a tensor, which stays the same when torch returns a new Python object for a view."""
    if value.layout is not torch.strided or value.is_nested:
        return (id(value),)
    return (_storage(value), value.storage_offset(), value.shape, value.stride(), value.dtype)
