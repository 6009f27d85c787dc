"""The ONNX program is run by ONNX Runtime, and what is missing is said."""

import pytest
import torch

from dlviz.model_export import onnx_program, record
from tests.model_export import models


def test_onnx_runtime_gives_the_same_within_rounding_for_every_size():
    pytest.importorskip("onnxruntime")
    torch.manual_seed(0)
    found = record(models.Nested().eval(), (torch.randn(3, 5, 8),), {"other": torch.randn(5, 8)}, runtimes=["onnx"])
    assert found.onnx == ""
    assert found.parity.is_equal("onnx")
    assert {case.kind for case in found.parity.cases} >= {"size", "random"}
    # Kernels of its own give other roundings, so that this is no copy of the program's output.
    assert any(one.max_error > 0 for one in found.parity.runtimes["onnx"])


def test_missing_packages_are_named_with_the_command(monkeypatch):
    monkeypatch.setattr(onnx_program, "find_spec", lambda name: None if name == "onnxscript" else object())
    found = record(torch.nn.Linear(2, 1), (torch.ones(2, 2),), runtimes=["onnx"])
    assert found.onnx == "ONNX is not compared: onnxscript not installed. pip install 'dlviz[onnx]'"
    assert "onnx" not in found.parity.runtimes
