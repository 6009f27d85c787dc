"""Argument checks of the data sets, and seeded random numbers for the generated ones."""

import inspect
import math
from collections.abc import Callable
from functools import wraps
from numbers import Real
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

from dlviz.kit.arguments import suggests_names
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_integer

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_LARGEST = torch.finfo(torch.float32).max
#: A generated data set has at most so many numbers, 8 GB while they are drawn.
_MOST_NUMBERS = 10**9


def loader(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Decorate a function that loads data: a `device` that this machine lacks and a misspelled argument are named in the error."""
    signature = inspect.signature(function)

    @wraps(function)
    def load(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        device = signature.bind_partial(*args, **kwargs).arguments.get("device")
        if device is not None:
            try:
                torch.empty(0, device=device)
            except (TypeError, ValueError, RuntimeError, AssertionError) as error:  # whatever torch says of it
                said = str(error).partition("\n")[0]
                call = function.__name__
                raise DlvizError(message("data.device", call=call, value=repr(device), error=said)) from None
        return function(*args, **kwargs)

    return suggests_names(load)


def is_one_of(value: Any, names: tuple[str, ...]) -> bool:
    """Return whether `value` is one of these strings; an array, which compares by element, is not."""
    return isinstance(value, str) and value in names


def check_size(call: str, **sizes: Any) -> None:
    """Check that a generated data set of these sizes, which are multiplied, fits in memory.

    Raises:
        DlvizError: it has more than 10⁹ numbers.
    """
    if math.prod(int(size) for size in sizes.values()) > _MOST_NUMBERS:
        given = ", ".join(f"{name}={size}" for name, size in sizes.items())
        raise DlvizError(message("data.generated.large", call=call, sizes=given, most=f"{_MOST_NUMBERS:,}"))


def is_finite(value: Any) -> bool:
    """Return whether `value` is a finite number within float32's range."""
    number = isinstance(value, Real) and not isinstance(value, bool)
    return number and -_LARGEST <= value <= _LARGEST


def noise_std(call: str, noise: Any, name: str = "noise") -> float:
    """Return the standard deviation of the noise, the argument `name`, as a float.

    Raises:
        DlvizError: it is not a finite number of at least 0.
    """
    if not is_finite(noise) or noise < 0:
        raise DlvizError(message("data.generated.noise", call=call, name=name, value=repr(noise)))
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
