"""Where the time of your own PyTorch code goes: what ``torch.profiler`` saw, by module, by operation and by line."""

import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from dlviz.kit.caller_frames import is_library, name_of
from dlviz.kit.errors import DlvizError, first_line
from dlviz.kit.messages import message
from dlviz.profiling.attribution import BACKWARD, Attribution, Line, Row, attribute
from dlviz.profiling.events import Events, Memory, parse
from dlviz.profiling.recording import Recorder, Recording, synchronize
from dlviz.profiling.restoring import restored
from dlviz.torchkit.model_copies import initialize_lazy

#: Measured runs by default, and the seconds after which no other one begins.
_REPEATS, _SECONDS = 5, 5.0

Result = TypeVar("Result")


@dataclass(frozen=True)
class Operation:
    """All events of one name.

    Attributes:
        name: torch's name, such as "aten::addmm"; "" for the Python code of modules between their operations.
        calls: how many there are.
        self_time: their time without that of the events inside them, in microseconds.
        time: their time with it.
        flops: floating-point operations, where torch counts them.
        line: the line of code with the largest part of the self time.
        other_lines: how many other lines there are.
        row: index of the row with the largest part.
        backward_time: the part of the self time in backward.
        on_device: whether an accelerator ran them.
    """

    name: str
    calls: int
    self_time: float
    time: float
    flops: float
    line: Line | None
    other_lines: int
    row: int
    backward_time: float
    on_device: bool


@dataclass(frozen=True)
class Record:
    """One profile.

    Attributes:
        label: what was run.
        device: "cpu", or the accelerator with its name.
        threads: threads that torch uses for one operation on the CPU.
        wall: duration of the run that is drawn, in microseconds.
        events: the events of torch's profiler.
        memory: memory over time, a curve for each device.
        attribution: the module, phase and line of each event.
        plain_walls: durations of the runs without the profiler, in microseconds; empty for a block, which ran once.
        profiled_walls: durations of the runs with it; the drawn run is the median.
        initialized: paths of the lazy layers that the first run initialized.
    """

    label: str
    device: str
    threads: int
    wall: float
    events: Events
    memory: list[Memory]
    attribution: Attribution
    plain_walls: tuple[float, ...] = ()
    profiled_walls: tuple[float, ...] = ()
    initialized: tuple[str, ...] = ()

    @property
    def rows(self) -> list[Row]:
        """Modules in the order of the model, with what runs outside of them; their ``own_time`` adds up to :attr:`total`."""
        return self.attribution.rows

    @property
    def lines(self) -> list[Line]:
        """The lines of the learner's code."""
        return self.attribution.lines

    @cached_property
    def total(self) -> float:
        """Self time of all events on the CPU, in microseconds: ``profiler.key_averages().self_cpu_time_total``."""
        return float(self.events.self_time[~self.events.on_device].sum())

    @cached_property
    def device_total(self) -> float:
        """Time of all events on the accelerator, in microseconds."""
        return float(self.events.self_time[self.events.on_device].sum())

    @cached_property
    def between(self) -> float:
        """Time in which the thread that ran the code had no event, in microseconds: Python, and what torch does not record."""
        outermost = (self.events.thread == self.events.main_thread) & (self.events.parent < 0)
        return max(0.0, self.wall - float(self.events.duration[outermost].sum()))

    @cached_property
    def operations(self) -> list[Operation]:
        """Every operation, the one with the most self time first."""
        return operations(self.events, self.attribution)


def operations(events: Events, attribution: Attribution) -> list[Operation]:
    """Group events by their names, the group with the most self time first."""
    groups: dict[tuple[str, bool], list[int]] = {}
    for i, name in enumerate(events.names):
        key = ("" if attribution.is_module[i] else name, bool(events.on_device[i]))
        groups.setdefault(key, []).append(i)
    found = [
        _operation(name, device, np.array(indices), events, attribution) for (name, device), indices in groups.items()
    ]
    return sorted(found, key=lambda operation: -operation.self_time)


def _operation(name: str, on_device: bool, at: np.ndarray, events: Events, attribution: Attribution) -> Operation:
    self_time, lines = events.self_time[at], attribution.line[at]
    known = lines >= 0
    line, others = None, 0
    if known.any():
        by_line = np.bincount(lines[known], weights=np.maximum(self_time[known], 0))
        line, others = attribution.lines[int(by_line.argmax())], len(np.unique(lines[known])) - 1
    by_row = np.bincount(attribution.row[at], weights=np.maximum(self_time, 0))
    return Operation(
        name=name,
        calls=len(at),
        self_time=float(self_time.sum()),
        time=float(events.duration[at].sum()),
        flops=float(events.flops[at].sum()),
        line=line,
        other_lines=others,
        row=int(by_row.argmax()),
        backward_time=float(self_time[attribution.phase[at] == BACKWARD].sum()),
        on_device=on_device,
    )


