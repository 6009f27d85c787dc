"""One step of training on points that are picked, played phase by phase beside the plane."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import traitlets

from dlviz.decision_boundary.edit_widget import Editing
from dlviz.decision_boundary.record import losses
from dlviz.decision_boundary.step_explanation import walk
from dlviz.decision_boundary.training_step import Step, take
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.widget import binary

#: A step is made on up to so many points.
BATCH = 8


class Explaining(Editing):
    """While an example is explained, the player walks through the phases of one step and not through snapshots.

    Attributes:
        example: numbers of the points whose step is explained, empty for none.
        phase: at which phase of it the player stands.
        walk: the step, as data for the view.
    """

    example = traitlets.List(traitlets.Int(min=0), help="points whose step is explained").tag(sync=True)
    phase = traitlets.Int(0, min=0, help="phase of the explained step").tag(sync=True)
    walk = traitlets.Dict(help="the explained step, for the view").tag(sync=True)

    def __init__(self, *given: Any, example: Any = (), **traits: Any) -> None:
        self._given: dict[str, Any] = {}
        self._explained: Step | None = None
        super().__init__(*given, **traits)
        self.observe(self._picked, "example")
        self.example = list(example)

    def explain(
        self,
        point: int | Sequence[int] | None = None,
        *,
        optimizer: torch.optim.Optimizer | None = None,
        lr: float | None = None,
        loss: Callable[..., Any] | None = None,
    ) -> None:
        """Show one step of training: the values forward, the gradients back, the weights before and after, the boundary that moves.

        The step is made on copies: the model, its gradients, the optimizer and its state, and the random numbers stay as they are. It
        starts from the weights that are drawn, in evaluation mode. Escape, or :meth:`leave`, goes back to the snapshots.

        Args:
            point: number of a point of :attr:`x`, or a list of up to 8 of them, whose mean loss is taken; without it the point with the
                largest loss.
            optimizer: the one that you train with; a copy of it, with its state, makes the step. Without it: ``torch.optim.SGD``.
            lr: learning rate of that, 0.1 if nothing is said.
            loss: called with what the model returned and the labels of these points, as in your loop; cross-entropy without it.

        Raises:
            DlvizError: there is no such point, or the optimizer or the loss does not fit.

        Example:
            >>> import dlviz
            >>> x, y = dlviz.data.moons(50)
            >>> net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
            >>> view = dlviz.boundary(net, x, y)
            >>> view.explain(point=3, optimizer=torch.optim.SGD(net.parameters(), lr=0.5))
            >>> view.explained.later < view.explained.loss
            True
        """
        self._open()
        if optimizer is not None and lr is not None:
            raise DlvizError(message("decision_boundary.refused.both"))
        if lr is not None and not (isinstance(lr, (int, float)) and math.isfinite(lr) and lr >= 0):
            raise DlvizError(message("decision_boundary.refused.lr", got=repr(lr)))
        chosen = [self._worst()] if point is None else [point] if isinstance(point, int) else point
        points, before = self._points(chosen), self._given
        self._given = {"optimizer": optimizer, "lr": lr, "loss": loss}
        try:
            self._take(points)
        except DlvizError:
            self._given = before
            raise
        with self.hold_sync():
            self.playing = False
            self.phase = 0
            self.example = points
            self._walk()

    def leave(self) -> None:
        """Go back from the explained step to the snapshots."""
        self.example = []

    @property
    def explained(self) -> Step | None:
        """The step that is explained: ``.loss`` and ``.later``, the ``.gradients`` of each call, the ``.weights`` of each linear layer."""
        return self._explained

    def close(self) -> None:
        """Take the widget off the page and let go of model, optimizer and tensors."""
        self._given, self._explained = {}, None
        super().close()

    def _points(self, chosen: Any) -> list[int]:
        count = len(self._all()[1])
        if not count:
            raise DlvizError(message("decision_boundary.refused.no_points"))
        numbers = list(chosen) if isinstance(chosen, Sequence) else [chosen]
        fits = all(isinstance(one, int) and 0 <= one < count for one in numbers)
        if not fits or len(set(numbers)) != len(numbers) or not 0 < len(numbers) <= BATCH:
            raise DlvizError(message("decision_boundary.refused.point", last=count - 1, most=BATCH, got=repr(chosen)))
        return numbers

    def _worst(self) -> int:
        x, labels = self._all()
        return int(losses(self._open(), labels).argmax()) if len(x) else 0

    def _take(self, points: list[int]) -> Step:
        rate = self._given.get("lr")
        return take(
            self._learners,
            self.x[points],
            self.y[points],
            state=self._state(self._moment()),
            optimizer=self._given.get("optimizer"),
            lr=0.1 if rate is None else rate,
            criterion=self._given.get("loss"),
        )

    @traitlets.validate("example")
    def _example_is_points(self, proposal: Any) -> list[int]:
        return self._points(proposal["value"]) if proposal["value"] else []

    def _picked(self, _: Any = None) -> None:
        with self.hold_sync():
            self.playing = False
            self.phase = 0
            self._walk()

    def _walk(self) -> None:
        """Make the step anew and write it down for the view."""
        if self._shot is None or not self.example:
            self._explained, self.walk = None, {}
            return
        points = list(self.example)
        step = self._take(points)
        criterion = self._given.get("loss")
        x, labels = self._all()
        after = self._shoot(x, labels, self.resolution, {**self._state(self._moment()), **step.state})
        name = "" if criterion is None else _named(criterion)
        found = walk(step, points, self._classes, name, self._open(), after)
        if self._moment() is not None and self._given.get("optimizer") is not None:
            found["notes"].append(message("decision_boundary.walk.state"))
        self._explained = step
        self.walk = dict(binary(found | {"step": self.step}))

    def _show(self) -> None:
        super()._show()
        if not self.example:
            return
        if max(self.example) < len(self._all()[1]):
            self._walk()
        else:  # a painted point that is gone
            self.example = []

    def _answer(self, widget: Any, content: Any, buffers: Any) -> None:
        """What the view asks: an explanation, or what is edited."""
        if self._shot is not None and content.get("kind") == "explain":
            self.explain(**self._given)
        else:
            super()._answer(widget, content, buffers)

    def _page_state(self) -> dict[str, Any]:
        full = super()._page_state()
        return full | ({"walk": {**self.walk, "step": full["step"]}} if self.walk else {})


def _named(criterion: Callable[..., Any]) -> str:
    return getattr(criterion, "__name__", type(criterion).__name__)
