"""The forward passes behind the picture: the model as it is, without occlusion, and the one it is compared with."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_integer
from dlviz.network.receptive_field import ReceptiveField, first_tensor, receptive_field, replace_first_tensor
from dlviz.network.record import Network, record, version
from dlviz.torchkit.model_copies import GeneratorStates
from dlviz.torchkit.modules import parameters

#: ((top, bottom), (left, right)), both ends included.
Box = tuple[tuple[int, int], tuple[int, int]]
#: (model, args, kwargs, state_dict): what a forward pass is made with.
Call = tuple[nn.Module, Sequence[Any], Mapping[str, Any], Mapping[str, Tensor] | None]


class ForwardRuns:
    """A model with its arguments, and the forward passes that were recorded last.

    Args:
        model: any module.
        args, kwargs: the model's arguments.
        against: what to compare with: another input, another module, a ``state_dict()``, or ``None``.

    Attributes:
        model: the module.
        this: the forward pass of the model.
        against: the forward pass it is compared with, ``None`` without one.
        unoccluded: the forward pass on the image as given, ``None`` if nothing is occluded.
    """

    this: Network

    def __init__(self, model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], against: Any) -> None:
        self.model = model
        self.against: Network | None = None
        self.unoccluded: Network | None = None
        self._args, self._kwargs, self._other = list(args), dict(kwargs), against
        self._rng_state = GeneratorStates.now()

    def run(self, sample: int, occluded: Sequence[Sequence[int]], fill: float) -> None:
        """Record all forward passes.

        Args:
            sample: the index of the recorded sample in the batch.
            occluded: patches of its image, (row, column, height, width) each.
            fill: the value of occluded pixels.

        Raises:
            DlvizError: the two compared passes do not run the same calls.
        """
        self._inputs = self._occlude(sample, occluded, fill)
        self.this = self._record(self._call("this"), sample)
        self.unoccluded = self._record((self.model, self._args, self._kwargs, None), sample) if occluded else None
        self.against = None
        # After the run: a pass that wrote into the parameters all the same would be stale for ever.
        self._versions = _parameter_versions(self.model)
        if self._other is None:
            return
        other = self._record(self._call("against"), sample)
        if [column.name for column in other.columns] != [column.name for column in self.this.columns]:
            counts = {"this": len(self.this.columns) - 1, "other": len(other.columns) - 1}
            raise DlvizError(message("network.refused.against", **counts))
        self.against = other

    def network(self, shown_run: str) -> Network:
        """Return the pass to draw: "this", "against", or for their "difference" this one."""
        return self.against if shown_run == "against" and self.against is not None else self.this

    def outputs(self, shown_run: str) -> list[Tensor]:
        """Return the first output of every column to draw: of one pass, or the difference of the two."""
        if shown_run != "difference" or self.against is None:
            return [column.output for column in self.network(shown_run).columns]
        pairs = zip(self.this.columns, self.against.columns, strict=True)
        return [_difference(a.output, b.output) for a, b in pairs]

    def state_dict(self, shown_run: str) -> Mapping[str, Tensor] | None:
        """Return the parameters that a pass used instead of the model's own."""
        return self._other if shown_run == "against" and isinstance(self._other, Mapping) else None

    def receptive_field(self, shown_run: str, column: int, index: tuple[int, ...]) -> ReceptiveField:
        """Compute the receptive field of one element of a pass."""
        model, args, kwargs, state_dict = self._call(shown_run)
        network, rng_state = self.network(shown_run), self._rng_state
        return receptive_field(model, network, args, kwargs, column, index, state_dict=state_dict, rng_state=rng_state)

    def batch_size(self) -> int:
        """Return the number of samples."""
        return first_tensor(self._args, self._kwargs).shape[0] if self.this.columns[0].batched[0] else 1

    def is_stale(self) -> bool:
        """Whether a parameter has been written to or replaced since the last run."""
        return _parameter_versions(self.model) != self._versions

    def _call(self, shown_run: str) -> Call:
        if shown_run != "against":
            return (self.model, *self._inputs, None)
        if isinstance(self._other, nn.Module):
            return (self._other, *self._inputs, None)
        if isinstance(self._other, Mapping):
            return (self.model, *self._inputs, self._other)
        return self.model, [self._other, *self._args[1:]], self._kwargs, None

    def _record(self, call: Call, sample: int) -> Network:
        model, args, kwargs, state_dict = call
        return record(model, args, kwargs, sample=sample, state_dict=state_dict, rng_state=self._rng_state)

    def _occlude(
        self, sample: int, occluded: Sequence[Sequence[int]], fill: float
    ) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """Return the model's arguments with the patches of the sample's image filled."""
        if not occluded:
            return self._args, self._kwargs
        x = first_tensor(self._args, self._kwargs).detach().clone()
        image = x[sample] if x.dim() == 4 else x
        for top, left, height, width in occluded:
            image[..., top : top + height, left : left + width] = fill
        return replace_first_tensor(self._args, self._kwargs, x)


def occluded_patches(where: Tensor | Box, sizes: tuple[int, ...]) -> list[list[int]]:
    """Return the patches (row, column, height, width) that a box or a boolean mask covers; of a mask every run of ``True`` in a row.

    Args:
        where: a mask (H, W), or ((top, bottom), (left, right)), both ends included.
        sizes: height and width of the image.

    Raises:
        DlvizError: the mask has another shape or dtype, or the box is not inside the image.

    Example:
        >>> occluded_patches(torch.tensor([[False, True, True], [True, False, True]]), (2, 3))
        [[0, 1, 1, 2], [1, 0, 1, 1], [1, 2, 1, 1]]
        >>> occluded_patches(((0, 1), (2, 2)), (2, 3))
        [[0, 2, 2, 1]]
    """
    if isinstance(where, Tensor):
        if tuple(where.shape) != sizes or where.dtype is not torch.bool:
            shape = tuple(where.shape)
            raise DlvizError(message("network.refused.mask", shape=sizes, got=shape, dtype=where.dtype))
        patches = []
        for row, values in enumerate(where.tolist()):
            column = 0
            for is_occluded, group in groupby(values):
                width = len(list(group))
                if is_occluded:
                    patches.append([row, column, 1, width])
                column += width
        return patches
    try:
        (top, bottom), (left, right) = where
    except (TypeError, ValueError):
        raise DlvizError(message("network.refused.box", shape=sizes, got=where)) from None
    if not all(map(is_integer, (top, bottom, left, right))) or not (
        0 <= top <= bottom < sizes[0] and 0 <= left <= right < sizes[1]
    ):
        raise DlvizError(message("network.refused.box", shape=sizes, got=where))
    return [[top, left, bottom - top + 1, right - left + 1]]


def _difference(a: Tensor, b: Tensor) -> Tensor:
    """Return a − b; zeros if the two cannot be subtracted."""
    if a.shape != b.shape or a.dtype is torch.bool:
        return torch.zeros_like(a, dtype=torch.float32)
    return a - b


def _parameter_versions(model: nn.Module) -> list[tuple[int, int]]:
    """Return a list that changes whenever a parameter is written to or replaced."""
    return [(id(p), version(p)) for p in parameters(model)]
