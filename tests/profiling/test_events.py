"""Events, self times, calls, FLOPs and memory are those of torch's own tables."""

from collections import Counter, defaultdict

import numpy as np
import pytest
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from dlviz.profiling.events import parse
from tests.profiling.models import Training


def repeated_names() -> None:
    """Make events that are alone in others of the same name, which torch counts as one."""
    for _ in range(2):
        with torch.profiler.record_function("twice"), torch.profiler.record_function("twice"):
            torch.ones(3).add(1)


RUNS = {
    "training": lambda: Training().epoch(),
    "transformer": lambda: nn.TransformerEncoderLayer(8, 2, 16)(torch.randn(5, 2, 8)).sum().backward(),
    "lstm": lambda: nn.LSTM(4, 5)(torch.randn(6, 2, 4))[0].sum().backward(),
    "repeated names": repeated_names,
    "nothing": lambda: None,
}


@pytest.fixture(scope="module", params=RUNS)
def profiled(request):
    options = {"record_shapes": True, "profile_memory": True, "with_flops": True}
    with profile(activities=[ProfilerActivity.CPU], **options) as profiler:
        RUNS[request.param]()
    results = profiler.profiler.kineto_results
    return profiler, *parse(results, results.trace_start_ns())


def test_the_total_is_the_profilers_own(profiled):
    profiler, events, _ = profiled
    assert events.self_time.sum() == pytest.approx(profiler.key_averages().self_cpu_time_total, abs=0.01)


def test_calls_self_times_flops_and_memory_of_each_operation_are_torchs(profiled):
    profiler, events, _ = profiled
    self_time, total, flops, memory = (defaultdict(float) for _ in range(4))
    for i, name in enumerate(events.names):
        self_time[name] += events.self_time[i]
        total[name] += events.duration[i]
        flops[name] += events.flops[i]
        memory[name] += events.memory[i]
    expected = {one.key: one for one in profiler.key_averages() if not one.key.startswith("[")}
    assert Counter(events.names) == {name: one.count for name, one in expected.items()}
    for name, one in expected.items():
        assert self_time[name] == pytest.approx(one.self_cpu_time_total, abs=0.01)
        assert total[name] == pytest.approx(one.cpu_time_total, abs=0.01)
        assert flops[name] == one.flops
        assert memory[name] == one.cpu_memory_usage


def test_an_event_lies_within_the_one_that_it_runs_in(profiled):
    _, events, _ = profiled
    inside = np.flatnonzero(events.parent >= 0)
    outer = events.parent[inside]
    assert (events.start[inside] >= events.start[outer]).all()
    assert (events.start[inside] + events.duration[inside] <= events.start[outer] + events.duration[outer] + 1e-6).all()
    assert (outer < inside).all()
    assert (events.self_time >= -1e-6).all()


def test_memory_is_what_was_allocated_and_freed():
    kept = []
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        kept.append(torch.empty(1000))
        torch.empty(5000)
    results = profiler.profiler.kineto_results
    _, (memory,) = parse(results, results.trace_start_ns())
    assert memory.device == "cpu"
    assert memory.bytes.tolist() == [4000, 24000, 4000]
    assert memory.peak == 24000
