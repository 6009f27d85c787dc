"""What a learner changes in the picture: weights of the widget's own copy of the model, and painted points."""

import math
from typing import Any

import traitlets

from dlviz.decision_boundary.drawing_widget import PAINTED
from dlviz.decision_boundary.history_widget import Remembering
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validated_widget import float_field, int_field


class Editing(Remembering):
    """Edits of weights, and points that are painted."""

    def __init__(self, *given: Any, painted: Any = (), **traits: Any) -> None:
        super().__init__(*given, **traits)
        self.observe(self._redraw, "painted")
        self.on_msg(self._answer)
        self.painted = [list(one) for one in painted]

    def edit(self, layer: str | int, unit: int, input: int | str, value: float) -> None:
        """Set one weight in the widget's own copy of the model; the learner's model stays as it is.

        Args:
            layer: a linear layer, by its name or its number.
            unit: which of its units.
            input: which of its inputs, or "bias".
            value: the new weight.

        Raises:
            DlvizError: there is no such weight, or `value` is not finite.
        """
        number, unit = self._unit("edit", layer, unit)
        call = self.calls[number]
        if call.weight is None or call.path is None:
            layers = ", ".join(one.name for one in self.calls if one.weight is not None)
            raise DlvizError(
                message("decision_boundary.refused.linear", got=call.name, kind=call.kind, names=layers or "–")
            )
        fan = call.weight.shape[1]
        if input == "bias" and call.bias is None:
            raise DlvizError(message("decision_boundary.refused.bias", name=call.name))
        if input != "bias" and not (isinstance(input, int) and 0 <= input < fan):
            raise DlvizError(message("decision_boundary.refused.input", name=call.name, count=fan, got=repr(input)))
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            raise DlvizError(message("decision_boundary.refused.value", got=repr(value)))
        which, index = ("bias", (unit,)) if input == "bias" else ("weight", (unit, int(input)))
        name = f"{call.path}.{which}".lstrip(".")
        own = dict(self._learners.named_parameters(remove_duplicate=False)).get(name)
        if own is None:
            raise DlvizError(message("decision_boundary.refused.parameter", name=name))
        # Of a parameter with two names the state knows the first.
        name = next(first for first, one in self._learners.named_parameters() if one is own)
        self._edits[name, index] = float(value)
        self._draw()

    def reset(self) -> None:
        """Let go of all edits: the learner's own weights are drawn again."""
        self._open()
        self._edits.clear()
        self._draw()

    def clear(self) -> None:
        """Take the painted points away."""
        self.painted = []

    @traitlets.validate("painted")
    def _painted_is_points(self, proposal: Any) -> list[list[float]]:
        for one in proposal["value"]:
            whole = len(one) == 3 and all(math.isfinite(part) for part in one) and one[2] == int(one[2])
            if not whole or not 0 <= one[2] < len(self._classes):
                raise DlvizError(message("decision_boundary.refused.painted", last=len(self._classes) - 1, got=one))
        return list(proposal["value"])[:PAINTED]

    def _answer(self, _: Any, content: Any, buffers: Any) -> None:
        """What the view asks: to edit a weight, or to let go of all edits."""
        if self._shot is None:
            return
        if content.get("kind") == "reset":
            self.reset()
        elif content.get("kind") == "edit":
            which = "bias" if content.get("input") == "bias" else int_field(content, "input")
            self.edit(int_field(content, "layer"), int_field(content, "unit"), which, float_field(content, "value"))
