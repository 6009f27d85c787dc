"""Restart of a run: states of modules, optimizers and random number generators, saved at its start and restored."""

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
class PastRun:
    """A run as it was before a restart.

    Attributes:
        name: its number, as text.
        settings: every hyperparameter's value at its end.
        history: what it logged.
    """

    name: str
    settings: dict[str, Any]
    history: History


class InitialState:
    """States of modules, optimizers, schedulers and generators at the time of the call.

    Args:
        objects: objects with ``state_dict`` and ``load_state_dict``, or ``torch.Generator`` objects.
        seed: seeds Python's, NumPy's and torch's random numbers, now and at every :meth:`restore`; ``None`` saves their current states.

    Raises:
        DlvizError: one of `objects` has no state that can be saved and restored.
    """

    def __init__(self, objects: Sequence[Any], seed: int | None) -> None:
        for index, item in enumerate(objects):
            has_state = hasattr(item, "state_dict") and hasattr(item, "load_state_dict")
            if not has_state and not isinstance(item, torch.Generator):
                raise DlvizError(message("training.refused.stateless", index=index, got=type(item).__name__))
        if seed is not None:
            set_seed(seed)
        self._seed = seed
        self._states = [(item, _state(item)) for item in objects]
        self._rng_state = _rng_state() if seed is None else None

    def restore(self) -> None:
        """Restore every state in place, and the random number generators."""
        for item, state in self._states:
            if isinstance(item, torch.Generator):
                item.set_state(state)
            else:
                item.load_state_dict(copy.deepcopy(state))
        if self._seed is not None:
            set_seed(self._seed)
        else:
            _set_rng_state(self._rng_state)


def _state(item: Any) -> Any:
    return item.get_state() if isinstance(item, torch.Generator) else copy.deepcopy(item.state_dict())


def _rng_state() -> tuple[Any, ...]:
    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return random.getstate(), np.random.get_state(), torch.get_rng_state(), gpus


def _set_rng_state(state: Any) -> None:
    python, numpy, cpu, gpus = state
    random.setstate(python)
    np.random.set_state(numpy)
    torch.set_rng_state(cpu)
    if gpus:
        torch.cuda.set_rng_state_all(gpus)
