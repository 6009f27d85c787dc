"""Columns whose window slides: convolutions and poolings, as modules or as functions, with their arguments by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from dlviz.convolution.operations import each
from dlviz.convolution.window_axis import Axis, Stamp
from dlviz.network.record import Column

_CONV = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
_TRANSPOSE = ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")
_MAX = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
_AVERAGE = ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")

#: Kind, spatial dimensions and the order of arguments of each function.
_FUNCTIONS: dict[str, tuple[str, int, tuple[str, ...]]] = {
    f"{name}{dims}d": (kind, dims, order)
    for dims in (1, 2)
    for name, kind, order in (
        ("conv", "conv", _CONV),
        ("conv_transpose", "conv_transpose", _TRANSPOSE),
        ("max_pool", "max_pool", _MAX),
        ("avg_pool", "avg_pool", _AVERAGE),
    )
}
#: Kind, spatial dimensions and the attributes that are arguments of each module.
_MODULES: dict[type[nn.Module], tuple[str, int, tuple[str, ...]]] = {
    nn.Conv1d: ("conv", 1, (*_CONV[1:], "padding_mode")),
    nn.Conv2d: ("conv", 2, (*_CONV[1:], "padding_mode")),
    nn.ConvTranspose1d: ("conv_transpose", 1, _TRANSPOSE[1:]),
    nn.ConvTranspose2d: ("conv_transpose", 2, _TRANSPOSE[1:]),
    nn.MaxPool1d: ("max_pool", 1, _MAX[1:-1]),
    nn.MaxPool2d: ("max_pool", 2, _MAX[1:-1]),
    nn.AvgPool1d: ("avg_pool", 1, _AVERAGE[1:-1]),
    nn.AvgPool2d: ("avg_pool", 2, _AVERAGE[1:]),
}


@dataclass(frozen=True, eq=False)
class SlidingOp:
    """A sliding window's call.

    Attributes:
        kind: "conv", "conv_transpose", "max_pool" or "avg_pool".
        dims: how many spatial dimensions.
        arguments: everything but the input, by torch's names.
    """

    kind: str
    dims: int
    arguments: Mapping[str, Any]

    @property
    def groups(self) -> int:
        """Groups of channels; a pooling has as many as it has channels."""
        return int(self.arguments.get("groups", 1))

    @property
    def weight(self) -> Tensor | None:
        """(C_out, C // groups, *kernel), of a transposed convolution (C, C_out // groups, *kernel); ``None`` of a pooling."""
        return self.arguments.get("weight")

    def axes(self, sizes: tuple[int, ...]) -> tuple[Axis | Stamp, ...]:
        """One for each spatial dimension of an input of these sizes."""
        given, dims = self.arguments, self.dims
        kernel = tuple(self.weight.shape[2:]) if self.weight is not None else each(given["kernel_size"], dims)
        # A pooling's window moves by its own size, a convolution's by one.
        stride = given.get("stride", None if self.kind.endswith("pool") else 1)
        steps = each(kernel if stride is None or stride == [] else stride, dims)
        apart = each(given.get("dilation", 1), dims)
        if self.kind == "conv_transpose":
            cut, extra = each(given.get("padding", 0), dims), each(given.get("output_padding", 0), dims)
            return tuple(Stamp(*numbers) for numbers in zip(sizes, kernel, steps, apart, cut, extra, strict=True))
        padding = given.get("padding", 0)
        if padding == "same":
            totals = [d * (k - 1) for d, k in zip(apart, kernel, strict=True)]
            ends = [(total // 2, total - total // 2) for total in totals]
        else:
            ends = [(p, p) for p in each(0 if padding == "valid" else padding, dims)]
        mode, ceil = given.get("padding_mode", "zeros"), bool(given.get("ceil_mode", False))
        return tuple(
            Axis(size, k, step, d, before, after, mode, ceil)
            for size, k, step, d, (before, after) in zip(sizes, kernel, steps, apart, ends, strict=True)
        )


def sliding_op(column: Column, state: Mapping[str, Tensor] | None = None) -> SlidingOp | None:
    """What slides in this column; ``None`` for anything else.

    Args:
        column: a call.
        state: other parameters than the module's own, by their names in the model.
    """
    for kind_of, (kind, dims, names) in _MODULES.items():
        if isinstance(column.module, kind_of):
            own = {name: getattr(column.module, name) for name in names}
            other = {name: (state or {}).get(f"{column.path}.{name}".removeprefix(".")) for name in ("weight", "bias")}
            return SlidingOp(kind, dims, {**own, **{name: value for name, value in other.items() if value is not None}})
    found = _FUNCTIONS.get(column.kind) if column.function is not None else None
    if found is None:
        return None
    kind, dims, names = found
    arguments = {**dict(zip(names, column.args, strict=False)), **column.kwargs}
    if not isinstance(arguments.get("weight"), (Tensor, type(None))):
        return None  # a kernel that the network itself made
    return SlidingOp(kind, dims, {name: value for name, value in arguments.items() if name != "input"})
