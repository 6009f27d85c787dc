"""The formulas of a diffusion model as plain functions: adding noise, one step back, and what a network may predict.

Indices are those of :mod:`dlviz.diffusion.schedule`: t = 0 … T − 1, and −1 for the data. A tensor of indices (N,) has one for each row.
"""

from typing import Literal

import torch
from torch import Tensor

from dlviz.diffusion.schedule import Schedule, check_index
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_finite, is_integer

#: What a network predicts.
Prediction = Literal["noise", "x0", "v", "score"]
PREDICTIONS: tuple[Prediction, ...] = ("noise", "x0", "v", "score")

Index = int | Tensor


def add_noise(x0: Tensor, t: Index, noise: Tensor, schedule: Schedule) -> Tensor:
    """Return x_t = √ᾱ_t · x0 + √(1 − ᾱ_t) · noise.

    Args:
        x0: data, (N, …).
        t: index of the step, or one for each row (N,).
        noise: standard normal numbers, shape of `x0`.
        schedule: the noise schedule.

    Returns:
        Noisy data, shape and dtype of `x0`.

    Raises:
        DlvizError: `t` is no index of the schedule, or a shape does not fit.

    Example:
        >>> x0, noise = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
        >>> add_noise(x0, 0, noise, Schedule([0.36]))
        tensor([[0.8000, 0.6000]])

    Source:
        Ho et al. 2020, equation 4 (arXiv 2006.11239)
    """
    check_index("t", t, schedule)
    check_same_shape("noise", noise, x0)
    return _at(schedule.signal, t, x0) * x0 + _at(schedule.noise, t, x0) * noise


def to_noise(output: Tensor, x: Tensor, t: Index, schedule: Schedule, predicts: Prediction) -> Tensor:
    """Return the noise that a network has predicted, whatever it predicts itself.

    Args:
        output: the network's output for `x`, same shape.
        x: noisy data x_t, (N, …).
        t: index of the step, or one for each row (N,).
        schedule: the noise schedule.
        predicts: "noise" ε; "x0", the data; "v" = √ᾱ · ε − √(1 − ᾱ) · x0; or "score" = −ε / √(1 − ᾱ).

    Raises:
        DlvizError: an argument does not fit.

    Example:
        >>> x = torch.tensor([[0.8, 0.6]])
        >>> to_noise(torch.tensor([[1.0, 0.0]]), x, 0, Schedule([0.36]), "x0")
        tensor([[0., 1.]])

    Source:
        Salimans and Ho 2022, Progressive Distillation, appendix D, for v (arXiv 2202.00512)
    """
    signal, noise = _factors(x, t, schedule, predicts)
    check_same_shape("output", output, x)
    if predicts == "x0":
        return (x - signal * output) / noise
    if predicts == "v":
        return signal * output + noise * x
    return -noise * output if predicts == "score" else output


def from_noise(eps: Tensor, x: Tensor, t: Index, schedule: Schedule, predicts: Prediction) -> Tensor:
    """Return what a network that predicts something else would have to return where the noise is `eps`: the inverse of :func:`to_noise`.

    With "x0" that is the prediction of the data, x̂0 = (x_t − √(1 − ᾱ_t) · ε) / √ᾱ_t.

    Args:
        eps: noise, shape of `x`.
        x, t, schedule, predicts: as for :func:`to_noise`.

    Raises:
        DlvizError: an argument does not fit.

    Example:
        >>> from_noise(torch.tensor([[0.0, 1.0]]), torch.tensor([[0.8, 0.6]]), 0, Schedule([0.36]), "x0")
        tensor([[1., 0.]])
    """
    signal, noise = _factors(x, t, schedule, predicts)
    check_same_shape("eps", eps, x)
    if predicts == "x0":
        return (x - noise * eps) / signal
    if predicts == "v":  # x0 inserted in the definition, which divides by √ᾱ
        return (eps - noise * x) / signal
    return -eps / noise if predicts == "score" else eps


def score(eps: Tensor, t: Index, schedule: Schedule) -> Tensor:
    """Return the score −ε / √(1 − ᾱ_t): the gradient of log p(x_t), which points to where noisy data are denser.

    Args:
        eps: predicted noise, (N, …).
        t: index of the step, or one for each row (N,).
        schedule: the noise schedule.

    Raises:
        DlvizError: `t` is no index of the schedule.

    Example:
        >>> score(torch.tensor([[0.0, 1.0]]), 0, Schedule([0.25]))
        tensor([[-0., -2.]])

    Source:
        Song et al. 2021, Score-Based Generative Modeling through Stochastic Differential Equations (arXiv 2011.13456)
    """
    return from_noise(eps, eps, t, schedule, "score")


