"""Quantization by hand equals torchao's, number for number; what torchao prints goes nowhere, and what it lacks is said."""

import copy
import subprocess
import sys

import pytest
import torch
from torch import nn

from dlviz.compression import linear_int8_dynamic, linear_int8_weights, quantization, quantize, quantize_int8
from dlviz.kit.errors import DlvizError

SEEDS = [*range(3), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 60))]


def matrix(seed, dtype=torch.float32):
    """Return a random matrix of any scale, shifted away from 0, with a row of zeros."""
    generator = torch.Generator().manual_seed(seed)
    rows, columns = torch.randint(2, 40, (2,), generator=generator).tolist()
    scale = 10 ** torch.randn(1, generator=generator)
    weight = torch.randn(rows, columns, generator=generator) * scale + torch.randn(1, generator=generator)
    weight[-1] = 0
    return weight.to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("seed", SEEDS)
def test_integers_scales_and_zero_points_equal_torchaos(seed, symmetric, dtype):
    # Imported here, because every worker collects this file and only one runs it: torchao takes two seconds.
    from torchao.quantization import Int8Tensor, PerRow
    from torchao.quantization.quant_primitives import MappingType

    weight = matrix(seed, dtype)
    kind = MappingType.SYMMETRIC if symmetric else MappingType.ASYMMETRIC
    expected = Int8Tensor.from_hp(weight, PerRow(), mapping_type=kind)
    found = quantize_int8(weight, symmetric=symmetric)
    assert torch.equal(found.q, expected.qdata)
    assert torch.equal(found.scale, expected.scale)
    assert torch.equal(found.zero_point, expected.zero_point)
    assert torch.equal(found.dequantize().to(dtype), expected.dequantize())


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_error_is_half_a_step_at_most(seed, symmetric):
    weight = matrix(seed)
    found = quantize_int8(weight, symmetric=symmetric)
    error = (found.dequantize() - weight).abs() / found.scale
    assert float(error.max()) <= 0.5 + 1e-3  # the roundings of float32
    if symmetric:
        assert bool((found.q[-1] == 0).all())


@pytest.mark.parametrize("method", ["int8 weights", "int8 dynamic"])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_layer_by_hand_equals_torchaos_layer(seed, method):
    weight = matrix(seed)
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight.data.copy_(weight)
    made = copy.deepcopy(layer)
    quantize(made, method)
    x = matrix(seed + 1000)[:, :1] * torch.randn(1, weight.shape[1], generator=torch.Generator().manual_seed(seed))
    by_hand = {"int8 weights": linear_int8_weights, "int8 dynamic": linear_int8_dynamic}[method]
    with torch.no_grad():
        expected = made(x)
        assert torch.equal(by_hand(x, quantize_int8(weight), layer.bias), expected)
        assert not torch.equal(expected, layer(x))


def test_only_linear_layers_of_floats_are_quantized():
    net = nn.Sequential(
        nn.Conv1d(2, 3, 1), nn.Linear(4, 3), nn.Linear(3, 2).double(), nn.TransformerEncoderLayer(4, 2, 8)
    )
    x = torch.randn(5, 4)
    assert quantize(net.eval(), "int8 weights") == ["1", "3.linear1", "3.linear2"]
    assert type(net[1].weight).__name__ == "Int8Tensor"
    assert net[2].weight.dtype is torch.float64
    assert net[3](x).shape == (5, 4)
    assert quantize(net, "int8 weights") == []


def test_a_missing_torchao_is_said(monkeypatch):
    quantization._torchao.cache_clear()
    monkeypatch.setattr(quantization, "find_spec", lambda name: None)
    with pytest.raises(DlvizError, match=r"pip install 'dlviz\[ship\]'"):
        quantize(nn.Linear(2, 2), "int8 weights")


def test_a_torchao_that_cannot_be_loaded_is_said(monkeypatch):
    quantization._torchao.cache_clear()
    monkeypatch.setitem(sys.modules, "torchao.quantization", None)
    with pytest.raises(DlvizError, match="cannot be loaded, so nothing can be quantized: "):
        quantize(nn.Linear(2, 2), "int8 weights")


def test_nothing_is_printed():
    code = (
        "import torch; from dlviz.compression import quantize; print(quantize(torch.nn.Linear(2, 2), 'int8 dynamic'))"
    )
    ran = subprocess.run([sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("['']\n", "")
