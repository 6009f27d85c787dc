"""Snapshots of a module in training: its gradient norm by lag, and the norm of its own gradient before and after clipping."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dlviz.kit.messages import message
from dlviz.kit.snapshots import evenly_spaced, thin
from dlviz.torchkit.modules import parameters

#: Maximal number of snapshots that are kept, and of those whose curve is drawn behind the newest.
MAX_SNAPSHOTS, MAX_DRAWN = 200, 6
#: Clipping thresholds that the menu offers.
CLIPS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, eq=False)
class GradientSnapshot:
    """Gradients of a module at one training step.

    Attributes:
        index: number of snapshots before it.
        label: the user's label, or a numbered one.
        sequence: the sequence of the batch that the curves belong to.
        curves: the gradient norm by lag of every layer, (T,) each.
        norm: the norm of all ``.grad`` of the module together, ``None`` without any.
    """

    index: int
    label: str
    sequence: int
    curves: tuple[Tensor, ...]
    norm: Tensor | None


def grad_norm(module: nn.Module) -> Tensor | None:
    """Compute the norm of all ``.grad`` together, as ``clip_grad_norm_`` does; ``None`` if there is none.

    Example:
        >>> rnn = torch.nn.RNN(1, 1)
        >>> grad_norm(rnn) is None
        True
    """
    grads = [p.grad.detach() for p in parameters(module) if p.grad is not None]
    if not grads:
        return None
    return torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g).cpu() for g in grads])).double()


def clipped(norm: Tensor, max_norm: float) -> Tensor:
    """Return the norm after ``clip_grad_norm_(…, max_norm)``, which multiplies by ``max_norm / (norm + 1e-6)`` if that is below 1.

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html

    Example:
        >>> round(clipped(torch.tensor(8.0), 2.0).item(), 3), clipped(torch.tensor(1.0), 2.0).item()
        (2.0, 1.0)
    """
    return norm * torch.clamp(max_norm / (norm + 1e-6), max=1.0)


def add_snapshot(snapshots: Sequence[GradientSnapshot], snapshot: GradientSnapshot) -> list[GradientSnapshot]:
    """Return the snapshots with a new one, evenly thinned to at most :data:`MAX_SNAPSHOTS`."""
    return thin([*snapshots, snapshot], MAX_SNAPSHOTS)


def history(
    snapshots: Sequence[GradientSnapshot],
    sequence: int,
    layer: int,
    current: Tensor,
    unedited: Tensor | None,
    clip: float,
) -> dict[str, Any]:
    """Return what the two gradient charts draw.

    Args:
        snapshots: all snapshots, the newest last.
        sequence, layer: the sequence and layer whose curves are drawn.
        current: the curve of the drawn record.
        unedited: the curve without edits, if there are edits; it is drawn as a reference too.
        clip: the user's clipping threshold, which is offered among the others.
    """
    references = [(one.label, one.curves[layer]) for one in snapshots[:-1] if one.sequence == sequence]
    references = [references[i] for i in evenly_spaced(len(references), MAX_DRAWN)]
    if unedited is not None:
        references.append((message("recurrent.unedited"), unedited))
    labels = [one.label for one in snapshots if one.norm is not None]
    norms = torch.stack([one.norm for one in snapshots if one.norm is not None]) if labels else torch.zeros(0)
    clips = sorted({*CLIPS, clip})
    return {
        "current": _float64(current),
        "label": snapshots[-1].label,
        "references": [{"label": label, "curve": _float64(curve)} for label, curve in references],
        "norm_labels": labels,
        "norms": _float64(norms),
        "clips": clips,
        "clipped": _float64(torch.stack([clipped(norms, max_norm) for max_norm in clips])),
    }


def _float64(values: Tensor) -> np.ndarray:
    return values.double().contiguous().numpy()
