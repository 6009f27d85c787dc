"""A forward pass as columns: one for every call of a leaf module or of a torch function outside one, in execution order."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from dlviz.torchkit.forward_trace import CallTracer, kind_of, uncompiled
from dlviz.torchkit.model_copies import GeneratorStates, generators_restored, on_copies
from dlviz.torchkit.modules import count_parameters, modules, parameters
from dlviz.torchkit.nested import clone_tensors, map_tensors, named_tensors, tensors_in
from dlviz.torchkit.tensor_blocks import as_plain

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
        parameters: number of the module's parameters; of a function of those among its arguments.
        written: the module's weight and bias where the forward pass itself wrote or computed them.
        readable: whether the numbers can be read; if not, the outputs are filled with NaN.
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
    written: Mapping[str, Tensor] = field(default_factory=dict)
    readable: bool = True
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
        """Return the module's parameter of that name as it was in the pass; `state_dict` has those used instead of the module's own."""
        value = self.written.get(name)
        if value is None:
            value = (state_dict or {}).get(f"{self.path}.{name}".removeprefix("."))
        if value is None:
            value = getattr(self.module, name)
        return None if value is None else as_plain(value)

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
        unseen: why the calls cannot be told apart, so that the model is one column, else "".
        initialized: paths of the lazy layers that this pass initialized.
    """

    columns: tuple[Column, ...]
    sample: int
    output: Any
    refusal: str = ""
    failed_call: str = ""
    unseen: str = ""
    initialized: tuple[str, ...] = ()

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
    rng_state: GeneratorStates | Tensor | None = None,
) -> Network:
    """Run `model` once and record the output of every call. Parameters, buffers, gradients, arguments and generators stay unchanged.

    Args:
        model: any module; it runs in its current mode.
        args, kwargs: the model's arguments: tensors, or tuples, lists and dictionaries of tensors.
        sample: the index of the recorded sample in the batch.
        state_dict: parameters and buffers to use instead of the model's own.
        rng_state: states of the random generators to start from, so that dropout is reproducible.

    Returns:
        The forward pass; if it raised, the calls up to the error.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
        >>> [column.name for column in record(net, (torch.zeros(1, 1, 5, 5),)).columns]
        ['x', '0', '1']

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.register_forward_hook
    """
    kwargs = kwargs or {}
    recorder, output, error = _attempt(torch.no_grad(), model, args, kwargs, sample, state_dict, rng_state)
    columns, refusal, failed, unseen = recorder.columns, "", "", ""
    if error is not None:
        if recorder.current:
            failed = f"{recorder.current[0]} ({recorder.current[1]})"
        output, plain_error = _run_unwatched(model, args, kwargs, state_dict, rng_state)
        if plain_error is not None:
            refusal = f"{type(plain_error).__name__}: {plain_error}"
        else:
            # The model runs by itself. It may need gradients; if not, watching it is what failed.
            again = _attempt(torch.enable_grad(), model, args, kwargs, sample, state_dict, rng_state)
            if again[2] is None:
                recorder, output, _ = again
            else:
                recorder = ForwardRecorder(model, args, kwargs, sample)
                recorder.record_model(args, kwargs, output)
                unseen = f"{type(error).__name__}: {error}"
            columns = recorder.columns
    if not refusal:
        recorder.name_outputs(output)
    return Network(
        tuple(columns),
        sample,
        output,
        refusal,
        failed if refusal else "",
        unseen,
        tuple(recorder.initialized),
    )


def _attempt(
    mode: AbstractContextManager[Any],
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    sample: int,
    state_dict: Mapping[str, Tensor] | None,
    rng_state: GeneratorStates | Tensor | None,
) -> tuple["ForwardRecorder", Any, Exception | None]:
    """Run the model and record its calls; return the recorder, the model's output and the error if one was raised."""
    args, kwargs = clone_tensors(tuple(args)), clone_tensors(dict(kwargs))
    recorder = ForwardRecorder(model, args, kwargs, sample)
    try:
        with mode:
            recorder.record_inputs(args, kwargs)
            return recorder, recorder.run(args, kwargs, _copied(state_dict), rng_state), None
    except Exception as error:  # a learner's forward may raise anything; the message is shown in the picture
        return recorder, None, error


def _run_unwatched(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    state_dict: Mapping[str, Tensor] | None,
    rng_state: GeneratorStates | Tensor | None,
) -> tuple[Any, Exception | None]:
    """Run the model as the learner would; return its output and the error if one was raised."""
    try:
        with generators_restored(rng_state), uncompiled(), on_copies(model, _copied(state_dict)):
            return map_tensors(Tensor.detach, model(*clone_tensors(tuple(args)), **clone_tensors(dict(kwargs)))), None
    except Exception as error:
        return None, error


def _copied(state_dict: Mapping[str, Tensor] | None) -> Mapping[str, Tensor] | None:
    """Return copies, which the forward pass may write into."""
    return None if state_dict is None else {name: value.detach().clone() for name, value in state_dict.items()}


