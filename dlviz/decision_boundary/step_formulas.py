"""The arithmetic of one step for one unit, as lines of text: what torch computed, in the numbers that went into it."""

import torch
from torch import Tensor

from dlviz.decision_boundary.equation import is_each, spelled, subscript
from dlviz.decision_boundary.training_step import Step
from dlviz.kit.messages import message

#: So many terms of a sum are written out, and so many edges of a unit.
TERMS, EDGES = 4, 6


def short(value: float) -> str:
    """Three figures and a true minus sign.

    Example:
        >>> short(-0.12345), short(3.0)
        ('−0.123', '3')
    """
    return f"{value or 0.0:.3g}".replace("-", "−")  # a negative zero is a zero


def factor(value: float) -> str:
    """A number that stands after a sign: negative ones in brackets."""
    return f"({short(value)})" if value < 0 else short(value)


def symbol(step: Step, number: int, unit: int) -> str:
    """What a unit is called: x₀ of the input, z₀ of a linear layer, a₀ after an activation, h₀ of anything else."""
    call = step.calls[number]
    letter = "x" if number == 0 else "z" if call.weight is not None else "a" if is_each(step.calls, number) else "h"
    return letter + subscript(unit)


def forward(step: Step, number: int, unit: int) -> list[str]:
    """How a unit's value comes about, at the first point."""
    call = step.calls[number]
    name, value = symbol(step, number, unit), float(call.output[0, unit])
    if number == 0:
        return [f"{name} = {short(value)}"]
    source = step.calls[call.sources[0]].output[0] if call.sources else None
    if call.weight is not None and source is not None and call.weight.shape[1] == len(source):
        terms = _products(call.weight[unit], source)
        bias = "" if call.bias is None else _added(float(call.bias[unit]))
        return [f"{name} = {terms}{bias} = {short(value)}"]
    if is_each(step.calls, number) and source is not None:
        return [f"{name} = {spelled(call)}({short(float(source[unit]))}) = {short(value)}"]
    return [f"{name} = {spelled(call)}(…)[{unit}] = {short(value)}"]


def probability(step: Step, unit: int, name: str) -> list[str]:
    """How a logit becomes a probability, at the first point."""
    logits = step.calls[-1].output[0].tolist()
    if step.chances is None or not _same_length(step):
        return []
    if len(logits) == 1:
        return [f"{name} = 1/(1 + exp({short(-logits[0])})) = {short(float(step.chances[0, 1]))}"]
    powers = [f"exp({short(one)})" for one in logits]
    total = " + ".join(powers[:TERMS])
    if len(powers) > TERMS:
        total += f" + {message('decision_boundary.more', count=len(powers) - TERMS)}"
    return [f"{name} = {powers[unit]}/({total}) = {short(float(step.chances[0, unit]))}"]


def backward(step: Step, number: int, unit: int) -> list[str]:
    """How ∂loss/∂unit comes about at the first point, and of a linear layer the gradients of its weights."""
    if number not in step.gradients:
        return [message("decision_boundary.walk.unreached")]
    value = float(step.gradients[number][0, unit])
    way = _way(step, number, unit, value) or message("decision_boundary.walk.autograd")
    lines = [f"∂loss/∂{symbol(step, number, unit)} = {way} = {short(value)}"]
    return lines + _edges(step, number, unit)


def update(step: Step, number: int, unit: int) -> list[str]:
    """Each weight of a unit before the step and after it."""
    made = step.weights.get(number)
    if made is None or made.after[0] is None:
        return [message("decision_boundary.walk.nothing")]
    fan = made.weight.shape[1]
    rows = [(f"w{subscript(unit, k)}", made.weight, made.after[0], made.gradients[0], (unit, k)) for k in range(fan)]
    lines = [_moved(step, *row) for row in rows[:EDGES]]
    if fan > EDGES:
        lines.append(message("decision_boundary.more", count=fan - EDGES))
    if made.bias is not None and made.after[1] is not None:
        lines.append(_moved(step, f"b{subscript(unit)}", made.bias, made.after[1], made.gradients[1], (unit,)))
    return lines


def _moved(step: Step, name: str, old: Tensor, new: Tensor, gradient: Tensor | None, at: tuple[int, ...]) -> str:
    before, after = float(old[at]), float(new[at])
    if gradient is None:
        return f"{name}: {short(before)} ({message('decision_boundary.walk.frozen')})"
    slope = float(gradient[at])
    if step.plain:
        return f"{name}: {short(before)} − {short(step.rule[1])}·{factor(slope)} = {short(after)}"
    return f"{name}: {short(before)} {_added(after - before).strip()} = {short(after)}"


