"""`dlviz.surface`: a loss of two numbers, or a slice of a network's loss, and the learner's own path on it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from dlviz.kit.arguments import suggests_names
from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_integer, is_iterable
from dlviz.kit.widget import binary
from dlviz.optimizers.base_widget import GRID_SIZE, LossSurfaceWidget, axis, check_axes, check_limits, check_seed
from dlviz.optimizers.loss_functions import Box, LossFunction, evaluate_grid, evaluate_point, find_loss
from dlviz.optimizers.loss_landscape import ParameterPlane, evaluate_plane, parameters, plane_through, random_plane
from dlviz.optimizers.scene import recorded_path, surface_data
from dlviz.torchkit import modules
from dlviz.torchkit.array_data import as_tensor

#: Default number of grid points along each side of a network's slice.
NETWORK_GRID_SIZE = 31


class Surface(LossSurfaceWidget):
    """Widget that shows a loss as a surface, with a path on it. One step of the player is one point of the path."""

    _function = "surface"

    def __init__(
        self,
        title: str,
        limits: Box,
        values: Tensor,
        axes: tuple[str, str],
        path: Tensor | None = None,
        path_losses: Tensor | None = None,
        plane: ParameterPlane | None = None,
        marked: Sequence[tuple[float, float]] = (),
        notes: Sequence[str] = (),
        **traits: Any,
    ) -> None:
        self._title, self._values = title, values
        self._x, self._y = axis(*limits[0], values.shape[1]), axis(*limits[1], values.shape[0])
        self._path, self._plane = path, plane
        super().__init__(**traits)
        self._surface = surface_data(self._x, self._y, values)
        self._paths: dict[str, Any] = {"list": []}
        if path is not None and path_losses is not None:
            self._paths = recorded_path(path, path_losses, message("optimizers.surface.path"))
        steps = 0 if path is None else len(path) - 1
        shape = f"{values.shape[1]} × {values.shape[0]}"
        self.paths_data = binary(self._paths)
        self.scene = binary(
            {
                "kind": "surface",
                "surface": self._surface,
                # The axes of a slice are described in words, which cannot stand in front of a pair of values.
                **self._axis_names(axes, pair=plane is None),
                "steps": steps,
                "minima": [],
                "marked": [list(point) for point in marked],
                "signature": message("optimizers.surface.signature", name=title, shape=shape),
                "badge": {"kind": "good", "text": message("optimizers.badge.torch")},
                "notes": [{"kind": "", "text": note} for note in notes],
                "summary": message("optimizers.surface.summary", name=title, **self._loss_range()),
            }
        )
        if "step" not in traits:
            self.step = steps

    @property
    def values(self) -> Tensor:
        """Loss at every grid point: (len(y), len(x)), float64."""
        self._check_open()
        return self._values

    @property
    def x(self) -> Tensor:
        """Grid points along the first axis."""
        return self._x

    @property
    def y(self) -> Tensor:
        """Grid points along the second axis."""
        return self._y

    @property
    def levels(self) -> list[float]:
        """Losses at which a contour line is drawn."""
        self._check_open()
        return [float(level["value"]) for level in self._surface["levels"]]

    @property
    def path(self) -> Tensor | None:
        """Path as it is drawn: (n, 2)."""
        self._check_open()
        return self._path

    @property
    def plane(self) -> ParameterPlane | None:
        """Plane through the network's parameters, with ``.center``, ``.first``, ``.second`` and ``.at(a, b)``."""
        self._check_open()
        return self._plane

    def close(self) -> None:
        """Take the widget off the page and release the values and the network's parameters."""
        # A view would hold the values, which the garbage collector may be taking apart.
        self._path, self._plane, self._values = None, None, self._values.new_empty(0)
        self._paths, self._surface = {"list": []}, {}
        super().close()

    def _loss_range(self) -> dict[str, str]:
        return {"low": f"{self._surface['low']:.4g}", "high": f"{self._surface['high']:.4g}"}

    def _describe(self) -> str:
        path = "" if self._path is None else message("optimizers.surface.repr_path", count=len(self._path))
        return message("optimizers.surface.repr", name=self._title, path=path, **self._loss_range())

    def _still(self) -> str:
        self._check_open()
        return self._draw_still(self._surface, self._paths["list"])


