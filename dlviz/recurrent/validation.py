"""What the learner passes: a recurrent module, its input as the module takes it, and the states to start from."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message

#: Cells know one step; what they are given may still be a sequence.
CELLS = {nn.RNNCell: "RNN", nn.LSTMCell: "LSTM", nn.GRUCell: "GRU"}


@dataclass(frozen=True, eq=False)
class Sequences:
    """A call of the module, and what it returned.

    Attributes:
        x: (N, T, inputs), padded.
        lengths: how many steps of each are its own.
        h0, c0: the states at the start, (lanes, N, outputs) and (lanes, N, hidden); c0 is ``None`` but of an LSTM.
        output: what the module gave for each step, (N, T, directions · outputs).
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
    """ "RNN", "LSTM" or "GRU".

    Raises:
        DlvizError: it is none of torch's recurrent modules.
    """
    for cell, kind in CELLS.items():
        if isinstance(module, cell):
            return kind
    if isinstance(module, nn.RNNBase) and module.mode in ("RNN_TANH", "RNN_RELU", "LSTM", "GRU"):
        return module.mode.partition("_")[0]
    inside = [
        name
        for name, part in (module.named_modules() if isinstance(module, nn.Module) else ())
        if isinstance(part, (nn.RNNBase, nn.RNNCellBase))
    ]
    if inside:
        raise DlvizError(message("recurrent.refused.inside", got=type(module).__name__, names=", ".join(inside[:4])))
    raise DlvizError(message("recurrent.refused.module", got=type(module).__name__))


def squash_of(module: nn.Module) -> str:
    """What a plain RNN squashes with: "tanh" or "relu"; "tanh" of every other module."""
    return str(getattr(module, "nonlinearity", "tanh"))


def size_of(module: nn.Module) -> tuple[int, int, int, int]:
    """Layers, directions, numbers of h and numbers of c."""
    hidden = int(module.hidden_size)  # type: ignore[arg-type]
    layers, directions = int(getattr(module, "num_layers", 1)), 2 if getattr(module, "bidirectional", False) else 1
    return layers, directions, int(getattr(module, "proj_size", 0) or hidden), hidden


def called(module: nn.Module, x: Any, hx: Any) -> Sequences:
    """Call the module as the learner would, without gradients and in evaluation mode.

    Args:
        module: one of torch's recurrent modules, or a cell.
        x: what it takes. A cell takes one step, (N, inputs) or (inputs,), or a sequence (T, N, inputs).
        hx: what it takes beside it, or ``None``.

    Raises:
        DlvizError: torch refuses it, in torch's own words, or there is no step.
    """
    kind = kind_of(module)
    _look(x, module)
    try:
        with torch.no_grad(), _evaluating(module):
            return _cell(module, kind, x, hx) if isinstance(module, tuple(CELLS)) else _whole(module, x, hx)
    except DlvizError:
        raise
    except Exception as error:  # torch refuses in many words: shapes, dtypes, states
        shape = tuple(x.data.shape) if isinstance(x, PackedSequence) else tuple(x.shape)
        name = type(module).__name__
        raise DlvizError(
            message("recurrent.refused.torch", name=name, shape=shape, torch=f"{type(error).__name__}: {error}")
        ) from error


def _look(x: Any, module: nn.Module) -> None:
    if isinstance(x, PackedSequence):
        return
    if not isinstance(x, Tensor):
        raise DlvizError(message("recurrent.refused.x", got=type(x).__name__))
    if not x.is_floating_point():
        raise DlvizError(message("recurrent.refused.dtype", got=x.dtype, size=module.input_size))
    if x.numel() == 0:
        raise DlvizError(message("recurrent.refused.empty", got=tuple(x.shape)))


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode, so that nothing is dropped between layers, and then the module's own mode again."""
    modes = [(part, part.training) for part in module.modules()]
    for part, _ in modes:
        part.training = False
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


def _whole(module: nn.Module, x: Any, hx: Any) -> Sequences:
    layers, directions, outs, hidden = size_of(module)
    output, states = module(x, hx)
    first = bool(module.batch_first)
    if isinstance(x, PackedSequence):
        padded, counts = pad_packed_sequence(x, batch_first=True)
        lengths = tuple(counts.tolist())
        output = pad_packed_sequence(output, batch_first=True)[0]
    else:
        padded, output = (
            part[None] if part.dim() == 2 else part if first else part.transpose(0, 1) for part in (x, output)
        )
        lengths = (padded.shape[1],) * padded.shape[0]
    n = padded.shape[0]
    h_n, c_n = states if isinstance(states, tuple) else (states, None)
    h0, c0 = hx if isinstance(hx, (tuple, list)) else (hx, None)

    def shaped(state: Tensor | None, size: int) -> Tensor:
        if state is None:
            return padded.new_zeros(layers * directions, n, size)
        return state.detach().reshape(layers * directions, n, size)

    lstm = c_n is not None
    return Sequences(
        padded.detach().clone(),
        lengths,
        shaped(h0, outs).clone(),
        shaped(c0, hidden).clone() if lstm else None,
        output.detach(),
        shaped(h_n, outs),
        shaped(c_n, hidden) if lstm else None,
    )


def _cell(module: nn.Module, kind: str, x: Tensor, hx: Any) -> Sequences:
    """A cell, called once a step; a single step is a sequence of one."""
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

    def start(state: Tensor | None, like: Tensor) -> Tensor:
        return torch.zeros_like(like[:1]) if state is None else state.detach().reshape(like[:1].shape).clone()

    x = steps.transpose(0, 1).detach().clone()
    return Sequences(
        x,
        (x.shape[1],) * x.shape[0],
        start(h0, h),
        None if c is None else start(c0, c),
        h.transpose(0, 1).detach(),
        h[-1:].detach(),
        None if c is None else c[-1:].detach(),
    )


def copied(module: nn.Module) -> nn.Module:
    """A module of the same kind, options and weights, of torch's own class; no random number is drawn.

    Example:
        >>> gru = nn.GRU(2, 3, bidirectional=True)
        >>> x = torch.randn(4, 2)
        >>> torch.equal(copied(gru)(x)[0], gru(x)[0])
        True
    """
    made: type[nn.Module] = next(kind for kind in (*CELLS, nn.RNN, nn.LSTM, nn.GRU) if isinstance(module, kind))
    names = ["bias", *(["nonlinearity"] if kind_of(module) == "RNN" else [])]
    if isinstance(module, nn.RNNBase):
        names += ["num_layers", "batch_first", "bidirectional", *(["proj_size"] if made is nn.LSTM else [])]
    options = {name: getattr(module, name) for name in names}
    like = next(module.parameters())
    sizes = (module.input_size, module.hidden_size)
    # Without storage there is nothing to initialize.
    found = made(*sizes, **options, device="meta", dtype=like.dtype).to_empty(device=like.device)
    with torch.no_grad():
        for name, value in found.named_parameters():
            value.copy_(getattr(module, name)).requires_grad_(False)
    return found
