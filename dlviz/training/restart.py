"""Beginning a run again: what it was trained from is put back, and chance starts where it started."""

import copy
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.torchkit.runtime import seed as set_seed
from dlviz.training.record import History


@dataclass(frozen=True, eq=False)
class Past:
    """A run as it was before it was begun again.

    Attributes:
        name: what it is called, with its number: "run 1".
        settings: every knob's value at its end.
        history: what it logged.
    """

    name: str
    settings: dict[str, Any]
    history: History


class Beginning:
    """States of modules, optimizers, schedulers and generators, as they are when this is made.

    Args:
        things: whatever has ``state_dict`` and ``load_state_dict``, or is a ``torch.Generator``.
        seed: starts Python's, NumPy's and torch's random numbers, now and at every :meth:`restore`; ``None`` keeps them where they stand.

    Raises:
        DlvizError: one of `things` can neither tell its state nor take it back.
    """

    def __init__(self, things: Sequence[Any], seed: int | None) -> None:
        for place, thing in enumerate(things):
            known = hasattr(thing, "state_dict") and hasattr(thing, "load_state_dict")
            if not known and not isinstance(thing, torch.Generator):
                raise DlvizError(message("training.refused.thing", place=place, got=type(thing).__name__))
        if seed is not None:
            set_seed(seed)
        self._seed = seed
        self._things = list(things)
        self._states = [_state(thing) for thing in things]
        self._chance = _chance() if seed is None else None

    def restore(self) -> None:
        """Put every state back, in place, and chance to where it stood."""
        for thing, state in zip(self._things, self._states, strict=True):
            if isinstance(thing, torch.Generator):
                thing.set_state(state)
            else:
                thing.load_state_dict(copy.deepcopy(state))
        if self._seed is not None:
            set_seed(self._seed)
        else:
            _put(self._chance)


def _state(thing: Any) -> Any:
    return thing.get_state() if isinstance(thing, torch.Generator) else copy.deepcopy(thing.state_dict())


def _chance() -> tuple[Any, ...]:
    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return random.getstate(), np.random.get_state(), torch.get_rng_state(), gpus


def _put(chance: Any) -> None:
    python, numpy, cpu, gpus = chance
    random.setstate(python)
    np.random.set_state(numpy)
    torch.set_rng_state(cpu)
    if gpus:
        torch.cuda.set_rng_state_all(gpus)
