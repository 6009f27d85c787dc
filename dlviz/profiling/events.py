"""The events of torch's profiler as arrays: when each ran, inside which other, and its self time."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from torch.autograd import DeviceType
from torch.autograd.profiler_util import MEMORY_EVENT_NAME, OUT_OF_MEMORY_EVENT_NAME

#: Events that torch's own tables leave out (``torch.autograd.profiler_util``).
_LEFT_OUT = {
    MEMORY_EVENT_NAME,
    OUT_OF_MEMORY_EVENT_NAME,
    "profiler::_record_function_enter",
    "profiler::_record_function_enter_new",
    "profiler::_record_function_exit",
    "aten::is_leaf",
    "aten::output_nr",
    "aten::_version",
}


class Thread(NamedTuple):
    """A thread of the CPU, or a stream of an accelerator.

    Attributes:
        on_device: whether it is a stream.
        group: the index of the accelerator; of a thread 1 for the events that begin in it and end in another one, else 0.
        number: torch's number of it; −1 for threads that torch does not number, all of them together: only the frames of Python run in
            them, which ``with_stack=True`` records.
    """

    on_device: bool
    group: int
    number: int


@dataclass(frozen=True)
class Events:
    """Events in the order of their threads, then of their start; an event comes after the one that it runs in.

    Attributes:
        names: the name of each event.
        start, duration, self_time: in microseconds, from the start of the recording; the self time is the duration without that of the
            events inside. On an accelerator it is the duration.
        parent: index of the event in which it runs, −1 for none.
        thread: index of its thread in ``threads``.
        threads: the threads of the CPU and the streams of the accelerator.
        on_device: whether an accelerator ran it.
        sequence, forward_thread: torch's numbers that tie an operation and its backward together.
        launcher: index of the operation that gave an event to the accelerator, −1 for none.
        shapes: the shapes of its inputs.
        flops: floating-point operations, as torch counts them for matrix products, convolutions, sums and products; else 0.
        memory: bytes allocated and not freed while it ran, on all devices.
    """

    names: list[str]
    start: np.ndarray
    duration: np.ndarray
    self_time: np.ndarray
    parent: np.ndarray
    thread: np.ndarray
    threads: list["Thread"]
    on_device: np.ndarray
    sequence: np.ndarray
    forward_thread: np.ndarray
    launcher: np.ndarray
    shapes: list[str]
    flops: np.ndarray
    memory: np.ndarray

    def __len__(self) -> int:
        return len(self.names)

    @property
    def main_thread(self) -> int:
        """Index of the thread that ran the code: the profiler numbers other threads only for what it gives to them, so it is the first."""
        other = self.on_device | np.array([self.threads[k].number < 0 for k in self.thread], dtype=bool)
        return int(self.thread[np.where(other, np.inf, self.start).argmin()]) if len(self.names) else 0


@dataclass(frozen=True)
class Memory:
    """Memory of one device over time.

    Attributes:
        device: such as "cpu" or "cuda:0".
        times: when a block was allocated or freed, in microseconds from the start of the recording.
        bytes: bytes allocated since then, less those freed; below 0 when blocks from before are freed.
    """

    device: str
    times: np.ndarray
    bytes: np.ndarray

    @property
    def peak(self) -> int:
        """The largest number of bytes above that at the start."""
        return max(0, int(self.bytes.max(initial=0)))


def parse(results: Any, start_ns: int) -> tuple[Events, list[Memory]]:
    """Return the events and the memory of a profile.

    Args:
        results: ``profiler.profiler.kineto_results`` of a ``torch.profiler.profile`` that has ended.
        start_ns: the time that counts as 0, in nanoseconds since 1970.

    The rules are those of ``torch.autograd.profiler_util.EventList``, so that self times are the same as in its tables: an event runs in
    another of its thread if it begins and ends within it, and one that is alone in another of the same name is one event with it.
    """
    found = results.events()
    blocks = [event for event in found if event.name() == MEMORY_EVENT_NAME]
    kept = [event for event in found if _is_counted(event)]
    threads = _threads(kept)
    order = sorted(range(len(kept)), key=lambda i: (threads[i], kept[i].start_ns(), -kept[i].end_ns()))
    kept, keys = [kept[i] for i in order], [threads[i] for i in order]
    parent = _parents(kept, keys)
    kept, keys, parent = _without_repeats(kept, keys, parent)
    # Counted from the start in whole nanoseconds first: a float64 does not hold the nanoseconds since 1970.
    start = np.array([event.start_ns() - start_ns for event in kept], dtype=float) / 1000
    duration = np.array([event.duration_ns() for event in kept], dtype=float) / 1000
    self_time = duration.copy()
    inside = parent >= 0
    np.subtract.at(self_time, parent[inside], duration[inside])
    on_device = np.array([event.device_type() != DeviceType.CPU for event in kept], dtype=bool)
    every = sorted(set(keys))
    numbers = {key: k for k, key in enumerate(every)}
    events = Events(
        [event.name() for event in kept],
        start,
        duration,
        self_time,
        parent,
        np.array([numbers[key] for key in keys], dtype=np.int32),
        every,
        on_device,
        np.array([event.sequence_nr() for event in kept], dtype=np.int64),
        np.array([event.fwd_thread_id() for event in kept], dtype=np.int64),
        _launchers(kept),
        [_shapes_text(event.shapes()) for event in kept],
        np.array([event.flops() for event in kept], dtype=float),
        _memory_inside(kept, blocks),
    )
    return events, _memory(blocks, start_ns)


def _is_counted(event: Any) -> bool:
    """Return whether torch's tables count an event; annotations also span the kernels on an accelerator, whose time is counted already."""
    if event.device_type() != DeviceType.CPU and event.is_user_annotation():
        return False
    return event.name() not in _LEFT_OUT and not getattr(event, "is_hidden_event", lambda: False)()


