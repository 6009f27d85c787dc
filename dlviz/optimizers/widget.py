"""`dlviz.race`: optimizers side by side on one surface."""

import json
import math
from collections.abc import Sequence
from typing import Any

import torch
import traitlets
from torch import Tensor

from dlviz.kit.arguments import suggests_names
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_finite, is_integer
from dlviz.kit.widget import binary
from dlviz.optimizers.base_widget import LossSurfaceWidget, axis, check_axes, check_limits, check_seed
from dlviz.optimizers.code import code
from dlviz.optimizers.divergence_limit import Curvature, curvature, divergence_threshold
from dlviz.optimizers.loss_functions import Box, LossFunction, evaluate_grid, evaluate_point, find_loss
from dlviz.optimizers.named_optimizers import NamedOptimizer, named_optimizers
from dlviz.optimizers.record import Trajectory, record
from dlviz.optimizers.scene import paths, surface_data, threshold_sentences

#: Factors of every learning rate that the slider offers.
SCALES = tuple(1.0 if k == 0 else float(f"{10 ** (k / 6):.3g}") for k in range(-9, 10))
#: A page holds other settings of the slider, the nearest first, until the loss has been computed this many times for them.
MAX_EVALUATIONS = 15_000
#: Largest number of steps of a race: all of them are drawn at once.
MAX_STEPS = 2000


