"""Which sizes of the inputs may vary in an exported program, found by asking the program's own guards."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from dlviz.model_export.example import Example
from dlviz.model_export.program import Program

#: Sizes that the guards are asked for, and how far beyond the example.
_TRIED, _BEYOND = 128, 8


@dataclass(frozen=True)
class InputSize:
    """One dimension of an input tensor.

    Attributes:
        tensor: name of the input, such as "x".
        place: its place among the input tensors.
        dim: the dimension.
        example: its size in the example.
        symbol: torch's symbol for it, such as "s77"; "" if its size is fixed.
        given: the name that the learner gave to it.
    """

    tensor: str
    place: int
    dim: int
    example: int
    symbol: str
    given: str = ""


@dataclass(frozen=True)
class SizeRange:
    """A size that may vary.

    Attributes:
        symbol: torch's symbol for it.
        name: what it is called in words and shapes, such as "N".
        places: the dimensions that have it.
        example: its value in the example.
        low, high: the smallest and the largest size that the guards allow; `high` is ``None`` without a limit.
        step: distance between two sizes that they allow; 0 if they follow no rule.
        allowed: those among the sizes that were asked for.
    """

    symbol: str
    name: str
    places: tuple[InputSize, ...]
    example: int
    low: int
    high: int | None
    step: int
    allowed: tuple[int, ...]


@dataclass(frozen=True)
class Shapes:
    """The sizes of all inputs.

    Attributes:
        sizes: every dimension of every input tensor.
        ranges: those that may vary.
        guards: the conditions that torch checks, in its own words with the names of the sizes.
    """

    sizes: tuple[InputSize, ...]
    ranges: tuple[SizeRange, ...]
    guards: tuple[str, ...]

    def text(self, shape: Sequence[Any]) -> str:
        """Return a shape as text, with the names of what may vary.

        Example:
            >>> Shapes((), (), ()).text((3, 4))
            '(3, 4)'
        """
        texts = [_rename(str(size), self.names) for size in shape]
        return f"({texts[0]},)" if len(texts) == 1 else f"({', '.join(texts)})"

    @property
    def fixed(self) -> list[InputSize]:
        """The sizes that do not vary."""
        known = self.names
        return [one for one in self.sizes if one.symbol not in known]

    @property
    def names(self) -> dict[str, str]:
        """The name of each symbol."""
        return {one.symbol: one.name for one in self.ranges}


def input_shapes(program: Program, example: Example, named: Mapping[int, Mapping[int, str]] | None = None) -> Shapes:
    """Return which sizes of the inputs may vary, and how.

    Args:
        program: the exported program.
        example: the arguments that it was exported with.
        named: names that the learner gave to sizes, by the place of their tensor.
    """
    sizes = []
    for place, (name, tensor, shape) in enumerate(
        zip(_tensor_names(program), example.tensors, program_shapes(program), strict=True)
    ):
        for dim, size in enumerate(shape):
            symbol = "" if isinstance(size, int) else str(size)
            given = (named or {}).get(place, {}).get(dim, "")
            sizes.append(InputSize(name, place, dim, tensor.shape[dim], symbol, given))
    ranges = _ranges(program, example, sizes)
    shown = {one.symbol: one.name for one in ranges}
    guards = getattr(program.exported, "_guards_code", None) or ()
    return Shapes(tuple(sizes), ranges, tuple(_guard_text(guard, sizes, shown) for guard in guards))


def program_shapes(program: Program) -> list[Any]:
    """Return the shape of each input tensor in the program, where a size that may vary is a symbol."""
    return [node.meta["val"].shape for node in _tensor_nodes(program)]


def _tensor_names(program: Program) -> list[str]:
    return [str(node.name) for node in _tensor_nodes(program)]


def _tensor_nodes(program: Program) -> list[Any]:
    nodes = {node.name: node for node in program.exported.graph.nodes if node.op == "placeholder"}
    inputs = [nodes[name] for name in program.exported.graph_signature.user_inputs if name in nodes]
    return [node for node in inputs if isinstance(node.meta.get("val"), Tensor)]


def _ranges(program: Program, example: Example, sizes: Sequence[InputSize]) -> tuple[SizeRange, ...]:
    symbols = {str(symbol): bounds for symbol, bounds in program.exported.range_constraints.items()}
    found: list[SizeRange] = []
    for symbol in dict.fromkeys(one.symbol for one in sizes):
        if symbol not in symbols:  # fixed, or computed from another size
            continue
        places = tuple(one for one in sizes if one.symbol == symbol)
        size = places[0].example
        promised, limit = _bound(symbols[symbol].lower), _bound(symbols[symbol].upper)
        # Torch assumes at least 2 of any size, and checks only a larger bound.
        first = promised if promised is not None and promised > 2 else 0
        most = max(_TRIED, size + _BEYOND)
        tried = range(first, (most if limit is None else min(most, limit)) + 1)
        allowed = tuple(value for value in tried if _passes(program, example, {symbol: value}))
        step = _step(allowed)
        is_open = limit is None and bool(allowed) and most - allowed[-1] < max(step, 1)
        default = "N" if not found and places[0].dim == 0 else f"{places[0].tensor}{places[0].dim}"
        found.append(
            SizeRange(
                symbol=symbol,
                name=next((one.given for one in places if one.given), default),
                places=places,
                example=size,
                low=min(allowed, default=size),
                high=None if is_open else max(allowed, default=size),
                step=step,
                allowed=allowed,
            )
        )
    return tuple(found)


def _bound(value: Any) -> int | None:
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError, AttributeError):  # torch's infinity is no number of Python's
        return None
    return number if abs(number) < 2**31 else None


def _step(allowed: Sequence[int]) -> int:
    steps = {b - a for a, b in pairwise(allowed)}
    return steps.pop() if len(steps) == 1 else 0


def _passes(program: Program, example: Example, values: Mapping[str, int]) -> bool:
    """Return whether the program's guards accept inputs of these sizes; the tensors that they see have a shape and no numbers."""
    try:
        sizes = iter(resized(program_shapes(program), values, [tuple(tensor.shape) for tensor in example.tensors]))
        made = [
            torch.empty(next(sizes), dtype=leaf.dtype, device="meta") if isinstance(leaf, Tensor) else leaf
            for leaf in example.leaves
        ]
        guards = getattr(program.module, "_guards_fn", None)
        if guards is not None:
            guards(*made)
    except Exception:  # a guard that fails raises
        return False
    return True


