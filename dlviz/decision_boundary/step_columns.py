"""One step as columns of units with edges between them: values, gradients and new weights, as far as they can be drawn."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlviz.decision_boundary import step_formulas
from dlviz.decision_boundary.equation import is_each
from dlviz.decision_boundary.training_step import Step
from dlviz.kit.messages import message

#: So many calls are drawn, the first and the last; a call with more than so many units shows so many of them.
CALLS, MOST, SHOWN = 10, 10, 8


def chosen(count: int) -> list[int]:
    """Numbers of the calls that are drawn.

    Example:
        >>> chosen(4), chosen(14)
        ([0, 1, 2, 3], [0, 1, 2, 3, 4, 9, 10, 11, 12, 13])
    """
    return list(range(count)) if count <= CALLS else [*range(CALLS // 2), *range(count - CALLS // 2, count)]


def columns(step: Step, numbers: Sequence[int], classes: Sequence[str], criterion: str) -> list[dict[str, Any]]:
    """A column for each call, then one for the probabilities where the loss is known, and one for the loss.

    Args:
        step: the step.
        numbers: which calls.
        classes: what the classes are called.
        criterion: name of the loss.
    """
    made = [_call(step, numbers, place) for place in range(len(numbers))]
    if step.chances is not None:
        made.append(_chances(step, len(made) - 1, classes))
    label = int(step.labels[0])
    own = label if step.chances is not None and step.chances.shape[1] == made[-1]["drawn"] else -1
    edge = {"from": len(made) - 1, "kind": "each" if own < 0 and made[-1]["drawn"] == 1 else "into", "unit": own}
    return [
        *made,
        _column("loss", criterion, 1, torch.tensor([step.loss]), [message("decision_boundary.walk.loss")], [edge]),
    ]


def _column(
    name: str, kind: str, units: int, values: Tensor, names: Sequence[str], edges: Sequence[dict[str, Any]], **more: Any
) -> dict[str, Any]:
    return {
        "name": name,
        "called": layer(name),
        "kind": kind,
        "units": units,
        "drawn": len(names),
        "values": _double(values[: len(names)]),
        "names": list(names),
        "edges": list(edges),
        "gradients": None,
        "pin": 0,
        "lines": {},
    } | more


def _call(step: Step, numbers: Sequence[int], place: int) -> dict[str, Any]:
    number = numbers[place]
    call = step.calls[number]
    drawn = shown(call.units)
    gradient = step.gradients.get(number)
    back = None if gradient is None else _double(gradient[0, :drawn])
    return _column(
        call.name,
        call.kind,
        call.units,
        call.output[0],
        [step_formulas.symbol(step, number, unit) for unit in range(drawn)],
        [edge for edge in (_edge(step, numbers, number, source) for source in call.sources) if edge],
        gradients=back,
        # What the loss depends on most is looked at first.
        pin=0 if back is None else int(np.abs(np.nan_to_num(back)).argmax()),
        lines={
            "forward": [step_formulas.forward(step, number, unit) for unit in range(drawn)],
            "back": [step_formulas.backward(step, number, unit) for unit in range(drawn)],
            "update": [step_formulas.update(step, number, unit) for unit in range(drawn)]
            if call.weight is not None
            else [],
        },
    )


def _edge(step: Step, numbers: Sequence[int], number: int, source: int) -> dict[str, Any] | None:
    """How a call's units hang on those of one that it took; ``None`` where that is not drawn, or not known."""
    if source not in numbers:
        return None
    call, taken = step.calls[number], step.calls[source]
    where, rows, fan = numbers.index(source), shown(call.units), shown(taken.units)
    if call.weight is not None and call.weight.shape == (call.units, taken.units):
        made = step.weights.get(number)

        def part(one: Tensor | None) -> np.ndarray | None:
            return None if one is None else _double(one[:rows, :fan])

        weight = part(call.weight)
        gradient, after = (None, None) if made is None else (part(made.gradients[0]), part(made.after[0]))
        return {"from": where, "kind": "full", "weight": weight, "gradient": gradient, "after": after}
    if is_each(step.calls, number) or call.units == taken.units:
        return {"from": where, "kind": "each"}
    return {"from": where, "kind": "into", "unit": -1}


def _chances(step: Step, last: int, classes: Sequence[str]) -> dict[str, Any]:
    assert step.chances is not None
    one = step.calls[-1].units == 1
    values = step.chances[0, 1:] if one else step.chances[0]
    names = [f"p({classes[1]})"] if one else [f"p({name})" for name in classes]
    names = names[: shown(len(names))]
    kind = "sigmoid" if one else "softmax"
    lines = {"forward": [step_formulas.probability(step, unit, name) for unit, name in enumerate(names)]}
    pin = 0 if one else min(int(step.labels[0]), len(names) - 1)
    edge = {"from": last, "kind": "each" if one else "into", "unit": -1}
    return _column(kind, "chances", len(values), values, names, [edge], lines=lines, pin=pin)


def layer(name: str) -> str:
    """What a call is called in a sentence; a number is its place in a Sequential."""
    return message("decision_boundary.walk.layer", name=name) if name.isdigit() else name


def shown(units: int) -> int:
    """How many units of a call are drawn."""
    return units if units <= MOST else SHOWN


def _double(values: Tensor) -> np.ndarray:
    return values.detach().cpu().double().contiguous().numpy()
