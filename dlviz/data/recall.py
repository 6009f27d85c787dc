"""The recall task: a sequence begins with a symbol, followed by zeros, and the symbol must be named at the end."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from dlviz.data.validation import check_size, loader, noise_std, on_device, seeded_generator
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_integer


@dataclass(frozen=True, eq=False, repr=False)
class Recall:
    """Sequences and the symbol that each begins with; unpacks as ``x, y``.

    ``x`` (N, T, S) float32: the symbol as a one-hot row at place 0, and nothing but zeros, or noise, after it; ``y`` (N,) int64.
    """

    x: Tensor
    y: Tensor

    def __iter__(self) -> Iterator[Tensor]:
        return iter((self.x, self.y))

    def __repr__(self) -> str:
        """Return the shapes only, because values may be on a GPU."""
        return message("data.recall.shown", x=tuple(self.x.shape), y=tuple(self.y.shape))


@loader
def recall(
    n: int,
    *,
    steps: int = 20,
    symbols: int = 8,
    noise: float = 0.0,
    seed: int = 0,
    device: torch.device | str | None = None,
) -> Recall:
    """Draw ``n`` sequences whose first symbol must be named ``steps`` later: ``x`` (n, 1 + steps, symbols), ``y`` (n,).

    Place 0 holds one of ``symbols`` symbols, each with equal chance, one-hot. At the ``steps`` places after it there is nothing:
    zeros. ``noise`` is the standard deviation of what is then added to every number. Whoever forgets guesses, and is right once
    in ``symbols`` times.

    The same ``seed`` gives the same sequences, and with other ``noise`` the same symbols; another seed gives new ones, to test
    on. Your own seeds are left alone. An argument that does not fit raises a ``ValueError``.

    Source: tasks with a long time lag, as in S. Hochreiter and J. Schmidhuber, Long Short-Term Memory, Neural Computation 9(8),
    1997, https://doi.org/10.1162/neco.1997.9.8.1735.

    >>> from dlviz.data import recall
    >>> x, y = recall(100, steps=5, symbols=3)
    >>> x.shape, torch.equal(x[:, 0].argmax(dim=1), y), x[:, 1:].any().item()
    (torch.Size([100, 6, 3]), True, False)
    """
    if not is_integer(n) or n < 1:
        raise DlvizError(message("data.generated.samples", call="recall", value=repr(n)))
    if not is_integer(steps) or steps < 1:
        raise DlvizError(message("data.generated.steps", call="recall", value=repr(steps)))
    if not is_integer(symbols) or symbols < 2:
        raise DlvizError(message("data.recall.symbols", value=repr(symbols)))
    check_size("recall", n=n, steps=steps, symbols=symbols)
    deviation, random = noise_std("recall", noise), seeded_generator("recall", seed)
    y = torch.randint(symbols, (n,), generator=random, device="cpu")
    x = deviation * torch.randn(n, 1 + steps, symbols, generator=random, dtype=torch.float64, device="cpu")
    x[:, 0] += F.one_hot(y, symbols)
    return Recall(on_device(x, device), on_device(y, device))