def resized(
    shapes: Sequence[Any], values: Mapping[str, int], examples: Sequence[tuple[int, ...]]
) -> list[tuple[int, ...]]:
    """Return the shapes of the input tensors for some values of the symbols; those without a value have that of the example.

    Args:
        shapes: the shape of each input tensor in the program.
        values: a size for some symbols.
        examples: the shapes of the example.
    """
    known = {
        str(size): example
        for shape, sizes in zip(shapes, examples, strict=True)
        for size, example in zip(shape, sizes, strict=True)
    } | dict(values)
    return [tuple(_value(size, known) for size in shape) for shape in shapes]


def _value(size: Any, known: Mapping[str, int]) -> int:
    if isinstance(size, int):
        return size
    expression = size.node.expr
    return int(expression.subs({symbol: known[str(symbol)] for symbol in expression.free_symbols}))


def _guard_text(guard: str, sizes: Sequence[InputSize], names: Mapping[str, str]) -> str:
    """Return a guard with the names of the sizes that it compares.

    Example:
        >>> _guard_text("L['x'].size()[1] <= 5", [], {})
        'x.shape[1] <= 5'
    """
    text = guard
    for one in sizes:
        name = names.get(one.symbol, f"{one.tensor}.shape[{one.dim}]")
        text = text.replace(f"L['{one.tensor}'].size()[{one.dim}]", name)
    return text.replace("L['", "").replace("']", "").replace(".size()[", ".shape[")


def _rename(text: str, names: Mapping[str, str]) -> str:
    for symbol, name in names.items():
        text = re.sub(rf"\b{re.escape(symbol)}\b", name, text)
    return text
