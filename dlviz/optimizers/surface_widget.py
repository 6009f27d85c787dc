"""`dlviz.surface`: a loss of two numbers, or a slice of a network's loss, and the learner's own path on it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.widget import binary
from dlviz.optimizers.base_widget import SIDE, Relief, axis, checked_axes, checked_limits
from dlviz.optimizers.loss_landscape import Plane, around, losses, parameters, through
from dlviz.optimizers.scene import ground, own_path
from dlviz.optimizers.test_functions import Box, Loss, chosen, grid, value

#: A network is evaluated at so many places along each side, without ``size=``.
PLACES = 31


class Surface(Relief):
    """A loss from above, and a path on it. A step of the player is one point of the path."""

    _name = "surface"

    def __init__(
        self,
        title: str,
        limits: Box,
        values: Tensor,
        axes: tuple[str, str],
        path: Tensor | None,
        path_losses: Tensor | None,
        plane: Plane | None,
        marked: Sequence[tuple[float, float]],
        notes: Sequence[str],
        **traits: Any,
    ) -> None:
        (x0, x1), (y0, y1) = limits
        self._title, self._limits, self._values = title, limits, values
        self._x, self._y = axis(x0, x1, values.shape[1]), axis(y0, y1, values.shape[0])
        self._path, self._plane = path, plane
        super().__init__(**traits)
        self._about = ground(self._x, self._y, values)
        self._kept: dict[str, Any] = {"list": []}
        if path is not None and path_losses is not None:
            self._kept = own_path(path, path_losses, message("optimizers.surface.path"))
        steps = 0 if path is None else len(path) - 1
        shape = f"{values.shape[1]} × {values.shape[0]}"
        self.paths_shown = binary(self._kept)
        self.scene = binary(
            {
                "kind": "surface",
                "ground": self._about,
                # The directions through a network have words, not names: no pair of values is called by them.
                **self._named(axes, pair=plane is None),
                "steps": steps,
                "minima": [],
                "marked": [list(one) for one in marked],
                "signature": message("optimizers.surface.signature", name=title, shape=shape),
                "badge": {"kind": "good", "text": message("optimizers.badge.torch")},
                "notes": [{"kind": "", "text": note} for note in notes],
                "summary": message(
                    "optimizers.surface.summary",
                    name=title,
                    low=f"{self._about['low']:.4g}",
                    high=f"{self._about['high']:.4g}",
                ),
            }
        )
        if "step" not in traits:
            self.step = steps

    @property
    def values(self) -> Tensor:
        """The loss at every place: (len(y), len(x)), float64."""
        self._held()
        return self._values

    @property
    def x(self) -> Tensor:
        """Places along the first axis."""
        return self._x

    @property
    def y(self) -> Tensor:
        """Places along the second axis."""
        return self._y

    @property
    def levels(self) -> list[float]:
        """The losses that have a line."""
        self._held()
        return [float(one["value"]) for one in self._about["levels"]]

    @property
    def path(self) -> Tensor | None:
        """The path as it is drawn: (n, 2)."""
        self._held()
        return self._path

    @property
    def plane(self) -> Plane | None:
        """The plane through the network's parameters, with ``.center``, ``.first``, ``.second`` and ``.at(a, b)``."""
        self._held()
        return self._plane

    def close(self) -> None:
        """Take the widget off the page and let go of the numbers and the network's parameters."""
        self._path, self._plane, self._values = None, None, torch.zeros(0)
        self._kept, self._about = {"list": []}, {}
        super().close()

    def _describe(self) -> str:
        if not self._open:
            return message("optimizers.surface.repr_closed")
        low, high = f"{self._about['low']:.4g}", f"{self._about['high']:.4g}"
        points = "" if self._path is None else message("optimizers.surface.repr_path", count=len(self._path))
        return message("optimizers.surface.repr", name=self._title, low=low, high=high, path=points)

    def _still(self) -> str:
        self._held()
        return self._picture(self._about, self._kept["list"])


