"""The learner's own module while the learner's own loop trains it: which two matrices it has, and copies of them as they were."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.embeddings.word2vec.record import room
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message


@dataclass(frozen=True, eq=False)
class Frame:
    """The matrices after so many updates, on the CPU, and the loss that was told with them, NaN for none."""

    number: int
    w: Tensor
    u: Tensor
    loss: float


class Watched:
    """Frames of a module in training. The module is read and never written to.

    Attributes:
        frames: what is kept, up to 200 of them, evenly; oldest first, and the last one is the latest.
        losses: every loss that was told.
    """

    def __init__(self, module: Any, words: int) -> None:
        self.w, self.u = matrices(module, words)
        self.biased = any(
            isinstance(part, nn.Linear) and part.weight is self.u[1] and part.bias is not None
            for part in module.modules()
        )
        self.frames: list[Frame] = []
        self.losses: list[float] = []
        self._every = 1
        self.take(None)

    def take(self, loss: Any) -> None:
        """Copy both matrices as they are now; a loss may come as a number or a tensor of one."""
        number = self.frames[-1].number + 1 if self.frames else 0
        value = float("nan") if loss is None else _loss(loss)
        if self.frames:
            self.losses.append(value)
        w, u = (_copied(parameter) for _, parameter in (self.w, self.u))
        # The latest stays only until there is a later one, unless its turn has come.
        self.frames = [frame for frame in self.frames if frame.number % self._every == 0]
        if len(self.frames) >= room(w):
            self._every *= 2
            self.frames = [frame for frame in self.frames if frame.number % self._every == 0]
        self.frames.append(Frame(number, w, u, value))


def matrices(module: Any, words: int) -> tuple[tuple[str, Tensor], tuple[str, Tensor]]:
    """Names and parameters of the input matrix and of the output matrix: the two floating-point ones with a row for each word.

    The weight of an ``nn.Linear`` is taken for the outputs; else the one that was made first is the input matrix.

    Raises:
        DlvizError: not exactly two fit.

    Example:
        >>> net = nn.ModuleDict({"out": nn.Linear(4, 9, bias=False), "words": nn.Embedding(9, 4)})
        >>> [name for name, _ in matrices(net, 9)]
        ['words.weight', 'out.weight']
    """
    if not isinstance(module, nn.Module):
        raise DlvizError(message("word2vec.refused.module", got=type(module).__name__))
    named = list(module.named_parameters())
    fitting = [(name, one) for name, one in named if one.dim() == 2 and len(one) == words and one.is_floating_point()]
    if len(fitting) != 2 or fitting[0][1].shape != fitting[1][1].shape:
        seen = ", ".join(f"{name} {tuple(one.shape)}" for name, one in named) or message("word2vec.refused.none")
        raise DlvizError(message("word2vec.refused.matrices", words=words, count=len(fitting), seen=seen))
    linear = {id(part.weight) for part in module.modules() if isinstance(part, nn.Linear)}
    first, second = sorted(fitting, key=lambda one: id(one[1]) in linear)
    return first, second


def _copied(parameter: Tensor) -> Tensor:
    kept = torch.float64 if parameter.dtype == torch.float64 else torch.float32
    return parameter.detach().to("cpu", kept, copy=True)


def _loss(loss: Any) -> float:
    try:
        return float(loss.detach() if isinstance(loss, Tensor) else loss)
    except (TypeError, ValueError, RuntimeError):
        got = f"shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
        raise DlvizError(message("word2vec.refused.loss", got=got)) from None
