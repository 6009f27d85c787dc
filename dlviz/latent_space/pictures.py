"""How examples are drawn: the numbers that a view gets, and the range of their colors or axes."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dlviz.kit.snapshots import evenly_spaced
from dlviz.latent_space.examples import Examples

Array = np.ndarray[Any, np.dtype[np.float32]]

#: Pixels along a side of a picture, and of a small one; larger images are shrunk by averaging areas.
MAX_SIDE, SMALL_SIDE = 56, 28
#: Values of a series that are drawn; longer ones are shrunk by averaging.
MAX_LENGTH = 256
#: The range is that of so many examples.
_SAMPLED = 1000
#: Share of the errors that the color scale of an error map spans.
_ERROR_QUANTILE = 0.995


@dataclass(frozen=True, eq=False)
class Pictures:
    """How the examples of one kind are drawn.

    Attributes:
        examples: the examples.
        low, high: black and white of an image, the ends of the axis of a series; of a row one pair for every feature.
    """

    examples: Examples
    low: tuple[float, ...]
    high: tuple[float, ...]

    @classmethod
    def of(cls, examples: Examples) -> "Pictures":
        """Return how these examples are drawn. Images between 0 and 1 are drawn from 0 to 1, those of bytes from 0 to 255."""
        rows = torch.as_tensor(evenly_spaced(len(examples), _SAMPLED), device=examples.x.device)
        values = examples.arranged(examples.compared[rows])
        if examples.targets is not None and examples.kind != "image":  # noisy pixels may lie beyond black and white
            values = torch.cat((values, examples.arranged(examples.x[rows])))
        groups = values.T if examples.kind == "row" else values.reshape(1, -1)
        ranges = [_range(group[group.isfinite()], examples.kind) for group in groups]
        return cls(examples, tuple(low for low, _ in ranges), tuple(high for _, high in ranges))

    def size(self, *, small: bool = False) -> tuple[int, ...]:
        """Return the shape in which an example is drawn."""
        shape = self.examples.shape
        if self.examples.kind == "image":
            factor = max(1.0, max(shape[1:]) / (SMALL_SIDE if small else MAX_SIDE))
            return (shape[0], *(max(1, round(side / factor)) for side in shape[1:]))
        return (shape[0], min(shape[1], MAX_LENGTH)) if self.examples.kind == "series" else shape

    @property
    def averaged(self) -> str:
        """The shape in which examples are drawn, such as "56 × 56", where they are shrunk for that; empty where they are not."""
        size = self.size()
        return "" if size == self.examples.shape else " × ".join(map(str, size[1:]))

    def array(self, values: Tensor, *, small: bool = False) -> Array:
        """Return values of examples (M, …) as they are drawn, float32 (M, *size)."""
        arranged = self.examples.arranged(values)
        size = self.size(small=small)
        if tuple(arranged.shape[1:]) != size and len(arranged):
            if self.examples.kind == "image":
                arranged = F.interpolate(arranged, size[1:], mode="area")
            else:
                arranged = F.adaptive_avg_pool1d(arranged, size[1])
        return arranged.float().contiguous().numpy()

    def with_room_for(self, reconstructions: Tensor) -> "Pictures":
        """Return how a series is drawn so that reconstructions are not cut off, up to the height of the data above and below it."""
        if self.examples.kind != "series":
            return self
        values = self.array(reconstructions[evenly_spaced(len(self.examples), _SAMPLED)])
        values, height = values[np.isfinite(values)], self.high[0] - self.low[0]
        if not values.size:
            return self
        low = max(self.low[0] - height, min(self.low[0], float(values.min())))
        high = min(self.high[0] + height, max(self.high[0], float(values.max())))
        return replace(self, low=(low,), high=(high,))

    def error_scale(self, reconstructions: Tensor) -> float:
        """Return the error with the strongest color: nearly the largest of the differences ``reconstructions - targets``."""
        rows = evenly_spaced(len(self.examples), _SAMPLED)
        sample = torch.as_tensor(rows, device=self.examples.x.device)
        differences = self.array(reconstructions[rows]) - self.array(self.examples.compared[sample])
        finite = np.abs(differences[np.isfinite(differences)])
        return float(np.quantile(finite, _ERROR_QUANTILE)) if finite.size else 1.0


def _range(values: Tensor, kind: str) -> tuple[float, float]:
    low, high = (float(values.min()), float(values.max())) if values.numel() else (0.0, 1.0)
    if kind == "image" and low >= 0:
        if high <= 1:
            return 0.0, 1.0
        if high <= 255 and bool((values == values.round()).all()):
            return 0.0, 255.0
    return low, high if high > low else low + max(1.0, abs(low) / 1000)


def bytes_of(pictures: Array, low: float, high: float) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return images (M, C, H, W) as bytes from 0 for `low` to 255 for `high`; NaN is 0."""
    return np.nan_to_num((pictures - low) / (high - low) * 255).clip(0, 255).round().astype(np.uint8)
