"""From which learning rate on a path leaves a minimum: from torch's own Hessian.

Source:
    Goh, Why Momentum Really Works, Distill 2017, https://distill.pub/2017/momentum
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.functional import hessian

from dlviz.optimizers.record import Run
from dlviz.optimizers.test_functions import Loss


@dataclass(frozen=True)
class Curvature:
    """How a loss bends at the start of a race.

    Attributes:
        hessian: (2, 2).
        eigenvalues: ascending.
        quadratic: whether it bends so everywhere: only then the threshold holds for the whole path.
    """

    hessian: Tensor
    eigenvalues: Tensor
    quadratic: bool

    @property
    def largest(self) -> float:
        """λmax."""
        return float(self.eigenvalues[-1])


def curvature(loss: Loss, start: Sequence[float], reach: float) -> Curvature | None:
    """The Hessian at the start, and whether it is the same at places up to `reach` away; ``None`` if torch cannot take it.

    Example:
        >>> from dlviz.optimizers.test_functions import NAMED
        >>> bends = curvature(NAMED["ravine"], (-2.5, 1.0), 2.0)
        >>> bends.largest, bends.quadratic
        (20.0, True)
    """
    at = torch.tensor([float(v) for v in start], dtype=torch.float64)
    places = at + reach * torch.tensor([[0.0, 0.0], [1.0, 0.3], [-0.4, 0.9], [-0.7, -1.0]], dtype=torch.float64)
    try:
        # Backward twice: torch.func.hessian loads seconds of forward-mode rules first, and refuses a loss that branches on a number.
        with torch.random.fork_rng(devices=[]):
            found = [hessian(lambda p: loss.function(p).reshape(()), p) for p in places]
    except Exception:  # a step of the loss may have no second derivative that torch knows
        return None
    # A function that can be derived once alone leaves terms out, and what is left is not symmetric.
    if not bool(found[0].isfinite().all()) or not torch.allclose(found[0], found[0].T, rtol=1e-9, atol=1e-9):
        return None
    same = all(torch.allclose(one, found[0], rtol=1e-9, atol=1e-9) for one in found)
    return Curvature(found[0], torch.linalg.eigvalsh(found[0]), same)


def threshold(run: Run, bends: Curvature | None) -> float | None:
    """The learning rate from which on this optimizer diverges where the loss bends so; ``None`` where there is no such number.

    Of plain gradient descent 2/λ, with momentum β 2(1+β)/λ, with Nesterov's 2(1+β)/((1+2β)λ); λ is the largest eigenvalue of the
    Hessian plus the weight decay. RMSprop, Adam and their kind divide by the gradient's size: they have none.
    """
    group: Mapping[str, Any] = run.group
    if bends is None or run.kind is not torch.optim.SGD or group["maximize"]:
        return None
    steepest = (bends.largest + group["weight_decay"]) * (1 - group["dampening"])
    if steepest <= 0:
        return None
    beta = group["momentum"]
    bound = 2 * (1 + beta) / steepest / (1 + 2 * beta if group["nesterov"] else 1)
    return bound if math.isfinite(bound) else None
