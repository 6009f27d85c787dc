"""One sequence through a recurrent module: every gate and state of every layer, and what the module itself returned."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.recurrent.edits import Edits
from dlviz.recurrent.layer_trace import GATES, LayerTrace, Weights, trace_layer
from dlviz.recurrent.module_call import ModuleCall, call_module, kind_of, nonlinearity_of, sizes_of


@dataclass(frozen=True, eq=False)
class Record:
    """One sequence through a recurrent module.

    Attributes:
        kind: "RNN", "LSTM" or "GRU".
        directions: 1 or 2.
        layers: every layer in every direction, in the order of torch's ``h_n``.
        output: what the module returned at each step, (T, directions · outputs); if gates or bias are edited, what it would return.
        max_error: the largest difference between the record and what the module returned; ``None`` if gates or bias are edited.
    """

    kind: str
    directions: int
    layers: tuple[LayerTrace, ...]
    output: Tensor
    max_error: float | None


def record(module: nn.Module, x: Any, hx: Any = None, *, sequence: int = 0, edits: Edits | None = None) -> Record:
    """Call the module, and record one sequence of the call step by step.

    Args:
        module: ``nn.RNN``, ``nn.LSTM``, ``nn.GRU`` or one of their cells.
        x, hx: the module's arguments. A cell takes one step or a sequence (T, N, inputs).
        sequence: the index of the sequence in the batch.
        edits: what differs from the module.

    Raises:
        DlvizError: torch refuses the call, or there is no such sequence.

    Example:
        >>> lstm = torch.nn.LSTM(3, 4, num_layers=2)
        >>> made = record(lstm, torch.randn(5, 3))
        >>> made.layers[1].gates.shape, made.output.shape
        (torch.Size([5, 4, 4]), torch.Size([5, 4]))
    """
    return record_sequence(module, call_module(module, x, hx), sequence, edits or Edits())


def record_sequence(module: nn.Module, call: ModuleCall, sequence: int, edits: Edits) -> Record:
    """Record one sequence of a call; arguments as for :func:`record`."""
    if not 0 <= sequence < len(call.lengths):
        count = len(call.lengths)
        raise DlvizError(message("recurrent.refused.sequence", count=count, last=count - 1, got=sequence))
    kind, nonlinearity, sizes = kind_of(module), nonlinearity_of(module), sizes_of(module)
    length = call.lengths[sequence]
    x = call.x[sequence, :length].cpu()
    h0, c0 = _initial_states(call, sequence, edits)
    traces: list[LayerTrace] = []
    with torch.no_grad():
        for number in range(sizes.layers):
            for direction in range(sizes.directions):
                i = number * sizes.directions + direction
                weights = weights_of(module, number, direction, edits.forget_bias if kind == "LSTM" else 0.0)
                zeroed = [(GATES[kind].index(gate), unit) for layer, gate, unit in edits.zeroed if layer == i]
                states = (h0[i], None if c0 is None else c0[i])
                traces.append(trace_layer(kind, nonlinearity, number, direction, weights, x, *states, zeroed))
            x = torch.cat([trace.h for trace in traces[-sizes.directions :]], dim=1)
    if edits.changes_module:
        return Record(kind, sizes.directions, tuple(traces), x, None)
    if edits.initial_state:
        call, sequence = _call_from(module, call, sequence, h0, c0), 0
    output = call.output[sequence, :length].cpu()
    return Record(kind, sizes.directions, tuple(traces), output, _max_error(traces, x, output, call, sequence))


def weights_of(module: nn.Module, number: int, direction: int, forget_bias: float = 0.0) -> Weights:
    """Copy the weights of one layer in one direction, with `forget_bias` added to the bias of the forget gate."""
    suffix = f"_l{number}{'_reverse' if direction else ''}" if isinstance(module, nn.RNNBase) else ""

    def parameter(name: str) -> Tensor | None:
        found = getattr(module, name + suffix, None)
        return None if found is None else found.detach().cpu().clone()

    ih, hh, b_ih = parameter("weight_ih"), parameter("weight_hh"), parameter("bias_ih")
    assert ih is not None
    assert hh is not None
    if forget_bias:
        hidden = ih.shape[0] // 4
        b_ih = torch.zeros_like(ih[:, 0]) if b_ih is None else b_ih
        b_ih[hidden : 2 * hidden] += forget_bias
    return Weights(ih, hh, b_ih, parameter("bias_hh"), parameter("weight_hr"))


def _initial_states(call: ModuleCall, sequence: int, edits: Edits) -> tuple[Tensor, Tensor | None]:
    h0 = call.h0[:, sequence].cpu().clone()
    c0 = None if call.c0 is None else call.c0[:, sequence].cpu().clone()
    for (name, layer, unit), value in edits.initial_state.items():
        state = h0 if name == "h" else c0
        assert state is not None
        state[layer, unit] = value
    return h0, c0


def _call_from(module: nn.Module, call: ModuleCall, sequence: int, h0: Tensor, c0: Tensor | None) -> ModuleCall:
    """Call the module itself on this one sequence, from other initial states."""
    x = call.x[sequence : sequence + 1, : call.lengths[sequence]]
    h = h0[:, None].to(x)
    if not isinstance(module, nn.RNNBase):
        state = h[0] if c0 is None else (h[0], c0.to(x))
        return call_module(module, x.transpose(0, 1), state)
    state = h if c0 is None else (h, c0[:, None].to(x))
    return call_module(module, x if module.batch_first else x.transpose(0, 1), state)


def _max_error(traces: list[LayerTrace], recorded: Tensor, output: Tensor, call: ModuleCall, sequence: int) -> float:
    pairs = [(recorded, output)]
    for k, trace in enumerate(traces):
        last = trace.order[-1]
        pairs.append((trace.h[last], call.h_n[k, sequence].cpu()))
        if trace.c is not None and call.c_n is not None:
            pairs.append((trace.c[last], call.c_n[k, sequence].cpu()))
    return max(float((a.double() - b.double()).nan_to_num().abs().max()) for a, b in pairs)
