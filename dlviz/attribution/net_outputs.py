"""What a net returns: the scores in it, and their gradients."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError, first_line
from dlviz.kit.messages import message
from dlviz.torchkit.nested import named_tensors


def scores_in(raw: Any) -> Any:
    """Return the scores in what a net returned: a tensor, the only tensor in it, or its logits."""
    if isinstance(raw, Tensor):
        return raw
    named = raw.get("logits") if isinstance(raw, Mapping) else getattr(raw, "logits", None)
    if isinstance(named, Tensor):
        return named
    found = list(named_tensors(raw, "out"))
    if not found:
        raise DlvizError(message("attribution.refused.no_tensor", name="net", got=type(raw).__name__))
    if len(found) != 1:
        names = ", ".join(f"{name} {tuple(one.shape)}" for name, one in found[:6])
        raise DlvizError(message("attribution.refused.outputs", got=names, example=found[0][0]))
    return found[0][1]


def gradient(scores: Tensor, leaf: Tensor) -> Tensor:
    """Return the gradient of the sum of some scores, in the shape of `leaf`.

    Raises:
        DlvizError: they do not depend on it through functions that torch differentiates, or torch refuses to.
    """
    made = gradients(scores, [leaf])[0]
    if made is None:
        raise DlvizError(message("attribution.refused.gradient"))
    return made


def gradients(scores: Tensor, tensors: Sequence[Tensor]) -> list[Tensor | None]:
    """Return the gradient of the sum of some scores by each of some tensors, ``None`` where they do not depend on it.

    Raises:
        DlvizError: torch refuses to differentiate.
    """
    if not scores.requires_grad or not tensors:
        return [None for _ in tensors]
    try:
        return list(torch.autograd.grad(scores.sum(), tensors, allow_unused=True))
    except RuntimeError as error:
        raise DlvizError(message("attribution.refused.backward", error=first_line(error))) from error
