"""Checks of what a learner passes to `dlviz.confusion` and `dlviz.split`."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import check_length, check_type

#: Classes that a confusion matrix can have at most.
MAX_CLASSES = 1000


def check_scores(scores: Any) -> Tensor:
    """Return `scores`, detached, as (N, C) scores, (N,) logits of two classes or (N,) predictions.

    Raises:
        DlvizError: it is not a tensor of one of these shapes, it is empty or complex, or it has too many classes.
    """
    check_type(scores, Tensor, "evaluation.refused.scores")
    values = _squeeze_column(scores)
    has_columns = values.dim() == 2 and values.shape[1] > 1 and values.is_floating_point()
    if not (values.dim() == 1 or has_columns) or values.is_complex():
        raise DlvizError(message("evaluation.refused.scores_shape", got=tuple(scores.shape), dtype=scores.dtype))
    if not len(values):
        raise DlvizError(message("evaluation.refused.empty", got=tuple(scores.shape)))
    if has_columns:
        check_class_count(values.shape[1])
    return values


def check_class_count(count: int) -> None:
    """Raise a DlvizError if a confusion matrix cannot have so many classes."""
    if count > MAX_CLASSES:
        raise DlvizError(message("evaluation.refused.many", most=MAX_CLASSES, got=count))


def check_targets(targets: Any, count: int) -> Tensor:
    """Return `targets` as `count` labels (N,) on the CPU.

    Raises:
        DlvizError: it is not a tensor of `count` integers from 0 on.
    """
    labels = check_labels("targets", targets)
    if len(labels) != count:
        raise DlvizError(message("evaluation.refused.length", count=count, got=tuple(targets.shape)))
    return labels


def check_labels(name: str, values: Any) -> Tensor:
    """Return `values` as int64 labels (N,) on the CPU.

    Raises:
        DlvizError: it is not a tensor (N,) or (N, 1) of integers, or one is negative.
    """
    check_type(values, Tensor, "evaluation.refused.labels", name=name)
    flat = _squeeze_column(values)
    if flat.dim() != 1:
        raise DlvizError(message("evaluation.refused.labels_shape", name=name, got=tuple(values.shape)))
    if flat.is_floating_point() or flat.is_complex():
        raise DlvizError(message("evaluation.refused.labels_dtype", name=name, got=values.dtype))
    labels = flat.cpu().long()
    if len(labels) and int(labels.min()) < 0:
        raise DlvizError(message("evaluation.refused.labels_negative", name=name, got=int(labels.min())))
    return labels


def check_label_range(name: str, labels: Tensor, classes: int, reason: str) -> None:
    """Raise a DlvizError if a label is `classes` or larger; its message ends with the reason for that number of classes."""
    largest = int(labels.max())
    if largest >= classes:
        raise DlvizError(message("evaluation.refused.label", name=name, last=classes - 1, got=largest, because=reason))


def check_inputs(inputs: Any, count: int) -> Any:
    """Return the examples as they were passed, a tensor detached; ``None`` for none.

    Raises:
        DlvizError: they are neither a tensor nor a sequence, or there are not `count` of them.
    """
    if inputs is None:
        return None
    if isinstance(inputs, str) or not isinstance(inputs, (Tensor, Sequence)) or is_scalar(inputs):
        raise DlvizError(message("evaluation.refused.inputs", got=type(inputs).__name__))
    check_length(inputs, count, "evaluation.refused.inputs_length")
    return inputs.detach() if isinstance(inputs, Tensor) else inputs


def is_scalar(value: Any) -> bool:
    """Return whether `value` is a tensor without dimensions, which has no length."""
    return isinstance(value, Tensor) and not value.dim()


def _squeeze_column(values: Tensor) -> Tensor:
    """Return (N, 1) as (N,), and any other shape as it is, detached."""
    return values.detach().squeeze(1) if values.dim() == 2 and values.shape[1] == 1 else values.detach()
