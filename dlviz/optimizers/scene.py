"""A surface and the trajectories on it as JSON-able data with binary arrays."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlviz.kit.messages import message
from dlviz.kit.theme import CURVE_COLORS, curve_color
from dlviz.optimizers.contour import contour_levels, contour_lines, height_unit
from dlviz.optimizers.divergence_limit import Curvature
from dlviz.optimizers.loss_functions import Box
from dlviz.optimizers.record import Trajectory
from dlviz.optimizers.update_rules import UpdateRule, residual, update_rule

#: The entries of an optimizer's state that hold its momentum.
MOMENTUM = ("momentum_buffer", "exp_avg")


def surface_data(x: Tensor, y: Tensor, values: Tensor) -> dict[str, Any]:
    """Return a surface's values and the contour lines through them.

    Args:
        x: (columns,), evenly spaced.
        y: (rows,), evenly spaced, ascending.
        values: (rows, columns).
    """
    numbers = values.to(torch.float64).numpy()
    finite = numbers[np.isfinite(numbers)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    unit = height_unit(numbers)
    contours = []
    for level in contour_levels(low, high, unit) if high > low else []:
        lines = contour_lines(numbers, level)
        points = np.concatenate(lines) if lines else np.zeros((0, 2))
        contours.append({"value": level, "lengths": [len(line) for line in lines], "points": points.astype(np.float32)})
    return {
        "x": [float(x[0]), float(x[-1])],
        "y": [float(y[0]), float(y[-1])],
        "columns": len(x),
        "rows": len(y),
        "values": numbers,
        "low": low,
        "high": high,
        "unit": unit,
        "levels": contours,
    }


def paths(trajectories: Sequence[Trajectory], limits: Box, thresholds: Sequence[float | None]) -> dict[str, Any]:
    """Return every trajectory with the optimizer's state and update rule at every step.

    Args:
        trajectories: one for each optimizer.
        limits: region of the picture; a trajectory that ends outside it has left or diverged.
        thresholds: for each trajectory the learning rate above which it diverges.
    """
    rules = [update_rule(trajectory) for trajectory in trajectories]
    residuals = [residual(trajectory, rule) for trajectory, rule in zip(trajectories, rules, strict=True)]
    known = [value for value in residuals if value is not None]
    items = enumerate(zip(trajectories, rules, thresholds, strict=True))
    return {
        "list": [_path(trajectory, rule, limits, threshold, n) for n, (trajectory, rule, threshold) in items],
        "residual": max(known) if known else None,
    }


def _path(
    trajectory: Trajectory, rule: UpdateRule, limits: Box, threshold: float | None, number: int
) -> dict[str, Any]:
    ended = trajectory.ended(limits)
    arrays = dict(trajectory.state) | rule.arrays | {"gradient": trajectory.grads}
    return {
        "name": trajectory.name,
        "optimizer_class": trajectory.optimizer_class.__name__,
        "color": curve_color(number),
        "dash": number >= CURVE_COLORS,
        "lr": trajectory.lr,
        "settings": ", ".join(f"{name}={_short(value)}" for name, value in trajectory.settings.items()),
        "threshold": threshold,
        "ended": None if ended is None else {"step": ended[0], "reason": ended[1]},
        "points": trajectory.points.numpy(),
        "losses": trajectory.losses.numpy(),
        "momentum": next((name for name in MOMENTUM if name in trajectory.state), None),
        "state": list(trajectory.state),
        "lines": [[list(part) if isinstance(part, tuple) else part for part in line] for line in rule.lines],
        "arrays": {name: {"width": value.shape[1], "values": _float32(value)} for name, value in arrays.items()},
    }


def _float32(x: Tensor) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return `x` as float32: seven digits, of which four are shown; a number that is too large becomes infinite, without an error."""
    return x.to(torch.float32).numpy()


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else repr(value)


def recorded_path(points: Tensor, losses: Tensor, name: str) -> dict[str, Any]:
    """Return the learner's own path as the only one of a picture."""
    return {
        "list": [
            {
                "name": name, "optimizer_class": "", "color": curve_color(0), "dash": False, "lr": None, "settings": "",
                "threshold": None, "ended": None, "points": points.to(torch.float64).numpy(),
                "losses": losses.to(torch.float64).numpy(), "momentum": None, "state": [], "lines": [], "arrays": {},
            }
        ],
        "residual": None,
    }  # fmt: skip


def threshold_sentences(
    trajectories: Sequence[Trajectory], thresholds: Sequence[float | None], curvature: Curvature | None
) -> list[str]:
    """Return one sentence for each optimizer: the learning rate above which it diverges, or why there is no such number."""
    sentences = []
    for trajectory, threshold in zip(trajectories, thresholds, strict=True):
        if threshold is None or curvature is None:
            sgd = trajectory.optimizer_class is torch.optim.SGD
            key = "optimizers.threshold.unavailable" if sgd else "optimizers.threshold.adaptive"
            sentences.append(message(key, name=trajectory.name))
            continue
        group = trajectory.group
        kind = "nesterov" if group["nesterov"] else "momentum" if group["momentum"] else "plain"
        sentence = message(
            "optimizers.threshold.exact" if curvature.quadratic else "optimizers.threshold.local",
            name=trajectory.name,
            formula=message(f"optimizers.threshold.{kind}", beta=f"{group['momentum']:g}"),
            largest=f"{curvature.largest_eigenvalue:.4g}",
            threshold=f"{threshold:.4g}",
        )
        if curvature.eigenvalues[0] < 0:
            sentence = f"{sentence} {message('optimizers.threshold.negative_curvature')}"
        sentences.append(sentence)
    return sentences