def ddim_step(
    x: Tensor,
    t: int,
    t_prev: int,
    eps: Tensor,
    schedule: Schedule,
    eta: float = 0.0,
    noise: Tensor | None = None,
) -> Tensor:
    """Return x at `t_prev`, from x at `t` and the predicted noise: a step that may leave out indices between them.

    x_prev = √ᾱ_prev · x̂0 + √(1 − ᾱ_prev − σ²) · ε + σ · noise, where σ = η · √((1 − ᾱ_prev) / (1 − ᾱ_t) · (1 − ᾱ_t / ᾱ_prev)).

    Args:
        x: noisy data, (N, …).
        t: its index.
        t_prev: the index to go to, below `t`; −1 for the data.
        eps: predicted noise, shape of `x`.
        schedule: the noise schedule.
        eta: 0 adds no noise, 1 makes the step of DDPM.
        noise: standard normal numbers; needed where `eta` is above 0, except for the last step, which adds none.

    Raises:
        DlvizError: an argument does not fit.

    Example:
        >>> ddim_step(torch.tensor([[0.8, 0.6]]), 0, -1, torch.tensor([[0.0, 1.0]]), Schedule([0.36]))
        tensor([[1., 0.]])

    Source:
        Song et al. 2021, Denoising Diffusion Implicit Models, equations 12 and 16 (arXiv 2010.02502)
    """
    check_index("t", t, schedule)
    if not is_integer(t_prev) or not -1 <= t_prev < t:
        raise DlvizError(message("diffusion.refused.t_prev", t=int(t), last=int(t) - 1, got=repr(t_prev)[:80]))
    check_eta(eta)
    bar, bar_prev = schedule.alphas_bar[t], alpha_bar_before(t_prev, schedule)
    sigma = eta * ((1 - bar_prev) / (1 - bar) * (1 - bar / bar_prev)).sqrt()
    x0 = from_noise(eps, x, t, schedule, "x0")
    moved = float(bar_prev.sqrt()) * x0 + float((1 - bar_prev - sigma**2).clamp(min=0).sqrt()) * eps
    return moved if float(sigma) == 0 else moved + float(sigma) * _needed(noise, x)


def ddpm_step(x: Tensor, t: int, eps: Tensor, schedule: Schedule, noise: Tensor | None = None) -> Tensor:
    """Return x at index t − 1, from x at index `t` and the predicted noise; at t = 0 the data, to which no noise is added.

    x_prev = (x − β_t / √(1 − ᾱ_t) · ε) / √α_t + σ · noise, with the posterior variance σ² = β_t · (1 − ᾱ_{t−1}) / (1 − ᾱ_t).

    Args:
        x: noisy data, (N, …).
        t: its index.
        eps: predicted noise, shape of `x`.
        schedule: the noise schedule.
        noise: standard normal numbers, shape of `x`; not needed at t = 0.

    Raises:
        DlvizError: an argument does not fit.

    Example:
        >>> ddpm_step(torch.tensor([[0.8, 0.6]]), 0, torch.tensor([[0.0, 1.0]]), Schedule([0.36]))
        tensor([[1., 0.]])

    Source:
        Ho et al. 2020, algorithm 2 and equation 7 (arXiv 2006.11239)
    """
    check_index("t", t, schedule)
    check_same_shape("eps", eps, x)
    beta, alpha, bar = schedule.betas[t], schedule.alphas[t], schedule.alphas_bar[t]
    mean = (x - float(beta / (1 - bar).sqrt()) * eps) / float(alpha.sqrt())
    if t == 0:
        return mean
    sigma = (beta * (1 - schedule.alphas_bar[t - 1]) / (1 - bar)).sqrt()
    return mean + float(sigma) * _needed(noise, x)


def subsequence(steps: int, n: int) -> list[int]:
    """Return `n` of the indices 0 … `steps` − 1, increasing and evenly spaced, the last one among them.

    Sampling visits them from the last to the first, and from there goes to the data.

    Raises:
        DlvizError: `n` is no whole number from 1 to `steps`.

    Example:
        >>> subsequence(10, 10) == list(range(10)), subsequence(1000, 4), subsequence(10, 1)
        (True, [249, 499, 749, 999], [9])

    Source:
        Lin et al. 2024, Common Diffusion Noise Schedules and Sample Steps are Flawed, table 2, "trailing" (arXiv 2305.08891)
    """
    if not is_integer(n) or not 1 <= n <= steps:
        raise DlvizError(message("diffusion.refused.n", last=steps, got=repr(n)[:80]))
    return [k * steps // n - 1 for k in range(1, n + 1)]


def alpha_bar_before(t: int, schedule: Schedule) -> Tensor:
    """Return ᾱ at an index, 1 for the data at −1."""
    return schedule.alphas_bar[t] if t >= 0 else torch.ones((), dtype=torch.float64)


def check_eta(eta: float) -> None:
    """Raise a DlvizError unless `eta` is a number from 0 to 1."""
    if not is_finite(eta) or not 0 <= eta <= 1:
        raise DlvizError(message("diffusion.refused.eta", got=repr(eta)[:80]))


def check_same_shape(name: str, value: Tensor, x: Tensor) -> None:
    """Raise a DlvizError unless `value` has the shape of `x`: torch would broadcast it without a word."""
    if value.shape != x.shape:
        raise DlvizError(
            message("diffusion.refused.same_shape", name=name, shape=tuple(x.shape), got=tuple(value.shape))
        )


def _needed(noise: Tensor | None, x: Tensor) -> Tensor:
    if noise is None:
        raise DlvizError(message("diffusion.refused.noise", shape=tuple(x.shape)))
    check_same_shape("noise", noise, x)
    return noise


def _factors(x: Tensor, t: Index, schedule: Schedule, predicts: Prediction) -> tuple[Tensor, Tensor]:
    """Return √ᾱ_t and √(1 − ᾱ_t) as factors of `x`."""
    check_index("t", t, schedule)
    if predicts not in PREDICTIONS:
        raise DlvizError(message("diffusion.refused.predicts", got=repr(predicts)[:80]))
    return _at(schedule.signal, t, x), _at(schedule.noise, t, x)


def _at(values: Tensor, t: Index, x: Tensor) -> Tensor:
    """Return the value at an index as a factor of `x`, or one for each row."""
    chosen = values[t.cpu()] if isinstance(t, Tensor) else values[t]
    if chosen.ndim and len(chosen) not in (1, len(x)):
        raise DlvizError(message("diffusion.refused.t_rows", count=len(x), got=len(chosen)))
    return chosen.to(x).reshape(chosen.shape + (1,) * (x.ndim - 1) if chosen.ndim else ())
