"""One training step on a few points, on copies of the parameters: forward pass, backward pass, optimizer step."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.decision_boundary.forward import ForwardPass, LayerCall, forward_pass
from dlviz.decision_boundary.record import cross_entropy, logits_of, probabilities
from dlviz.decision_boundary.unit_equation import is_elementwise
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import check_type, is_finite
from dlviz.torchkit import modules

#: Points that one explained step can use at most.
MAX_BATCH = 8


@dataclass(frozen=True, eq=False)
class LinearUpdate:
    """Parameters of a linear call before and after the step, and their gradients.

    Attributes:
        weight, bias: before the step, (units, inputs) and (units,); `bias` is ``None`` if the layer has none.
        gradients: ∂loss/∂weight and ∂loss/∂bias, ``None`` where there is no gradient.
        after: weight and bias after the step.
    """

    weight: Tensor
    bias: Tensor | None
    gradients: tuple[Tensor | None, Tensor | None]
    after: tuple[Tensor | None, Tensor | None]


@dataclass(frozen=True, eq=False)
class TrainingStep:
    """One training step, as torch computed it.

    Attributes:
        calls: every call on the points, the input first.
        gradients: ∂loss/∂output of the calls that the backward pass reached, (N, units) by the call's index.
        slopes: derivative of each elementwise call at its input, (N, units) by the call's index.
        weights: parameters of every linear call, by the call's index.
        labels: the class of each point, (N,).
        probs: class probabilities (N, C), ``None`` where another loss was passed.
        loss, loss_after: the loss on these points before and after the step.
        state: every parameter after the step, by name.
        optimizer: class name of the optimizer.
        lr: its learning rate.
        is_plain_sgd: whether the step is w − lr·gradient, without momentum or weight decay.
    """

    calls: tuple[LayerCall, ...]
    gradients: Mapping[int, Tensor]
    slopes: Mapping[int, Tensor]
    weights: Mapping[int, LinearUpdate]
    labels: Tensor
    probs: Tensor | None
    loss: float
    loss_after: float
    state: Mapping[str, Tensor]
    optimizer: str
    lr: float
    is_plain_sgd: bool


@dataclass(frozen=True, eq=False)
class StepSettings:
    """Optimizer, learning rate and loss of an explained training step, as they are passed to ``view.explain()``.

    Attributes:
        optimizer: the learner's optimizer, ``None`` for plain SGD.
        lr: learning rate of that SGD, ``None`` for 0.1.
        loss: the learner's loss function, ``None`` for cross-entropy.
    """

    optimizer: torch.optim.Optimizer | None = None
    lr: float | None = None
    loss: Callable[..., Any] | None = None

    def check(self) -> None:
        """Check that the settings fit together.

        Raises:
            DlvizError: both an optimizer and a learning rate are given, or the learning rate is negative or nonfinite.
        """
        if self.optimizer is not None and self.lr is not None:
            raise DlvizError(message("decision_boundary.refused.both"))
        if self.lr is not None and not (is_finite(self.lr) and self.lr >= 0):
            raise DlvizError(message("decision_boundary.refused.lr", got=repr(self.lr)))

    @property
    def loss_name(self) -> str:
        """Name of the learner's loss function, "" for cross-entropy."""
        return "" if self.loss is None else getattr(self.loss, "__name__", type(self.loss).__name__)


def check_batch(points: Any, count: int) -> list[int]:
    """Return the indices of the points that a step is made on.

    Args:
        points: one index or a sequence of up to :data:`MAX_BATCH` different ones.
        count: number of points.

    Raises:
        DlvizError: there are no points, or the indices do not fit.
    """
    if not count:
        raise DlvizError(message("decision_boundary.refused.no_points"))
    indices = list(points) if isinstance(points, Sequence) else [points]
    fits = all(isinstance(index, int) and 0 <= index < count for index in indices)
    if not fits or len(set(indices)) != len(indices) or not 0 < len(indices) <= MAX_BATCH:
        raise DlvizError(message("decision_boundary.refused.point", last=count - 1, most=MAX_BATCH, got=repr(points)))
    return indices


def training_step(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    settings: StepSettings | None = None,
    state: Mapping[str, Tensor] | None = None,
) -> TrainingStep:
    """Make one step in eval() mode, without changing the model, its gradients, the optimizer or the random numbers.

    Args:
        model: any module from (N, 2) to logits.
        x: the points, (N, 2).
        y: their labels, (N,) or (N, 1).
        settings: optimizer, learning rate and loss. A copy of the optimizer, with its state, makes the step.
        state: parameters and buffers that replace the model's own.

    Raises:
        DlvizError: the optimizer does not belong to the model or needs a closure, or the loss is not a scalar with a graph.

    Example:
        >>> net = nn.Linear(2, 1)
        >>> x, y = torch.tensor([[1.0, 2.0]]), torch.tensor([1])
        >>> step = training_step(net, x, y, StepSettings(lr=0.5))
        >>> update = step.weights[1]
        >>> torch.equal(update.after[0], net.weight - 0.5 * update.gradients[0]), step.loss_after < step.loss
        (True, True)

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.Tensor.register_hook.html
    """
    settings = settings or StepSettings()
    parameters = dict(modules.named_parameters(model))
    values = {**parameters, **dict(modules.named_buffers(model)), **dict(state or {})}
    copies = {
        name: values[name].detach().clone().requires_grad_(parameter.requires_grad)
        for name, parameter in parameters.items()
    }
    optimizer = _copy_optimizer(settings, parameters, copies)
    with torch.random.fork_rng(devices=[x.device] if x.is_cuda else []), torch.enable_grad():
        # A first call may write into its input in place, which autograd forbids for a leaf.
        inputs = x.detach().clone().requires_grad_() * 1
        forward = forward_pass(model, inputs, {**values, **copies}, record_graph=True)
        loss = _loss(forward, y, settings.loss)
        slopes = _slopes(forward)
        _backward(loss, forward, copies)
        _optimizer_step(optimizer)
        with torch.no_grad():
            loss_after = _loss(forward_pass(model, x, {**values, **copies}), y, settings.loss)
    return TrainingStep(
        forward.calls,
        forward.gradients,
        slopes,
        _linear_updates(model, forward.calls, copies),
        y.detach().flatten().long(),
        probabilities(logits_of(forward)) if settings.loss is None else None,
        float(loss.detach()),
        float(loss_after),
        {name: parameter.detach() for name, parameter in copies.items()},
        type(optimizer).__name__,
        float(optimizer.param_groups[0]["lr"]),
        _is_plain_sgd(optimizer),
    )


