"""State behind the picture of a decision boundary: the learner's model with edits and snapshots, and what it returns on the plane."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from dlviz.decision_boundary.builder import NetworkBuilder
from dlviz.decision_boundary.edits import BoundaryEdits
from dlviz.decision_boundary.estimator import EstimatorModule
from dlviz.decision_boundary.inputs import Inputs
from dlviz.decision_boundary.record import ModelOutputs, record_outputs, record_points
from dlviz.decision_boundary.step_explanation import explanation
from dlviz.decision_boundary.training_loop_code import fitting, training_loop
from dlviz.decision_boundary.training_step import StepSettings, TrainingStep, training_step
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.pending_steps import PendingSteps
from dlviz.kit.validation import class_names
from dlviz.torchkit.model_snapshots import SnapshotHistory
from dlviz.torchkit.modules import parameters


class EditableModel:
    """The learner's model as it is drawn: with snapshots, edited weights and painted points.

    Args:
        inputs: the learner's model and data, checked.
        classes: names of the classes, ``None`` for their indices.
        side: grid points along a side of the plane.
        builder: what built the model, ``None`` for a model of the learner's.

    Attributes:
        inputs: the learner's model and data.
        builder: what built the model.
        side: grid points along a side of the plane.
        classes: names of the classes.
        edits: edited weights and painted points.
        history: the snapshots.
        step: the snapshot that is drawn, or will be.
        settings: optimizer, learning rate and loss of an explained step; they stay for the next step.
        explained: the explained training step, ``None`` while nothing is explained.

    Raises:
        DlvizError: the model does not accept points of the plane, does not return logits, or the names do not fit.
    """

    def __init__(
        self, inputs: Inputs, classes: Sequence[Any] | None, side: int, builder: NetworkBuilder | None = None
    ) -> None:
        self.inputs = inputs
        self.builder = builder
        self.side = side
        self.edits = BoundaryEdits(inputs)
        self.history = SnapshotHistory()
        self.settings = StepSettings()
        self.explained: TrainingStep | None = None
        self.step = 0
        self._outputs: ModelOutputs | None = self.record(side)
        outputs = self.outputs
        names = inputs.class_names if classes is None else classes
        self.classes = class_names(names, outputs.num_classes, "decision_boundary.refused.classes")
        self._add_snapshot(message("decision_boundary.start"), outputs.loss, outputs.accuracy)

    @property
    def name(self) -> str:
        """The learner's variable name of the model."""
        return self.inputs.names[0]

    @property
    def outputs(self) -> ModelOutputs:
        """The model's outputs in the state of :attr:`step`, computed when they are first read."""
        if self._outputs is None:
            self._outputs = self.record(self.side, self.state(self.step))
        return self._outputs

    def forget_outputs(self) -> None:
        """Compute the outputs anew when they are next read, because something that they depend on has changed."""
        self._outputs = None

    @property
    def is_trainable(self) -> bool:
        """Whether the model has a parameter that a training step can change."""
        return any(parameter.requires_grad for parameter in parameters(self.inputs.model))

    def state(self, step: int) -> dict[str, Tensor]:
        """Return parameters and buffers of the snapshot at `step`, with the edited weights."""
        return self.edits.apply(self.history.state(step))

    def copy_model(self) -> Any:
        """Return a copy of the learner's model, or the classifier, in the state that is drawn."""
        if isinstance(self.inputs.model, EstimatorModule):
            return copy.deepcopy(self.inputs.model.estimator_in(self.history.state(self.step)["fitted"]))
        model = copy.deepcopy(self.inputs.model)
        model.load_state_dict({**model.state_dict(), **self.state(self.step)}, strict=False)
        return model

    def record(self, side: int, state: Mapping[str, Tensor] | None = None) -> ModelOutputs:
        """Run the model on the grid and on all points, in the learner's own state or in another one."""
        return self._run(self.inputs.model, side, state)

    def _run(self, model: nn.Module, side: int, state: Mapping[str, Tensor] | None = None) -> ModelOutputs:
        inputs, edits = self.inputs, self.edits
        return record_outputs(model, edits.x, edits.labels, inputs.limits, side, state, inputs.rng_state)

    def update(self, label: str, *, always_keep: bool) -> None:
        """Go to the model's current state, without edits, and keep it as a snapshot if it has changed.

        The model runs on the points alone, for loss and accuracy; on the grid when its outputs are read.
        """
        inputs, edits = self.inputs, self.edits
        if isinstance(inputs.model, EstimatorModule):
            inputs.model.refresh()
        if always_keep or self.history.has_changed(inputs.model):
            points = record_points(inputs.model, edits.x, edits.labels, rng_state=inputs.rng_state)
            self._add_snapshot(label, points.loss, points.accuracy)
        edits.weights.clear()
        self.step = self.history.last
        self.forget_outputs()

    def set(self, settings: Mapping[str, Any]) -> None:
        """Change arguments of the function that built the model: in its optimizer if all of them are there, else in a new model.

        Raises:
            DlvizError: there is no such argument, or the function raises or returns something else; all stays as it was.
        """
        builder = self._own_builder()
        settings = builder.check(settings)
        if settings == builder.settings:
            return
        if not builder.change_optimizer(settings):
            self._rebuild(builder, settings)

    def restart(self) -> None:
        """Build the model anew, from the same random numbers, and begin with its first snapshot."""
        builder = self._own_builder()
        self._rebuild(builder, builder.settings)

    def train(self, seconds: float | None = None) -> None:
        """Make the pending training steps, on all points, with a snapshot every few of them.

        Raises:
            Exception: what a step raises; the steps that were made are kept as a snapshot.
        """
        try:
            edits = self.edits
            self._own_builder().train(
                edits.x, edits.y, edits.labels, lambda: self.update("", always_keep=True), seconds
            )
        except BaseException:
            self.update("", always_keep=False)
            raise

    @property
    def training(self) -> PendingSteps:
        """Training steps that are still to be made.

        Raises:
            DlvizError: the network was not built by a function.
        """
        return self._own_builder().training

    def _own_builder(self) -> NetworkBuilder:
        if self.builder is None:
            raise DlvizError(message("decision_boundary.refused.no_builder", model=self.name))
        return self.builder

    def _rebuild(self, builder: NetworkBuilder, settings: Mapping[str, Any]) -> None:
        made = builder.built(settings)
        outputs = self._run(made[0], self.side)
        if outputs.num_classes != len(self.classes):
            raise DlvizError(
                message("decision_boundary.refused.built_classes", count=len(self.classes), got=outputs.num_classes)
            )
        builder.use(made, settings)
        self.inputs = replace(self.inputs, model=builder.model)
        self.edits.change_model(self.inputs)
        self.settings = StepSettings()
        self.history, self.step, self._outputs = SnapshotHistory(), 0, outputs
        self._add_snapshot(message("decision_boundary.start"), outputs.loss, outputs.accuracy)

    def _add_snapshot(self, label: str, loss: float | None, accuracy: float | None) -> None:
        model = self.inputs.model
        classifier = model if isinstance(model, EstimatorModule) else None
        measures = {"loss": loss, "accuracy": accuracy}
        self.history.add(model, label, measures, classifier.size if classifier else 0)
        if classifier:
            classifier.forget_others(self.history.states)

    def code(self, side: int) -> str:
        """Return a training loop with the current edited weights, painted points, limits and grid."""
        resolution = "" if side == 80 else f"resolution={side}"
        arguments = ", ".join(filter(None, (self.inputs.arguments, resolution)))
        if isinstance(self.inputs.model, EstimatorModule):
            return fitting(self.inputs.model.estimator, self.inputs.names, self.edits, arguments)
        one_logit = self.outputs.grid_pass.output.numel() == len(self.outputs.probs)
        return training_loop(self.inputs, self.edits, arguments, self.builder, binary=one_logit)

    def training_step(self, points: Sequence[int], settings: StepSettings) -> TrainingStep:
        """Make one training step on some points, from the state that is drawn."""
        x, y = self.edits.x[points], self.edits.y[points]
        return training_step(self.inputs.model, x, y, settings, self.state(self.step))

    def explain(self, points: Sequence[int]) -> dict[str, Any]:
        """Make the training step on some points, and return its description for the view."""
        explained = self.training_step(points, self.settings)
        after = self.record(self.side, {**self.state(self.step), **explained.state})
        description = explanation(explained, points, self.classes, self.settings.loss_name, self.outputs, after)
        if self.step < self.history.last and self.settings.optimizer is not None:
            description["notes"].append(message("decision_boundary.explanation.optimizer_state"))
        self.explained = explained
        return description | {"step": self.step}
