"""A surface and the paths on it as JSON-able pictures with binary arrays."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlviz.kit.messages import message
from dlviz.optimizers.contour import contour_levels, contour_lines, height_unit
from dlviz.optimizers.divergence_limit import Curvature
from dlviz.optimizers.record import Run
from dlviz.optimizers.test_functions import Box
from dlviz.optimizers.update_rules import Formula, formula, residual

#: The tokens of ``theme.css`` that paths are drawn in, one after the other.
COLORS = ("pos", "neg", "good", "flow", "bad", "accent", "ink")
#: Of what an optimizer keeps, what counts as its momentum.
MOMENTUM = ("momentum_buffer", "exp_avg")


def ground(x: Tensor, y: Tensor, values: Tensor) -> dict[str, Any]:
    """What lies below the paths: numbers, and lines of equal height through them.

    Args:
        x: (columns,), evenly spaced.
        y: (rows,), evenly spaced, ascending.
        values: (rows, columns).
    """
    numbers = values.to(torch.float64).numpy()
    finite = numbers[np.isfinite(numbers)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    unit = height_unit(numbers)
    found = []
    for level in contour_levels(low, high, unit) if high > low else []:
        chains = contour_lines(numbers, level)
        points = np.concatenate(chains) if chains else np.zeros((0, 2))
        found.append({"value": level, "lengths": [len(one) for one in chains], "points": points.astype(np.float32)})
    return {
        "x": [float(x[0]), float(x[-1])],
        "y": [float(y[0]), float(y[-1])],
        "columns": len(x),
        "rows": len(y),
        "values": numbers,
        "low": low,
        "high": high,
        "unit": unit,
        "levels": found,
    }


def paths(runs: Sequence[Run], limits: Box, bounds: Sequence[float | None]) -> dict[str, Any]:
    """Every run's way, and for every step what its optimizer had in hand.

    Args:
        runs: one for each optimizer.
        limits: of the picture: who leaves it has left or diverged.
        bounds: of each the learning rate from which on it diverges.
    """
    made = [formula(one) for one in runs]
    pairs = zip(runs, made, bounds, strict=True)
    gaps = [gap for run, one in zip(runs, made, strict=True) if (gap := residual(run, one)) is not None]
    return {
        "list": [_path(run, one, limits, bound, n) for n, (run, one, bound) in enumerate(pairs)],
        "gap": max(gaps) if gaps else None,
    }


def _path(run: Run, one: Formula, limits: Box, bound: float | None, number: int) -> dict[str, Any]:
    ended = run.ended(limits)
    carried = next((name for name in MOMENTUM if name in run.state), None)
    named = dict(run.state) | one.arrays | {"gradient": run.grads}
    return {
        "name": run.name,
        "kind": run.kind.__name__,
        "color": COLORS[number % len(COLORS)],
        "dash": number >= len(COLORS),
        "rate": run.rate,
        "settings": ", ".join(f"{name}={_short(value)}" for name, value in run.settings.items()),
        "threshold": bound,
        "ended": None if ended is None else {"step": ended[0], "how": ended[1]},
        "points": run.points.numpy(),
        "losses": run.losses.numpy(),
        "momentum": carried,
        "state": list(run.state),
        "lines": [[list(part) if isinstance(part, tuple) else part for part in line] for line in one.lines],
        "arrays": {name: {"width": value.shape[1], "values": _single(value)} for name, value in named.items()},
    }


def _single(x: Tensor) -> np.ndarray[Any, np.dtype[np.float32]]:
    """As float32, seven digits of which four are printed; what float32 cannot hold becomes infinite there, not an error."""
    return x.to(torch.float32).numpy()


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else repr(value)


def own_path(points: Tensor, losses: Tensor, name: str) -> dict[str, Any]:
    """The learner's own path as the one runner of a picture."""
    return {
        "list": [
            {
                "name": name, "kind": "", "color": COLORS[0], "dash": False, "rate": None, "settings": "", "threshold": None,
                "ended": None, "points": points.to(torch.float64).numpy(), "losses": losses.to(torch.float64).numpy(),
                "momentum": None, "state": [], "lines": [], "arrays": {},
            }
        ],
        "gap": None,
    }  # fmt: skip


def limit_words(runs: Sequence[Run], bounds: Sequence[float | None], bends: Curvature | None) -> list[str]:
    """Of every optimizer one sentence: from which learning rate on it diverges, or why there is no such number."""
    found = []
    for run, bound in zip(runs, bounds, strict=True):
        if bound is None or bends is None:
            key = "optimizers.limit.curved" if run.kind is torch.optim.SGD else "optimizers.limit.none"
            found.append(message(key, name=run.name))
            continue
        group = run.group
        which = "nesterov" if group["nesterov"] else "momentum" if group["momentum"] else "plain"
        text = message(f"optimizers.limit.{which}", beta=f"{group['momentum']:g}")
        key = "optimizers.limit.sure" if bends.quadratic else "optimizers.limit.local"
        sentence = message(key, name=run.name, formula=text, largest=f"{bends.largest:.4g}", bound=f"{bound:.4g}")
        found.append(sentence if bends.eigenvalues[0] >= 0 else f"{sentence} {message('optimizers.limit.down')}")
    return found
