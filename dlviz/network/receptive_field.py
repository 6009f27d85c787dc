"""What one unit sees: its receptive field by arithmetic, and its gradient over the input."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_map

from dlviz.network.receptive_field_rules import fields
from dlviz.network.record import Network, Source, capture

Range = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Field:
    """The receptive field of one element of one column.

    Attributes:
        column: the column's number.
        index: the element, without the batch.
        mask: which elements of the first input it depends on by arithmetic, in the sample's shape; ``None`` where a call on the way
            is of a kind that arithmetic does not know.
        gradient: d element / d input, in the sample's shape; ``None`` for an input of whole numbers.
        boxes: for every column that it depends on the first and last place along each spatial dimension: the last two, of a series
            the last one.
    """

    column: int
    index: tuple[int, ...]
    mask: Tensor | None
    gradient: Tensor | None
    boxes: Mapping[int, tuple[Range, ...]]

    @property
    def box(self) -> tuple[Range, ...] | None:
        """First and last place of the input along each spatial dimension; ``None`` if none is seen or arithmetic cannot tell."""
        return self.boxes.get(0)


def box(mask: Tensor, dims: int = 2) -> tuple[Range, ...] | None:
    """The first and last True along each of the last `dims` dimensions.

    Example:
        >>> box(torch.tensor([[0, 0, 0], [0, 1, 1]]) > 0)
        ((1, 1), (1, 2))
    """
    places = mask.nonzero()
    if not len(places) or not mask.dim():
        return None
    return tuple((int(column.min()), int(column.max())) for column in places.T[-dims:])


def field(
    model: nn.Module,
    network: Network,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    column: int,
    index: tuple[int, ...],
    *,
    state: Mapping[str, Tensor] | None = None,
    random: Tensor | None = None,
) -> Field:
    """The receptive field of the element at `index` of a column's first output.

    Args:
        model, network, args, kwargs, state, random: as for :func:`dlviz.network.record`, and what it returned.
        column: the column's number.
        index: the element, without the batch.
    """
    masks = fields(network, Source(column), index)
    seen = {}
    for number, mask in masks.items():
        held = network.columns[number]
        if mask is None:
            continue
        found = box(mask[network.sample] if held.batched[0] else mask, 1 if network.series else 2)
        if found is not None:
            seen[number] = found
    first = network.columns[0]
    whole = masks.get(0, torch.zeros(first.shapes[0], dtype=torch.bool))
    mask = None if whole is None else (whole[network.sample] if first.batched[0] else whole)
    gradient = _gradient(model, network, args, kwargs, column, index, state, random)
    return Field(column, index, mask, gradient, seen)


def _gradient(
    model: nn.Module,
    network: Network,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    column: int,
    index: tuple[int, ...],
    state: Mapping[str, Tensor] | None,
    random: Tensor | None,
) -> Tensor | None:
    x = first_tensor(args, kwargs)
    if not x.is_floating_point():
        return None
    first, held = network.columns[0], network.columns[column]
    leaf = x.detach().clone().requires_grad_()
    own = (network.sample, *index) if held.batched[0] else index
    if column == 0:
        sent = torch.zeros_like(x)
        sent[own] = 1
    else:
        # An in-place call may not touch a leaf that wants gradients, so the model gets a copy on the tape.
        passed = replaced(args, kwargs, leaf.clone())
        unit = capture(model, *passed, Source(column), state=state, random=random)[own]
        (found,) = torch.autograd.grad(unit, leaf, allow_unused=True) if unit.requires_grad else (None,)
        sent = torch.zeros_like(x) if found is None else found
    return sent[network.sample] if first.batched[0] else sent


def first_tensor(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Tensor:
    """The first tensor among a call's arguments: what column 0 holds."""
    return next(leaf for leaf in tree_flatten([list(args), dict(kwargs)])[0] if isinstance(leaf, Tensor))


def replaced(args: Sequence[Any], kwargs: Mapping[str, Any], x: Tensor) -> tuple[list[Any], dict[str, Any]]:
    """The same arguments with another first tensor.

    Example:
        >>> replaced([torch.zeros(1), 2], {}, torch.ones(1))
        ([tensor([1.]), 2], {})
    """
    old = first_tensor(args, kwargs)
    changed = tree_map(lambda leaf: x if leaf is old else leaf, [list(args), dict(kwargs)])
    return changed[0], changed[1]
