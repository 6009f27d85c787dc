"""One step of training on a few points: values forward, gradients back, weights changed; all of it on copies of the parameters."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.decision_boundary.equation import is_each
from dlviz.decision_boundary.forward import Call, Run, run
from dlviz.decision_boundary.record import logits, loss, probabilities
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message


@dataclass(frozen=True, eq=False)
class Weights:
    """A linear call's parameters, what the loss changes by with each of them, and what they are after the step.

    Attributes:
        weight, bias: as they ran, (units, inputs) and (units,), or ``None`` for no bias.
        gradients: ∂loss/∂weight and ∂loss/∂bias, ``None`` for what has none.
        after: both after the step.
    """

    weight: Tensor
    bias: Tensor | None
    gradients: tuple[Tensor | None, Tensor | None]
    after: tuple[Tensor | None, Tensor | None]


@dataclass(frozen=True, eq=False)
class Step:
    """What torch computed.

    Attributes:
        calls: every call on the points, the input first.
        gradients: ∂loss/∂output of the calls that it reached, (N, units) by the call's number.
        slopes: of a call that does the same to every unit the derivative at what it took, (N, units) by the call's number.
        weights: of every linear call with parameters of its own, by the call's number.
        labels: the class of each point (N,).
        chances: probabilities (N, classes); ``None`` where another loss was given.
        loss, later: the loss on these points before the step and after it.
        state: every parameter after the step, by name.
        rule: name of the optimizer, and its learning rate.
        plain: whether a step is w − lr·gradient and nothing else.
    """

    calls: tuple[Call, ...]
    gradients: Mapping[int, Tensor]
    slopes: Mapping[int, Tensor]
    weights: Mapping[int, Weights]
    labels: Tensor
    chances: Tensor | None
    loss: float
    later: float
    state: Mapping[str, Tensor]
    rule: tuple[str, float]
    plain: bool


def take(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    state: Mapping[str, Tensor] | None = None,
    optimizer: torch.optim.Optimizer | None = None,
    lr: float = 0.1,
    criterion: Callable[..., Any] | None = None,
) -> Step:
    """One step in evaluation mode. The model, its gradients, the optimizer and the random numbers stay as they were.

    Args:
        model: any module from (N, 2) to logits.
        x, y: the points (N, 2) and their labels (N,) or (N, 1).
        state: other parameters and buffers to start from.
        optimizer: whose copy, with its state, makes the step; without one it is ``torch.optim.SGD`` with `lr`.
        lr: learning rate of that.
        criterion: the loss, called with what the model returned and `y`; cross-entropy without one.

    Raises:
        DlvizError: the optimizer knows nothing of the model, or cannot step without a closure; the loss is no number of a graph.

    Example:
        >>> net = nn.Linear(2, 1)
        >>> x, y = torch.tensor([[1.0, 2.0]]), torch.tensor([1])
        >>> step = take(net, x, y, lr=0.5)
        >>> made = step.weights[1]
        >>> torch.equal(made.after[0], net.weight - 0.5 * made.gradients[0]), step.later < step.loss
        (True, True)

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.Tensor.register_hook.html
    """
    owners = dict(model.named_parameters())
    values = {**owners, **dict(model.named_buffers()), **dict(state or {})}
    leaves = {name: _leaf(values[name], own) for name, own in owners.items()}
    stepper = _stepper(optimizer, owners, leaves, lr)
    with torch.random.fork_rng(devices=[x.device] if x.is_cuda else []), torch.enable_grad():
        # Not the leaf itself goes in: a first call may write into what it takes.
        made = run(model, x.detach().clone().requires_grad_() * 1, {**values, **leaves}, graph=True)
        before = _loss(made, y, criterion)
        slopes = _slopes(made)
        _backward(before, made, leaves)
        _step(stepper)
        with torch.no_grad():
            later = _loss(run(model, x, {**values, **leaves}), y, criterion)
    return Step(
        made.calls,
        made.gradients,
        slopes,
        _weights(model, made.calls, leaves),
        y.detach().flatten().long(),
        probabilities(logits(made)) if criterion is None else None,
        float(before.detach()),
        float(later),
        {name: leaf.detach() for name, leaf in leaves.items()},
        (type(stepper).__name__, float(stepper.param_groups[0]["lr"])),
        _plain(stepper),
    )


def _leaf(value: Tensor, own: Tensor) -> Tensor:
    return value.detach().clone().requires_grad_(own.requires_grad)


def _loss(made: Run, y: Tensor, criterion: Callable[..., Any] | None) -> Tensor:
    if criterion is None:
        checked = logits(made)
        return loss(made.output.reshape(checked.shape), y.flatten().long())
    try:
        found = criterion(made.output, y)
    except Exception as error:  # a learner's own function may raise anything
        told = f"{type(error).__name__}: {error}"
        raise DlvizError(
            message("decision_boundary.refused.loss", output=tuple(made.output.shape), y=tuple(y.shape), torch=told)
        ) from error
    if not isinstance(found, Tensor) or found.numel() != 1 or (torch.is_grad_enabled() and not found.requires_grad):
        got = f"shape {tuple(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
        raise DlvizError(message("decision_boundary.refused.loss_value", got=got))
    return found.reshape(())


def _slopes(made: Run) -> dict[int, Tensor]:
    """By autograd too: a sum of outputs changes with each input by the derivative there."""
    found = {}
    for number, call in enumerate(made.calls):
        if not is_each(made.calls, number):
            continue
        taken, given = made.live[call.sources[0]], made.live[number]
        # What wrote into its input has left no input to ask about.
        if given.data_ptr() == taken.data_ptr() or not given.requires_grad:
            continue
        (slope,) = torch.autograd.grad(given.sum(), taken, retain_graph=True, allow_unused=True)
        if slope is not None:
            found[number] = slope.reshape(call.output.shape).detach()
    made.gradients.clear()
    return found


def _backward(loss: Tensor, made: Run, leaves: Mapping[str, Tensor]) -> None:
    """Gradients of the copies; on its way through the graph it leaves those of the calls in `made`."""
    wanted = [leaf for leaf in leaves.values() if leaf.requires_grad]
    found = torch.autograd.grad(loss, [made.live[0], *wanted], allow_unused=True)
    for leaf, gradient in zip(wanted, found[1:], strict=True):
        leaf.grad = gradient


def _stepper(
    optimizer: torch.optim.Optimizer | None, owners: Mapping[str, Tensor], leaves: Mapping[str, Tensor], lr: float
) -> torch.optim.Optimizer:
    """The learner's optimizer over the copies, with copies of its own state."""
    if not any(leaf.requires_grad for leaf in leaves.values()):
        raise DlvizError(message("decision_boundary.refused.frozen"))
    if optimizer is None:
        return torch.optim.SGD([leaf for leaf in leaves.values() if leaf.requires_grad], lr=lr)
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise DlvizError(message("decision_boundary.refused.optimizer", got=type(optimizer).__name__))
    known = {id(one) for group in optimizer.param_groups for one in group["params"]}
    if not any(id(own) in known for own in owners.values()):
        raise DlvizError(message("decision_boundary.refused.optimizer_other"))
    # Wherever it speaks of a parameter of the model, its copy speaks of that parameter's copy.
    return copy.deepcopy(optimizer, {id(owners[name]): leaf for name, leaf in leaves.items()})


