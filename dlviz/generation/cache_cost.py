"""Work and memory of generation with and without a key/value cache, as torch itself counts and returns them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from dlviz.generation.next_token import NextToken
from dlviz.generation.record import Continuation, next_step
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.torchkit.array_data import kind_of_data
from dlviz.torchkit.nested import tensors_in

#: Most numbers of tokens at which multiplications are counted, and for them together the most pairs of tokens, unless two are more: each
#: takes a forward pass whose attention is written out, pair by pair.
MAX_COUNTED, MAX_PAIRS = 24, 24 * 1024**2

#: A model that keeps keys and values: from new ids (1, n) and the cache so far, ``None`` at first, to logits and the cache.
Cached = Callable[[Tensor, Any], tuple[Any, Any]]


@dataclass(frozen=True, eq=False)
class CacheCost:
    """Multiply-adds of one generated token, and the cache's growth.

    Attributes:
        steps: the steps at which multiply-adds were counted: up to 24, evenly spaced, and fewer of a text of more than 1024 ids.
        lengths: how many ids the model reads at each of them.
        uncached: multiply-adds for reading all of them.
        cached: multiply-adds for reading only the new ids, with a cache of the others, as long as the text fits the context; ``None``
            without a cached model.
        bytes: of the cache after each step of the first continuation; empty without a cached model.
        layers: number of the cache's top-level entries if each holds tensors, else the number of its tensors; 0 without one.
        tensors: number of tensors in the cache.
        shape: shape of its first tensor after the last step.
        max_error: largest difference of the two models' logits, over all compared steps.
        same_tokens: how many of the compared steps draw the same token from both.
    """

    steps: tuple[int, ...]
    lengths: tuple[int, ...]
    uncached: tuple[int, ...]
    cached: tuple[int, ...] | None
    bytes: tuple[int, ...]
    layers: int
    tensors: int
    shape: tuple[int, ...]
    max_error: float
    same_tokens: int


def cache_cost(source: NextToken, continuation: Continuation, cached: Cached | None) -> CacheCost:
    """Count the work of a continuation without a cache and, if there is a model with one, with it. Call it inside ``source.untouched()``.

    The cached model reads the prompt, then one id at a time; it is compared as long as the text fits the context.

    Raises:
        DlvizError: the cached model raises, or returns something else.
    """
    reading = [len(continuation.prompt) + t for t in range(len(continuation.steps))]
    longest = reading[-1] if source.context is None else min(reading[-1], source.context)
    counted = _evenly(range(len(reading)), max(2, min(MAX_COUNTED, MAX_PAIRS // longest**2)))
    inputs = {t: source.input(continuation.ids[: reading[t]]) for t in counted}
    found = _Comparison(source, continuation, cached) if cached is not None else None
    if found is not None:
        fitting = [t for t, length in enumerate(reading) if source.context is None or length <= source.context]
        found.run(fitting, set(counted))
    return CacheCost(
        steps=tuple(counted),
        lengths=tuple(x.shape[1] for x in inputs.values()),
        uncached=tuple(multiplications(partial(source.call, source.model, x)) for x in inputs.values()),
        cached=None if found is None else tuple(found.counts),
        bytes=() if found is None else tuple(found.bytes),
        layers=0 if found is None else found.layers,
        tensors=0 if found is None else found.tensors,
        shape=() if found is None else found.shape,
        max_error=float("nan") if found is None else found.max_error,
        same_tokens=0 if found is None else found.same_tokens,
    )


class _Comparison:
    """A run of the cached model along a continuation."""

    def __init__(self, source: NextToken, continuation: Continuation, cached: Cached) -> None:
        if not callable(cached):
            raise DlvizError(message("generation.refused.cached", got=type(cached).__name__))
        self._source, self._continuation, self._cached = source, continuation, cached
        self.counts: list[int] = []
        self.bytes: list[int] = []
        self.layers, self.tensors, self.same_tokens, self.max_error = 0, 0, 0, 0.0
        self.shape: tuple[int, ...] = ()

    def run(self, steps: Sequence[int], counted: set[int]) -> None:
        ids, start, cache = self._continuation.ids, len(self._continuation.prompt), None
        for t in steps:
            new = ids[:start] if t == 0 else ids[start + t - 1 : start + t]
            x = self._source.input(new)  # all of them fit the context
            call = partial(self._source.call, self._cached, x, cache)
            made, count = counted_call(call) if t in counted else (call(), 0)
            self.counts += [count] if t in counted else []
            if not isinstance(made, tuple) or len(made) != 2:
                raise DlvizError(message("generation.refused.cached_output", got=kind_of_data(made)))
            output, cache = made
            self._compare(t, self._source.checked(output, len(new), ids))
            self._measure(cache)

    def _compare(self, t: int, logits: Tensor) -> None:
        step = self._continuation.steps[t]
        finite = torch.isfinite(step.logits) & torch.isfinite(logits)
        off = (step.logits - logits)[finite].abs()
        self.max_error = max(self.max_error, float(off.max()) if off.numel() else 0.0)
        other = next_step(logits, step.settings, step.u).draw
        self.same_tokens += step.draw is None or (other is not None and other.token == step.draw.token)

    def _measure(self, cache: Any) -> None:
        tensors = _tensors_of(cache)
        self.bytes.append(sum(one.numel() * one.element_size() for one in tensors))
        nested = isinstance(cache, (list, tuple)) and all(
            not isinstance(entry, Tensor) and tensors_in(entry) for entry in cache
        )
        self.layers, self.tensors = len(cache) if nested else len(tensors), len(tensors)
        self.shape = tuple(tensors[0].shape) if tensors else ()


def _tensors_of(cache: Any, depth: int = 4) -> list[Tensor]:
    """Return the tensors of a cache: a nested structure of them, or of objects that hold them, as Hugging Face's are."""
    found = tensors_in(cache)
    if found or depth == 0:
        return found
    parts = cache if isinstance(cache, (list, tuple)) else getattr(cache, "__dict__", {}).values()
    return [tensor for part in parts for tensor in _tensors_of(part, depth - 1)]


