"""Random inputs on which the outputs of a model and of its program are compared: other numbers, and other sizes where they may vary."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dlviz.model_export.example import Example
from dlviz.model_export.program import Program
from dlviz.model_export.shapes import Shapes, SizeRange, program_shapes, resized

#: Random inputs of the example's sizes.
_RANDOM = 4
#: How much larger the numbers of one input are.
_LARGER = 10.0


@dataclass(frozen=True)
class Case:
    """An input of the comparison.

    Attributes:
        kind: "example", "random", "zeros", "negative", "larger" or "size".
        sizes: name and value of each size that differs from the example.
        leaves: the flattened arguments.
    """

    kind: str
    sizes: tuple[tuple[str, int], ...]
    leaves: tuple[Any, ...]


def cases(
    program: Program | None, shapes: Shapes, example: Example, index_limits: Mapping[int, int], seed: int
) -> list[Case]:
    """Return the inputs of a comparison: the example, random ones, and some of each other size that is allowed.

    Args:
        program: the exported program, if there is one; without it no size varies.
        shapes: which sizes may vary.
        example: the example.
        index_limits: for tensors of indices, by their place among the input tensors, how many rows an embedding has.
        seed: of the random numbers.
    """
    generator = torch.Generator().manual_seed(seed)
    tensors, leaves = example.tensors, example.leaves
    examples = [tuple(tensor.shape) for tensor in tensors]

    def drawn(kind: str, sizes: Sequence[tuple[int, ...]], changed: tuple[tuple[str, int], ...] = ()) -> Case:
        made = iter(
            _like(tensor, size, index_limits.get(place), kind, generator)
            for place, (tensor, size) in enumerate(zip(tensors, sizes, strict=True))
        )
        return Case(kind, changed, tuple(next(made) if isinstance(leaf, Tensor) else leaf for leaf in leaves))

    found = [Case("example", (), tuple(leaves))]
    found += [drawn("random", examples) for _ in range(_RANDOM)]
    if any(tensor.is_floating_point() for tensor in tensors):
        found += [drawn(kind, examples) for kind in ("zeros", "negative", "larger")]
    if program is not None:
        symbolic = program_shapes(program)
        for one in shapes.ranges:
            found += [
                drawn("size", resized(symbolic, {one.symbol: size}, examples), ((one.name, size),))
                for size in other_sizes(one)
            ]
    return found


def other_sizes(one: SizeRange) -> list[int]:
    """Return some sizes other than the example's that the guards allow: 1 and 2, or the smallest, and two larger ones."""
    allowed = [size for size in one.allowed if size > 0 and size != one.example]
    larger = [size for size in allowed if size > one.example]
    near = [size for size in (1, 2) if size in allowed] or allowed[:1]
    return list(dict.fromkeys([*near, *larger[:1], *larger[1:][len(larger) // 8 :][:1]]))


def _like(tensor: Tensor, size: Sequence[int], limit: int | None, kind: str, generator: torch.Generator) -> Tensor:
    """Return random numbers like those of a tensor, in another shape.

    Floating-point numbers have its mean and deviation, whole numbers lie between its smallest and its largest, or are indices below
    `limit`.
    """
    size, dtype = tuple(size), tensor.dtype
    if dtype == torch.bool:
        made = torch.randint(0, 2, size, generator=generator).bool()
    elif not dtype.is_floating_point and not dtype.is_complex:
        low, high = (0, limit - 1) if limit else (int(tensor.min()), int(tensor.max())) if tensor.numel() else (0, 0)
        made = torch.randint(low, high + 1, size, generator=generator).to(dtype)
    else:
        numbers = torch.randn(size, generator=generator, dtype=torch.complex64 if dtype.is_complex else torch.float32)
        plain = tensor.detach().cpu().to(numbers.dtype)
        mean, deviation = (plain.mean(), plain.std()) if plain.numel() > 1 else (plain.sum(), torch.tensor(1.0))
        factor = {"zeros": 0.0, "larger": _LARGER}.get(kind, 1.0)
        numbers = factor * (mean + deviation * numbers)
        made = (-numbers.abs() if kind == "negative" and not dtype.is_complex else numbers).to(dtype)
    return made.to(tensor.device)
