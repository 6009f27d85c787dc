"""What the generators of data take: each argument is checked, and randomness comes from a stream of its own."""

from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message

_LARGEST = torch.finfo(torch.float32).max


def whole(value: Any) -> bool:
    """Whether it is a whole number, Python's or NumPy's; ``True`` is none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def finite(value: Any) -> bool:
    """Whether it is a number that float32 can hold: neither nan nor infinite."""
    number = isinstance(value, Real) and not isinstance(value, bool)
    return number and -_LARGEST <= value <= _LARGEST


def spread(call: str, noise: Any) -> float:
    """The standard deviation of the noise.

    Raises:
        DlvizError: it is no number, or below 0.
    """
    if not finite(noise) or noise < 0:
        raise DlvizError(message("data.generated.noise", call=call, value=repr(noise)))
    return float(noise)


def stream(call: str, seed: Any) -> torch.Generator:
    """Random numbers that begin at `seed` and leave torch's own stream alone.

    It lies on the CPU whatever the device, so that every machine draws the same numbers.

    Raises:
        DlvizError: ``torch.manual_seed`` would not take the seed.
    """
    if not whole(seed) or not -(2**63) <= seed < 2**64:  # torch's own bounds
        raise DlvizError(message("data.generated.seed", call=call, value=repr(seed)))
    return torch.Generator("cpu").manual_seed(int(seed))


def given(values: Tensor, device: torch.device | str | None) -> Tensor:
    """The values in float32, or as the whole numbers they are, on `device` or else on torch's default device."""
    wanted = torch.float32 if values.is_floating_point() else values.dtype
    return torch.tensor(values.numpy(), dtype=wanted, device=device)
