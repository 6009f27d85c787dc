"""An einsum of two tensors as a product of matrices."""

import pytest
import torch

from dlviz.transformer.recording.einsum_operands import matrix_product


@pytest.mark.parametrize(
    ("equation", "first", "second", "rows_of"),
    [
        ("blhd,bshd->bhls", (2, 3, 4, 5), (2, 6, 4, 5), None),
        ("bshd,blhd->bhls", (2, 6, 4, 5), (2, 3, 4, 5), None),
        ("blgrd,bsgd->bgrls", (2, 3, 2, 4, 5), (2, 6, 2, 5), None),
        ("...qd, ...kd -> ...qk", (2, 4, 3, 5), (4, 6, 5), None),
        ("ld,sd->ls", (3, 5), (6, 5), None),
        ("blhde,bshde->bhls", (2, 3, 4, 5, 2), (2, 6, 4, 5, 2), None),
        ("bhls,bshd->blhd", (2, 4, 3, 6), (2, 6, 4, 5), 0),
        ("bshd,bhls->blhd", (2, 6, 4, 5), (2, 4, 3, 6), 1),
        ("bgrls,bsgd->blgrd", (2, 2, 4, 3, 6), (2, 6, 2, 5), 0),
        ("...ls,...sd->...ld", (2, 4, 3, 6), (2, 4, 6, 5), 0),
    ],
)
def test_the_product_of_its_matrices_is_what_einsum_returns(equation, first, second, rows_of):
    a, b = torch.randn(first).double(), torch.randn(second).double()
    found = matrix_product(equation, a, b, rows_of=rows_of)
    assert found is not None
    made = (found.left @ found.right).permute(found.order)
    assert float((made - torch.einsum(equation, a, b)).abs().max()) <= 1e-12


@pytest.mark.parametrize(
    ("equation", "first", "second", "rows_of"),
    [
        ("bld,bld->bl", (2, 3, 4), (2, 3, 4), None),  # nothing of the second alone is left
        ("bld,bld->bld", (2, 3, 4), (2, 3, 4), None),
        ("ij,jk", (2, 3), (3, 4), None),  # the output is not written
        ("ii,ij->ij", (2, 2), (2, 3), None),
        ("bhls,bshd->bhs", (2, 4, 3, 6), (2, 6, 4, 5), 0),  # the rows are summed
    ],
)
def test_another_einsum_is_no_product_of_matrices(equation, first, second, rows_of):
    assert matrix_product(equation, torch.zeros(first), torch.zeros(second), rows_of=rows_of) is None
