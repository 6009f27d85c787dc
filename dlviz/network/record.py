"""A forward pass as columns: one for every call of a leaf module or of a torch function outside one, in execution order."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_map

from dlviz.torchkit.forward_trace import CallTracer

#: Modules recorded as one call although they have children, because their fast path skips the children.
_LEAVES = (nn.MultiheadAttention,)

#: Calls, in lower case and without underscores, whose window slides along one dimension.
_ONE_DIMENSIONAL = {"conv1d", "convtranspose1d", "maxpool1d", "avgpool1d", "adaptiveavgpool1d", "adaptivemaxpool1d"}


@dataclass(frozen=True)
class Source:
    """Reference to one output of a column; it replaces that tensor in the recorded arguments of a call."""

    column: int
    output: int = 0


@dataclass(frozen=True, eq=False)
class Column:
    """One call.

    Attributes:
        name: the module's path in the model ("conv1", "layer1.0.relu") or the function's name; "x" for an input.
        kind: the class or the function: "Conv2d", "relu"; "input" for an input.
        path: the module's path in the model, "" for a function. A layer called twice has two names and one path.
        module: the module that was called, ``None`` for a function.
        function: the torch function that was called, ``None`` for a module.
        args, kwargs: the call's arguments, with a :class:`Source` for every tensor that another column returned.
        sources: those sources, in order.
        outputs: the tensors that the call returned, of the recorded sample only, copied before an in-place call could change them.
        shapes: the full shape of each output, batch included.
        batched: for each output whether its first dimension is the batch.
        parameters: number of the module's parameters.
        returned: the names under which the model returned the output: "output", "output['logits']", …
    """

    name: str
    kind: str
    path: str
    module: nn.Module | None
    function: Callable[..., Any] | None
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    sources: tuple[Source, ...]
    outputs: tuple[Tensor, ...]
    shapes: tuple[tuple[int, ...], ...]
    batched: tuple[bool, ...]
    parameters: int
    returned: tuple[str, ...] = ()

    @property
    def output(self) -> Tensor:
        """First output of the recorded sample."""
        return self.outputs[0]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the first output without the batch."""
        return tuple(self.output.shape)

    def parameter(self, name: str, state_dict: Mapping[str, Tensor] | None = None) -> Tensor | None:
        """Return the module's parameter of that name, or the one that `state_dict` has in its place."""
        other = (state_dict or {}).get(f"{self.path}.{name}".removeprefix("."))
        return getattr(self.module, name) if other is None else other

    def __repr__(self) -> str:
        return f"{self.name}: {self.kind} -> {self.shape}"


@dataclass(frozen=True, eq=False)
class Network:
    """A recorded forward pass.

    Attributes:
        columns: the inputs, then every call in execution order.
        sample: the index of the recorded sample in the batch.
        output: what the model returned for the whole batch; ``None`` if the forward pass raised.
        refusal: the error message if the forward pass raised, else "".
        failed_call: the call that raised, as "name (kind)", else "".
    """

    columns: tuple[Column, ...]
    sample: int
    output: Any
    refusal: str = ""
    failed_call: str = ""

    def in_sample(self, number: int, tensor: Tensor) -> Tensor:
        """Return the recorded sample's part of a tensor in the full shape of a column's first output."""
        return tensor[self.sample] if self.columns[number].batched[0] else tensor

    @cached_property
    def one_dimensional(self) -> bool:
        """Whether a call slides a window along one dimension; then two-dimensional outputs are (channels, positions)."""
        return any(column.kind.lower().replace("_", "") in _ONE_DIMENSIONAL for column in self.columns)


def record(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any] | None = None,
    *,
    sample: int = 0,
    state_dict: Mapping[str, Tensor] | None = None,
    rng_state: Tensor | None = None,
) -> Network:
    """Run `model` once and record the output of every call. Parameters, buffers, gradients and generators stay unchanged.

    Args:
        model: any module; it runs in its current mode.
        args, kwargs: the model's arguments: tensors, or tuples, lists and dictionaries of tensors.
        sample: the index of the recorded sample in the batch.
        state_dict: parameters and buffers to use instead of the model's own.
        rng_state: CPU generator state to start from, so that dropout is reproducible.

    Returns:
        The forward pass; if it raised, the calls up to the error.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
        >>> [column.name for column in record(net, (torch.zeros(1, 1, 5, 5),)).columns]
        ['x', '0', '1']

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.register_forward_hook
    """
    recorder = ForwardRecorder(model, args, kwargs or {}, sample)
    output, refusal = None, ""
    try:
        with torch.no_grad():
            output = recorder.run(args, kwargs, state_dict, rng_state)
    except Exception as error:  # a user's forward may raise anything; the message is shown in the picture
        refusal = f"{type(error).__name__}: {error}"
    else:
        recorder.name_outputs(output)
    failed = f"{recorder.current[0]} ({recorder.current[1]})" if refusal and recorder.current else ""
    return Network(tuple(recorder.columns), sample, output, refusal, failed)


