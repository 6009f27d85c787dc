"""Windows of noisy sine waves with different periods, and the next value of each."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from dlviz.data.validation import check_size, loader, noise_std, on_device, seeded_generator
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_integer

#: Periods in steps; a few steps are not enough to tell them apart.
_PERIODS = (8.0, 24.0)


@dataclass(frozen=True, eq=False, repr=False)
class Waves:
    """Windows of a series and the next value of each; unpacks as ``x, y``.

    ``x`` (N, T, 1) float32 and ``y`` (N, 1) float32; ``periods`` (N,) float32, in steps, is what a network has to find out.
    """

    x: Tensor
    y: Tensor
    periods: Tensor

    def __iter__(self) -> Iterator[Tensor]:
        return iter((self.x, self.y))

    def __repr__(self) -> str:
        """Return the shapes only, because values may be on a GPU."""
        return message("data.waves.shown", x=tuple(self.x.shape), y=tuple(self.y.shape))


@loader
def waves(
    n: int, *, steps: int = 40, noise: float = 0.1, seed: int = 0, device: torch.device | str | None = None
) -> Waves:
    """Draw ``n`` windows of sine waves and the value after each: ``x`` (n, steps, 1) and ``y`` (n, 1).

    Every wave has a height of 1, a period anywhere from 8 to 24 steps and begins anywhere. ``noise`` is the standard deviation of
    what is added to each value of ``x``. ``y`` has none, so a model that averages the noise away can come near to an error of 0;
    the value before it, repeated, is off by far.

    The same ``seed`` gives the same windows, and less ``noise`` brings the same windows nearer to their waves; another seed gives
    new ones, to test on. Your own seeds are left alone. An argument that does not fit raises a ``ValueError``.

    >>> from dlviz.data import waves
    >>> x, y = waves(100)
    >>> x.shape, y.shape
    (torch.Size([100, 40, 1]), torch.Size([100, 1]))
    >>> waves(8, steps=10, noise=0).x.abs().max() <= 1
    tensor(True)
    """
    if not is_integer(n) or n < 1:
        raise DlvizError(message("data.generated.samples", call="waves", value=repr(n)))
    if not is_integer(steps) or steps < 1:
        raise DlvizError(message("data.generated.steps", call="waves", value=repr(steps)))
    check_size("waves", n=n, steps=steps)
    deviation, random = noise_std("waves", noise), seeded_generator("waves", seed)
    low, high = _PERIODS
    uniform = torch.rand(n, 2, generator=random, dtype=torch.float64, device="cpu")
    periods = low + (high - low) * uniform[:, :1]
    turns = torch.arange(steps + 1, dtype=torch.float64, device="cpu") / periods + uniform[:, 1:]
    values = (2 * math.pi * turns).sin()
    scatter = torch.randn(n, steps, generator=random, dtype=torch.float64, device="cpu")
    x = values[:, :steps] + deviation * scatter
    return Waves(
        on_device(x[:, :, None], device),
        on_device(values[:, steps:], device),
        on_device(periods[:, 0], device),
    )
