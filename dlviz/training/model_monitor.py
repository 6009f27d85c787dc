"""Monitor of a model in training: gradients, updates, dead units, weights, and the first layer that produced a NaN."""

import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

#: Seconds between two samples.
SAMPLE_PERIOD = 0.25
#: Largest share of the training time that sampling may take.
TIME_SHARE = 0.04
#: Seconds that sampling may take before its share is limited, so that a run of a few steps is sampled too.
FREE_SECONDS = 0.05
#: Bins of a histogram of weights.
BINS = 24


@dataclass(frozen=True)
class LayerStats:
    """Statistics of one layer at one sampled step.

    Attributes:
        name: its qualified name in the model.
        gradient: norm of its parameters' gradient, ``None`` if there is none.
        weight: norm of its parameters.
        ratio: norm of the step's update, divided by the norm of the parameters.
        dead: share of a ReLU's units that were 0 for the whole batch, ``None`` for other layers.
        counts: histogram of its finite parameters, in 24 bins from `low` to `high`; empty if it has none.
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


class ModelMonitor:
    """Monitor that samples a model at some training steps, and checks whether its outputs are finite.

    At other steps it computes only one sum for each layer, and that only as often as :data:`TIME_SHARE` allows.

    Attributes:
        layers: the latest sample, in the model's order.
        step: step of the latest sample.
        nonfinite_layer: the first layer whose output contained a NaN or an infinity; "" if there is none.
        nonfinite_step: the step at which it did.
        seconds: time spent in the monitor.
    """

    def __init__(self, model: nn.Module) -> None:
        self.reset()
        self._sampling = False
        self._weights_before: dict[str, Tensor] = {}
        self._gradients: dict[str, Tensor] = {}
        self._dead: dict[str, Tensor] = {}
        # Leaf modules and modules with parameters of their own, as weak references: the monitor must not keep the model alive.
        self._modules = {
            name: weakref.ref(module)
            for name, module in model.named_modules()
            if next(module.children(), None) is None or any(True for _ in module.parameters(recurse=False))
        }
        self._handles: list[Any] = []
        self._gradient_handles: list[Any] = []
        for name, module in model.named_modules():
            if next(module.children(), None) is None:
                self._handles.append(module.register_forward_hook(self._hook(name)))

    def reset(self) -> None:
        """Forget every sample: the run starts."""
        self.layers: list[LayerStats] = []
        self.step, self.nonfinite_layer, self.nonfinite_step = 0, "", 0
        self.seconds, self._start_time, self._next_sample = 0.0, time.perf_counter(), 0.0
        self._sums: list[tuple[str, Tensor]] = []

    def close(self) -> None:
        """Remove every hook."""
        for handle in self._handles:
            handle.remove()
        self._handles = []

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
            self._next_sample = start + SAMPLE_PERIOD
        self.seconds += time.perf_counter() - start

    def _within_budget(self, now: float) -> bool:
        """Return whether the monitor has taken no more than its share of the time."""
        return self.seconds <= FREE_SECONDS + TIME_SHARE * (now - self._start_time)

    def check_finite(self, step: int) -> None:
        """Record the first layer of the last forward pass whose output was not finite."""
        if self.nonfinite_layer or not self._sums:
            return
        # One transfer from the GPU for all layers.
        finite = torch.isfinite(torch.stack([total.float() for _, total in self._sums])).tolist()
        if not all(finite):
            self.nonfinite_layer, self.nonfinite_step = self._sums[finite.index(False)][0], step

    def _hook(self, name: str) -> Any:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            if not isinstance(output, Tensor) or not output.is_floating_point() or not torch.is_grad_enabled():
                return
            start = time.perf_counter()
            values = output.detach()
            if not self.nonfinite_layer and (self._sampling or self._within_budget(start)):
                self._sums.append((name, values.sum()))
            if self._sampling and isinstance(module, nn.ReLU):
                # (N, units) or (N, channels, …): a unit is a column or a channel.
                units = values.movedim(1, 0).flatten(1).T if values.dim() > 2 else torch.atleast_2d(values)
                self._dead[name] = (units == 0).all(0).float().mean()
            self.seconds += time.perf_counter() - start

        return hook

    def _begin_sample(self) -> None:
        self._weights_before, self._gradients, self._dead = {}, {}, {}
        self._gradient_handles = []
        for name, parameters in self._parameters():
            self._weights_before[name] = torch.cat([p.detach().flatten() for p in parameters])
            for p in parameters:
                # Read as soon as it is accumulated: the loop may set it to None before the step ends.
                self._gradient_handles.append(p.register_post_accumulate_grad_hook(self._gradient_hook(name)))

    def _gradient_hook(self, name: str) -> Any:
        def hook(parameter: Tensor) -> None:
            if parameter.grad is not None:
                square = parameter.grad.detach().float().square().sum()
                self._gradients[name] = self._gradients[name] + square if name in self._gradients else square

        return hook

    def _finish_sample(self, step: int) -> None:
        for handle in self._gradient_handles:
            handle.remove()
        self._sampling = False
        rows: dict[str, dict[str, Tensor]] = {}
        histograms: dict[str, Tensor] = {}
        for name, parameters in self._parameters():
            weights, before = torch.cat([p.detach().flatten() for p in parameters]), self._weights_before[name]
            row = {"weight": weights.float().norm()}
            row["ratio"] = (weights - before).float().norm() / before.float().norm().clamp_min(1e-12)
            if name in self._gradients:
                row["gradient"] = self._gradients[name].sqrt()
            rows[name] = row
            finite = weights[torch.isfinite(weights)].float()
            if finite.numel():
                row["low"], row["high"] = finite.min(), finite.max()
                histograms[name] = torch.histc(finite, BINS)
        for name, share in self._dead.items():
            rows.setdefault(name, {})["dead"] = share
        statistics = _to_floats(rows)
        order = [name for name in self._modules if name in statistics]
        counts = _to_ints(histograms)
        self.layers = [LayerStats(name, **statistics[name], counts=counts.get(name, ())) for name in order]
        self.step = step

    def _parameters(self) -> list[tuple[str, list[nn.Parameter]]]:
        parameters = []
        for name, reference in self._modules.items():
            module = reference()
            own = [] if module is None else [p for p in module.parameters(recurse=False) if p.requires_grad]
            if own:
                parameters.append((name, own))
        return parameters


def _to_floats(rows: Mapping[str, Mapping[str, Tensor]]) -> dict[str, dict[str, float]]:
    """Return the rows with floats, fetched from the device in one transfer."""
    flat = [(name, key, value) for name, row in rows.items() for key, value in row.items()]
    if not flat:
        return {}
    values = torch.stack([value.double() for _, _, value in flat]).tolist()
    floats: dict[str, dict[str, float]] = {}
    for (name, key, _), value in zip(flat, values, strict=True):
        floats.setdefault(name, {})[key] = value
    return floats


def _to_ints(histograms: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Return the counts, fetched from the device in one transfer."""
    if not histograms:
        return {}
    rows = torch.stack(list(histograms.values())).long().tolist()
    return {name: tuple(row) for name, row in zip(histograms, rows, strict=True)}
