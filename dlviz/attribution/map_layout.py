"""How the output of a layer is arranged: where its channels stand, and which places its tokens are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

#: Tokens before the grid of a vision transformer: class token, distillation token and registers.
_MAX_PREFIX = 16


@dataclass(frozen=True)
class Layout:
    """How the places of an output (N, …) are arranged.

    Attributes:
        order: the output's axes as they would be after the batch: "CHW" or "HWC" for images, "CT" or "TC" for sequences; "TNC" for
            a sequence before the batch.
        grid: sizes of the axes of places.
        prefix: tokens before the grid.
    """

    order: str
    grid: tuple[int, ...]
    prefix: int = 0

    def to_maps(self, output: Tensor) -> Tensor:
        """Return an output as maps (N, C, *grid)."""
        if self.order == "TNC":
            output = output.transpose(0, 1)
        if self.order[0] != "C":
            output = output.movedim(-1, 1)
        tokens = output[:, :, self.prefix :] if self.prefix else output
        return tokens.reshape(*tokens.shape[:2], *self.grid)

    def from_maps(self, maps: Tensor, output: Tensor) -> Tensor:
        """Return maps (N, C, *grid) arranged as `output`, from which the tokens before the grid are taken."""
        if self.order == "TNC":
            output = output.transpose(0, 1)
        if self.order[0] != "C":
            output = output.movedim(-1, 1)
        made = maps.reshape(*maps.shape[:2], *output.shape[2:-1], -1) if not self.prefix else maps.flatten(2)
        if self.prefix:
            made = torch.cat([output[:, :, : self.prefix], made], 2)
        if self.order[0] != "C":
            made = made.movedim(1, -1)
        return made.transpose(0, 1) if self.order == "TNC" else made


def token_grids(outputs: Iterable[Tensor], places: tuple[int, ...]) -> dict[int, tuple[int, ...]]:
    """Return the grids of maps on the way, by their number of places: a vision transformer makes its tokens of one of them.

    Args:
        outputs: outputs of all layers for one input.
        places: shape of the input's map, (H, W) of an image.
    """
    grids: dict[int, tuple[int, ...]] = {}
    for output in outputs:
        if len(places) == 2 and output.dim() == 4 and len(output) == 1:
            grid = _image_layout(output, places).grid
            grids.setdefault(prod(grid), grid)
    return grids


def layout_of(
    output: Tensor, places: tuple[int, ...], grids: Mapping[int, tuple[int, ...]], is_1d: bool = False
) -> Layout | None:
    """Return how a layer's output for one input is arranged; ``None`` if it has no places.

    Args:
        output: the output, with a batch of one.
        places: shape of the input's map, (H, W), (F,) or (T,).
        grids: as :func:`token_grids` returns them.
        is_1d: whether a convolution of sequences came before.

    Example:
        >>> layout_of(torch.zeros(1, 8, 4, 4), (16, 16), {}), layout_of(torch.zeros(1, 17, 8), (16, 16), {16: (4, 4)})
        (Layout(order='CHW', grid=(4, 4), prefix=0), Layout(order='TC', grid=(4, 4), prefix=1))
    """
    if len(places) == 2:
        if len(output) != 1:
            return None
        return _image_layout(output, places) if output.dim() == 4 else _grid_of_tokens(output, places, grids)
    if output.dim() != 3:
        return None
    first, second, third = output.shape
    if first == 1 and second == places[0]:
        return Layout("TC", (second,))
    if second == 1 and first == places[0]:
        return Layout("TNC", (first,))
    # A class token before the features, as transformers for tables have it.
    if first == 1 and second == places[0] + 1 and not is_1d:
        return Layout("TC", places, 1)
    return Layout("CT", (third,)) if first == 1 and (is_1d or third == places[0]) else None


def _image_layout(output: Tensor, places: tuple[int, ...]) -> Layout:
    """Return the layout of (1, C, h, w), or of (1, h, w, C) where only that has the proportions of the image."""
    _, first, second, third = output.shape
    last = _fits(first, second, places) and not _fits(second, third, places)
    return Layout("HWC", (first, second)) if last else Layout("CHW", (second, third))


def _fits(height: int, width: int, places: tuple[int, ...]) -> bool:
    """Return whether a grid has the proportions of the image, apart from rounding."""
    return abs(height * places[1] - width * places[0]) <= max(places)


def _grid_of_tokens(output: Tensor, places: tuple[int, ...], grids: Mapping[int, tuple[int, ...]]) -> Layout | None:
    """Return the layout of tokens (1, T, C) that stand for the places of an image."""
    if output.dim() != 3:
        return None
    for prefix in range(_MAX_PREFIX + 1):
        grid = grids.get(output.shape[1] - prefix)
        if grid is not None and prod(grid) > 1:
            return Layout("TC", grid, prefix)
    # No map has such a grid, because the patches were cut out by reshaping.
    for prefix in (0, 1, 2, 5):
        count = output.shape[1] - prefix
        for height in range(2, max(count, 0) + 1):
            width = count // height
            if height * width == count and height * places[1] == width * places[0]:
                return Layout("TC", (height, width), prefix)
    return None