def record(
    function: Callable[..., Any],
    args: Sequence[Any] = (),
    *,
    warmup: int = 1,
    repeats: int | None = None,
    label: str = "",
    names: dict[str, Any] | None = None,
) -> Record:
    """Run a function or a model under torch's profiler.

    It runs `warmup` times unmeasured, `repeats` times without the profiler and `repeats` times with it. What is returned is the profiled
    run with the median duration. A model, the models and optimizers that a function uses, and the arguments are as before
    afterwards.

    Args:
        function: any callable.
        args: its arguments.
        warmup: runs before those that are measured; the first run of a process is slow, and ``torch.compile`` compiles in it.
        repeats: measured runs of either kind; by default 5, or fewer if they take longer than 5 seconds.
        label: what is run, for the head line.
        names: variables, from which the models get their names.

    Raises:
        DlvizError: torch refuses the call, the function only makes a coroutine or a generator, or another profiler runs. An error from
            inside your own code is raised as it is.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
        >>> found = record(net, [torch.ones(1, 2)], label="net(x)", names={"net": net})
        >>> [row.path for row in found.rows]
        ['net', 'net.0', 'net.1']
        >>> bool(abs(sum(row.own_time for row in found.rows) - found.total) < 0.01)
        True

    Source:
        https://docs.pytorch.org/docs/stable/profiler.html
    """
    initialized = initialize_lazy(function, args) if isinstance(function, nn.Module) else []
    with restored(function, args), _refusals(label):
        for _ in range(warmup):
            _run(function, args)
        plain = _repeated(lambda: _timed(function, args), repeats)
        if warmup and plain[0] < 1e6:  # the profiler is slow at first too
            _recorded(function, args)
        runs = sorted(_repeated(lambda: _recorded(function, args), repeats), key=lambda run: run.wall)
    drawn = from_recording(runs[(len(runs) - 1) // 2], label, names or {})
    return replace(
        drawn,
        plain_walls=tuple(plain),
        profiled_walls=tuple(run.wall for run in runs),
        initialized=tuple(initialized),
    )


@contextmanager
def _refusals(label: str) -> Iterator[None]:
    """Raise what torch raises as a DlvizError that names the call; an error of the learner's own code stays as it is, with its trace."""
    try:
        yield
    except DlvizError:
        raise
    except Exception as error:
        if any(not is_library(frame.f_code) for frame, _ in traceback.walk_tb(error.__traceback__)):
            raise
        raise DlvizError(message("profiling.refused.call", what=label, torch=first_line(error))) from error


def _repeated(run: Callable[[], Result], repeats: int | None) -> list[Result]:
    """Return the results of several runs."""
    end = time.perf_counter() + _SECONDS
    found = [run()]
    while len(found) < (repeats or _REPEATS) and (repeats or time.perf_counter() < end):
        found.append(run())
    return found


def _run(function: Callable[..., Any], args: Sequence[Any]) -> None:
    """Call a function.

    Raises:
        DlvizError: it returned a coroutine or a generator of the learner's, so that its code waits to be run.
    """
    returned = function(*args)
    if isinstance(returned, CoroutineType):
        returned.close()  # Python would warn that it was never awaited
        raise DlvizError(message("profiling.refused.coroutine", name=returned.__name__))
    if isinstance(returned, AsyncGeneratorType):
        raise DlvizError(message("profiling.refused.async_generator", name=returned.__name__))
    if isinstance(returned, GeneratorType) and not is_library(returned.gi_code):
        raise DlvizError(message("profiling.refused.generator", name=returned.__name__))


def _timed(function: Callable[..., Any], args: Sequence[Any]) -> float:
    """Return the duration of one run without the profiler, in microseconds."""
    devices = used_devices()
    synchronize(devices)
    start = time.perf_counter()
    _run(function, args)
    synchronize(devices)
    return 1e6 * (time.perf_counter() - start)


def _recorded(function: Callable[..., Any], args: Sequence[Any]) -> Recording:
    recorder = Recorder(used_devices(), [], function if isinstance(function, nn.Module) else None)
    recorder.start()
    try:
        _run(function, args)
    finally:
        found = recorder.stop()
    return found


def used_devices() -> set[str]:
    """Return the types of the devices that this process uses."""
    return {"cpu", "cuda"} if torch.cuda.is_initialized() else {"cpu"}


def from_recording(recording: Recording, label: str, names: dict[str, Any]) -> Record:
    """Return the record of a run.

    Args:
        recording: the run.
        label: what was run.
        names: variables, from which the models get their names.
    """
    events, memory = parse(recording.results, recording.start_ns)
    roots = tuple(name_of(root, names, type(root).__name__) for root in recording.roots)
    attribution = attribute(events, recording.modules, roots, recording.lines, recording.start_ns)
    return _record(label, recording.wall, events, memory, attribution)


def _record(label: str, wall: float, events: Events, memory: list[Memory], attribution: Attribution) -> Record:
    device = torch.cuda.get_device_name() if events.on_device.any() else "cpu"
    return Record(label, device, torch.get_num_threads(), wall, events, memory, attribution)


def from_profiler(profiler: torch.profiler.profile, label: str = "") -> Record:
    """Return the record of a profiler of torch's that has ended; it knows neither modules nor lines.

    Args:
        profiler: the profiler, which may have been run with any options.
        label: what was run.

    Raises:
        DlvizError: it has not ended.

    Example:
        >>> with torch.profiler.profile() as profiler:
        ...     _ = torch.ones(3).relu()
        >>> from_profiler(profiler).events.names
        ['aten::ones', 'aten::empty', 'aten::fill_', 'aten::relu', 'aten::clamp_min']
    """
    results = None if profiler.profiler is None else profiler.profiler.kineto_results
    if results is None:
        raise DlvizError(message("profiling.refused.profiler"))
    first = min((event.start_ns() for event in results.events()), default=0)
    events, memory = parse(results, first)
    wall = float((events.start + events.duration).max(initial=0.0))
    return _record(label or message("profiling.profiler"), wall, events, memory, attribute(events))
