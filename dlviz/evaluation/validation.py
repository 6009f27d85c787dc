"""What the learner passes to `dlviz.confusion`, checked with words that help."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message

#: So many classes are told apart.
CLASSES = 1000


def scores(given: Any) -> Tensor:
    """`given` detached, as (N, C) scores, (N,) logits of two classes or (N,) predictions.

    Raises:
        DlvizError: it is no tensor of one of these shapes, is empty, complex, or tells too many classes apart.
    """
    if not isinstance(given, Tensor):
        raise DlvizError(message("evaluation.refused.scores", got=type(given).__name__))
    found = given.detach()
    if found.dim() == 2 and found.shape[1] == 1:
        found = found.squeeze(1)
    flat = found.dim() == 1
    table = found.dim() == 2 and found.shape[1] > 1 and found.is_floating_point()
    if not (flat or table) or found.is_complex():
        raise DlvizError(message("evaluation.refused.scores_shape", got=tuple(given.shape), dtype=given.dtype))
    if not len(found):
        raise DlvizError(message("evaluation.refused.empty", got=tuple(given.shape)))
    if table and found.shape[1] > CLASSES:
        raise DlvizError(message("evaluation.refused.many", most=CLASSES, got=found.shape[1]))
    return found


def targets(given: Any, count: int) -> Tensor:
    """`given` as (N,) whole numbers on the CPU.

    Raises:
        DlvizError: it is no tensor of `count` whole numbers from 0 on.
    """
    found = whole("targets", given)
    if len(found) != count:
        raise DlvizError(message("evaluation.refused.length", count=count, got=tuple(given.shape)))
    return found


def whole(name: str, given: Any) -> Tensor:
    """`given` as a tensor (N,) of labels from 0 on, on the CPU.

    Raises:
        DlvizError: it is no tensor (N,) or (N, 1) of integers, or one is negative.
    """
    if not isinstance(given, Tensor):
        raise DlvizError(message("evaluation.refused.labels", name=name, got=type(given).__name__))
    flat = given.detach().squeeze(1) if given.dim() == 2 and given.shape[1] == 1 else given.detach()
    if flat.dim() != 1:
        raise DlvizError(message("evaluation.refused.labels_shape", name=name, got=tuple(given.shape)))
    if flat.is_floating_point() or flat.is_complex():
        raise DlvizError(message("evaluation.refused.labels_dtype", name=name, got=given.dtype))
    labels = flat.cpu().long()
    if len(labels) and int(labels.min()) < 0:
        raise DlvizError(message("evaluation.refused.labels_negative", name=name, got=int(labels.min())))
    return labels


def within(name: str, labels: Tensor, classes: int, because: str) -> None:
    """Refuse a label that is beyond the classes.

    Raises:
        DlvizError: there is one; the message ends with where the number of classes comes from.
    """
    top = int(labels.max())
    if top >= classes:
        raise DlvizError(message("evaluation.refused.label", name=name, last=classes - 1, got=top, because=because))


def names(given: Sequence[Any] | None, count: int) -> list[str]:
    """What the classes are called; their numbers, where nothing is said.

    Raises:
        DlvizError: there are not as many names as classes.
    """
    if given is None:
        return [str(number) for number in range(count)]
    found = [str(name) for name in given]
    if len(found) != count:
        raise DlvizError(message("evaluation.refused.names", count=count, got=len(found)))
    return found


def inputs(given: Any, count: int) -> Any:
    """The examples as they were passed, a tensor detached; ``None`` for none.

    Raises:
        DlvizError: there are not as many as targets, or they are neither a tensor nor a sequence.
    """
    if given is None:
        return None
    if (
        not isinstance(given, (Tensor, Sequence))
        or isinstance(given, str)
        or (isinstance(given, Tensor) and not given.dim())
    ):
        raise DlvizError(message("evaluation.refused.inputs", got=type(given).__name__))
    if len(given) != count:
        raise DlvizError(message("evaluation.refused.inputs_length", count=count, got=len(given)))
    return given.detach() if isinstance(given, Tensor) else given
