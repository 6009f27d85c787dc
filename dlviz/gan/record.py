"""Fakes of a generator and the discriminator's opinion of them: outputs, gradients by autograd, the plane, and the warped grid of noise."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.gan.inputs import Inputs, check_inputs
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.snapshots import evenly_spaced
from dlviz.torchkit import callables
from dlviz.torchkit.forward_trace import eval_mode, uncompiled
from dlviz.torchkit.model_copies import generators_restored, on_copies
from dlviz.torchkit.plane import Limits, grid

#: Cells of the grid of two-dimensional noise along a side, and points of the line of one-dimensional noise.
WARP_CELLS, WARP_POINTS = 20, 201


@dataclass(frozen=True, eq=False)
class Record:
    """What generator and discriminator computed in one state, both in eval() mode.

    Of a critic's score, both the values and the logits below are the scores.

    Attributes:
        noise: the noise of the fakes, (M, …).
        fakes: what the generator made of it, (M, 2) or images (M, …).
        real: the real samples that the discriminator was asked about, evenly spaced if there are very many, in the shape of the fakes.
        d_real: probability that each of them is real, (N,).
        d_fake: probability that each fake is real, (M,).
        logits_real, logits_fake: their logits.
        losses: the generator's loss of each fake, (M,); of a function that returns one number, that number.
        gradients: −∂L/∂fake, where L is the sum of the losses, so that each row is its own fake's; in the shape of the fakes.
        heat: the same probability at every point of the grid over the plane, (side · side,), row by row from the top; empty for images.
        heat_logits: their logits.
        heat_gradients: −∂L/∂x for a fake at these points, (side · side, 2).
        warp: where the generator sends a grid of noise, (441, 2) of size 2 or (201, 2) of size 1; ``None`` for noise of another size.
        limits: left, right, bottom and top of the plane.
        side: grid points along a side.
        is_cut: whether no path leads from the losses back to the fakes, so that there are no gradients and all of them are 0.
    """

    noise: Tensor
    fakes: Tensor
    real: Tensor
    d_real: Tensor
    d_fake: Tensor
    logits_real: Tensor
    logits_fake: Tensor
    losses: Tensor
    gradients: Tensor
    heat: Tensor
    heat_logits: Tensor
    heat_gradients: Tensor
    warp: Tensor | None
    limits: Limits
    side: int
    is_cut: bool

    @property
    def gradient_norms(self) -> Tensor:
        """Length of each fake's gradient, (M,)."""
        return self.gradients.flatten(1).norm(dim=1)


def record(
    generator: nn.Module, discriminator: nn.Module, real: Any, *, resolution: int = 40, **options: Any
) -> Record:
    """Return what :func:`dlviz.duel` draws of the two modules in their present state, without a widget.

    Args:
        generator, discriminator, real: as for :func:`dlviz.duel`.
        resolution: grid points along a side of the plane.
        options: noise, output, loss, samples and limits of :func:`dlviz.duel`.

    Raises:
        DlvizError: an argument does not fit.

    Example:
        >>> generator, discriminator = nn.Linear(2, 2), nn.Linear(2, 1)
        >>> found = record(generator, discriminator, torch.zeros(5, 2), samples=10)
        >>> found.fakes.shape, found.d_fake.shape, found.heat.shape, found.warp.shape
        (torch.Size([10, 2]), torch.Size([10]), torch.Size([1600]), torch.Size([441, 2]))
    """
    return run(check_inputs(generator, discriminator, real, **options), resolution)


def run(inputs: Inputs, side: int, state: Mapping[str, Tensor] | None = None) -> Record:
    """Run both modules, in their own state or in that of a snapshot.

    Raises:
        DlvizError: a module raises, or returns something else than samples or one number for each.
    """
    with untouched(inputs, state):
        fakes = make_fakes(inputs, inputs.noise)
        real = shown_real(inputs).reshape(-1, *fakes.shape[1:])
        raw_real, _, _ = _judged(inputs, real, gradients=False)
        raw_fake, losses, found = _judged(inputs, fakes, gradients=True)
        gradients = torch.zeros_like(fakes) if found is None else found
        heat, heat_gradients = fakes.new_zeros(0), fakes.new_zeros(0, 2)
        warp = None
        if inputs.is_plane:
            places = grid(inputs.limits, side, real)
            heat, _, at_places = _judged(inputs, places, gradients=True, refusal="gan.refused.heat")
            heat_gradients = torch.zeros_like(places) if at_places is None else at_places
            noise = warp_noise(inputs)
            warp = None if noise is None else make_fakes(inputs, noise, "gan.refused.warp")
    (d_real, logits_real), (d_fake, logits_fake), (d_heat, heat_logits) = (
        _as_probs(inputs.output, raw) for raw in (raw_real, raw_fake, heat)
    )
    return Record(
        inputs.noise, fakes, real, d_real, d_fake, logits_real, logits_fake, losses, gradients,
        d_heat, heat_logits, heat_gradients, warp, inputs.limits, side, found is None,
    )  # fmt: skip


def fakes_of(inputs: Inputs, state: Mapping[str, Tensor] | None = None) -> Tensor:
    """Return the fakes alone, of the generator in its own state or in that of a snapshot."""
    with untouched(inputs, state), torch.no_grad():
        return make_fakes(inputs, inputs.noise)


@contextmanager
def untouched(inputs: Inputs, state: Mapping[str, Tensor] | None) -> Iterator[None]:
    """Run both modules in eval() mode inside the block, without a trace in them or in the random generators."""
    # A loop may ask for a picture inside torch.no_grad() or torch.inference_mode(), and gradients are part of it.
    with torch.inference_mode(False), torch.enable_grad(), uncompiled(), generators_restored(inputs.rng_state):
        own = None if state is None else dict(state)
        with eval_mode(inputs.both), on_copies(inputs.both, own):
            yield


