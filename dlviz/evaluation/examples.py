"""A few of the learner's examples as small pictures or short texts; the rest is never touched."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from dlviz.kit.snapshots import evenly_spaced

#: A picture is drawn with up to so many pixels along a side, a text with so many letters, a row of numbers with so many of them.
SIDE, LETTERS, NUMBERS = 48, 80, 4
#: The range of numbers is taken from about so many of them, of up to so many examples.
_NUMBERS_SEEN, _EXAMPLES_SEEN = 4_000_000, 1000


@dataclass(frozen=True, eq=False)
class ExamplePreviews:
    """What was passed as `inputs`, and how to draw one of them.

    Attributes:
        given: the learner's own, a tensor or a sequence.
        kind: "pictures" or "texts".
        low, high: the numbers that are drawn black and white.
    """

    given: Any
    kind: str
    low: float = 0.0
    high: float = 1.0


def examples(given: Tensor | Sequence[Any]) -> ExamplePreviews:
    """Look at the learner's examples: (N, 1, H, W), (N, 3, H, W) and (N, H, W) are pictures, all else is text.

    Bytes are drawn from 0 to 255, what lies between 0 and 1 as it is, and anything else from its smallest to its largest number.

    Example:
        >>> examples(torch.rand(5, 1, 8, 8)).kind, examples(torch.rand(5, 2)).kind
        ('pictures', 'texts')
    """
    if not isinstance(given, Tensor) or not _are_pictures(given):
        return ExamplePreviews(given, "texts")
    most = max(1, min(_EXAMPLES_SEEN, _NUMBERS_SEEN * len(given) // given.numel()))
    some = given[evenly_spaced(len(given), most)].float()
    some = some[some.isfinite()]
    low, high = (float(some.min()), float(some.max())) if some.numel() else (0.0, 1.0)
    if given.dtype is torch.uint8:
        low, high = 0.0, 255.0
    elif low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    return ExamplePreviews(given, "pictures", low, high if high > low else low + 1)


def _are_pictures(given: Tensor) -> bool:
    if given.is_complex() or given.numel() == 0:
        return False
    return given.dim() == 3 or (given.dim() == 4 and given.shape[1] in (1, 3))


def size(found: ExamplePreviews) -> tuple[int, int, int]:
    """Height, width and channels of a picture as it is drawn; (0, 0, 0) of texts."""
    if found.kind != "pictures":
        return 0, 0, 0
    *channels, high, wide = found.given.shape[1:]
    shrink = max(1.0, max(high, wide) / SIDE)
    return max(1, round(high / shrink)), max(1, round(wide / shrink)), channels[0] if channels else 1


def pixels(found: ExamplePreviews, numbers: Sequence[int]) -> Tensor:
    """The pictures of these examples as bytes, (n, height, width, channels); a large one shrunk by the mean of its areas."""
    chosen = torch.as_tensor(numbers, dtype=torch.long, device=found.given.device)
    some = found.given[chosen].float().cpu()
    high, wide, channels = size(found)
    some = some.reshape(len(chosen), channels, *some.shape[-2:])
    if tuple(some.shape[-2:]) != (high, wide) and len(some):
        some = F.interpolate(some, (high, wide), mode="area")
    scaled = (some - found.low) / (found.high - found.low) * 255
    return scaled.nan_to_num(nan=0.0).clamp(0, 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def texts(found: ExamplePreviews, numbers: Sequence[int]) -> list[str]:
    """These examples in short words or numbers.

    Example:
        >>> texts(examples(torch.tensor([[0.5, -1.25]])), [0]), texts(examples(["a film to see"]), [0])
        (['(0.5, −1.25)'], ['a film to see'])
    """
    return [_text(found.given[number]) for number in numbers]


def _text(one: Any) -> str:
    if not isinstance(one, Tensor):
        return _cut(str(one))
    flat = one.flatten()[:NUMBERS].tolist()
    parts = [_number(value) for value in flat] + ["…"] * (one.numel() > NUMBERS)
    return parts[0] if one.dim() == 0 else f"({', '.join(parts)})"


def _number(value: Any) -> str:
    return (f"{value:.4g}" if isinstance(value, float) else str(value)).replace("-", "−")


def _cut(text: str) -> str:
    return text if len(text) <= LETTERS else text[: LETTERS - 1] + "…"
