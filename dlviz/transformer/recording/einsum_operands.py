"""The two operands of an einsum that multiplies matrices, with their dimensions in the order of ``matmul``."""

import string
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class MatrixProduct:
    """A product of two tensors, written as ``torch.matmul`` would be given them.

    Attributes:
        left: (…, L, K).
        right: (…, K, S); its leading dimensions broadcast with those of `left`.
        order: the output's dimensions as a permutation of those of ``left @ right``.
    """

    left: Tensor
    right: Tensor
    order: tuple[int, ...]


def matrix_product(equation: str, a: Tensor, b: Tensor, *, rows_of: int | None = None) -> MatrixProduct | None:
    """Return an einsum of two tensors as a product of matrices; ``None`` if it is none.

    Args:
        equation: einsum's equation with letters and "...".
        a, b: its operands.
        rows_of: the operand, 0 or 1, that has the rows of the product, in its last dimension but one. ``None``: rows and columns are
            the output's last dimensions.

    Example:
        >>> q, k = torch.randn(2, 5, 3, 4), torch.randn(2, 6, 3, 4)
        >>> found = matrix_product("blhd,bshd->bhls", q, k)
        >>> torch.equal(found.left @ found.right, torch.einsum("blhd,bshd->bhls", q, k)), found.order
        (True, (0, 1, 2, 3))
    """
    inputs, arrow, output = equation.replace(" ", "").partition("->")
    if not arrow or inputs.count(",") != 1:
        return None
    terms = _without_ellipsis(inputs.split(","), (a, b), output)
    if terms is None:
        return None
    (first, second), output = terms
    if rows_of is None:
        if len(output) < 2 or (output[-1] in first) == (output[-1] in second):
            return None
        rows_of = 0 if output[-1] in second else 1
        row = output[-2]
    else:
        row = (first, second)[rows_of][-2:-1]
    if rows_of == 1:
        a, b, first, second = b, a, second, first
    summed = [one for one in first if one in second and one not in output]
    columns = [one for one in output if one in second and one not in first]
    if not (summed and columns) or row not in first or row in second or row not in output:
        return None
    if set(first + second) != {*output, *summed} or any(
        len(set(term)) != len(term) for term in (first, second, output)
    ):
        return None
    made = [one for one in output if one not in (row, columns[-1])]
    made += [row, columns[-1]]
    left = _arranged(a, first, made[:-1], summed)
    right = _arranged(b, second, [*made[:-2], made[-1]], summed).transpose(-2, -1)
    return MatrixProduct(left, right, tuple(made.index(one) for one in output))


def _arranged(x: Tensor, term: str, wanted: list[str], summed: list[str]) -> Tensor:
    """Return a tensor with its dimensions as wanted, of size 1 where it has none, and the summed ones flattened at the end."""
    own = [one for one in wanted if one in term]
    x = torch.permute(x, [term.index(one) for one in [*own, *summed]]).flatten(len(own))
    for i, one in enumerate(wanted):
        if one not in term:
            x = x.unsqueeze(i)
    return x


def _without_ellipsis(
    inputs: list[str], operands: tuple[Tensor, Tensor], output: str
) -> tuple[tuple[str, str], str] | None:
    """Return the terms with "..." replaced by letters."""
    free = [one for one in string.ascii_letters if one not in "".join(inputs) + output]
    counts = [x.dim() - len(term.replace("...", "")) for term, x in zip(inputs, operands, strict=True)]
    if any(count and "..." not in term for term, count in zip(inputs, counts, strict=True)):
        return None
    letters = "".join(free[: max(counts)])
    first, second = (
        term.replace("...", letters[len(letters) - count :]) for term, count in zip(inputs, counts, strict=True)
    )
    return (first, second), output.replace("...", letters)
