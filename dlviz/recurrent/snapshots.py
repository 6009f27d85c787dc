"""What a gradient remembered at each look at the module, and how long the learner's own gradient was then."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dlviz.kit.messages import message

#: So many looks are kept, and of so many a curve is drawn behind the newest.
MOST, DRAWN = 200, 6
#: Thresholds that a menu offers.
CLIPS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, eq=False)
class Moment:
    """One look.

    Attributes:
        label: what the learner called it, or its number.
        sequence: which sequence of the batch its curves are of.
        curves: the gradient against lag of every lane, (T,) each.
        norm: the length of all ``.grad`` of the module together, ``None`` without any.
    """

    label: str
    sequence: int
    curves: tuple[Tensor, ...]
    norm: Tensor | None


def grad_norm(module: nn.Module) -> Tensor | None:
    """The length of all ``.grad`` together, as ``clip_grad_norm_`` measures it; ``None`` where there is none.

    Example:
        >>> rnn = torch.nn.RNN(1, 1)
        >>> grad_norm(rnn) is None
        True
    """
    grads = [p.grad.detach() for p in module.parameters() if p.grad is not None]
    if not grads:
        return None
    return torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g).cpu() for g in grads])).double()


def clipped(norm: Tensor, most: float) -> Tensor:
    """The length after ``clip_grad_norm_(…, most)``, which multiplies by ``most / (norm + 1e-6)`` if that is below 1.

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html

    Example:
        >>> round(clipped(torch.tensor(8.0), 2.0).item(), 3), clipped(torch.tensor(1.0), 2.0).item()
        (2.0, 1.0)
    """
    return norm * torch.clamp(most / (norm + 1e-6), max=1.0)


def thinned(moments: Sequence[Moment]) -> list[Moment]:
    """At most :data:`MOST`: the first and the newest stay, every second one between goes."""
    found = list(moments)
    while len(found) > MOST:
        found = [found[0], *found[1:-1:2], found[-1]]
    return found


def history(
    moments: Sequence[Moment], sequence: int, lane: int, now: Tensor, base: Tensor | None, clip: float
) -> dict[str, Any]:
    """What the chart draws.

    Args:
        moments: every look, the newest last.
        sequence, lane: whose curves.
        now: the curve of what is drawn.
        base: that of the same without edits, where there are any: a ghost too.
        clip: the learner's threshold, offered among the others.
    """
    ghosts = [(moment.label, moment.curves[lane]) for moment in moments[:-1] if moment.sequence == sequence]
    if len(ghosts) > DRAWN:
        ghosts = [ghosts[k] for k in torch.linspace(0, len(ghosts) - 1, DRAWN).round().int().tolist()]
    if base is not None:
        ghosts.append((message("recurrent.unedited"), base))
    with_norm = [moment for moment in moments if moment.norm is not None]
    norms = torch.stack([m.norm for m in with_norm if m.norm is not None]) if with_norm else torch.zeros(0)
    clips = sorted({*CLIPS, clip})
    return {
        "now": _doubles(now),
        "label": moments[-1].label,
        "ghosts": [{"label": label, "curve": _doubles(curve)} for label, curve in ghosts],
        "looks": [moment.label for moment in with_norm],
        "norms": _doubles(norms),
        "clips": clips,
        "clipped": _doubles(torch.stack([clipped(norms, most) for most in clips])),
    }


def _doubles(values: Tensor) -> np.ndarray:
    return values.double().contiguous().numpy()
