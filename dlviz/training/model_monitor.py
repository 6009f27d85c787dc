"""Monitor of a model in training: gradients, updates, dead units, weights, and the first layer that produced a NaN."""

import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from dlviz.kit.snapshots import thin
from dlviz.torchkit.modules import modules, named_children, named_modules

#: Seconds between two samples.
SAMPLE_PERIOD = 0.25
#: Largest share of the training time that sampling may take.
TIME_SHARE = 0.04
#: Seconds that sampling may take before its share is limited, so that a run of a few steps is sampled too.
FREE_SECONDS = 0.05
#: While sampling has taken less than that, it is so many times as frequent, so that a short run can be replayed.
EARLY_SECONDS, EARLY_RATE = 0.01, 5
#: Samples of a run that are kept for its replay, and rows of all of them together.
MAX_SAMPLES, MAX_ROWS = 60, 600
#: Bins of a histogram of weights.
BINS = 24


@dataclass(frozen=True)
class LayerStats:
    """Statistics of one layer at one sampled step.

    Attributes:
        name: its qualified name in the model; with several models after the name of its own.
        gradient: norm of its parameters' gradient as the optimizer's step found it, or else of the one accumulated last; ``None`` if there
            is none.
        weight: norm of its parameters.
        ratio: norm of the step's update, divided by the norm of the parameters.
        dead: share of a ReLU's units that were 0 for the whole batch, ``None`` for other layers.
        counts: histogram of its finite parameters, in 24 bins from `low` to `high`; empty if it has none. A complex parameter counts as
            two numbers.
        low, high: the least and the largest finite parameter.
    """

    name: str
    gradient: float | None = None
    weight: float | None = None
    ratio: float | None = None
    dead: float | None = None
    counts: tuple[int, ...] = ()
    low: float = 0.0
    high: float = 0.0


@dataclass(frozen=True)
class ModelSample:
    """Statistics of every layer at one step.

    Attributes:
        index: how many samples of the run were taken before it.
        step: the step.
        layers: the layers in the models' order.
    """

    index: int
    step: int
    layers: list[LayerStats]


