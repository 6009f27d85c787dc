"""Link from an element of a feature map to the convolution room: a child widget with the same window on the same numbers."""

from collections.abc import Mapping

from torch import Tensor

from dlviz.convolution.pooling_widget import AveragePooling, MaxPooling
from dlviz.convolution.scene import MAX_CHANNELS, MAX_POSITIONS
from dlviz.convolution.sliding_widget import SlidingWindowWidget
from dlviz.convolution.widget import Convolution, TransposedConvolution
from dlviz.network.record import Network
from dlviz.network.sliding_ops import SlidingOp, sliding_op

_WIDGETS: dict[str, type[SlidingWindowWidget]] = {
    "conv": Convolution,
    "conv_transpose": TransposedConvolution,
    "max_pool": MaxPooling,
    "avg_pool": AveragePooling,
}


class WindowLink:
    """The child widget that shows the sliding window of one element; one widget serves all elements of a column.

    Attributes:
        widget: the child widget; ``None`` if nothing is selected or the column has no sliding window.
    """

    def __init__(self) -> None:
        self.widget: SlidingWindowWidget | None = None
        self._key: tuple[int, ...] | None = None

    def show(
        self, network: Network, number: int, index: tuple[int, ...], state_dict: Mapping[str, Tensor] | None
    ) -> None:
        """Show the window of the element at `index` of a column's output.

        Args:
            network: a recorded forward pass.
            number: the column.
            index: the element: channel, then its position.
            state_dict: parameters that were used instead of the modules' own.
        """
        column = network.columns[number]
        op = sliding_op(column, state_dict)
        if op is None:
            self.close()
            return
        # With many channels the child widget holds one output channel only, so every channel needs its own.
        key = (id(network), number, index[0] if column.output.shape[0] > MAX_CHANNELS else -1)
        if self.widget is None or key != self._key:
            self.close()
            self.widget, self._key = _window_widget(network, number, op, index[0]), key
        _show_element(self.widget, index)

    def close(self) -> None:
        """Close the child widget."""
        if self.widget is not None:
            self.widget.close()
        self.widget = self._key = None


def _window_widget(network: Network, number: int, op: SlidingOp, channel: int) -> SlidingWindowWidget:
    """Make the widget of a column's operation; for a column with many channels with one output channel only."""
    column = network.columns[number]
    source = column.sources[0]
    x, weight, bias = network.columns[source.column].outputs[source.output], op.weight, op.arguments.get("bias")
    weight, bias = (None if part is None else part.detach() for part in (weight, bias))
    arguments = dict(op.arguments)
    if column.output.shape[0] > MAX_CHANNELS:
        x, weight, bias = _single_channel(op, x, weight, bias, channel)
        arguments.pop("groups", None)
    widget_type = _WIDGETS[op.kind]
    names = set(widget_type._arguments) - {"weight", "bias", "return_indices"}
    settings = {name: value for name, value in arguments.items() if name in names}
    return widget_type(f"{op.kind}{op.dims}d", x, weight, bias, **settings)


def _single_channel(
    op: SlidingOp, x: Tensor, weight: Tensor | None, bias: Tensor | None, channel: int
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Return input, weight and bias of one output channel: the input channels of its group and its own kernels."""
    if weight is None:
        return x[channel : channel + 1], None, None
    transposed = op.kind == "conv_transpose"
    group_inputs = x.shape[0] // op.groups
    group_outputs = weight.shape[1] if transposed else weight.shape[0] // op.groups
    group, i = divmod(channel, group_outputs)
    inputs = slice(group * group_inputs, (group + 1) * group_inputs)
    kernels = weight[inputs, i : i + 1] if transposed else weight[channel : channel + 1]
    return x[inputs], kernels, None if bias is None else bias[channel : channel + 1]


def _show_element(view: SlidingWindowWidget, index: tuple[int, ...]) -> None:
    """Move the child widget to one element, (channel, position, …)."""
    channel, *position = index
    sizes = view.data.output.shape[2:]
    step = 0
    for i, size in zip(position, sizes, strict=True):
        step = step * size + i
    with view.hold_sync():
        view.selection = []
        view.channel = channel if view.data.channels > channel else 0
        if max(sizes) > MAX_POSITIONS:
            view.origin = [max(0, i - MAX_POSITIONS // 2) for i in position]
        view.step = step + 1
