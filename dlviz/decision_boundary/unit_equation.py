"""Equation of a unit with the layer's real weights, as a learner would write it."""

from collections.abc import Sequence
from functools import cache
from heapq import nlargest

from dlviz.decision_boundary.forward import LayerCall
from dlviz.kit.messages import message

#: Terms of a sum that are written out.
MAX_TERMS = 6

#: Calls that act on every unit separately, by class or function name in lower case.
_ELEMENTWISE = {
    "relu": "relu", "tanh": "tanh", "sigmoid": "sigmoid", "gelu": "gelu", "silu": "silu", "elu": "elu", "selu": "selu",
    "leakyrelu": "leaky_relu", "leaky_relu": "leaky_relu", "relu6": "relu6", "softplus": "softplus", "mish": "mish",
    "hardtanh": "hardtanh", "softsign": "softsign", "sin": "sin", "cos": "cos", "exp": "exp", "abs": "abs",
}  # fmt: skip
#: Calls that return their input in eval() mode.
_IDENTITY = {"identity", "dropout"}

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def linear_source(calls: Sequence[LayerCall], index: int) -> int | None:
    """Return the index of the linear layer behind a call: the call itself or the one before its activation, else ``None``."""
    call = calls[index]
    if call.weight is not None:
        return index
    return linear_source(calls, call.sources[0]) if is_elementwise(calls, index) else None


def is_elementwise(calls: Sequence[LayerCall], index: int) -> bool:
    """Return whether a call acts on every unit of one other call separately: an activation, or an identity in eval() mode."""
    call = calls[index]
    known = call.kind.lower() in _ELEMENTWISE.keys() | _IDENTITY
    return known and len(call.sources) == 1 and calls[call.sources[0]].units == call.units


def function_name(call: LayerCall) -> str:
    """Return an activation's name in torch.nn.functional, such as "relu"; of any other call its class or function."""
    return _ELEMENTWISE.get(call.kind.lower(), call.kind)


def subscript(*indices: int) -> str:
    """Return indices as subscript digits.

    Example:
        >>> "w" + subscript(2, 0), "w" + subscript(12, 0)
        ('w₂₀', 'w₁₂,₀')
    """
    return ("," if max(indices) > 9 else "").join(str(index).translate(_SUBSCRIPTS) for index in indices)


def input_names(calls: Sequence[LayerCall], index: int) -> list[str]:
    """Return the symbols of a linear layer's inputs: x₀ and x₁ of the data, or h₀, h₁, … of another call."""
    letter = "x" if calls[index].sources == (0,) else "h"
    weight = calls[index].weight
    return _numbered(letter, 0 if weight is None else weight.shape[1])


@cache
def _numbered(letter: str, count: int) -> list[str]:
    """Return the letter with each index; the same list for every unit of a layer."""
    return [letter + subscript(k) for k in range(count)]


def equation(calls: Sequence[LayerCall], index: int, unit: int) -> str:
    """Return the equation of one unit, such as ``relu(0.8·x₀ − 1.2·x₁ + 0.3)``, with three digits and the largest of many terms.

    Example:
        >>> import torch
        >>> from dlviz.decision_boundary.forward import forward_pass
        >>> net = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.ReLU())
        >>> with torch.no_grad():
        ...     _ = net[0].weight.copy_(torch.tensor([[0.8, -1.2]])), net[0].bias.fill_(0.3)
        >>> equation(forward_pass(net, torch.zeros(1, 2)).calls, 2, 0)
        'relu(0.8·x₀ − 1.2·x₁ + 0.3)'
    """
    call = calls[index]
    if index == 0:
        return "x" + subscript(unit)
    if call.weight is not None:
        bias = None if call.bias is None else float(call.bias[unit])
        return _weighted_sum(call.weight[unit].tolist(), input_names(calls, index), bias)
    kind = call.kind.lower()
    if linear_source(calls, index) is not None:
        inner = equation(calls, call.sources[0], unit)
        return inner if kind in _IDENTITY else f"{_ELEMENTWISE[kind]}({inner})"
    return f"{call.kind}({', '.join(calls[source].name for source in call.sources)})[{unit}]"


def _weighted_sum(weights: Sequence[float], names: Sequence[str], bias: float | None) -> str:
    terms = list(zip(weights, names, strict=True))
    shown = terms
    if len(terms) > MAX_TERMS:
        smallest = nlargest(MAX_TERMS, map(abs, weights))[-1]
        shown = [term for term in terms if abs(term[0]) >= smallest][:MAX_TERMS]
    text = ""
    for weight, name in shown:
        text += _signed(weight, f"·{name}", first=not text)
    if len(shown) < len(terms):
        text += " + " + message("decision_boundary.more", count=len(terms) - len(shown))
    return text if bias is None else text + _signed(bias, "", first=False)


def _signed(value: float, suffix: str, *, first: bool) -> str:
    size = f"{abs(value):.3g}{suffix}"
    if first:
        return f"−{size}" if value < 0 else size
    return f" − {size}" if value < 0 else f" + {size}"
