"""Receptive fields by index arithmetic: from the elements of a call's output back to the elements of its inputs, call by call."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from dlviz.convolution.window_axis import NO_INPUT, WindowAxis
from dlviz.network.record import Column, Network, Source
from dlviz.network.sliding_ops import sliding_op

#: Functions and modules that only rearrange elements. Which element goes where is found by calling them on element numbers.
_MOVING = {
    "view", "reshape", "flatten", "unflatten", "permute", "transpose", "T", "mT", "t", "squeeze", "unsqueeze",
    "expand", "expand_as", "repeat", "tile", "cat", "concat", "concatenate", "stack", "hstack", "vstack", "chunk",
    "split", "unbind", "getitem", "narrow", "select", "index_select", "flip", "roll", "rot90", "pad", "contiguous",
    "clone", "detach", "swapaxes", "movedim", "view_as", "reshape_as", "broadcast_to", "pixel_shuffle",
    "pixel_unshuffle", "channel_shuffle", "ravel", "Flatten", "Unflatten", "Identity", "ZeroPad1d", "ZeroPad2d",
    "ReflectionPad1d", "ReflectionPad2d", "ReplicationPad1d", "ReplicationPad2d", "CircularPad1d", "CircularPad2d",
    "PixelShuffle", "PixelUnshuffle", "ChannelShuffle",
}  # fmt: skip
#: Elementwise functions and modules, with broadcasting.
_ELEMENTWISE = {
    "relu", "leaky_relu", "prelu", "elu", "selu", "celu", "gelu", "silu", "mish", "sigmoid", "tanh", "hardtanh",
    "relu6", "hardsigmoid", "hardswish", "softplus", "softsign", "logsigmoid", "threshold", "clamp", "clip", "abs",
    "neg", "exp", "log", "sqrt", "square", "pow", "sin", "cos", "add", "sub", "mul", "div", "maximum", "minimum",
    "dropout", "feature_dropout", "alpha_dropout", "dropout2d", "to", "float", "double", "half", "type_as", "where",
    "lerp", "addcmul", "rsqrt", "reciprocal", "ReLU", "LeakyReLU", "PReLU", "ELU", "SELU", "CELU", "GELU", "SiLU",
    "Mish", "Sigmoid", "Tanh", "Hardtanh", "ReLU6", "Hardsigmoid", "Hardswish", "Softplus", "Softsign",
    "LogSigmoid", "Threshold", "Tanhshrink", "Softshrink", "Hardshrink", "RReLU", "Dropout", "Dropout1d",
    "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout",
}  # fmt: skip
_REDUCTIONS = {"mean", "sum", "amax", "amin", "max", "min", "std", "var", "prod", "norm", "argmax", "logsumexp"}
#: Calls whose output elements depend on every element along one dimension.
_ALONG_DIM = {"softmax", "log_softmax", "Softmax", "LogSoftmax", "Softmin", "softmin", "normalize"}
_ADAPTIVE = ("AdaptiveAvgPool", "AdaptiveMaxPool", "adaptive_avg_pool", "adaptive_max_pool")
#: Calls with more input elements are not traced by element numbers.
_MAX_ELEMENTS = 2**25


def receptive_field_masks(network: Network, target: Source, index: tuple[int, ...]) -> dict[int, Tensor | None]:
    """Return for every column which elements of its output one element depends on.

    Args:
        network: a recorded forward pass.
        target: the column and the number of its output.
        index: the element's index without the batch.

    Returns:
        By column number, for every column that the element depends on, a boolean tensor in the full shape of its first output; ``None``
        if a call on the way has no rule.

    Example:
        >>> from dlviz.network.record import record
        >>> net = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 3, padding=1))
        >>> found = receptive_field_masks(record(net, (torch.zeros(1, 1, 7, 7),)), Source(2), (0, 3, 3))
        >>> found[0].sum().item(), found[1].sum().item()
        (25, 9)
    """
    columns = network.columns
    start = columns[target.column]
    mask = torch.zeros(start.shapes[target.output], dtype=torch.bool)
    mask[(network.sample, *index) if start.batched[target.output] else index] = True
    masks: dict[Source, Tensor | None] = {target: mask}
    for number in range(target.column, -1, -1):
        column = columns[number]
        for output in range(len(column.shapes)):
            if Source(number, output) not in masks or not column.sources:
                continue
            mask_out = masks[Source(number, output)]
            source_masks = None if mask_out is None else _known_source_masks(columns, column, output, mask_out)
            for i, source in enumerate(column.sources):
                source_mask = None if source_masks is None else source_masks[i]
                earlier = masks.get(source, source_mask)
                masks[source] = None if source_mask is None or earlier is None else earlier | source_mask
    return {source.column: mask for source, mask in masks.items() if source.output == 0}


def source_ranges(network: Network, number: int) -> dict[int, list[list[int]]]:
    """Return which positions of its sources' maps each position of a column's map reads.

    Returns:
        By the source's column number and spatial dimension the first and last index for each position, one after the other; an empty
        list along a dimension where each position reads the same one. Sources of calls other than windows and elementwise ones are
        missing: their boxes are not products of ranges.

    Example:
        >>> from dlviz.network.record import record
        >>> net = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.ReLU())
        >>> run = record(net, (torch.zeros(1, 1, 3, 4),))
        >>> source_ranges(run, 1), source_ranges(run, 2)
        ({0: [[0, 1, 0, 2, 1, 2], [0, 1, 0, 2, 1, 3, 2, 3]]}, {1: [[], []]})
    """
    column, dims = network.columns[number], 1 if network.one_dimensional else 2
    shapes = [network.columns[source.column].shapes[source.output] for source in column.sources]
    if any(source.output for source in column.sources) or not shapes:
        return {}
    op = sliding_op(column)
    if op is not None:
        axes = (
            op.axes(tuple(shapes[0][1:] if len(shapes[0]) == op.dims + 1 else shapes[0][2:])) if op.dims == dims else ()
        )
        return {column.sources[0].column: [_axis_ranges(axis) for axis in axes]} if axes else {}
    if not _is_elementwise(column):
        return {}
    sizes = column.shapes[0][-dims:]
    found = {}
    for source, shape in zip(column.sources, shapes, strict=True):
        if len(shape) > dims:
            pairs = zip(sizes, shape[-dims:], strict=True)
            found[source.column] = [[] if size == other else [0, 0] * size for size, other in pairs]
    return found


def _axis_ranges(axis: Any) -> list[int]:
    """Return the first and last input position of each output position; -1 and -2 where there is none."""
    read = [row.nonzero().flatten().tolist() for row in _axis_matrix(axis)]
    return [end for inputs in read for end in ((inputs[0], inputs[-1]) if inputs else (-1, -2))]


def _known_source_masks(columns: Sequence[Column], column: Column, output: int, mask: Tensor) -> list[Tensor] | None:
    """Return the masks of a call's sources; ``None`` also where a rule does not fit the call's arguments."""
    try:
        return _source_masks(columns, column, output, mask)
    except (RuntimeError, TypeError, ValueError, LookupError, AttributeError, NotImplementedError):
        return None


def _source_masks(columns: Sequence[Column], column: Column, output: int, mask: Tensor) -> list[Tensor] | None:
    """Return the masks of a call's sources; ``None`` if the call has no rule."""
    shapes = [columns[source.column].shapes[source.output] for source in column.sources]
    kind = column.kind
    if sliding_op(column) is not None:
        return [_through_window(column, mask, shapes[0])]
    if kind in _MOVING:
        return _through_moves(column, output, mask, shapes)
    if _is_elementwise(column):
        return [_undo_broadcast(mask, shape) for shape in shapes]
    source_mask = _through_dense(column, mask, shapes)
    return None if source_mask is None else [source_mask]


