"""One step as a picture that is walked through: forward layer by layer, back edge by edge, then the update and the boundary that moved."""

from collections.abc import Sequence
from typing import Any

import torch

from dlviz.decision_boundary.equation import is_each, spelled
from dlviz.decision_boundary.record import Shot
from dlviz.decision_boundary.step_columns import SHOWN, chosen, columns, layer, shown
from dlviz.decision_boundary.step_formulas import short, symbol, takers_of
from dlviz.decision_boundary.subsample import kept, single
from dlviz.decision_boundary.training_step import Step
from dlviz.kit.messages import message


def walk(
    step: Step, points: Sequence[int], classes: Sequence[str], criterion: str, before: Shot, after: Shot
) -> dict[str, Any]:
    """Everything that the view plays.

    Args:
        step: the step.
        points: numbers of the learner's points that it is made on.
        classes: what the classes are called.
        criterion: name of a loss that was given, "" for cross-entropy.
        before, after: the plane and all points before the step and after it.
    """
    numbers = chosen(len(step.calls))
    named = criterion or ("binary cross-entropy" if step.calls[-1].units == 1 else "cross-entropy")
    drawn = columns(step, numbers, classes, named)
    x = step.calls[0].output
    return {
        "points": list(points),
        "places": [
            [*map(float, place), int(label)] for place, label in zip(x.tolist(), step.labels.tolist(), strict=True)
        ],
        "columns": drawn,
        "phases": [*_phases(step, numbers, points, classes, named, len(drawn)), _after(step, before, after)],
        "heat": single(after.chances.T),
        "guesses": after.guesses[kept(len(after.guesses))].to(torch.int32).cpu().numpy(),
        "notes": _notes(step, numbers, points),
    }


def _phase(kind: str, column: int, key: str, formula: str, /, **values: Any) -> dict[str, Any]:
    values = {name: layer(value) if name == "name" else value for name, value in values.items()}
    title, told = (
        message(f"decision_boundary.walk.{key}.title", **values),
        message(f"decision_boundary.walk.{key}.told", **values),
    )
    return {"kind": kind, "column": column, "title": title, "formula": formula, "told": told}


def _phases(
    step: Step, numbers: Sequence[int], points: Sequence[int], classes: Sequence[str], criterion: str, count: int
) -> list[dict[str, Any]]:
    x, label = step.calls[0].output[0].tolist(), classes[int(step.labels[0])]
    formula = f"x = ({', '.join(map(short, x))}), y = {label}"
    key = "input" if len(points) == 1 else "input_many"
    phases = [_phase("forward", 0, key, formula, point=points[0], count=len(points))]
    phases += [_forward(step, number, place) for place, number in enumerate(numbers) if place]
    if step.chances is not None:
        key = "sigmoid" if step.calls[-1].units == 1 else "softmax"
        phases.append(_phase("forward", count - 2, key, f"p = {key}(z)"))
    phases.append(_loss(step, label, criterion, count - 1))
    places = [place for place, number in enumerate(numbers) if place and number in step.gradients]
    phases += [_back(step, numbers[place], place) for place in reversed(places)]
    rule, rate = step.rule
    if step.plain:
        phases.append(_phase("update", -1, "sgd", f"w ← w − {short(rate)}·∂loss/∂w", lr=short(rate)))
    else:
        phases.append(_phase("update", -1, "rule", f"w ← {rule}(w, ∂loss/∂w)", name=rule, lr=short(rate)))
    return phases


