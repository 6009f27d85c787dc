"""What is drawn of a network over the plane: its points, its boundary, its units, and what Python can ask about them."""

import copy
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import traitlets
from torch import Tensor, nn

from dlviz.decision_boundary import validation
from dlviz.decision_boundary.equation import equation
from dlviz.decision_boundary.forward import Call
from dlviz.decision_boundary.record import Shot, grid, shoot
from dlviz.decision_boundary.scene import NUMBERS, UNITS, percent, scene
from dlviz.decision_boundary.snapshots import Moment
from dlviz.decision_boundary.still import draw
from dlviz.decision_boundary.training_code import loop
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.widget import Widget, binary

#: So many points may be painted.
PAINTED = 2000


class Drawing(Widget):
    """A network over the plane, in the state of one moment, with weights that may have been edited."""

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "decision_boundary"

    resolution = traitlets.Int(80, min=10, max=200, help="computed points along a side").tag(sync=True)
    opened = traitlets.List(traitlets.Int(min=0), help="call and unit whose map is large").tag(sync=True)
    layer = traitlets.Int(0, min=0, help="which call the warped grid shows").tag(sync=True)
    brush = traitlets.Int(-1, min=-1, help="class of the points that are painted, -1 for none").tag(sync=True)
    painted = traitlets.List(traitlets.List(traitlets.Float()), help="x, y and class of painted points").tag(sync=True)

    def __init__(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        classes: Sequence[Any] | None,
        limits: Any,
        names: Sequence[str],
        **traits: Any,
    ) -> None:
        self._learners, self._x0, self._y0, self._names = model, validation.points(x), y, list(names)
        self._labels = validation.labels(y, len(self._x0))
        self._limits = validation.frame(limits, self._x0)
        self._settings = "" if limits is None else f"limits={self._limits!r}"
        self._settings += (
            "" if classes is None else f"{', ' if self._settings else ''}classes={list(map(str, classes))!r}"
        )
        self._random = torch.get_rng_state()
        self._edits: dict[tuple[str, tuple[int, ...]], float] = {}
        self._moments: list[Moment] = []
        self._shot: Shot | None = None
        self._at = 0
        resolution = traits.get("resolution", type(self).resolution.default_value)
        # Everything is checked before there is a widget that would have to be closed again.
        if isinstance(resolution, int) and 10 <= resolution <= 200:
            self._shot = self._shoot(self._x0, self._labels, resolution, None)
            self._classes = validation.names(classes, self._shot.classes)
        else:
            raise DlvizError(message("decision_boundary.refused.resolution", got=resolution))
        super().__init__(**traits)
        self.observe(self._redraw, "resolution")

    @property
    def x(self) -> Tensor:
        """All points (N, 2): the learner's, then the painted ones; dtype and device are the learner's."""
        self._open()
        return torch.cat((self._x0, torch.tensor([[a, b] for a, b, _ in self.painted]).reshape(-1, 2).to(self._x0)))

    @property
    def y(self) -> Tensor:
        """The label of each, of the shape, dtype and device of the learner's: (N,) or (N, 1)."""
        self._open()
        added = torch.tensor([label for *_, label in self.painted]).to(self._y0).reshape(-1, *self._y0.shape[1:])
        return torch.cat((self._y0.detach(), added))

    @property
    def model(self) -> nn.Module:
        """A copy of the learner's model in the state that is drawn: of the snapshot, with every edited weight."""
        self._open()
        found = copy.deepcopy(self._learners)
        found.load_state_dict({**found.state_dict(), **self._state(self._moment())}, strict=False)
        return found

    @property
    def grid(self) -> Tensor:
        """The points of the plane that were computed, (resolution², 2), row by row from the top left."""
        return grid(self._limits, self.resolution, self._x0)

    @property
    def chances(self) -> Tensor:
        """The probability of every class at each point of :attr:`grid`, (resolution², classes)."""
        return self._open().chances

    @property
    def accuracy(self) -> float | None:
        """Share of all points whose most probable class is their own."""
        return self._open().accuracy

    @property
    def loss(self) -> float | None:
        """Mean cross-entropy over all points."""
        return self._open().loss

    @property
    def calls(self) -> list[Call]:
        """Every call of the model on :attr:`grid`, the input first; each with ``.name``, ``.kind``, ``.output`` (resolution², units)."""
        return list(self._open().plane.calls)

    def equation(self, layer: str | int, unit: int = 0) -> str:
        """What a unit computes, from its real weights, such as ``relu(0.8·x₀ − 1.2·x₁ + 0.3)``.

        Args:
            layer: a call by its name or its number.
            unit: which unit of it.

        Raises:
            DlvizError: there is no such call or unit.
        """
        return equation(self._open().plane.calls, *self._unit("equation", layer, unit))

    def inspect(self, layer: str | int, unit: int = 0) -> None:
        """Show a unit's map large, with its equation.

        Args:
            layer, unit: as for :meth:`equation`.

        Raises:
            DlvizError: there is no such call or unit, or it is not drawn.
        """
        number, unit = self._unit("inspect", layer, unit)
        if unit >= UNITS:
            raise DlvizError(
                message("decision_boundary.refused.drawn", name=self.calls[number].name, drawn=UNITS, got=unit)
            )
        self.opened = [number, unit]

    def code(self) -> str:
        """A plain PyTorch loop with the present settings: edited weights, painted points, limits; it runs as it stands."""
        shot = self._open()
        settings = ", ".join(
            filter(None, (self._settings, "" if self.resolution == 80 else f"resolution={self.resolution}"))
        )
        return loop(
            self._learners,
            self._names,
            binary=shot.plane.output.numel() == len(shot.chances),
            painted=self.painted,
            edits=[(name, index, value) for (name, index), value in self._edits.items()],
            settings=settings,
        )

    def close(self) -> None:
        """Take the widget off the page and let go of model and tensors."""
        self._shot, self._moments, self._edits = None, [], {}
        self._learners, self._x0 = nn.Module(), torch.zeros(0, 2)
        self._y0 = self._labels = torch.zeros(0)
        super().close()

    def _open(self) -> Shot:
        if self._shot is None:
            raise DlvizError(message("decision_boundary.refused.closed"))
        return self._shot

    def _shoot(self, x: Tensor, labels: Tensor, side: int, state: Mapping[str, Tensor] | None) -> Shot:
        return shoot(self._learners, x, labels, self._limits, side, state, self._random)

    def _all(self) -> tuple[Tensor, Tensor]:
        """The points, and their labels as whole numbers."""
        added = torch.tensor([int(label) for *_, label in self.painted], dtype=torch.long).to(self._labels)
        return self.x, torch.cat((self._labels, added))

    def _moment(self) -> Moment | None:
        """The snapshot that the player stands at; ``None`` for the model as it is."""
        last = len(self._moments) - 1
        return None if self.step >= last else self._moments[self.step]

    def _state(self, moment: Moment | None) -> dict[str, Tensor]:
        """Parameters and buffers that differ from the model's own: the last snapshot's are what was drawn, whatever it learned since."""
        state = dict((moment or self._moments[-1]).state) if self._moments else {}
        for name in {name for name, _ in self._edits}:
            state[name] = state[name].clone()
        for (name, index), value in self._edits.items():
            state[name][index] = value
        return state

    def _redraw(self, _: Any = None) -> None:
        if self._shot is not None:
            self._draw()

    def _draw(self) -> None:
        """Run the state that is to be seen, and show it."""
        x, labels = self._all()
        self._shot = self._shoot(x, labels, self.resolution, self._state(self._moment()))
        self._show()

    def _show(self) -> None:
        self.scene = self._scene(self._open(), self.resolution, range(len(self._moments)))

    def _scene(self, shot: Shot, side: int, places: Sequence[int], numbers: int = NUMBERS) -> dict[str, Any]:
        found = scene(
            shot,
            self._all()[1],
            limits=self._limits,
            side=side,
            classes=self._classes,
            signature=self._signature(shot),
            code=self.code(),
            notes=self._notes(len(places)),
            moments=self._history(places),
            edited=bool(self._edits),
            own=len(self._labels),
            numbers=numbers,
        )
        return dict(binary(found))

    def _history(self, places: Sequence[int]) -> dict[str, Any]:
        moments = [self._moments[place] for place in places]
        return {
            "labels": [self._called(moment) for moment in moments],
            **{
                name: torch.tensor([_or_nan(getattr(moment, name)) for moment in moments], dtype=torch.float64).numpy()
                for name in ("loss", "accuracy")
            },
        }

    def _called(self, moment: Moment) -> str:
        return moment.label or message("decision_boundary.moment", number=moment.number)

    def _notes(self, shown: int) -> list[dict[str, str]]:
        notes = []
        minding = [name for name, module in self._learners.named_modules() if module.training and _minds(module)]
        if minding:
            notes.append(
                {"kind": "", "text": message("decision_boundary.note.evaluation", names=", ".join(minding[:4]))}
            )
        if shown < len(self._moments):
            text = message("decision_boundary.note.moments", shown=shown, count=len(self._moments))
            notes.append({"kind": "", "text": text})
        if len(self.painted) >= PAINTED:
            notes.append({"kind": "warn", "text": message("decision_boundary.note.painted", most=PAINTED)})
        return notes

    def _signature(self, shot: Shot) -> str:
        loss = "–" if shot.loss is None else f"{shot.loss:.4g}"
        return message(
            "decision_boundary.signature",
            model=self._names[0],
            points=len(shot.guesses),
            accuracy=percent(shot.accuracy),
            loss=loss,
        )

    def _unit(self, caller: str, layer: str | int, unit: int) -> tuple[int, int]:
        names = [call.name for call in self.calls]
        number = layer if isinstance(layer, int) else names.index(layer) if layer in names else -1
        if not 0 <= number < len(names):
            raise DlvizError(
                message("decision_boundary.refused.layer", caller=caller, got=repr(layer), names=", ".join(names))
            )
        count = self.calls[number].units
        if not isinstance(unit, int) or not 0 <= unit < count:
            raise DlvizError(
                message(
                    "decision_boundary.refused.unit", caller=caller, name=names[number], count=count, got=repr(unit)
                )
            )
        return number, unit

    def _describe(self) -> str:
        if self._shot is None:
            return message("decision_boundary.repr_closed")
        return message(
            "decision_boundary.repr", model=self._names[0], points=len(self._shot.guesses), classes=len(self._classes)
        )

    def _still(self) -> str:
        theme = "dark" if self.theme == "dark" else "light"
        shot = self._open()
        labels = self._all()[1]
        signature, summary = self._signature(shot), str(self.scene["summary"])
        return draw(shot, labels, self._limits, self.resolution, signature, self._classes, summary, theme)


def _minds(module: nn.Module) -> bool:
    """Whether a module does otherwise in training than in evaluation."""
    return "Dropout" in type(module).__name__ or isinstance(module, nn.modules.batchnorm._BatchNorm)


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
