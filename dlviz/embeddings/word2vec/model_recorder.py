"""Snapshots of the two matrices of the learner's own module, while the learner's own loop trains it."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from dlviz.embeddings.word2vec.record import max_copies
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.snapshots import thin
from dlviz.kit.validation import check_type
from dlviz.torchkit.modules import modules, named_parameters


@dataclass(frozen=True, eq=False)
class ModelSnapshot:
    """The matrices after `index` updates, (V, D) each, on the CPU."""

    index: int
    w: Tensor
    u: Tensor


class ModelRecorder:
    """Snapshots of a module in training, which is read and never changed.

    Attributes:
        snapshots: up to 200 of them, evenly spaced, the oldest first; the last one is the latest.
        losses: every loss that was passed, NaN where none was.
        w, u: name and parameter of the input matrix and of the output matrix.
        has_bias: whether the output layer has a bias.
    """

    def __init__(self, module: Any, words: int) -> None:
        self.w, self.u = find_matrices(module, words)
        self.has_bias = any(
            isinstance(part, nn.Linear) and part.weight is self.u[1] and part.bias is not None
            for part in modules(module)
        )
        self.losses: list[float] = []
        self.snapshots = [self._copy(0)]

    def record(self, loss: Any) -> None:
        """Copy both matrices, and store a loss, which may be a number, a tensor of one number, or ``None``."""
        self.losses.append(float("nan") if loss is None else _to_float(loss))
        latest = self._copy(self.snapshots[-1].index + 1)
        self.snapshots = thin([*self.snapshots, latest], max_copies(latest.w))

    def _copy(self, index: int) -> ModelSnapshot:
        return ModelSnapshot(index, _to_cpu(self.w[1]), _to_cpu(self.u[1]))


def find_matrices(module: Any, words: int) -> tuple[tuple[str, Tensor], tuple[str, Tensor]]:
    """Return names and parameters of the input matrix and the output matrix: the two floating-point ones with a row for each word.

    The weight of an ``nn.Linear`` is the output matrix; otherwise the matrix that was registered first is the input matrix.

    Raises:
        DlvizError: not exactly two fit.

    Example:
        >>> net = nn.ModuleDict({"out": nn.Linear(4, 9, bias=False), "words": nn.Embedding(9, 4)})
        >>> [name for name, _ in find_matrices(net, 9)]
        ['words.weight', 'out.weight']
    """
    check_type(module, nn.Module, "word2vec.refused.module")
    named = [(name, parameter) for name, parameter in named_parameters(module) if not is_lazy(parameter)]
    fitting = [
        (name, parameter)
        for name, parameter in named
        if parameter.dim() == 2 and len(parameter) == words and parameter.is_floating_point() and not parameter.is_meta
    ]
    if len(fitting) != 2 or fitting[0][1].shape != fitting[1][1].shape:
        shapes = ", ".join(f"{name} {tuple(parameter.shape)}" for name, parameter in named)
        seen = shapes or message("word2vec.refused.no_parameters")
        raise DlvizError(message("word2vec.refused.matrices", words=words, count=len(fitting), seen=seen))
    linear_weights = {id(part.weight) for part in modules(module) if isinstance(part, nn.Linear)}
    first, second = sorted(fitting, key=lambda named: id(named[1]) in linear_weights)
    return first, second


def _to_cpu(parameter: Tensor) -> Tensor:
    dtype = torch.float64 if parameter.dtype == torch.float64 else torch.float32
    return parameter.detach().to("cpu", dtype, copy=True)


def _to_float(loss: Any) -> float:
    try:
        return float(loss.detach() if isinstance(loss, Tensor) else loss)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        got = f"shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
        raise DlvizError(message("word2vec.refused.loss", got=got)) from None
