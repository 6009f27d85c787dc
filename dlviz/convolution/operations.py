"""Convolutions and poolings with arguments in any form that torch accepts. torch computes first, and its errors are raised unchanged."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from dlviz.convolution.record import SlidingWindow
from dlviz.convolution.window_axis import TransposedAxis, WindowAxis
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_integer

_CONV: dict[int, Any] = {1: F.conv1d, 2: F.conv2d}
_CONV_TRANSPOSE: dict[int, Any] = {1: F.conv_transpose1d, 2: F.conv_transpose2d}
_MAX_POOL: dict[int, Any] = {1: F.max_pool1d, 2: F.max_pool2d}
_AVG_POOL: dict[int, Any] = {1: F.avg_pool1d, 2: F.avg_pool2d}

#: An argument of one number for all spatial dimensions, or one for each.
Sizes = int | Sequence[int]


def per_dimension(value: Sizes, dims: int) -> tuple[int, ...]:
    """Return an argument as one number for each spatial dimension.

    Example:
        >>> per_dimension(2, 2), per_dimension((1,), 2), per_dimension((1, 3), 2)
        ((2, 2), (1, 1), (1, 3))
    """
    listed: list[Any] = [value] if is_integer(value) else list(value)  # type: ignore[arg-type]
    return tuple(int(v) for v in (listed * dims if len(listed) == 1 else listed))


def conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
) -> SlidingWindow:
    """Compute a convolution with as many spatial dimensions as `weight` has, one or two.

    Raises:
        RuntimeError, ValueError, TypeError: raised by torch.

    Example:
        >>> import torch
        >>> conv(torch.ones(1, 1, 4), torch.ones(1, 1, 2), stride=2).output.tolist()
        [[[2.0, 2.0]]]
    """
    dims = weight.dim() - 2
    convolve = _CONV[dims]
    if padding_mode == "zeros":
        output = convolve(x, weight, bias, stride, padding, dilation, groups)
    else:
        if padding_mode not in ("reflect", "replicate", "circular"):
            raise ValueError(
                f"padding_mode must be one of zeros, reflect, replicate, circular, but got {padding_mode!r}"
            )
        if padding == "same" and any(step != 1 for step in per_dimension(stride, dims)):
            raise ValueError("padding='same' is not supported for strided convolutions")
        pads = _pads(weight.shape[2:], padding, dilation)
        padded = F.pad(x, [p for pair in reversed(pads) for p in pair], mode=padding_mode)
        output = convolve(padded, weight, bias, stride, 0, dilation, groups)
    x, output = add_batch(x, dims), add_batch(output, dims)
    axes = window_axes(x.shape[2:], weight.shape[2:], stride, padding, dilation, padding_mode=padding_mode)
    return SlidingWindow("conv", x, weight, bias, axes, groups, output)


def _pads(kernel: Sequence[int], padding: Sizes | str, dilation: Sizes) -> list[tuple[int, int]]:
    """Return the padding before and after along each dimension; with an odd "same" there is one more after."""
    dims = len(kernel)
    if padding == "same":
        totals = [d * (k - 1) for d, k in zip(per_dimension(dilation, dims), kernel, strict=True)]
        return [(total // 2, total - total // 2) for total in totals]
    if isinstance(padding, str):
        return [(0, 0)] * dims  # "valid"; torch raises an error for any other text
    return [(p, p) for p in per_dimension(padding, dims)]


def window_axes(
    sizes: Sequence[int],
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes | str,
    dilation: Sizes = 1,
    *,
    padding_mode: str = "zeros",
    ceil_mode: bool = False,
) -> tuple[WindowAxis, ...]:
    """Return the axes of a convolution or pooling of an input of these spatial sizes; `stride` is the kernel size by default."""
    dims = len(sizes)
    kernel = per_dimension(kernel_size, dims)
    strides = kernel if stride is None or (not is_integer(stride) and len(stride) == 0) else per_dimension(stride, dims)  # type: ignore[arg-type]
    numbers = zip(sizes, kernel, strides, per_dimension(dilation, dims), _pads(kernel, padding, dilation), strict=True)
    return tuple(
        WindowAxis(size, k, step, d, before, after, padding_mode, ceil_mode)
        for size, k, step, d, (before, after) in numbers
    )


def transposed_axes(sizes: Sequence[int], kernel: Sequence[int], *arguments: Sizes) -> tuple[TransposedAxis, ...]:
    """Return the axes of a transposed convolution; `arguments` are stride, dilation, padding and output_padding."""
    numbers = [per_dimension(value, len(sizes)) for value in arguments]
    return tuple(TransposedAxis(*each) for each in zip(sizes, kernel, *numbers, strict=True))


def conv_transpose(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> SlidingWindow:
    """Compute a transposed convolution, with arguments in the order of :func:`torch.nn.functional.conv_transpose2d`.

    Raises:
        RuntimeError, ValueError, TypeError: raised by torch.
    """
    dims = weight.dim() - 2
    output = _CONV_TRANSPOSE[dims](x, weight, bias, stride, padding, output_padding, groups, dilation)
    x, output = add_batch(x, dims), add_batch(output, dims)
    axes = transposed_axes(x.shape[2:], weight.shape[2:], stride, dilation, padding, output_padding)
    return SlidingWindow("conv_transpose", x, weight, bias, axes, groups, output)


def equivalent_convolution(transposed: SlidingWindow) -> SlidingWindow:
    """Return the convolution with the same output as a transposed one: zeros inserted into the input, and a flipped kernel.

    Raises:
        DlvizError: `padding` exceeds the extent of the kernel, so that the equivalent padding would be negative.

    Example:
        >>> import torch
        >>> up = conv_transpose(torch.ones(1, 1, 3), torch.tensor([[[1.0, 2.0]]]), stride=2)
        >>> equivalent_convolution(up).output.tolist() == up.output.tolist()
        True

    Source:
        https://arxiv.org/abs/1603.07285
    """
    x, weight, bias, groups = transposed.x, transposed.weight, transposed.bias, transposed.groups
    assert weight is not None
    axes = tuple(axis.equivalent for axis in transposed.axes if isinstance(axis, TransposedAxis))
    if any(axis.pad_before < 0 or axis.pad_after < 0 for axis in axes):
        raise DlvizError(message("convolution.refused.equivalent"))
    dilated = x.new_zeros(*x.shape[:2], *(axis.input_size for axis in axes))
    positions: tuple[Any, ...] = (..., *(slice(None, None, axis.stride) for axis in transposed.axes))
    dilated[positions] = x
    flipped = weight.flip(list(range(2, weight.dim())))
    # The dimensions of input and output channels change places within each group.
    flipped = flipped.unflatten(0, (groups, -1)).transpose(1, 2).flatten(0, 1)
    pads = [p for axis in reversed(axes) for p in (axis.pad_before, axis.pad_after)]
    dilation = tuple(axis.dilation for axis in axes)
    output = _CONV[len(axes)](F.pad(dilated, pads), flipped, bias, 1, 0, dilation, groups)
    return SlidingWindow("conv", dilated, flipped, bias, axes, groups, output)


def max_pool(
    x: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    *,
    dims: int = 2,
) -> SlidingWindow:
    """Compute a max pooling; `indices` of the result are those of ``return_indices=True``.

    Raises:
        RuntimeError, ValueError, TypeError: raised by torch.
    """
    try:
        output, indices = _MAX_POOL[dims](x, kernel_size, stride, padding, dilation, ceil_mode, return_indices=True)
    except Exception:
        # Some of torch's error messages are others without indices.
        _MAX_POOL[dims](x, kernel_size, stride, padding, dilation, ceil_mode)
        raise
    x, output, indices = add_batch(x, dims), add_batch(output, dims), add_batch(indices, dims)
    axes = window_axes(x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode=ceil_mode)
    return SlidingWindow("max_pool", x, None, None, axes, 1, output, indices)


def avg_pool(
    x: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    dims: int = 2,
) -> SlidingWindow:
    """Compute an average pooling.

    Raises:
        RuntimeError, ValueError, TypeError: raised by torch.
    """
    only_2d = (divisor_override,) if dims == 2 else ()
    output = _AVG_POOL[dims](x, kernel_size, stride, padding, ceil_mode, count_include_pad, *only_2d)
    x, output = add_batch(x, dims), add_batch(output, dims)
    axes = window_axes(x.shape[2:], kernel_size, stride, padding, ceil_mode=ceil_mode)
    return SlidingWindow("avg_pool", x, None, None, axes, 1, output, None, count_include_pad, divisor_override)


def add_batch(x: Tensor, dims: int) -> Tensor:
    """Return `x` with a batch dimension, as a view."""
    return x.detach().unsqueeze(0) if x.dim() == dims + 1 else x.detach()
