"""Call of a recurrent module with its input and initial states, and the checks of both."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.torchkit.array_data import as_tensor, check_data
from dlviz.torchkit.forward_trace import eval_mode
from dlviz.torchkit.modules import named_modules, parameters

#: Cells take one step; here they may be given a sequence.
CELLS = {nn.RNNCell: "RNN", nn.LSTMCell: "LSTM", nn.GRUCell: "GRU"}


@dataclass(frozen=True)
class Sizes:
    """Sizes of a recurrent module: layers, directions, units of h (``proj_size`` if there is a projection) and units of c."""

    layers: int
    directions: int
    outputs: int
    hidden: int

    @property
    def count(self) -> int:
        """Number of states in torch's ``h_n``: layers · directions."""
        return self.layers * self.directions

    def of(self, name: str) -> int:
        """Return the number of units of "h" or "c"."""
        return self.outputs if name == "h" else self.hidden


@dataclass(frozen=True, eq=False)
class ModuleCall:
    """A call of the module, and what it returned.

    Attributes:
        x: (N, T, inputs), padded.
        lengths: the length of each sequence without padding.
        h0, c0: the initial states, (layers · directions, N, outputs) and (…, hidden); c0 is ``None`` except for an LSTM.
        output: what the module returned at each step, (N, T, directions · outputs).
        h_n, c_n: the last states, shaped like h0 and c0.
    """

    x: Tensor
    lengths: tuple[int, ...]
    h0: Tensor
    c0: Tensor | None
    output: Tensor
    h_n: Tensor
    c_n: Tensor | None


def kind_of(module: Any) -> str:
    """Return "RNN", "LSTM" or "GRU".

    Raises:
        DlvizError: it is not one of torch's recurrent modules.
    """
    for cell, kind in CELLS.items():
        if isinstance(module, cell):
            return kind
    if isinstance(module, nn.RNNBase) and module.mode in ("RNN_TANH", "RNN_RELU", "LSTM", "GRU"):
        return module.mode.partition("_")[0]
    inside = [
        name
        for name, part in (named_modules(module) if isinstance(module, nn.Module) else ())
        if isinstance(part, (nn.RNNBase, nn.RNNCellBase))
    ]
    if inside:
        raise DlvizError(message("recurrent.refused.inside", got=type(module).__name__, names=", ".join(inside[:4])))
    raise DlvizError(message("recurrent.refused.module", got=type(module).__name__))


def nonlinearity_of(module: nn.Module) -> str:
    """Return the nonlinearity of a plain RNN: "tanh" or "relu"; "tanh" for every other module."""
    return str(getattr(module, "nonlinearity", "tanh"))


def sizes_of(module: nn.Module) -> Sizes:
    """Return the sizes of a module or cell."""
    hidden = int(module.hidden_size)  # type: ignore[arg-type]
    directions = 2 if getattr(module, "bidirectional", False) else 1
    outputs = int(getattr(module, "proj_size", 0) or hidden)
    return Sizes(int(getattr(module, "num_layers", 1)), directions, outputs, hidden)


def dtype_of(module: nn.Module) -> torch.dtype:
    """Return the dtype of the module's parameters."""
    return next(parameters(module)).dtype


def input_of(x: Any, dtype: torch.dtype) -> Tensor | PackedSequence:
    """Return the module's input: a tensor or packed sequence as it is, rows of an array or list in the dtype of the module.

    Raises:
        DlvizError: it is something else, or has no numbers.
    """
    if isinstance(x, PackedSequence):
        return x
    found = check_data(x, "recurrent.refused.x", caller="unroll", name="x")
    if found.is_meta or found.layout != torch.strided or found.is_nested or found.is_quantized:
        kind = (
            "meta"
            if found.is_meta
            else "quantized"
            if found.is_quantized
            else "nested"
            if found.is_nested
            else "sparse"
        )
        raise DlvizError(message("recurrent.refused.kind", got=kind))
    # Whole numbers in one row are more likely tokens, which need an embedding.
    is_data = found.is_floating_point() or found.dim() > 1
    return found if isinstance(x, Tensor) or found.is_complex() or not is_data else found.to(dtype)


def states_of(hx: Any, dtype: torch.dtype) -> Any:
    """Return the initial states, arrays and lists of numbers as tensors in the dtype of the module."""
    if isinstance(hx, (tuple, list)) and len(hx) == 2:
        return tuple(states_of(one, dtype) for one in hx)
    found = None if isinstance(hx, Tensor) else as_tensor(hx)
    return hx if found is None or found.is_complex() else found.to(dtype)


