"""Forward pass of a module on many points of the plane: the output of every layer, in the order in which the calls ran."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.torchkit.array_data import is_wrapper
from dlviz.torchkit.forward_trace import CallTracer, eval_mode
from dlviz.torchkit.modules import settings_text


@dataclass(frozen=True, eq=False)
class LayerCall:
    """One call of a leaf module, or of a torch function outside one.

    Attributes:
        name: the module's path in the model ("0", "body.2") or the function's name; "x" for the input.
        kind: class or function name: "Linear", "relu"; "input" for the input.
        path: the module's path in the model, ``None`` for a function and for the input.
        extra_repr: the module's settings, as its ``extra_repr()`` writes them.
        sources: indices of the calls whose outputs this call received, in order.
        output: its output, (N, units).
        weight: weight of a linear layer as it ran, (units, inputs), else ``None``.
        bias: bias of a linear layer that has one, (units,), else ``None``.
    """

    name: str
    kind: str
    path: str | None
    extra_repr: str
    sources: tuple[int, ...]
    output: Tensor
    weight: Tensor | None = None
    bias: Tensor | None = None

    @property
    def units(self) -> int:
        """Number of output values for one point."""
        return int(self.output.shape[1])


@dataclass(frozen=True, eq=False)
class ForwardPass:
    """A forward pass: its calls, the input first, and the model's output.

    Attributes:
        calls: every call, the input first.
        output: what the model returned.
        graph_outputs: outputs of the calls with their autograd graph, empty if none was recorded.
        gradients: gradients that a backward pass brought to each call's output, (N, units) by the call's index.
    """

    calls: tuple[LayerCall, ...]
    output: Any
    graph_outputs: tuple[Tensor, ...] = ()
    gradients: dict[int, Tensor] = field(default_factory=dict)


def forward_pass(
    model: nn.Module,
    x: Tensor,
    state: Mapping[str, Tensor] | None = None,
    rng_state: Tensor | None = None,
    *,
    record_graph: bool = False,
) -> ForwardPass:
    """Run `model` in eval() mode on the rows of `x`, without changing its parameters, buffers, mode, gradients or random numbers.

    Args:
        model: any module that takes (N, 2).
        x: the points, (N, 2).
        state: parameters and buffers that replace the model's own.
        rng_state: state of the CPU's random number generator at the start.
        record_graph: whether autograd records the pass, so that a backward pass can follow.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
        >>> [(call.name, call.kind, call.units) for call in forward_pass(net, torch.zeros(5, 2)).calls]
        [('x', 'input', 2), ('0', 'Linear', 3), ('1', 'ReLU', 3), ('2', 'Linear', 1)]

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.func.functional_call.html
    """
    recorder = _CallRecorder(model, x)
    with torch.set_grad_enabled(record_graph), eval_mode(model):
        output = recorder.run((x,), state_dict=state, rng_state=rng_state)
    graph_outputs = tuple(recorder.outputs) if record_graph else ()
    return ForwardPass(tuple(recorder.calls), output, graph_outputs, recorder.gradients)


def find_unit(calls: Sequence[LayerCall], layer: str | int, unit: int, caller: str) -> tuple[int, int]:
    """Return the indices of a call and of one of its units.

    Args:
        calls: the calls of a forward pass.
        layer: name or index of a call.
        unit: index of one of its units.
        caller: name of the public method, for the error message.

    Raises:
        DlvizError: there is no such call, or it has no such unit.
    """
    names = [call.name for call in calls]
    index = layer if isinstance(layer, int) else names.index(layer) if layer in names else -1
    if not 0 <= index < len(names):
        raise DlvizError(
            message("decision_boundary.refused.layer", caller=caller, got=repr(layer), names=", ".join(names))
        )
    count = calls[index].units
    if not isinstance(unit, int) or not 0 <= unit < count:
        raise DlvizError(
            message("decision_boundary.refused.unit", caller=caller, name=names[index], count=count, got=repr(unit))
        )
    return index, unit


class _CallRecorder(CallTracer):
    """Records the output of every call that returns one row for each point."""

    def __init__(self, model: nn.Module, x: Tensor) -> None:
        super().__init__(model)
        self.calls: list[LayerCall] = []
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
        """Append a call if its output has one row for each point."""
        if not isinstance(output, Tensor) or output.dim() < 1 or output.shape[0] != self._rows or output.is_complex():
            return
        if function is not None and id(output) not in self.tags:
            source = self.outputs[sources[0]]
            if output.data_ptr() == source.data_ptr() and output.numel() == source.numel():
                # The same numbers in another shape, as after squeeze(): no layer of its own.
                self.tag(output, sources[0])
                return
        self.tag(output, len(self.calls))
        self.outputs.append(output)
        if output.requires_grad:
            # A hook, because after an in-place call the tensor itself is a different node for autograd.
            output.register_hook(partial(self._keep_gradient, len(self.calls)))
        # Copied, because a later call may write into it.
        values = _as_rows(output.detach()).clone()
        kind = name if function is not None else "input" if module is None else type(module).__name__
        weight = bias = None
        if isinstance(module, nn.Linear) and not is_wrapper(module.weight):
            weight = module.weight.detach().clone()
            bias = None if module.bias is None else module.bias.detach().clone()
        path, extra_repr = (None, "") if module is None else (self.path(module), settings_text(module))
        distinct = tuple(dict.fromkeys(sources))
        self.calls.append(LayerCall(self.unique_name(name), kind, path, extra_repr, distinct, values, weight, bias))

    def _keep_gradient(self, index: int, gradient: Tensor) -> None:
        self.gradients[index] = _as_rows(gradient).detach().clone()


def _as_rows(values: Tensor) -> Tensor:
    """Return `values` as (N, units)."""
    return values.unsqueeze(1) if values.dim() == 1 else values.flatten(1)
