"""What the kernel of a lesson under test does beside the lesson's own cells: answers and checks that leave no trace in them."""

import os
import random
from typing import Any

import numpy as np
import torch

_drawn: tuple[Any, Any, torch.Tensor]


def begin() -> None:
    """From now on a wrong answer raises, and random numbers are drawn that the lesson draws again after `end`."""
    global _drawn
    os.environ["DLVIZ_STRICT"] = "1"
    _drawn = random.getstate(), np.random.get_state(), torch.get_rng_state()


def end() -> None:
    """Go on with the lesson."""
    del os.environ["DLVIZ_STRICT"]
    python, numpy, of_torch = _drawn
    random.setstate(python)
    np.random.set_state(numpy)
    torch.set_rng_state(of_torch)
