"""From logits to the next token: temperature, top-k, top-p, and a draw from what they leave by one uniform number."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_finite, is_integer

#: Number of the most probable tokens that are ranked, and shown one by one.
ROWS = 20
#: Up to this many tokens all are sorted, so that equal logits keep the order of their ids.
_SORTED = 4096
#: Lowest temperature: below it, logits divided by it may overflow.
MIN_TEMPERATURE = 0.01


@dataclass(frozen=True)
class Settings:
    """How a token is chosen from the logits.

    Attributes:
        temperature: what logits are divided by.
        top_k: how many tokens are kept; 0 for all.
        top_p: smallest total probability of the tokens that are kept; 1 for all.
        greedy: whether the most probable token is always taken.

    Raises:
        DlvizError: a number is out of range.

    Example:
        >>> Settings(top_p=1.5)
        Traceback (most recent call last):
            ...
        dlviz.kit.errors.DlvizError: generate: top_p must be above 0 and at most 1 (1 keeps every token), but got 1.5.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    greedy: bool = False

    def __post_init__(self) -> None:
        checks = {
            "temperature": is_finite(self.temperature) and MIN_TEMPERATURE <= self.temperature <= 100,
            "top_k": is_integer(self.top_k) and 0 <= self.top_k < 2**31,
            "top_p": is_finite(self.top_p) and 0 < self.top_p <= 1,
            "greedy": isinstance(self.greedy, bool),
        }
        for name, fits in checks.items():
            if not fits:
                got = getattr(self, name)
                shown = got if isinstance(got, (int, float)) else type(got).__name__
                raise DlvizError(message(f"generation.refused.{name}", got=shown))


def scale(logits: Tensor, temperature: float) -> Tensor:
    """Return logits divided by the temperature: below 1 the distribution gets sharper, above 1 flatter.

    Args:
        logits: (V,).
        temperature: above 0.

    Source:
        Ackley, Hinton & Sejnowski 1985, A learning algorithm for Boltzmann machines

    Example:
        >>> scale(torch.tensor([2.0, 1.0]), 0.5)
        tensor([4., 2.])
    """
    return logits / temperature


def keep_top_k(logits: Tensor, k: int) -> Tensor:
    """Return the logits with −∞ in place of all that are below the k-th largest; equal ones stay, as elsewhere.

    Args:
        logits: (V,).
        k: how many to keep; 0 for all.

    Source:
        Fan, Lewis & Dauphin 2018, Hierarchical neural story generation (arXiv 1805.04833)

    Example:
        >>> keep_top_k(torch.tensor([1.0, 3.0, 2.0, 0.0]), 2)
        tensor([-inf, 3., 2., -inf])
    """
    if not 0 < k < len(logits):
        return logits
    return logits.masked_fill(logits < logits.topk(k).values[-1], -torch.inf)


def keep_top_p(logits: Tensor, p: float) -> Tensor:
    """Return the logits with −∞ outside the nucleus: the fewest tokens, most probable first, whose probabilities sum to p or more.

    Args:
        logits: (V,).
        p: above 0, at most 1; the most probable token always stays.

    Source:
        Holtzman et al. 2020, The curious case of neural text degeneration (arXiv 1904.09751)

    Example:
        >>> keep_top_p(torch.tensor([0.5, 0.3, 0.15, 0.05]).log(), 0.7).exp()
        tensor([0.5000, 0.3000, 0.0000, 0.0000])
    """
    if p >= 1:
        return logits
    probs = logits.double().softmax(0)
    # Sorting numbers alone, without their places, is many times faster over a large vocabulary.
    falling = torch.from_numpy(np.sort(probs.numpy())[::-1].copy())
    count = max(1, int((falling.cumsum(0) - falling < p).sum()))
    kept = probs > falling[count - 1]
    equal = (probs == falling[count - 1]).nonzero()[:, 0]
    kept[equal[: count - int(kept.sum())]] = True
    return logits.masked_fill(~kept, -torch.inf)


def ranking(logits: Tensor, rows: int = ROWS) -> Tensor:
    """Return the ids of all tokens, int64 (V,): the `rows` with the largest logits, falling, then the others; equal ones by id.

    A cumulative sum in this order needs no sorting of a large vocabulary.

    Example:
        >>> ranking(torch.tensor([1.0, 3.0, 2.0, 0.0]), 2)
        tensor([1, 2, 0, 3])
    """
    is_small = len(logits) <= _SORTED
    # Of equal logits topk takes any.
    near = torch.arange(len(logits)) if is_small else (logits >= logits.topk(rows).values[-1]).nonzero()[:, 0]
    first = near[logits[near].sort(descending=True, stable=True).indices[:rows]]
    others = torch.ones(len(logits), dtype=torch.bool)
    others[first] = False
    return torch.cat([first, others.nonzero()[:, 0]])


@dataclass(frozen=True, eq=False)
class Stages:
    """Every stage from logits to probabilities, each (V,) in the order of ids.

    Attributes:
        logits: what the model returned.
        scaled: divided by the temperature.
        softmax: their softmax, before anything is cut.
        after_top_k: scaled logits, −∞ where top-k, or greedy choice, cuts.
        after_top_p: the same, −∞ also where top-p cuts.
        probs: softmax of those: what the token is drawn from.
        order: ids as in :func:`ranking`.
    """

    logits: Tensor
    scaled: Tensor
    softmax: Tensor
    after_top_k: Tensor
    after_top_p: Tensor
    probs: Tensor
    order: Tensor


def stages(logits: Tensor, settings: Settings) -> Stages:
    """Return every stage from the logits (V,) to the probabilities of the next token.

    Example:
        >>> found = stages(torch.tensor([2.0, 1.0, 0.0]), Settings(top_k=2))
        >>> found.softmax, found.probs
        (tensor([0.6652, 0.2447, 0.0900]), tensor([0.7311, 0.2689, 0.0000]))
    """
    order = ranking(logits)
    scaled = scale(logits, settings.temperature)
    if settings.greedy:
        after_top_k = torch.full_like(scaled, -torch.inf)
        after_top_k[order[0]] = scaled[order[0]]
    else:
        after_top_k = keep_top_k(scaled, settings.top_k)
    after_top_p = keep_top_p(after_top_k, settings.top_p)
    return Stages(logits, scaled, scaled.softmax(0), after_top_k, after_top_p, after_top_p.softmax(0), order)


@dataclass(frozen=True)
class Draw:
    """A token drawn by one uniform number.

    Attributes:
        token: its id.
        low, high: its part of the cumulative distribution; the uniform number lies in [low, high).
    """

    token: int
    low: float
    high: float


def sample(probs: Tensor, u: float, order: Tensor | None = None) -> Draw:
    """Return the token whose part of the cumulative distribution holds `u`: a draw by the inverse distribution function.

    Args:
        probs: probabilities (V,); they are divided by their sum.
        u: a number in [0, 1), uniform for a draw from `probs`.
        order: ids (V,) in the order in which the probabilities are summed; by default that of :func:`ranking`.

    Example:
        >>> sample(torch.tensor([0.25, 0.5, 0.25]), 0.6)
        Draw(token=0, low=0.5, high=0.75)
    """
    order = ranking(probs) if order is None else order
    cumulative = probs.double()[order].cumsum(0)
    total = cumulative[-1]
    found = torch.searchsorted(cumulative, total * u, right=True)
    # Rounding may put u behind the last token that can be drawn.
    k = min(int(found), int(torch.searchsorted(cumulative, total)))
    low = float(cumulative[k - 1] / total) if k else 0.0
    return Draw(int(order[k]), low, float(cumulative[k] / total))
