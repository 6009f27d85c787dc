"""Products that sum: every matmul and einsum as labeled dimensions, and for each element of the result the terms that make it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod

import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.tensors.storage import check_layout


@dataclass(frozen=True)
class Contraction:
    """A sum of products over named dimensions.

    Attributes:
        operands: the tensors, as they came.
        labels: for each operand the label of each dimension; the same label twice in one operand walks its diagonal.
        output: the labels of the result's dimensions, in order.
        summed: the labels that are summed over, in order.
        sizes: the size of each label.
        result: what torch computed.
    """

    operands: tuple[Tensor, ...]
    labels: tuple[tuple[str, ...], ...]
    output: tuple[str, ...]
    summed: tuple[str, ...]
    sizes: dict[str, int]
    result: Tensor

    @property
    def terms_each(self) -> int:
        """How many products are added for one element of the result."""
        return prod(self.sizes[label] for label in self.summed)

    def terms(self, index: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], ...]]:
        """The terms of ``result[index]``: for each the index into every operand, in the order in which the last summed label runs fastest.

        Example:
            >>> list(matmul(torch.ones(2, 2), torch.ones(2, 2)).terms((0, 1)))
            [((0, 0), (0, 1)), ((0, 1), (1, 1))]
        """
        here = dict(zip(self.output, index, strict=True))
        for inner in product(*(range(self.sizes[label]) for label in self.summed)):
            at = here | dict(zip(self.summed, inner, strict=True))
            # A size of 1 stretches: its only element serves for every index.
            yield tuple(
                tuple(at[label] if size > 1 else 0 for label, size in zip(row, x.shape, strict=True))
                for row, x in zip(self.labels, self.operands, strict=True)
            )

    def off(self) -> float | None:
        """How far the terms, multiplied and added in float64, lie from torch's result at most; ``None`` for very many terms."""
        if self.result.numel() * self.terms_each > 2**22 or self.result.is_meta:
            return None
        wide = torch.complex128 if self.result.is_complex() else torch.float64
        sizes = [self.sizes[label] for label in (*self.output, *self.summed)]
        total = torch.ones(sizes, dtype=wide)
        for row, x in zip(self.labels, self.operands, strict=True):
            total = total * self._spread(x.cpu().to(wide), row)
        dims = tuple(range(len(self.output), len(sizes)))
        summed = total.sum(dims) if dims else total
        gap = (summed - self.result.cpu().to(wide)).abs()
        return float(gap.max()) if gap.numel() else 0.0

    def _spread(self, x: Tensor, row: tuple[str, ...]) -> Tensor:
        """`x` as a view whose dimensions are the labels of the result and then those summed, of size 1 where it has no such label."""
        strides, shape = [], []
        for label in (*self.output, *self.summed):
            dims = [d for d, other in enumerate(row) if other == label]
            stretched = all(x.shape[d] == 1 for d in dims)
            strides.append(0 if stretched else sum(x.stride(d) for d in dims if x.shape[d] > 1))
            shape.append(1 if stretched else self.sizes[label])
        return x.as_strided(shape, strides, x.storage_offset())


def matmul(a: Tensor, b: Tensor) -> Contraction:
    """``torch.matmul`` in labels: vectors are rows at the left and columns at the right, batch dimensions broadcast.

    Raises:
        DlvizError: torch refuses; the message is torch's own.

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.matmul.html
    """
    for x, name in ((a, "a"), (b, "b")):
        if not isinstance(x, Tensor):
            raise DlvizError(message("tensors.refused.operand", caller="matmul", name=name, got=type(x).__name__))
        check_layout("matmul", name, x)
    a, b = a.detach(), b.detach()
    try:
        result = torch.matmul(a, b)
    except (RuntimeError, TypeError, NotImplementedError) as error:
        shapes = f"{tuple(a.shape)}, {tuple(b.shape)}"
        raise DlvizError(
            message("tensors.refused.torch", caller="matmul", shapes=shapes, torch=_first(error))
        ) from None
    batch = max(a.dim(), b.dim(), 2) - 2
    names = [f"b{i}" for i in range(batch)]
    left = (*names[batch - max(a.dim() - 2, 0) :], *(("i", "k") if a.dim() > 1 else ("k",)))
    right = (*names[batch - max(b.dim() - 2, 0) :], *(("k", "j") if b.dim() > 1 else ("k",)))
    output = (*names, *(("i",) if a.dim() > 1 else ()), *(("j",) if b.dim() > 1 else ()))
    return _contraction((a, b), (left, right), output, result)


