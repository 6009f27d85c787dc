"""Explanation of one training step for the view: forward layer by layer, backward edge by edge, the update, the moved boundary."""

from collections.abc import Sequence
from typing import Any

import torch

from dlviz.decision_boundary.record import ModelOutputs, drawn_points
from dlviz.decision_boundary.step_diagram import DRAWN_UNITS, columns, drawn_calls, drawn_units, layer_title
from dlviz.decision_boundary.step_formulas import consumers, short, symbol
from dlviz.decision_boundary.training_step import TrainingStep
from dlviz.decision_boundary.unit_equation import function_name, is_elementwise
from dlviz.kit.messages import message
from dlviz.torchkit.tensor_blocks import as_array


def explanation(
    step: TrainingStep,
    points: Sequence[int],
    classes: Sequence[str],
    loss_name: str,
    before: ModelOutputs,
    after: ModelOutputs,
) -> dict[str, Any]:
    """Return everything that the view draws of a training step.

    Args:
        step: the training step.
        points: indices of the data points that it is made on.
        classes: names of the classes.
        loss_name: name of the learner's loss, "" for cross-entropy.
        before, after: the model's outputs before and after the step.
    """
    indices = drawn_calls(len(step.calls))
    loss_name = loss_name or ("binary cross-entropy" if step.calls[-1].units == 1 else "cross-entropy")
    drawn = columns(step, indices, classes, loss_name)
    x = step.calls[0].output
    return {
        "points": list(points),
        "positions": [
            [*map(float, position), int(label)]
            for position, label in zip(x.tolist(), step.labels.tolist(), strict=True)
        ],
        "columns": drawn,
        "phases": [
            *_forward_phases(step, indices, points, classes, loss_name, len(drawn)),
            *_backward_phases(step, indices),
            _update_phase(step),
            _after_phase(step, before, after),
        ],
        "probs": as_array(after.probs.T),
        "preds": as_array(after.preds[drawn_points(len(after.preds))], torch.int32),
        "notes": _notes(step, indices, points),
    }


def _phase(kind: str, column: int, key: str, formula: str, /, **values: Any) -> dict[str, Any]:
    values = {name: layer_title(value) if name == "name" else value for name, value in values.items()}
    return {
        "kind": kind,
        "column": column,
        "title": message(f"decision_boundary.explanation.{key}.title", **values),
        "formula": formula,
        "text": message(f"decision_boundary.explanation.{key}.text", **values),
    }


def _forward_phases(
    step: TrainingStep,
    indices: Sequence[int],
    points: Sequence[int],
    classes: Sequence[str],
    loss_name: str,
    count: int,
) -> list[dict[str, Any]]:
    x, label = step.calls[0].output[0].tolist(), classes[int(step.labels[0])]
    formula = f"x = ({', '.join(map(short, x))}), y = {label}"
    key = "input" if len(points) == 1 else "input_many"
    phases = [_phase("forward", 0, key, formula, point=points[0], count=len(points))]
    phases += [_call_phase(step, index, column) for column, index in enumerate(indices) if column]
    if step.probs is not None:
        key = "sigmoid" if step.calls[-1].units == 1 else "softmax"
        phases.append(_phase("forward", count - 2, key, f"p = {key}(z)"))
    return [*phases, _loss_phase(step, label, loss_name, count - 1)]


def _call_phase(step: TrainingStep, index: int, column: int) -> dict[str, Any]:
    call = step.calls[index]
    if call.weight is not None:
        letter = symbol(step, call.sources[0] if call.sources else 0, 0)[0]
        formula = f"z = W·{letter} + b" if call.bias is not None else f"z = W·{letter}"
        return _phase("forward", column, "linear", formula, name=call.name)
    if is_elementwise(step.calls, index):
        formula = f"a = {function_name(call)}({symbol(step, call.sources[0], 0)[0]})"
        return _phase("forward", column, "elementwise", formula, name=call.name, kind=call.kind)
    names = ", ".join(step.calls[source].name for source in call.sources)
    return _phase("forward", column, "other", f"h = {call.kind}({names})", name=call.name, kind=call.kind)


