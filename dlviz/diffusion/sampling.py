"""Sampling: from standard normal noise back to data, one step at a time, with DDPM or DDIM."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from dlviz.diffusion.noise_model import TIMES, NoiseModel, Predict, Time
from dlviz.diffusion.schedule import Schedule
from dlviz.diffusion.steps import PREDICTIONS, Prediction, check_eta, ddim_step, from_noise, subsequence, to_noise
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.snapshots import evenly_spaced
from dlviz.kit.validation import is_finite, is_integer

Sampler = Literal["ddpm", "ddim"]
#: Limits of predicted data, ``None`` for none.
Clip = tuple[float, float] | None
SAMPLERS: tuple[Sampler, ...] = ("ddpm", "ddim")


@dataclass(frozen=True, eq=False)
class Walk:
    """The way of some samples from noise back to data with n steps; K of its n + 1 states are kept, the first and the last among them.

    Attributes:
        times: the index of each kept state, (K,) decreasing; the last one is −1, the data.
        path: the kept states, (K, N, …).
        noise: the noise that was predicted at each kept state but the last, (K − 1, N, …).
        x0: the data that were predicted there, (K − 1, N, …).
        labels: the class of each sample (N,), ``None`` for a network without classes.
        steps: the number of steps, n.
    """

    times: tuple[int, ...]
    path: Tensor
    noise: Tensor
    x0: Tensor
    labels: Tensor | None
    steps: int

    @property
    def samples(self) -> Tensor:
        """The samples, (N, …)."""
        return self.path[-1]


class WalkJob:
    """A walk that is computed step by step, so that something else can happen between two steps.

    Args:
        shape: (N, …) of the samples.
        schedule: the noise schedule.
        like: a tensor with their dtype and device.
        times: indices to visit, increasing.
        eta: 1 for DDPM, 0 for DDIM without noise.
        labels: the class of each sample, (N,).
        seed: of the first noise and of the noise that is added.
        clip: limits of the predicted data; the noise follows from what they leave.
        most: how many states are kept; all of them without it.

    Attributes:
        x: the present state.
        done: how many steps have been made.
        total: how many there are.
    """

    def __init__(
        self,
        shape: Sequence[int],
        schedule: Schedule,
        like: Tensor,
        times: Sequence[int],
        eta: float,
        labels: Tensor | None,
        seed: int,
        clip: Clip = None,
        most: int | None = None,
    ) -> None:
        self._schedule, self._like, self._eta, self._clip = schedule, like, eta, clip
        self._generator = torch.Generator().manual_seed(int(seed))
        self._shape = tuple(shape)
        self._labels = None if labels is None else labels.to(like.device)
        self._visited = [*reversed(times), -1]
        self.done, self.total = 0, len(times)
        self._kept = kept_states(self.total, most)
        self.x = self._normal()
        self._states = [self.x.cpu()]
        self._noises: list[Tensor] = []
        self._x0s: list[Tensor] = []

    def advance(self, predict: Predict) -> None:
        """Make one step."""
        t, t_prev = self._visited[self.done : self.done + 2]
        eps = predict(self.x, t, self._labels)
        x0 = from_noise(eps, self.x, t, self._schedule, "x0")
        if self._clip is not None:
            x0 = x0.clamp(*self._clip)
            eps = to_noise(x0, self.x, t, self._schedule, "x0")
        if self.done in self._kept:
            self._noises.append(eps.cpu())
            self._x0s.append(x0.cpu())
        # The generator draws at every step, so that one seed gives the same numbers for every eta that needs some.
        noise = self._normal() if self._eta > 0 else None
        self.x = ddim_step(self.x, t, t_prev, eps, self._schedule, self._eta, noise)
        self.done += 1
        if self.done in self._kept:
            self._states.append(self.x.cpu())

    @property
    def walk(self) -> Walk:
        """The finished walk."""
        times = tuple(self._visited[k] for k in self._kept)
        labels = None if self._labels is None else self._labels.cpu()
        states, noises, x0s = (torch.stack(part) for part in (self._states, self._noises, self._x0s))
        return Walk(times, states, noises, x0s, labels, self.total)

    def _normal(self) -> Tensor:
        return torch.randn(self._shape, generator=self._generator, dtype=self._like.dtype).to(self._like.device)


def kept_states(steps: int, most: int | None) -> list[int]:
    """Return which of the states 0 … `steps` of a walk are kept: `most`, evenly spaced from the end, and the one before the last.

    Example:
        >>> kept_states(5, 3), kept_states(2, None)
        ([0, 3, 4, 5], [0, 1, 2])
    """
    spaced = evenly_spaced(steps + 1, max(2, steps + 1 if most is None else most))
    return sorted({steps - 1, *(steps - k for k in spaced)})


def sample(
    model: Any,
    shape: Sequence[int],
    schedule: Schedule,
    *,
    steps: int | None = None,
    sampler: Sampler = "ddpm",
    eta: float = 0.0,
    predicts: Prediction = "noise",
    time: Time = "index",
    y: Tensor | None = None,
    null: int | None = None,
    guidance: float = 1.0,
    clip: Clip = None,
    seed: int = 0,
    return_path: bool = False,
) -> Tensor:
    """Return samples of a diffusion model: noise that goes back to data in `steps` steps.

    The network runs in eval() mode and stays as it was; random numbers come from a generator of their own.

    Args:
        model: module or callable, ``model(x_t, t)`` or with `y` ``model(x_t, t, y)``; t is (N,), int64 from 0 to T − 1.
        shape: of the samples, (N, …).
        schedule: the schedule with which the network was trained.
        steps: number of steps, T without it; fewer leave out indices, evenly (:func:`subsequence`).
        sampler: "ddpm" adds noise in every step but the last, "ddim" as much as `eta` says.
        eta: of "ddim", from 0 for none to 1 for as much as "ddpm".
        predicts: what the network returns: "noise", "x0", "v" or "score" (:func:`to_noise`).
        time: "index", or "fraction" for a network that takes (t + 1) / T as a float.
        y: classes of the samples, (N,).
        null: the class id that means "no class", for `guidance`.
        guidance: w in ε(null) + w · (ε(y) − ε(null)); 1 is the conditional network.
        clip: limits of the predicted data in each step, such as (−1, 1) for images in that range: without them a small error in the
            first steps of the cosine schedule, where hardly any data are left, grows large.
        seed: of the random numbers.
        return_path: whether to return all states, the noise first.

    Returns:
        (N, …), or (steps + 1, N, …) with `return_path`.

    Raises:
        DlvizError: an argument does not fit, or the network cannot be called.

    Example:
        >>> from dlviz.diffusion import linear_schedule
        >>> schedule = linear_schedule(10, 0.01, 0.6)
        >>> sample(lambda x, t: torch.zeros_like(x), (3, 2), schedule, steps=5, return_path=True).shape
        torch.Size([6, 3, 2])

    Source:
        Ho et al. 2020, algorithm 2 (arXiv 2006.11239); Song et al. 2021 (arXiv 2010.02502); Ho and Salimans 2022, Classifier-Free
        Diffusion Guidance (arXiv 2207.12598)
    """
    check_settings(predicts, time, sampler, eta, guidance, seed)
    if guidance != 1 and (null is None or y is None):
        raise DlvizError(message("diffusion.refused.guidance_null", got=guidance))
    noise_model = NoiseModel(model, schedule, predicts, time, null)
    times = subsequence(schedule.steps, schedule.steps if steps is None else steps)
    labels = None if y is None else torch.as_tensor(y)
    job = WalkJob(
        shape,
        schedule,
        noise_model.like(),
        times,
        eta_of(sampler, eta),
        labels,
        seed,
        check_clip(clip),
        None if return_path else 2,
    )
    with noise_model.running(guidance=guidance) as predict:
        for _ in times:
            job.advance(predict)
    return job.walk.path if return_path else job.walk.samples


def eta_of(sampler: Sampler, eta: float) -> float:
    """Return how much noise a sampler adds: DDPM as much as DDIM with eta = 1."""
    return 1.0 if sampler == "ddpm" else eta


def check_clip(clip: Any) -> Clip:
    """Return the limits of predicted data.

    Raises:
        DlvizError: they are neither ``None`` nor two increasing numbers.
    """
    if clip is None:
        return None
    fits = isinstance(clip, (tuple, list)) and len(clip) == 2 and all(map(is_finite, clip)) and clip[0] < clip[1]
    if not fits:
        raise DlvizError(message("diffusion.refused.clip", got=repr(clip)[:80]))
    return float(clip[0]), float(clip[1])


def check_settings(predicts: Any, time: Any, sampler: Any, eta: Any, guidance: Any, seed: Any) -> None:
    """Raise a DlvizError if a setting of the network or of the sampler does not fit."""
    for name, value, offered in (
        ("predicts", predicts, PREDICTIONS),
        ("time", time, TIMES),
        ("sampler", sampler, SAMPLERS),
    ):
        if not isinstance(value, str) or value not in offered:
            raise DlvizError(message(f"diffusion.refused.{name}", got=repr(value)[:80]))
    check_eta(eta)
    if not is_finite(guidance):
        raise DlvizError(message("diffusion.refused.guidance", got=repr(guidance)[:80]))
    if not is_integer(seed) or not 0 <= seed < 2**63 - 1:
        raise DlvizError(message("diffusion.refused.seed", got=repr(seed)[:80]))
