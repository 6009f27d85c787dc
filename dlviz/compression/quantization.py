"""Quantization to 8-bit integers: torchao's, and the same arithmetic by hand in plain torch."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import torch
from torch import Tensor, nn

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.torchkit.modules import named_modules

#: Names of the ways to quantize, and of torchao's configurations.
CONFIGS = {"int8 weights": "Int8WeightOnlyConfig", "int8 dynamic": "Int8DynamicActivationInt8WeightConfig"}
METHODS = ("none", *CONFIGS)
#: Smallest and largest integer of 8 bits.
LOW, HIGH = -128, 127
#: Types of floating-point numbers that torchao quantizes.
_DTYPES = (torch.float32, torch.float16, torch.bfloat16)


@dataclass(frozen=True, eq=False)
class Quantized:
    """Integers that stand for numbers: ``(q − zero_point) · scale``, with a scale and a zero point for each row.

    Attributes:
        q: int8 (N, K).
        scale: float32 (N, 1).
        zero_point: int8 (N, 1); 0 unless the quantization is asymmetric.
    """

    q: Tensor
    scale: Tensor
    zero_point: Tensor

    def dequantize(self) -> Tensor:
        """Return the numbers that the integers stand for, float32 (N, K)."""
        return (self.q.float() - self.zero_point.float()) * self.scale


def quantize_int8(weight: Tensor, *, symmetric: bool = True) -> Quantized:
    """Quantize each row of a matrix (N, K) to 8-bit integers, with torchao's arithmetic.

    A row's scale spreads 255 steps over its range: symmetric from −max |w| to max |w|, so that 0 is the integer 0; asymmetric from the
    smallest to the largest weight, 0 included. What an integer stands for differs from the number by half a step, ``scale / 2``, at most.

    Example:
        >>> found = quantize_int8(torch.tensor([[-1.0, 0.0, 0.5, 0.25]]))
        >>> found.q, found.scale
        (tensor([[-127,    0,   64,   32]], dtype=torch.int8), tensor([[0.0078]]))
        >>> bool(((found.dequantize() - torch.tensor([[-1.0, 0.0, 0.5, 0.25]])).abs() <= found.scale / 2).all())
        True

    Source:
        torchao.quantization.quant_primitives; B. Jacob et al., Quantization and Training of Neural Networks, 2018 (arXiv 1712.05877)
    """
    low, high = weight.amin(1, keepdim=True).clamp(max=0), weight.amax(1, keepdim=True).clamp(min=0)
    if symmetric:
        scale = torch.maximum(-low, high) / ((HIGH - LOW) / 2)
        scale = scale.clamp(min=torch.finfo(torch.float32).eps)
        zero_point = torch.zeros_like(scale)
    else:
        scale = ((high - low) / (HIGH - LOW)).clamp(min=torch.finfo(torch.float32).eps)
        zero_point = (LOW - (low / scale).round()).clamp(LOW, HIGH)
    # torchao too multiplies by the reciprocal in float32; a division rounds differently.
    q = ((weight * (1.0 / scale.float())).round() + zero_point).clamp(LOW, HIGH)
    return Quantized(q.to(torch.int8), scale.float(), zero_point.to(torch.int8))


def linear_int8_weights(x: Tensor, weight: Quantized, bias: Tensor | None = None) -> Tensor:
    """Return what a linear layer with quantized weights computes from inputs (…, K): the integers become floats in every call.

    Example:
        >>> weight = quantize_int8(torch.eye(2))
        >>> linear_int8_weights(torch.tensor([[2.0, 0.0]]), weight)
        tensor([[1.9922, 0.0000]])
    """
    y = (x @ weight.q.to(x.dtype).t()) * weight.scale.flatten().to(x.dtype)
    return y if bias is None else y + bias


def linear_int8_dynamic(x: Tensor, weight: Quantized, bias: Tensor | None = None) -> Tensor:
    """Return what a linear layer with quantized weights computes if the inputs (…, K) are quantized too, each row in every call.

    The products and their sums are those of integers, and exact.

    Example:
        >>> weight = quantize_int8(torch.eye(2))
        >>> linear_int8_dynamic(torch.tensor([[2.0, 0.0]]), weight)
        tensor([[1.9843, 0.0000]])
    """
    rows = quantize_int8(x.reshape(-1, x.shape[-1]))
    sums = rows.q.int() @ weight.q.int().t()
    y = ((sums.float() * rows.scale) * weight.scale.flatten()).reshape(*x.shape[:-1], -1)
    return y if bias is None else y + bias


def is_available() -> bool:
    """Return whether torchao is installed."""
    return find_spec("torchao") is not None


def quantizable(model: nn.Module) -> list[str]:
    """Return the paths of the layers that :func:`quantize` changes: linear ones with floating-point weights of 32 or 16 bits.

    The output projection of ``nn.MultiheadAttention`` is left, because that module reads its weight past the layer.

    Example:
        >>> quantizable(nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(16, 3)))
        ['2']
    """
    return list(_quantizable(model))


def _quantizable(model: nn.Module) -> dict[str, nn.Module]:
    return {path: module for path, module in named_modules(model) if _is_quantizable(module)}


def _is_quantizable(module: nn.Module) -> bool:
    left = nn.modules.linear.NonDynamicallyQuantizableLinear
    if not isinstance(module, nn.Linear) or isinstance(module, left):
        return False
    weight = module._parameters.get("weight")
    return weight is not None and weight.dtype in _DTYPES and type(weight) is nn.Parameter


def quantize(model: nn.Module, method: str) -> list[str]:
    """Quantize the linear layers of a model in place, with torchao, and return their paths.

    Args:
        model: any module.
        method: "int8 weights" rounds the weights; "int8 dynamic" rounds the inputs of each layer too, in every call.

    Raises:
        DlvizError: torchao is not installed, or cannot be loaded.

    Example:
        >>> net = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
        >>> weight = net[0].weight.detach().clone()
        >>> quantize(net, "int8 weights")
        ['0']
        >>> torch.equal(net[0].weight.dequantize(), quantize_int8(weight).dequantize())
        True

    Source:
        https://docs.pytorch.org/ao/stable/
    """
    api = _torchao()
    found = _quantizable(model)
    with _quiet():
        config = getattr(api, CONFIGS[method])(set_inductor_config=False)
        # Layer by layer, because an attribute of the learner's model may hide the method by which torchao finds its layers.
        for layer in found.values():
            api.quantize_(layer, config)
    return list(found)


@cache
def _torchao() -> ModuleType:
    if not is_available():
        raise DlvizError(message("compression.refused.no_torchao"))
    try:
        with _quiet():
            return import_module("torchao.quantization")
    except Exception as error:  # a torchao that does not fit this torch may raise anything
        text = f"{type(error).__name__}: {error}"
        raise DlvizError(message("compression.refused.torchao", error=text)) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep torchao's log lines about kernels for other machines, and its deprecation warnings, out of the notebook."""
    disabled = logging.root.manager.disable
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(disabled)
