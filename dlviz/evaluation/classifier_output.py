"""What a classifier returned beside the true labels, in the shapes in which they are counted: one row of scores for each label."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dlviz.evaluation.validation import check_class_count, check_label_range, check_not_negative, squeeze_column
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import has_length, is_integer
from dlviz.torchkit.array_data import as_plain_tensor, kind_of_data
from dlviz.torchkit.labels import class_table, indices_of, list_of_names, whole_labels


@dataclass(frozen=True, eq=False)
class ClassifierOutput:
    """Scores and true labels of the same examples.

    Attributes:
        scores: (N, C) logits or probabilities, (N,) logits of two classes, or (N,) predictions as whole numbers.
        targets: (N,) the true classes, −1 where a label is to be ignored.
        shape: the shape of the labels as they were passed; of images with a label for every pixel it is (images, H, W).
        classes: number of classes.
        table: names of the classes, ``None`` where labels are whole numbers and no names are known.
    """

    scores: Tensor
    targets: Tensor
    shape: tuple[int, ...]
    classes: int
    table: list[str] | None


def ask_classifier(scores: Any, inputs: Any) -> tuple[Any, list[str] | None]:
    """Return probabilities that a fitted classifier of scikit-learn predicts of `inputs`, and the names of its classes.

    One without ``predict_proba`` predicts classes, which are returned as their indices. Anything but a classifier is returned as it is.

    Raises:
        DlvizError: there are no inputs to ask it about, it is not fitted or no classifier, or it raises.
    """
    if not callable(getattr(scores, "predict", None)) or isinstance(scores, Tensor):
        return scores, None
    kind = type(scores).__name__
    if inputs is None:
        raise DlvizError(message("evaluation.refused.classifier_inputs", got=kind))
    if not hasattr(scores, "classes_"):
        key = "not_fitted" if _is_classifier(scores) else "no_classifier"
        raise DlvizError(message(f"evaluation.refused.{key}", got=kind))
    try:
        names = [str(label) for label in scores.classes_]
        if hasattr(scores, "predict_proba"):
            return scores.predict_proba(inputs), names
        return indices_of("scores", list(scores.predict(inputs)), names), names
    except Exception as error:  # a classifier may raise anything
        reason = f"{type(error).__name__}: {error}"
        raise DlvizError(message("evaluation.refused.classifier", got=kind, error=reason)) from error


def _is_classifier(estimator: Any) -> bool:
    """Return whether scikit-learn takes an object for a classifier."""
    from sklearn.base import is_classifier  # imported here, because the import takes a second

    try:
        return bool(is_classifier(estimator))
    except Exception:  # it refuses an object of another library
        return False


def read_output(
    scores: Any,
    targets: Any,
    ignore_index: int | None = None,
    *,
    table: list[str] | None = None,
    by_name: bool = False,
    classes: int | None = None,
) -> ClassifierOutput:
    """Return scores and labels in the shapes in which they are counted.

    Args:
        scores, targets, ignore_index: as passed to :func:`dlviz.confusion`.
        table: names of the classes, if they are known.
        by_name: whether targets that are numbers are looked up in `table` too, as the labels that a classifier was fitted with.
        classes: number of classes of predictions, if it is known.

    Raises:
        DlvizError: they do not fit.

    Example:
        >>> output = read_output(["dog", "cat"], ["cat", "cat"])
        >>> output.scores.tolist(), output.targets.tolist(), output.table
        ([1, 0], [0, 0], ['cat', 'dog'])
    """
    if ignore_index is not None and not is_integer(ignore_index):
        raise DlvizError(message("evaluation.refused.ignore_index", got=kind_of_data(ignore_index)))
    values = as_plain_tensor(scores)
    is_list = has_length(scores) and not isinstance(scores, (str, torch.nn.Module, Tensor))
    if values is None and not is_list:
        raise DlvizError(message("evaluation.refused.scores", got=kind_of_data(scores)))
    if values is not None and (values.is_complex() or not values.dim()):
        raise _shape_refused(values)
    numbers = values if values is not None and values.is_floating_point() else None
    truth = list_of_names("targets", targets) if by_name else _labels("targets", targets)
    outputs = _labels("scores", scores) if numbers is None else numbers
    if isinstance(truth, list) or isinstance(outputs, list):
        table = _common_table(truth, outputs, table)
        truth = truth if isinstance(truth, Tensor) else indices_of("targets", truth, table)
        outputs = outputs if isinstance(outputs, Tensor) else indices_of("scores", outputs, table)
        classes = len(table)
    flat, truth = _aligned(outputs, truth)
    # No label is as large as a number that torch cannot hold.
    is_label = ignore_index is not None and abs(ignore_index) < 2**63
    ignored = truth.eq(ignore_index) if is_label else torch.zeros_like(truth, dtype=torch.bool)  # type: ignore[arg-type]
    if bool(ignored.all()):
        raise DlvizError(message("evaluation.refused.all_ignored", got=ignore_index))
    counted = truth[~ignored]
    check_not_negative("targets", counted)
    total = _count_classes(outputs, flat, counted, classes)
    return ClassifierOutput(flat, truth.masked_fill(ignored, -1).flatten(), tuple(truth.shape), total, table)


def _labels(name: str, values: Any) -> Tensor | list[Any]:
    labels = whole_labels(name, values)
    return list_of_names(name, values) if labels is None else labels


def _common_table(truth: Tensor | list[Any], outputs: Tensor | list[Any], table: list[str] | None) -> list[str]:
    """Return the names of the classes, where targets or predictions are names.

    Raises:
        DlvizError: the names do not tell which number, or which column of scores, belongs to which class.
    """
    is_scores = isinstance(outputs, Tensor) and outputs.is_floating_point()
    if table is None:
        if isinstance(truth, Tensor) or (isinstance(outputs, Tensor) and not is_scores):
            raise DlvizError(message("evaluation.refused.mixed_labels"))
        table = class_table(truth, outputs if isinstance(outputs, list) else [])
    count = outputs.shape[1] if isinstance(outputs, Tensor) and is_scores and outputs.dim() == 2 else 1
    if count not in (1, len(table)):
        raise DlvizError(message("evaluation.refused.names_needed", labels=len(table), count=count))
    return table


def _aligned(outputs: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Return outputs as one row for each label, (N, C) or (N,), and the labels in the shape that tells where each stands."""
    shape = tuple(outputs.shape)
    if outputs.dim() > 2 and truth.dim() == outputs.dim() and truth.shape[1] == 1 != outputs.shape[1]:
        truth = truth.squeeze(1)  # masks with a channel
    values, truth = squeeze_column(outputs), squeeze_column(truth)
    has_columns = values.is_floating_point() and values.dim() == truth.dim() + 1
    if not len(values):
        raise DlvizError(message("evaluation.refused.empty", got=shape))
    if has_columns and values.shape[:1] + values.shape[2:] == truth.shape:
        rows = values.movedim(1, -1).reshape(-1, values.shape[1])
        return squeeze_column(rows), truth
    # Scores (N, C) beside labels (N, C) are not two classes at C places: the labels are one-hot.
    if values.shape == truth.shape and not (values.dim() == 2 and values.is_floating_point()):
        return values.reshape(-1), truth
    if values.dim() == 1 or (values.dim() == 2 and values.is_floating_point()):
        key = "evaluation.refused.length" if truth.dim() == 1 else "labels.shape"
        raise DlvizError(message(key, name="targets", count=len(values), got=tuple(truth.shape)))
    raise _shape_refused(outputs)


def _shape_refused(outputs: Tensor) -> DlvizError:
    shape = tuple(outputs.shape)
    return DlvizError(message("evaluation.refused.scores_shape", got=shape, dtype=outputs.dtype))


def _count_classes(outputs: Tensor, flat: Tensor, truth: Tensor, classes: int | None) -> int:
    """Return the number of classes, and check that all labels are among them."""
    if flat.is_floating_point():
        count = 2 if flat.dim() == 1 else flat.shape[1]
        shape = "(N,)" if outputs.dim() == 1 else f"(N, {', '.join(map(str, outputs.shape[1:]))})"
        reason = message("evaluation.refused.because_scores", count=count, shape=shape)
        check_class_count(count)
        check_label_range("targets", truth, count, reason)
        return count
    check_not_negative("scores", flat)
    if classes is None:
        count = int(torch.maximum(flat.max(), truth.max())) + 1
    else:
        count, reason = classes, message("evaluation.refused.because_names", count=classes)
        check_label_range("scores", flat, count, reason)
        check_label_range("targets", truth, count, reason)
    check_class_count(count)
    return count
