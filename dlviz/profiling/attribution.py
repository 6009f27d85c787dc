"""To which module, phase and line of code each event of a profile belongs."""

import linecache
from dataclasses import dataclass
from typing import Any

import numpy as np

from dlviz.kit.notebook_output import file_or_cell
from dlviz.profiling.events import Events
from dlviz.profiling.line_trace import LineTimes, Place
from dlviz.profiling.recording import MODULE_EVENT, CalledModule

#: What an event is part of. A transfer copies between the devices.
PHASES = ("forward", "backward", "optimizer", "data", "transfer")
FORWARD, BACKWARD, OPTIMIZER, DATA, TRANSFER = range(5)

_ENGINE = "autograd::engine::evaluate_function: "
_ACCUMULATE = "AccumulateGrad"
_TRANSFERS = ("Memcpy", "cudaMemcpy")


@dataclass(frozen=True)
class Row:
    """A row of the timeline: a module, or what runs outside of all modules.

    Attributes:
        label: the last part of the module's path, or the model's name.
        path: the module's whole path, with the model's name.
        kind: the name of the module's class; "data", "outside" or "optimizer" for the other rows.
        parent: index of the row of the module that holds it, −1 for none.
        depth: how many rows hold it.
        calls: how often the module was called.
        own_time: self time of the events that belong to this row and to none below it, in microseconds.
        time: that and the own times of the rows below.
        backward_time: the part of ``time`` in backward.
        device_time: time of the accelerator, of this row and those below.
    """

    label: str
    path: str
    kind: str
    parent: int
    depth: int
    calls: int
    own_time: float
    time: float
    backward_time: float
    device_time: float


@dataclass(frozen=True)
class Line:
    """A line of the learner's code.

    Attributes:
        where: "cell 4" in a notebook, else the file's name.
        number: the line's number.
        text: the line without its indentation.
    """

    where: str
    number: int
    text: str

    def __str__(self) -> str:
        return f"{self.where}:{self.number}"


@dataclass(frozen=True)
class Attribution:
    """Where events belong.

    Attributes:
        rows: the rows of the timeline.
        row: index of the row of each event.
        phase: index in :data:`PHASES` of each event.
        is_module: whether an event is the call of a module.
        lines: the lines that ran.
        line: index of the line of each event, −1 where none is known; of a backward event that of its forward.
    """

    rows: list[Row]
    row: np.ndarray
    phase: np.ndarray
    is_module: np.ndarray
    lines: list[Line]
    line: np.ndarray


def attribute(
    events: Events,
    modules: tuple[CalledModule, ...] = (),
    root_names: tuple[str, ...] = (),
    lines: LineTimes | None = None,
    start_ns: int = 0,
) -> Attribution:
    """Return the row, the phase and the line of each event.

    An event belongs to the innermost module that runs. A step of the backward pass belongs to the module whose forward made its node: both
    have the same sequence number (``torch.autograd.profiler.emit_nvtx`` explains it). The node that adds to ``.grad`` has no such number;
    the engine runs it right after the node whose gradient it adds, so it belongs to the same module.

    Args:
        events: all events.
        modules: the modules, by the numbers in the names of their events.
        root_names: the names of the models.
        lines: when the lines of the learner's code ran, in the main thread.
        start_ns: the time at which the events' times are 0, in nanoseconds since 1970.
    """
    keys, phase, source = _walk(events)
    rows, row = _rows(events, keys, phase, modules, root_names)
    is_module = np.array([name.startswith(MODULE_EVENT) for name in events.names], dtype=bool)
    found, line = _lines(events, source, lines, start_ns)
    return Attribution(rows, row, phase, is_module, found, line)


def _walk(events: Events) -> tuple[list[Any], np.ndarray, list[int]]:
    """Return for each event the key of its row, its phase, and the event whose line of code is its own."""
    count = len(events)
    keys: list[Any] = ["outside"] * count
    phase = np.zeros(count, dtype=np.uint8)
    source = list(range(count))
    makers: dict[tuple[int, int], int] = {}
    last_step: dict[int, int] = {}
    order = np.argsort(events.start, kind="stable").tolist()  # whatever explains an event began before it
    for i in order:
        name, outer, thread = events.names[i], int(events.parent[i]), int(events.thread[i])
        if events.on_device[i]:
            outer = int(events.launcher[i])
        if outer >= 0:
            keys[i], phase[i] = keys[outer], phase[outer]
            if phase[i] == BACKWARD or events.on_device[i]:
                source[i] = source[outer]
        if name.startswith(MODULE_EVENT):
            keys[i], source[i] = int(name.removeprefix(MODULE_EVENT)), i
        elif name.startswith(_ENGINE):
            maker = makers.get((int(events.forward_thread[i]), int(events.sequence[i])))
            if maker is None and name.endswith(_ACCUMULATE):
                maker = last_step.get(thread)
            keys[i], source[i] = ("outside", i) if maker is None else (keys[maker], source[maker])
            phase[i], last_step[thread] = BACKWARD, i
        elif name.startswith("Optimizer."):
            keys[i], phase[i] = "optimizer", OPTIMIZER
        elif name.startswith("enumerate(DataLoader)"):
            keys[i], phase[i] = "data", DATA
        if name.startswith(_TRANSFERS):
            phase[i] = TRANSFER
        if events.sequence[i] >= 0 and not events.forward_thread[i]:
            # torch gives an operation the number of the node that is made next: the last operation that has it made the node.
            makers[events.threads[thread].number, int(events.sequence[i])] = i
    return keys, phase, source


