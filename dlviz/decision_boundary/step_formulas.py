"""Arithmetic of one training step for one unit, as lines of text with the numbers that torch computed."""

import torch
from torch import Tensor

from dlviz.decision_boundary.training_step import LinearUpdate, TrainingStep
from dlviz.decision_boundary.unit_equation import function_name, is_elementwise, subscript
from dlviz.kit.messages import message

#: Terms of a sum, and weights of a unit, that are written out.
MAX_TERMS, MAX_WEIGHTS = 4, 6


def short(value: float) -> str:
    """Return a number with three significant digits and a true minus sign.

    Example:
        >>> short(-0.12345), short(3.0)
        ('−0.123', '3')
    """
    return f"{value or 0.0:.3g}".replace("-", "−")  # `or` turns a negative zero into a zero


def factor(value: float) -> str:
    """Return a number that follows a sign: negative ones in parentheses."""
    return f"({short(value)})" if value < 0 else short(value)


def symbol(step: TrainingStep, index: int, unit: int) -> str:
    """Return a unit's symbol: x₀ of the input, z₀ of a linear layer, a₀ of an activation, h₀ of any other call."""
    call = step.calls[index]
    if index == 0:
        letter = "x"
    elif call.weight is not None:
        letter = "z"
    else:
        letter = "a" if is_elementwise(step.calls, index) else "h"
    return letter + subscript(unit)


def forward(step: TrainingStep, index: int, unit: int) -> list[str]:
    """Return how a unit's value is computed, at the first point."""
    call = step.calls[index]
    name, value = symbol(step, index, unit), float(call.output[0, unit])
    if index == 0:
        return [f"{name} = {short(value)}"]
    source = step.calls[call.sources[0]].output[0] if call.sources else None
    if call.weight is not None and source is not None and call.weight.shape[1] == len(source):
        terms = _products(call.weight[unit], source)
        bias = "" if call.bias is None else _signed(float(call.bias[unit]))
        return [f"{name} = {terms}{bias} = {short(value)}"]
    if is_elementwise(step.calls, index) and source is not None:
        return [f"{name} = {function_name(call)}({short(float(source[unit]))}) = {short(value)}"]
    return [f"{name} = {function_name(call)}(…)[{unit}] = {short(value)}"]


def probability(step: TrainingStep, unit: int, name: str) -> list[str]:
    """Return how a logit becomes a probability, at the first point."""
    logits = step.calls[-1].output[0].tolist()
    if step.probs is None or not _last_call_is_logits(step):
        return []
    if len(logits) == 1:
        return [f"{name} = 1/(1 + exp({short(-logits[0])})) = {short(float(step.probs[0, 1]))}"]
    powers = [f"exp({short(logit)})" for logit in logits]
    total = " + ".join(powers[:MAX_TERMS])
    if len(powers) > MAX_TERMS:
        total += f" + {_more(len(powers) - MAX_TERMS)}"
    return [f"{name} = {powers[unit]}/({total}) = {short(float(step.probs[0, unit]))}"]


def backward(step: TrainingStep, index: int, unit: int) -> list[str]:
    """Return how ∂loss/∂unit is computed at the first point, and of a linear layer the gradients of its weights."""
    if index not in step.gradients:
        return [message("decision_boundary.explanation.unreached")]
    value = float(step.gradients[index][0, unit])
    terms = _gradient_terms(step, index, unit, value) or message("decision_boundary.explanation.autograd")
    lines = [f"∂loss/∂{symbol(step, index, unit)} = {terms} = {short(value)}"]
    return lines + _weight_gradients(step, index, unit)


def update(step: TrainingStep, index: int, unit: int) -> list[str]:
    """Return each weight of a unit before and after the step."""
    linear = step.weights.get(index)
    if linear is None or linear.after[0] is None:
        return [message("decision_boundary.explanation.no_parameters")]
    count = linear.weight.shape[1]
    lines = [
        _weight_update(step, f"w{subscript(unit, k)}", linear.weight, linear.after[0], linear.gradients[0], (unit, k))
        for k in range(min(count, MAX_WEIGHTS))
    ]
    if count > MAX_WEIGHTS:
        lines.append(_more(count - MAX_WEIGHTS))
    if linear.bias is not None and linear.after[1] is not None:
        name = f"b{subscript(unit)}"
        lines.append(_weight_update(step, name, linear.bias, linear.after[1], linear.gradients[1], (unit,)))
    return lines


def consumers(step: TrainingStep, index: int) -> list[int]:
    """Return the indices of the calls that receive a call's output."""
    return [consumer for consumer, call in enumerate(step.calls) if index in call.sources]


