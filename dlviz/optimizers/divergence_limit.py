"""Learning rate above which an optimizer diverges from a minimum, computed from torch's Hessian.

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

from dlviz.optimizers.loss_functions import LossFunction
from dlviz.optimizers.record import Trajectory


@dataclass(frozen=True)
class Curvature:
    """Curvature of a loss at the start of a race.

    Attributes:
        hessian: (2, 2).
        eigenvalues: (2,), ascending.
        quadratic: whether the Hessian is the same everywhere; only then does the threshold hold for the whole trajectory.
    """

    hessian: Tensor
    eigenvalues: Tensor
    quadratic: bool

    @property
    def largest_eigenvalue(self) -> float:
        """λmax."""
        return float(self.eigenvalues[-1])


def curvature(loss: LossFunction, start: Sequence[float], radius: float) -> Curvature | None:
    """Compute the Hessian at the start, and compare it with the Hessian at points up to `radius` away.

    Returns:
        ``None`` if torch cannot compute the Hessian.

    Example:
        >>> from dlviz.optimizers.loss_functions import TEST_FUNCTIONS
        >>> at_start = curvature(TEST_FUNCTIONS["ravine"], (-2.5, 1.0), 2.0)
        >>> at_start.largest_eigenvalue, at_start.quadratic
        (20.0, True)
    """
    center = torch.tensor([float(v) for v in start], dtype=torch.float64)
    offsets = torch.tensor([[0.0, 0.0], [1.0, 0.3], [-0.4, 0.9], [-0.7, -1.0]], dtype=torch.float64)
    try:
        # Backward twice: torch.func.hessian loads seconds of forward-mode rules first, and refuses a loss that branches on a number.
        with torch.random.fork_rng(devices=[]):
            hessians = [hessian(lambda p: loss.function(p).reshape(()), point) for point in center + radius * offsets]
    except Exception:  # an operation of the loss may have no second derivative that torch knows
        return None
    # An operation that can be differentiated only once drops terms, and the rest is not symmetric.
    if not bool(hessians[0].isfinite().all()) or not torch.allclose(hessians[0], hessians[0].T, rtol=1e-9, atol=1e-9):
        return None
    quadratic = all(torch.allclose(other, hessians[0], rtol=1e-9, atol=1e-9) for other in hessians)
    return Curvature(hessians[0], torch.linalg.eigvalsh(hessians[0]), quadratic)


def divergence_threshold(trajectory: Trajectory, curvature: Curvature | None) -> float | None:
    """Return the learning rate above which the trajectory's optimizer diverges, or ``None`` where there is no such number.

    It is 2/λ for plain gradient descent, 2(1+β)/λ with momentum β, and 2(1+β)/((1+2β)λ) with Nesterov momentum, where λ is the largest
    eigenvalue of the Hessian plus the weight decay. RMSprop, Adam and similar optimizers divide by the gradient's size and have none.
    """
    group: Mapping[str, Any] = trajectory.group
    if curvature is None or trajectory.optimizer_class is not torch.optim.SGD or group["maximize"]:
        return None
    steepest = (curvature.largest_eigenvalue + group["weight_decay"]) * (1 - group["dampening"])
    if steepest <= 0:
        return None
    beta = group["momentum"]
    threshold = 2 * (1 + beta) / steepest / (1 + 2 * beta if group["nesterov"] else 1)
    return threshold if math.isfinite(threshold) else None
