"""What one process of a parallel run records: the profiler's timeline, gradients, memory and the duration of each optimizer step."""

import time
import warnings
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.autograd.profiler import profile
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from dlviz.multiprocess.capture import GRADIENT_STEPS, Capture, Gradients, Memory, measure_memory
from dlviz.multiprocess.groups import named_groups
from dlviz.multiprocess.timeline import MODEL_EVENT, RawSpan, clock_error, mark_clock, spans_of
from dlviz.torchkit.modules import parameters

#: Seconds after which a recording ends in any case: the profiler keeps every event in memory.
_MOST_SECONDS = 30.0
#: Comparisons of the clocks at the beginning and at the end of a recording: the closest counts.
_CLOCK_MARKS = 5


@dataclass(frozen=True)
class Recording:
    """What one process recorded. Times are in nanoseconds since 1970.

    Attributes:
        start, end: when the worker was called and when it returned.
        spans: the timeline.
        step_ends: ends of the recorded optimizer steps.
        step_seconds: durations of all optimizer steps, the recorded ones first.
        gradients: of the first recorded steps.
        memory: what this process holds after the first step.
        clock_error: how far the profiler's times may be from the clock that all processes share.
    """

    start: int
    end: int
    spans: list[RawSpan]
    step_ends: list[int]
    step_seconds: list[float]
    gradients: Gradients
    memory: Memory
    clock_error: int


class Recorder:
    """Records from ``with`` until a number of optimizer steps has been made; after that it only measures their durations.

    A step ends before an optimizer steps again, or when all have stepped that made the step before: the two optimizers of a GAN make one
    step together, and those of two trainings, one after the other, do not.

    Args:
        steps: optimizer steps to record.
    """

    def __init__(self, steps: int) -> None:
        self._limit = steps
        self._optimizers: dict[int, Optimizer] = {}  # that have stepped in this step
        self._previous: set[int] = set()  # and in the one before
        self._step_ends: list[int] = []
        self._last_end = 0
        self._capture = Capture()
        self._memory: Memory = {}
        self._roots: dict[int, nn.Module] = {}
        self._open: list[Any] = []
        self._spans: list[RawSpan] = []
        self._clock_error = 0
        self._marks: list[tuple[int, int]] = []
        self._profiler: profile | None = None
        self._recorded_steps = 0
        self._timing: list[Any] = []
        self._handles: list[Any] = []
        self._start = self._end = 0
        self._groups = ExitStack()

    def __enter__(self) -> "Recorder":
        # torch.compile warns of hooks for all modules, which are meant. The process is the worker's own.
        warnings.filterwarnings("ignore", message=".*global hooks on modules")
        self._handles = [
            register_module_forward_pre_hook(self._enter_module),
            register_module_forward_hook(self._leave_module, always_call=True),
        ]
        self._timing = [
            register_optimizer_step_pre_hook(self._before_step),
            register_optimizer_step_post_hook(self._after_step),
        ]
        # torch.profiler.profile is this one with more around it, and imports torch's compiler: two seconds more for each process.
        self._profiler = profile(record_shapes=True)
        self._profiler.__enter__()
        self._marks = [mark_clock() for _ in range(_CLOCK_MARKS)]
        dist.barrier()
        self._start = time.time_ns()
        self._groups.enter_context(named_groups(self._stop_if_long))
        return self

    def __exit__(self, *error: object) -> None:
        self._end = time.time_ns()
        if self._optimizers:
            self._end_step()
        for handle in self._timing:
            handle.remove()
        self._stop(self._end)

    def recording(self) -> Recording:
        """Return what was recorded."""
        ends = self._step_ends
        recorded = ends[: self._recorded_steps]
        begin = step_zero(self._spans, recorded, self._start)
        seconds = [(end - start) / 1e9 for start, end in zip([begin, *ends], ends, strict=False)]
        return Recording(
            self._start,
            self._end,
            self._spans,
            recorded,
            seconds,
            self._capture.gradients,
            self._memory,
            self._clock_error,
        )

    def _stop_if_long(self) -> None:
        if time.time_ns() - self._start > _MOST_SECONDS * 1e9:
            self._stop(time.time_ns())

    def _stop(self, until: int) -> None:
        """End the recording, and leave out what began later than `until`."""
        if self._profiler is None:
            return
        self._groups.close()
        self._marks += [mark_clock() for _ in range(_CLOCK_MARKS)]
        self._profiler.__exit__(None, None, None)
        results: Any = self._profiler.kineto_results
        self._profiler = None
        for handle in self._handles:
            handle.remove()
        self._capture.end()
        self._recorded_steps = len(self._step_ends)
        self._spans = [span for span in spans_of(results, self._start, self._step_ends) if span.start < until]
        self._clock_error = clock_error(results, self._marks)

    def _enter_module(self, module: nn.Module, args: Any) -> None:
        if torch.compiler.is_compiling():
            return
        if not self._open:
            self._stop_if_long()
            if self._profiler is None:
                return
            if id(module) not in self._roots:
                self._roots[id(module)] = module
                self._capture.add_model(module)
            event = torch._C._autograd._record_function_with_args_enter(MODEL_EVENT + _model_name(module))
        else:
            event = None
        self._open.append((id(module), event))

    def _leave_module(self, module: nn.Module, args: Any, output: Any) -> None:
        if torch.compiler.is_compiling():
            return
        # A call may have ended without its hook, when a hook of the learner's raised.
        while self._open:
            identity, event = self._open.pop()
            if event is not None:
                torch._C._autograd._record_function_with_args_exit(event)
            if identity == id(module):
                return

    def _before_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        stepped = set(self._optimizers)
        if id(optimizer) in stepped or (self._previous and stepped >= self._previous):
            self._end_step()
            if len(self._step_ends) == self._limit:
                self._stop(self._last_end)
        if self._profiler is not None and len(self._step_ends) < GRADIENT_STEPS:
            if not self._optimizers:
                self._capture.begin_step()
            self._capture.add(optimizer)
        self._optimizers[id(optimizer)] = optimizer

    def _end_step(self) -> None:
        self._step_ends.append(self._last_end)
        self._previous = set(self._optimizers)
        self._optimizers.clear()

    def _after_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        self._last_end = time.time_ns()
        if not self._step_ends:
            tensors = [parameter for root in self._roots.values() for parameter in parameters(root)]
            self._memory = measure_memory(tensors, list(self._optimizers.values()))


def _model_name(module: nn.Module) -> str:
    """Return the class of a model, without torch's wrappers for compiled models and data parallel training."""
    inner = getattr(module, "_orig_mod", module)
    if isinstance(inner, nn.parallel.DistributedDataParallel):
        inner = inner.module
    return type(inner).__name__


def step_zero(spans: list[RawSpan], step_ends: list[int], start: int) -> int:
    """Return when the first optimizer step begins: at the first data, forward or ``zero_grad()``, or with the worker."""
    if not step_ends:
        return start
    begins = [span.start for span in spans if span.kind in ("data", "forward", "optimizer")]
    return min(begins, default=start)
