"""The reversal task: a sequence of symbols, and the same sequence from its end to its beginning."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from dlviz.data.validation import check_size, loader, on_device, seeded_generator
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_integer


@dataclass(frozen=True, eq=False, repr=False)
class Reversal:
    """Sequences and their reversals, as ids; unpacks as ``x, y``.

    ``x`` (N, T) int64, from 0; ``y`` (N, T) int64, with ``y[:, t] = x[:, T - 1 - t]``.
    """

    x: Tensor
    y: Tensor

    def __iter__(self) -> Iterator[Tensor]:
        return iter((self.x, self.y))

    def __repr__(self) -> str:
        """Return the shapes only, because values may be on a GPU."""
        return message("data.reversal.shown", x=tuple(self.x.shape), y=tuple(self.y.shape))


@loader
def reversal(
    n: int, *, length: int = 8, symbols: int = 10, seed: int = 0, device: torch.device | str | None = None
) -> Reversal:
    """Draw ``n`` sequences of ``length`` symbols and reverse each: ``x`` (n, length) and ``y`` (n, length), both int64.

    Each of ``symbols`` symbols has equal chance at every place. To name the symbol at place t of ``y``, a model must look at place
    length − 1 − t of ``x`` and at nothing else, so the attention weights that solve the task are the anti-diagonal.

    The same ``seed`` gives the same sequences; another seed gives new ones, to test on. Your own seeds are left alone. An argument
    that does not fit raises a ``ValueError``.

    >>> from dlviz.data import reversal
    >>> x, y = reversal(100, length=5, symbols=3)
    >>> x.shape, torch.equal(y, x.flip(1)), x.max().item()
    (torch.Size([100, 5]), True, 2)
    """
    if not is_integer(n) or n < 1:
        raise DlvizError(message("data.generated.samples", call="reversal", value=repr(n)))
    if not is_integer(length) or length < 1:
        raise DlvizError(message("data.reversal.length", value=repr(length)))
    if not is_integer(symbols) or not 2 <= symbols <= 2**31:
        raise DlvizError(message("data.reversal.symbols", value=repr(symbols)))
    check_size("reversal", n=n, length=length)
    random = seeded_generator("reversal", seed)
    x = torch.randint(int(symbols), (int(n), int(length)), generator=random, device="cpu")
    return Reversal(on_device(x, device), on_device(x.flip(1), device))