class ModelMonitor:
    """Monitor that samples models at some training steps, and checks whether their outputs are finite.

    At other steps it computes only one sum for each layer, and that only as often as :data:`TIME_SHARE` allows. It hooks into torch
    between :meth:`open` and :meth:`close` and never into a model, which can be pickled and copied at any time; a copy is not monitored.

    Attributes:
        layers: the latest sample, in the models' order.
        step: step of the latest sample.
        samples: samples of the run, evenly spaced, the latest included.
        nonfinite_layer: the first layer whose output contained a NaN or an infinity; "" if there is none.
        nonfinite_step: the step at which it did.
        seconds: time spent in the monitor.
    """

    def __init__(self, model: nn.Module | None = None, name: str = "model") -> None:
        self.reset()
        self._sampling = False
        self._weights_before: dict[str, Tensor] = {}
        # Norms of gradients by the parameter's id: as accumulated last, and as an optimizer's step found them.
        self._accumulated: dict[int, Tensor] = {}
        self._stepped: dict[int, Tensor] = {}
        self._dead: dict[str, Tensor] = {}
        # As weak references: the monitor must not keep a model alive.
        self._models: dict[str, weakref.ref[nn.Module]] = {}
        self._modules: dict[str, weakref.ref[nn.Module]] = {}
        self._names: dict[int, str] = {}
        self._is_open = False
        self._remove_hook: Any = None
        self._sample_handles: list[Any] = []
        if model is not None:
            self.watch(model, name)

    def free_name(self, base: str) -> str:
        """Return `base`, with a number if another model has that name."""
        numbered = (f"{base} {number}" if number > 1 else base for number in count(1))
        return next(name for name in numbered if name not in self._models or self._models[name]() is None)

    def watch(self, model: nn.Module, name: str) -> None:
        """Monitor one more model. One of the same name is replaced: its cell has run again."""
        self._drop_sample()
        self._models = {other: kept for other, kept in self._models.items() if kept() not in (None, model)}
        self._models[name] = weakref.ref(model)
        self._modules = {}
        self._names = {}
        for one, reference in self._models.items():
            watched = reference()
            for path, module, compiled in [] if watched is None else _layers(watched):
                layer = f"{one}.{path}" if path and len(self._models) > 1 else path or one
                self._modules[layer] = weakref.ref(module)
                if not compiled and not named_children(module):
                    self._names[id(module)] = layer
        if self._is_open:
            self._hook()

    def reset(self) -> None:
        """Forget every sample: the run starts."""
        self.layers: list[LayerStats] = []
        self.samples: list[ModelSample] = []
        self.step, self.nonfinite_layer, self.nonfinite_step = 0, "", 0
        self.seconds, self._start_time, self._next_sample = 0.0, time.perf_counter(), 0.0
        self._sums: list[tuple[str, Tensor]] = []

    def open(self) -> None:
        """Begin to listen: a loop begins."""
        self._is_open = True
        self._hook()

    def close(self) -> None:
        """Remove every hook: the loop has ended."""
        self._is_open = False
        self._drop_sample()
        self._sums = []
        if self._remove_hook is not None:
            self._remove_hook()
            self._remove_hook = None

    def _hook(self) -> None:
        """Have torch call the monitor after every module's forward pass, if there is a layer to listen to."""
        # A hook of all modules, because one of a single module would be pickled and copied with it.
        if self._remove_hook is None and self._names:
            reference = weakref.ref(self)

            def on_forward(module: nn.Module, args: Any, output: Any) -> None:
                # A compiled frame must not break here.
                if torch.compiler.is_compiling():
                    return
                monitor = reference()
                if monitor is not None:
                    monitor._on_forward(module, output)

            self._remove_hook = weakref.finalize(self, register_module_forward_hook(on_forward).remove)

    def on_step_end(self, step: int) -> None:
        """Finish the sample of the step that ended, and begin the next sample if it is due."""
        start = time.perf_counter()
        if self._sampling:
            self._finish_sample(step)
        self.check_finite(step)
        self._sums = []
        self._sampling = start >= self._next_sample and self._within_budget(start)
        if self._sampling:
            self._begin_sample()
            self._next_sample = start + SAMPLE_PERIOD / (1 if self.seconds > EARLY_SECONDS else EARLY_RATE)
        self.seconds += time.perf_counter() - start

    def _within_budget(self, now: float) -> bool:
        """Return whether the monitor has taken no more than its share of the time."""
        return self.seconds <= FREE_SECONDS + TIME_SHARE * (now - self._start_time)

    def check_finite(self, step: int) -> None:
        """Record the first layer of the last forward pass whose output was not finite."""
        if self.nonfinite_layer or not self._sums:
            return
        # One transfer from the GPU for all layers.
        finite = torch.isfinite(_stack([total.float() for _, total in self._sums])).tolist()
        if not all(finite):
            self.nonfinite_layer, self.nonfinite_step = self._sums[finite.index(False)][0], step

    def _on_forward(self, module: nn.Module, output: Any) -> None:
        name = self._names.get(id(module))
        if name is None or self._modules[name]() is not module:
            return
        if not isinstance(output, Tensor) or not _is_readable(output) or not torch.is_grad_enabled():
            return
        start = time.perf_counter()
        values = output.detach()
        if not self.nonfinite_layer and (self._sampling or self._within_budget(start)):
            total = values.sum()
            self._sums.append((name, total.abs() if total.is_complex() else total))
        if self._sampling and isinstance(module, nn.ReLU):
            # (N, units) or (N, channels, …): a unit is a column or a channel.
            units = values.movedim(1, 0).flatten(1).T if values.dim() > 2 else torch.atleast_2d(values)
            self._dead[name] = (units == 0).all(0).float().mean()
        self.seconds += time.perf_counter() - start

    @contextmanager
    def _timed(self) -> Iterator[None]:
        """Count the time of the block as the monitor's."""
        start = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - start

    def _begin_sample(self) -> None:
        self._weights_before, self._accumulated, self._stepped, self._dead = {}, {}, {}, {}
        before, after = _weakly(self._before_optimizer_step), _weakly(self._after_optimizer_step)
        accumulated = _weakly(self._on_accumulated)
        self._sample_handles = [register_optimizer_step_pre_hook(before), register_optimizer_step_post_hook(after)]
        hooked = set()
        for name, parameters in self._parameters():
            self._weights_before[name] = _flat(parameters)
            for p in parameters:
                # Read as soon as it is accumulated: a loop without an optimizer may set it to None before the step ends.
                if id(p) not in hooked:
                    self._sample_handles.append(p.register_post_accumulate_grad_hook(accumulated))
                    hooked.add(id(p))

    def _on_accumulated(self, parameter: Tensor) -> None:
        with self._timed():
            if parameter.grad is not None:
                # The gradient adds up over backward passes: the latest one holds those before it.
                self._accumulated[id(parameter)] = _norm(parameter.grad)

    def _before_optimizer_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        # With a closure the step computes the gradients itself.
        if not _has_closure(args, kwargs):
            self._read_gradients(optimizer)

    def _after_optimizer_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if _has_closure(args, kwargs):
            self._read_gradients(optimizer)

    def _read_gradients(self, optimizer: Optimizer) -> None:
        with self._timed():
            watched = {id(p) for _, parameters in self._parameters() for p in parameters}
            for group in optimizer.param_groups:
                for p in group["params"]:
                    if id(p) in watched and p.grad is not None:
                        self._stepped[id(p)] = _norm(p.grad)

    def _drop_sample(self) -> None:
        for handle in self._sample_handles:
            handle.remove()
        self._sample_handles, self._weights_before, self._sampling = [], {}, False

    def _finish_sample(self, step: int) -> None:
        weights_before = self._weights_before
        self._drop_sample()
        rows: dict[str, dict[str, Tensor]] = {}
        histograms: dict[str, Tensor] = {}
        for name, parameters in self._parameters():
            weights, before = _flat(parameters), weights_before.get(name)
            row = {"weight": _norm(weights)}
            if before is not None and before.shape == weights.shape:
                row["ratio"] = _norm(weights - before) / _norm(before).clamp_min(1e-12)
            found = {**self._accumulated, **self._stepped}
            gradients = [found[id(p)] for p in parameters if id(p) in found]
            if gradients:
                row["gradient"] = torch.stack(gradients).norm()
            rows[name] = row
            numbers = torch.view_as_real(weights).flatten() if weights.is_complex() else weights
            finite = numbers[torch.isfinite(numbers)].float()
            if finite.numel():
                row["low"], row["high"] = finite.min(), finite.max()
                histograms[name] = torch.histc(finite, BINS)
        for name, share in self._dead.items():
            rows.setdefault(name, {})["dead"] = share
        statistics = _to_floats(rows)
        trained = any("gradient" in row or "dead" in row or row.get("ratio") for row in statistics.values())
        # A trainer's callback logs its evaluation too: no training lies between that log and the last one.
        if self.layers and not trained:
            return
        order = [name for name in self._modules if name in statistics]
        counts = _to_ints(histograms)
        self.layers = [LayerStats(name, **statistics[name], counts=counts.get(name, ())) for name in order]
        self.step = step
        self._keep_sample()

    def _keep_sample(self) -> None:
        """Add the latest sample to those that are kept."""
        index = self.samples[-1].index + 1 if self.samples else 0
        most = max(2, min(MAX_SAMPLES, MAX_ROWS // max(1, len(self.layers))))
        self.samples = thin([*self.samples, ModelSample(index, self.step, self.layers)], most)

    def _parameters(self) -> list[tuple[str, list[nn.Parameter]]]:
        parameters = []
        for name, reference in self._modules.items():
            module = reference()
            own = [] if module is None else [p for p in _own_parameters(module) if p.requires_grad]
            if own:
                parameters.append((name, own))
        return parameters


def has_compiled(model: nn.Module) -> bool:
    """Return whether a part of the model is compiled, so that its layers' outputs cannot be seen."""
    return any(_is_compiled(module) for module in modules(model))


def _is_compiled(module: nn.Module) -> bool:
    """Return whether ``torch.compile(module)`` made it, or ``module.compile()`` was called."""
    return "_orig_mod" in module._modules or module._compiled_call_impl is not None


def _layers(model: nn.Module) -> list[tuple[str, nn.Module, bool]]:
    """Return leaf modules and modules with parameters of their own: path as without compiling, module, whether it is compiled."""
    layers, roots = [], []
    for path, module in named_modules(model):
        if _is_compiled(module):
            roots.append(path)
        compiled = any(not root or path == root or path.startswith(f"{root}.") for root in roots)
        if not named_children(module) or _own_parameters(module):
            plain = ".".join(part for part in path.split(".") if part != "_orig_mod")
            layers.append((plain, module, compiled))
    return layers


def _own_parameters(module: nn.Module) -> list[nn.Parameter]:
    """Return the module's own parameters that have values; a lazy module has none yet."""
    # A scripted module keeps them elsewhere than under `_parameters`, but answers to its method.
    own = (
        module.parameters(recurse=False) if isinstance(module, torch.jit.ScriptModule) else module._parameters.values()
    )
    return [p for p in own if p is not None and not is_lazy(p) and not p.is_meta]


def _is_readable(output: Tensor) -> bool:
    """Return whether the output holds numbers that can be added up now."""
    numbers = output.is_floating_point() or output.is_complex()
    wrapped = torch._C._functorch.is_functorch_wrapped_tensor(output) or torch._C._get_tracing_state() is not None
    return numbers and output.dtype.itemsize > 1 and not output.is_meta and not wrapped


def _has_closure(args: Any, kwargs: Any) -> bool:
    """Return whether ``optimizer.step`` got a closure; its first argument is the optimizer."""
    return any(map(callable, (*args[1:], *kwargs.values())))


def _weakly(method: Callable[..., None]) -> Callable[..., None]:
    """Return a function that calls the method as long as its object lives, and does not keep it alive."""
    reference = weakref.WeakMethod(method)

    def call(*args: Any) -> None:
        alive = reference()
        if alive is not None:
            alive(*args)

    return call


def _flat(parameters: list[nn.Parameter]) -> Tensor:
    return torch.cat([p.detach().flatten() for p in parameters])


def _norm(values: Tensor) -> Tensor:
    """Return the norm as torch says it; of low-precision numbers in float32, so that it does not overflow."""
    values = values.detach()
    if values.is_sparse:
        values = values.coalesce().values()
    values = values if values.is_complex() or values.dtype == torch.float64 else values.float()
    return torch.linalg.vector_norm(values)


def _stack(values: list[Tensor]) -> Tensor:
    """Return the values as one tensor, even if the models are on several devices."""
    return torch.stack([value.to(values[0].device) for value in values])


def _to_floats(rows: Mapping[str, Mapping[str, Tensor]]) -> dict[str, dict[str, float]]:
    """Return the rows with floats, fetched from the device in one transfer."""
    flat = [(name, key, value) for name, row in rows.items() for key, value in row.items()]
    if not flat:
        return {}
    values = _stack([value.double() for _, _, value in flat]).tolist()
    floats: dict[str, dict[str, float]] = {}
    for (name, key, _), value in zip(flat, values, strict=True):
        floats.setdefault(name, {})[key] = value
    return floats


def _to_ints(histograms: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Return the counts, fetched from the device in one transfer."""
    if not histograms:
        return {}
    rows = _stack(list(histograms.values())).long().tolist()
    return {name: tuple(row) for name, row in zip(histograms, rows, strict=True)}
