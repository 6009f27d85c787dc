"""`dlviz.race`: optimizers side by side on one surface."""

import json
from collections.abc import Sequence
from typing import Any

import torch
import traitlets
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.widget import binary
from dlviz.optimizers.base_widget import Relief, axis, checked_axes, checked_limits
from dlviz.optimizers.code import code
from dlviz.optimizers.divergence_limit import Curvature, curvature, threshold
from dlviz.optimizers.named_optimizers import Racer, racers
from dlviz.optimizers.record import Run, run
from dlviz.optimizers.scene import ground, limit_words, paths
from dlviz.optimizers.test_functions import Box, Loss, chosen, grid, value

#: What the slider can multiply every learning rate with.
SCALES = tuple(1.0 if k == 0 else float(f"{10 ** (k / 6):.3g}") for k in range(-9, 10))
#: So many steps a race may have: all of them are drawn at once.
MOST = 2000


class Race(Relief):
    """Optimizers on one surface, run by torch. A step of the player is a step of all of them.

    Attributes:
        scale: what every learning rate is multiplied with; setting it runs all of them again.
        opened: the optimizer whose state and formula are shown, by its name; "" for none.
    """

    _name = "race"

    scale = traitlets.Float(1.0, help="what every learning rate is multiplied with").tag(sync=True)
    opened = traitlets.Unicode("", help="the optimizer that is opened").tag(sync=True)

    def __init__(
        self,
        racers: Sequence[Racer],
        loss: Loss,
        start: tuple[float, float],
        steps: int,
        limits: Box | None,
        axes: tuple[str, str],
        seed: int,
        **traits: Any,
    ) -> None:
        self._axes = axes
        self._racers, self._loss, self._start, self._steps, self._seed = list(racers), loss, start, steps, seed
        self._runs: list[Run] = []
        self._kept: dict[str, Any] = {}
        self._bends: Curvature | None = None
        scale, opened = float(traits.pop("scale", 1.0)), str(traits.pop("opened", ""))
        super().__init__(**traits)
        first = self._all(1.0)
        self._limits = limits or (_with(loss.limits, start) if loss.limits else _around(first))
        self._ground(first)
        self.observe(self._again, "scale")
        self.observe(self._check, "opened")
        self.opened = opened
        if scale == 1.0:
            self._show(first)
        else:
            self.scale = scale
        if "step" not in traits:
            self.step = steps

    # What has been computed.

    @property
    def paths(self) -> dict[str, Tensor]:
        """Where every optimizer has been: (steps + 1, 2), float64, the start first."""
        self._held()
        return {one.name: one.points for one in self._runs}

    @property
    def losses(self) -> dict[str, Tensor]:
        """The loss at every place of every path: (steps + 1,)."""
        self._held()
        return {one.name: one.losses for one in self._runs}

    @property
    def runs(self) -> dict[str, Run]:
        """Everything that was recorded, gradients and optimizer state included."""
        self._held()
        return {one.name: one for one in self._runs}

    @property
    def threshold(self) -> dict[str, float | None]:
        """From which learning rate on each diverges, by torch's Hessian at the start; ``None`` where there is no such number.

        Exact where :attr:`quadratic` is true, else a local estimate.
        """
        self._held()
        return {one.name: threshold(one, self._bends) for one in self._runs}

    @property
    def quadratic(self) -> bool:
        """Whether the Hessian is the same all over the picture."""
        self._held()
        return self._bends is not None and self._bends.quadratic

    def code(self, name: str | None = None) -> str:
        """The plain PyTorch loop of one optimizer, which gives the same numbers.

        Args:
            name: which optimizer; the opened one, or the first, without it.

        Raises:
            DlvizError: there is none of that name.
        """
        self._held()
        wanted = name or self.opened or self._runs[0].name
        if wanted not in self.runs:
            raise DlvizError(message("optimizers.refused.name", got=repr(name), names=", ".join(self.runs)))
        return code(self.runs[wanted], self._loss, self._start, self._steps)

    def close(self) -> None:
        """Take the widget off the page and let go of the loss, the optimizers and every path."""
        self._racers, self._runs, self._kept, self._bends = [], [], {}, None
        self._loss = Loss("", torch.Tensor.sum)
        super().close()

    # Running and drawing.

    def _all(self, scale: float) -> list[Run]:
        return [run(one, self._loss, self._start, self._steps, scale, self._seed) for one in self._racers]

    def _again(self, _: Any) -> None:
        if self._open:
            self._show(self._all(self.scale))

    @traitlets.validate("scale")
    def _positive(self, proposal: Any) -> float:
        wished = float(proposal["value"])
        if not 0 < wished < float("inf"):
            raise DlvizError(message("optimizers.refused.scale", got=wished))
        return wished

    def _check(self, _: Any) -> None:
        if self._open and self.opened and self.opened not in {one.name for one in self._racers}:
            wrong, self.opened = self.opened, ""
            raise DlvizError(message("optimizers.refused.name", got=repr(wrong), names=", ".join(self.runs)))

    def _ground(self, first: Sequence[Run]) -> None:
        (x0, x1), (y0, y1) = self._limits
        self._bends = curvature(self._loss, self._start, min(x1 - x0, y1 - y0) / 2)
        x, y = axis(x0, x1), axis(y0, y1)
        self._about = ground(x, y, grid(self._loss, x, y))
        bounds = [threshold(one, self._bends) for one in first]
        names = ", ".join(one.name for one in self._racers)
        named = self._named(self._axes)
        across, up = (f"{one:g}" for one in self._start)
        signature = f"{self._loss.name} · {message('optimizers.race.from', pair=named['pair'], x=across, y=up)}"
        self._base = {
            "kind": "race",
            "ground": self._about,
            **named,
            "steps": self._steps,
            "marked": [],
            "minima": [list(one) for one in self._loss.minima],
            "scales": list(SCALES),
            "rates": [one.rate for one in self._racers],
            "limits": limit_words(first, bounds, self._bends),
            "signature": f"{signature} · {message('optimizers.race.steps', steps=self._steps)}",
            "notes": [],
            "summary": message("optimizers.race.summary", loss=self._loss.name, names=names, steps=self._steps),
        }

    def _paths(self, runs: Sequence[Run]) -> dict[str, Any]:
        return paths(runs, self._limits, [threshold(one, self._bends) for one in runs])

    def _show(self, runs: list[Run]) -> None:
        self._runs, self._kept = runs, self._paths(runs)
        with self.hold_sync():
            self.paths_shown = binary(self._kept)
            if not self.scene:
                self.scene = binary(self._base | {"badge": self._badge()})

    def _badge(self) -> dict[str, str]:
        gap = self._kept["gap"]
        if gap is None:
            return {"kind": "good", "text": message("optimizers.badge.torch")}
        return {"kind": "good" if gap < 1e-10 else "bad", "text": message("optimizers.badge.gap", gap=f"{gap:.0e}")}

    def _precomputed(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Every other setting of the slider, the nearest ones first."""
        now = min(range(len(SCALES)), key=lambda k: abs(SCALES[k] - self.scale))
        order = sorted(range(len(SCALES)), key=lambda k: abs(k - now))
        found = {
            json.dumps(SCALES[k]): {"paths_shown": binary(self._paths(self._all(SCALES[k])))}
            for k in order
            if SCALES[k] != self.scale
        }
        return {"scale": found}

    def _describe(self) -> str:
        if not self._open:
            return message("optimizers.race.repr_closed")
        names = ", ".join(one.name for one in self._racers)
        return message("optimizers.race.repr", names=names, loss=self._loss.name, steps=self._steps)

    def _still(self) -> str:
        self._held()
        return self._picture(self._about, self._kept["list"])


def _with(limits: Box, start: tuple[float, float]) -> Box:
    """The usual picture of a surface, made larger where a race begins outside it."""
    air = [0.05 * (high - low) for low, high in limits]
    wide = [
        (min(low, at - more), max(high, at + more)) for (low, high), at, more in zip(limits, start, air, strict=True)
    ]
    return wide[0], wide[1]


def _around(runs: Sequence[Run]) -> Box:
    """A box around the start and every path that stayed near it."""
    start = runs[0].points[0]
    reaches = sorted(float((one.points - start).abs().nan_to_num(1e30).max()) for one in runs)
    reach = reaches[(len(reaches) - 1) // 2] or 1.0
    near = [one.points[(one.points - start).abs().max(1).values <= reach] for one in runs]
    low, high = torch.cat(near).amin(0), torch.cat(near).amax(0)
    side = float((high - low).max())
    # A path along one axis still wants a picture with two.
    margin = torch.maximum(0.15 * (high - low), (side * 0.7 - (high - low)) / 2).clamp(min=0.1 * side)
    (x0, y0), (x1, y1) = (low - margin).tolist(), (high + margin).tolist()
    return (x0, x1), (y0, y1)


def race(
    optimizers: Any,
    loss: Any = "ravine",
    start: Sequence[float] | Tensor | None = None,
    steps: int = 100,
    *,
    limits: Any = None,
    axes: Sequence[str] = ("x", "y"),
    seed: int = 0,
    **settings: Any,
) -> Race:
    """Let optimizers race down one surface: their paths, gradients, momentum and formulas, step by step, all from torch.

    Args:
        optimizers: a mapping of names, or a list, of: an optimizer class; ``(class, dict(lr=0.1, …))``;
            ``functools.partial(class, lr=0.1)``; or a function of parameters that returns an optimizer.
        loss: a function of a float64 tensor of two numbers that returns a scalar, or the name of one: "bowl", "ravine", "rosenbrock",
            "saddle", "himmelblau", "beale".
        start: the two numbers that all start from; a named loss has its own.
        steps: how many steps, from 1 to 2000.
        limits: ((x low, x high), (y low, y high)) of the picture, or (low, high) for both; around the paths without it.
        axes: what the two numbers are called in the picture, such as ("w", "b").
        seed: of the random numbers that the loss may draw; every optimizer meets the same ones.
        settings: traits of :class:`Race`, such as ``scale``, ``opened`` or ``view``.

    Returns:
        The widget; ``.paths``, ``.losses``, ``.runs``, ``.threshold``, ``.code(name)``.

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
    found = chosen("race", loss)
    at = _start(found, start)
    if not isinstance(steps, int) or isinstance(steps, bool) or not 1 <= steps <= MOST:
        raise DlvizError(message("optimizers.refused.steps", most=MOST, got=repr(steps)))
    box = None if limits is None else checked_limits("race", limits)
    names = checked_axes("race", axes)
    made = racers(optimizers)
    p = torch.tensor(at, dtype=torch.float64, requires_grad=True)
    with torch.enable_grad(), torch.random.fork_rng(devices=[]):
        if not value("race", found, p).requires_grad:
            raise DlvizError(message("optimizers.refused.detached", name=found.name))
    return Race(made, found, at, steps, box, names, seed, **settings)


def _start(loss: Loss, given: Sequence[float] | Tensor | None) -> tuple[float, float]:
    if given is None:
        if loss.start is None:
            raise DlvizError(message("optimizers.refused.no_start", name=loss.name))
        return loss.start
    try:
        x, y = (float(one) for one in given)
    except (TypeError, ValueError):
        raise DlvizError(message("optimizers.refused.start", got=repr(given)[:80])) from None
    if not all(map(_finite, (x, y))):
        raise DlvizError(message("optimizers.refused.start", got=repr(given)[:80]))
    return x, y


def _finite(one: float) -> bool:
    return abs(one) < float("inf")
