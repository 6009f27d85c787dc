"""What a unit computes, as a learner would write it, from the real weights of the layer."""

from collections.abc import Sequence

from dlviz.decision_boundary.forward import Call
from dlviz.kit.messages import message

#: So many terms of a sum are written out.
TERMS = 6

#: Calls that do the same to every unit by itself, by class or function.
_EACH = {
    "relu": "relu", "tanh": "tanh", "sigmoid": "sigmoid", "gelu": "gelu", "silu": "silu", "elu": "elu", "selu": "selu",
    "leakyrelu": "leaky_relu", "leaky_relu": "leaky_relu", "relu6": "relu6", "softplus": "softplus", "mish": "mish",
    "hardtanh": "hardtanh", "softsign": "softsign", "sin": "sin", "cos": "cos", "exp": "exp", "abs": "abs",
}  # fmt: skip
#: In evaluation these hand on what they get.
_NOTHING = {"identity", "dropout"}

_LOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def linear_of(calls: Sequence[Call], number: int) -> int | None:
    """The linear layer whose weights make a call's units: itself, or the one before its activation; ``None`` if there is none."""
    call = calls[number]
    if call.weight is not None:
        return number
    return linear_of(calls, call.sources[0]) if is_each(calls, number) else None


def is_each(calls: Sequence[Call], number: int) -> bool:
    """Whether a call does the same to every unit of one other call, by itself: an activation, or what hands on what it gets."""
    call = calls[number]
    known = call.kind.lower() in _EACH.keys() | _NOTHING
    return known and len(call.sources) == 1 and calls[call.sources[0]].units == call.units


def spelled(call: Call) -> str:
    """An activation as torch.nn.functional calls it: "relu"; any other call's class or function."""
    return _EACH.get(call.kind.lower(), call.kind)


def subscript(*numbers: int) -> str:
    """Small figures below the line.

    Example:
        >>> "w" + subscript(2, 0), "w" + subscript(12, 0)
        ('w₂₀', 'w₁₂,₀')
    """
    return ("," if max(numbers) > 9 else "").join(str(number).translate(_LOW) for number in numbers)


def inputs(calls: Sequence[Call], number: int) -> list[str]:
    """What the inputs of a linear layer are called: x₀ and x₁, or h₀, h₁, …"""
    letter = "x" if calls[number].sources == (0,) else "h"
    weight = calls[number].weight
    return [letter + str(k).translate(_LOW) for k in range(0 if weight is None else weight.shape[1])]


def equation(calls: Sequence[Call], number: int, unit: int) -> str:
    """One unit of one call, such as ``relu(0.8·x₀ − 1.2·x₁ + 0.3)``; numbers have three figures, of many terms the largest are written.

    Example:
        >>> from dlviz.decision_boundary.forward import run
        >>> net = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.ReLU())
        >>> with torch.no_grad():
        ...     _ = net[0].weight.copy_(torch.tensor([[0.8, -1.2]])), net[0].bias.fill_(0.3)
        >>> equation(run(net, torch.zeros(1, 2)).calls, 2, 0)
        'relu(0.8·x₀ − 1.2·x₁ + 0.3)'
    """
    call = calls[number]
    if number == 0:
        return "x" + str(unit).translate(_LOW)
    if call.weight is not None:
        bias = None if call.bias is None else float(call.bias[unit])
        return _sum(call.weight[unit].tolist(), inputs(calls, number), bias)
    kind = call.kind.lower()
    if linear_of(calls, number) is not None:
        inner = equation(calls, call.sources[0], unit)
        return inner if kind in _NOTHING else f"{_EACH[kind]}({inner})"
    return f"{call.kind}({', '.join(calls[source].name for source in call.sources)})[{unit}]"


def _sum(weights: Sequence[float], names: Sequence[str], bias: float | None) -> str:
    terms = list(zip(weights, names, strict=True))
    shown = terms
    if len(terms) > TERMS:
        least = sorted((abs(weight) for weight, _ in terms), reverse=True)[TERMS - 1]
        shown = [term for term in terms if abs(term[0]) >= least][:TERMS]
    text = ""
    for weight, name in shown:
        text += _signed(weight, f"·{name}", first=not text)
    if len(shown) < len(terms):
        text += " + " + message("decision_boundary.more", count=len(terms) - len(shown))
    return text if bias is None else text + _signed(bias, "", first=False)


def _signed(value: float, rest: str, *, first: bool) -> str:
    size = f"{abs(value):.3g}{rest}"
    if first:
        return f"−{size}" if value < 0 else size
    return f" − {size}" if value < 0 else f" + {size}"
