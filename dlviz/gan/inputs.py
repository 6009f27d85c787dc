"""Checks of what the learner passes to duel(): generator, discriminator, real data, noise, and how to read the discriminator's output."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.gan.losses import OUTPUTS, Loss, generator_loss
from dlviz.gan.modes import Modes, check_modes
from dlviz.gan.networks import check_module, fitting_shape, noise_shape, output_kind
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.snapshots import evenly_spaced
from dlviz.kit.validation import is_integer
from dlviz.torchkit import callables
from dlviz.torchkit.array_data import as_plain_tensor, kind_of_data
from dlviz.torchkit.model_copies import initialize_lazy
from dlviz.torchkit.modules import parameters
from dlviz.torchkit.plane import Limits, check_limits, frame_around

#: Fakes, and real samples that the discriminator is asked about, at most: points, and images.
MAX_POINTS, MAX_IMAGES = 1000, 200
#: Side of an image at most, in pixels.
MAX_SIDE = 128
#: How much wider than the real points the picture is, so that fakes beside them are seen.
_MARGIN = 1.35


@dataclass(frozen=True, eq=False)
class Inputs:
    """The learner's two modules and data, checked.

    Attributes:
        generator, discriminator: the learner's own modules.
        both: a module around the two, for snapshots.
        real: all real samples: points (N, 2), or images (N, C, H, W) or (N, H, W), with the dtype of the discriminator's parameters.
        noise: the noise that all fakes are made of, (M, …).
        noise_limits: smallest and largest coordinate of the grid of noise whose image is drawn.
        output: what the discriminator returns: "logits", "probs" or "score".
        loss_name: name of the generator's loss.
        loss: the generator's loss as a function of the discriminator's output.
        modes: known modes of the real points.
        classifier: function from images to logits of classes.
        limits: left, right, bottom and top of the plane.
        names: the learner's variable names of generator and discriminator.
        rng_state: state of the CPU's random generator from which every forward pass starts.
    """

    generator: nn.Module
    discriminator: nn.Module
    both: nn.Module
    real: Tensor
    noise: Tensor
    noise_limits: tuple[float, float]
    output: str
    loss_name: str
    loss: Loss
    modes: Modes | None
    classifier: Callable[[Tensor], Any] | None
    limits: Limits
    names: tuple[str, str]
    rng_state: Tensor

    @property
    def is_plane(self) -> bool:
        """Whether samples are points of the plane, not images."""
        return self.real.dim() == 2

    @property
    def most(self) -> int:
        """How many samples are asked about at most."""
        return MAX_POINTS if self.is_plane else MAX_IMAGES

    def with_real(self, real: Tensor) -> "Inputs":
        """Return the same inputs with other real points, whose modes are not known."""
        return replace(self, real=real, modes=None)


def check_inputs(
    generator: Any,
    discriminator: Any,
    real: Any,
    *,
    noise: Any = None,
    output: Any = "auto",
    loss: Any = None,
    modes: Any = None,
    mode_radius: Any = None,
    classifier: Any = None,
    samples: Any = None,
    limits: Any = None,
    names: tuple[str, str] = ("G", "D"),
) -> Inputs:
    """Return the checked inputs; the arguments are those of :func:`dlviz.duel`.

    Raises:
        DlvizError: an argument does not fit.
    """
    generator, discriminator = check_module("generator", generator), check_module("discriminator", discriminator)
    both = nn.Module()
    # Registered as children of a module of ours, which changes nothing in the two.
    both.generator, both.discriminator = generator, discriminator
    data = check_real(real, discriminator)
    rng_state = torch.get_rng_state()
    drawn = check_noise(noise, generator, check_samples(samples, data), data)
    if classifier is not None and not callable(classifier):
        raise DlvizError(message("gan.refused.classifier", got=type(classifier).__name__))
    if data.dim() != 2 and modes is not None:
        raise DlvizError(message("gan.refused.modes_images"))
    if data.dim() == 2 and classifier is not None:
        raise DlvizError(message("gan.refused.classifier_plane"))
    initialize_lazy(generator, [drawn])
    initialize_lazy(discriminator, [_some(data)])
    kind = check_output(output, loss, discriminator, data)
    name, function = check_loss(loss, kind)
    return Inputs(
        generator=generator,
        discriminator=discriminator,
        both=both,
        real=data,
        noise=drawn,
        noise_limits=_noise_limits(drawn),
        output=kind,
        loss_name=name,
        loss=function,
        modes=check_modes(modes, mode_radius),
        classifier=classifier,
        limits=_limits(limits, data),
        names=names,
        rng_state=rng_state,
    )


def check_real(real: Any, discriminator: nn.Module) -> Tensor:
    """Return real samples, detached, with dtype and device of the discriminator's parameters.

    Raises:
        DlvizError: they are neither points (N, 2) nor images (N, C, H, W) or (N, H, W), or not finite.
    """
    data = as_plain_tensor(getattr(real, "points", real))
    if data is None or data.is_complex():
        raise DlvizError(message("gan.refused.real", got=kind_of_data(real)))
    shape = tuple(data.shape)
    is_image = len(shape) in (3, 4) and min(shape) > 0 and max(shape[-2:]) <= MAX_SIDE
    if len(shape) == 4 and shape[1] not in (1, 3):
        is_image = False
    if not is_image and not (len(shape) == 2 and shape[1] == 2 and shape[0] > 0):
        raise DlvizError(message("gan.refused.real_shape", got=shape, most=MAX_SIDE, hint=_shape_hint(shape)))
    floating = [parameter for parameter in parameters(discriminator) if parameter.is_floating_point()]
    kinds = {parameter.dtype for parameter in floating}
    data = data.to(kinds.pop() if len(kinds) == 1 else torch.get_default_dtype())
    if not bool(torch.isfinite(data).all()):
        row = int((~torch.isfinite(data)).flatten(1).any(1).nonzero()[0])
        raise DlvizError(message("gan.refused.real_finite", row=row))
    return data.to(floating[0].device) if floating else data


def _shape_hint(shape: tuple[int, ...]) -> str:
    """Return what to do with images of another layout, "" for anything else."""
    if len(shape) == 4 and shape[3] in (1, 3):
        return message("gan.refused.real_last")
    side = math.isqrt(shape[1]) if len(shape) == 2 else 0
    if side > 3 and side * side == shape[1]:
        return message("gan.refused.real_flat", side=side)
    return ""


def check_painted(painted: Any, *, is_plane: bool) -> list[list[float]]:
    """Return painted points (P, 2) as lists.

    Raises:
        DlvizError: they are no points of finite numbers, or the real samples are images.
    """
    if isinstance(painted, (list, tuple)) and not painted:
        return []
    if not is_plane:
        raise DlvizError(message("gan.refused.painted_images"))
    points = as_plain_tensor(painted)
    if points is None or points.is_complex():
        raise DlvizError(message("gan.refused.painted", got=kind_of_data(painted)))
    if points.dim() != 2 or points.shape[1] != 2:
        raise DlvizError(message("gan.refused.painted", got=f"shape {tuple(points.shape)}"))
    if not bool(torch.isfinite(points).all()):
        raise DlvizError(message("gan.refused.painted_finite"))
    found: list[list[float]] = points.double().tolist()
    return found


def check_samples(samples: Any, real: Tensor) -> int:
    """Return how many fakes to make.

    Raises:
        DlvizError: it is no whole number from 1 to the most that are drawn.
    """
    most = MAX_POINTS if real.dim() == 2 else MAX_IMAGES
    if samples is None:
        return 400 if real.dim() == 2 else 100
    if not is_integer(samples) or not 1 <= samples <= most:
        raise DlvizError(message("gan.refused.samples", most=most, got=repr(samples)[:80]))
    return int(samples)


def check_noise(noise: Any, generator: nn.Module, count: int, real: Tensor) -> Tensor:
    """Return the noise of all fakes, (M, …): `count` rows, or those of a given tensor.

    Args:
        noise: size k of a noise vector, (k,) or (k, 1, 1), whichever the generator takes; a tensor (M, …), a function from a number of
            rows to such a tensor, or ``None`` for the size that the generator's first layer takes.
        generator: the learner's module.
        count: number of rows to draw.
        real: the real samples, for dtype and device.

    Raises:
        DlvizError: it does not fit, or the generator does not say its size.
    """
    most = MAX_POINTS if real.dim() == 2 else MAX_IMAGES
    if noise is None or is_integer(noise):
        shape = noise_shape(generator)
        if noise is not None:
            if not 1 <= noise <= 10_000:
                raise DlvizError(message("gan.refused.noise_size", got=noise))
            shape = (int(noise), *(shape or ())[1:])
        if shape is None:
            raise DlvizError(message("gan.refused.noise_unknown", kind=type(generator).__name__))
        if real.dim() > 2:
            shape = fitting_shape(generator, list(dict.fromkeys((shape, shape[:1], (shape[0], 1, 1)))), real[0])
        # A generator of its own leaves the learner's random numbers alone, and gives the same fakes in every run.
        drawn = torch.randn(count, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    elif callable(noise) and not isinstance(noise, type):
        try:
            with callables.untouched(callables.modules_of(noise)):
                given = noise(count)
        except Exception as error:  # a learner's function may raise anything
            raise DlvizError(message("gan.refused.noise_raised", count=count, error=_error(error))) from error
        drawn = _noise_tensor(given, "gan.refused.noise_returned")
        if len(drawn) != count:
            raise DlvizError(message("gan.refused.noise_rows", count=count, got=tuple(drawn.shape)))
    else:
        drawn = _noise_tensor(noise, "gan.refused.noise")[:most]
    floating = next((p for p in parameters(generator) if p.is_floating_point()), real)
    return drawn.to(floating.device, floating.dtype)


def _noise_tensor(value: Any, key: str) -> Tensor:
    found = as_plain_tensor(value)
    if found is None or found.dim() < 2 or not found.numel() or found.is_complex():
        got = kind_of_data(value) if found is None else f"shape {tuple(found.shape)}"
        raise DlvizError(message(key, got=got))
    return found


def _noise_limits(noise: Tensor) -> tuple[float, float]:
    """Return the range of uniform noise on [0, 1] or [−1, 1], and −2 to 2 for any other."""
    low, high = float(noise.min()), float(noise.max())
    if low >= -1 and high <= 1:
        return (0.0, 1.0) if low >= 0 else (-1.0, 1.0)
    return -2.0, 2.0


def check_output(output: Any, loss: Any, discriminator: nn.Module, real: Tensor) -> str:
    """Return what the discriminator returns; "auto" runs it on some real samples to see whether it ends in a sigmoid.

    Without a sigmoid, "auto" takes it for a score where the loss is that of a critic or compares the output itself with 1.

    Raises:
        DlvizError: there is no such kind of output.
    """
    if isinstance(output, str) and output == "auto":
        kind = output_kind(discriminator, _some(real))
        of_scores = isinstance(loss, str) and loss in ("wasserstein", "least squares")
        return "score" if of_scores and kind == "logits" else kind
    if not isinstance(output, str) or output not in OUTPUTS:
        names = ", ".join(map(repr, ("auto", *OUTPUTS)))
        raise DlvizError(message("gan.refused.output", names=names, got=repr(output)[:80]))
    return output


def _some(samples: Tensor) -> Tensor:
    """Return up to eight of the samples."""
    return samples[evenly_spaced(len(samples), 8)]


def check_loss(loss: Any, output: str) -> tuple[str, Loss]:
    """Return name and function of the generator's loss; by default that of a critic's score is "wasserstein", else "nonsaturating".

    Raises:
        DlvizError: there is no such loss.
    """
    if loss is None:
        loss = "wasserstein" if output == "score" else "nonsaturating"
    if not isinstance(loss, str) and callable(loss):
        return getattr(loss, "__name__", type(loss).__name__), loss
    return loss, generator_loss(loss, output)


def _limits(limits: Any, real: Tensor) -> Limits:
    if real.dim() != 2:
        if limits is not None:
            raise DlvizError(message("gan.refused.limits_images"))
        return -1.0, 1.0, -1.0, 1.0
    if limits is not None:
        return check_limits(limits, real, "gan.refused.limits")
    left, right, bottom, top = frame_around(real)
    x, y, half = (left + right) / 2, (bottom + top) / 2, _MARGIN / 2
    dx, dy = half * (right - left), half * (top - bottom)
    return x - dx, x + dx, y - dy, y + dy


def _error(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
