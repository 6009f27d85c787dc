"""Scores of the splits that were measured, with their mean and standard deviation."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch

from dlviz.evaluation.splitting import METHODS
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message


class Score(NamedTuple):
    """Score that the learner's function returned for one split."""

    how: str
    seed: int
    score: float


def as_number(value: Any) -> float:
    """Return what `score` returned as a number.

    Raises:
        DlvizError: it is not a number.
    """
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        raise DlvizError(message("evaluation.refused.score", got=type(value).__name__)) from None


def summarize_scores(measured: Sequence[tuple[Score, float]]) -> list[dict[str, Any]]:
    """Return one row for each way to split and each held-out fraction.

    Args:
        measured: scores, each with the fraction of examples that was held out.

    Returns:
        Rows of ``how``, ``share`` (the held-out fraction, ``None`` where a way was measured with one fraction only), ``title``,
        ``values``, ``seeds``, ``mean``, the standard deviation ``sd`` (NaN for one score), ``low`` and ``high``.

    Example:
        >>> (row,) = summarize_scores([(Score("shuffled", 0, 0.5), 0.2), (Score("shuffled", 1, 1.0), 0.2)])
        >>> row["title"], row["share"], row["mean"], round(row["sd"], 4)
        ('shuffled', None, 0.75, 0.3536)
    """
    keys = sorted({(METHODS.index(score.how), held_out) for score, held_out in measured})
    methods = [method for method, _ in keys]
    rows = []
    for method, held_out in keys:
        how, share = METHODS[method], held_out if methods.count(method) > 1 else None
        scores = [score for score, fraction in measured if (score.how, fraction) == (how, held_out)]
        values = torch.tensor([score.score for score in scores], dtype=torch.float64)
        title = message(f"evaluation.how.{how}")
        rows.append(
            {
                "how": how,
                "share": share,
                "title": title if share is None else f"{title}, {share:.0%}",
                "values": values,
                "seeds": torch.tensor([score.seed for score in scores]),
                "mean": values.mean().item(),
                "sd": values.std().item() if len(values) > 1 else torch.nan,
                "low": values.min().item(),
                "high": values.max().item(),
            }
        )
    return rows


def spread_text(row: Mapping[str, Any]) -> str:
    """Return mean and spread of a row as text: "0.967 ± 0.009 (5 splits, from 0.95 to 0.98)"."""
    if len(row["values"]) == 1:
        return message("evaluation.split.single", mean=f"{row['mean']:.4g}")
    numbers = {name: f"{row[name]:.4g}" for name in ("mean", "low", "high")}
    return message("evaluation.split.spread", **numbers, sd=f"{row['sd']:.2g}", count=len(row["values"]))
