"""One run under torch's profiler: its events, the modules that it called, and the lines of the learner's code."""

import os
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as torch_module
from torch.profiler import ProfilerActivity, profile

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.profiling.line_trace import LineTimes, LineTrace
from dlviz.torchkit.modules import named_modules

#: Begins the name of the event of a module's call; the module's number follows.
MODULE_EVENT = "dlviz::module "


@dataclass(frozen=True)
class CalledModule:
    """A module that was called, or that holds one.

    Attributes:
        root: number of the model that it belongs to.
        path: its path in that model, "" for the model itself.
        kind: the name of its class.
    """

    root: int
    path: str
    kind: str


@dataclass(frozen=True)
class Recording:
    """What one run left.

    Attributes:
        profiler: torch's profiler, with its events.
        modules: the modules of all models that were called, by the numbers in the names of their events.
        roots: the models.
        lines: lines of the learner's code, of the thread that ran it.
        start_ns, end_ns: when it began and ended, in nanoseconds since 1970.
    """

    profiler: profile
    modules: tuple[CalledModule, ...]
    roots: tuple[nn.Module, ...]
    lines: LineTimes
    start_ns: int
    end_ns: int

    @property
    def results(self) -> Any:
        """The profiler's own events."""
        assert self.profiler.profiler is not None
        return self.profiler.profiler.kineto_results

    @property
    def wall(self) -> float:
        """Its duration in microseconds."""
        return (self.end_ns - self.start_ns) / 1000


class Recorder:
    """Records a run between :meth:`start` and :meth:`stop`.

    Args:
        devices: types of the devices that the run uses, such as {"cpu", "cuda"}.
        frames: the learner's frames that run already, innermost first.
        model: the model that is run, where it is known; the others are found by their calls.
    """

    def __init__(self, devices: set[str], frames: list[FrameType], model: nn.Module | None = None) -> None:
        accelerator = [ProfilerActivity.CUDA] if "cuda" in devices else []
        self._profiler = profile(
            activities=[ProfilerActivity.CPU, *accelerator], record_shapes=True, profile_memory=True, with_flops=True
        )
        self._devices = devices
        self._calls = _ModuleCalls()
        if model is not None:
            self._calls.add(model)
        self._trace = LineTrace(frames)
        self._start_ns = 0

    def start(self) -> None:
        """Begin.

        Raises:
            DlvizError: another profiler runs.
        """
        if torch.autograd._profiler_enabled():
            raise DlvizError(message("profiling.refused.running"))
        leftover = torch.empty(1)
        with _without_profiler_lines():
            self._profiler.__enter__()
            # torch warns once in a process about the first block that was allocated before; this is one.
            del leftover
        self._calls.attach()
        synchronize(self._devices)
        self._start_ns = time.time_ns()
        self._trace.__enter__()

    def stop(self) -> Recording:
        """End, and return what was recorded."""
        self._trace.__exit__()
        synchronize(self._devices)
        end_ns = time.time_ns()
        self._calls.detach()
        with _without_profiler_lines():
            self._profiler.__exit__(None, None, None)
        calls = self._calls
        return Recording(
            self._profiler, tuple(calls.modules), tuple(calls.roots), self._trace.lines, self._start_ns, end_ns
        )


class _ModuleCalls:
    """An event in the profile for every call of a module, by hooks that torch keeps for all modules.

    They are no hooks of the modules themselves, which would switch off the fast path of ``nn.TransformerEncoderLayer``.
    """

    def __init__(self) -> None:
        self.modules: list[CalledModule] = []
        self.roots: list[nn.Module] = []
        self._numbers: dict[int, int] = {}
        self._open: dict[int, list[tuple[int, Any]]] = {}
        self._handles: list[Any] = []
        self._filter: Any = None

    def attach(self) -> None:
        # torch.compile warns that a hook for all modules also sees the module that it returned, which is meant.
        warnings.filterwarnings("ignore", message=".*global hooks on modules")
        self._filter = warnings.filters[0]
        self._handles = [
            torch_module.register_module_forward_pre_hook(self._enter),
            torch_module.register_module_forward_hook(self._leave, always_call=True),
        ]

    def detach(self) -> None:
        for handle in self._handles:
            handle.remove()
        if self._filter in warnings.filters:
            warnings.filters.remove(self._filter)  # type: ignore[attr-defined]
        self._numbers.clear()

    def _enter(self, module: nn.Module, args: Any) -> None:
        if torch.compiler.is_compiling():
            return
        number = self._numbers.get(id(module))
        if number is None:
            number = self.add(module)
        handle = torch._C._autograd._record_function_with_args_enter(f"{MODULE_EVENT}{number}")
        self._open.setdefault(threading.get_ident(), []).append((id(module), handle))

    def _leave(self, module: nn.Module, args: Any, output: Any) -> None:
        calls = self._open.get(threading.get_ident())
        # A call may have ended without its hook, when a hook of the learner's raised.
        while calls:
            identity, handle = calls.pop()
            torch._C._autograd._record_function_with_args_exit(handle)
            if identity == id(module):
                return

    def add(self, root: nn.Module) -> int:
        """Number a model and all its modules, and return the model's number."""
        for path, module in named_modules(root):
            if id(module) not in self._numbers:
                self._numbers[id(module)] = len(self.modules)
                self.modules.append(CalledModule(len(self.roots), path, type(module).__name__))
        self.roots.append(root)
        return self._numbers[id(root)]


def synchronize(devices: set[str]) -> None:
    """Wait until the accelerators have finished what they were given."""
    if "cuda" in devices:
        torch.cuda.synchronize()


#: Lines that the profiler's library writes to the process's standard error at every start and stop, and torch once.
_NOISE = (b"SyncActivityProfilerHandler", b"Memory block of unknown size was allocated before the profiling started")


@contextmanager
def _without_profiler_lines() -> Iterator[None]:
    """Leave out what the profiler's library says of its start and stop; other lines come out afterwards."""
    try:
        before = os.dup(2)
    except OSError:  # no standard error
        yield
        return
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(before, 2)
            file.seek(0)
            rest = b"".join(line for line in file if not any(part in line for part in _NOISE))
            with suppress(OSError):
                if rest:
                    os.write(2, rest)
            os.close(before)
