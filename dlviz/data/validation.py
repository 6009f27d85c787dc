"""Argument checks and seeded random numbers for the generated data sets."""

from numbers import Real
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_integer

_LARGEST = torch.finfo(torch.float32).max


def is_finite(value: Any) -> bool:
    """Return whether `value` is a finite number within float32's range."""
    number = isinstance(value, Real) and not isinstance(value, bool)
    return number and -_LARGEST <= value <= _LARGEST


def noise_std(call: str, noise: Any) -> float:
    """Return the standard deviation of the noise as a float.

    Raises:
        DlvizError: `noise` is not a finite number of at least 0.
    """
    if not is_finite(noise) or noise < 0:
        raise DlvizError(message("data.generated.noise", call=call, value=repr(noise)))
    return float(noise)


def seeded_generator(call: str, seed: Any) -> torch.Generator:
    """Return a generator seeded with `seed`; torch's global generator is not used.

    It is always on the CPU, so that every machine draws the same numbers.

    Raises:
        DlvizError: ``torch.manual_seed`` does not accept the seed.
    """
    if not is_integer(seed) or not -(2**63) <= seed < 2**64:  # torch's own bounds
        raise DlvizError(message("data.generated.seed", call=call, value=repr(seed)))
    return torch.Generator("cpu").manual_seed(int(seed))


def on_device(values: Tensor, device: torch.device | str | None) -> Tensor:
    """Return `values` in float32, or in their integer dtype, on `device` or torch's default device."""
    wanted = torch.float32 if values.is_floating_point() else values.dtype
    return torch.tensor(values.numpy(), dtype=wanted, device=device)