def _weight_update(
    step: TrainingStep, name: str, before: Tensor, after: Tensor, gradient: Tensor | None, position: tuple[int, ...]
) -> str:
    old, new = float(before[position]), float(after[position])
    if gradient is None:
        return f"{name}: {short(old)} ({message('decision_boundary.explanation.frozen')})"
    if step.is_plain_sgd:
        return f"{name}: {short(old)} − {short(step.lr)}·{factor(float(gradient[position]))} = {short(new)}"
    return f"{name}: {short(old)} {_signed(new - old).strip()} = {short(new)}"


def _weight_gradients(step: TrainingStep, index: int, unit: int) -> list[str]:
    linear = step.weights.get(index)
    if linear is None or linear.gradients[0] is None:
        return []
    gradient, count = linear.gradients[0], linear.weight.shape[1]
    lines = []
    for k in range(min(count, MAX_WEIGHTS)):
        terms = _outer_product_terms(step, index, linear, unit, k)
        lines.append(f"∂loss/∂w{subscript(unit, k)} = {terms}{short(float(gradient[unit, k]))}")
    if count > MAX_WEIGHTS:
        lines.append(_more(count - MAX_WEIGHTS))
    if linear.gradients[1] is not None:
        lines.append(f"∂loss/∂b{subscript(unit)} = {short(float(linear.gradients[1][unit]))}")
    return lines


def _outer_product_terms(step: TrainingStep, index: int, linear: LinearUpdate, unit: int, k: int) -> str:
    """Return the terms of ∂loss/∂w = ∂loss/∂z · aᵀ for one weight, "" where they are not the whole gradient."""
    source, gradient = step.calls[step.calls[index].sources[0]].output, step.gradients[index]
    # The weight of a layer that is called twice gathers its gradient from both calls.
    if source.shape[1] != linear.weight.shape[1] or linear.gradients[0] is None:
        return ""
    if not torch.allclose(gradient.T @ source, linear.gradients[0], rtol=1e-3, atol=1e-6):
        return ""
    if len(gradient) == 1:
        return f"{short(float(gradient[0, unit]))}·{factor(float(source[0, k]))} = "
    return f"{_products(gradient[:, unit], source[:, k])} = "


def _gradient_terms(step: TrainingStep, index: int, unit: int, value: float) -> str:
    """Return the terms of ∂loss/∂unit if a single call receives the unit and they add up to `value`, else ""."""
    calls, receivers = step.calls, consumers(step, index)
    if not receivers and step.probs is not None and index == len(calls) - 1:
        return _loss_terms(step, unit, value)
    if len(receivers) != 1 or receivers[0] not in step.gradients:
        return ""
    (receiver,) = receivers
    gradient, call = step.gradients[receiver][0], calls[receiver]
    if receiver in step.slopes and calls[index].units == call.units:
        slope, above = float(step.slopes[receiver][0, unit]), float(gradient[unit])
        if not _is_close(above * slope, value):
            return ""
        argument = short(float(calls[index].output[0, unit]))
        return f"{short(above)}·{function_name(call)}′({argument}) = {short(above)}·{factor(slope)}"
    if call.weight is not None and call.weight.shape == (len(gradient), calls[index].units):
        column = call.weight[:, unit]
        return _products(column, gradient) if _is_close(float(column @ gradient), value) else ""
    return ""


def _loss_terms(step: TrainingStep, unit: int, value: float) -> str:
    """Return the derivative of cross-entropy at a logit: p − y, divided by the number of points of a mean."""
    if step.probs is None:
        return ""
    binary, count = step.calls[-1].units == 1, len(step.labels)
    p, label = float(step.probs[0, 1 if binary else unit]), int(step.labels[0])
    target = label if binary else int(label == unit)
    if not _is_close((p - target) / count, value):
        return ""
    return f"{short(p)} − {target}" if count == 1 else f"({short(p)} − {target})/{count}"


def _last_call_is_logits(step: TrainingStep) -> bool:
    """Return whether the last call returned the logits: one for two classes, or one for each class."""
    units = step.calls[-1].units
    return step.probs is not None and step.probs.shape[1] == (2 if units == 1 else units)


def _is_close(a: float, b: float) -> bool:
    return abs(a - b) <= 1e-3 * abs(b) + 1e-6


def _products(left: Tensor, right: Tensor) -> str:
    """Return a sum of products; of many terms the largest."""
    pairs = list(zip(left.tolist(), right.tolist(), strict=True))
    largest = sorted(range(len(pairs)), key=lambda k: -abs(pairs[k][0] * pairs[k][1]))[:MAX_TERMS]
    text = ""
    for k in sorted(largest):
        a, b = pairs[k]
        text += f"{_signed(a) if text else short(a)}·{factor(b)}"
    return text + (f" + {_more(len(pairs) - MAX_TERMS)}" if len(pairs) > MAX_TERMS else "")


def _more(count: int) -> str:
    return message("decision_boundary.more", count=count)


def _signed(value: float) -> str:
    return f" − {short(-value)}" if value < 0 else f" + {short(value)}"
