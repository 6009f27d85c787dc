"""A module's forward run as columns: every call of a leaf module, and every torch function called outside one, in real order."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode, resolve_name
from torch.utils._pytree import tree_flatten, tree_map

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
    return Network(tuple(watch.columns), sample, output, refusal, watch.running() if refusal else "")


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


class Watch(TorchFunctionMode):
    """Sees every call while the model runs: leaf modules by hooks, functions between them by torch's function mode."""

    def __init__(
        self,
        model: nn.Module,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        sample: int,
        wanted: Source | None = None,
    ) -> None:
        super().__init__()
        self.model, self.sample, self.wanted = model, sample, wanted
        self.columns: list[Column] = []
        self.caught: Tensor | None = None
        self._inside = 0
        self._quiet = ExitStack()
        self._now: tuple[str, str] | None = None
        #: Which output each tensor is, by its identity; the tensors are kept so that no identity is given twice.
        self._made: dict[int, Source] = {}
        self._kept: list[Tensor] = []
        self._names = {id(module): name for name, module in model.named_modules(remove_duplicate=False)}
        self._taken: dict[str, int] = {}
        self._batch = self._size_of_batch(args, kwargs)
        named = {name: value for name, value in kwargs.items() if isinstance(value, Tensor)}
        positional = [leaf for leaf in tree_flatten(list(args))[0] if isinstance(leaf, Tensor)]
        names = ["x"] if len(positional) == 1 else [f"x{i}" for i in range(len(positional))]
        for name, tensor in [*zip(names, positional, strict=True), *named.items()]:
            self._add(name, "input", None, None, (), {}, tensor)

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

    def running(self) -> str:
        """The call that was running when something was raised."""
        return "" if self._now is None else f"{self._now[0]} ({self._now[1]})"

    @contextmanager
    def hooks(self) -> Iterator[None]:
        """Hooks on every leaf, taken away again whatever happens."""
        with ExitStack() as stack:
            for module in self.model.modules():
                leaf = next(module.children(), None) is None or isinstance(module, _WHOLE)
                if (leaf and module is not self.model) or isinstance(module, _WHOLE):
                    stack.callback(module.register_forward_pre_hook(self._enter).remove)
                    stack.callback(module.register_forward_hook(self._leave, with_kwargs=True, always_call=True).remove)
            stack.callback(self._quiet.close)
            yield

    def _enter(self, module: nn.Module, _: Any) -> None:
        if self._inside == 0:
            self._now = (self._names.get(id(module), ""), type(module).__name__)
            # Inside, torch must not find itself watched: attention would take another path, with other roundings.
            self._quiet.enter_context(torch._C.DisableTorchFunction())
        self._inside += 1

    def _leave(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        if self._inside == 1:
            # Still inside, so that what is done here is no call of the learner's.
            self._quiet.close()
            if output is not None:  # None where it raised
                name = self._names.get(id(module), type(module).__name__)
                self._add(name, type(module).__name__, module, None, args, kwargs, output)
                self._now = None
        self._inside -= 1

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self._inside:
            return function(*args, **kwargs)
        name = function_name(function)
        self._now = (name, "function")
        # What it was made from is read first, because the function may write into its own input.
        sources = self._sources(args, kwargs)
        output = function(*args, **kwargs)
        self._now = None
        if sources and any(isinstance(leaf, Tensor) for leaf in tree_flatten(output)[0]):
            self._add(name, name, None, function, args, kwargs, output)
        return output

    def _sources(self, args: Any, kwargs: Any) -> tuple[Source, ...]:
        leaves = tree_flatten([list(args), dict(kwargs)])[0]
        return tuple(self._made[id(leaf)] for leaf in leaves if isinstance(leaf, Tensor) and id(leaf) in self._made)

    def _add(self, name: str, kind: str, module: Any, function: Any, args: Any, kwargs: Any, output: Any) -> None:
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
                self._unique(name),
                kind,
                "" if module is None else name,
                module,
                function,
                self._referred(tuple(args)),
                self._referred(dict(kwargs)),
                self._sources(args, kwargs),
                () if self.wanted else tuple(self._held(t, own) for t, own in zip(tensors, batched, strict=True)),
                tuple(tuple(t.shape) for t in tensors),
                batched,
                parameters,
            )
        )
        for place, tensor in enumerate(tensors):
            self._made[id(tensor)] = Source(number, place)
            self._kept.append(tensor)

    def _referred(self, arguments: Any) -> Any:
        """The arguments with a source for every tensor that a column made."""
        return tree_map(lambda leaf: self._made.get(id(leaf), leaf) if isinstance(leaf, Tensor) else leaf, arguments)

    def _held(self, tensor: Tensor, batched: bool) -> Tensor:
        part = tensor.detach()
        return (part[min(self.sample, len(part) - 1)] if batched else part).clone()

    def _unique(self, name: str) -> str:
        """A second call of the same layer or function is called so: "relu", "relu (2)"."""
        self._taken[name] = self._taken.get(name, 0) + 1
        return name if self._taken[name] == 1 else f"{name} ({self._taken[name]})"

    def name_outputs(self, output: Any) -> None:
        """Tell the columns under which names the model returned what they made."""
        for name, tensor in _named(output, "output"):
            source = self._made.get(id(tensor))
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


def function_name(function: Any) -> str:
    """What torch calls it: "relu", "cat", "view", "getitem"; an attribute such as ``x.T`` by its name.

    Example:
        >>> function_name(torch.nn.functional.relu), function_name(torch.Tensor.__add__), function_name(torch.Tensor.view)
        ('relu', 'add', 'view')
    """
    name = (resolve_name(function) or getattr(function, "__name__", "function")).split(".")
    last = name[-2] if name[-1] == "__get__" and len(name) > 1 else name[-1]
    plain = last.strip("_")
    plain = plain[1:] if last.startswith("__") and plain in ("radd", "rmul", "iadd", "imul", "isub", "idiv") else plain
    return {"truediv": "div", "rsub": "sub", "rtruediv": "div", "itruediv": "div"}.get(plain, plain)
