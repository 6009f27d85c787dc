"""Receptive field of one unit: by index arithmetic, and as the gradient of the unit by the input."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.network.receptive_field_rules import receptive_field_masks
from dlviz.network.record import Network, Source, capture
from dlviz.torchkit.model_copies import GeneratorStates
from dlviz.torchkit.nested import map_tensors, tensors_in

Range = tuple[int, int]


@dataclass(frozen=True, eq=False)
class ReceptiveField:
    """Receptive field of one element of one column.

    Attributes:
        column: the column's number.
        index: the element's index without the batch.
        mask: which elements of the first input the element depends on by index arithmetic, in the sample's shape; ``None`` if a call
            on the way has no rule.
        gradient: ∂ element / ∂ input, in the sample's shape; ``None`` for an integer input and where autograd cannot compute it.
        boxes: by column number, the first and last index that the element depends on along each spatial dimension: the last two
            dimensions, of a one-dimensional network the last one.
    """

    column: int
    index: tuple[int, ...]
    mask: Tensor | None
    gradient: Tensor | None
    boxes: Mapping[int, tuple[Range, ...]]

    @property
    def box(self) -> tuple[Range, ...] | None:
        """First and last index of the input along each spatial dimension; ``None`` if it is empty or unknown."""
        return self.boxes.get(0)


def bounding_box(mask: Tensor, dims: int = 2) -> tuple[Range, ...] | None:
    """Return the first and last index of ``True`` along each of the last `dims` dimensions.

    Example:
        >>> bounding_box(torch.tensor([[0, 0, 0], [0, 1, 1]]) > 0)
        ((1, 1), (1, 2))
    """
    if not mask.dim():
        return None
    sizes = mask.shape[-dims:]
    outer = mask.reshape(mask.numel() // math.prod(sizes), *sizes).any(0) if mask.numel() else mask
    along = [
        outer.any([d for d in range(outer.dim()) if d != dim]) if outer.dim() > 1 else outer
        for dim in range(outer.dim())
    ]
    marked = [each.nonzero() for each in along]
    if not all(map(len, marked)):
        return None
    return tuple((int(each[0]), int(each[-1])) for each in marked)


def receptive_field(
    model: nn.Module,
    network: Network,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    column: int,
    index: tuple[int, ...],
    *,
    state_dict: Mapping[str, Tensor] | None = None,
    rng_state: GeneratorStates | Tensor | None = None,
) -> ReceptiveField:
    """Compute the receptive field of the element at `index` of a column's first output.

    Args:
        model, args, kwargs, state_dict, rng_state: as for :func:`dlviz.network.record`.
        network: what it returned.
        column: the column's number.
        index: the element's index without the batch.
    """
    masks = receptive_field_masks(network, Source(column), index)
    boxes = {}
    for number, mask in masks.items():
        if mask is None:
            continue
        box = bounding_box(network.in_sample(number, mask), 1 if network.one_dimensional else 2)
        if box is not None:
            boxes[number] = box
    whole = masks.get(0, torch.zeros(network.columns[0].shapes[0], dtype=torch.bool))
    mask = None if whole is None else network.in_sample(0, whole)
    output = partial(capture, model, target=Source(column), state_dict=state_dict, rng_state=rng_state)
    gradient = _gradient(output, network, args, kwargs, column, index)
    return ReceptiveField(column, index, mask, gradient, boxes)


def _gradient(
    output: Callable[[Sequence[Any], Mapping[str, Any]], Tensor],
    network: Network,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    column: int,
    index: tuple[int, ...],
) -> Tensor | None:
    """Return the gradient of one element by the input; `output` runs the model and returns the column's output."""
    x = first_tensor(args, kwargs)
    if not x.is_floating_point():
        return None
    full_index = (network.sample, *index) if network.columns[column].batched[0] else index
    if column == 0:
        gradient = torch.zeros_like(x)
        gradient[full_index] = 1
    else:
        leaf = x.detach().clone().requires_grad_()
        # An in-place call may not change a leaf that requires grad, so the model gets a clone.
        inputs = replace_first_tensor(args, kwargs, leaf.clone())
        try:
            unit = output(*inputs)[full_index]
            (leaf_grad,) = torch.autograd.grad(unit, leaf, allow_unused=True) if unit.requires_grad else (None,)
        except Exception:  # autograd, or the model with gradients, may refuse what runs without
            return None
        gradient = torch.zeros_like(x) if leaf_grad is None else leaf_grad
    return network.in_sample(0, gradient)


def first_tensor(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Tensor:
    """Return the first tensor among a call's arguments: the one in column 0."""
    return tensors_in(list(args), dict(kwargs))[0]


def replace_first_tensor(args: Sequence[Any], kwargs: Mapping[str, Any], x: Tensor) -> tuple[list[Any], dict[str, Any]]:
    """Return the same arguments with `x` in place of the first tensor.

    Example:
        >>> replace_first_tensor([torch.zeros(1), 2], {}, torch.ones(1))
        ([tensor([1.]), 2], {})
    """
    old = first_tensor(args, kwargs)
    changed = [
        map_tensors(lambda tensor: x if tensor is old else tensor, value) for value in (list(args), dict(kwargs))
    ]
    return changed[0], changed[1]