def make_fakes(inputs: Inputs, noise: Tensor, refusal: str = "gan.refused.generator") -> Tensor:
    """Return what the generator makes of noise (M, …), detached.

    Args:
        inputs: the learner's modules and data.
        noise: one row for each fake.
        refusal: key of the message for a generator that raises.

    Raises:
        DlvizError: it raises, or returns something else than M samples like the real ones.
    """
    name = inputs.names[0]
    try:
        with torch.no_grad():
            fakes = inputs.generator(noise)
    except Exception as error:  # a learner's own forward() may raise any exception
        text = f"{type(error).__name__}: {error}"
        raise DlvizError(message(refusal, name=name, shape=tuple(noise.shape), error=text)) from error
    sample = tuple(inputs.real.shape[1:])
    if not isinstance(fakes, Tensor) or not fakes.is_floating_point():
        kind = str(fakes.dtype) if isinstance(fakes, Tensor) else type(fakes).__name__
        raise DlvizError(message("gan.refused.fakes", name=name, got=kind, count=len(noise), sample=sample))
    if fakes.dim() < 2 or len(fakes) != len(noise) or fakes[0].numel() != inputs.real[0].numel():
        got = tuple(fakes.shape)
        raise DlvizError(message("gan.refused.fakes", name=name, got=got, count=len(noise), sample=sample))
    return fakes.detach().clone()


def warp_noise(inputs: Inputs) -> Tensor | None:
    """Return a line of one-dimensional noise or a grid of two-dimensional noise, row by row; ``None`` for noise of another size."""
    low, high = inputs.noise_limits
    size = inputs.noise[0].numel()
    if size == 1:
        rows = torch.linspace(low, high, WARP_POINTS, dtype=torch.float64)[:, None]
    elif size == 2:
        along = torch.linspace(low, high, WARP_CELLS + 1, dtype=torch.float64)
        rows = torch.cartesian_prod(along, along)
    else:
        return None
    return rows.reshape(-1, *inputs.noise.shape[1:]).to(inputs.noise)


def shown_real(inputs: Inputs) -> Tensor:
    """Return the real samples that the discriminator is asked about: all, or evenly spaced ones."""
    rows = evenly_spaced(len(inputs.real), inputs.most)
    return inputs.real if len(rows) == len(inputs.real) else inputs.real[rows]


def class_counts(inputs: Inputs, fakes: Tensor) -> Tensor:
    """Return how many fakes the learner's classifier takes for each class, int64 (K,).

    Raises:
        DlvizError: it raises, or returns no logits (M, K).
    """
    classifier: Any = inputs.classifier
    images = fakes.reshape(-1, *inputs.real.shape[1:])
    try:
        with torch.inference_mode(False), callables.untouched(callables.modules_of(classifier)):
            logits = classifier(images)
    except Exception as error:  # a learner's own function may raise any exception
        text = f"{type(error).__name__}: {error}"
        raise DlvizError(message("gan.refused.classifier_raised", shape=tuple(images.shape), error=text)) from error
    if not isinstance(logits, Tensor) or logits.dim() != 2 or len(logits) != len(images) or not logits.shape[1]:
        got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise DlvizError(message("gan.refused.classifier_output", count=len(images), got=got))
    return torch.bincount(logits.argmax(1).cpu(), minlength=logits.shape[1])


def _judged(
    inputs: Inputs, samples: Tensor, *, gradients: bool, refusal: str = "gan.refused.discriminator"
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return the discriminator's output for samples, and the generator's loss and −∂L/∂sample for them, ``None`` without a path to them."""
    samples = samples.detach().requires_grad_(gradients)
    name, count = inputs.names[1], len(samples)
    try:
        with torch.set_grad_enabled(gradients):
            output = inputs.discriminator(samples)
    except Exception as error:  # a learner's own forward() may raise any exception
        text = f"{type(error).__name__}: {error}"
        shape = tuple(samples.shape)
        raise DlvizError(message(refusal, name=name, shape=shape, error=text)) from error
    if not isinstance(output, Tensor) or not output.is_floating_point() or output.numel() != count or not output.dim():
        got = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        has_patches = isinstance(output, Tensor) and output.dim() > 2 and len(output) == count
        key = "gan.refused.judgement_patches" if has_patches else "gan.refused.judgement"
        raise DlvizError(message(key, name=name, count=count, got=got))
    if not gradients:
        return output.detach().reshape(count), samples.new_zeros(0), None
    try:
        losses = inputs.loss(output.reshape(count))
    except Exception as error:  # a learner's own loss may raise any exception
        text = f"{type(error).__name__}: {error}"
        raise DlvizError(message("gan.refused.loss_raised", count=count, error=text)) from error
    if not isinstance(losses, Tensor) or not losses.is_floating_point():
        raise DlvizError(message("gan.refused.loss_output", got=type(losses).__name__))
    gradient = None
    if losses.requires_grad:
        (gradient,) = torch.autograd.grad(losses.sum(), samples, allow_unused=True)
    return output.detach().reshape(count), losses.detach(), None if gradient is None else -gradient.detach()


def _as_probs(output: str, raw: Tensor) -> tuple[Tensor, Tensor]:
    """Return probabilities and logits of the discriminator's output; of a critic its score twice."""
    if output == "probs":
        return raw, torch.logit(raw)
    return (torch.sigmoid(raw), raw) if output == "logits" else (raw, raw)