def _step(optimizer: torch.optim.Optimizer) -> None:
    try:
        optimizer.step()
    except TypeError as error:
        raise DlvizError(message("decision_boundary.refused.closure", name=type(optimizer).__name__)) from error


def _plain(optimizer: torch.optim.Optimizer) -> bool:
    settings = ("momentum", "weight_decay", "maximize")
    return type(optimizer) is torch.optim.SGD and not any(
        group[name] for group in optimizer.param_groups for name in settings
    )


def _weights(model: nn.Module, calls: tuple[Call, ...], leaves: Mapping[str, Tensor]) -> dict[int, Weights]:
    names = {id(own): name for name, own in model.named_parameters()}
    found = {}
    for number, call in enumerate(calls):
        if call.weight is None or call.path is None:
            continue
        layer = model.get_submodule(call.path)
        # A weight that is computed from others, as by weight_norm, is no parameter: it has no copy.
        weight, bias = (leaves.get(names.get(id(getattr(layer, which)), "")) for which in ("weight", "bias"))
        found[number] = Weights(call.weight, call.bias, (_grad(weight), _grad(bias)), (_value(weight), _value(bias)))
    return found


def _grad(leaf: Tensor | None) -> Tensor | None:
    return None if leaf is None else leaf.grad


def _value(leaf: Tensor | None) -> Tensor | None:
    return None if leaf is None else leaf.detach()