def _loss(forward: ForwardPass, y: Tensor, criterion: Callable[..., Any] | None) -> Tensor:
    if criterion is None:
        shape = logits_of(forward).shape
        return cross_entropy(forward.output.reshape(shape), y.flatten().long())
    try:
        loss = criterion(forward.output, y)
    except Exception as error:  # a learner's own function may raise any exception
        reason = f"{type(error).__name__}: {error}"
        raise DlvizError(
            message(
                "decision_boundary.refused.loss", output=tuple(forward.output.shape), y=tuple(y.shape), torch=reason
            )
        ) from error
    if not isinstance(loss, Tensor) or loss.numel() != 1 or (torch.is_grad_enabled() and not loss.requires_grad):
        got = f"shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
        raise DlvizError(message("decision_boundary.refused.loss_value", got=got))
    return loss.reshape(())


def _slopes(forward: ForwardPass) -> dict[int, Tensor]:
    """Return the derivative of each elementwise call at its input: the gradient of the sum of its outputs."""
    slopes = {}
    for index, call in enumerate(forward.calls):
        if not is_elementwise(forward.calls, index):
            continue
        source, output = forward.graph_outputs[call.sources[0]], forward.graph_outputs[index]
        # After an in-place call its input is gone, so there is nothing to differentiate with respect to.
        if output.data_ptr() == source.data_ptr() or not output.requires_grad:
            continue
        (slope,) = torch.autograd.grad(output.sum(), source, retain_graph=True, allow_unused=True)
        if slope is not None:
            slopes[index] = slope.reshape(call.output.shape).detach()
    forward.gradients.clear()
    return slopes


def _backward(loss: Tensor, forward: ForwardPass, copies: Mapping[str, Tensor]) -> None:
    """Set the gradients of the copies; hooks collect those of the calls in ``forward.gradients``."""
    trainable = [parameter for parameter in copies.values() if parameter.requires_grad]
    gradients = torch.autograd.grad(loss, [forward.graph_outputs[0], *trainable], allow_unused=True)
    for parameter, gradient in zip(trainable, gradients[1:], strict=True):
        parameter.grad = gradient


def _copy_optimizer(
    settings: StepSettings, parameters: Mapping[str, Tensor], copies: Mapping[str, Tensor]
) -> torch.optim.Optimizer:
    """Return a copy of the learner's optimizer, with its state, for the copied parameters."""
    optimizer = settings.optimizer
    if not any(parameter.requires_grad for parameter in copies.values()):
        raise DlvizError(message("decision_boundary.refused.frozen"))
    if optimizer is None:
        lr = 0.1 if settings.lr is None else settings.lr
        return torch.optim.SGD([parameter for parameter in copies.values() if parameter.requires_grad], lr=lr)
    check_type(optimizer, torch.optim.Optimizer, "decision_boundary.refused.optimizer")
    optimized = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    if not any(id(parameter) in optimized for parameter in parameters.values()):
        raise DlvizError(message("decision_boundary.refused.optimizer_other"))
    # The memo of deepcopy replaces every parameter of the model by its copy.
    return copy.deepcopy(optimizer, {id(parameters[name]): parameter for name, parameter in copies.items()})


def _optimizer_step(optimizer: torch.optim.Optimizer) -> None:
    try:
        optimizer.step()
    except TypeError as error:
        raise DlvizError(message("decision_boundary.refused.closure", name=type(optimizer).__name__)) from error


def _is_plain_sgd(optimizer: torch.optim.Optimizer) -> bool:
    options = ("momentum", "weight_decay", "maximize")
    return type(optimizer) is torch.optim.SGD and not any(
        group[name] for group in optimizer.param_groups for name in options
    )


def _linear_updates(
    model: nn.Module, calls: tuple[LayerCall, ...], copies: Mapping[str, Tensor]
) -> dict[int, LinearUpdate]:
    names = {id(parameter): name for name, parameter in modules.named_parameters(model)}
    updates = {}
    for index, call in enumerate(calls):
        if call.weight is None or call.path is None:
            continue
        layer = model.get_submodule(call.path)
        # A weight that is computed from others, as by weight_norm, is not a parameter and has no copy.
        weight, bias = (copies.get(names.get(id(getattr(layer, name)), "")) for name in ("weight", "bias"))
        gradients = (None if weight is None else weight.grad, None if bias is None else bias.grad)
        after = (None if weight is None else weight.detach(), None if bias is None else bias.detach())
        updates[index] = LinearUpdate(call.weight, call.bias, gradients, after)
    return updates
