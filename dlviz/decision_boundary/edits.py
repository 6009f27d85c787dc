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
from dlviz.kit.validation import is_finite
from dlviz.torchkit.modules import named_parameters

#: Points that can be painted at most.
MAX_PAINTED = 2000


class BoundaryEdits:
    """Edited weights and painted points.

    Args:
        inputs: the learner's model and data, which stay as they are.

    Attributes:
        weights: the edited values, by parameter name and index.
        painted: ``[x, y, class]`` of every painted point.
    """

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self.weights: dict[tuple[str, tuple[int, ...]], float] = {}
        self.painted: list[list[float]] = []

    def change_model(self, inputs: Inputs) -> None:
        """Discard the edited weights, which belong to another model; the painted points stay."""
        self._inputs = inputs
        self.weights.clear()

    def set_weight(self, calls: Sequence[LayerCall], index: int, unit: int, input: int | str, value: float) -> None:
        """Set one weight or bias.

        Args:
            calls: the calls of the model's forward pass.
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
        if not is_finite(value):
            raise DlvizError(message("decision_boundary.refused.value", got=repr(value)))
        name, position = ("bias", (unit,)) if input == "bias" else ("weight", (unit, int(input)))
        self.weights[_parameter_name(self._inputs.model, f"{call.path}.{name}".lstrip(".")), position] = float(value)

    def apply(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return `state` with the edited weights; tensors that are edited are copied."""
        edited = dict(state)
        for name in {name for name, _ in self.weights}:
            edited[name] = edited[name].clone()
        for (name, position), value in self.weights.items():
            edited[name][position] = value
        return edited

    @property
    def x(self) -> Tensor:
        """All points (N, 2): the learner's, then the painted ones."""
        painted = torch.tensor([point[:2] for point in self.painted]).reshape(-1, 2)
        return torch.cat((self._inputs.x, painted.to(self._inputs.x)))

    @property
    def y(self) -> Tensor:
        """The labels of all points, in the shape and dtype of the learner's `y`."""
        y = self._inputs.y.detach()
        return torch.cat((y, self._painted_labels().to(y).reshape(-1, *y.shape[1:])))

    @property
    def labels(self) -> Tensor:
        """The labels of all points as int64, (N,)."""
        return torch.cat((self._inputs.labels, self._painted_labels().to(self._inputs.labels)))

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
    parameter = dict(named_parameters(model, remove_duplicate=False)).get(path)
    if parameter is None:
        raise DlvizError(message("decision_boundary.refused.parameter", name=path))
    return next(name for name, other in named_parameters(model) if other is parameter)
