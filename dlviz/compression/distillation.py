"""Distillation: a small model learns from the logits of a large one, which says more of each example than its label."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlviz.compression.measurement import error_text
from dlviz.compression.record import copy_of
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.torchkit import callables
from dlviz.torchkit.array_data import as_plain_tensor, kind_of_data
from dlviz.torchkit.model_copies import generators_restored
from dlviz.torchkit.modules import modules, parameters

#: Examples that the teacher answers at once.
_BATCH = 512


def distillation_loss(student: Tensor, teacher: Tensor, temperature: float = 2.0) -> Tensor:
    """Return the mean KL divergence of a student's class probabilities from a teacher's, times temperature².

    Args:
        student, teacher: logits (N, C).
        temperature: the logits are divided by it, so that small probabilities count more.

    Example:
        >>> logits = torch.tensor([[2.0, 0.0]])
        >>> distillation_loss(logits, logits), distillation_loss(-logits, logits) > 1
        (tensor(0.), tensor(True))

    Source:
        G. Hinton, O. Vinyals and J. Dean, Distilling the Knowledge in a Neural Network, 2015 (arXiv 1503.02531)
    """
    log_probs, target = ((logits / temperature).log_softmax(1) for logits in (student, teacher))
    return F.kl_div(log_probs, target, reduction="batchmean", log_target=True) * temperature**2


def distill(
    teacher: nn.Module,
    student: nn.Module,
    x: Any,
    *,
    steps: int = 300,
    batch_size: int = 64,
    lr: float = 0.003,
    temperature: float = 2.0,
    seed: int = 0,
) -> nn.Module:
    """Return a copy of a small model, trained with Adam to give the logits of a large one. Labels are not needed.

    Args:
        teacher: the large model, which runs in eval mode; it and `student` stay as they are.
        student: the small model; both return logits (N, C).
        x: inputs (N, …) as a tensor, an array or a list.
        steps, batch_size, lr: of the training.
        temperature: as in :func:`distillation_loss`.
        seed: of the order of the examples, and of the student's dropout.

    Raises:
        DlvizError: an argument does not fit, or one of the models raises.

    Example:
        >>> teacher, student = nn.Linear(3, 2), nn.Linear(3, 2)
        >>> x = torch.randn(100, 3)
        >>> losses = [distillation_loss(net(x), teacher(x)) for net in (student, distill(teacher, student, x))]
        >>> bool(losses[1] < losses[0])
        True
    """
    inputs = as_plain_tensor(x)
    if inputs is None or inputs.dim() < 1 or not len(inputs):
        raise DlvizError(message("compression.refused.data", got=kind_of_data(x)))
    like = next((parameter for parameter in parameters(teacher) if parameter.is_floating_point()), None)
    if like is not None:
        inputs = inputs.to(like.device, like.dtype if inputs.dtype is torch.float64 else None)
    trained = copy_of(student, "student")
    targets = _logits(teacher, inputs)
    with torch.enable_grad(), generators_restored():
        torch.manual_seed(seed)
        for module in modules(trained):
            module.training = True
        try:
            if any(parameter.device != inputs.device for parameter in parameters(trained)):
                nn.Module.to(trained, inputs.device)
            optimizer = torch.optim.Adam([one for one in parameters(trained) if one.requires_grad], lr=lr)
            for batch in _batches(len(inputs), batch_size, steps):
                logits = trained(inputs[batch])
                _check_logits(logits, targets[batch])
                loss = distillation_loss(logits, targets[batch], temperature)
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
        except DlvizError:
            raise
        except Exception as error:  # a learner's forward may raise anything
            raise DlvizError(message("compression.refused.student_raises", error=error_text(error))) from error
    for module in modules(trained):
        module.training = False
    return trained


def _batches(count: int, batch_size: int, steps: int) -> Iterator[Tensor]:
    """Yield the indices of the examples of each step; every example is used once before any is used again."""
    order = torch.randperm(count)
    for _ in range(steps):
        if not len(order):
            order = torch.randperm(count)
        yield order[:batch_size]
        order = order[batch_size:]


def _logits(teacher: nn.Module, inputs: Tensor) -> Tensor:
    try:
        with callables.untouched([teacher]):
            parts = [teacher(part.clone()) for part in inputs.split(_BATCH)]
    except Exception as error:  # a learner's forward may raise anything
        raise DlvizError(message("compression.refused.teacher_raises", error=error_text(error))) from error
    for part, given in zip(parts, inputs.split(_BATCH), strict=True):
        if not isinstance(part, Tensor) or part.dim() != 2 or part.shape[1] < 2 or len(part) != len(given):
            raise DlvizError(message("compression.refused.teacher_logits", got=kind_of_data(part)))
    return torch.cat(parts)


def _check_logits(logits: Any, targets: Tensor) -> None:
    if not isinstance(logits, Tensor) or logits.shape != targets.shape:
        values = {"expected": tuple(targets.shape), "got": kind_of_data(logits)}
        raise DlvizError(message("compression.refused.student_logits", **values))
