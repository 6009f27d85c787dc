"""Receptive fields by index arithmetic: from the places of a call's output to the places of its inputs, call after call."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from dlviz.convolution.window_axis import NOWHERE, Axis
from dlviz.network.record import Column, Network, Source
from dlviz.network.sliding_ops import sliding_op

#: Functions and modules that only move numbers; which number goes where is found by moving numbered ones.
_MOVES = {
    "view",
    "reshape",
    "flatten",
    "unflatten",
    "permute",
    "transpose",
    "T",
    "mT",
    "t",
    "squeeze",
    "unsqueeze",
    "expand",
    "expand_as",
    "repeat",
    "tile",
    "cat",
    "concat",
    "concatenate",
    "stack",
    "hstack",
    "vstack",
    "chunk",
    "split",
    "unbind",
    "getitem",
    "narrow",
    "select",
    "index_select",
    "flip",
    "roll",
    "rot90",
    "pad",
    "contiguous",
    "clone",
    "detach",
    "swapaxes",
    "movedim",
    "view_as",
    "reshape_as",
    "broadcast_to",
    "pixel_shuffle",
    "pixel_unshuffle",
    "channel_shuffle",
    "ravel",
    "Flatten",
    "Unflatten",
    "Identity",
    "ZeroPad1d",
    "ZeroPad2d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "CircularPad1d",
    "CircularPad2d",
    "PixelShuffle",
    "PixelUnshuffle",
    "ChannelShuffle",
}
#: Each place of the output depends on the same place of each input (a size of 1 stretches).
_SAME_PLACE = {
    "relu",
    "leaky_relu",
    "prelu",
    "elu",
    "selu",
    "celu",
    "gelu",
    "silu",
    "mish",
    "sigmoid",
    "tanh",
    "hardtanh",
    "relu6",
    "hardsigmoid",
    "hardswish",
    "softplus",
    "softsign",
    "logsigmoid",
    "threshold",
    "clamp",
    "clip",
    "abs",
    "neg",
    "exp",
    "log",
    "sqrt",
    "square",
    "pow",
    "sin",
    "cos",
    "add",
    "sub",
    "mul",
    "div",
    "maximum",
    "minimum",
    "dropout",
    "feature_dropout",
    "alpha_dropout",
    "dropout2d",
    "to",
    "float",
    "double",
    "half",
    "type_as",
    "where",
    "lerp",
    "addcmul",
    "rsqrt",
    "reciprocal",
    "ReLU",
    "LeakyReLU",
    "PReLU",
    "ELU",
    "SELU",
    "CELU",
    "GELU",
    "SiLU",
    "Mish",
    "Sigmoid",
    "Tanh",
    "Hardtanh",
    "ReLU6",
    "Hardsigmoid",
    "Hardswish",
    "Softplus",
    "Softsign",
    "LogSigmoid",
    "Threshold",
    "Tanhshrink",
    "Softshrink",
    "Hardshrink",
    "RReLU",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "AlphaDropout",
    "FeatureAlphaDropout",
}
_REDUCES = {"mean", "sum", "amax", "amin", "max", "min", "std", "var", "prod", "norm", "argmax", "logsumexp"}
_ALONG = {"softmax": 1, "log_softmax": 1, "Softmax": 1, "LogSoftmax": 1, "Softmin": 1, "softmin": 1, "normalize": 1}
_ADAPTIVE = ("AdaptiveAvgPool", "AdaptiveMaxPool", "adaptive_avg_pool", "adaptive_max_pool")
#: More numbers than this are not numbered and moved.
_MOST = 2**25


def receptive_field_masks(network: Network, place: Source, index: tuple[int, ...]) -> dict[int, Tensor | None]:
    """Which places of every column the element at `index` of one output depends on.

    Args:
        network: a forward run.
        place: the column, and which of its outputs.
        index: the element, without the batch.

    Returns:
        For every column that the element depends on a boolean tensor of its first output's whole shape; ``None`` where arithmetic
        cannot tell, because a call on the way is of a kind that it does not know.

    Example:
        >>> from dlviz.network.record import record
        >>> net = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 3, padding=1))
        >>> found = receptive_field_masks(record(net, (torch.zeros(1, 1, 7, 7),)), Source(2), (0, 3, 3))
        >>> found[0].sum().item(), found[1].sum().item()
        (25, 9)
    """
    columns = network.columns
    start = columns[place.column]
    mask = torch.zeros(start.shapes[place.output], dtype=torch.bool)
    mask[(network.sample, *index) if start.batched[place.output] else index] = True
    masks: dict[Source, Tensor | None] = {place: mask}
    for number in range(place.column, -1, -1):
        column = columns[number]
        for output in range(len(column.shapes)):
            here = masks.get(Source(number, output), ())
            if isinstance(here, tuple) or not column.sources:
                continue
            below = None if here is None else _below(columns, column, output, here)
            for position, source in enumerate(column.sources):
                found = None if below is None else below[position]
                before = masks.get(source, found)
                masks[source] = None if found is None or before is None else before | found
    return {source.column: mask for source, mask in masks.items() if source.output == 0}


def _below(columns: Sequence[Column], column: Column, output: int, mask: Tensor) -> list[Tensor] | None:
    """The masks of a call's sources; ``None`` for a kind of call that is not known."""
    shapes = [columns[source.column].shapes[source.output] for source in column.sources]
    kind = column.kind
    if sliding_op(column) is not None:
        return [_window(column, mask, shapes[0])]
    if kind in _MOVES:
        return _moved(column, output, mask, shapes)
    if kind in _SAME_PLACE or (
        isinstance(column.module, nn.modules.batchnorm._BatchNorm) and not _counts(column.module)
    ):
        return [_shrunk(mask, shape) for shape in shapes]
    known = _dense(column, mask, shapes)
    return None if known is None else [known]


