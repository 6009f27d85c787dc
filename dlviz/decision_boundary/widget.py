"""`dlviz.boundary`: decision boundary of the learner's own network, a map of every unit, edits, snapshots, and one training step."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import traitlets
from torch import Tensor

from dlviz.decision_boundary.builder import NetworkBuilder, check_count, is_builder, plain
from dlviz.decision_boundary.edits import check_painted
from dlviz.decision_boundary.forward import LayerCall, find_unit
from dlviz.decision_boundary.inputs import Inputs, check_inputs
from dlviz.decision_boundary.record import worst_point
from dlviz.decision_boundary.scene import DRAWN_UNITS, page_scene, scene
from dlviz.decision_boundary.still import draw
from dlviz.decision_boundary.training_step import StepSettings, TrainingStep, check_batch
from dlviz.decision_boundary.unit_equation import equation
from dlviz.decision_boundary.widget_state import EditableModel
from dlviz.kit.arguments import suggests_names
from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.page import to_json
from dlviz.kit.pending_steps import SLICE
from dlviz.kit.precomputed import BUDGET
from dlviz.kit.snapshots import page_indices
from dlviz.kit.validated_widget import float_field, int_field, invalid_value
from dlviz.kit.validation import is_integer
from dlviz.kit.widget import Widget, binary
from dlviz.torchkit.plane import grid

#: Snapshots take this fraction of a page's budget.
_PAGE_FRACTION = 0.8


class Boundary(Widget):
    """Widget that shows a network's decision boundary. A step of the player is a snapshot, or a phase of an explained step.

    Attributes:
        resolution: grid points along a side of the plane, from 10 to 200.
        opened: ``[call, unit]`` of the unit whose map is enlarged, else empty.
        layer: the call whose projection is shown, 0 for the plane itself.
        brush: class of the points that are painted, −1 for none.
        painted: ``[x, y, class]`` of every painted point.
        example: indices of the points whose training step is explained, empty for none.
        settings: arguments of the function that builds the network, as numbers or names; empty for a network of the learner's.
        phase: phase of the explained step.
        explanation: the explained step, for the view.
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "decision_boundary"
    _function = "boundary"
    _tensor_attributes = ("_editable_model",)

    resolution = traitlets.Int(80, min=10, max=200, help="grid points along a side").tag(sync=True)
    opened = traitlets.List(traitlets.Int(min=0), help="call and unit whose map is enlarged").tag(sync=True)
    layer = traitlets.Int(0, min=0, help="call whose projection is shown").tag(sync=True)
    brush = traitlets.Int(-1, min=-1, help="class of the points that are painted, -1 for none").tag(sync=True)
    painted = traitlets.List(traitlets.List(traitlets.Float()), help="x, y and class of painted points").tag(sync=True)
    example = traitlets.List(traitlets.Int(min=0), help="points whose training step is explained").tag(sync=True)
    settings = traitlets.Dict(help="arguments of the function that builds the network").tag(sync=True)
    phase = traitlets.Int(0, min=0, help="phase of the explained step").tag(sync=True)
    explanation = traitlets.Dict(help="the explained step, for the view").tag(sync=True)

    def __init__(
        self,
        inputs: Inputs,
        classes: Sequence[Any] | None,
        painted: Any = (),
        example: Any = (),
        builder: NetworkBuilder | None = None,
        **traits: Any,
    ) -> None:
        side = traits.get("resolution", type(self).resolution.default_value)
        if not is_integer(side) or not 10 <= side <= 200:
            raise DlvizError(message("decision_boundary.refused.resolution", got=side))
        self._check_options({"painted": painted, "example": example})
        # The model runs before super().__init__(): if it fails, there is no widget to close.
        self._editable_model: EditableModel | None = EditableModel(inputs, classes, side, builder)
        self._drawn_step = 0
        super().__init__(**traits)
        self.settings = self._plain_settings()
        self._redraw()
        self.observe(self._redraw, ["resolution", "painted"])
        self.observe(self._show_snapshot, "step")
        self.observe(self._show_built, "settings")
        self.observe(self._restart_explanation, "example")
        self.painted, self.example = painted, example

    @property
    def x(self) -> Tensor:
        """All points (N, 2), the learner's and then the painted ones, with the dtype of the model's parameters."""
        return self._model.edits.x

    @property
    def y(self) -> Tensor:
        """The labels of all points, (N,) or (N, 1), with the learner's shape and dtype; of names their indices."""
        return self._model.edits.y

    @property
    def model(self) -> Any:
        """A copy of the learner's model in the state that is drawn: that of the snapshot, with edited weights."""
        return self._model.copy_model()

    @property
    def grid(self) -> Tensor:
        """The grid points of the plane, (resolution², 2), row by row from the top left."""
        inputs = self._model.inputs
        return grid(inputs.limits, self.resolution, inputs.x)

    @property
    def probs(self) -> Tensor:
        """Class probabilities at each point of :attr:`grid`, (resolution², C)."""
        return self._model.outputs.probs

    @property
    def accuracy(self) -> float | None:
        """Fraction of all points that are classified correctly."""
        return self._model.outputs.accuracy

    @property
    def loss(self) -> float | None:
        """Mean cross-entropy over all points."""
        return self._model.outputs.loss

    @property
    def calls(self) -> list[LayerCall]:
        """Every call of the model on :attr:`grid`, the input first; each has ``.name``, ``.kind``, ``.output`` (resolution², units)."""
        return list(self._model.outputs.grid_pass.calls)

    @property
    def snapshots(self) -> list[str]:
        """The labels of all snapshots, oldest first."""
        return self._model.history.titles

    @property
    def explained(self) -> TrainingStep | None:
        """The explained step: ``.loss`` and ``.loss_after``, ``.gradients`` of each call, ``.weights`` of each linear layer."""
        return self._model.explained

    @property
    def _model(self) -> EditableModel:
        """The state behind the picture.

        Raises:
            DlvizError: the widget has been closed.
        """
        self._check_open()
        assert self._editable_model is not None
        return self._editable_model

    def equation(self, layer: str | int, unit: int = 0) -> str:
        """Return a unit's equation with its real weights, such as ``relu(0.8·x₀ − 1.2·x₁ + 0.3)``.

        Args:
            layer: name or index of a call.
            unit: index of one of its units.

        Raises:
            DlvizError: there is no such call or unit.
        """
        return equation(self.calls, *find_unit(self.calls, layer, unit, "equation"))

    def inspect(self, layer: str | int, unit: int = 0) -> None:
        """Enlarge a unit's map and show its equation.

        Args:
            layer, unit: as for :meth:`equation`.

        Raises:
            DlvizError: there is no such call or unit, or it is not drawn.
        """
        index, unit = find_unit(self.calls, layer, unit, "inspect")
        if unit >= DRAWN_UNITS:
            name = self.calls[index].name
            raise DlvizError(message("decision_boundary.refused.drawn", name=name, drawn=DRAWN_UNITS, got=unit))
        self.opened = [index, unit]

    def code(self) -> str:
        """Return a plain PyTorch training loop with the current edited weights, painted points and limits."""
        return self._model.code(self.resolution)

    def snapshot(self, label: str = "") -> None:
        """Keep the model's current state as a snapshot, and draw it.

        Args:
            label: label of the snapshot; its number by default.
        """
        self._model.update(str(label), always_keep=True)
        self._update_when_drawn(self._show_last)

    def update(self) -> None:
        """Draw the model's current state, after some training, and keep it as a snapshot if its parameters have changed.

        Call it as often as you like: while the page still draws the last picture, states are kept but not drawn. Edited weights are
        discarded. Up to 120 snapshots of a long training are kept, evenly; of a large model fewer.
        """
        self._model.update("", always_keep=False)
        self._update_when_drawn(self._show_last)

    def train(self, n: int = 1) -> None:
        """Make training steps with the optimizer, or the function, that your own function `build` returns. A step sees all points.

        Args:
            n: how many.

        Raises:
            DlvizError: the network was not built by a function, or `n` does not fit.
            Exception: what a step raises; the steps before it are kept as a snapshot.

        Example:
            >>> import dlviz
            >>> def build(width=8, lr=0.1):
            ...     net = torch.nn.Sequential(torch.nn.Linear(2, width), torch.nn.Tanh(), torch.nn.Linear(width, 2))
            ...     return net, torch.optim.Adam(net.parameters(), lr=lr)
            >>> view = dlviz.boundary(build, *dlviz.data.moons(50))
            >>> first = view.loss
            >>> view.train(20)
            >>> view.loss < first
            True
            >>> view.settings = {"width": 3}
            >>> view.model[0].out_features, view.snapshots
            (3, ['start'])
        """
        self._model.training.start(check_count(n))
        try:
            self._model.train()
        finally:
            self._update_when_drawn(self._show_last)

    def restart(self) -> None:
        """Build the network anew, from the same random numbers.

        Raises:
            DlvizError: the network was not built by a function, or the function raises.
        """
        self._model.restart()
        self._show()

    def edit(self, layer: str | int, unit: int, input: int | str, value: float) -> None:
        """Set one weight in the widget's own copy of the model; the learner's model stays as it is.

        Args:
            layer: name or index of a linear layer.
            unit: index of one of its units.
            input: index of one of its inputs, or "bias".
            value: the new weight.

        Raises:
            DlvizError: there is no such weight, or `value` is nonfinite.
        """
        index, unit = find_unit(self.calls, layer, unit, "edit")
        self._model.edits.set_weight(self.calls, index, unit, input, value)
        self._redraw()

    def reset(self) -> None:
        """Discard all edited weights and draw the model's own."""
        self._model.edits.weights.clear()
        self._redraw()

    def clear(self) -> None:
        """Remove the painted points."""
        self.painted = []

    def explain(
        self,
        point: int | Sequence[int] | None = None,
        *,
        optimizer: torch.optim.Optimizer | None = None,
        lr: float | None = None,
        loss: Callable[..., Any] | None = None,
    ) -> None:
        """Explain one training step: the forward pass, the backward pass, the update of the weights, the boundary afterwards.

        The step is made on copies: the model, its gradients, the optimizer and its state, and the random numbers stay as they are. It
        starts from the weights that are drawn, in eval() mode. Escape, or :meth:`leave`, returns to the snapshots.

        Args:
            point: index of a point of :attr:`x`, or a list of up to 8 of them, whose mean loss is used; the point with the largest
                loss by default.
            optimizer: the optimizer that you train with; a copy of it, with its state, makes the step. By default the one that your
                function returned, or plain SGD.
            lr: learning rate of that SGD, 0.1 by default.
            loss: called with the model's output and the labels of these points, as in your loop; cross-entropy by default.

        Raises:
            DlvizError: there is no such point, or the optimizer or the loss does not fit.

        Example:
            >>> import dlviz
            >>> x, y = dlviz.data.moons(50)
            >>> net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
            >>> view = dlviz.boundary(net, x, y)
            >>> view.explain(point=3, optimizer=torch.optim.SGD(net.parameters(), lr=0.5))
            >>> view.explained.loss_after < view.explained.loss
            True
        """
        self._update_waiting()
        model = self._model
        if optimizer is None and lr is None and model.builder is not None:
            optimizer = model.builder.optimizer
        settings = StepSettings(optimizer, lr, loss)
        settings.check()
        labels = model.edits.labels
        points = check_batch(worst_point(model.outputs, labels) if point is None else point, len(labels))
        model.training_step(points, settings)  # raises before anything has changed
        model.settings = settings
        with self.hold_sync():
            if points == self.example:
                self._restart_explanation()
            else:
                self.example = points

    def leave(self) -> None:
        """Return from the explained step to the snapshots."""
        self.example = []

    def _redraw(self, _: Any = None) -> None:
        """Run the model in the state that is drawn, and show it."""
        if not self._closed:
            self._model.side = self.resolution
            self._model.forget_outputs()
            self._show()

    def _show(self) -> None:
        model = self._model
        steps = range(len(model.history))
        with self.hold_sync():
            self._drawn_step = self.step = model.step
            self.scene = dict(binary(scene(model, model.outputs, self.resolution, self.resolution, steps)))
            if max(self.example, default=-1) < len(model.outputs.preds):
                self._explain_example()
            else:  # a painted point that was removed
                self.example = []

    def _show_last(self) -> None:
        """Show the last snapshot, whichever the page has gone to since."""
        model = self._model
        if model.step != model.history.last:
            model.step = model.history.last
            model.edits.weights.clear()
            model.forget_outputs()
        self._show()

    def _show_built(self, _: Any) -> None:
        if not self._closed:
            self._show()

    def _show_snapshot(self, _: Any) -> None:
        if self._closed or self.step == self._drawn_step:
            return
        if self.step > self._model.history.last:
            self.step = self._model.history.last
            return
        self._model.step = self.step
        self._model.edits.weights.clear()
        self._redraw()

    @traitlets.validate("painted")
    def _check_painted(self, proposal: Any) -> list[list[float]]:
        # Set here and not by an observer, so that an example in the same message can be one of these points.
        model = self._model
        model.edits.painted = check_painted(proposal["value"], len(model.classes))
        return model.edits.painted

    @traitlets.validate("settings")
    def _check_settings(self, proposal: Any) -> dict[str, Any]:
        # Built here and not by an observer, so that all stays as it was if the function raises.
        builder, wanted = self._model.builder, proposal["value"]
        if builder is None and not wanted:
            return {}
        self._model.set(wanted)
        return self._plain_settings()

    def _plain_settings(self) -> dict[str, Any]:
        builder = self._model.builder
        return {name: plain(value) for name, value in builder.settings.items()} if builder else {}

    @traitlets.validate("example")
    def _check_example(self, proposal: Any) -> list[int]:
        points = proposal["value"]
        return check_batch(points, len(self._model.edits.labels)) if points else []

    def _restart_explanation(self, _: Any = None) -> None:
        if self._closed:
            return
        with self.hold_sync():
            self.playing = False
            self.phase = 0
            self._explain_example()

    def _explain_example(self) -> None:
        """Make the training step on :attr:`example` and describe it for the view."""
        if self.example:
            self.explanation = dict(binary(self._model.explain(self.example)))
        else:
            self._model.explained, self.explanation = None, {}

    def _on_paint(self, content: Mapping[str, Any]) -> None:
        """Add points that were painted in the page, whatever has become of the others since."""
        points = content.get("points")
        if not isinstance(points, list) or not all(isinstance(point, list) for point in points):
            raise invalid_value("points", points)
        self.painted = [*self.painted, *points]

    def _on_clear(self, content: Mapping[str, Any]) -> None:
        self.clear()

    def _on_edit(self, content: Mapping[str, Any]) -> None:
        input = "bias" if content.get("input") == "bias" else int_field(content, "input")
        layer, unit = int_field(content, "layer"), int_field(content, "unit")
        self.edit(layer, unit, input, float_field(content, "value"))

    def _on_train(self, content: Mapping[str, Any]) -> None:
        """Make the first of some steps; the page asks for more of them once it has drawn these."""
        self._model.training.start(check_count(int_field(content, "count")))
        self._train_slice()

    def _on_continue(self, content: Mapping[str, Any]) -> None:
        if self._model.training.remaining:
            self._train_slice()

    def _on_stop(self, content: Mapping[str, Any]) -> None:
        self._model.training.stop()
        self.update()

    def _on_restart(self, content: Mapping[str, Any]) -> None:
        self._reporting(self.restart)

    def _on_choose(self, content: Mapping[str, Any]) -> None:
        name, value = content.get("name"), content.get("value")
        self._reporting(lambda: setattr(self, "settings", {name: value}))

    def _train_slice(self) -> None:
        self._reporting(lambda: self._model.train(SLICE))
        self._show_last()

    def _reporting(self, action: Callable[[], Any]) -> None:
        """Do what the page asked for; what the learner's own function raises is said in the picture."""
        try:
            action()
        except Exception as error:
            training = self._model.training
            training.stop(training.error or str(error))
            self._show()

    def _on_reset(self, content: Mapping[str, Any]) -> None:
        self.reset()

    def _on_explain(self, content: Mapping[str, Any]) -> None:
        settings = self._model.settings
        self.explain(optimizer=settings.optimizer, lr=settings.lr, loss=settings.loss)

    def _describe(self) -> str:
        model = self._model
        points, classes = len(model.outputs.preds), len(model.classes)
        return message("decision_boundary.repr", model=model.name, points=points, classes=classes)

    def _still(self) -> str:
        self._update_waiting()
        model, line, summary = self._model, self.scene["signature"], self.scene["summary"]
        labels, limits = model.edits.labels, model.inputs.limits
        return draw(model.outputs, labels, limits, self.resolution, line, model.classes, summary, self._still_theme)

    def _page_state(self) -> dict[str, Any]:
        self._update_waiting()
        state, steps, model = super()._page_state(), self._page_steps(), self._model
        if len(steps) < len(model.history):
            page = binary(scene(model, model.outputs, self.resolution, self.resolution, steps))
            state |= {"step": steps.index(self.step), "scene": page}
        return state | ({"explanation": {**self.explanation, "step": state["step"]}} if self.explanation else {})

    def _precomputed(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Return the scene of every snapshot that fits into a page."""
        steps = self._page_steps()
        return {"step": {json.dumps(k): {"scene": self._page_scene(step, steps)} for k, step in enumerate(steps)}}

    def _page_scene(self, step: int, steps: Sequence[int]) -> dict[str, Any]:
        return dict(binary(page_scene(self._model, step, self.resolution, steps)))

    def _page_steps(self) -> list[int]:
        """Return the snapshots that fit into a page, evenly spaced, with the one that is drawn among them."""
        count = len(self._model.history)
        if count == 1:
            return [0]
        size = len(to_json(self._page_scene(0, range(count))))
        return page_indices(count, size, _PAGE_FRACTION * BUDGET, self.step)


@suggests_names
def boundary(
    model: Any,
    x: Any,
    y: Any,
    *,
    choices: Mapping[str, Sequence[Any]] | None = None,
    classes: Sequence[Any] | None = None,
    limits: Sequence[float] | None = None,
    resolution: int = 80,
    opened: Sequence[int] = (),
    layer: int = 0,
    brush: int = -1,
    painted: Sequence[Sequence[float]] = (),
    example: Sequence[int] = (),
    speed: float = 1.0,
    theme: str = "auto",
) -> Boundary:
    """Draw the decision boundary of your own network on points of the plane, with a map of every unit.

    Your objects stay as they are: parameters, buffers, mode, gradients and random numbers. The network runs in eval() mode. Call
    ``view.update()`` in your loop, every few steps, and the picture follows.

    Args:
        model: any module that takes (N, 2) and returns logits: (N,) or (N, 1) of two classes, (N, C) of up to ten; or a fitted
            classifier of scikit-learn with ``predict_proba``. Or your own function that builds the network: its arguments, such as width,
            depth or activation, become controls, and buttons train it. It returns the network and an optimizer, or the network and a
            function ``step(x, y)`` that makes one training step.
        x: the points (N, 2), as a tensor, an array, a list or a table; they get the dtype of the model's parameters.
        y: their labels (N,) or (N, 1), whole numbers from 0, or names.
        choices: values of the function's arguments that can be chosen, such as ``{"activation": (nn.Tanh, nn.ReLU)}``; numbers have some by
            themselves. An argument that is an option of the optimizer, such as ``lr``, is changed there; any other builds anew.
        classes: names of the classes, in the order of the logits; by default the names among the labels, sorted, or else numbers.
        limits: left, right, bottom and top of the plane; a frame around the points by default.
        resolution: grid points along a side, from 10 to 200.
        opened: call and unit whose map is enlarged, such as ``(2, 0)``.
        layer: call whose projection is shown, 0 for the plane itself.
        brush: class of the points that are painted with the pointer, −1 for none.
        painted: points that are added to `x`, each as ``(x, y, class)``.
        example: indices of points whose training step is explained.
        speed: the player's speed, from 0.25 to 4.
        theme: "auto", "light" or "dark".

    Returns:
        The widget; ``.update()``, ``.train(n)``, ``.restart()``, ``.snapshot(label)``, ``.edit(…)``, ``.model``, ``.x``, ``.y``,
        ``.equation(…)``, ``.explain(point)``, ``.code()``.

    Raises:
        DlvizError: an argument does not fit.

    Example:
        >>> import torch, dlviz
        >>> x, y = dlviz.data.moons(200)
        >>> net = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))
        >>> view = dlviz.boundary(net, x, y)
        >>> view
        dlviz.boundary(net on 200 points of 2 classes)
        >>> view.probs.shape
        torch.Size([6400, 2])
        >>> view.edit("0", unit=3, input=1, value=0.5)
        >>> view.model[0].weight[3, 1].item()
        0.5

    Source:
        https://playground.tensorflow.org, which has this picture for one fixed kind of network
    """
    variables = scope()
    names = (name_of(model, variables, "net"), name_of(x, variables, "x"), name_of(y, variables, "y"))
    builder = NetworkBuilder(model, choices) if is_builder(model) else None
    if choices is not None and builder is None:
        raise DlvizError(message("decision_boundary.refused.choices_alone", got=type(model).__name__))
    inputs = check_inputs(builder.model if builder else model, x, y, classes, limits, names)
    traits = {"resolution": resolution, "opened": opened, "layer": layer, "brush": brush}
    return Boundary(inputs, classes, painted, example, builder, speed=speed, theme=theme, **traits)
