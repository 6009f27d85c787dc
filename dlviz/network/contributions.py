"""What a feature map or unit is computed from: contributions of input channels, terms of a linear unit, terms of a softmax."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlviz.network.record import Column, Network, Source
from dlviz.network.sliding_ops import SlidingOp, sliding_op

#: A longer output vector is not taken for class logits.
_MAX_CLASSES = 10_000

_CONV: dict[tuple[str, int], Any] = {
    ("conv", 1): F.conv1d,
    ("conv", 2): F.conv2d,
    ("conv_transpose", 1): F.conv_transpose1d,
    ("conv_transpose", 2): F.conv_transpose2d,
}


@dataclass(frozen=True, eq=False)
class ChannelContribution:
    """Contribution of one input channel to a feature map.

    Attributes:
        source: the output that the channel belongs to.
        channel: its index there.
        map: the channel, (H, W) or (L,).
        kernel: the kernel that slides over it, ``None`` if the call has none.
        contribution: what the channel adds to the feature map, in its shape; ``None`` if the call is not a sum over channels.
    """

    source: Source
    channel: int
    map: Tensor
    kernel: Tensor | None = None
    contribution: Tensor | None = None


@dataclass(frozen=True)
class LinearTerm:
    """One term of a linear unit: the index of the input, its value, its weight, and their product as torch multiplies them."""

    index: int
    value: float
    weight: float
    product: float


def channel_contributions(
    network: Network, number: int, channel: int, limit: int, state_dict: Mapping[str, Tensor] | None = None
) -> tuple[list[ChannelContribution], int]:
    """Return at most `limit` input channels that a feature map is computed from, and their total number.

    Args:
        network: a recorded forward pass.
        number: the column.
        channel: the feature map.
        limit: the maximal number of returned channels.
        state_dict: parameters that were used instead of the modules' own.
    """
    column = network.columns[number]
    op = sliding_op(column, state_dict)
    if op is not None and op.weight is not None:
        return _convolution_contributions(network, column, op, channel, limit)
    if column.module is not None and not type(column.module).__module__.startswith("torch.nn."):
        return [], 0  # a layer of the learner's own, quantized or scripted: what it does with channels is not known
    # Any other call keeps channels apart or concatenates them: take the matching channel of each source.
    found: list[ChannelContribution] = []
    first = 0
    for source in column.sources:
        x = network.columns[source.column].outputs[source.output]
        if x.dim() != column.output.dim() or x.dim() < 2:
            continue
        source_channel = channel - first if column.kind in ("cat", "concat", "concatenate") else channel
        if x.dim() == 2 and not network.one_dimensional:
            found.append(ChannelContribution(source, 0, x))
        elif 0 <= source_channel < x.shape[0]:
            found.append(ChannelContribution(source, source_channel, x[source_channel]))
        first += x.shape[0]
    return found[:limit], len(found)


def _convolution_contributions(
    network: Network, column: Column, op: SlidingOp, channel: int, limit: int
) -> tuple[list[ChannelContribution], int]:
    assert op.weight is not None
    source = column.sources[0]
    x, weight = network.columns[source.column].outputs[source.output], op.weight.detach()
    if op.kind == "conv":
        width = weight.shape[1]
        first = channel // (weight.shape[0] // op.groups) * width
        kernels = weight[channel]
    else:
        width = x.shape[0] // op.groups
        first = channel // weight.shape[1] * width
        kernels = weight[first : first + width, channel % weight.shape[1]]
    count = min(width, limit)
    maps, kernels = x[first : first + count], kernels[:count]
    parts = _convolve_each(column, op, maps, kernels)
    return [ChannelContribution(source, first + i, maps[i], kernels[i], parts[i]) for i in range(count)], int(width)


def _convolve_each(column: Column, op: SlidingOp, maps: Tensor, kernels: Tensor) -> Tensor:
    """Convolve every channel with its own kernel, with one group per channel."""
    without = ("weight", "bias", "groups", "padding_mode")
    arguments = {name: value for name, value in op.arguments.items() if name not in without}
    mode = op.arguments.get("padding_mode", "zeros")
    if mode != "zeros":
        assert isinstance(column.module, (nn.Conv1d, nn.Conv2d))
        maps = F.pad(maps[None], column.module._reversed_padding_repeated_twice, mode=mode)[0]
        arguments["padding"] = 0
    with torch.no_grad():
        return _CONV[op.kind, op.dims](maps[None], kernels[:, None], None, groups=len(maps), **arguments)[0]


def bias(column: Column, channel: int, state_dict: Mapping[str, Tensor] | None = None) -> float | None:
    """Return the bias of a feature map or linear unit; ``None`` if it has none."""
    if isinstance(column.module, nn.Linear):
        value = column.parameter("bias", state_dict)
    else:
        op = sliding_op(column, state_dict)
        value = None if op is None else op.arguments.get("bias")
    return None if value is None else float(value.detach()[channel])


def linear_terms(
    network: Network, number: int, unit: int, limit: int, state_dict: Mapping[str, Tensor] | None = None
) -> list[LinearTerm] | None:
    """Return the `limit` largest terms of a linear unit's sum; ``None`` if the column is not a linear layer on one vector."""
    column = network.columns[number]
    if not isinstance(column.module, nn.Linear) or column.output.dim() != 1:
        return None
    source = column.sources[0]
    x = network.columns[source.column].outputs[source.output]
    weight = column.parameter("weight", state_dict)
    if weight is None or x.dim() != 1:
        return None
    weight = weight.detach()
    products = x * weight[unit]
    order = products.abs().argsort(descending=True)[:limit].tolist()
    return [LinearTerm(i, float(x[i]), float(weight[unit, i]), float(products[i])) for i in order]


def softmax_terms(z: Tensor) -> dict[str, Tensor]:
    """Return exp(z − max), their sum and the probabilities.

    Example:
        >>> terms = softmax_terms(torch.tensor([0.0, 0.0]))
        >>> terms["sum"].item(), terms["p"].tolist()
        (2.0, [0.5, 0.5])

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.Softmax.html
    """
    e = (z - z.max()).exp()
    return {"z": z, "e": e, "sum": e.sum(), "p": torch.softmax(z, 0)}


def logits_column(network: Network) -> int | None:
    """Return the number of the last column with the model's logits, before any softmax; ``None`` if there is none."""
    columns = network.columns
    for number in range(len(columns) - 1, 0, -1):
        column = columns[number]
        if not column.returned:
            continue
        while column.kind.lower() in ("softmax", "log_softmax", "logsoftmax") and column.sources:
            number = column.sources[0].column
            column = columns[number]
        size = column.output.numel()
        if column.output.dim() == 1 and 2 <= size <= _MAX_CLASSES and column.output.is_floating_point():
            return number
    return None
