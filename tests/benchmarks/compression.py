"""Compression: what a trial takes beside the learner's own evaluation, and how many bytes it adds to a page."""

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

import torch
from torch import nn

import dlviz
from dlviz.compression import Call, Settings, compressed, latencies, size
from dlviz.kit.page import to_json
from tests.benchmarks.autograd import row
from tests.benchmarks.measured import one_thread


def run(*, quick: bool = False) -> Iterator[str]:
    """Yield the table: each part of a trial of 80% in ms, and the kB of its scene."""
    yield "compress: a trial of 80% pruned int8 weights, and its parts: the compressed copy, the saved sizes, the evaluation, the timings"
    yield row("weights", "copy ms", "sizes ms", "evaluate ms", "timings ms", "trial ms", "rest ms", "scene kB")
    with one_thread():
        for hidden in (64,) if quick else (64, 512, 2048):
            yield row(*_trial(hidden))


def _trial(hidden: int) -> list[str]:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 10)
    )
    images, digits = dlviz.data.digits("test")
    view = dlviz.compress(net, lambda net: (net(images), digits), quantize="int8 weights")
    plan = Settings(0.8, quantize="int8 weights")
    made, copying = _timed(lambda: compressed(net, plan))
    _, sizes = _timed(lambda: size(made))
    with torch.no_grad():
        _, evaluating = _timed(lambda: (made(images), digits))
    _, timing = _timed(lambda: latencies([net, made], Call((images,))))
    _, trial = _timed(lambda: view.apply(amount=0.8))
    rest = trial - copying - sizes - evaluating - timing
    scene = len(to_json(view.scene)) / 1000
    view.close()
    count = f"{sum(parameter.numel() for parameter in net.parameters()):,}"
    return [
        count,
        *(f"{1000 * time:.1f}" for time in (copying, sizes, evaluating, timing, trial, rest)),
        f"{scene:.1f}",
    ]


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    start = perf_counter()
    made = call()
    return made, perf_counter() - start