@suggests_names
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
    view: str = "2d",
    theme: str = "auto",
    step: int | None = None,
    playing: bool = False,
    speed: float = 1.0,
) -> Surface:
    """Draw a loss of two numbers, or a slice through the loss of a real network, with your own path on it.

    A network's slice is the plane center + a·d₁ + b·d₂ through its parameters, where d₁ and d₂ are random directions whose every filter
    has the norm of the network's own (Li et al., 2018), or lead from one ``state_dict`` to others. The model is not changed.

    Args:
        loss_fn: a function of a float64 tensor of two numbers, the name of one (see :func:`dlviz.race`), or a module.
        limits: ((x low, x high), (y low, y high)), or (low, high) for both; a named loss and a network have defaults.
        path: what was recorded while training, in order: points (n, 2) or a list of tensors of two numbers; for a network a list of
            ``state_dict()`` (copies: ``{k: v.clone() for k, v in …}``), which are projected on the plane.
        loss: for a network, a function of the model that returns its loss: ``lambda m: F.cross_entropy(m(x), y)``.
        directions: for a network, two or three ``state_dict()`` that the plane goes through, at (0, 0), (1, 0) and (0, 1).
        axes: labels of the two axes, such as ("w", "b"); by default "x" and "y", for a network a description of the directions.
        size: number of grid points along each side; by default 101, for a network 31.
        seed: seed of the random directions.
        view: "2d" for a contour map, or "3d" for a surface that can be rotated.
        theme: "light", "dark" or "auto".
        step: the player's step, a point of the path; by default the last.
        playing: whether the player is running.
        speed: the player's speed, from 0.25 to 4.

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
    side = size if size is not None else NETWORK_GRID_SIZE if isinstance(loss_fn, nn.Module) else GRID_SIZE
    if not is_integer(side) or not 2 <= side <= 401:
        raise DlvizError(message("optimizers.refused.size", got=repr(size)))
    side = int(side)
    check_seed("surface", seed)
    settings: dict[str, Any] = {"view": view, "theme": theme, "playing": playing, "speed": speed}
    if step is not None:
        settings["step"] = step
    box = None if limits is None else check_limits("surface", limits)
    names = None if axes is None else check_axes("surface", axes)
    if isinstance(loss_fn, nn.Module):
        name = name_of(loss_fn, scope(), type(loss_fn).__name__)
        return _network_slice(name, loss_fn, box, path, loss, directions, names, side, seed, settings)
    if loss is not None or directions is not None:
        raise DlvizError(message("optimizers.refused.no_model", got=type(loss_fn).__name__))
    return _function_surface(find_loss("surface", loss_fn), box, path, names or ("x", "y"), side, settings)


def _function_surface(
    loss: LossFunction, box: Box | None, path: Any, axes: tuple[str, str], side: int, settings: Mapping[str, Any]
) -> Surface:
    points = None if path is None else _path_points(path)
    limits = box or loss.limits
    if limits is None:
        if points is None:
            raise DlvizError(message("optimizers.refused.no_limits", name=loss.name))
        limits = _limits_around(points)
    evaluate_point("surface", loss, torch.tensor([limits[0][0], limits[1][0]], dtype=torch.float64))
    values = evaluate_grid(loss, axis(*limits[0], side), axis(*limits[1], side))
    path_losses = None
    if points is not None:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            path_losses = torch.stack([loss.function(p).reshape(()) for p in points])
    return Surface(loss.name, limits, values, axes, points, path_losses, **settings)


def _path_points(path: Any) -> Tensor:
    points = as_tensor(path)
    if points is None:
        raise DlvizError(message("optimizers.refused.path", got=repr(path)[:80]))
    if points.dim() != 2 or points.shape[1] != 2 or not len(points):
        raise DlvizError(message("optimizers.refused.path", got=f"shape {tuple(points.shape)}"))
    return points.detach().to("cpu", torch.float64).clone()


def _limits_around(points: Tensor) -> Box:
    """Return limits around a path, with a margin."""
    low, high = points.amin(0), points.amax(0)
    margin = 0.25 * (high - low).max().clamp(min=1e-6)
    (a, c), (b, d) = (low - margin).tolist(), (high + margin).tolist()
    return (a, b), (c, d)


def _network_slice(
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
    own = _parameters(name, model)
    notes: list[str] = []
    if directions is None:
        plane, limits = random_plane(model, seed), ((-1.0, 1.0), (-1.0, 1.0))
        labels = (message("optimizers.surface.first"), message("optimizers.surface.second"))
        marked = [(0.0, 0.0)]
        notes.append(message("optimizers.surface.note"))
    else:
        states = _direction_states(own, directions)
        three = len(states) == 3
        plane, limits = plane_through(states, seed), ((-0.5, 1.5), (-0.5, 1.5) if three else (-1.0, 1.0))
        second = message("optimizers.surface.to", number=3) if three else message("optimizers.surface.orthogonal")
        labels = (message("optimizers.surface.to", number=2), second)
        marked = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)][: len(states)]
    points = path_losses = None
    if path is not None:
        projections = [plane.project(state) for state in _checked_states("path", own, path)]
        if not projections:
            raise DlvizError(message("optimizers.refused.states", what="path", got="an empty list"))
        points = torch.tensor([point for point, _, _ in projections], dtype=torch.float64)
        off, way = (max(projection[k] for projection in projections) for k in (1, 2))
        notes.append(message("optimizers.surface.off", off=f"{off:.3g}", way=f"{way:.3g}"))
    limits = box or _extended(limits, points)
    values = evaluate_plane(model, loss, plane, axis(*limits[0], side), axis(*limits[1], side))
    if points is not None:
        # The path is drawn at its projection on the plane, so its loss is that of the plane there.
        path_losses = torch.stack([evaluate_plane(model, loss, plane, p[:1], p[1:])[0, 0] for p in points])
    return Surface(name, limits, values, axes or labels, points, path_losses, plane, marked, notes, **settings)


def _direction_states(own: Mapping[str, Tensor], directions: Sequence[Mapping[str, Tensor]]) -> list[dict[str, Tensor]]:
    states = _checked_states("directions", own, directions)
    if len(states) not in (2, 3):
        raise DlvizError(message("optimizers.refused.directions", got=len(states)))
    if any(all(torch.equal(states[0][k], state[k]) for k in own) for state in states[1:]):
        raise DlvizError(message("optimizers.refused.same"))
    return states


def _parameters(name: str, model: nn.Module) -> dict[str, Tensor]:
    """Return a copy of the parameters; raise an error if there are none yet."""
    if any(is_lazy(parameter) for parameter in modules.parameters(model)):
        raise DlvizError(message("optimizers.refused.lazy", name=name))
    own = parameters(model)
    if not own:
        raise DlvizError(message("optimizers.refused.no_parameters", name=name))
    return own


def _checked_states(what: str, own: Mapping[str, Tensor], states: Any) -> list[dict[str, Tensor]]:
    if isinstance(states, (str, Mapping, Tensor)) or not is_iterable(states):
        raise DlvizError(message("optimizers.refused.states", what=what, got=f"one {type(states).__name__}"))
    return [_checked_state(what, own, state) for state in states]


def _checked_state(what: str, own: Mapping[str, Tensor], state: Any) -> dict[str, Tensor]:
    """Return the parameters of a ``state_dict`` without its buffers, which are not part of the plane."""
    if not isinstance(state, Mapping):
        raise DlvizError(message("optimizers.refused.states", what=what, got=type(state).__name__))
    wrong = [name for name, value in own.items() if name not in state or np.shape(state[name]) != tuple(value.shape)]
    if wrong:
        raise DlvizError(message("optimizers.refused.keys", what=what, names=", ".join(wrong[:4])))
    return {name: torch.as_tensor(state[name]).detach().to(value).clone() for name, value in own.items()}


def _extended(limits: Box, points: Tensor | None) -> Box:
    """Return the limits, extended where the path leaves them."""
    if points is None:
        return limits
    low, high = points.amin(0).tolist(), points.amax(0).tolist()
    (a, b), (c, d) = limits
    return (min(a, low[0] * 1.15), max(b, high[0] * 1.15)), (min(c, low[1] * 1.15), max(d, high[1] * 1.15))
