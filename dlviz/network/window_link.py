"""The door from a place of a feature map into the convolution room: the same window, on the same numbers."""

from collections.abc import Mapping

from torch import Tensor

from dlviz.convolution.pooling_widget import AveragePooling, MaxPooling
from dlviz.convolution.scene import CHANNELS, PLACES
from dlviz.convolution.sliding_widget import SlidingView
from dlviz.convolution.widget import Convolution, TransposedConvolution
from dlviz.network.record import Network
from dlviz.network.sliding_ops import SlidingOp, sliding_op

_VIEWS: dict[str, type[SlidingView]] = {
    "conv": Convolution,
    "conv_transpose": TransposedConvolution,
    "max_pool": MaxPooling,
    "avg_pool": AveragePooling,
}


def leads(network: Network, number: int, channel: int, state: Mapping[str, Tensor] | None) -> tuple[int, ...] | None:
    """What stands behind the door of this map, so that the same picture serves all its places; ``None`` where nothing slides."""
    column = network.columns[number]
    if sliding_op(column, state) is None:
        return None
    return (id(network), number, channel if column.output.shape[0] > CHANNELS else -1)


def behind(network: Network, number: int, channel: int, state: Mapping[str, Tensor] | None) -> SlidingView:
    """The picture of this column's sliding window; of a layer with very many channels that of one output channel alone."""
    column = network.columns[number]
    found = sliding_op(column, state)
    assert found is not None
    source = column.sources[0]
    x, weight, bias = network.columns[source.column].outputs[source.output], found.weight, found.arguments.get("bias")
    weight, bias = (None if part is None else part.detach() for part in (weight, bias))
    given = {name: value for name, value in found.arguments.items() if name not in ("weight", "bias", "return_indices")}
    if column.output.shape[0] > CHANNELS:
        x, weight, bias = _alone(found, x, weight, bias, channel)
        given.pop("groups", None)
    names = _VIEWS[found.kind]._arguments
    settings = {name: value for name, value in given.items() if name in names}
    return _VIEWS[found.kind](f"{found.kind}{found.dims}d", x, weight, bias, **settings)


def _alone(
    found: SlidingOp, x: Tensor, weight: Tensor | None, bias: Tensor | None, channel: int
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """One output channel with the input channels of its group."""
    if weight is None:
        return x[channel : channel + 1], None, None
    groups, transposed = found.groups, found.kind == "conv_transpose"
    share = x.shape[0] // groups
    width = weight.shape[1] if transposed else weight.shape[0] // groups
    group = channel // width
    inputs = slice(group * share, (group + 1) * share)
    own = channel % width
    weight = weight[inputs, own : own + 1] if transposed else weight[channel : channel + 1]
    return x[inputs], weight, None if bias is None else bias[channel : channel + 1]


def stand(view: SlidingView, index: tuple[int, ...]) -> None:
    """Have the picture stand at one element, (channel, place, …)."""
    channel, *place = index
    outs = view.sliding.output.shape[2:]
    step = 0
    for at, out in zip(place, outs, strict=True):
        step = step * out + at
    with view.hold_sync():
        view.place = []
        view.channel = channel if view.sliding.channels > channel else 0
        if max(outs) > PLACES:
            view.origin = [max(0, at - PLACES // 2) for at in place]
        view.step = step + 1
