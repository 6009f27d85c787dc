"""What a learner changes in the picture: weights in the widget's copy of the model, and painted points."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.decision_boundary.forward import LayerCall
from dlviz.decision_boundary.inputs import Inputs
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message

#: Points that can be painted at most.
MAX_PAINTED = 2000


class BoundaryEdits:
    """Edited weights and painted points.

    Attributes:
        weights: the edited values, by parameter name and index.
        painted: ``[x, y, class]`` of every painted point.
    """

    def __init__(self) -> None:
        self.weights: dict[tuple[str, tuple[int, ...]], float] = {}
        self.painted: list[list[float]] = []

    def set_weight(
        self, model: nn.Module, calls: Sequence[LayerCall], index: int, unit: int, input: int | str, value: float
    ) -> None:
        """Set one weight or bias.

        Args:
            model: the learner's model, which stays as it is.
            calls: the calls of its forward pass.
            index: index of a linear layer's call.
            unit: index of one of its units.
            input: index of one of its inputs, or "bias".
            value: the new weight.

        Raises:
            DlvizError: there is no such weight, or `value` is nonfinite.
        """
        call = calls[index]
        if call.weight is None or call.path is None:
            linear = ", ".join(other.name for other in calls if other.weight is not None)
            raise DlvizError(
                message("decision_boundary.refused.linear", got=call.name, kind=call.kind, names=linear or "–")
            )
        count = call.weight.shape[1]
        if input == "bias" and call.bias is None:
            raise DlvizError(message("decision_boundary.refused.bias", name=call.name))
        if input != "bias" and not (isinstance(input, int) and 0 <= input < count):
            raise DlvizError(message("decision_boundary.refused.input", name=call.name, count=count, got=repr(input)))
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            raise DlvizError(message("decision_boundary.refused.value", got=repr(value)))
        name, position = ("bias", (unit,)) if input == "bias" else ("weight", (unit, int(input)))
        self.weights[_parameter_name(model, f"{call.path}.{name}".lstrip(".")), position] = float(value)

    def apply(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return `state` with the edited weights; tensors that are edited are copied."""
        edited = dict(state)
        for name in {name for name, _ in self.weights}:
            edited[name] = edited[name].clone()
        for (name, position), value in self.weights.items():
            edited[name][position] = value
        return edited

    def x(self, inputs: Inputs) -> Tensor:
        """Return all points (N, 2): the learner's, then the painted ones."""
        painted = torch.tensor([point[:2] for point in self.painted]).reshape(-1, 2)
        return torch.cat((inputs.x, painted.to(inputs.x)))

    def y(self, inputs: Inputs) -> Tensor:
        """Return the labels of all points, in the shape and dtype of the learner's `y`."""
        painted = self._painted_labels().to(inputs.y).reshape(-1, *inputs.y.shape[1:])
        return torch.cat((inputs.y.detach(), painted))

    def labels(self, inputs: Inputs) -> Tensor:
        """Return the labels of all points as int64, (N,)."""
        return torch.cat((inputs.labels, self._painted_labels().to(inputs.labels)))

    def _painted_labels(self) -> Tensor:
        return torch.tensor([int(label) for *_, label in self.painted], dtype=torch.long)


def check_painted(points: Sequence[Any], num_classes: int) -> list[list[float]]:
    """Return the first :data:`MAX_PAINTED` painted points.

    Raises:
        DlvizError: a point is not ``[x, y, class]`` with one of the classes.
    """
    for point in points:
        fits = len(point) == 3 and all(math.isfinite(value) for value in point) and point[2] == int(point[2])
        if not fits or not 0 <= point[2] < num_classes:
            raise DlvizError(message("decision_boundary.refused.painted", last=num_classes - 1, got=point))
    return list(points)[:MAX_PAINTED]


def _parameter_name(model: nn.Module, path: str) -> str:
    """Return the name under which the model's state holds the parameter at `path`: the first one, if it has several."""
    parameter = dict(model.named_parameters(remove_duplicate=False)).get(path)
    if parameter is None:
        raise DlvizError(message("decision_boundary.refused.parameter", name=path))
    return next(name for name, other in model.named_parameters() if other is parameter)