def _after(step: Step, before: Shot, after: Shot) -> dict[str, Any]:
    """What the step came to: the loss on its own points and on all, and where the boundary was and is."""
    here = len(step.labels)
    on = (
        message("decision_boundary.walk.on_one") if here == 1 else message("decision_boundary.walk.on_many", count=here)
    )
    formula = f"{on}: {short(step.loss)} → {short(step.later)}"
    if before.loss is not None and after.loss is not None:
        everywhere = message("decision_boundary.walk.on_all", count=len(after.guesses))
        formula += f"\n{everywhere}: {short(before.loss)} → {short(after.loss)}"
    was, stays = (bool((shot.chances.argmax(1) != shot.chances[0].argmax()).any()) for shot in (before, after))
    line = "moved" if was and stays else "came" if stays else "gone" if was else "none"
    told = f"{message(f'decision_boundary.walk.line.{line}')} {message('decision_boundary.walk.fell' if step.later < step.loss else 'decision_boundary.walk.rose')}"
    return {
        "kind": "after",
        "column": -1,
        "title": message("decision_boundary.walk.after"),
        "formula": formula,
        "told": told,
    }


def _forward(step: Step, number: int, place: int) -> dict[str, Any]:
    call = step.calls[number]
    if call.weight is not None:
        source = call.sources[0] if call.sources else 0
        letter = symbol(step, source, 0)[0]
        formula = f"z = W·{letter} + b" if call.bias is not None else f"z = W·{letter}"
        return _phase("forward", place, "linear", formula, name=call.name)
    if is_each(step.calls, number):
        formula = f"a = {spelled(call)}({symbol(step, call.sources[0], 0)[0]})"
        return _phase("forward", place, "each", formula, name=call.name, kind=call.kind)
    names = ", ".join(step.calls[source].name for source in call.sources)
    return _phase("forward", place, "other", f"h = {call.kind}({names})", name=call.name, kind=call.kind)


def _loss(step: Step, label: str, criterion: str, place: int) -> dict[str, Any]:
    count = len(step.labels)
    if step.chances is None:
        return _phase("forward", place, "own_loss", f"loss = {criterion} = {short(step.loss)}", name=criterion)
    p = float(step.chances[0, int(step.labels[0])])
    if count > 1:
        return _phase("forward", place, "mean_loss", f"loss = mean of −log p(y) = {short(step.loss)}", count=count)
    formula = f"loss = −log p({label}) = −log({short(p)}) = {short(step.loss)}"
    return _phase("forward", place, "loss_point", formula, name=criterion, label=label)


def _back(step: Step, number: int, place: int) -> dict[str, Any]:
    call, takers = step.calls[number], takers_of(step, number)
    mine = symbol(step, number, 0)[0]
    formula = f"∂loss/∂{mine}"
    if not takers and step.chances is not None:
        formula, key = f"{formula} = p − y", "back_loss"
        if len(step.labels) > 1:
            formula = f"{formula[: -len('p − y')]}(p − y)/{len(step.labels)}"
    elif len(takers) == 1 and step.calls[takers[0]].weight is not None:
        formula, key = f"{formula} = Wᵀ·∂loss/∂z", "back_linear"
    elif len(takers) == 1 and takers[0] in step.slopes:
        taker = step.calls[takers[0]]
        formula, key = f"{formula} = ∂loss/∂a · {spelled(taker)}′({mine})", "back_each"
    else:
        key = "back_other"
    if number in step.weights and step.weights[number].gradients[0] is not None:
        letter = symbol(step, call.sources[0], 0)[0]
        formula += f",  ∂loss/∂W = ∂loss/∂z · {letter}ᵀ"
        return _phase("back", place, f"{key}_edges", formula, name=call.name)
    return _phase("back", place, key, formula, name=call.name)


def _notes(step: Step, numbers: Sequence[int], points: Sequence[int]) -> list[str]:
    notes = [message("decision_boundary.walk.figures")]
    if len(points) > 1:
        notes.append(message("decision_boundary.walk.batch", point=points[0], count=len(points)))
    if len(numbers) < len(step.calls):
        notes.append(message("decision_boundary.walk.calls", shown=len(numbers) - 1, count=len(step.calls) - 1))
    if any(shown(step.calls[number].units) < step.calls[number].units for number in numbers):
        notes.append(message("decision_boundary.walk.units", shown=SHOWN))
    return notes
