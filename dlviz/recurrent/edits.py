"""Edits of the drawn copy of a recurrent module: gates held at 0, other initial states, another forget bias."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.recurrent.layer_trace import GATES
from dlviz.recurrent.module_call import Sizes
from dlviz.torchkit.array_data import as_tensor, is_wrapper


@dataclass(frozen=True)
class Edits:
    """What differs from the module. Layers are indices into torch's ``h_n``: layer · num_directions + direction.

    Attributes:
        zeroed: layer, gate and unit to hold at 0; unit −1 is every unit.
        initial_state: the state before the first step, by "h" or "c", layer and unit.
        forget_bias: added to the bias of every forget gate of an LSTM.
    """

    zeroed: frozenset[tuple[int, str, int]] = frozenset()
    initial_state: Mapping[tuple[str, int, int], float] = field(default_factory=dict)
    forget_bias: float = 0.0

    @property
    def changes_module(self) -> bool:
        """Whether the module itself, called with other initial states, would return something else."""
        return bool(self.zeroed) or self.forget_bias != 0


def edits_of(zeroed: Sequence[Sequence[Any]], initial_state: Sequence[Sequence[Any]], forget_bias: float) -> Edits:
    """Return the edits that the widget's traits describe.

    Example:
        >>> edits_of([[0, "f", -1]], [["h", 0, 3, 0.5]], 0.0).initial_state
        {('h', 0, 3): 0.5}
    """
    return Edits(
        frozenset((int(layer), str(gate), int(unit)) for layer, gate, unit in zeroed),
        {(name, layer, unit): value for name, layer, unit, value in initial_state},
        forget_bias,
    )


def check_zeroed(entries: Sequence[Any], kind: str, sizes: Sizes) -> list[list[Any]]:
    """Return the entries of ``zeroed`` if each is [layer, gate, unit].

    Raises:
        DlvizError: an entry is not.
    """
    gates = GATES[kind] if kind != "RNN" else ()
    for entry in entries:
        known = len(entry) == 3 and entry[1] in gates and entry[0] in range(sizes.count)
        if not known or entry[2] not in range(-1, sizes.hidden):
            names = ", ".join(gates) or message("recurrent.none")
            raise DlvizError(message("recurrent.refused.zeroed", kind=kind, names=names, got=entry))
    return [list(entry) for entry in entries]


def check_initial_state(entries: Sequence[Any], kind: str, sizes: Sizes) -> list[list[Any]]:
    """Return the entries of ``initial_state`` if each is [name, layer, unit, value] with a finite value.

    Raises:
        DlvizError: an entry is not.
    """
    names = ("h", "c") if kind == "LSTM" else ("h",)
    for entry in entries:
        known = len(entry) == 4 and entry[0] in names and entry[1] in range(sizes.count)
        finite = known and isinstance(entry[3], (int, float)) and math.isfinite(entry[3])
        if not finite or entry[2] not in range(sizes.of(entry[0])):
            values = {"kind": kind, "names": ", ".join(names), "got": entry}
            raise DlvizError(message("recurrent.refused.initial_state", **values))
    return [list(entry) for entry in entries]


def with_initial_state(
    entries: Sequence[list[Any]], name: str, layer: int, unit: int | None, value: float | Tensor, size: int
) -> list[list[Any]]:
    """Return the entries of ``initial_state`` with other values for one state.

    Args:
        entries: the entries so far.
        name, layer: the state: "h" or "c" of a layer.
        unit: the unit that `value` is for; every unit if ``None``.
        value: one number, or one for every unit, (size,).
        size: number of units of the state.

    Raises:
        DlvizError: `value` has another shape.
    """
    is_number = isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**63)
    found = torch.tensor(value) if is_number else as_tensor(value)
    if (
        found is None
        or found.is_meta
        or found.is_complex()
        or found.is_quantized
        or is_wrapper(found)
        or (unit is not None and found.dim())
    ):
        raise DlvizError(message("recurrent.refused.initial_value", name=name, got=type(value).__name__))
    if unit is not None:
        values = {unit: float(found)}
    else:
        given = found.detach().to("cpu", torch.float64)
        if given.dim() and tuple(given.shape) != (size,):
            raise DlvizError(
                message("recurrent.refused.initial_state_shape", name=name, count=size, got=tuple(given.shape))
            )
        values = dict(enumerate(given.expand(size).tolist()))
    others = [entry for entry in entries if entry[:2] != [name, layer] or entry[2] not in values]
    return [*others, *([name, layer, u, v] for u, v in values.items())]
