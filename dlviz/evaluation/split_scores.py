"""The scores of the splits that were tried, and how far they lie apart."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch

from dlviz.evaluation.splitting import METHODS
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message


class Score(NamedTuple):
    """What the learner's function gave for one split."""

    how: str
    seed: int
    score: float


def number(given: Any) -> float:
    """What `score` returned as a number.

    Raises:
        DlvizError: it is none.
    """
    try:
        return float(given)
    except (TypeError, ValueError, RuntimeError):
        raise DlvizError(message("evaluation.refused.score", got=type(given).__name__)) from None


def summarize_scores(scores: Sequence[Score], shares: Sequence[float]) -> list[dict[str, Any]]:
    """For each way to split that was tried, and each share that was held out: the scores as they came, and how far they lie apart.

    Args:
        scores: what was measured.
        shares: the share that was held out, of each.

    Returns:
        Of each row ``how``, ``share`` (``None`` where a way was tried with one share alone), ``values``, ``seeds``, ``mean``, the
        standard deviation ``sd`` (NaN of one score), ``low`` and ``high``.

    Example:
        >>> one, = summarize_scores([Score("shuffled", 0, 0.5), Score("shuffled", 1, 1.0)], [0.2, 0.2])
        >>> one["how"], one["share"], one["mean"], round(one["sd"], 4)
        ('shuffled', None, 0.75, 0.3536)
    """
    every = sorted({(METHODS.index(one.how), share) for one, share in zip(scores, shares, strict=True)})
    hows = [how for how, _ in every]
    found = []
    for place, share in every:
        how = METHODS[place]
        mine = [one for one, held in zip(scores, shares, strict=True) if (one.how, held) == (how, share)]
        values = torch.tensor([one.score for one in mine], dtype=torch.float64)
        found.append(
            {
                "how": how,
                "share": share if hows.count(place) > 1 else None,
                "values": values,
                "seeds": torch.tensor([one.seed for one in mine]),
                "mean": values.mean().item(),
                "sd": values.std().item() if len(mine) > 1 else torch.nan,
                "low": values.min().item(),
                "high": values.max().item(),
            }
        )
    return found


def called(row: Mapping[str, Any]) -> str:
    """What a row of scores is called: the way to split, and the share that was held out where there are several.

    Example:
        >>> called({"how": "order", "share": None}), called({"how": "order", "share": 0.2})
        ('in file order', 'in file order, 20%')
    """
    how = message(f"evaluation.how.{row['how']}")
    return how if row["share"] is None else f"{how}, {row['share']:.0%}"