def surface(
    loss_fn: Any,
    limits: Any = None,
    path: Any = None,
    *,
    loss: Callable[[nn.Module], Tensor] | None = None,
    directions: Sequence[Mapping[str, Tensor]] | None = None,
    axes: Sequence[str] | None = None,
    size: int | None = None,
    seed: int = 0,
    **settings: Any,
) -> Surface:
    """Draw a loss of two numbers, or a slice through the loss of a real network, with your own path on it.

    A network's slice is the plane center + a·d₁ + b·d₂ through its parameters, where d₁ and d₂ are random directions whose every filter
    is as long as the network's own (Li et al., 2018), or lead from one ``state_dict`` to others. The model is not touched.

    Args:
        loss_fn: a function of a float64 tensor of two numbers, the name of one (see :func:`dlviz.race`), or a module.
        limits: ((x low, x high), (y low, y high)), or (low, high) for both; a named loss and a network have their own.
        path: what was recorded while training, in order: points (n, 2) or a list of tensors of two numbers; of a network a list of
            ``state_dict()`` (copies: ``{k: v.clone() for k, v in …}``), which are projected on the plane.
        loss: of a network, a function of the model that returns its loss: ``lambda m: F.cross_entropy(m(x), y)``.
        directions: of a network, two or three ``state_dict()`` that the plane goes through, at (0, 0), (1, 0) and (0, 1).
        axes: what stands beside the two axes, such as ("w", "b"); "x" and "y", of a network what the directions are.
        size: how many places along each side; 101, of a network 31.
        seed: of the random directions.
        settings: traits of :class:`Surface`, such as ``view="3d"``.

    Returns:
        The widget; ``.values``, ``.x``, ``.y``, ``.levels``, ``.path``, ``.plane``.

    Raises:
        DlvizError: an argument does not fit.

    Example:
        >>> import torch, dlviz
        >>> dlviz.surface("bowl", path=[(2.0, 1.0), (1.0, 0.0)])
        dlviz.surface(bowl: loss from 0 to 13.5, a path of 2 points)
        >>> net, x, y = torch.nn.Linear(3, 1), torch.rand(8, 3), torch.rand(8, 1)
        >>> view = dlviz.surface(net, loss=lambda m: torch.nn.functional.mse_loss(m(x), y), size=5)
        >>> torch.allclose(view.values[2, 2].float(), torch.nn.functional.mse_loss(net(x), y))
        True

    Source:
        Li et al., Visualizing the Loss Landscape of Neural Nets, NeurIPS 2018, https://arxiv.org/abs/1712.09913
    """
    side = size if size is not None else PLACES if isinstance(loss_fn, nn.Module) else SIDE
    if not isinstance(side, int) or not 2 <= side <= 401:
        raise DlvizError(message("optimizers.refused.size", got=repr(size)))
    box = None if limits is None else checked_limits("surface", limits)
    names = None if axes is None else checked_axes("surface", axes)
    if isinstance(loss_fn, nn.Module):
        name = name_of(loss_fn, scope(), type(loss_fn).__name__)
        return _slice(name, loss_fn, box, path, loss, directions, names, side, seed, settings)
    if loss is not None or directions is not None:
        raise DlvizError(message("optimizers.refused.no_model", got=type(loss_fn).__name__))
    return _numbers(chosen("surface", loss_fn), box, path, names or ("x", "y"), side, settings)


def _numbers(
    loss: Loss, box: Box | None, path: Any, axes: tuple[str, str], side: int, settings: Mapping[str, Any]
) -> Surface:
    points = None if path is None else _points(path)
    if box is None and loss.limits is None and points is None:
        raise DlvizError(message("optimizers.refused.no_limits", name=loss.name))
    limits = box or loss.limits or _wide(points)
    value("surface", loss, torch.tensor([limits[0][0], limits[1][0]], dtype=torch.float64))
    values = grid(loss, axis(*limits[0], side), axis(*limits[1], side))
    along = None
    if points is not None:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            along = torch.stack([loss.function(p).reshape(()) for p in points])
    return Surface(loss.name, limits, values, axes, points, along, None, [], [], **settings)


