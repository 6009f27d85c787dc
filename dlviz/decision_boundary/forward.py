"""A module's forward run on many points of the plane at once: what every unit of every layer gave, in the order in which the calls ran."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.torchkit.forward_trace import CallTracer


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
    """A forward run: `calls`, the input first, and what the model returned.

    With a graph, `live` are the calls' outputs as autograd knows them, and `gradients` what a backward run through it brings to each
    of them, (N, units) by the call's number.
    """

    calls: tuple[Call, ...]
    output: Any
    live: tuple[Tensor, ...] = ()
    gradients: dict[int, Tensor] = field(default_factory=dict)


def run(
    model: nn.Module,
    x: Tensor,
    state: Mapping[str, Tensor] | None = None,
    random: Tensor | None = None,
    *,
    graph: bool = False,
) -> Run:
    """Run `model` in evaluation mode on the rows of `x`. Parameters, buffers, mode, gradients and random numbers stay as they were.

    Args:
        model: any module that takes (N, 2).
        x: the points, (N, 2).
        state: other parameters and buffers to run with.
        random: state of the CPU's generator to start from.
        graph: whether autograd records the run, so that one can go backward through it.

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
        stack.enter_context(torch.set_grad_enabled(graph))
        stack.enter_context(torch.random.fork_rng(devices=devices))
        if random is not None:
            torch.set_rng_state(random)
        stack.enter_context(_evaluating(model))
        stack.enter_context(watch.hooks())
        stack.enter_context(watch)
        output = torch.func.functional_call(model, own, (x,), strict=False)
    return Run(tuple(watch.calls), output, tuple(watch.outputs) if graph else (), watch.gradients)


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


class _Watch(CallTracer):
    """Keeps what every call gave for every point."""

    def __init__(self, model: nn.Module, x: Tensor) -> None:
        super().__init__(model)
        self.calls: list[Call] = []
        self.outputs: list[Tensor] = []
        self.gradients: dict[int, Tensor] = {}
        self._rows = x.shape[0]
        self.on_call("x", None, None, (), {}, (), x)

    def on_call(
        self,
        name: str,
        module: nn.Module | None,
        function: Any,
        args: Any,
        kwargs: Any,
        sources: tuple[Any, ...],
        output: Any,
    ) -> None:
        """Another call, if it gave something for every point."""
        if not isinstance(output, Tensor) or output.dim() < 1 or output.shape[0] != self._rows or output.is_complex():
            return
        if function is not None and id(output) not in self.tags:
            source = self.outputs[sources[0]]
            if output.data_ptr() == source.data_ptr() and output.numel() == source.numel():
                # The same numbers in another shape, as of a squeeze: no layer of its own.
                self.tag(output, sources[0])
                return
        self.tag(output, len(self.calls))
        self.outputs.append(output)
        if output.requires_grad:
            # A hook and not the tensor asked later: a call that writes into it makes it another tensor for autograd.
            output.register_hook(partial(self._came_back, len(self.calls)))
        # Copied, because a later call may write into it.
        values = (output.detach().unsqueeze(1) if output.dim() == 1 else output.detach().flatten(1)).clone()
        kind = name if function is not None else "input" if module is None else type(module).__name__
        weight = bias = None
        if isinstance(module, nn.Linear):
            weight = module.weight.detach().clone()
            bias = None if module.bias is None else module.bias.detach().clone()
        path, about = (None, "") if module is None else (self.path(module), module.extra_repr())
        unlike = tuple(dict.fromkeys(sources))
        self.calls.append(Call(self.unique_name(name), kind, path, about, unlike, values, weight, bias))

    def _came_back(self, number: int, gradient: Tensor) -> None:
        self.gradients[number] = (
            (gradient.unsqueeze(1) if gradient.dim() == 1 else gradient.flatten(1)).detach().clone()
        )
