"""Columns of units with edges between them: values, gradients and new weights of one training step, for the view."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlviz.decision_boundary import step_formulas
from dlviz.decision_boundary.training_step import TrainingStep
from dlviz.decision_boundary.unit_equation import is_elementwise
from dlviz.kit.messages import message
from dlviz.torchkit.tensor_blocks import as_array

#: Calls that are drawn at most, half of them the first and half the last ones.
MAX_CALLS = 10
#: A call with more than MAX_UNITS units shows DRAWN_UNITS of them.
MAX_UNITS, DRAWN_UNITS = 10, 8


def drawn_calls(count: int) -> list[int]:
    """Return the indices of the calls that are drawn.

    Example:
        >>> drawn_calls(4), drawn_calls(14)
        ([0, 1, 2, 3], [0, 1, 2, 3, 4, 9, 10, 11, 12, 13])
    """
    half = MAX_CALLS // 2
    return list(range(count)) if count <= MAX_CALLS else [*range(half), *range(count - half, count)]


def drawn_units(units: int) -> int:
    """Return how many units of a call are drawn."""
    return units if units <= MAX_UNITS else DRAWN_UNITS


def layer_title(name: str) -> str:
    """Return a call's name in a sentence: "layer 2" for a position in a Sequential, else the name itself."""
    return message("decision_boundary.explanation.layer", name=name) if name.isdigit() else name


def columns(step: TrainingStep, indices: Sequence[int], classes: Sequence[str], loss_name: str) -> list[dict[str, Any]]:
    """Return one column for each call, one for the probabilities where the loss is cross-entropy, and one for the loss.

    Args:
        step: the training step.
        indices: indices of the calls that are drawn.
        classes: names of the classes.
        loss_name: name of the loss.
    """
    before = [_call_column(step, indices, position) for position in range(len(indices))]
    if step.probs is not None:
        before.append(_probs_column(step, len(before) - 1, classes))
    units = before[-1]["drawn"]
    label = int(step.labels[0]) if step.probs is not None and step.probs.shape[1] == units else -1
    edge = _edge(len(before) - 1, "elementwise" if label < 0 and units == 1 else "any", unit=label)
    names = [message("decision_boundary.explanation.loss")]
    return [*before, _column("loss", loss_name, 1, torch.tensor([step.loss]), names, [edge])]


def _column(
    name: str, kind: str, units: int, values: Tensor, names: Sequence[str], edges: Sequence[dict[str, Any]], **more: Any
) -> dict[str, Any]:
    return {
        "name": name,
        "title": layer_title(name),
        "kind": kind,
        "units": units,
        "drawn": len(names),
        "values": as_array(values[: len(names)], torch.float64),
        "names": list(names),
        "edges": list(edges),
        "gradients": None,
        "selected": 0,
        "lines": {},
    } | more


def _edge(source: int, kind: str, **more: Any) -> dict[str, Any]:
    """Return edges from the column `source`: "linear" with weights, "elementwise", or "any" from one unit or from all (−1)."""
    return {"source": source, "kind": kind} | more


def _call_column(step: TrainingStep, indices: Sequence[int], position: int) -> dict[str, Any]:
    index = indices[position]
    call = step.calls[index]
    drawn = drawn_units(call.units)
    gradient = step.gradients.get(index)
    gradients = None if gradient is None else as_array(gradient[0, :drawn], torch.float64)
    edges = [_call_edges(step, indices, index, source) for source in call.sources if source in indices]

    def lines(formula: Any) -> list[list[str]]:
        return [formula(step, index, unit) for unit in range(drawn)]

    return _column(
        call.name,
        call.kind,
        call.units,
        call.output[0],
        [step_formulas.symbol(step, index, unit) for unit in range(drawn)],
        edges,
        gradients=gradients,
        # The unit on which the loss depends most is selected first.
        selected=0 if gradients is None or not gradients.size else int(np.abs(np.nan_to_num(gradients)).argmax()),
        lines={
            "forward": lines(step_formulas.forward),
            "backward": lines(step_formulas.backward),
            "update": lines(step_formulas.update) if call.weight is not None else [],
        },
    )


def _call_edges(step: TrainingStep, indices: Sequence[int], index: int, source: int) -> dict[str, Any]:
    """Return the edges from the units of one call to those of a call that receives its output."""
    call, other = step.calls[index], step.calls[source]
    position, rows, count = indices.index(source), drawn_units(call.units), drawn_units(other.units)
    if call.weight is not None and call.weight.shape == (call.units, other.units):
        linear = step.weights.get(index)
        gradient, after = (None, None) if linear is None else (linear.gradients[0], linear.after[0])
        parts = {"weight": call.weight, "gradient": gradient, "after": after}
        drawn = {
            name: None if part is None else as_array(part[:rows, :count], torch.float64) for name, part in parts.items()
        }
        return _edge(position, "linear", **drawn)
    if is_elementwise(step.calls, index) or call.units == other.units:
        return _edge(position, "elementwise")
    return _edge(position, "any", unit=-1)


def _probs_column(step: TrainingStep, last: int, classes: Sequence[str]) -> dict[str, Any]:
    assert step.probs is not None
    binary = step.calls[-1].units == 1
    values = step.probs[0, 1:] if binary else step.probs[0]
    names = [f"p({classes[1]})"] if binary else [f"p({name})" for name in classes]
    names = names[: drawn_units(len(names))]
    return _column(
        "sigmoid" if binary else "softmax",
        "probs",
        len(values),
        values,
        names,
        [_edge(last, "elementwise" if binary else "any", unit=-1)],
        lines={"forward": [step_formulas.probability(step, unit, name) for unit, name in enumerate(names)]},
        selected=0 if binary else min(int(step.labels[0]), len(names) - 1),
    )