def _threads(events: list[Any]) -> list[Thread]:
    """Return the thread of each event, or its stream; a call of the accelerator's driver runs in the thread of its operation."""
    thread_of = {event.correlation_id(): _number(event) for event in events if not event.linked_correlation_id()}
    thread_of.pop(0, None)  # frames of Python and events that are linked to none have that, in any thread
    found = []
    for event in events:
        if event.device_type() != DeviceType.CPU:
            found.append(Thread(True, event.device_index(), event.device_resource_id()))
        elif event.is_async() or event.start_thread_id() != event.end_thread_id():
            found.append(Thread(False, 1, _number(event)))
        else:
            found.append(Thread(False, 0, thread_of.get(event.linked_correlation_id(), _number(event))))
    return found


def _number(event: Any) -> int:
    """Return the number of the thread in which an event began, −1 without one, for which torch has the largest of 64 bits."""
    number = event.start_thread_id()
    return -1 if number == 2**64 - 1 else number


def _parents(events: list[Any], threads: list[Thread]) -> np.ndarray:
    """Return the index of the event in which each one runs, −1 for none; `events` are in the order of threads and start."""
    parents = np.full(len(events), -1, dtype=np.int32)
    stack: list[int] = []
    thread: Thread | None = None
    for i, event in enumerate(events):
        if threads[i] != thread:
            stack = []
        thread = threads[i]
        while stack and (event.start_ns() >= events[stack[-1]].end_ns() or event.end_ns() > events[stack[-1]].end_ns()):
            stack.pop()
        if not thread.on_device and not thread.group:
            if stack:
                parents[i] = stack[-1]
            stack.append(i)
    return parents


def _without_repeats(
    events: list[Any], threads: list[Thread], parent: np.ndarray
) -> tuple[list[Any], list[Thread], np.ndarray]:
    """Leave out each event that is the only one in another of the same name, which is how torch records some calls."""
    count = np.bincount(parent[parent >= 0], minlength=len(events))
    repeats = {
        i for i, p in enumerate(parent.tolist()) if p >= 0 and count[p] == 1 and events[p].name() == events[i].name()
    }
    kept = [i for i in range(len(events)) if i not in repeats]
    place = {i: k for k, i in enumerate(kept)}
    parents = np.full(len(kept), -1, dtype=np.int32)
    for k, i in enumerate(kept):
        outer = int(parent[i])
        while outer in repeats:
            outer = int(parent[outer])
        parents[k] = place.get(outer, -1)
    return [events[i] for i in kept], [threads[i] for i in kept], parents


def _launchers(events: list[Any]) -> np.ndarray:
    index = {event.correlation_id(): i for i, event in enumerate(events) if not event.linked_correlation_id()}
    return np.array([index.get(event.linked_correlation_id() or -1, -1) for event in events], dtype=np.int32)


def _shapes_text(shapes: Any) -> str:
    """Return shapes as "(64, 20) (20, 32)"; inputs without one, such as numbers, are left out.

    Example:
        >>> _shapes_text([[64, 20], [], [32]])
        '(64, 20) (32,)'
    """
    return " ".join(str(tuple(shape)) for shape in shapes if shape and all(isinstance(size, int) for size in shape))


def _memory_inside(events: list[Any], blocks: list[Any]) -> np.ndarray:
    """Return the bytes that were allocated and not freed while each event ran on the CPU, in any thread, as torch counts them."""
    times = np.array([block.start_ns() for block in blocks], dtype=np.int64)
    order = np.argsort(times, kind="stable")
    change = np.array([block.nbytes() for block in blocks], dtype=float)[order]
    upto = np.concatenate([[0.0], np.cumsum(change)])
    begins = np.array([event.start_ns() for event in events], dtype=np.int64)
    ends = np.array([event.end_ns() for event in events], dtype=np.int64)
    inside = upto[np.searchsorted(times[order], ends)] - upto[np.searchsorted(times[order], begins)]
    on_cpu = np.array([event.device_type() == DeviceType.CPU for event in events], dtype=bool)
    return np.where(on_cpu, inside, 0.0)


def _memory(blocks: list[Any], start_ns: int) -> list[Memory]:
    """Return one curve for each device."""
    by_device: dict[str, list[tuple[int, int]]] = {}
    for block in sorted(blocks, key=lambda block: block.start_ns()):
        kind = str(block.device_type()).rpartition(".")[2].lower()
        name = kind if kind == "cpu" else f"{kind}:{block.device_index()}"
        by_device.setdefault(name, []).append((block.start_ns() - start_ns, block.nbytes()))
    return [
        Memory(device, np.array([time for time, _ in items]) / 1000, np.cumsum([size for _, size in items]))
        for device, items in sorted(by_device.items())
    ]