def _is_elementwise(column: Column) -> bool:
    is_batchnorm = isinstance(column.module, nn.modules.batchnorm._BatchNorm)
    return column.kind in _ELEMENTWISE or (is_batchnorm and not _uses_batch_statistics(column.module))  # type: ignore[arg-type]


def _uses_batch_statistics(module: nn.modules.batchnorm._BatchNorm) -> bool:
    """Whether a batch norm takes mean and variance from its input."""
    return module.training or module.running_mean is None


def _through_window(column: Column, mask: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return the input mask of a convolution or pooling of an input of this shape."""
    op = sliding_op(column)
    assert op is not None
    unbatched = len(shape) == op.dims + 1
    outer, sizes = (mask[None], shape) if unbatched else (mask, shape[1:])
    samples = outer.flatten(1).any(1).nonzero().flatten()
    part = outer[samples]
    # Only the marked positions: in a large map they are few.
    marked = [part.movedim(dim, 0).flatten(1).any(1).nonzero().flatten() for dim in range(2, part.dim())]
    for dim, positions in enumerate(marked, start=2):
        part = part.index_select(dim, positions)
    part = part.float()
    if op.weight is not None:
        groups = op.groups
        part = part.unflatten(1, (groups, -1)).amax(2)
        part = part.repeat_interleave(sizes[0] // groups, dim=1)
    axes = op.axes(tuple(sizes[1:]))
    for dim, axis in enumerate(axes, start=2):
        part = torch.tensordot(part, _axis_matrix(axis)[marked[dim - 2]], dims=([dim], [0])).movedim(-1, dim)
    result = torch.zeros(1 if unbatched else shape[0], *sizes, dtype=torch.bool)
    result[samples] = part > 0
    return result[0] if unbatched else result


@cache
def _axis_matrix(axis: Any) -> Tensor:
    """Return the (outputs, inputs) matrix that is 1 where an output position depends on an input position."""
    depends = torch.zeros(axis.output_size, axis.input_size)
    for o in range(axis.output_size):
        if isinstance(axis, WindowAxis):
            inputs = [axis.input_position(p) for _, p in axis.window(o) if p < axis.padded_size]
        else:
            inputs = [i for _, i in axis.window(o)]
        for i in inputs:
            if i != NO_INPUT:
                depends[o, i] = 1
    return depends


def _through_moves(column: Column, output: int, mask: Tensor, shapes: list[tuple[int, ...]]) -> list[Tensor] | None:
    """Return the input masks of a call that only moves elements: repeat it on the numbers of the elements, counted from 1."""
    counts = [torch.Size(shape).numel() for shape in shapes]
    if sum(counts) > _MAX_ELEMENTS:
        return None
    numbered, first = [], 1
    for shape, count in zip(shapes, counts, strict=True):
        numbered.append(torch.arange(first, first + count, dtype=torch.float64).view(shape))
        first += count
    inputs = iter(numbered)

    def with_numbers(leaf: Any) -> Any:
        if isinstance(leaf, Source):
            return next(inputs)
        # A tensor that no column returned has no source, hence number 0; integers may be indices and stay.
        return (
            torch.zeros_like(leaf, dtype=torch.float64)
            if isinstance(leaf, Tensor) and leaf.is_floating_point()
            else leaf
        )

    args, kwargs = tree_map(with_numbers, (column.args, dict(column.kwargs)))
    if column.kind == "pad":
        args, kwargs = args[:3], {name: value for name, value in kwargs.items() if name != "value"}
    call = column.module or column.function
    assert call is not None
    with torch.no_grad():
        moved = call(*args, **kwargs)
    result = moved if isinstance(moved, Tensor) else moved[output]
    depends = torch.zeros(first, dtype=torch.bool)
    depends[result[mask].long()] = True
    return [part.view(shape) for part, shape in zip(depends[1:].split(counts), shapes, strict=True)]


def _undo_broadcast(mask: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return the mask in the shape of an operand that was broadcast."""
    extra = mask.dim() - len(shape)
    for _ in range(extra):
        mask = mask.any(0)
    for dim, size in enumerate(shape):
        if size == 1 and mask.shape[dim] != 1:
            mask = mask.any(dim, keepdim=True)
    return mask


def _through_dense(column: Column, mask: Tensor, shapes: list[tuple[int, ...]]) -> Tensor | None:
    """Return the input mask of calls whose elements depend on all elements along some dimensions; ``None`` if there is no rule."""
    kind, module, shape = column.kind, column.module, shapes[0]
    if kind in ("Linear", "linear"):
        return mask.any(-1, keepdim=True).expand(shape)
    if kind in _ALONG_DIM:
        dim = _argument(column, "dim", 1)
        return None if not isinstance(dim, int) else mask.any(dim, keepdim=True).expand(shape)
    if kind in ("LayerNorm", "layer_norm"):
        sizes = module.normalized_shape if isinstance(module, nn.LayerNorm) else column.args[1]
        dims = tuple(range(len(shape) - len(tuple(sizes)), len(shape)))
        return _any(mask, dims).expand(shape)
    if kind.startswith("InstanceNorm"):
        return _any(mask, tuple(range(2, len(shape)))).expand(shape)
    if isinstance(module, nn.GroupNorm):
        grouped = mask.unflatten(1, (module.num_groups, -1))
        return _any(grouped, tuple(range(2, grouped.dim()))).expand_as(grouped).flatten(1, 2)
    if isinstance(module, nn.modules.batchnorm._BatchNorm):
        return _any(mask, (0, *range(2, len(shape)))).expand(shape)
    if kind.startswith(_ADAPTIVE):
        return _through_adaptive(mask, shape, int(kind[-2]))
    if kind in _REDUCTIONS:
        return _through_reduction(column, mask, shape)
    if kind in ("Upsample", "UpsamplingNearest2d", "UpsamplingBilinear2d", "interpolate", "upsample"):
        return _through_linear(lambda x: _repeat_call(column, x), mask, shape)
    return None


def _any(mask: Tensor, dims: tuple[int, ...]) -> Tensor:
    return mask.float().amax(dims, keepdim=True) > 0


def _argument(column: Column, name: str, position: int) -> Any:
    """Return an argument of a function by name or position, or an attribute of a module."""
    if column.module is not None:
        return getattr(column.module, name, None)
    return column.kwargs.get(name, column.args[position] if len(column.args) > position else None)


def _through_adaptive(mask: Tensor, shape: tuple[int, ...], dims: int) -> Tensor:
    """Return the input mask of adaptive pooling, whose window o spans floor(o * size / out) to ceil((o + 1) * size / out)."""
    part = mask.float()
    for dim in range(len(shape) - dims, len(shape)):
        size, out = shape[dim], mask.shape[dim]
        depends = torch.zeros(out, size)
        for o in range(out):
            depends[o, o * size // out : -(-(o + 1) * size // out)] = 1
        part = torch.tensordot(part, depends, dims=([dim], [0])).movedim(-1, dim)
    return part > 0


def _through_reduction(column: Column, mask: Tensor, shape: tuple[int, ...]) -> Tensor | None:
    dim, keep = _argument(column, "dim", 1), _argument(column, "keepdim", 2)
    if dim is None:
        return mask.any().expand(shape) if mask.dim() == 0 else None
    if isinstance(dim, Tensor):
        return None
    dims = sorted(d % len(shape) for d in ([dim] if isinstance(dim, int) else dim))
    for d in [] if keep else dims:
        mask = mask.unsqueeze(d)
    return mask.expand(shape)


def _repeat_call(column: Column, x: Tensor) -> Tensor:
    """Repeat a call on another input."""
    args, kwargs = tree_map(lambda leaf: x if isinstance(leaf, Source) else leaf, (column.args, dict(column.kwargs)))
    return (column.module or column.function)(*args, **kwargs)  # type: ignore[misc]


def _through_linear(call: Callable[[Tensor], Tensor], mask: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return the input mask of a linear call with nonnegative weights: where the gradient of the marked outputs is nonzero."""
    with torch.enable_grad():
        x = torch.ones(shape, requires_grad=True)
        y = call(x)
    (gradient,) = torch.autograd.grad(y, x, mask.to(y))
    return gradient != 0