def _edges(step: Step, number: int, unit: int) -> list[str]:
    made = step.weights.get(number)
    if made is None or made.gradients[0] is None:
        return []
    source, own = step.calls[step.calls[number].sources[0]].output, step.gradients[number]
    fan, slope = made.weight.shape[1], made.gradients[0]
    # Of a layer that is called twice the gradient is more than this call's share.
    whole = source.shape[1] == fan and torch.allclose(own.T @ source, slope, rtol=1e-3, atol=1e-6)
    lines = []
    for k in range(min(fan, EDGES)):
        way = f"{short(float(own[0, unit]))}·{factor(float(source[0, k]))} = " if whole and len(own) == 1 else ""
        way = f"{_products(own[:, unit], source[:, k])} = " if whole and len(own) > 1 else way
        lines.append(f"∂loss/∂w{subscript(unit, k)} = {way}{short(float(slope[unit, k]))}")
    if fan > EDGES:
        lines.append(message("decision_boundary.more", count=fan - EDGES))
    if made.gradients[1] is not None:
        lines.append(f"∂loss/∂b{subscript(unit)} = {short(float(made.gradients[1][unit]))}")
    return lines


def _way(step: Step, number: int, unit: int, value: float) -> str:
    """The terms of ∂loss/∂unit where one call alone takes the unit; else, or where they do not add up, ""."""
    calls, takers = step.calls, takers_of(step, number)
    if not takers and step.chances is not None and number == len(calls) - 1:
        return _from_loss(step, unit, value)
    if len(takers) != 1 or takers[0] not in step.gradients:
        return ""
    (taker,) = takers
    back, call = step.gradients[taker][0], calls[taker]
    if taker in step.slopes and calls[number].units == call.units:
        slope = float(step.slopes[taker][0, unit])
        if not _same(float(back[unit]) * slope, value):
            return ""
        taken = short(float(calls[number].output[0, unit]))
        return f"{short(float(back[unit]))}·{spelled(call)}′({taken}) = {short(float(back[unit]))}·{factor(slope)}"
    if call.weight is not None and call.weight.shape == (len(back), calls[number].units):
        column = call.weight[:, unit]
        return _products(column, back) if _same(float(column @ back), value) else ""
    return ""


def _from_loss(step: Step, unit: int, value: float) -> str:
    """Softmax and cross-entropy, or sigmoid and binary cross-entropy, have one derivative: p − y, of a mean its share."""
    chances, count = step.chances, len(step.labels)
    if chances is None:
        return ""
    one = step.calls[-1].units == 1
    p, label = float(chances[0, 1 if one else unit]), int(step.labels[0])
    wanted = label if one else int(label == unit)
    if not _same((p - wanted) / count, value):
        return ""
    return f"{short(p)} − {wanted}" if count == 1 else f"({short(p)} − {wanted})/{count}"


def takers_of(step: Step, number: int) -> list[int]:
    """Numbers of the calls that take a call's output."""
    return [taker for taker, call in enumerate(step.calls) if number in call.sources]


def _same_length(step: Step) -> bool:
    """Whether the last call gave the logits: one for two classes, or one for each."""
    given = step.calls[-1].units
    return step.chances is not None and step.chances.shape[1] == (2 if given == 1 else given)


def _same(a: float, b: float) -> bool:
    return abs(a - b) <= 1e-3 * abs(b) + 1e-6


def _products(left: Tensor, right: Tensor) -> str:
    """A sum of products; of many the largest."""
    pairs = list(zip(left.tolist(), right.tolist(), strict=True))
    kept = sorted(range(len(pairs)), key=lambda k: -abs(pairs[k][0] * pairs[k][1]))[:TERMS]
    text = ""
    for k in sorted(kept):
        a, b = pairs[k]
        first = short(a) if not text else f" − {short(-a)}" if a < 0 else f" + {short(a)}"
        text += f"{first}·{factor(b)}"
    return text + (f" + {message('decision_boundary.more', count=len(pairs) - TERMS)}" if len(pairs) > TERMS else "")


def _added(value: float) -> str:
    return f" − {short(-value)}" if value < 0 else f" + {short(value)}"
