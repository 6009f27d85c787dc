"""From the events of torch's profiler to the blocks of one process's timeline."""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from torch.autograd import DeviceType
from torch.profiler import record_function

#: Kinds of blocks.
FORWARD, BACKWARD, OPTIMIZER, COMMUNICATION, DATA, OTHER = (
    "forward",
    "backward",
    "optimizer",
    "communication",
    "data",
    "other",
)
#: Begin the names of events of ours: a model's call, a comparison of clocks, communication in a group other than all processes.
MODEL_EVENT, CLOCK_EVENT, GROUP_EVENT = "dlviz::forward ", "dlviz::clock", "dlviz::group "
_BACKWARD_EVENT = "autograd::engine::evaluate_function"
_DATA_EVENT, _WORK_EVENT = "enumerate(DataLoader)", "gloo:"
#: Operations that may have begun out of order: gloo has two threads for each group.
_AHEAD = 16
#: Names in ``torch.distributed`` of the operations that its C++ code names otherwise.
_NAMES = {
    "allreduce_": "all_reduce",
    "allreduce_coalesced_": "all_reduce",
    "broadcast_": "broadcast",
    "allgather_": "all_gather",
    "_allgather_base_": "all_gather_into_tensor",
    "allgather_into_tensor_coalesced_": "all_gather_into_tensor",
    "reduce_": "reduce",
    "gather_": "gather",
    "scatter_": "scatter",
    "reduce_scatter_": "reduce_scatter",
    "_reduce_scatter_base_": "reduce_scatter_tensor",
    "reduce_scatter_tensor_coalesced_": "reduce_scatter_tensor",
    "alltoall_": "all_to_all",
    "alltoall_base_": "all_to_all_single",
    "recv_": "recv",
    "recv_any_source_": "recv",
}
#: Operations between two processes, which name the other one.
PAIRS = ("send", "recv")
_ITEM_SIZES = {
    "double": 8,
    "long int": 8,
    "long": 8,
    "c10::complex<float>": 8,
    "c10::complex<double>": 16,
    "float": 4,
    "int": 4,
    "c10::Half": 2,
    "c10::BFloat16": 2,
    "short": 2,
    "short int": 2,
}
#: Pause between two operations, in nanoseconds, from which on they are two blocks; within forward, backward and optimizer there is none.
_PAUSE = 500_000


@dataclass(frozen=True)
class RawSpan:
    """A block with times in nanoseconds since 1970.

    Attributes:
        kind, name, bytes, shape: as in :class:`dlviz.multiprocess.record.Span`.
        start, end: when it began and ended; communication begins when the worker asks for it, and may end much later.
        group: ranks of the process group, "" for all.
        peer: the other process of a send or recv within its group, else −1.
    """

    kind: str
    name: str
    start: int
    end: int
    bytes: int = 0
    shape: str = ""
    group: str = ""
    peer: int = -1


def spans_of(results: Any, start: int, step_ends: list[int]) -> list[RawSpan]:
    """Return the blocks of the thread that ran the worker, and its communication.

    Args:
        results: ``profiler.profiler.kineto_results`` of a ``torch.profiler.profile`` that has ended.
        start: when the worker was called; what came before is left out.
        step_ends: ends of the optimizer steps: blocks of two steps are not merged.
    """
    events = [e for e in results.events() if e.device_type() == DeviceType.CPU and e.start_ns() >= start]
    events.sort(key=lambda event: (event.start_ns(), -event.end_ns()))
    main = next((e.start_thread_id() for e in events if e.name().startswith(CLOCK_EVENT)), 1)
    communication = list(_communication(events))
    blocks = list(_merged(_outermost(events, main), step_ends))
    return sorted([*blocks, *communication], key=lambda span: (span.start, span.end))


def _outermost(events: list[Any], main: int) -> Iterator[RawSpan]:
    """Yield the outermost events of a thread."""
    until = 0
    for event in events:
        name = event.name()
        if event.start_thread_id() != main or event.is_async() or event.start_ns() < until:
            continue
        if name.startswith((CLOCK_EVENT, GROUP_EVENT, "c10d::", _WORK_EVENT)):
            continue
        until = event.end_ns()
        yield RawSpan(*_kind(name), event.start_ns(), event.end_ns())


def _kind(name: str) -> tuple[str, str]:
    """Return kind and name of a block for an event.

    Example:
        >>> _kind("Optimizer.step#SGD.step"), _kind("aten::mse_loss")
        (('optimizer', 'SGD.step'), ('other', 'mse_loss'))
    """
    if name.startswith(MODEL_EVENT):
        return FORWARD, name.removeprefix(MODEL_EVENT)
    if name.startswith(_BACKWARD_EVENT):
        return BACKWARD, "backward"
    if name.startswith("Optimizer."):
        return OPTIMIZER, name.partition("#")[2]
    if name.startswith(_DATA_EVENT):
        return DATA, "DataLoader"
    return OTHER, name.rpartition("::")[2]