def capture(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    target: Source,
    *,
    state_dict: Mapping[str, Tensor] | None = None,
    rng_state: Tensor | None = None,
) -> Tensor:
    """Return the output of one column for the whole batch, attached to the autograd graph; later calls do not run.

    Raises:
        LookupError: the forward pass does not reach that column.
    """
    recorder = ForwardRecorder(model, args, kwargs, 0, target)
    try:
        with torch.enable_grad():
            recorder.run(args, kwargs, state_dict, rng_state)
    except _TargetReachedError:
        pass
    if recorder.captured is None:
        raise LookupError(f"the model's forward did not reach call number {target.column} again")
    return recorder.captured


class _TargetReachedError(Exception):
    """Stops the forward pass once the requested output has been captured."""


class ForwardRecorder(CallTracer):
    """Records every call of a forward pass as a column; stops at `target`, if given, and keeps its output in `captured`."""

    def __init__(
        self,
        model: nn.Module,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        sample: int,
        target: Source | None = None,
    ) -> None:
        super().__init__(model)
        self.sample, self.target = sample, target
        self.columns: list[Column] = []
        self.captured: Tensor | None = None
        self._batch_size = self._find_batch_size(args, kwargs)
        named = {name: value for name, value in kwargs.items() if isinstance(value, Tensor)}
        positional = [leaf for leaf in tree_flatten(list(args))[0] if isinstance(leaf, Tensor)]
        names = ["x"] if len(positional) == 1 else [f"x{i}" for i in range(len(positional))]
        for name, tensor in [*zip(names, positional, strict=True), *named.items()]:
            self.on_call(name, None, None, (), {}, (), tensor)

    def _find_batch_size(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> int | None:
        """Return the number of samples in the inputs; ``None`` for a single sample without a batch dimension."""
        tensors = [leaf for leaf in tree_flatten([list(args), dict(kwargs)])[0] if isinstance(leaf, Tensor)]
        if not tensors or tensors[0].dim() < 2:
            return None
        x = tensors[0]
        two_dimensional = (nn.Conv2d, nn.ConvTranspose2d, nn.MaxPool2d, nn.AvgPool2d)
        if x.dim() == 3 and any(isinstance(module, two_dimensional) for module in self.model.modules()):
            return None
        return int(x.shape[0])

    def is_leaf(self, module: nn.Module) -> bool:
        """Whether the module is recorded as one call; attention is, although it has a child, because its fast path skips the child."""
        return isinstance(module, _LEAVES) or super().is_leaf(module)

    def on_call(
        self, name: str, module: Any, function: Any, args: Any, kwargs: Any, sources: tuple[Any, ...], output: Any
    ) -> None:
        """Record a call as a column."""
        tensors = [leaf for leaf in tree_flatten(output)[0] if isinstance(leaf, Tensor)]
        number = len(self.columns)
        if self.target is not None and self.target.column == number:
            # Cloned, because a later in-place call would overwrite the tensor itself.
            self.captured = tensors[self.target.output].clone()
            raise _TargetReachedError
        batched = tuple(
            self._batch_size is not None and t.dim() > 0 and t.shape[0] == self._batch_size for t in tensors
        )
        parameters = sum(p.numel() for p in module.parameters()) if module is not None else 0
        outputs = () if self.target else tuple(map(self._copy_sample, tensors, batched))
        column = Column(
            name=self.unique_name(name),
            kind=name if function is not None else "input" if module is None else type(module).__name__,
            path="" if module is None else self.path(module),
            module=module,
            function=function,
            args=self._with_sources(tuple(args)),
            kwargs=self._with_sources(dict(kwargs)),
            sources=sources,
            outputs=outputs,
            shapes=tuple(tuple(t.shape) for t in tensors),
            batched=batched,
            parameters=parameters,
        )
        self.columns.append(column)
        for i, tensor in enumerate(tensors):
            self.tag(tensor, Source(number, i))

    def _with_sources(self, arguments: Any) -> Any:
        """Replace every tensor that a column returned by its source."""
        return tree_map(lambda leaf: self.tags.get(id(leaf), leaf) if isinstance(leaf, Tensor) else leaf, arguments)

    def _copy_sample(self, tensor: Tensor, batched: bool) -> Tensor:
        part = tensor.detach()
        return (part[min(self.sample, len(part) - 1)] if batched else part).clone()

    def name_outputs(self, output: Any) -> None:
        """Add to each column the names under which the model returned its outputs."""
        for name, tensor in _named_tensors(output, "output"):
            source = self.tags.get(id(tensor))
            if source is not None:
                column = self.columns[source.column]
                self.columns[source.column] = replace(column, returned=(*column.returned, name))


def _named_tensors(output: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    """Yield every tensor in a model's return value with the expression that accesses it."""
    if isinstance(output, Tensor):
        yield name, output
    elif isinstance(output, Mapping):
        for key, value in output.items():
            yield from _named_tensors(value, f"{name}[{key!r}]")
    elif isinstance(output, (list, tuple)):
        fields = getattr(output, "_fields", None)
        for i, value in enumerate(output):
            yield from _named_tensors(value, f"{name}.{fields[i]}" if fields else f"{name}[{i}]")
