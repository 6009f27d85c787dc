"""Previews of single examples, as small pictures or short texts; no other examples are read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from dlviz.kit.snapshots import evenly_spaced

#: Pixels along a side of a picture, characters of a text, and numbers of a row that a preview has at most.
MAX_SIDE, MAX_CHARACTERS, MAX_NUMBERS = 48, 80, 4
#: The range of pixel values is estimated from about this many values, of up to so many examples.
_SAMPLED_VALUES, _SAMPLED_EXAMPLES = 4_000_000, 1000


@dataclass(frozen=True, eq=False)
class ExamplePreviews:
    """The learner's examples, and how one of them is shown.

    Attributes:
        data: the examples, a tensor or a sequence.
        passed: the learner's own object, by which the same examples are known again.
        kind: "pictures" or "texts".
        places: labels of each example: one, or one for every pixel.
        low, high: the values that are drawn black and white.
    """

    data: Any
    passed: Any
    kind: str
    low: float = 0.0
    high: float = 1.0
    places: int = 1


def previews(data: Tensor | Sequence[Any], passed: Any = None, places: int = 1) -> ExamplePreviews:
    """Return how examples are shown: (N, 1, H, W), (N, 3, H, W) and (N, H, W) as pictures, all others as texts.

    Args:
        data: the examples.
        passed: the learner's own object.
        places: labels of each example: one, or one for every pixel.

    Black and white are 0 and 255 for bytes, 0 and 1 for values between them, else the smallest and the largest value.

    Example:
        >>> previews(torch.rand(5, 1, 8, 8)).kind, previews(torch.rand(5, 2)).kind
        ('pictures', 'texts')
    """
    if not isinstance(data, Tensor) or not _are_pictures(data):
        return ExamplePreviews(data, passed, "texts", places=places)
    count = max(1, min(_SAMPLED_EXAMPLES, _SAMPLED_VALUES * len(data) // data.numel()))
    sample = data[evenly_spaced(len(data), count)].float()
    sample = sample[sample.isfinite()]
    low, high = (float(sample.min()), float(sample.max())) if sample.numel() else (0.0, 1.0)
    if data.dtype is torch.uint8:
        low, high = 0.0, 255.0
    elif low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    return ExamplePreviews(data, passed, "pictures", low, high if high > low else low + 1, places)


def _are_pictures(data: Tensor) -> bool:
    if data.is_complex() or data.numel() == 0:
        return False
    return data.dim() == 3 or (data.dim() == 4 and data.shape[1] in (1, 3))


def picture_size(inputs: ExamplePreviews) -> tuple[int, int, int]:
    """Return height, width and channels of a picture as it is drawn; (0, 0, 0) for texts."""
    if inputs.kind != "pictures":
        return 0, 0, 0
    *channels, height, width = inputs.data.shape[1:]
    factor = max(1.0, max(height, width) / MAX_SIDE)
    return max(1, round(height / factor)), max(1, round(width / factor)), channels[0] if channels else 1


def pixels(inputs: ExamplePreviews, indices: Sequence[int]) -> Tensor:
    """Return pictures of some examples as bytes, (n, height, width, channels); large ones are shrunk by averaging areas."""
    rows = torch.as_tensor(indices, dtype=torch.long, device=inputs.data.device) // inputs.places
    values = inputs.data[rows].float().cpu()
    height, width, channels = picture_size(inputs)
    values = values.reshape(len(rows), channels, *values.shape[-2:])
    if tuple(values.shape[-2:]) != (height, width) and len(values):
        values = F.interpolate(values, (height, width), mode="area")
    scaled = (values - inputs.low) / (inputs.high - inputs.low) * 255
    return scaled.nan_to_num(nan=0.0).clamp(0, 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def texts(inputs: ExamplePreviews, indices: Sequence[int]) -> list[str]:
    """Return some examples as short texts.

    Example:
        >>> texts(previews(torch.tensor([[0.5, -1.25]])), [0]), texts(previews(["a film to see"]), [0])
        (['(0.5, −1.25)'], ['a film to see'])
    """
    return [_text(inputs.data[index // inputs.places]) for index in indices]


def _text(example: Any) -> str:
    if not isinstance(example, Tensor):
        text = str(example)
        return text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 1] + "…"
    values = example.flatten()[:MAX_NUMBERS].tolist()
    parts = [_number(value) for value in values] + ["…"] * (example.numel() > MAX_NUMBERS)
    return parts[0] if example.dim() == 0 else f"({', '.join(parts)})"


def _number(value: Any) -> str:
    return (f"{value:.4g}" if isinstance(value, float) else str(value)).replace("-", "−")
