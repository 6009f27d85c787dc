"""From arguments in any form that torch accepts to a :class:`Sliding`: torch computes first, and what it refuses is refused."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from dlviz.convolution.record import Sliding
from dlviz.convolution.window_axis import Axis, Stamp

_CONV: dict[int, Any] = {1: F.conv1d, 2: F.conv2d}
_TRANSPOSE: dict[int, Any] = {1: F.conv_transpose1d, 2: F.conv_transpose2d}
_MAX: dict[int, Any] = {1: F.max_pool1d, 2: F.max_pool2d}
_AVERAGE: dict[int, Any] = {1: F.avg_pool1d, 2: F.avg_pool2d}


def each(value: int | Sequence[int], dims: int) -> tuple[int, ...]:
    """An argument as one number for each spatial dimension.

    Example:
        >>> each(2, 2), each((1,), 2), each((1, 3), 2)
        ((2, 2), (1, 1), (1, 3))
    """
    listed = [value] if isinstance(value, int) else list(value)
    return tuple(int(v) for v in (listed * dims if len(listed) == 1 else listed))


def conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] | str = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
) -> Sliding:
    """A convolution of one or two spatial dimensions, by the number that `weight` has.

    Raises:
        RuntimeError, ValueError, TypeError: torch's own.

    Example:
        >>> import torch
        >>> conv(torch.ones(1, 1, 4), torch.ones(1, 1, 2), stride=2).output.tolist()
        [[[2.0, 2.0]]]
    """
    dims = weight.dim() - 2
    run = _CONV[dims]
    ends = _ends(weight, padding, dilation, dims)
    if padding_mode == "zeros":
        output = run(x, weight, bias, stride, padding, dilation, groups)
    else:
        if padding_mode not in ("reflect", "replicate", "circular"):
            raise ValueError(
                f"padding_mode must be one of zeros, reflect, replicate, circular, but got {padding_mode!r}"
            )
        if padding == "same" and any(step != 1 for step in each(stride, dims)):
            raise ValueError("padding='same' is not supported for strided convolutions")
        output = run(
            F.pad(x, [p for pair in reversed(ends) for p in pair], mode=padding_mode),
            weight,
            bias,
            stride,
            0,
            dilation,
            groups,
        )
    x, output = batched(x, dims), batched(output, dims)
    axes = tuple(
        Axis(size, kernel, step, apart, before, after, padding_mode)
        for size, kernel, step, apart, (before, after) in zip(
            x.shape[2:], weight.shape[2:], each(stride, dims), each(dilation, dims), ends, strict=True
        )
    )
    return Sliding("conv", x, weight, bias, axes, groups, output)


def _ends(
    weight: Tensor, padding: int | Sequence[int] | str, dilation: int | Sequence[int], dims: int
) -> list[tuple[int, int]]:
    """Padding before and after along each dimension; of an odd "same" the larger half stands after."""
    if padding == "valid":
        return [(0, 0)] * dims
    if padding == "same":
        totals = [apart * (kernel - 1) for apart, kernel in zip(each(dilation, dims), weight.shape[2:], strict=True)]
        return [(total // 2, total - total // 2) for total in totals]
    if isinstance(padding, str):
        return [(0, 0)] * dims  # torch refuses it in its own words
    return [(p, p) for p in each(padding, dims)]


def conv_transpose(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Sliding:
    """A transposed convolution; arguments in the order of :func:`torch.nn.functional.conv_transpose2d`.

    Raises:
        RuntimeError, ValueError, TypeError: torch's own.
    """
    dims = weight.dim() - 2
    output = _TRANSPOSE[dims](x, weight, bias, stride, padding, output_padding, groups, dilation)
    x, output = batched(x, dims), batched(output, dims)
    axes = tuple(
        Stamp(*numbers)
        for numbers in zip(
            x.shape[2:],
            weight.shape[2:],
            *(each(value, dims) for value in (stride, dilation, padding, output_padding)),
            strict=True,
        )
    )
    return Sliding("conv_transpose", x, weight, bias, axes, groups, output)


def equivalent(made: Sliding) -> Sliding:
    """The convolution that gives the same output as a transposed one: the input spread `stride` apart, the kernel turned around.

    Raises:
        ValueError: more is cut off than the kernel reaches, so that there is no padding to add.

    Example:
        >>> import torch
        >>> up = conv_transpose(torch.ones(1, 1, 3), torch.tensor([[[1.0, 2.0]]]), stride=2)
        >>> equivalent(up).output.tolist() == up.output.tolist()
        True

    Source:
        https://arxiv.org/abs/1603.07285
    """
    assert made.weight is not None
    axes = tuple(axis.equivalent for axis in made.axes if isinstance(axis, Stamp))
    if any(axis.before < 0 or axis.after < 0 for axis in axes):
        raise ValueError("no equivalent convolution: padding is larger than dilation * (kernel_size - 1)")
    spread = made.x.new_zeros(*made.x.shape[:2], *(axis.size for axis in axes))
    places: tuple[Any, ...] = (..., *(slice(None, None, axis.stride) for axis in made.axes))
    spread[places] = made.x
    groups, width = made.groups, made.weight.shape[1]
    turned = made.weight.flip(list(range(2, made.weight.dim())))
    turned = turned.unflatten(0, (groups, -1)).transpose(1, 2).reshape(groups * width, -1, *turned.shape[2:])
    ends = [p for axis in reversed(axes) for p in (axis.before, axis.after)]
    dilation = tuple(axis.dilation for axis in axes)
    output = _CONV[len(axes)](F.pad(spread, ends), turned, made.bias, 1, 0, dilation, groups)
    return Sliding("conv", spread, turned, made.bias, axes, groups, output)


def max_pool(
    x: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    *,
    dims: int = 2,
) -> Sliding:
    """Maximum pooling; `indices` of the result are those of ``return_indices=True``.

    Raises:
        RuntimeError, ValueError, TypeError: torch's own.
    """
    # Asked without indices first, because torch words some refusals otherwise when it is asked for them.
    output = _MAX[dims](x, kernel_size, stride, padding, dilation, ceil_mode)
    _, indices = _MAX[dims](x, kernel_size, stride, padding, dilation, ceil_mode, return_indices=True)
    x, output, indices = batched(x, dims), batched(output, dims), batched(indices, dims)
    steps = kernel_size if stride is None or stride == [] else stride
    axes = tuple(
        Axis(size, kernel, step, apart, pad, pad, ceil=ceil_mode)
        for size, kernel, step, apart, pad in zip(
            x.shape[2:], *(each(value, dims) for value in (kernel_size, steps, dilation, padding)), strict=True
        )
    )
    return Sliding("max_pool", x, None, None, axes, 1, output, indices)


def avg_pool(
    x: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    dims: int = 2,
) -> Sliding:
    """Average pooling.

    Raises:
        RuntimeError, ValueError, TypeError: torch's own.
    """
    more = (divisor_override,) if dims == 2 else ()
    output = _AVERAGE[dims](x, kernel_size, stride, padding, ceil_mode, count_include_pad, *more)
    x, output = batched(x, dims), batched(output, dims)
    steps = kernel_size if stride is None or stride == [] else stride
    axes = tuple(
        Axis(size, kernel, step, 1, pad, pad, ceil=ceil_mode)
        for size, kernel, step, pad in zip(
            x.shape[2:], *(each(value, dims) for value in (kernel_size, steps, padding)), strict=True
        )
    )
    return Sliding("avg_pool", x, None, None, axes, 1, output, None, count_include_pad, divisor_override)


def batched(x: Tensor, dims: int) -> Tensor:
    """`x` with a batch dimension, as a view."""
    return x.detach().unsqueeze(0) if x.dim() == dims + 1 else x.detach()
