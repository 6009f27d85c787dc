"""State behind the picture of a decision boundary: the learner's model with edits and snapshots, and what it returns on the plane."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from dlviz.decision_boundary.edits import BoundaryEdits
from dlviz.decision_boundary.inputs import Inputs
from dlviz.decision_boundary.record import ModelOutputs, record_outputs
from dlviz.decision_boundary.snapshots import SnapshotHistory
from dlviz.decision_boundary.step_explanation import explanation
from dlviz.decision_boundary.training_loop_code import training_loop
from dlviz.decision_boundary.training_step import StepSettings, TrainingStep, training_step
from dlviz.kit.messages import message
from dlviz.kit.validation import class_names


class EditableModel:
    """The learner's model as it is drawn: with snapshots, edited weights and painted points.

    Args:
        inputs: the learner's model and data, checked.
        classes: names of the classes, ``None`` for their indices.
        side: grid points along a side of the plane.

    Attributes:
        inputs: the learner's model and data.
        classes: names of the classes.
        edits: edited weights and painted points.
        history: the snapshots.
        outputs: the model's outputs in the state that is drawn.
        settings: optimizer, learning rate and loss of an explained step; they stay for the next step.
        explained: the explained training step, ``None`` while nothing is explained.

    Raises:
        DlvizError: the model does not accept points of the plane, does not return logits, or the names do not fit.
    """

    def __init__(self, inputs: Inputs, classes: Sequence[Any] | None, side: int) -> None:
        self.inputs = inputs
        self.edits = BoundaryEdits(inputs)
        self.history = SnapshotHistory()
        self.settings = StepSettings()
        self.explained: TrainingStep | None = None
        self.outputs = self.record(side)
        self.classes = class_names(classes, self.outputs.num_classes, "decision_boundary.refused.classes")
        self.history.add(inputs.model, message("decision_boundary.start"), self.outputs)

    @property
    def name(self) -> str:
        """The learner's variable name of the model."""
        return self.inputs.names[0]

    def state(self, step: int) -> dict[str, Tensor]:
        """Return parameters and buffers of the snapshot at `step`, with the edited weights."""
        return self.edits.apply(self.history.state(step))

    def copy_model(self, step: int) -> nn.Module:
        """Return a copy of the learner's model in the state at `step`."""
        model = copy.deepcopy(self.inputs.model)
        model.load_state_dict({**model.state_dict(), **self.state(step)}, strict=False)
        return model

    def record(self, side: int, state: Mapping[str, Tensor] | None = None) -> ModelOutputs:
        """Run the model on the grid and on all points, in the learner's own state or in another one."""
        inputs, edits = self.inputs, self.edits
        return record_outputs(inputs.model, edits.x, edits.labels, inputs.limits, side, state, inputs.rng_state)

    def take_snapshot(self, label: str, side: int) -> None:
        """Keep the model's current state as a snapshot, with its outputs."""
        self.outputs = self.record(side)
        self.history.add(self.inputs.model, label, self.outputs)

    def code(self, side: int) -> str:
        """Return a training loop with the current edited weights, painted points, limits and grid."""
        resolution = "" if side == 80 else f"resolution={side}"
        arguments = ", ".join(filter(None, (self.inputs.arguments, resolution)))
        one_logit = self.outputs.grid_pass.output.numel() == len(self.outputs.probs)
        return training_loop(self.inputs.model, self.inputs.names, self.edits, arguments, binary=one_logit)

    def training_step(self, points: Sequence[int], settings: StepSettings, step: int) -> TrainingStep:
        """Make one training step on some points, from the state at `step`."""
        x, y = self.edits.x[points], self.edits.y[points]
        return training_step(self.inputs.model, x, y, settings, self.state(step))

    def explain(self, points: Sequence[int], step: int, side: int) -> dict[str, Any]:
        """Make the training step on some points, and return its description for the view."""
        explained = self.training_step(points, self.settings, step)
        after = self.record(side, {**self.state(step), **explained.state})
        description = explanation(explained, points, self.classes, self.settings.loss_name, self.outputs, after)
        if step < self.history.last and self.settings.optimizer is not None:
            description["notes"].append(message("decision_boundary.explanation.optimizer_state"))
        self.explained = explained
        return description | {"step": step}
