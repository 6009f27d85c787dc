"""Results are compared by type, shape, dtype, graph and numbers, in this order."""

import numpy as np
import pytest
import torch

from dlviz.exercises.compare import describe, difference, format_unequal, format_value

NAN = float("nan")
x = torch.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    ("yours", "expected", "aspect", "where"),
    [
        (None, x, "nothing", ""),
        (3.0, torch.tensor(3.0), "kind", ""),
        (torch.tensor(3.0), 3.0, "kind", ""),
        (True, 1, "kind", ""),
        (x, (x, x), "kind", ""),
        ((x,), (x, x), "length", ""),
        (x[:1].expand(2, 3)[None], x, "shape", ""),
        (x[:, :1], x, "shape", ""),
        (x.half(), x, "dtype", ""),
        (x, x.double(), "dtype", ""),
        (x.int(), x.long(), "dtype", ""),
        (x.double(), x.long(), "dtype", ""),
        (x.to(torch.complex64), x, "dtype", ""),
        (x.to_sparse(), x, "layout", ""),
        (x.to("meta"), x, "meta", ""),
        (x, None, "kind", ""),
        (x.numpy(), x, "kind", ""),
        (np.ones(3), (1, 1, 1), "kind", ""),
        (1, True, "kind", ""),
        (np.True_, 1, "kind", ""),
        (100_001, 100_000, "value", ""),
        (np.int64(3), 4, "value", ""),
        (1j, 1.0, "kind", ""),
        ("1", 1, "kind", ""),
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
        (x.double(), x),
        ((x.double(), [np.int64(3), np.float32(0.5)]), (x, (3, 0.5))),
        (np.array(3), 3),
        (3.0, 3),
        (np.True_, True),
        (None, None),
    ],
)
def test_values_that_are_equal_up_to_rounding_have_no_difference(yours, expected):
    assert difference(yours, expected) is None


def test_unequal_numbers_are_formatted_with_enough_digits_to_differ():
    for a, b in [(1.0, 1.0000001), (0.1 + 0.2, 0.3), (1e-9, 1.1e-9)]:
        assert len(set(format_unequal(a, b))) == 2


def test_a_wider_dtype_is_a_difference_where_the_dtype_is_strict():
    assert difference((x.double(),), (x,), strict_dtype=True).aspect == "dtype"
    assert difference((x,), (x,), strict_dtype=True) is None


def test_the_first_of_many_differences_is_reported_with_their_number():
    wrong = torch.zeros(8, 8)
    wrong[2, 0], wrong[5] = 0.5, 1
    found = difference([wrong], [torch.zeros(8, 8)])
    assert (found.unequal, found.total) == (9, 64)
    assert "[0][2, 0]: yours is 0.5, expected 0; 9 of 64 elements differ" in found.message()
    assert "differ." not in difference(1.5, 1.6).message()


@pytest.mark.parametrize(
    ("value", "described", "formatted"),
    [
        (None, "None", "None"),
        (np.zeros((2, 3)), "ndarray (2, 3) float64", "ndarray (2, 3) float64"),
        (np.float64(0.25), "float64", "0.25"),
        (list(range(1000)), "list (1000 × int)", f"[{str(list(range(16)))[1:-1]}, …]"),
        ([*range(20), 0.5], f"list ({16 * 'int, '}…)", f"[{str(list(range(16)))[1:-1]}, …]"),
        ([[1.0, 2.0]] * 3, "list (3 × list (float, float))", "[[1, 2], [1, 2], [1, 2]]"),
        ((4,), "tuple (int)", "(4,)"),
        (10**1000, "int", "int, 3322 bits"),
        (x.to("meta"), "Tensor (2, 3) float32", "Tensor (2, 3) float32"),
        (x.to_sparse(), "Tensor (2, 3) float32", "Tensor (2, 3) float32"),
    ],
)
def test_any_value_is_described_in_a_few_words(value, described, formatted):
    assert describe(value) == described
    assert format_value(value) == formatted
