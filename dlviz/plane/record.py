"""A module's forward run on many points of the plane at once: what every unit of every layer gave, in the order in which the calls ran."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode, resolve_name
from torch.utils._pytree import tree_flatten


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a leaf module, or of a torch function outside one.

    Attributes:
        name: the module's place in the model ("0", "body.2") or the function's name; "x" for the input.
        kind: the class or the function: "Linear", "relu"; "input" for the input.
        path: the module's place in the model alone, ``None`` for a function and the input.
        about: the module's own settings, as its ``extra_repr()`` writes them.
        sources: numbers of the calls whose outputs it took, in order.
        output: what came out, (N, units).
        weight: of a linear layer its weight (units, inputs) as it ran, else ``None``.
        bias: of a linear layer with one its bias (units,), else ``None``.
    """

    name: str
    kind: str
    path: str | None
    about: str
    sources: tuple[int, ...]
    output: Tensor
    weight: Tensor | None = None
    bias: Tensor | None = None

    @property
    def units(self) -> int:
        """How many numbers it gives for one point."""
        return int(self.output.shape[1])


@dataclass(frozen=True, eq=False)
class Run:
    """A forward run: `calls`, the input first, and what the model returned."""

    calls: tuple[Call, ...]
    output: Any


def run(model: nn.Module, x: Tensor, state: Mapping[str, Tensor] | None = None, random: Tensor | None = None) -> Run:
    """Run `model` in evaluation mode on the rows of `x`. Parameters, buffers, mode, gradients and random numbers stay as they were.

    Args:
        model: any module that takes (N, 2).
        x: the points, (N, 2).
        state: other parameters and buffers to run with.
        random: state of the CPU's generator to start from.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
        >>> [(call.name, call.kind, call.units) for call in run(net, torch.zeros(5, 2)).calls]
        [('x', 'input', 2), ('0', 'Linear', 3), ('1', 'ReLU', 3), ('2', 'Linear', 1)]

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.func.functional_call.html
    """
    # A layer may write into its buffers as it runs: it is given copies.
    own = {name: buffer.clone() for name, buffer in model.named_buffers()} | dict(state or {})
    watch = _Watch(model, x)
    devices = [x.device] if x.is_cuda else []
    with ExitStack() as stack:
        stack.enter_context(torch.no_grad())
        stack.enter_context(torch.random.fork_rng(devices=devices))
        if random is not None:
            torch.set_rng_state(random)
        stack.enter_context(_evaluating(model))
        stack.enter_context(watch.hooks())
        stack.enter_context(watch)
        output = torch.func.functional_call(model, own, (x,), strict=False)
    return Run(tuple(watch.calls), output)


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode, and afterwards every module's own mode again.

    The flag is set and ``eval()`` not called, because a learner's module may do more there.
    """
    modes = [(module, module.training) for module in model.modules()]
    for module, _ in modes:
        module.training = False
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


class _Watch(TorchFunctionMode):
    """Sees every call while the model runs: leaf modules by hooks, functions between them by torch's function mode."""

    def __init__(self, model: nn.Module, x: Tensor) -> None:
        super().__init__()
        self.model = model
        self.calls: list[Call] = []
        self._inside = 0
        self._quiet = ExitStack()
        #: Which call each tensor is from, by its identity; the tensors are kept so that no identity is given twice.
        self._made: dict[int, int] = {}
        self._kept: list[Tensor] = []
        self._aliases: list[Tensor] = []
        self._sources: tuple[int, ...] = ()
        self._taken: dict[str, int] = {}
        self._names = {id(module): name for name, module in model.named_modules(remove_duplicate=False)}
        self._rows = x.shape[0]
        self._add("x", "input", None, "", (), x)

    @contextmanager
    def hooks(self) -> Iterator[None]:
        """Hooks on every leaf, taken away again whatever happens."""
        with ExitStack() as stack:
            for module in self.model.modules():
                leaf = next(module.children(), None) is None
                # A learner's own module without children is looked into; one of torch's is one call.
                if leaf and (module is not self.model or type(module).__module__.startswith("torch.")):
                    stack.callback(module.register_forward_pre_hook(self._enter).remove)
                    stack.callback(module.register_forward_hook(self._leave, always_call=True).remove)
            stack.callback(self._quiet.close)
            yield

    def _enter(self, module: nn.Module, args: Any) -> None:
        if self._inside == 0:
            # Read before it runs, because the module may write into its own input.
            self._sources = self._of(args)
            self._quiet.enter_context(torch._C.DisableTorchFunction())
        self._inside += 1

    def _leave(self, module: nn.Module, args: Any, output: Any) -> None:
        if self._inside == 1:
            self._quiet.close()
            if isinstance(output, Tensor):
                name = self._names.get(id(module), "")
                weight = bias = None
                if isinstance(module, nn.Linear):
                    weight = module.weight.detach().clone()
                    bias = None if module.bias is None else module.bias.detach().clone()
                self._add(
                    name or type(module).__name__,
                    type(module).__name__,
                    name,
                    module.extra_repr(),
                    self._sources,
                    output,
                    weight,
                    bias,
                )
        self._inside -= 1

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if self._inside:
            return function(*args, **kwargs)
        sources = self._of((args, kwargs))
        output = function(*args, **kwargs)
        if sources and isinstance(output, Tensor) and id(output) not in self._made:
            source = self._kept[sources[0]]
            if output.data_ptr() == source.data_ptr() and output.numel() == source.numel():
                # The same numbers in another shape, as of a squeeze: no layer of its own.
                self._hold(output, sources[0])
                return output
        if sources and isinstance(output, Tensor):
            name = _name(function)
            self._add(name, name, None, "", sources, output)
        return output

    def _of(self, arguments: Any) -> tuple[int, ...]:
        found = (self._made.get(id(leaf)) for leaf in tree_flatten(arguments)[0] if isinstance(leaf, Tensor))
        return tuple(dict.fromkeys(number for number in found if number is not None))

    def _hold(self, tensor: Tensor, number: int) -> None:
        self._made[id(tensor)] = number
        self._aliases.append(tensor)

    def _add(
        self,
        name: str,
        kind: str,
        path: str | None,
        about: str,
        sources: tuple[int, ...],
        output: Tensor,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
    ) -> None:
        if output.dim() < 1 or output.shape[0] != self._rows or output.is_complex():
            return
        self._made[id(output)] = len(self.calls)
        self._kept.append(output)
        self._taken[name] = self._taken.get(name, 0) + 1
        unique = name if self._taken[name] == 1 else f"{name} ({self._taken[name]})"
        # Copied, because a later call may write into it.
        values = (output.detach().unsqueeze(1) if output.dim() == 1 else output.detach().flatten(1)).clone()
        self.calls.append(Call(unique, kind, path, about, sources, values, weight, bias))


def _name(function: Callable[..., Any]) -> str:
    """What torch calls it: "relu", "add", "cat"."""
    name = (resolve_name(function) or getattr(function, "__name__", "function")).split(".")
    plain = (name[-2] if name[-1] == "__get__" and len(name) > 1 else name[-1]).strip("_")
    return {"radd": "add", "rmul": "mul", "rsub": "sub", "truediv": "div"}.get(plain, plain)