def call_module(module: nn.Module, x: Any, hx: Any) -> ModuleCall:
    """Call the module without gradients and in eval mode.

    Args:
        module: one of torch's recurrent modules, or a cell.
        x: its input. A cell takes one step, (N, inputs) or (inputs,), or a sequence (T, N, inputs).
        hx: its initial states, or ``None``.

    Raises:
        DlvizError: torch raises, or the input has no step.
    """
    kind = kind_of(module)
    _check_input(x, module)
    try:
        with torch.no_grad(), eval_mode(module):
            return _call_cell(module, kind, x, hx) if isinstance(module, tuple(CELLS)) else _call_layers(module, x, hx)
    except DlvizError:
        raise
    except Exception as error:  # torch raises several types for shapes, dtypes and states
        shape = tuple(x.data.shape) if isinstance(x, PackedSequence) else tuple(x.shape)
        name = type(module).__name__
        raise DlvizError(
            message("recurrent.refused.torch", name=name, shape=shape, torch=f"{type(error).__name__}: {error}")
        ) from error


def _check_input(x: Any, module: nn.Module) -> None:
    if isinstance(x, PackedSequence):
        return
    x = check_data(x, "recurrent.refused.x", caller="unroll", name="x")
    if not x.is_floating_point():
        raise DlvizError(message("recurrent.refused.dtype", got=x.dtype, size=module.input_size))
    if x.numel() == 0:
        raise DlvizError(message("recurrent.refused.empty", got=tuple(x.shape)))


def _call_layers(module: nn.Module, x: Any, hx: Any) -> ModuleCall:
    sizes = sizes_of(module)
    output, states = module(x, hx)
    if isinstance(x, PackedSequence):
        padded, counts = pad_packed_sequence(x, batch_first=True)
        lengths = tuple(counts.tolist())
        output = pad_packed_sequence(output, batch_first=True)[0]
    else:
        padded, output = (
            part[None] if part.dim() == 2 else part if module.batch_first else part.transpose(0, 1)
            for part in (x, output)
        )
        lengths = (padded.shape[1],) * padded.shape[0]
    n = padded.shape[0]
    h_n, c_n = states if isinstance(states, tuple) else (states, None)
    h0, c0 = hx if isinstance(hx, (tuple, list)) else (hx, None)

    def with_shape(state: Tensor | None, size: int) -> Tensor:
        if state is None:
            return padded.new_zeros(sizes.count, n, size)
        return state.detach().reshape(sizes.count, n, size)

    lstm = c_n is not None
    return ModuleCall(
        padded.detach().clone(),
        lengths,
        with_shape(h0, sizes.outputs).clone(),
        with_shape(c0, sizes.hidden).clone() if lstm else None,
        output.detach(),
        with_shape(h_n, sizes.outputs),
        with_shape(c_n, sizes.hidden) if lstm else None,
    )


def _call_cell(module: nn.Module, kind: str, x: Tensor, hx: Any) -> ModuleCall:
    """Call a cell once for every step; a single step is a sequence of length one."""
    steps = x if x.dim() == 3 else x[None]
    rows, state = [], hx
    for step in steps:
        state = module(step, state)
        rows.append(state)
    h = torch.stack([row[0] if kind == "LSTM" else row for row in rows])
    c = torch.stack([row[1] for row in rows]) if kind == "LSTM" else None
    if steps.dim() == 2:
        steps, h, c = steps[:, None], h[:, None], None if c is None else c[:, None]
    h0, c0 = (hx if isinstance(hx, (tuple, list)) else (hx, None)) if hx is not None else (None, None)

    def initial(state: Tensor | None, like: Tensor) -> Tensor:
        return torch.zeros_like(like[:1]) if state is None else state.detach().reshape(like[:1].shape).clone()

    x = steps.transpose(0, 1).detach().clone()
    return ModuleCall(
        x,
        (x.shape[1],) * x.shape[0],
        initial(h0, h),
        None if c is None else initial(c0, c),
        h.transpose(0, 1).detach(),
        h[-1:].detach(),
        None if c is None else c[-1:].detach(),
    )


def copy_module(module: nn.Module) -> nn.Module:
    """Return a copy of a module as an instance of torch's own class, without drawing random numbers.

    Example:
        >>> gru = nn.GRU(2, 3, bidirectional=True)
        >>> x = torch.randn(4, 2)
        >>> torch.equal(copy_module(gru)(x)[0], gru(x)[0])
        True
    """
    module_type: type[nn.Module] = next(one for one in (*CELLS, nn.RNN, nn.LSTM, nn.GRU) if isinstance(module, one))
    names = ["bias", *(["nonlinearity"] if kind_of(module) == "RNN" else [])]
    if isinstance(module, nn.RNNBase):
        names += ["num_layers", "batch_first", "bidirectional", *(["proj_size"] if module_type is nn.LSTM else [])]
    options = {name: getattr(module, name) for name in names}
    parameter = next(parameters(module))
    sizes = (module.input_size, module.hidden_size)
    # A module on the meta device is not initialized, which would draw random numbers.
    copy = module_type(*sizes, **options, device="meta", dtype=parameter.dtype).to_empty(device=parameter.device)
    with torch.no_grad():
        for name, value in copy.named_parameters():
            value.copy_(getattr(module, name)).requires_grad_(False)
    return copy
