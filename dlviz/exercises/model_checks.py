"""Checks of a model from outside.

A check is called as ``check(model, batch)`` and returns None, or the key of a message and its values for the fault it found.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from dlviz.exercises.compare import describe, difference
from dlviz.exercises.run_answer import isolated_rng

Fault = tuple[str, dict[str, Any]]
Check = Callable[[nn.Module, Tensor], Fault | None]


def classifier_checks(parameters: int, classes: int = 10) -> tuple[Check, ...]:
    """Return the checks of a nonlinear model with this many parameters that gives one logit for each class."""
    return (
        output_shape(classes),
        input_unchanged,
        layers_registered,
        parameter_count(parameters),
        gradients_reach_all,
        examples_independent,
        nonlinear,
    )


def output_shape(*shape: int) -> Check:
    """Return a check that a batch of N, and a single example, give float32 of shape (N, *shape)."""

    def output(model: nn.Module, batch: Tensor) -> Fault | None:
        model.eval()  # a batch norm cannot train on one example
        for part in (batch, batch[:1]):
            out, wanted = model(part), (len(part), *shape)
            if not isinstance(out, Tensor) or tuple(out.shape) != wanted or out.dtype != torch.float32:
                return "output", {
                    "given": tuple(part.shape),
                    "yours": describe(out),
                    "expected": f"Tensor {wanted} float32",
                }
        return None

    return output


def input_unchanged(model: nn.Module, batch: Tensor) -> Fault | None:
    """Check that the model does not change its input."""
    before = batch.clone()
    model(batch)
    return None if torch.equal(batch, before) else ("changed", {})


def layers_registered(model: nn.Module, batch: Tensor) -> Fault | None:
    """Check that no layer is in a plain list or dict, where ``parameters()`` does not find it."""
    known = {id(module) for module in model.modules()}
    for owner in model.modules():
        for name, value in vars(owner).items():
            inside = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
            if not name.startswith("_") and any(
                isinstance(item, nn.Module) and id(item) not in known for item in inside
            ):
                return "hidden", {"attribute": name, "kind": type(value).__name__}
    return None


def parameter_count(count: int) -> Check:
    """Return a check that the parameters have ``count`` elements in total."""

    def size(model: nn.Module, batch: Tensor) -> Fault | None:
        parts = {name: p.numel() for name, p in model.named_parameters()}
        if sum(parts.values()) == count:
            return None
        listed = " + ".join(f"{name} {n}" for name, n in parts.items()) or "0"
        return "count", {"yours": sum(parts.values()), "expected": count, "parts": listed}

    return size


def gradients_reach_all(model: nn.Module, batch: Tensor) -> Fault | None:
    """Check that every parameter receives a gradient that is not all zero."""
    frozen = [name for name, p in model.named_parameters() if not p.requires_grad]
    if frozen:
        return "frozen", {"names": ", ".join(frozen)}
    out = model(batch)
    if out.requires_grad:
        (out * torch.linspace(-1, 1, out.numel()).to(out).reshape(out.shape)).sum().backward()
    missing = [name for name, p in model.named_parameters() if p.grad is None]
    if missing:
        return "no-gradient", {"names": ", ".join(missing)}
    zero = [name for name, p in model.named_parameters() if p.grad is not None and not p.grad.any()]
    return ("zero-gradient", {"names": ", ".join(zero)}) if zero else None


def examples_independent(model: nn.Module, batch: Tensor) -> Fault | None:
    """Check that the output of an example does not depend on the rest of its batch."""
    model.eval()
    together = model(batch)
    for i, row in enumerate(batch.split(1)):
        if not torch.allclose(model(row), together[i : i + 1], rtol=1e-3, atol=1e-4):
            return "mixed", {"row": i, "size": len(batch)}
    return None


def returns_logits(model: nn.Module, batch: Tensor) -> Fault | None:
    """Check that the output is not already probabilities."""
    out = model(batch)
    summed = bool((out >= 0).all()) and torch.allclose(out.sum(1), torch.ones(len(out)).to(out), atol=1e-4)
    return ("probabilities", {}) if summed else None


def same_function(reference: Callable[[], nn.Module]) -> Check:
    """Return a check that, with the same parameters, the model computes the same as ``reference()``, in both modes.

    It finds a missing or another activation, one on the output, and layers in another order, so it is for exercises that fix the
    architecture. Each parameter of the reference is given to the model's parameter of the same shape, those of equal shape in
    their order; a weight may be stored transposed, and a bias with dimensions of size 1. Buffers are not copied. The model itself
    keeps its parameters.

    >>> lines = same_function(lambda: nn.Linear(2, 3))
    >>> lines(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), torch.randn(4, 2))
    ('output-activation', {'activation': 'ReLU'})
    """

    def same(model: nn.Module, batch: Tensor) -> Fault | None:
        solution = reference().to(batch.device)
        values = _by_shape(model, solution)
        if values is None:
            yours, expected = (", ".join(str(tuple(p.shape)) for p in net.parameters()) for net in (model, solution))
            return "shapes", {"yours": yours or "-", "expected": expected}
        for training in (False, True):
            model.train(training)
            solution.train(training)
            with torch.no_grad():
                expected = _seeded(solution, batch)
                yours = _seeded(lambda given: functional_call(model, values, (given,)), batch)
            if _close(yours, expected):
                continue
            for name, activation in _ACTIVATIONS.items():
                if _close(yours, activation(expected)):
                    return "output-activation", {"activation": name}
            unequal = difference(yours.detach(), expected.detach())  # isolated_rng records a graph
            if unequal is not None:
                return "function", {"where": unequal.where, "yours": unequal.yours, "expected": unequal.expected}
        return None

    return same


_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "ReLU": torch.relu,
    "softmax": lambda out: out.softmax(1),
    "log_softmax": lambda out: out.log_softmax(1),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softmax over the batch": lambda out: out.softmax(0),
}


def _close(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and torch.allclose(a.to(b.dtype), b, rtol=1e-3, atol=1e-4, equal_nan=True)


def _seeded(call: Callable[[Tensor], Any], batch: Tensor) -> Any:
    """Return the output for a batch, with the same random numbers in every call, such as those of dropout."""
    with isolated_rng(0):
        return call(batch)


def _by_shape(model: nn.Module, solution: nn.Module) -> dict[str, Tensor] | None:
    """Return the solution's parameters under the model's names, or None if their shapes are not the same."""
    values: dict[str, Tensor] = {}
    left = [p.detach() for p in solution.parameters()]
    for name, p in model.named_parameters():
        exact = (i for i, value in enumerate(left) if value.shape == p.shape)
        other = (i for i, value in enumerate(left) if _stored_as(value, p) is not None)
        i = next(exact, next(other, None))
        if i is None:
            return None
        stored = _stored_as(left.pop(i), p)
        assert stored is not None
        values[name] = stored
    return None if left else values


def _stored_as(value: Tensor, parameter: Tensor) -> Tensor | None:
    """Return the solution's value in the form of the model's parameter: as it is, transposed, or with sizes of 1; None if it has none."""
    forms = (value, value.T) if value.dim() == 2 else (value,)
    fitting = (form for form in forms if form.shape in (parameter.shape, parameter.squeeze().shape))
    form = next(fitting, None)
    return None if form is None else form.reshape(parameter.shape)


def nonlinear(model: nn.Module, batch: Tensor) -> Fault | None:
    """Check that the model is not affine: an affine one has f(a) + f(b) = f(a + b) + f(0)."""
    model.eval()
    a, b = batch, batch.flip(0) + 0.5
    gap = model(a) + model(b) - model(a + b) - model(torch.zeros_like(a))
    return ("straight", {}) if gap.abs().max() < 1e-5 * (1 + model(a + b).abs().max()) else None