def _loss_phase(step: TrainingStep, label: str, loss_name: str, column: int) -> dict[str, Any]:
    count = len(step.labels)
    if step.probs is None:
        return _phase("forward", column, "own_loss", f"loss = {loss_name} = {short(step.loss)}", name=loss_name)
    p = float(step.probs[0, int(step.labels[0])])
    if count > 1:
        return _phase("forward", column, "mean_loss", f"loss = mean of −log p(y) = {short(step.loss)}", count=count)
    formula = f"loss = −log p({label}) = −log({short(p)}) = {short(step.loss)}"
    return _phase("forward", column, "loss_point", formula, name=loss_name, label=label)


def _backward_phases(step: TrainingStep, indices: Sequence[int]) -> list[dict[str, Any]]:
    reached = [(column, index) for column, index in enumerate(indices) if column and index in step.gradients]
    return [_backward_phase(step, index, column) for column, index in reversed(reached)]


def _backward_phase(step: TrainingStep, index: int, column: int) -> dict[str, Any]:
    call, receivers = step.calls[index], consumers(step, index)
    letter, count = symbol(step, index, 0)[0], len(step.labels)
    formula, key = f"∂loss/∂{letter}", "backward_other"
    if not receivers and step.probs is not None:
        formula, key = formula + (" = p − y" if count == 1 else f" = (p − y)/{count}"), "backward_loss"
    elif len(receivers) == 1 and step.calls[receivers[0]].weight is not None:
        formula, key = formula + " = Wᵀ·∂loss/∂z", "backward_linear"
    elif len(receivers) == 1 and receivers[0] in step.slopes:
        name = function_name(step.calls[receivers[0]])
        formula, key = formula + f" = ∂loss/∂a · {name}′({letter})", "backward_elementwise"
    if index in step.weights and step.weights[index].gradients[0] is not None:
        formula += f",  ∂loss/∂W = ∂loss/∂z · {symbol(step, call.sources[0], 0)[0]}ᵀ"
        key += "_weights"
    return _phase("backward", column, key, formula, name=call.name)


def _update_phase(step: TrainingStep) -> dict[str, Any]:
    lr, name = short(step.lr), step.optimizer
    if step.is_plain_sgd:
        return _phase("update", -1, "sgd", f"w ← w − {lr}·∂loss/∂w", lr=lr)
    return _phase("update", -1, "optimizer", f"w ← {name}(w, ∂loss/∂w)", name=name, lr=lr)


def _after_phase(step: TrainingStep, before: ModelOutputs, after: ModelOutputs) -> dict[str, Any]:
    """Return the last phase: the loss before and after on these points and on all, and what happened to the boundary."""
    count = len(step.labels)
    key = "loss_on_point" if count == 1 else "loss_on_points"
    here = message(f"decision_boundary.explanation.{key}", count=count)
    formula = f"{here}: {short(step.loss)} → {short(step.loss_after)}"
    if before.loss is not None and after.loss is not None:
        everywhere = message("decision_boundary.explanation.loss_on_all", count=len(after.preds))
        formula += f"\n{everywhere}: {short(before.loss)} → {short(after.loss)}"
    change = {(True, True): "moved", (False, True): "appeared", (True, False): "vanished", (False, False): "none"}
    boundary = change[_has_boundary(before), _has_boundary(after)]
    loss = "loss_fell" if step.loss_after < step.loss else "loss_rose"
    return {
        "kind": "after",
        "column": -1,
        "title": message("decision_boundary.explanation.after"),
        "formula": formula,
        "text": f"{message(f'decision_boundary.explanation.boundary.{boundary}')} "
        f"{message(f'decision_boundary.explanation.{loss}')}",
    }


def _has_boundary(outputs: ModelOutputs) -> bool:
    """Return whether more than one class is the most probable one somewhere on the grid."""
    return bool((outputs.probs.argmax(1) != outputs.probs[0].argmax()).any())


def _notes(step: TrainingStep, indices: Sequence[int], points: Sequence[int]) -> list[str]:
    notes = [message("decision_boundary.explanation.digits")]
    if len(points) > 1:
        notes.append(message("decision_boundary.explanation.batch", point=points[0], count=len(points)))
    if len(indices) < len(step.calls):
        shown, count = len(indices) - 1, len(step.calls) - 1
        notes.append(message("decision_boundary.explanation.calls", shown=shown, count=count))
    if any(drawn_units(step.calls[index].units) < step.calls[index].units for index in indices):
        notes.append(message("decision_boundary.explanation.units", shown=DRAWN_UNITS))
    return notes
