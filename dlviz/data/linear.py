"""A generated linear regression with known weights: y = x · weight + bias + noise."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dlviz.data.validation import check_size, is_finite, loader, noise_std, on_device, seeded_generator
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_integer

#: Features run from -3 to 3, so their mean square is 3: a squared error curves three times as much along a weight as along the
#: bias, and its contours are ellipses.
_REACH = 3.0


@dataclass(frozen=True, eq=False, repr=False)
class Regression:
    """Features, targets and the parameters that generated them; unpacks as ``x, y``.

    ``x`` (N, F) float32 and ``y`` (N, 1) float32: a column, because (N,) against a model's (N, 1) would broadcast to (N, N)
    without an error. ``weight`` (1, F) and ``bias`` (1,) float32 have the shapes of ``torch.nn.Linear(F, 1)``; ``noise`` is the
    standard deviation of what was added to y, so that ``noise ** 2`` is the mean squared error of the truth itself.
    """

    x: Tensor
    y: Tensor
    weight: Tensor
    bias: Tensor
    noise: float

    def __iter__(self) -> Iterator[Tensor]:
        return iter((self.x, self.y))

    def __repr__(self) -> str:
        """Return the shapes only, because values may be on a GPU."""
        names = ("x", "y", "weight", "bias")
        return message("data.linear.shown", **{name: tuple(getattr(self, name).shape) for name in names})


@loader
def linear(
    n: int,
    *,
    weight: float | Sequence[float] | Tensor = 2.0,
    bias: float = 1.0,
    noise: float = 0.5,
    seed: int = 0,
    device: torch.device | str | None = None,
) -> Regression:
    """Draw ``n`` samples of y = x · weight + bias + noise: ``x`` (n, F) and ``y`` (n, 1), both float32.

    One number for ``weight`` makes one feature (F = 1): points about a line. A list of F numbers makes F features. Each feature
    lies anywhere from -3 to 3 with equal chance; the noise is normal, with ``noise`` its standard deviation.

    The same ``seed`` gives the same samples, and with other ``weight``, ``bias`` or ``noise`` the same ``x``; another seed gives
    new ones, to test on. Your own seeds are left alone. An argument that does not fit raises a ``ValueError``.

    Source: the model of https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html.

    >>> from dlviz.data import linear
    >>> x, y = linear(100)
    >>> x.shape, y.shape
    (torch.Size([100, 1]), torch.Size([100, 1]))
    >>> data = linear(100, weight=[2.0, -1.0, 0.5], noise=0)
    >>> torch.allclose(data.y, torch.nn.functional.linear(data.x, data.weight, data.bias))
    True
    """
    if not is_integer(n) or n < 1:
        raise DlvizError(message("data.generated.samples", call="linear", value=repr(n)))
    if not is_finite(bias):
        raise DlvizError(message("data.linear.bias", value=repr(bias)))
    deviation, random = noise_std("linear", noise), seeded_generator("linear", seed)
    # Rounded to float32 before the product, so that y follows exactly from the returned x.
    slope = _row(weight)
    offset = torch.tensor([float(bias)], dtype=torch.float32, device="cpu")
    check_size("linear", n=n, features=slope.shape[1])
    x = torch.rand(n, slope.shape[1], generator=random, dtype=torch.float64, device="cpu")
    x = ((2 * x - 1) * _REACH).float()
    scatter = torch.randn(n, 1, generator=random, dtype=torch.float64, device="cpu")
    y = x.double() @ slope.double().T + offset.double() + deviation * scatter
    return Regression(
        on_device(x, device),
        on_device(y, device),
        on_device(slope, device),
        on_device(offset, device),
        deviation,
    )


def _row(weight: Any) -> Tensor:
    """Return the weights as (1, F) float32 on the CPU."""
    try:
        row = torch.as_tensor(weight, device="cpu").detach()
    except (TypeError, ValueError, RuntimeError, OverflowError):  # whatever torch says of what is no row of numbers
        raise DlvizError(message("data.linear.weight", value=repr(weight))) from None
    real = row.dtype != torch.bool and not row.is_complex()
    if not real or row.ndim > 1 or row.numel() == 0 or not row.float().isfinite().all():
        raise DlvizError(message("data.linear.weight", value=repr(weight)))
    return row.float().reshape(1, -1)
