"""A quantized tensor of the kind that torchao puts into a layer: a wrapper around integers and a scale."""

import torch
from torch import Tensor
from torch.nn import functional as F

_aten = torch.ops.aten


class Quantized(Tensor):
    """Weight of which torch's functions know nothing but `linear`, which it brings itself."""

    @staticmethod
    def __new__(cls, integers, scale):
        return Tensor._make_wrapper_subclass(cls, integers.shape, dtype=scale.dtype, device=integers.device)

    def __init__(self, integers, scale):
        self.integers, self.scale = integers, scale

    @classmethod
    def of(cls, x):
        """Return `x` rounded to 8 bits."""
        scale = x.detach().abs().max() / 127
        return cls((x.detach() / scale).round().to(torch.int8), scale)

    def __tensor_flatten__(self):
        return ["integers", "scale"], None

    @staticmethod
    def __tensor_unflatten__(inner, context, size, stride):
        return Quantized(inner["integers"], inner["scale"])

    def __repr__(self, *, tensor_contents=None):
        return f"Quantized({tuple(self.shape)})"

    def dequantize(self):
        return self.integers * self.scale

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if function is F.linear:
            x, weight, bias = args
            return F.linear(x, weight.dequantize(), bias)
        with torch._C.DisableTorchFunctionSubclass():
            return function(*args, **(kwargs or {}))

    @classmethod
    def __torch_dispatch__(cls, function, types, args, kwargs=None):
        if function in (_aten.detach.default, _aten.clone.default, _aten.alias.default):
            return cls(args[0].integers, args[0].scale)
        raise NotImplementedError(f"Quantized: {function}")