def _counts(module: nn.modules.batchnorm._BatchNorm) -> bool:
    """Whether a batch norm takes mean and variance from what it is given."""
    return module.training or module.running_mean is None


def _window(column: Column, mask: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Through a convolution or a pooling."""
    found = sliding_op(column)
    assert found is not None
    single = len(shape) == found.dims + 1
    outer, sizes = (mask[None], shape) if single else (mask, shape[1:])
    samples = outer.flatten(1).any(1).nonzero().flatten()
    part = outer[samples]
    # Only the places that are looked from: of a large map they are few.
    looked = [part.movedim(dim, 0).flatten(1).any(1).nonzero().flatten() for dim in range(2, part.dim())]
    for dim, places in enumerate(looked, start=2):
        part = part.index_select(dim, places)
    part = part.float()
    if found.weight is not None:
        groups = found.groups
        part = part.unflatten(1, (groups, -1)).amax(2)
        part = part.repeat_interleave(sizes[0] // groups, dim=1)
    axes = found.axes(tuple(sizes[1:]))
    for dim, axis in enumerate(axes, start=2):
        part = torch.tensordot(part, _matrix(axis)[looked[dim - 2]], dims=([dim], [0])).movedim(-1, dim)
    result = torch.zeros(1 if single else shape[0], *sizes, dtype=torch.bool)
    result[samples] = part > 0
    return result[0] if single else result


@cache
def _matrix(axis: Any) -> Tensor:
    """1 where an output place sees an input place: (outputs, inputs)."""
    seen = torch.zeros(axis.out, axis.size)
    for o in range(axis.out):
        if isinstance(axis, Axis):
            places = [axis.source(p) for _, p in axis.window(o) if p < axis.padded]
        else:
            places = [i for _, i in axis.window(o)]
        for i in places:
            if i != NOWHERE:
                seen[o, i] = 1
    return seen


def _moved(column: Column, output: int, mask: Tensor, shapes: list[tuple[int, ...]]) -> list[Tensor] | None:
    """Through a call that only moves numbers: it is repeated on the places' own numbers, counted from 1."""
    counts = [torch.Size(shape).numel() for shape in shapes]
    if sum(counts) > _MOST:
        return None
    numbered, first = [], 1
    for shape, count in zip(shapes, counts, strict=True):
        numbered.append(torch.arange(first, first + count, dtype=torch.float64).view(shape))
        first += count
    waiting = iter(numbered)

    def stand_in(leaf: Any) -> Any:
        if isinstance(leaf, Source):
            return next(waiting)
        # Numbers that no column made come from nowhere; integers may be indices and stay.
        return (
            torch.zeros_like(leaf, dtype=torch.float64)
            if isinstance(leaf, Tensor) and leaf.is_floating_point()
            else leaf
        )

    args, kwargs = tree_map(stand_in, (column.args, dict(column.kwargs)))
    if column.kind == "pad":
        args, kwargs = args[:3], {name: value for name, value in kwargs.items() if name != "value"}
    call = column.module or column.function
    assert call is not None
    with torch.no_grad():
        moved = call(*args, **kwargs)
    result = moved if isinstance(moved, Tensor) else moved[output]
    came = torch.zeros(first, dtype=torch.bool)
    came[result[mask].long()] = True
    return [part.view(shape) for part, shape in zip(came[1:].split(counts), shapes, strict=True)]


def _shrunk(mask: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A mask in the shape of an operand that was stretched by broadcasting."""
    extra = mask.dim() - len(shape)
    for _ in range(extra):
        mask = mask.any(0)
    for dim, size in enumerate(shape):
        if size == 1 and mask.shape[dim] != 1:
            mask = mask.any(dim, keepdim=True)
    return mask


def _dense(column: Column, mask: Tensor, shapes: list[tuple[int, ...]]) -> Tensor | None:
    """Through calls in which a place depends on all places along some dimensions."""
    kind, module, shape = column.kind, column.module, shapes[0]
    if kind in ("Linear", "linear"):
        return mask.any(-1, keepdim=True).expand(shape)
    if kind in _ALONG:
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
        return _adaptive(mask, shape, int(kind[-2]))
    if kind in _REDUCES:
        return _reduced(column, mask, shape)
    if kind in ("Upsample", "UpsamplingNearest2d", "UpsamplingBilinear2d", "interpolate", "upsample"):
        return _linear(lambda x: _again(column, x), mask, shape)
    return None


def _any(mask: Tensor, dims: tuple[int, ...]) -> Tensor:
    return mask.float().amax(dims, keepdim=True) > 0


def _argument(column: Column, name: str, position: int) -> Any:
    """An argument of a call by its name, or its place; of a module its attribute."""
    if column.module is not None:
        return getattr(column.module, name, None)
    return column.kwargs.get(name, column.args[position] if len(column.args) > position else None)


def _adaptive(mask: Tensor, shape: tuple[int, ...], dims: int) -> Tensor:
    """Adaptive pooling: window o spans from floor(o * size / out) to ceil((o + 1) * size / out)."""
    part = mask.float()
    for dim in range(len(shape) - dims, len(shape)):
        size, out = shape[dim], mask.shape[dim]
        seen = torch.zeros(out, size)
        for o in range(out):
            seen[o, o * size // out : -(-(o + 1) * size // out)] = 1
        part = torch.tensordot(part, seen, dims=([dim], [0])).movedim(-1, dim)
    return part > 0


def _reduced(column: Column, mask: Tensor, shape: tuple[int, ...]) -> Tensor | None:
    dim, keep = _argument(column, "dim", 1), _argument(column, "keepdim", 2)
    if dim is None:
        return mask.any().expand(shape) if mask.dim() == 0 else None
    if isinstance(dim, Tensor):
        return None
    dims = sorted(d % len(shape) for d in ([dim] if isinstance(dim, int) else dim))
    for d in [] if keep else dims:
        mask = mask.unsqueeze(d)
    return mask.expand(shape)


def _again(column: Column, x: Tensor) -> Tensor:
    """The same call on another input."""
    args, kwargs = tree_map(lambda leaf: x if isinstance(leaf, Source) else leaf, (column.args, dict(column.kwargs)))
    return (column.module or column.function)(*args, **kwargs)  # type: ignore[misc]


def _linear(call: Callable[[Tensor], Tensor], mask: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Through a call that is linear with weights of one sign: what autograd sends back is not zero just where it looks."""
    with torch.enable_grad():
        x = torch.ones(shape, requires_grad=True)
        y = call(x)
    (sent,) = torch.autograd.grad(y, x, mask.to(y))
    return sent != 0
