"""A module's forward run as columns: every call of a leaf module, and every torch function called outside one, in real order."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_map

from dlviz.torchkit.forward_trace import Calls

#: Leaves although they have children: they may leave their children out.
_WHOLE = (nn.MultiheadAttention,)

#: Calls, without underscores, whose window slides along one dimension.
_ALONG_ONE = {"conv1d", "convtranspose1d", "maxpool1d", "avgpool1d", "adaptiveavgpool1d", "adaptivemaxpool1d"}


@dataclass(frozen=True)
class Source:
    """Stands in a call's arguments for output number `output` of column number `column`."""

    column: int
    output: int = 0


@dataclass(frozen=True, eq=False)
class Column:
    """One call.

    Attributes:
        name: the module's place in the model ("conv1", "layer1.0.relu") or the function's name; "x" for an input.
        kind: the class or the function: "Conv2d", "relu"; "input" for an input.
        path: the module's place in the model alone, "" for a function: a layer called twice has two names and one path.
        module: the module that was called, ``None`` for a function.
        function: the torch function that was called, ``None`` for a module.
        args, kwargs: the call's arguments, a :class:`Source` for every tensor that another column made.
        sources: those sources, in order.
        outputs: what came out, of the drawn sample alone, copied before anything could overwrite it.
        shapes: the whole shape of each output, batch included.
        batched: for each output whether its first dimension is the batch.
        parameters: how many numbers the module learns.
        returned: under which names the model returned it: "output", "output['logits']", …
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
        """The first output, of the drawn sample."""
        return self.outputs[0]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the first output, without the batch."""
        return tuple(self.output.shape)

    def __repr__(self) -> str:
        return f"{self.name}: {self.kind} -> {self.shape}"


@dataclass(frozen=True, eq=False)
class Network:
    """A forward run.

    Attributes:
        columns: inputs first, then every call in the order in which it ran.
        sample: which sample of the batch the columns hold.
        output: what the model returned, the whole batch; ``None`` where torch refused.
        refusal: torch's own words where it refused, else "".
        refused: the call that it refused, as "name (kind)", else "".
    """

    columns: tuple[Column, ...]
    sample: int
    output: Any
    refusal: str = ""
    refused: str = ""

    @cached_property
    def series(self) -> bool:
        """Whether a window slides along one dimension somewhere: then two dimensions are channels and positions."""
        return any(column.kind.lower().replace("_", "") in _ALONG_ONE for column in self.columns)


def record(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any] | None = None,
    *,
    sample: int = 0,
    state: Mapping[str, Tensor] | None = None,
    random: Tensor | None = None,
) -> Network:
    """Run `model` once and keep what every call made. Parameters, buffers, gradients and random numbers stay as they are.

    Args:
        model: any module, in the mode it is in.
        args, kwargs: what it is called with; tensors, or tuples, lists and dictionaries of them.
        sample: which sample of the batch is kept.
        state: other parameters and buffers to run with, as from an earlier ``state_dict()``.
        random: state of the CPU's generator to start from, so that dropout drops the same twice.

    Returns:
        The run; of a run that torch refuses, everything up to there.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
        >>> [column.name for column in record(net, (torch.zeros(1, 1, 5, 5),)).columns]
        ['x', '0', '1']

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.register_forward_hook
    """
    watch = Watch(model, args, kwargs or {}, sample)
    output, refusal = None, ""
    try:
        output = _run(watch, model, args, kwargs or {}, state, random)
    except Exception as error:  # the learner's own forward may raise anything; it is shown, not swallowed
        refusal = f"{type(error).__name__}: {error}"
    else:
        watch.name_outputs(output)
    return Network(
        tuple(watch.columns),
        sample,
        output,
        refusal,
        f"{watch.running[0]} ({watch.running[1]})" if refusal and watch.running else "",
    )


def capture(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    place: Source,
    *,
    state: Mapping[str, Tensor] | None = None,
    random: Tensor | None = None,
) -> Tensor:
    """The tensor that a column makes, the whole batch, still on autograd's tape; what comes after the column does not run.

    Raises:
        LookupError: this run does not reach that column.
    """
    watch = Watch(model, args, kwargs, 0, place)
    try:
        with torch.enable_grad():
            _run(watch, model, args, kwargs, state, random)
    except _ReachedError:
        pass
    if watch.caught is None:
        raise LookupError(f"the model's forward did not reach call number {place.column} again")
    return watch.caught


def _run(
    watch: "Watch",
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    state: Mapping[str, Tensor] | None,
    random: Tensor | None,
) -> Any:
    # Batch norm writes into its buffers as it runs: it is given copies.
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    own = {**buffers, **(state or {})}
    with ExitStack() as stack:
        if not torch.is_grad_enabled() or watch.wanted is None:
            stack.enter_context(torch.no_grad())
        stack.enter_context(_same_random(args, random))
        stack.enter_context(watch.hooks())
        stack.enter_context(watch)
        return torch.func.functional_call(model, own, tuple(args), dict(kwargs), strict=False)