def capture(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    target: Source,
    *,
    state_dict: Mapping[str, Tensor] | None = None,
    rng_state: GeneratorStates | Tensor | None = None,
) -> Tensor:
    """Return the output of one column for the whole batch, attached to the autograd graph; later calls do not run.

    Raises:
        LookupError: the forward pass does not reach that column.
    """
    recorder = ForwardRecorder(model, args, kwargs, 0, target)
    try:
        with torch.enable_grad():
            args, kwargs = clone_tensors(tuple(args)), clone_tensors(dict(kwargs))
            recorder.record_inputs(args, kwargs)
            recorder.run(args, kwargs, _copied(state_dict), rng_state)
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
        #: Parameters, by id, with their versions at the start.
        self._versions: dict[int, int] = {}

    def record_inputs(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Record the model's arguments as columns."""
        positional = tensors_in(*args)
        names = ["x"] if len(positional) == 1 else [f"x{i}" for i in range(len(positional))]
        named = [pair for name, value in kwargs.items() for pair in named_tensors(value, name)]
        for name, tensor in [*zip(names, positional, strict=True), *named]:
            self.on_call(name, None, None, (), {}, (), tensor)

    def record_model(self, args: Sequence[Any], kwargs: Mapping[str, Any], output: Any) -> None:
        """Record the arguments, and the whole model as one call."""
        self.record_inputs(args, kwargs)
        kind = kind_of(self.model)
        self.on_call(kind, self.model, None, tuple(args), kwargs, self._of(args, kwargs), output)

    @contextmanager
    def hooks(self) -> Iterator[None]:
        """Watch every leaf module."""
        self._versions = {id(p): version(p) for p in parameters(self.model)}
        with super().hooks():
            yield

    def _find_batch_size(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> int | None:
        """Return the number of samples in the inputs; ``None`` for a single sample without a batch dimension."""
        tensors = tensors_in(*args, dict(kwargs))
        if not tensors or tensors[0].dim() < 2:
            return None
        x = tensors[0]
        two_dimensional = (nn.Conv2d, nn.ConvTranspose2d, nn.MaxPool2d, nn.AvgPool2d)
        if x.dim() == 3 and any(isinstance(module, two_dimensional) for module in modules(self.model)):
            return None
        return x.size(0)

    def is_leaf(self, module: nn.Module) -> bool:
        """Whether the module is recorded as one call; attention is, although it has a child, because its fast path skips the child."""
        return isinstance(module, _LEAVES) or super().is_leaf(module)

    def on_call(
        self, name: str, module: Any, function: Any, args: Any, kwargs: Any, sources: tuple[Any, ...], output: Any
    ) -> None:
        """Record a call as a column."""
        tensors = tensors_in(output)
        number = len(self.columns)
        if not tensors:
            return
        if self.target is not None and self.target.column == number:
            # Cloned, because a later in-place call would overwrite the tensor itself.
            self.captured = tensors[self.target.output].clone()
            raise _TargetReachedError
        batched = tuple(self._batch_size is not None and t.dim() > 0 and t.size(0) == self._batch_size for t in tensors)
        outputs = () if self.target else tuple(map(self._copy_sample, tensors, batched))
        shapes = tuple(map(_shape, tensors))
        column = Column(
            name=self.unique_name(name),
            kind=name if function is not None else "input" if module is None else kind_of(module),
            path="" if module is None else self.path(module),
            module=module,
            function=function,
            args=self._with_sources(tuple(args)),
            kwargs=self._with_sources(dict(kwargs)),
            sources=sources,
            outputs=tuple(
                torch.full(shape[1:] if has_batch else shape, torch.nan) if x is None else x
                for x, shape, has_batch in zip(outputs, shapes, batched, strict=bool(outputs))
            ),
            shapes=shapes,
            batched=batched,
            parameters=self._parameters_of(module, args, kwargs),
            written=self._written(module),
            readable=all(x is not None for x in outputs),
        )
        self.columns.append(column)
        for i, tensor in enumerate(tensors):
            self.tag(tensor, Source(number, i))

    def _parameters_of(self, module: nn.Module | None, args: Any, kwargs: Any) -> int:
        if module is not None:
            return count_parameters(module)
        own = {id(tensor): tensor for tensor in tensors_in(args, kwargs) if id(tensor) in self._versions}
        return sum(tensor.numel() for tensor in own.values())

    def _written(self, module: nn.Module | None) -> dict[str, Tensor]:
        """Return copies of the module's weight and bias if the forward pass wrote into them, or computed them."""
        found: dict[str, Tensor] = {}
        if module is None or isinstance(module, torch.jit.ScriptModule):
            return found
        for name in ("weight", "bias"):
            tensor = module._parameters.get(name, vars(module).get(name))
            if isinstance(tensor, Tensor) and version(tensor) != self._versions.get(id(tensor), -1):
                found[name] = tensor.detach().clone()
        return found

    def _with_sources(self, arguments: Any) -> Any:
        """Replace every tensor that a column returned by its source."""
        return map_tensors(lambda tensor: self.tags.get(id(tensor), tensor), arguments)

    def _copy_sample(self, tensor: Tensor, batched: bool) -> Tensor | None:
        """Return a copy of the sample's part with torch's own class; ``None`` if its numbers cannot be read."""
        part = tensor.detach()
        part = part[min(self.sample, tensor.size(0) - 1)] if batched and tensor.size(0) else part
        plain = as_plain(part)
        return None if plain is None else plain.clone()

    def name_outputs(self, output: Any) -> None:
        """Add to each column the names under which the model returned its outputs."""
        for name, tensor in named_tensors(output, "output"):
            source = self.tags.get(id(tensor))
            if source is not None:
                column = self.columns[source.column]
                self.columns[source.column] = replace(column, returned=(*column.returned, name))


def _shape(tensor: Tensor) -> tuple[int, ...]:
    """Return a tensor's shape; of a nested one that of all its rows padded to the longest."""
    if tensor.is_nested:
        padded = as_plain(tensor)
        return (tensor.size(0),) if padded is None else tuple(padded.shape)
    return tuple(tensor.shape)


def version(tensor: Tensor) -> int:
    """Return how often a tensor has been written into. Inference tensors and those that a lazy layer has not made yet do not count it."""
    return 0 if is_lazy(tensor) or tensor.is_inference() else tensor._version