def multiplications(function: Callable[[], Any]) -> int:
    """Return the multiply-adds of the matrix products, convolutions and attention calls that a function makes.

    Torch's counter knows only operations that are written out, so its fused kernels for attention and LSTM layers are switched off here.
    Elementwise work is not counted.

    Source:
        ``torch.utils.flop_counter.FlopCounterMode``, whose floating-point operations are twice the multiply-adds.

    Example:
        >>> multiplications(lambda: torch.ones(2, 3) @ torch.ones(3, 5))
        30
    """
    return counted_call(function)[1]


def counted_call(function: Callable[[], Any]) -> tuple[Any, int]:
    """Return what a function returns, and its multiply-adds as :func:`multiplications` counts them."""
    counter = FlopCounterMode(display=False)
    # By module nothing is counted: what finds the modules fails where one returns a view of its parameter.
    counter.mod_tracker = _NoModules()  # type: ignore[assignment]
    with _written_out(), counter:
        returned = function()
    return returned, int(counter.get_total_flops()) // 2


class _NoModules(nullcontext[None]):
    """Stands for torch's record of the running modules."""

    parents = frozenset({"Global"})


@contextmanager
def _written_out() -> Iterator[None]:
    fast, fused = torch.backends.mha.get_fastpath_enabled(), torch.backends.mkldnn.enabled
    torch.backends.mha.set_fastpath_enabled(False)
    # Not `mkldnn.flags`, which warns on machines without a GPU of Intel.
    torch.backends.mkldnn.enabled = False  # type: ignore[assignment]
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mkldnn.enabled = fused
        torch.backends.mha.set_fastpath_enabled(fast)


def _evenly(steps: Sequence[int], most: int) -> list[int]:
    """Return at most `most` of some steps, evenly spaced, the first and the last included."""
    count = min(len(steps), most)
    if count < 2:
        return list(steps[:1])
    return [steps[round(k * (len(steps) - 1) / (count - 1))] for k in range(count)]
