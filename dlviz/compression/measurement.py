"""What a model costs and how good it is: bytes on disk, time of a call with its spread, and the learner's own evaluation."""

import io
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.kit.errors import DlvizError, first_line
from dlviz.kit.messages import message
from dlviz.torchkit.array_data import as_plain_tensor, kind_of_data
from dlviz.torchkit.forward_trace import eval_mode, uncompiled
from dlviz.torchkit.labels import class_table, indices_of, list_of_names, whole_labels
from dlviz.torchkit.model_copies import generators_restored
from dlviz.torchkit.modules import modules
from dlviz.torchkit.nested import clone_tensors

#: Seconds that the timing of two models may take, and how often each is timed at least and at most.
_SECONDS, _MIN_ROUNDS, _MAX_ROUNDS = 0.1, 5, 75
#: Largest whole number that is taken for a score.
_MOST = 10**300
#: Seconds of one timing; a call that is faster is repeated within it. Short, so that another process seldom interrupts one.
_BLOCK = 0.0005


@dataclass(frozen=True)
class Size:
    """Bytes of a model's ``state_dict`` as ``torch.save`` writes it, and of that file compressed by zlib, as in a zip archive."""

    disk: int
    zipped: int


def size(model: nn.Module) -> Size:
    """Return how large a model is when it is saved.

    A zero takes as many bytes as any other number; only a compressed file is smaller for it.

    Example:
        >>> net = nn.Linear(100, 100)
        >>> _ = nn.init.zeros_(net.weight)
        >>> size(net).disk > 40_000, size(net).zipped < 2_000
        (True, True)
    """
    buffer = io.BytesIO()
    torch.save(nn.Module.state_dict(model), buffer)
    return Size(buffer.tell(), len(zlib.compress(buffer.getvalue())))


@dataclass(frozen=True)
class Latency:
    """Seconds that one call takes: the median of several timings, and the quartiles below and above it.

    Attributes:
        median, q25, q75: in seconds.
        rounds: number of timings.
        threads: number of threads that torch used.
        batch: size of the input's first dimension; ``None`` if it has none.
    """

    median: float
    q25: float
    q75: float
    rounds: int
    threads: int
    batch: int | None

    def overlaps(self, other: "Latency") -> bool:
        """Return whether the quartiles of two timings overlap, so that their medians say nothing about which one is faster."""
        return self.q25 <= other.q75 and other.q25 <= self.q75


@dataclass(frozen=True, eq=False)
class Call:
    """Arguments with which a model is called to be timed."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def batch(self) -> int | None:
        """Size of the first dimension of the first tensor."""
        given = (*self.args, *self.kwargs.values())
        return next((len(value) for value in given if isinstance(value, Tensor) and value.dim()), None)


def latencies(models: Sequence[nn.Module], call: Call) -> list[Latency]:
    """Time a call of each model in eval mode without gradients, in turns, so that a busy moment of the machine is a burden to all.

    Each is called first without being timed.

    Raises:
        DlvizError: a model raises.

    Example:
        >>> net = nn.Linear(2, 2)
        >>> one, other = latencies([net, net], Call((torch.zeros(8, 2),)))
        >>> one.batch, one.q25 <= one.median <= one.q75, one.rounds == other.rounds
        (8, True, True)
    """
    with ExitStack() as stack:
        for model in models:
            stack.enter_context(running(model))
        calls = [_timed(model, call) for model in models]
        first = [min(each(1), each(1)) for each in calls]
        counts = [max(1, round(_BLOCK / max(one, 1e-9))) for one in first]
        total = sum(one * count for one, count in zip(first, counts, strict=True))
        rounds = max(_MIN_ROUNDS, min(_MAX_ROUNDS, int(_SECONDS / max(total, 1e-9))))
        seconds = [[each(count) for each, count in zip(calls, counts, strict=True)] for _ in range(rounds)]
    threads = torch.get_num_threads()
    found = []
    for values in zip(*seconds, strict=True):
        low, middle, high = torch.tensor(values, dtype=torch.float64).quantile(_QUARTILES).tolist()
        found.append(Latency(middle, low, high, rounds, threads, call.batch))
    return found


_QUARTILES = torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64)


def _timed(model: nn.Module, call: Call) -> Callable[[int], float]:
    args, kwargs = clone_tensors(call.args), clone_tensors(dict(call.kwargs))

    def seconds(count: int) -> float:
        _synchronize()
        start = time.perf_counter()
        for _ in range(count):
            model(*args, **kwargs)
        _synchronize()
        return (time.perf_counter() - start) / count

    try:
        seconds(1)
    except Exception as error:  # a learner's forward may raise anything
        raise DlvizError(message("compression.refused.x_raises", error=error_text(error))) from error
    return seconds


def _synchronize() -> None:
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()


@contextmanager
def running(model: nn.Module) -> Iterator[None]:
    """Run a model inside the block in eval mode, without gradients; random generators are restored afterwards."""
    with torch.no_grad(), generators_restored(), uncompiled(), eval_mode(model):
        yield


def error_text(error: Exception) -> str:
    """Return the class of an error and the first line of its text."""
    return f"{type(error).__name__}: {first_line(error)}"


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What the learner's evaluation returned for a model.

    Attributes:
        score: the number that it returned; of predictions and labels the accuracy.
        recall: of each class the fraction of its examples that are predicted correctly, float64 (C,); ``None`` for a number.
        counts: number of examples of each class, int64 (C,); ``None`` for a number.
        classes: names of the classes.
        call: the arguments of the first call of the model; ``None`` if only its parts were called.
    """

    score: float
    recall: Tensor | None
    counts: Tensor | None
    classes: tuple[str, ...]
    call: Call | None