def einsum(equation: str, *operands: Tensor) -> Contraction:
    """``torch.einsum`` in labels; dimensions of an ellipsis are called ``…0``, ``…1`` from the left.

    Raises:
        DlvizError: torch refuses; the message is torch's own.

    Example:
        >>> einsum("ij->ji", torch.zeros(2, 3)).output
        ('j', 'i')

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.einsum.html
    """
    if not isinstance(equation, str):
        raise DlvizError(message("tensors.refused.equation", got=type(equation).__name__))
    for i, x in enumerate(operands):
        if not isinstance(x, Tensor):
            raise DlvizError(
                message("tensors.refused.operand", caller="einsum", name=f"operands[{i}]", got=type(x).__name__)
            )
        check_layout("einsum", f"operands[{i}]", x)
    operands = tuple(x.detach() for x in operands)
    try:
        result = torch.einsum(equation, *operands)
    except (RuntimeError, TypeError, ValueError, NotImplementedError) as error:
        shapes = ", ".join(str(tuple(x.shape)) for x in operands)
        raise DlvizError(
            message("tensors.refused.torch", caller="einsum", shapes=shapes, torch=_first(error))
        ) from None
    plain = equation.replace(" ", "")
    inputs, arrow, output = plain.partition("->")
    parts = inputs.split(",")
    hidden = max(
        x.dim() - len(part.replace("...", "")) if "..." in part else 0 for x, part in zip(operands, parts, strict=True)
    )
    rows = tuple(_labels(part, x.dim(), hidden) for part, x in zip(parts, operands, strict=True))
    if not arrow:
        letters = [letter for part in parts for letter in part.replace("...", "")]
        output = ("..." if hidden else "") + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    return _contraction(operands, rows, _labels(output, None, hidden), result)


def _labels(part: str, dims: int | None, hidden: int) -> tuple[str, ...]:
    before, dots, after = part.partition("...")
    count = 0 if not dots else hidden if dims is None else dims - len(before) - len(after)
    return (*before, *(f"…{i}" for i in range(hidden - count, hidden)), *after)


def _contraction(
    operands: tuple[Tensor, ...], labels: tuple[tuple[str, ...], ...], output: tuple[str, ...], result: Tensor
) -> Contraction:
    sizes: dict[str, int] = {}
    for row, x in zip(labels, operands, strict=True):
        for label, size in zip(row, x.shape, strict=True):
            sizes[label] = size if sizes.get(label, 1) == 1 else sizes[label]
    summed = tuple(label for label in sizes if label not in output)
    return Contraction(operands, labels, output, summed, sizes, result)


def partial_sums(made: Contraction, index: tuple[int, ...] = ()) -> Tensor:
    """The sums on the way to one matrix of a matmul's result: entry k holds the first k + 1 outer products added, computed by torch.

    Args:
        made: from :func:`matmul`.
        index: which matrix of the batch.

    Returns:
        (K, M, N), where a vector counts as a matrix of one row or column.
    """
    a, b = made.operands
    left = a.unsqueeze(0) if a.dim() == 1 else a
    right = b.unsqueeze(1) if b.dim() == 1 else b
    left = left.expand(*made.result.shape[: len(index)], *left.shape[-2:])[index]
    right = right.expand(*made.result.shape[: len(index)], *right.shape[-2:])[index]
    outer = left.T.unsqueeze(2) * right.unsqueeze(1)
    return outer.cumsum(0).to(outer.dtype)


def _first(error: Exception) -> str:
    return str(error).partition("\n")[0]
