"""The device a lesson uses, and the seed of its random numbers."""

import os
import random

import numpy as np
import torch

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message


def device() -> torch.device:
    """Return the device for a lesson's tensors: ``DLVIZ_DEVICE`` if set, else a CUDA GPU, else the CPU.

    ``DLVIZ_DEVICE`` takes "cpu", "cuda", "cuda:1", "mps" and the like. A device that this machine lacks raises a
    ``ValueError`` that lists the available ones.

    >>> import dlviz, torch
    >>> x = torch.zeros(2, 3, device=dlviz.device())
    """
    requested = os.environ.get("DLVIZ_DEVICE", "").strip()
    if not requested:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if requested not in _available():
        raise DlvizError(message("runtime.device", value=requested, available=", ".join(_available())))
    return torch.device(requested)


def _available() -> list[str]:
    """Return the name of every device that tensors can be put on."""
    gpus = ["cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))] if torch.cuda.is_available() else []
    return ["cpu", *gpus, *(["mps"] if torch.backends.mps.is_available() else [])]


def seed(n: int = 0) -> None:
    """Seed every random number generator with ``n``: Python's, NumPy's global one, and torch's on every device.

    torch is seeded with ``torch.manual_seed(n)``, so the same numbers come without dlviz.
    Nothing is returned: as the last line of a cell, a generator would print its address.

    >>> import dlviz, torch
    >>> dlviz.seed(0); a = torch.rand(3)
    >>> dlviz.seed(0); bool((torch.rand(3) == a).all())
    True
    """
    if isinstance(n, bool) or not isinstance(n, int):
        raise DlvizError(message("runtime.seed", value=repr(n), kind=type(n).__name__))
    if not -(2**63) <= n < 2**64:  # torch's own bounds
        raise DlvizError(message("runtime.seed_range", value=n))
    random.seed(n)
    np.random.seed(n % 2**32)  # NumPy's legacy generator takes 32 bits
    torch.manual_seed(n)