def _points(path: Any) -> Tensor:
    try:
        rows = path if isinstance(path, Tensor) else [torch.as_tensor(one, dtype=torch.float64) for one in path]
        points = rows if isinstance(rows, Tensor) else torch.stack(rows)
    except (TypeError, ValueError, RuntimeError):
        raise DlvizError(message("optimizers.refused.path", got=repr(path)[:80])) from None
    if points.dim() != 2 or points.shape[1] != 2 or not len(points):
        raise DlvizError(message("optimizers.refused.path", got=f"shape {tuple(points.shape)}"))
    return points.detach().to("cpu", torch.float64).clone()


def _wide(points: Tensor | None) -> Box:
    """Limits around a path, with air."""
    assert points is not None
    low, high = points.amin(0), points.amax(0)
    air = 0.25 * (high - low).max().clamp(min=1e-6)
    (a, c), (b, d) = (low - air).tolist(), (high + air).tolist()
    return (a, b), (c, d)


def _slice(
    name: str,
    model: nn.Module,
    box: Box | None,
    path: Any,
    loss: Callable[[nn.Module], Tensor] | None,
    directions: Sequence[Mapping[str, Tensor]] | None,
    axes: tuple[str, str] | None,
    side: int,
    seed: int,
    settings: Mapping[str, Any],
) -> Surface:
    if not callable(loss):
        raise DlvizError(message("optimizers.refused.no_loss", name=name, got=repr(loss)))
    own = parameters(model)
    if directions is None:
        plane, usual = around(model, seed), ((-1.0, 1.0), (-1.0, 1.0))
        words = (message("optimizers.surface.first"), message("optimizers.surface.second"))
        marked = [(0.0, 0.0)]
    else:
        states = [_state("directions", own, one) for one in directions]
        if len(states) not in (2, 3):
            raise DlvizError(message("optimizers.refused.directions", got=len(states)))
        if any(all(torch.equal(states[0][k], one[k]) for k in own) for one in states[1:]):
            raise DlvizError(message("optimizers.refused.same"))
        plane, usual = through(states, seed), ((-0.5, 1.5), (-1.0, 1.0) if len(states) == 2 else (-0.5, 1.5))
        words = (
            message("optimizers.surface.to", number=2),
            message("optimizers.surface.to", number=3) if len(states) == 3 else message("optimizers.surface.aside"),
        )
        marked = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)][: len(states)]
    points, along, notes = None, None, [message("optimizers.surface.note")] if directions is None else []
    if path is not None:
        found = [plane.place(_state("path", own, one)) for one in path]
        if not found:
            raise DlvizError(message("optimizers.refused.states", what="path", got="an empty list"))
        points = torch.tensor([place for place, _, _ in found], dtype=torch.float64)
        off, way = max(one[1] for one in found), max(one[2] for one in found)
        notes.append(message("optimizers.surface.off", off=f"{off:.3g}", way=f"{way:.3g}"))
    limits = box or _holding(usual, points)
    values = losses(model, loss, plane, axis(*limits[0], side), axis(*limits[1], side))
    if points is not None:
        # The path is drawn where it was projected to, so its loss is that of the plane there.
        along = torch.stack([losses(model, loss, plane, p[:1], p[1:])[0, 0] for p in points])
    return Surface(name, limits, values, axes or words, points, along, plane, marked, notes, **settings)


def _state(what: str, own: Mapping[str, Tensor], given: Any) -> dict[str, Tensor]:
    """The parameters in a ``state_dict``; its buffers are not of the plane."""
    if not isinstance(given, Mapping):
        raise DlvizError(message("optimizers.refused.states", what=what, got=type(given).__name__))
    wrong = [name for name, one in own.items() if name not in given or given[name].shape != one.shape]
    if wrong:
        raise DlvizError(message("optimizers.refused.keys", what=what, names=", ".join(wrong[:4])))
    return {name: given[name].detach().clone() for name in own}


def _holding(usual: Box, points: Tensor | None) -> Box:
    """The usual limits, wider where the path needs it."""
    if points is None:
        return usual
    low, high = points.amin(0).tolist(), points.amax(0).tolist()
    (a, b), (c, d) = usual
    return (min(a, low[0] * 1.15), max(b, high[0] * 1.15)), (min(c, low[1] * 1.15), max(d, high[1] * 1.15))
