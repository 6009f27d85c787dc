"""The reconstruction error as a score of anomalies: rates at a threshold, and the area under the ROC curve."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

#: Share of the data that lies below the first threshold.
QUANTILE = 0.95


class Rates(NamedTuple):
    """Rates of wrong verdicts at a threshold.

    Attributes:
        false_alarm: share of the normal examples whose error is above the threshold.
        miss: share of the anomalies whose error is not; NaN without anomalies.
    """

    false_alarm: float
    miss: float


def rates(errors: Tensor, anomalies: Tensor | None, threshold: float) -> Rates:
    """Return the rates of wrong verdicts if every error above `threshold` is an anomaly. An error that is NaN counts as above.

    Example:
        >>> rates(torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([2.0, 9.0]), 3.0)
        Rates(false_alarm=0.25, miss=0.5)
    """
    missed = math.nan if anomalies is None else float((anomalies <= threshold).double().mean())
    return Rates(float((~(errors <= threshold)).double().mean()), missed)


def auc(errors: Tensor, anomalies: Tensor) -> float:
    """Return the probability that an anomaly has a larger error than a normal example; equal errors count half.

    It is the area under the ROC curve: 1 for errors that a threshold separates, 0.5 for chance.

    Source: J. Hanley and B. McNeil, The meaning and use of the area under a ROC curve, Radiology 143, 1982.

    Example:
        >>> auc(torch.tensor([1.0, 2.0]), torch.tensor([2.0, 3.0]))
        0.875
    """
    normal = errors.double().nan_to_num(nan=math.inf, posinf=math.inf).sort().values
    other = anomalies.double().nan_to_num(nan=math.inf, posinf=math.inf)
    below = torch.searchsorted(normal, other)
    up_to = torch.searchsorted(normal, other, right=True)
    return float((below + up_to).double().mean() / (2 * len(normal)))


def first_threshold(errors: Tensor) -> float:
    """Return the smallest error with 95% of the finite errors at or below it; 0 if none is finite."""
    finite = errors[errors.isfinite()].sort().values
    return float(finite[max(0, math.ceil(QUANTILE * len(finite)) - 1)]) if len(finite) else 0.0
