"""What goes on inside a model while it trains: gradients, updates, dead units, and the first layer that made a NaN."""

import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

#: Seconds between two samples, and the share of the training time that they may take.
EVERY, SHARE = 0.25, 0.04
#: Bars of a histogram of weights.
BARS = 24
#: Seconds that looking may take before its share is counted: a run of a few steps is looked into as well.
GRACE = 0.05


@dataclass(frozen=True)
class Layer:
    """One layer at one sampled step.

    Attributes:
        name: its place in the model.
        gradient: the norm of its parameters' gradient, ``None`` where it has none.
        weight: the norm of its parameters.
        ratio: how far the step moved them, as a share of that norm.
        dead: share of a ReLU's units that were 0 for the whole batch, ``None`` for other layers.
        counts: how many of its finite parameters lie in each of 24 equal steps from `low` to `high`; empty where it has none.
        low, high: the least and the largest of them.
    """

    name: str
    gradient: float | None = None
    weight: float | None = None
    ratio: float | None = None
    dead: float | None = None
    counts: tuple[int, ...] = ()
    low: float = 0.0
    high: float = 0.0


class Watch:
    """Looks into a model at some of its steps, and at every step whether an output is still finite.

    Nothing is computed for the picture's sake in other steps but one sum for each layer, and that only as often as its cost allows.

    Attributes:
        layers: the newest sample, in the model's order.
        step: the step that it was taken at.
        wild: the first layer whose output held a NaN or an infinity, "" while there is none; and at which step.
    """

    def __init__(self, model: nn.Module) -> None:
        self.layers: list[Layer] = []
        self.step = 0
        self.wild = ""
        self.wild_step = 0
        self.own = 0.0
        self._began = time.perf_counter()
        self._due = 0.0
        self._sampling = False
        self._before: dict[str, Tensor] = {}
        self._gradients: dict[str, Tensor] = {}
        self._dead: dict[str, Tensor] = {}
        self._sums: list[tuple[str, Tensor]] = []
        # Leaves and those with parameters of their own; the model itself is not kept alive.
        self._modules = {
            name: weakref.ref(module)
            for name, module in model.named_modules()
            if next(module.children(), None) is None or any(True for _ in module.parameters(recurse=False))
        }
        self._handles: list[Any] = []
        for name, module in model.named_modules():
            if next(module.children(), None) is None:
                self._handles.append(module.register_forward_hook(self._hook(name)))

    def forget(self) -> None:
        """Look as if for the first time: the model begins again."""
        self.layers, self.step, self.wild, self.wild_step = [], 0, "", 0
        self.own, self._began, self._due = 0.0, time.perf_counter(), 0.0
        self._sums = []

    def close(self) -> None:
        """Take every hook away."""
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def turn(self, step: int) -> None:
        """At a step boundary: finish the sample of the step that ended, and begin another if it is time."""
        start = time.perf_counter()
        if self._sampling:
            self._finish(step)
        self.check(step)
        self._sums = []
        self._sampling = start >= self._due and self._may(start)
        if self._sampling:
            self._prepare()
            self._due = start + EVERY
        self.own += time.perf_counter() - start

    def _may(self, now: float) -> bool:
        """Whether looking has taken no more than its share so far."""
        return self.own <= GRACE + SHARE * (now - self._began)

    def check(self, step: int) -> None:
        """Name the first layer of the last forward whose output was not finite."""
        if self.wild or not self._sums:
            return
        # One transfer for all of them.
        finite = torch.isfinite(torch.stack([total.float() for _, total in self._sums])).tolist()
        if not all(finite):
            self.wild, self.wild_step = self._sums[finite.index(False)][0], step

    def _hook(self, name: str) -> Any:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            if not isinstance(output, Tensor) or not output.is_floating_point() or not torch.is_grad_enabled():
                return
            start = time.perf_counter()
            seen = output.detach()
            if not self.wild and (self._sampling or self._may(start)):
                self._sums.append((name, seen.sum()))
            if self._sampling and isinstance(module, nn.ReLU):
                units = (
                    seen.flatten(1)
                    if seen.dim() == 2
                    else seen.movedim(1, 0).flatten(1).T
                    if seen.dim() > 2
                    else seen[None]
                )
                self._dead[name] = (units == 0).all(0).float().mean()
            self.own += time.perf_counter() - start

        return hook

    def _prepare(self) -> None:
        self._before, self._gradients, self._dead = {}, {}, {}
        self._catching = []
        for name, parameters in self._parameters():
            self._before[name] = torch.cat([p.detach().flatten() for p in parameters])
            for p in parameters:
                # Kept as it is filled: the loop may set it to None before the step has ended.
                self._catching.append(p.register_post_accumulate_grad_hook(self._catch(name)))

    def _catch(self, name: str) -> Any:
        def catch(parameter: Tensor) -> None:
            if parameter.grad is not None:
                square = parameter.grad.detach().float().square().sum()
                self._gradients[name] = self._gradients[name] + square if name in self._gradients else square

        return catch

    def _finish(self, step: int) -> None:
        for handle in self._catching:
            handle.remove()
        self._sampling = False
        rows: dict[str, dict[str, Tensor]] = {}
        histograms: dict[str, Tensor] = {}
        for name, parameters in self._parameters():
            now, before = torch.cat([p.detach().flatten() for p in parameters]), self._before[name]
            row = {"weight": now.float().norm()}
            row["ratio"] = (now - before).float().norm() / before.float().norm().clamp_min(1e-12)
            if name in self._gradients:
                row["gradient"] = self._gradients[name].sqrt()
            rows[name] = row
            finite = now[torch.isfinite(now)].float()
            if finite.numel():
                row["low"], row["high"] = finite.min(), finite.max()
                histograms[name] = torch.histc(finite, BARS)
        for name, share in self._dead.items():
            rows.setdefault(name, {})["dead"] = share
        fetched = _numbers(rows)
        order = [name for name in self._modules if name in fetched]
        counts = _fetched(histograms)
        self.layers, self.step = [Layer(name, **fetched[name], counts=counts.get(name, ())) for name in order], step

    def _parameters(self) -> list[tuple[str, list[nn.Parameter]]]:
        found = []
        for name, held in self._modules.items():
            module = held()
            own = [] if module is None else [p for p in module.parameters(recurse=False) if p.requires_grad]
            if own:
                found.append((name, own))
        return found


def _numbers(rows: Mapping[str, Mapping[str, Tensor]]) -> dict[str, dict[str, float]]:
    """The same with plain numbers, fetched from the device at once."""
    flat = [(name, key, value) for name, row in rows.items() for key, value in row.items()]
    if not flat:
        return {}
    values = torch.stack([value.double() for _, _, value in flat]).tolist()
    found: dict[str, dict[str, float]] = {}
    for (name, key, _), value in zip(flat, values, strict=True):
        found.setdefault(name, {})[key] = value
    return found


def _fetched(histograms: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Their counts, fetched from the device at once."""
    if not histograms:
        return {}
    rows = torch.stack(list(histograms.values())).long().tolist()
    return {name: tuple(row) for name, row in zip(histograms, rows, strict=True)}
