"""Columns with a sliding window: convolutions and poolings, called as modules or functions, with their arguments by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from dlviz.convolution.operations import transposed_axes, window_axes
from dlviz.convolution.window_axis import TransposedAxis, WindowAxis
from dlviz.network.record import Column

_CONV = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
_TRANSPOSE = ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")
_MAX = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
_AVERAGE = ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")

#: For each function its kind, number of spatial dimensions and argument names in order.
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
#: For each module its kind, number of spatial dimensions and the attributes that are arguments.
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
    """Call of an operation with a sliding window.

    Attributes:
        kind: "conv", "conv_transpose", "max_pool" or "avg_pool".
        dims: number of spatial dimensions.
        arguments: all arguments but the input, by torch's names.
    """

    kind: str
    dims: int
    arguments: Mapping[str, Any]

    @property
    def groups(self) -> int:
        """Number of channel groups; 1 if the operation has no such argument."""
        return int(self.arguments.get("groups", 1))

    @property
    def weight(self) -> Tensor | None:
        """(C_out, C // groups, *kernel), for a transposed convolution (C, C_out // groups, *kernel); ``None`` for a pooling."""
        return self.arguments.get("weight")

    def axes(self, sizes: tuple[int, ...]) -> tuple[WindowAxis | TransposedAxis, ...]:
        """Return the window geometry along each spatial dimension of an input of these sizes."""
        arguments = self.arguments
        kernel = arguments["kernel_size"] if self.weight is None else tuple(self.weight.shape[2:])
        if self.kind == "conv_transpose":
            defaults = {"stride": 1, "dilation": 1, "padding": 0, "output_padding": 0}
            return transposed_axes(sizes, kernel, *(arguments.get(name, value) for name, value in defaults.items()))
        # The default stride is the kernel size for a pooling and 1 for a convolution.
        stride = arguments.get("stride", None if self.kind.endswith("pool") else 1)
        padding, dilation = arguments.get("padding", 0), arguments.get("dilation", 1)
        mode, ceil = arguments.get("padding_mode", "zeros"), bool(arguments.get("ceil_mode", False))
        return window_axes(sizes, kernel, stride, padding, dilation, padding_mode=mode, ceil_mode=ceil)


def sliding_op(column: Column, state_dict: Mapping[str, Tensor] | None = None) -> SlidingOp | None:
    """Return the column's sliding-window operation; ``None`` if it is none.

    Args:
        column: a call.
        state_dict: parameters that were used instead of the module's own.
    """
    for module_type, (kind, dims, names) in _MODULES.items():
        if isinstance(column.module, module_type):
            arguments = {name: getattr(column.module, name) for name in names}
            parameters = {name: column.parameter(name, state_dict) for name in ("weight", "bias") if name in names}
            return SlidingOp(kind, dims, arguments | parameters)
    entry = _FUNCTIONS.get(column.kind) if column.function is not None else None
    if entry is None:
        return None
    kind, dims, names = entry
    arguments = {**dict(zip(names, column.args, strict=False)), **column.kwargs}
    if not isinstance(arguments.get("weight"), (Tensor, type(None))):
        return None  # the kernel is an output of another column
    return SlidingOp(kind, dims, {name: value for name, value in arguments.items() if name != "input"})