@contextmanager
def _same_random(args: Sequence[Any], state: Tensor | None) -> Iterator[None]:
    """Leave every generator as it was."""
    devices = {leaf.device for leaf in tree_flatten(list(args))[0] if isinstance(leaf, Tensor) and leaf.is_cuda}
    with torch.random.fork_rng(devices=[device.index or 0 for device in devices]):
        if state is not None:
            torch.set_rng_state(state)
            for _device in devices:
                torch.cuda.manual_seed(int(state[:8].sum()))
        yield


class _ReachedError(Exception):
    """What was asked for has been seen."""


class Watch(Calls):
    """Makes a column of every call."""

    def __init__(
        self,
        model: nn.Module,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        sample: int,
        wanted: Source | None = None,
    ) -> None:
        super().__init__(model)
        self.sample, self.wanted = sample, wanted
        self.columns: list[Column] = []
        self.caught: Tensor | None = None
        self._batch = self._size_of_batch(args, kwargs)
        named = {name: value for name, value in kwargs.items() if isinstance(value, Tensor)}
        positional = [leaf for leaf in tree_flatten(list(args))[0] if isinstance(leaf, Tensor)]
        names = ["x"] if len(positional) == 1 else [f"x{i}" for i in range(len(positional))]
        for name, tensor in [*zip(names, positional, strict=True), *named.items()]:
            self.saw(name, None, None, (), {}, (), tensor)

    def _size_of_batch(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> int | None:
        """How many samples the inputs hold; ``None`` for one sample without a batch dimension."""
        tensors = [leaf for leaf in tree_flatten([list(args), dict(kwargs)])[0] if isinstance(leaf, Tensor)]
        if not tensors or tensors[0].dim() < 2:
            return None
        x = tensors[0]
        planar = (nn.Conv2d, nn.ConvTranspose2d, nn.MaxPool2d, nn.AvgPool2d)
        if x.dim() == 3 and any(isinstance(module, planar) for module in self.model.modules()):
            return None
        return int(x.shape[0])

    def leaf(self, module: nn.Module) -> bool:
        """As everywhere; attention counts as one call although it has a child, which it may leave out."""
        return isinstance(module, _WHOLE) or super().leaf(module)

    def saw(
        self, name: str, module: Any, function: Any, args: Any, kwargs: Any, sources: tuple[Any, ...], output: Any
    ) -> None:
        """Another column."""
        tensors = [leaf for leaf in tree_flatten(output)[0] if isinstance(leaf, Tensor)]
        number = len(self.columns)
        if self.wanted is not None and self.wanted.column == number:
            # Copied on the tape: a later in-place call would turn the tensor itself into something else.
            self.caught = tensors[self.wanted.output].clone()
            raise _ReachedError
        batched = tuple(self._batch is not None and t.dim() > 0 and t.shape[0] == self._batch for t in tensors)
        parameters = sum(p.numel() for p in module.parameters()) if module is not None else 0
        self.columns.append(
            Column(
                self.unique(name),
                name if function is not None else "input" if module is None else type(module).__name__,
                "" if module is None else self.path(module),
                module,
                function,
                self._referred(tuple(args)),
                self._referred(dict(kwargs)),
                sources,
                () if self.wanted else tuple(self._held(t, own) for t, own in zip(tensors, batched, strict=True)),
                tuple(tuple(t.shape) for t in tensors),
                batched,
                parameters,
            )
        )
        for place, tensor in enumerate(tensors):
            self.note(tensor, Source(number, place))

    def _referred(self, arguments: Any) -> Any:
        """The arguments with a source for every tensor that a column made."""
        return tree_map(lambda leaf: self.made.get(id(leaf), leaf) if isinstance(leaf, Tensor) else leaf, arguments)

    def _held(self, tensor: Tensor, batched: bool) -> Tensor:
        part = tensor.detach()
        return (part[min(self.sample, len(part) - 1)] if batched else part).clone()

    def name_outputs(self, output: Any) -> None:
        """Tell the columns under which names the model returned what they made."""
        for name, tensor in _named(output, "output"):
            source = self.made.get(id(tensor))
            if source is not None:
                column = self.columns[source.column]
                self.columns[source.column] = Column(**{**vars(column), "returned": (*column.returned, name)})


def _named(output: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    """Every tensor in what a model returned, with how to get it."""
    if isinstance(output, Tensor):
        yield name, output
    elif isinstance(output, Mapping):
        for key, value in output.items():
            yield from _named(value, f"{name}[{key!r}]")
    elif isinstance(output, (list, tuple)):
        fields = getattr(output, "_fields", None)
        for place, value in enumerate(output):
            yield from _named(value, f"{name}.{fields[place]}" if fields else f"{name}[{place}]")
