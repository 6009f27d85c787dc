"""Snapshots of a model during training, kept so that the training can be scrubbed backwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dlviz.kit.messages import message
from dlviz.kit.snapshots import thin
from dlviz.torchkit.modules import named_buffers, named_parameters

#: Snapshots that are kept at most; labeled ones are dropped last.
MAX_SNAPSHOTS = 120
#: Bytes that all snapshots may take together, which keeps fewer of a large model.
MAX_BYTES = 128_000_000


@dataclass(frozen=True, eq=False)
class ModelSnapshot:
    """State of a model at one moment of its training.

    Attributes:
        index: its number, counted from the first snapshot.
        label: its label, "" for none.
        state: copies of parameters and buffers.
        measures: what was measured at that moment, such as the loss; ``None`` where nothing could be.
    """

    index: int
    label: str
    state: Mapping[str, Tensor]
    measures: Mapping[str, float | None]

    @property
    def title(self) -> str:
        """The label, or "snapshot 3" without one."""
        return self.label or message("model_snapshots.title", index=self.index)


class SnapshotHistory:
    """Snapshots of a training, the oldest first; the last one is the model as it was drawn."""

    def __init__(self) -> None:
        self._snapshots: list[ModelSnapshot] = []
        self._count = 0
        self._versions: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return len(self._snapshots)

    @property
    def last(self) -> int:
        """Index of the last snapshot."""
        return len(self) - 1

    @property
    def titles(self) -> list[str]:
        """Title of every snapshot."""
        return [snapshot.title for snapshot in self._snapshots]

    def has_changed(self, model: nn.Module) -> bool:
        """Return whether a parameter or buffer was written to or replaced since the last snapshot.

        Example:
            >>> import torch
            >>> model, history = nn.Linear(2, 1), SnapshotHistory()
            >>> history.add(model, "", {})
            >>> before = history.has_changed(model)
            >>> model.weight.data.clamp_(-0.01, 0.01).shape, before, history.has_changed(model)
            (torch.Size([1, 2]), False, True)
        """
        if _versions(model) != self._versions:
            return True
        # torch counts no version for what is written through `.data`, as when a critic's weights are clipped.
        last = self._snapshots[-1].state if self._snapshots else {}
        return any(not _is_same(t, last[name]) for name, t in _named_tensors(model) if name in last)

    def add(self, model: nn.Module, label: str, measures: Mapping[str, float | None], other_bytes: int = 0) -> None:
        """Append a snapshot of `model`, and drop others if there are too many.

        Args:
            model: the model in its present state.
            label: label of the snapshot, "" for none.
            measures: what was measured, under the same names each time.
            other_bytes: what the state takes beside its tensors.
        """
        state = {name: tensor.detach().clone() for name, tensor in _named_tensors(model)}
        snapshot = ModelSnapshot(self._count, label, state, dict(measures))
        self._versions = _versions(model)
        self._count += 1
        snapshots = [*self._snapshots, snapshot]
        self._snapshots = thin(snapshots, capacity(state, other_bytes), pinned=lambda snapshot: bool(snapshot.label))

    def replace_measures(self, step: int, measures: Mapping[str, float | None]) -> None:
        """Replace some measures of the snapshot at `step`, because what they were measured against has changed."""
        snapshot = self._snapshots[step]
        self._snapshots[step] = replace(snapshot, measures={**snapshot.measures, **measures})

    def state(self, step: int) -> Mapping[str, Tensor]:
        """Return parameters and buffers of the snapshot at `step`, or of the last one beyond the end."""
        return self._snapshots[min(step, self.last)].state

    @property
    def states(self) -> list[Mapping[str, Tensor]]:
        """Parameters and buffers of every snapshot."""
        return [snapshot.state for snapshot in self._snapshots]

    def series(self, steps: Sequence[int]) -> dict[str, Any]:
        """Return labels and measures of some snapshots, as a view reads them."""
        snapshots = [self._snapshots[step] for step in steps]
        names = self._snapshots[-1].measures if self._snapshots else ()
        return {
            "labels": [snapshot.title for snapshot in snapshots],
            # None becomes NaN.
            **{name: np.array([snapshot.measures.get(name) for snapshot in snapshots], dtype=float) for name in names},
        }


def capacity(state: Mapping[str, Tensor], other_bytes: int = 0) -> int:
    """Return how many states of this size are kept.

    Example:
        >>> import torch
        >>> capacity({"weight": torch.zeros(16, 2)}), capacity({"weight": torch.zeros(1000, 1000)})
        (120, 32)
    """
    size = other_bytes + sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    return max(2, min(MAX_SNAPSHOTS, MAX_BYTES // max(1, size)))


def _named_tensors(model: nn.Module) -> list[tuple[str, Tensor]]:
    return [*named_parameters(model), *named_buffers(model)]


def _versions(model: nn.Module) -> list[tuple[int, int]]:
    """Return identity and version of every tensor. (Inference tensors have no version counter.)"""
    return [(id(t), 0 if t.is_inference() else t._version) for _, t in _named_tensors(model)]


def _is_same(tensor: Tensor, other: Tensor) -> bool:
    """Return whether two tensors hold the same numbers, NaN where the other has NaN."""
    if (tensor.shape, tensor.dtype, tensor.device) != (other.shape, other.dtype, other.device):
        return False
    with torch.no_grad():
        try:
            return torch.equal(tensor, other) or bool(((tensor == other) | (tensor != tensor) & (other != other)).all())
        except (RuntimeError, NotImplementedError):  # a kind that torch does not compare
            return True