class Race(LossSurfaceWidget):
    """Widget that shows optimizers on one surface, run by torch. One step of the player is one step of each optimizer.

    Attributes:
        scale: factor that every learning rate is multiplied by; setting it runs all optimizers again.
        opened: name of the optimizer whose state and update rule are shown; "" for none.
    """

    _function = "race"

    scale = traitlets.Float(1.0, help="factor of every learning rate").tag(sync=True)
    opened = traitlets.Unicode("", help="name of the optimizer that is opened").tag(sync=True)

    def __init__(
        self,
        optimizers: Sequence[NamedOptimizer],
        loss: LossFunction,
        start: tuple[float, float],
        steps: int,
        limits: Box | None,
        axes: tuple[str, str],
        seed: int,
        **traits: Any,
    ) -> None:
        self._optimizers, self._loss, self._start, self._steps = list(optimizers), loss, start, steps
        self._axes, self._seed = axes, seed
        self._trajectories: list[Trajectory] = []
        self._paths: dict[str, Any] = {}
        self._curvature: Curvature | None = None
        scale, opened = _check_scale(traits.pop("scale", 1.0)), traits.pop("opened", "")
        super().__init__(**traits)
        first = self._record_all(1.0)
        self._limits = limits or (_including(loss.limits, start) if loss.limits else _limits_around(first))
        self._prepare_scene(first)
        self.observe(self._rerun, "scale")
        self.observe(self._check_opened, "opened")
        self.opened = opened
        if scale == 1.0:
            self._show(first)
        else:
            self.scale = scale
        if "step" not in traits:
            self.step = steps

    # Results.

    @property
    def paths(self) -> dict[str, Tensor]:
        """Points of every optimizer: (steps + 1, 2), float64, the start first."""
        self._check_open()
        return {trajectory.name: trajectory.points for trajectory in self._trajectories}

    @property
    def losses(self) -> dict[str, Tensor]:
        """Loss at every point of every path: (steps + 1,)."""
        self._check_open()
        return {trajectory.name: trajectory.losses for trajectory in self._trajectories}

    @property
    def trajectories(self) -> dict[str, Trajectory]:
        """Everything that was recorded, including gradients and optimizer state."""
        self._check_open()
        return {trajectory.name: trajectory for trajectory in self._trajectories}

    @property
    def threshold(self) -> dict[str, float | None]:
        """Learning rate above which each optimizer diverges, from torch's Hessian at the start; ``None`` where there is no such number.

        It is exact where :attr:`quadratic` is true, else a local estimate.
        """
        self._check_open()
        return {trajectory.name: self._threshold(trajectory) for trajectory in self._trajectories}

    @property
    def quadratic(self) -> bool:
        """Whether the Hessian is the same everywhere in the picture."""
        self._check_open()
        return self._curvature is not None and self._curvature.quadratic

    def code(self, name: str | None = None) -> str:
        """Return the plain PyTorch loop of one optimizer, which gives the same numbers.

        Args:
            name: which optimizer; by default the opened one, or the first.

        Raises:
            DlvizError: there is no optimizer of that name.
        """
        self._check_open()
        chosen = name or self.opened or self._trajectories[0].name
        if chosen not in self.trajectories:
            names = ", ".join(self.trajectories)
            raise DlvizError(message("optimizers.refused.name", got=repr(name), names=names))
        return code(self.trajectories[chosen], self._loss, self._start, self._steps)

    def close(self) -> None:
        """Take the widget off the page and release the loss, the optimizers and every trajectory."""
        self._optimizers, self._trajectories, self._paths, self._curvature = [], [], {}, None
        self._loss = LossFunction("", torch.Tensor.sum)
        super().close()

    # Running and drawing.

    def _record_all(self, scale: float) -> list[Trajectory]:
        return [
            record(optimizer, self._loss, self._start, self._steps, scale, self._seed) for optimizer in self._optimizers
        ]

    def _threshold(self, trajectory: Trajectory) -> float | None:
        return divergence_threshold(trajectory, self._curvature)

    def _rerun(self, _: Any) -> None:
        if not self._closed:
            self._show(self._record_all(self.scale))

    @traitlets.validate("scale")
    def _validate_scale(self, proposal: Any) -> float:
        return _check_scale(proposal["value"])

    def _check_opened(self, _: Any) -> None:
        if not self._closed and self.opened and self.opened not in {optimizer.name for optimizer in self._optimizers}:
            wrong, self.opened = self.opened, ""
            raise DlvizError(message("optimizers.refused.name", got=repr(wrong), names=self._names()))

    def _prepare_scene(self, first: Sequence[Trajectory]) -> None:
        """Compute what does not depend on the learning rates: the surface, its curvature and the thresholds."""
        (x0, x1), (y0, y1) = self._limits
        self._curvature = curvature(self._loss, self._start, min(x1 - x0, y1 - y0) / 2)
        x, y = axis(x0, x1), axis(y0, y1)
        self._surface = surface_data(x, y, evaluate_grid(self._loss, x, y))
        thresholds = [self._threshold(trajectory) for trajectory in first]
        axis_names = self._axis_names(self._axes)
        x_start, y_start = (f"{value:g}" for value in self._start)
        start = message("optimizers.race.from", pair=axis_names["pair"], x=x_start, y=y_start)
        steps = message("optimizers.race.steps", steps=self._steps)
        self._base_scene = {
            "kind": "race",
            "surface": self._surface,
            **axis_names,
            "steps": self._steps,
            "marked": [],
            "minima": [list(point) for point in self._loss.minima],
            "scales": list(SCALES),
            "lrs": [trajectory.lr for trajectory in first],
            "thresholds": threshold_sentences(first, thresholds, self._curvature),
            "signature": f"{self._loss.name} · {start} · {steps}",
            "notes": [],
            "summary": message("optimizers.race.summary", loss=self._loss.name, names=self._names(), steps=self._steps),
        }

    def _names(self) -> str:
        return ", ".join(optimizer.name for optimizer in self._optimizers)

    def _make_paths(self, trajectories: Sequence[Trajectory]) -> dict[str, Any]:
        return paths(trajectories, self._limits, [self._threshold(trajectory) for trajectory in trajectories])

    def _show(self, trajectories: list[Trajectory]) -> None:
        self._trajectories, self._paths = trajectories, self._make_paths(trajectories)
        with self.hold_sync():
            self.paths_data = binary(self._paths)
            if not self.scene:
                self.scene = binary(self._base_scene | {"badge": self._badge()})

    def _badge(self) -> dict[str, str]:
        residual = self._paths["residual"]
        if residual is None:
            return {"kind": "good", "text": message("optimizers.badge.torch")}
        text = message("optimizers.badge.gap", gap=f"{residual:.0e}")
        return {"kind": "good" if residual < 1e-10 else "bad", "text": text}

    def _precomputed(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Return the data of every other setting of the slider, the nearest settings first."""
        now = min(range(len(SCALES)), key=lambda k: abs(SCALES[k] - self.scale))
        frames: dict[str, dict[str, Any]] = {}
        evaluations = 0
        for k in sorted(range(len(SCALES)), key=lambda k: abs(k - now)):
            if SCALES[k] == self.scale or evaluations > MAX_EVALUATIONS:
                continue
            trajectories = self._record_all(SCALES[k])
            evaluations += sum(trajectory.evaluations for trajectory in trajectories)
            frames[json.dumps(SCALES[k])] = {"paths_data": binary(self._make_paths(trajectories))}
        return {"scale": frames}

    def _describe(self) -> str:
        return message("optimizers.race.repr", names=self._names(), loss=self._loss.name, steps=self._steps)

    def _still(self) -> str:
        self._check_open()
        return self._draw_still(self._surface, self._paths["list"])


def _check_scale(scale: Any) -> float:
    if not is_finite(scale) or scale <= 0:
        raise DlvizError(message("optimizers.refused.scale", got=repr(scale)))
    return float(scale)


def _including(limits: Box, start: tuple[float, float]) -> Box:
    """Return the usual limits of a surface, extended where a race starts outside them."""
    margins = [0.05 * (high - low) for low, high in limits]
    x, y = (
        (min(low, value - margin), max(high, value + margin))
        for (low, high), value, margin in zip(limits, start, margins, strict=True)
    )
    return x, y


def _limits_around(trajectories: Sequence[Trajectory]) -> Box:
    """Return limits around the start and the trajectories that stay near it."""
    start = trajectories[0].points[0]
    distances = [(trajectory.points - start).abs() for trajectory in trajectories]
    reaches = sorted(float(distance.nan_to_num(1e30).max()) for distance in distances)
    reach = reaches[(len(reaches) - 1) // 2] or 1.0
    near = [
        trajectory.points[(distance.max(1).values <= reach) & trajectory.points.isfinite().all(1)]
        for trajectory, distance in zip(trajectories, distances, strict=True)
    ]
    low, high = torch.cat(near).amin(0), torch.cat(near).amax(0)
    side = float((high - low).max()) or 1.0  # a path may not move at all
    # A trajectory along one axis still needs a picture with two dimensions.
    margin = torch.maximum(0.15 * (high - low), (side * 0.7 - (high - low)) / 2).clamp(min=0.1 * side)
    (x0, y0), (x1, y1) = (low - margin).tolist(), (high + margin).tolist()
    return (x0, x1), (y0, y1)


@suggests_names
def race(
    optimizers: Any,
    loss: Any = "ravine",
    start: Sequence[float] | Tensor | None = None,
    steps: int = 100,
    *,
    limits: Any = None,
    axes: Sequence[str] = ("x", "y"),
    seed: int = 0,
    scale: float = 1.0,
    opened: str = "",
    view: str = "2d",
    theme: str = "auto",
    step: int | None = None,
    playing: bool = False,
    speed: float = 1.0,
) -> Race:
    """Run optimizers on one surface and show their paths, gradients, momentum and update rules, step by step, all from torch.

    Args:
        optimizers: a mapping of names, or a list, of: an optimizer class; ``(class, dict(lr=0.1, …))``;
            ``functools.partial(class, lr=0.1)``; or a function of parameters that returns an optimizer.
        loss: a function of a float64 tensor of two numbers that returns a scalar, or the name of one: "bowl", "ravine", "rosenbrock",
            "saddle", "himmelblau", "beale".
        start: the two numbers that all optimizers start from; a named loss has a default.
        steps: number of steps, from 1 to 2000.
        limits: ((x low, x high), (y low, y high)) of the picture, or (low, high) for both; by default around the paths.
        axes: names of the two numbers in the picture, such as ("w", "b").
        seed: seed of the random numbers that the loss may draw; every optimizer gets the same ones.
        scale: factor that every learning rate is multiplied by, also a slider.
        opened: name of the optimizer whose state and update rule are shown.
        view: "2d" for a contour map, or "3d" for a surface that can be rotated.
        theme: "light", "dark" or "auto".
        step: the player's step; by default the last.
        playing: whether the player is running.
        speed: the player's speed, from 0.25 to 4.

    Returns:
        The widget; ``.paths``, ``.losses``, ``.trajectories``, ``.threshold``, ``.code(name)``.

    Raises:
        DlvizError: an argument does not fit.

    Example:
        >>> import torch, dlviz
        >>> view = dlviz.race([(torch.optim.SGD, dict(lr=0.05)), (torch.optim.Adam, dict(lr=0.1))], "ravine", steps=50)
        >>> view
        dlviz.race(SGD, Adam on ravine, 50 steps)
        >>> view.paths["SGD"].shape
        torch.Size([51, 2])
        >>> round(view.threshold["SGD"], 6)
        0.1
        >>> view.threshold["Adam"] is None
        True

    Source:
        https://docs.pytorch.org/docs/stable/optim.html
    """
    loss_function = find_loss("race", loss)
    point = _check_start(loss_function, start)
    if not is_integer(steps) or not 1 <= steps <= MAX_STEPS:
        raise DlvizError(message("optimizers.refused.steps", most=MAX_STEPS, got=repr(steps)))
    check_seed("race", seed)
    box = None if limits is None else check_limits("race", limits)
    names = check_axes("race", axes)
    made = named_optimizers(optimizers)
    p = torch.tensor(point, dtype=torch.float64, requires_grad=True)
    with torch.enable_grad(), torch.random.fork_rng(devices=[]):
        if not evaluate_point("race", loss_function, p).requires_grad:
            raise DlvizError(message("optimizers.refused.detached", name=loss_function.name))
    settings = {"scale": scale, "opened": opened, "view": view, "theme": theme, "playing": playing, "speed": speed}
    if step is not None:
        settings["step"] = step
    return Race(made, loss_function, point, int(steps), box, names, seed, **settings)


def _check_start(loss: LossFunction, start: Sequence[float] | Tensor | None) -> tuple[float, float]:
    if start is None:
        if loss.start is None:
            raise DlvizError(message("optimizers.refused.no_start", name=loss.name))
        return loss.start
    try:
        x, y = (float(value) for value in start)
    except (TypeError, ValueError, RuntimeError):  # torch raises RuntimeError for tensors without numbers
        raise DlvizError(message("optimizers.refused.start", got=repr(start)[:80])) from None
    if not (abs(x) < math.inf and abs(y) < math.inf):
        raise DlvizError(message("optimizers.refused.start", got=repr(start)[:80]))
    return x, y