def _rows(
    events: Events, keys: list[Any], phase: np.ndarray, modules: tuple[CalledModule, ...], root_names: tuple[str, ...]
) -> tuple[list[Row], np.ndarray]:
    """Return the rows in the order in which they are drawn, and the row of each event."""
    used = set(keys)
    number = {(module.root, module.path): k for k, module in enumerate(modules)}
    shown: dict[Any, Any] = {}  # each key with that of its parent
    if "data" in used:
        shown["data"] = None
    for k, module in enumerate(modules):
        if k in used:
            for key in _ancestors(module, number):
                shown.setdefault(key, None)
    parents = {key: _parent(modules[key], number) if isinstance(key, int) else None for key in shown}
    listed = sorted(shown, key=lambda key: (key != "data", key if isinstance(key, int) else -1))
    listed += [key for key in ("outside", "optimizer") if key in used]
    index = {key: k for k, key in enumerate(listed)}
    row = np.array([index[key] for key in keys], dtype=np.int32)
    own, backward, device, calls = (np.zeros(len(listed)) for _ in range(4))
    on_cpu = ~events.on_device
    np.add.at(own, row[on_cpu], events.self_time[on_cpu])
    in_backward = on_cpu & (phase == BACKWARD)
    np.add.at(backward, row[in_backward], events.self_time[in_backward])
    np.add.at(device, row[events.on_device], events.self_time[events.on_device])
    called = np.array([name.startswith(MODULE_EVENT) for name in events.names], dtype=bool)
    np.add.at(calls, row[called], 1)
    up = [index[parents[key]] if parents.get(key) is not None else -1 for key in listed]
    time, depth = own.copy(), [0] * len(listed)
    for k in reversed(range(len(listed))):  # a module comes after the one that holds it
        if up[k] >= 0:
            for total in (time, backward, device):
                total[up[k]] += total[k]
    rows = []
    for k, key in enumerate(listed):
        depth[k] = depth[up[k]] + 1 if up[k] >= 0 else 0
        label, path, kind = _name(key, modules, root_names)
        sums = (own, time, backward, device)
        rows.append(Row(label, path, kind, up[k], depth[k], int(calls[k]), *(float(values[k]) for values in sums)))
    return rows, row


def _parent(module: CalledModule, number: dict[tuple[int, str], int]) -> int | None:
    """Return the number of the module that holds a module, ``None`` for a model."""
    return number.get((module.root, module.path.rpartition(".")[0])) if module.path else None


def _ancestors(module: CalledModule, number: dict[tuple[int, str], int]) -> list[int]:
    """Return the numbers of the module and of all that hold it."""
    parts = module.path.split(".") if module.path else []
    paths = [".".join(parts[:k]) for k in range(len(parts) + 1)]
    return [number[module.root, path] for path in paths if (module.root, path) in number]


def _name(key: Any, modules: tuple[CalledModule, ...], root_names: tuple[str, ...]) -> tuple[str, str, str]:
    """Return the label, the path and the kind of a row."""
    if not isinstance(key, int):
        return key, key, key
    module = modules[key]
    root = root_names[module.root] if module.root < len(root_names) else modules[key].kind
    if not module.path:
        return root, root, module.kind
    return module.path.rpartition(".")[2], f"{root}.{module.path}", module.kind


def _lines(events: Events, source: list[int], lines: LineTimes | None, start_ns: int) -> tuple[list[Line], np.ndarray]:
    """Return the lines of code, and the line of each event: the one that ran when its source began, in the thread that is traced."""
    found: list[Line] = []
    numbers: dict[Place, int] = {}
    line = np.full(len(events), -1, dtype=np.int32)
    if lines is None:
        return found, line
    main = events.main_thread
    for i, from_event in enumerate(source):
        if events.thread[from_event] != main:
            continue
        place = lines.at(start_ns + round(float(events.start[from_event]) * 1000))
        if place is None:
            continue
        if place not in numbers:
            numbers[place] = len(found)
            text = linecache.getline(place.code.co_filename, place.line).strip()
            found.append(Line(file_or_cell(place.code.co_filename), place.line, text))
        line[i] = numbers[place]
    return found, line
