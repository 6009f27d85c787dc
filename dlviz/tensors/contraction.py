"""Tensor contractions: matmul and einsum as labeled dimensions, with the terms summed for each element of the result."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import prod
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError, first_line
from dlviz.kit.messages import message
from dlviz.kit.validation import check_type
from dlviz.tensors.record import check_strided
from dlviz.torchkit.array_data import check_data


@dataclass(frozen=True)
class Contraction:
    """A sum of products over labeled dimensions.

    Attributes:
        operands: the tensors.
        labels: for each operand the label of each dimension; a label that occurs twice in one operand selects its diagonal.
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
    def terms_per_output(self) -> int:
        """Number of products added for one element of the result."""
        return prod(self.sizes[label] for label in self.summed)

    def terms(self, index: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], ...]]:
        """Yield the terms of ``result[index]``, each as one index into every operand; the last summed label varies fastest.

        Example:
            >>> list(matmul(torch.ones(2, 2), torch.ones(2, 2)).terms((0, 1)))
            [((0, 0), (0, 1)), ((0, 1), (1, 1))]
        """
        fixed = dict(zip(self.output, index, strict=True))
        for inner in product(*(range(self.sizes[label]) for label in self.summed)):
            values = fixed | dict(zip(self.summed, inner, strict=True))
            # A size of 1 is broadcast.
            yield tuple(
                tuple(values[label] if size > 1 else 0 for label, size in zip(row, x.shape, strict=True))
                for row, x in zip(self.labels, self.operands, strict=True)
            )

    def max_error(self) -> float | None:
        """Return the largest difference between torch's result and the terms summed in float64; ``None`` for too many terms."""
        if self.result.numel() * self.terms_per_output > 2**22 or self.result.is_meta:
            return None
        dtype = torch.complex128 if self.result.is_complex() else torch.float64
        sizes = [self.sizes[label] for label in (*self.output, *self.summed)]
        total = torch.ones(sizes, dtype=dtype)
        for row, x in zip(self.labels, self.operands, strict=True):
            total = total * self._expanded(x.cpu().to(dtype), row)
        dims = tuple(range(len(self.output), len(sizes)))
        summed = total.sum(dims) if dims else total
        error = (summed - self.result.cpu().to(dtype)).abs()
        return float(error.max()) if error.numel() else 0.0

    def _expanded(self, x: Tensor, row: tuple[str, ...]) -> Tensor:
        """Return `x` as a view with one dimension for each label of the result and then each summed one, of size 1 for missing labels."""
        strides, shape = [], []
        for label in (*self.output, *self.summed):
            dims = [d for d, other in enumerate(row) if other == label]
            stretched = all(x.shape[d] == 1 for d in dims)
            strides.append(0 if stretched else sum(x.stride(d) for d in dims if x.shape[d] > 1))
            shape.append(1 if stretched else self.sizes[label])
        return x.as_strided(shape, strides, x.storage_offset())


def matmul(a: Any, b: Any) -> Contraction:
    """Compute ``torch.matmul`` and label its dimensions: "i", "j", "k", and "b0", "b1" … for the batch.

    Raises:
        DlvizError: torch refuses; the error contains torch's message.

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.matmul.html
    """
    (a, b), result = _compute("matmul", torch.matmul, {"a": a, "b": b})
    batch = max(a.dim(), b.dim(), 2) - 2
    batch_labels = [f"b{i}" for i in range(batch)]
    left = (*batch_labels[batch - max(a.dim() - 2, 0) :], *(("i", "k") if a.dim() > 1 else ("k",)))
    right = (*batch_labels[batch - max(b.dim() - 2, 0) :], *(("k", "j") if b.dim() > 1 else ("k",)))
    output = (*batch_labels, *(("i",) if a.dim() > 1 else ()), *(("j",) if b.dim() > 1 else ()))
    return _contraction((a, b), (left, right), output, result)


