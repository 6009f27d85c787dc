"""Numbers in any form that users hold become tensors, and what has no numbers is refused with the reason."""

import numpy as np
import pytest
import torch
from torch import nn

import dlviz
from dlviz.kit.errors import DlvizError
from dlviz.torchkit.array_data import as_plain_tensor, as_tensor, is_wrapper
from tests.torchkit.quantized import Quantized


class NAType:
    """What pandas writes for a missing value."""

    def __repr__(self) -> str:
        return "<NA>"


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([[1.5, 2], [3.25, 4]], torch.tensor([[1.5, 2], [3.25, 4]], dtype=torch.float64)),
        ([0.1, 2], torch.tensor([0.1, 2], dtype=torch.float64)),
        ([1, 2**40], torch.tensor([1, 2**40])),
        ([True, False], torch.tensor([True, False])),
        ([1.0, NAType()], torch.tensor([1.0, float("nan")], dtype=torch.float64)),
    ],
    ids=str,
)
def test_objects_that_are_numbers_are_read_without_rounding(items, expected):
    found = as_tensor(np.array(items, dtype=object))
    torch.testing.assert_close(found, expected, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("items", [["a", "b"], [1.0, "b"], [None, 1.0], [{}, 1], [[1, 2], [3]]], ids=str)
def test_other_objects_are_no_numbers(items):
    array = np.empty(2, dtype=object)
    array[:] = items
    assert as_tensor(array) is None


def test_a_tensor_that_keeps_its_numbers_is_read_dequantized_or_refused_with_what_to_pass():
    weight = Quantized.of(torch.randn(3, 2))
    assert is_wrapper(weight)
    assert torch.equal(as_plain_tensor(weight), weight.dequantize())
    for draw in (dlviz.tensor, dlviz.embedding):
        with pytest.raises(DlvizError, match=r"is of type Quantized.*\.dequantize\(\)"):
            draw(weight)


def test_other_kinds_of_tensors_are_no_wrappers():
    nested = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged)
    for other in (torch.ones(2), nn.Parameter(torch.ones(2)), torch.eye(2).to_sparse(), nested):
        assert not is_wrapper(other)


def test_a_wrapper_without_dequantize_has_no_numbers_to_read(monkeypatch):
    def refuse(weight):
        raise NotImplementedError

    monkeypatch.setattr(Quantized, "dequantize", refuse)
    assert as_plain_tensor(Quantized.of(torch.randn(2))) is None
