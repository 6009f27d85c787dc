"""The learner's network as a function from noisy data to the noise in them, whatever it takes and predicts itself."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor, nn

from dlviz.diffusion.schedule import Schedule
from dlviz.diffusion.steps import Index, Prediction, to_noise
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.torchkit.array_data import as_plain_tensor, kind_of_data
from dlviz.torchkit.callables import all_modules
from dlviz.torchkit.forward_trace import eval_mode, uncompiled
from dlviz.torchkit.model_copies import generators_restored, initialize_lazy, on_copies
from dlviz.torchkit.modules import parameters

#: What a network gets for the step: its index t, or the fraction (t + 1) / T.
Time = Literal["index", "fraction"]
TIMES: tuple[Time, ...] = ("index", "fraction")

#: Returns the predicted noise of x_t (N, …) at t, with the classes (N,) for a conditional network.
Predict = Callable[[Tensor, Index, Tensor | None], Tensor]


@dataclass(frozen=True, eq=False)
class NoiseModel:
    """A learner's network with what it takes to call it.

    Attributes:
        model: a module or another callable, ``model(x_t, t)`` or ``model(x_t, t, y)``.
        schedule: the schedule with which it was trained.
        predicts: what it returns.
        time: what it gets for the step.
        null: the class id that means "no class", ``None`` for a network without one.
        rng_state: state of torch's generator on the CPU from which every call starts.
    """

    model: Any
    schedule: Schedule
    predicts: Prediction = "noise"
    time: Time = "index"
    null: int | None = None
    rng_state: Tensor = field(default_factory=torch.get_rng_state)

    @cached_property
    def module(self) -> nn.Module | None:
        """The module, of a function all modules that it runs; ``None`` where there are none. Their state can be kept and changed."""
        if isinstance(self.model, nn.Module):
            return self.model
        found = all_modules([self.model])
        return nn.ModuleList(found) if found else None

    def like(self, default: Tensor | None = None) -> Tensor:
        """Return an empty tensor with dtype and device of the network's parameters; without any those of `default`, or of torch.

        Raises:
            DlvizError: the parameters have no numbers.
        """
        found = [one for one in parameters(self.module) if one.is_floating_point()] if self.module is not None else []
        if any(one.is_meta for one in found):
            raise DlvizError(message("diffusion.refused.meta"))
        if found:
            return torch.empty(0, dtype=found[0].dtype, device=found[0].device)
        is_float = default is not None and default.is_floating_point()
        return default[:0] if default is not None and is_float else torch.empty(0)

    @contextmanager
    def running(self, state: Mapping[str, Tensor] | None = None, guidance: float = 1.0) -> Iterator[Predict]:
        """Give a function that predicts noise with the network in eval() mode, in its present state or in another one.

        The network stays as it was: its tensors, its mode and the random generators. Inside the block nothing else may use it.

        Args:
            state: parameters and buffers that replace the network's own.
            guidance: w in ε(null) + w · (ε(y) − ε(null)).
        """

        def predict(x: Tensor, t: Index, y: Tensor | None = None) -> Tensor:
            if y is None or self.null is None or guidance == 1:
                return self._noise(x, t, y)
            without = self._noise(x, t, torch.full_like(y, self.null))
            # 0 and 1 are the two networks themselves, bit by bit.
            return without if guidance == 0 else without + guidance * (self._noise(x, t, y) - without)

        module = self.module
        modes = (eval_mode(module), on_copies(module, state)) if module is not None else (nullcontext(), nullcontext())
        with torch.no_grad(), generators_restored(self.rng_state), uncompiled(), modes[0], modes[1]:
            yield predict

    def initialize(self, x: Tensor, y: Tensor | None) -> None:
        """Initialize the network's lazy layers as a first call would."""
        if isinstance(self.model, nn.Module):
            initialize_lazy(self.model, self._arguments(x, 0, y))

    def _arguments(self, x: Tensor, t: Index, y: Tensor | None) -> tuple[Tensor, ...]:
        index = t if isinstance(t, Tensor) and t.ndim else torch.full((len(x),), int(t), dtype=torch.int64)
        index = index.cpu().long()
        fraction = (index.double() + 1) / self.schedule.steps
        times = index.to(x.device) if self.time == "index" else fraction.to(x)
        # A copy, because a network may write into its input.
        return (x.clone(), times) if y is None else (x.clone(), times, y.clone())

    def _called(self, x: Tensor, t: Index, y: Tensor | None) -> Any:
        try:
            return self.model(*self._arguments(x, t, y))
        except RuntimeError as error:
            if "does not require grad" not in str(error):
                raise
        # The network differentiates inside forward(), such as one that returns the gradient of an energy.
        with torch.enable_grad():
            return self.model(*self._arguments(x, t, y))

    def _noise(self, x: Tensor, t: Index, y: Tensor | None) -> Tensor:
        try:
            output = self._called(x, t, y)
        except Exception as error:  # a learner's own forward() may raise anything
            raise DlvizError(
                message(
                    "diffusion.refused.model" if y is None else "diffusion.refused.model_y",
                    shape=tuple(x.shape),
                    time=message(f"diffusion.time.{self.time}"),
                    torch=f"{type(error).__name__}: {error}",
                )
            ) from error
        found = as_plain_tensor(output) if isinstance(output, Tensor) else None
        if found is None or found.shape != x.shape or not found.is_floating_point():
            got = kind_of_data(output) if found is None else f"{found.dtype} {tuple(found.shape)}"
            raise DlvizError(message("diffusion.refused.output", shape=tuple(x.shape), got=got))
        return to_noise(found.to(x), x, t, self.schedule, self.predicts)
