"""Noise schedules of a diffusion model.

One convention for indices holds in the whole room. There are T noise steps, and step number k = 1 … T has the index t = k − 1 = 0 … T − 1.
The model gets the index t. ``alphas_bar[t]`` is the product of ``1 − betas[0]`` to ``1 − betas[t]``, so that already ``t = 0`` has noise,
and x at index t is what papers call x_{t+1}. The data themselves have no index; where a function needs one, it is −1.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_finite, is_integer
from dlviz.torchkit.array_data import as_plain_tensor, kind_of_data

#: Names of the schedules that denoise() takes.
KINDS = ("linear", "cosine")
#: Largest number of noise steps.
MAX_STEPS = 10_000


@dataclass(frozen=True, eq=False)
class Schedule:
    """How much noise each step adds: betas (T,), and what follows from them, all float64 (T,).

    Attributes:
        betas: variance that a step adds, above 0 and below 1; a tensor, an array or a list.

    Raises:
        DlvizError: `betas` are no such numbers.

    Example:
        >>> schedule = Schedule([0.5, 0.5])
        >>> schedule.alphas_bar, schedule.steps
        (tensor([0.5000, 0.2500], dtype=torch.float64), 2)

    Source:
        Ho et al. 2020, Denoising Diffusion Probabilistic Models, equation 4 (arXiv 2006.11239)
    """

    betas: Tensor

    def __post_init__(self) -> None:
        object.__setattr__(self, "betas", _check_betas(self.betas))

    @property
    def steps(self) -> int:
        """The number of noise steps, T."""
        return len(self.betas)

    @cached_property
    def alphas(self) -> Tensor:
        """1 − betas."""
        return 1 - self.betas

    @cached_property
    def alphas_bar(self) -> Tensor:
        """The product of all alphas up to and including each one: ᾱ."""
        return self.alphas.cumprod(0)

    @cached_property
    def signal(self) -> Tensor:
        """√ᾱ, the factor of the data in x_t."""
        return self.alphas_bar.sqrt()

    @cached_property
    def noise(self) -> Tensor:
        """√(1 − ᾱ), the factor of the noise in x_t."""
        return (1 - self.alphas_bar).sqrt()

    @cached_property
    def log_snr(self) -> Tensor:
        """log(ᾱ / (1 − ᾱ)), the logarithm of the ratio of signal to noise."""
        return (self.alphas_bar / (1 - self.alphas_bar)).log()

    @property
    def is_linear(self) -> bool:
        """Whether betas are evenly spaced."""
        return bool((self.betas.diff().diff().abs() < 1e-6 * self.betas.max()).all())

    def __repr__(self) -> str:
        first, last = float(self.betas[0]), float(self.betas[-1])
        return f"Schedule({self.steps} steps, betas {first:.3g} … {last:.3g})"


def linear_schedule(steps: int, start: float = 1e-4, end: float = 0.02) -> Schedule:
    """Return a schedule whose betas grow evenly from `start` to `end`.

    The paper's values are made for 1000 steps. With fewer steps they leave some of the data in the last x_t, which then is not the noise
    that sampling starts from: with 100 steps √ᾱ is still 0.60. For another number of steps multiply both by about 1000 / steps.

    Args:
        steps: number of noise steps, T.
        start, end: the first and the last beta, above 0 and below 1.

    Raises:
        DlvizError: an argument does not fit.

    Example:
        >>> [round(float(linear_schedule(*args).signal[-1]), 3) for args in ((1000,), (100,), (100, 1e-3, 0.2))]
        [0.006, 0.603, 0.005]

    Source:
        Ho et al. 2020, section 4 (arXiv 2006.11239)
    """
    _check_steps(steps)
    for name, value in (("start", start), ("end", end)):
        if not is_finite(value) or not 0 < value < 1:
            raise DlvizError(message("diffusion.refused.beta", name=f"linear_schedule: {name}", got=repr(value)[:80]))
    return Schedule(torch.linspace(start, end, steps, dtype=torch.float64))


def cosine_schedule(steps: int) -> Schedule:
    """Return the schedule whose ᾱ follows a squared cosine, so that the noise grows more evenly; betas are at most 0.999.

    Args:
        steps: number of noise steps, T.

    Raises:
        DlvizError: `steps` is no whole number above 0.

    Example:
        >>> round(float(cosine_schedule(100).signal[49]), 3)
        0.703

    Source:
        Nichol and Dhariwal 2021, Improved Denoising Diffusion Probabilistic Models, equation 17 (arXiv 2102.09672)
    """
    _check_steps(steps)
    offset = 0.008
    f = torch.cos((torch.arange(steps + 1, dtype=torch.float64) / steps + offset) / (1 + offset) * math.pi / 2) ** 2
    return Schedule((1 - f[1:] / f[:-1]).clamp(max=0.999))


def check_schedule(schedule: Any, steps: int | None) -> Schedule:
    """Return a schedule of a name and a number of steps, of betas, or the schedule that it already is.

    Raises:
        DlvizError: it is none, or it has another number of steps.
    """
    if isinstance(schedule, str):
        if schedule not in KINDS:
            raise DlvizError(message("diffusion.refused.schedule", got=repr(schedule)[:80]))
        count = 1000 if steps is None else steps
        return linear_schedule(count) if schedule == "linear" else cosine_schedule(count)
    made = schedule if isinstance(schedule, Schedule) else Schedule(schedule)
    if steps is not None and steps != made.steps:
        raise DlvizError(message("diffusion.refused.steps_twice", has=made.steps, got=repr(steps)[:80]))
    return made


def check_index(name: str, t: Any, schedule: Schedule, lowest: int = 0) -> Any:
    """Return an index of a step, or a tensor of them (N,), as they are.

    Raises:
        DlvizError: it is no whole number from `lowest` to T − 1.
    """
    if isinstance(t, Tensor):
        fits = not t.is_floating_point() and not t.is_complex() and t.dtype != torch.bool
        fits = fits and t.ndim <= 1 and bool(((t >= lowest) & (t < schedule.steps)).all())
        got = f"{t.dtype} {tuple(t.shape)}" if t.numel() != 1 else repr(t)
    else:
        fits, got = is_integer(t) and lowest <= t < schedule.steps, repr(t)[:80]
    if not fits:
        raise DlvizError(message("diffusion.refused.index", name=name, low=lowest, last=schedule.steps - 1, got=got))
    return t


def _check_steps(steps: Any) -> None:
    if not is_integer(steps) or not 1 <= steps <= MAX_STEPS:
        raise DlvizError(message("diffusion.refused.steps", most=MAX_STEPS, got=repr(steps)[:80]))


def _check_betas(value: Any) -> Tensor:
    """Return betas as float64 on the CPU, a copy."""
    betas = as_plain_tensor(value)
    if betas is None or betas.ndim != 1 or betas.is_complex() or betas.dtype == torch.bool:
        raise DlvizError(message("diffusion.refused.betas", got=kind_of_data(value)))
    betas = betas.cpu().double().clone()
    _check_steps(len(betas))
    wrong = ~((betas > 0) & (betas < 1))
    if bool(wrong.any()):
        at = int(wrong.nonzero()[0])
        raise DlvizError(message("diffusion.refused.betas_range", at=at, got=float(betas[at])))
    return betas
