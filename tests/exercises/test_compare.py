"""Results are compared by type, shape, dtype, graph and numbers, in this order."""

import pytest
import torch

from dlviz.exercises.compare import difference, format_unequal

NAN = float("nan")
x = torch.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    ("yours", "expected", "aspect", "where"),
    [
        (None, x, "none", ""),
        (3.0, torch.tensor(3.0), "kind", ""),
        (torch.tensor(3.0), 3.0, "kind", ""),
        (True, 1, "kind", ""),
        (x, (x, x), "kind", ""),
        ((x,), (x, x), "length", ""),
        (x[:1].expand(2, 3)[None], x, "shape", ""),
        (x[:, :1], x, "shape", ""),
        (x.double(), x, "dtype", ""),
        (x.long(), x, "dtype", ""),
        (x, x.clone().requires_grad_(), "graph", ""),
        (x + torch.eye(2, 3), x, "value", "[0, 0]"),
        ((x, x + 1), [x, x], "value", "[1][0, 0]"),
        (torch.tensor([1.0, 2.0]), torch.tensor([1.0, NAN]), "value", "[1]"),
        (torch.tensor([1, 2]), torch.tensor([1, 3]), "value", "[1]"),
        (torch.tensor([True]), torch.tensor([False]), "value", "[0]"),
        (1.5, 1.6, "value", ""),
    ],
)
def test_the_first_difference_is_found(yours, expected, aspect, where):
    found = difference(yours, expected)
    assert (found.aspect, found.where) == (aspect, where)
    assert found.message()


@pytest.mark.parametrize(
    ("yours", "expected"),
    [
        (x.clone(), x),
        (x * (1 + 1e-6), x),
        ([x, 2], (x, 2.0)),
        (torch.tensor([NAN, float("inf")]), torch.tensor([NAN, float("inf")])),
        (torch.tensor([True, False]), torch.tensor([True, False])),
        (NAN, NAN),
        (x.clone().requires_grad_(), x),
        (torch.empty(0, 3), torch.empty(0, 3)),
    ],
)
def test_values_that_are_equal_up_to_rounding_have_no_difference(yours, expected):
    assert difference(yours, expected) is None


def test_unequal_numbers_are_formatted_with_enough_digits_to_differ():
    for a, b in [(1.0, 1.0000001), (0.1 + 0.2, 0.3), (1e-9, 1.1e-9)]:
        assert len(set(format_unequal(a, b))) == 2