def _merged(spans: Iterator[RawSpan], step_ends: list[int]) -> Iterator[RawSpan]:
    """Join neighbors of one kind within a step; the name is that of the longest."""
    ends = iter([*step_ends, 1 << 62])
    step_end = next(ends)
    current: RawSpan | None = None
    longest = 0
    for span in spans:
        apart = current is None or span.kind != current.kind or span.start >= step_end
        if current is not None and not apart:
            pause = span.start - current.end
            apart = (span.kind == OTHER and pause > _PAUSE) or (span.kind == OPTIMIZER and span.name != current.name)
        while span.start >= step_end:
            step_end = next(ends)
        if apart:
            if current is not None:
                yield current
            current, longest = span, span.end - span.start
        else:
            assert current is not None
            name = current.name
            if span.end - span.start > longest:
                name, longest = span.name, span.end - span.start
            current = replace(current, name=name, end=span.end)
    if current is not None:
        yield current


def _communication(events: list[Any]) -> Iterator[RawSpan]:
    """Yield a block for each operation of ``torch.distributed``.

    The event "c10d::allreduce_" is the call, which only queues the operation. "gloo:all_reduce" is the operation itself: it begins in a
    thread of gloo's, and ends when its result is there.
    """
    waiting = deque(event for event in events if event.name().startswith(_WORK_EVENT))
    group = deque(event for event in events if event.name().startswith(GROUP_EVENT))
    for event in events:
        if not event.name().startswith("c10d::"):
            continue
        short = event.name().removeprefix("c10d::")
        name = _NAMES.get(short, short)
        work = _work_of(event, name, waiting)
        if work is None:  # the recording ended before the operation did
            continue
        while group and group[0].end_ns() < event.start_ns():
            group.popleft()
        within = bool(group) and group[0].start_ns() <= event.start_ns()
        yield RawSpan(
            COMMUNICATION,
            name,
            event.start_ns(),
            work.end_ns(),
            sum(_bytes(shape, kind) for shape, kind in zip(work.shapes(), work.dtypes(), strict=False)),
            " ".join(str(tuple(shape)) for shape in work.shapes() if shape),
            group[0].name().removeprefix(GROUP_EVENT) if within else "",
            int(event.concrete_inputs()[2]) if name in PAIRS else -1,
        )


def _work_of(call: Any, name: str, waiting: "deque[Any]") -> Any:
    """Remove the operation of a call from those that have not been found yet, and return it; None if there is none.

    Operations begin in the order of the calls, but two threads may begin two of them in either order: then the shapes decide.
    """
    shapes = _listed_shapes(call)
    fitting = [
        k
        for k, work in enumerate(islice(waiting, _AHEAD))
        if work.start_ns() >= call.start_ns() and _fits(name, work.name().removeprefix(_WORK_EVENT))
    ]
    if not fitting:
        return None
    index = next((k for k in fitting if all(shape in shapes for shape in waiting[k].shapes())), fitting[0])
    work = waiting[index]
    del waiting[index]
    return work


def _listed_shapes(call: Any) -> list[Any]:
    """Return the shapes of all tensors of a call, also of those in lists."""
    found: list[Any] = []
    for shape in getattr(call, "structured_input_shapes", call.shapes)():
        found += shape if shape and isinstance(shape[0], list) else [shape]
    return found


def _fits(name: str, work: str) -> bool:
    """Return whether an operation of gloo's may be one of ``torch.distributed``: reduce_scatter is made of an all_reduce.

    Example:
        >>> _fits("all_gather_into_tensor", "all_gather"), _fits("reduce_scatter_tensor", "all_reduce"), _fits("send", "recv")
        (True, True, False)
    """
    return name.startswith(work) or (name.startswith("reduce_scatter") and work == "all_reduce")


def _bytes(shape: list[int], kind: str) -> int:
    count = 1
    for size in shape:
        count *= size
    return count * _ITEM_SIZES.get(kind, 1)


def mark_clock() -> tuple[int, int]:
    """Make an event whose start lies between the two times that are returned, in nanoseconds since 1970."""
    before = time.time_ns()
    with record_function(CLOCK_EVENT):
        return before, time.time_ns()


def clock_error(results: Any, marks: list[tuple[int, int]]) -> int:
    """Return how far the profiler's times may be from ``time.time_ns()``, in nanoseconds.

    Args:
        results: as in :func:`spans_of`.
        marks: what :func:`mark_clock` returned, some from the beginning and as many from the end of the recording.
    """
    starts = sorted(event.start_ns() for event in results.events() if event.name() == CLOCK_EVENT)
    bounds = [max(start - before, after - start) for start, (before, after) in zip(starts, marks, strict=True)]
    half = len(bounds) // 2
    return max(min(bounds[:half]), min(bounds[half:]))
