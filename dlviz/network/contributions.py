"""What one map or one unit is made of: the share of every input channel, the linear_terms of a linear unit, the terms of a softmax."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlviz.network.record import Column, Network, Source
from dlviz.network.sliding_ops import sliding_op

#: A longer vector is no list of scores.
_CLASSES = 10_000

_CONV: dict[tuple[str, int], Any] = {
    ("conv", 1): F.conv1d,
    ("conv", 2): F.conv2d,
    ("conv_transpose", 1): F.conv_transpose1d,
    ("conv_transpose", 2): F.conv_transpose2d,
}


@dataclass(frozen=True, eq=False)
class ChannelContribution:
    """What one channel of the input adds to a map.

    Attributes:
        source: the output that the channel belongs to.
        channel: its number there.
        map: the channel, (H, W) or (L,).
        kernel: what slides over it, ``None`` where nothing does.
        part: what it adds, in the shape of the map that is opened; ``None`` where the call is no sum over channels.
    """

    source: Source
    channel: int
    map: Tensor
    kernel: Tensor | None = None
    part: Tensor | None = None


@dataclass(frozen=True)
class LinearTerm:
    """One term of a linear unit: input number `place`, its value, its weight, and their product as torch multiplies them."""

    place: int
    value: float
    weight: float
    product: float


def channel_contributions(
    network: Network, number: int, channel: int, most: int, state: Mapping[str, Tensor] | None = None
) -> tuple[list[ChannelContribution], int]:
    """The input channels that a map is made of, and how many there are in all.

    Args:
        network: a forward run.
        number: the column.
        channel: the map.
        most: at most so many are returned.
        state: other parameters than the modules' own.
    """
    column = network.columns[number]
    found = sliding_op(column, state)
    if found is not None and found.weight is not None:
        return _convolved(network, column, channel, most, state)
    if not column.sources:
        return [], 0
    # A call that treats every channel alike, or moves channels: the same channel of each source of that many channels.
    found_: list[ChannelContribution] = []
    first = 0
    for source in column.sources:
        x = network.columns[source.column].outputs[source.output]
        if x.dim() != column.output.dim() or x.dim() < 2:
            continue
        own = channel - first if column.kind in ("cat", "concat", "concatenate") else channel
        if x.dim() == 2 and not network.one_dimensional:
            found_.append(ChannelContribution(source, 0, x))
        elif 0 <= own < x.shape[0]:
            found_.append(ChannelContribution(source, own, x[own]))
        first += x.shape[0]
    return found_[:most], len(found_)


def _convolved(
    network: Network, column: Column, channel: int, most: int, state: Mapping[str, Tensor] | None
) -> tuple[list[ChannelContribution], int]:
    found = sliding_op(column, state)
    assert found is not None
    assert found.weight is not None
    source = column.sources[0]
    x, weight, groups = network.columns[source.column].outputs[source.output], found.weight.detach(), found.groups
    if found.kind == "conv":
        width = weight.shape[1]
        first = channel // (weight.shape[0] // groups) * width
        kernels = weight[channel]
    else:
        width = x.shape[0] // groups
        first = channel // weight.shape[1] * width
        kernels = weight[first : first + width, channel % weight.shape[1]]
    count = min(width, most)
    maps, kernels = x[first : first + count], kernels[:count]
    given = {
        name: value
        for name, value in found.arguments.items()
        if name not in ("weight", "bias", "groups", "padding_mode")
    }
    mode = found.arguments.get("padding_mode", "zeros")
    if mode != "zeros":
        module = column.module
        assert isinstance(module, (nn.Conv1d, nn.Conv2d))
        maps_in, given = (
            F.pad(maps[None], module._reversed_padding_repeated_twice, mode=mode)[0],
            {**given, "padding": 0},
        )
    else:
        maps_in = maps
    with torch.no_grad():
        # One group for each channel: torch computes what every channel adds by itself.
        parts = _CONV[found.kind, found.dims](maps_in[None], kernels[:, None], None, groups=count, **given)[0]
    return [ChannelContribution(source, first + i, maps[i], kernels[i], parts[i]) for i in range(count)], int(width)


def bias(column: Column, channel: int, state: Mapping[str, Tensor] | None = None) -> float | None:
    """What is added to every place of a map; ``None`` if nothing is."""
    found = sliding_op(column, state)
    value = None if found is None else found.arguments.get("bias")
    if isinstance(column.module, nn.Linear):
        value = _own(column, "bias", state)
    return None if value is None else float(value.detach()[channel])


def _own(column: Column, name: str, state: Mapping[str, Tensor] | None) -> Tensor | None:
    other = (state or {}).get(f"{column.path}.{name}".removeprefix("."))
    return getattr(column.module, name) if other is None else other


def linear_terms(
    network: Network, number: int, unit: int, most: int, state: Mapping[str, Tensor] | None = None
) -> list[LinearTerm] | None:
    """The largest terms of a linear unit's sum; ``None`` if the column is no linear layer on one vector."""
    column = network.columns[number]
    if not isinstance(column.module, nn.Linear) or column.output.dim() != 1:
        return None
    source = column.sources[0]
    x = network.columns[source.column].outputs[source.output]
    weight = _own(column, "weight", state)
    if weight is None or x.dim() != 1:
        return None
    weight = weight.detach()
    terms = x * weight[unit]
    order = terms.abs().argsort(descending=True)[:most].tolist()
    return [LinearTerm(i, float(x[i]), float(weight[unit, i]), float(terms[i])) for i in order]


def softmax_terms(z: Tensor) -> dict[str, Tensor]:
    """exp(z − max), their sum and the probabilities.

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
    """The last column with the model's scores: one number for each class, before any softmax; ``None`` where there is none."""
    columns: Sequence[Column] = network.columns
    for number in range(len(columns) - 1, 0, -1):
        column = columns[number]
        if not column.returned:
            continue
        while column.kind.lower() in ("softmax", "log_softmax", "logsoftmax") and column.sources:
            number = column.sources[0].column
            column = columns[number]
        if column.output.dim() == 1 and 2 <= column.output.numel() <= _CLASSES and column.output.is_floating_point():
            return number
    return None