def einsum(equation: str, *operands: Any) -> Contraction:
    """Compute ``torch.einsum`` and label its dimensions; those of an ellipsis are called ``…0``, ``…1`` from the left.

    Raises:
        DlvizError: torch refuses; the error contains torch's message.

    Example:
        >>> einsum("ij->ji", torch.zeros(2, 3)).output
        ('j', 'i')

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.einsum.html
    """
    check_type(equation, str, "tensors.refused.equation")
    named = {f"operands[{i}]": x for i, x in enumerate(operands)}
    operands, result = _compute("einsum", partial(torch.einsum, equation), named)
    inputs, arrow, output = equation.replace(" ", "").partition("->")
    parts = inputs.split(",")
    ellipsis_dims = max(
        x.dim() - len(part.replace("...", "")) if "..." in part else 0 for x, part in zip(operands, parts, strict=True)
    )
    rows = tuple(_labels(part, x.dim(), ellipsis_dims) for part, x in zip(parts, operands, strict=True))
    if not arrow:
        letters = [letter for part in parts for letter in part.replace("...", "")]
        output = ("..." if ellipsis_dims else "") + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    return _contraction(operands, rows, _labels(output, None, ellipsis_dims), result)


def _compute(
    caller: str, function: Callable[..., Tensor], operands: Mapping[str, Any]
) -> tuple[tuple[Tensor, ...], Tensor]:
    """Return the detached operands and what `function` makes of them."""
    found = (
        check_strided(caller, name, check_data(x, "tensors.refused.operand", caller=caller, name=name))
        for name, x in operands.items()
    )
    detached = tuple(x.detach() for x in found)
    try:
        return detached, function(*detached)
    except (RuntimeError, TypeError, ValueError, NotImplementedError) as error:
        shapes = ", ".join(str(tuple(x.shape)) for x in detached)
        why = first_line(error)
        raise DlvizError(message("tensors.refused.torch", caller=caller, shapes=shapes, torch=why)) from None


def _labels(part: str, dims: int | None, ellipsis_dims: int) -> tuple[str, ...]:
    before, dots, after = part.partition("...")
    count = 0 if not dots else ellipsis_dims if dims is None else dims - len(before) - len(after)
    return (*before, *(f"…{i}" for i in range(ellipsis_dims - count, ellipsis_dims)), *after)


def _contraction(
    operands: tuple[Tensor, ...], labels: tuple[tuple[str, ...], ...], output: tuple[str, ...], result: Tensor
) -> Contraction:
    sizes: dict[str, int] = {}
    for row, x in zip(labels, operands, strict=True):
        for label, size in zip(row, x.shape, strict=True):
            sizes[label] = size if sizes.get(label, 1) == 1 else sizes[label]
    summed = tuple(label for label in sizes if label not in output)
    return Contraction(operands, labels, output, summed, sizes, result)


def partial_sums(contraction: Contraction, index: tuple[int, ...] = ()) -> Tensor:
    """Return the cumulative sums of outer products of a matmul: entry k is the sum of the first k + 1.

    Args:
        contraction: from :func:`matmul`.
        index: index of the matrix in the batch.

    Returns:
        (K, M, N); a vector operand counts as a matrix of one row or column.
    """
    a, b = contraction.operands
    dtype = contraction.result.dtype
    if dtype.is_floating_point and dtype.itemsize == 1:  # torch adds no numbers of 8 bits
        a, b = a.float(), b.float()
    left = a.unsqueeze(0) if a.dim() == 1 else a
    right = b.unsqueeze(1) if b.dim() == 1 else b
    left = left.expand(*contraction.result.shape[: len(index)], *left.shape[-2:])[index]
    right = right.expand(*contraction.result.shape[: len(index)], *right.shape[-2:])[index]
    outer = left.T.unsqueeze(2) * right.unsqueeze(1)
    return outer.cumsum(0).to(dtype)