def evaluate_model(
    model: nn.Module, evaluate: Callable[[nn.Module], Any], classes: Sequence[str] | None = None
) -> Evaluation:
    """Call the learner's ``evaluate(model)``, with the model in eval mode and without gradients.

    Args:
        model: the model to evaluate.
        evaluate: returns a number, or predictions and labels: class indices or names (N,), or scores (N, C) of the classes.
        classes: names of the classes, in the order of the labels.

    Raises:
        DlvizError: it raises, returns something else, or calls another model.

    Example:
        >>> labels = torch.tensor([0, 1, 1])
        >>> net = nn.Linear(2, 2, bias=False)
        >>> with torch.no_grad():
        ...     _ = net.weight.copy_(torch.eye(2))
        >>> found = evaluate_model(net, lambda net: (net(torch.tensor([[1.0, 0], [0, 1], [1, 0]])), labels))
        >>> found.score, found.recall
        (0.6666666666666666, tensor([1.0000, 0.5000], dtype=torch.float64))
    """
    calls: list[Call | None] = []
    hook = nn.Module.register_forward_pre_hook
    # A scripted module takes no hooks.
    parts = [module for module in modules(model) if not isinstance(module, torch.jit.ScriptModule)]
    handles = [hook(module, _note_call(calls), with_kwargs=True) for module in parts]
    whole = hook(model, _note_call(calls, is_whole=True), with_kwargs=True, prepend=True)
    try:
        with running(model):
            returned = evaluate(model)
    except Exception as error:  # a learner's function may raise anything
        raise DlvizError(message("compression.refused.evaluate_raises", error=error_text(error))) from error
    finally:
        for handle in (whole, *handles):
            handle.remove()
    if not calls:
        raise DlvizError(message("compression.refused.not_called"))
    first = next((call for call in calls if call is not None), None)
    return _evaluation(returned, classes, first)


def _note_call(calls: list[Call | None], *, is_whole: bool = False) -> Callable[..., None]:
    """Return a hook that notes that a module was called, and of the first call of the whole model its arguments."""

    def note(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not calls or (is_whole and calls == [None]):
            calls.append(Call(args, dict(kwargs)) if is_whole else None)

    return note


def _evaluation(returned: Any, classes: Sequence[str] | None, call: Call | None) -> Evaluation:
    value = returned.detach() if isinstance(returned, Tensor) else returned
    if isinstance(value, Tensor) or hasattr(value, "__array__"):
        found = as_plain_tensor(value)
        value = found.item() if found is not None and found.numel() == 1 and not found.is_complex() else None
    if isinstance(value, Real) and (not isinstance(value, int) or abs(value) < _MOST):
        return Evaluation(float(value), None, None, tuple(classes or ()), call)
    if not isinstance(returned, (tuple, list)) or len(returned) != 2:
        raise DlvizError(message("compression.refused.returned", got=kind_of_data(returned)))
    preds, labels = returned
    return _classified(preds, labels, classes, call)


def _classified(preds: Any, labels: Any, classes: Sequence[str] | None, call: Call | None) -> Evaluation:
    """Return accuracy and recall of predictions (N,) or scores (N, C) against labels (N,)."""
    scores = as_plain_tensor(preds)
    if scores is not None and scores.is_floating_point() and scores.dim() == 2 and scores.shape[1] > 1:
        preds = scores.argmax(1)
    found_preds, found = whole_labels("compress: preds", preds), whole_labels("compress: labels", labels)
    if found_preds is None or found is None:
        named = [list_of_names(f"compress: {name}", one) for name, one in (("preds", preds), ("labels", labels))]
        table = list(classes or class_table(*named))
        found_preds, found = (
            indices_of(f"compress: {name}", one, table) for name, one in zip(("preds", "labels"), named, strict=True)
        )
        classes = table
    values = {"preds": tuple(found_preds.shape), "labels": tuple(found.shape)}
    found_preds, found = found_preds.flatten(), found.flatten()
    if len(found_preds) != len(found) or not len(found):
        raise DlvizError(message("compression.refused.lengths", **values))
    count = max(int(found.max()) + 1, len(classes or ()))
    if int(found.min()) < 0 or (classes is not None and count > len(classes)):
        got = int(found.max() if int(found.min()) >= 0 else found.min())
        raise DlvizError(message("compression.refused.label", count=len(classes or ()) or count, got=got))
    right = found_preds == found
    counts = torch.bincount(found, minlength=count)
    recall = torch.bincount(found[right], minlength=count).double() / counts
    names = tuple(classes) if classes else tuple(map(str, range(count)))
    return Evaluation(float(right.double().mean()), recall, counts, names, call)
