"""The methods that attribute a score to the input itself, computed by Captum (https://captum.ai)."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlviz.attribution.attribution_map import Attribution
from dlviz.attribution.score import ScoreFunction
from dlviz.kit.errors import DlvizError, first_line
from dlviz.kit.messages import message
from dlviz.kit.validation import is_finite, is_integer

#: What a window of occlusion covers of each side of an image by default, and the smallest side that has a window of several pixels.
_WINDOW, _MIN_SIDE = 7, 12


def captum() -> Any:
    """Return the module ``captum.attr``.

    Raises:
        DlvizError: Captum is not installed.
    """
    try:
        import captum.attr
    except ImportError:
        raise DlvizError(message("attribution.refused.captum")) from None
    return captum.attr


@contextmanager
def running(score: ScoreFunction) -> Iterator[Any]:
    """Yield ``captum.attr`` while the net runs; Captum's warnings concern arguments that dlviz chose.

    Raises:
        DlvizError: Captum is not installed, or torch refuses to differentiate the net.
    """
    with score.running(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="captum")
        try:
            yield captum()
        except RuntimeError as error:
            raise DlvizError(message("attribution.refused.backward", error=first_line(error))) from error


def saliency(score: ScoreFunction) -> Attribution:
    """Return the gradient of the score by every number of the input.

    Source: K. Simonyan, A. Vedaldi and A. Zisserman, Deep Inside Convolutional Networks, 2014 (arXiv 1312.6034).

    Example:
        >>> from dlviz.attribution import score_function
        >>> net = torch.nn.Linear(2, 1, bias=False)
        >>> bool((saliency(score_function(net, torch.rand(3, 2))).values == net.weight).all())
        True
    """
    with running(score) as attr:
        values = [
            _captum_method(attr.Saliency, score, index, ("gradient", index)).attribute(
                score.point(index).requires_grad_(), abs=False
            )
            for index in range(len(score.inputs))
        ]
    return _attribution(score, "saliency", values, largest=True)


def gradient_x_input(score: ScoreFunction) -> Attribution:
    """Return the gradient times the input, elementwise.

    Source: A. Shrikumar et al., Not Just a Black Box, 2016 (arXiv 1605.01713).

    Example:
        >>> from dlviz.attribution import score_function
        >>> net, x = torch.nn.Linear(2, 1, bias=False), torch.rand(1, 2)
        >>> bool(torch.allclose(gradient_x_input(score_function(net, x)).values, net.weight * x))
        True
    """
    with running(score) as attr:
        values = [
            _captum_method(attr.InputXGradient, score, index, ("gradient", index)).attribute(
                score.point(index).requires_grad_()
            )
            for index in range(len(score.inputs))
        ]
    return _attribution(score, "gradient_x_input", values)


def integrated_gradients(score: ScoreFunction, steps: int = 50) -> Attribution:
    """Return the mean gradient on the straight line from the baseline to the input, times their difference.

    The integral is a Gauss–Legendre sum of `steps` gradients. The attributions should add up to the score of the input minus that of
    the baseline (completeness); ``completeness_error`` says by how much they do not.

    Source: M. Sundararajan, A. Taly and Q. Yan, Axiomatic Attribution for Deep Networks, 2017 (arXiv 1703.01365).

    Example:
        >>> from dlviz.attribution import score_function
        >>> made = integrated_gradients(score_function(torch.nn.Linear(3, 1), torch.rand(1, 3)))
        >>> bool(made.completeness_error.abs() < 1e-5)
        True
    """
    baseline = score.inputs.baseline[None]
    weights = gauss_legendre(steps)[1]
    # Captum rounds the weights to 32 bits.
    exact = weights / weights.float().double()
    with running(score) as attr:
        values = [
            _captum_method(attr.IntegratedGradients, score, index, ("path", index, steps), exact).attribute(
                score.point(index), baseline, n_steps=steps
            )
            for index in range(len(score.inputs))
        ]
        at_baseline = torch.cat([score.values(baseline, index) for index in range(len(score.inputs))])
    expected = chosen_scores(score) - at_baseline.double().cpu()
    return _attribution(score, "integrated_gradients", values, expected_sum=expected)


def gauss_legendre(steps: int) -> tuple[Tensor, Tensor]:
    """Return nodes and weights of the Gauss–Legendre rule on [0, 1], float64 (steps,).

    Example:
        >>> gauss_legendre(2)
        (tensor([0.2113, 0.7887], dtype=torch.float64), tensor([0.5000, 0.5000], dtype=torch.float64))
    """
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    return torch.from_numpy(0.5 * (1 + nodes)), torch.from_numpy(0.5 * weights)


def smooth_grad(score: ScoreFunction, noise: float = 0.15, samples: int = 25, seed: int = 0) -> Attribution:
    """Return the mean gradient over copies of the input with Gaussian noise.

    Args:
        noise: standard deviation of the noise as a share of the input's range, maximum minus minimum.
        samples: how many copies.
        seed: seed of the noise.

    Source: D. Smilkov et al., SmoothGrad: removing noise by adding noise, 2017 (arXiv 1706.03825).

    Example:
        >>> from dlviz.attribution import score_function
        >>> net = torch.nn.Linear(2, 1, bias=False)
        >>> bool(torch.allclose(smooth_grad(score_function(net, torch.rand(1, 2))).values, net.weight))
        True
    """

    values = []
    with running(score) as attr:
        for index in range(len(score.inputs)):
            point = score.point(index)
            options = {"nt_type": "smoothgrad", "nt_samples": samples, "stdevs": noise_std(point, noise)}
            torch.manual_seed(seed)
            method = _captum_method(attr.Saliency, score, index, ("noise", index, noise, samples, seed))
            values.append(attr.NoiseTunnel(method).attribute(point, abs=False, **options))
    return _attribution(score, "smooth_grad", values, largest=True)


def noise_std(point: Tensor, noise: float) -> float:
    """Return the standard deviation of the noise that `noise` means for an input: a share of its range."""
    return float(noise * (point.max() - point.min()))


def occlusion(
    score: ScoreFunction, window: int | Sequence[int] | None = None, stride: int | Sequence[int] | None = None
) -> Attribution:
    """Return how far the score falls when a window of the input is replaced by the baseline, averaged over the windows of a place.

    Args:
        window, stride: as :func:`window_and_stride` takes them.

    Source: M. Zeiler and R. Fergus, Visualizing and Understanding Convolutional Networks, 2014 (arXiv 1311.2901).

    Example:
        >>> from dlviz.attribution import score_function
        >>> net, x = torch.nn.Linear(2, 1, bias=False), torch.rand(1, 2)
        >>> bool(torch.allclose(occlusion(score_function(net, x)).values, net.weight * x))
        True
    """
    sides, steps = window_and_stride(score, window, stride)
    kind, baseline = score.inputs.kind, score.inputs.baseline[None]
    # A window covers all channels of a pixel, and all dimensions of an embedding.
    channels = score.point(0).shape[1:2] if kind == "image" else ()
    dims = score.point(0).shape[2:] if kind == "tokens" else ()
    options = {
        "sliding_window_shapes": (*channels, *sides, *dims),
        "strides": (*channels, *steps, *dims),
        "perturbations_per_eval": score.chunk_size,
    }
    counts = torch.ones(())
    for axis in zip(score.inputs.places, sides, steps, strict=True):
        counts = counts[..., None] * torch.tensor([len(covering(at, *axis)) for at in range(axis[0])])
    values = []
    with running(score) as attr, torch.no_grad():
        for index in range(len(score.inputs)):
            method = attr.Occlusion(partial(score.values, index=index))
            method.use_weights = False  # Captum's mean is rounded to 32 bits, its sum is not
            made = method.attribute(score.point(index), baselines=baseline, **options)
            made = (made[:, 0] if channels else made[..., 0] if dims else made) / counts.to(made)
            # Another batch rounds differently, which would look like a tiny fall of the score.
            values.append(made.where(_touched(score, index, sides, steps).to(made.device), 0))
    return _attribution(score, "occlusion", values)


def window_and_stride(
    score: ScoreFunction, window: int | Sequence[int] | None = None, stride: int | Sequence[int] | None = None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the sides of occlusion's window and its steps, one for each axis of the map.

    Args:
        window: side of the window, or one for each axis; by default a seventh of each side of an image, and one feature or token.
        stride: steps between windows, at most the window's sides; by default half of them.

    Raises:
        DlvizError: they are no such numbers.
    """
    places = score.inputs.places
    is_image = score.inputs.kind == "image"
    default = tuple(max(1, round(side / _WINDOW)) if is_image and side >= _MIN_SIDE else 1 for side in places)
    sides = default if window is None else _whole("window", window, places)
    steps = tuple(max(1, side // 2) for side in sides) if stride is None else _whole("stride", stride, sides)
    return sides, steps


def covering(at: int, side: int, window: int, stride: int) -> list[int]:
    """Return the first places of the windows along one axis that cover the place `at`; the last window may reach over the end.

    Example:
        >>> covering(2, side=5, window=2, stride=1), covering(4, side=5, window=2, stride=2)
        ([1, 2], [4])
    """
    count = -(-(side - window) // stride) + 1
    return [k * stride for k in range(count) if k * stride <= at < k * stride + window]


def _touched(score: ScoreFunction, index: int, sides: tuple[int, ...], steps: tuple[int, ...]) -> Tensor:
    """Return for each place whether any of its windows hides a number that differs from the baseline, in the shape of a map."""
    differs = (score.point(index)[0] != score.inputs.baseline).cpu()
    differs = differs.any(0) if score.inputs.kind == "image" else differs.any(1) if differs.dim() == 2 else differs
    counts = differs.long()
    for axis, (side, window, stride) in enumerate(zip(counts.shape, sides, steps, strict=True)):
        windows = [covering(at, side, window, stride) for at in range(side)]
        sums = torch.cat([counts.narrow(axis, 0, 1) * 0, counts.cumsum(axis)], axis)
        ends = torch.tensor([min(side, starts[-1] + window) for starts in windows])
        first = torch.tensor([starts[0] for starts in windows])
        counts = sums.index_select(axis, ends) - sums.index_select(axis, first)
    return counts > 0


def _whole(name: str, value: Any, most: tuple[int, ...]) -> tuple[int, ...]:
    given = (value,) * len(most) if is_integer(value) else tuple(value) if isinstance(value, (tuple, list)) else ()
    if len(given) != len(most) or not all(
        is_integer(one) and 1 <= one <= top for one, top in zip(given, most, strict=True)
    ):
        raise DlvizError(message("attribution.refused.window", name=name, most=most, got=repr(value)[:60]))
    return tuple(map(int, given))


def check_options(steps: Any, samples: Any, noise: Any, seed: Any) -> None:
    """Check the numbers that the methods take.

    Raises:
        DlvizError: one does not fit.
    """
    for name, value, least, most in (
        ("steps", steps, 2, 1000),
        ("samples", samples, 1, 1000),
        ("seed", seed, 0, 2**63 - 1),
    ):
        if not is_integer(value) or not least <= value <= most:
            raise DlvizError(
                message("attribution.refused.whole", name=name, least=least, most=most, got=repr(value)[:60])
            )
    if not is_finite(noise) or not 0 <= noise <= 10:
        raise DlvizError(message("attribution.refused.noise", got=repr(noise)[:60]))


def chosen_scores(score: ScoreFunction) -> Tensor:
    """Return each input's score for its own target, float64 (N,)."""
    return score.scores.double().gather(1, score.inputs.targets[:, None])[:, 0]


def _captum_method(
    kind: Any, score: ScoreFunction, index: int, key: tuple[Any, ...], factors: Tensor | None = None
) -> Any:
    """Return a method of Captum for one input, with gradients from the score function, in batches that fit into memory.

    Args:
        kind: the method's class.
        key: by which the gradients are kept for the terms of the map.
        factors: numbers by which the gradients of the points are multiplied.
    """

    def gradients(forward_fn: Any, inputs: tuple[Tensor], *_: Any, **__: Any) -> tuple[Tensor]:
        made = score.once(key, lambda: score.gradients(inputs[0], index))
        return (made if factors is None else made * factors.to(made).reshape(-1, *[1] * (made.dim() - 1)),)

    method = kind(partial(score.values, index=index))
    method.gradient_func = gradients
    return method


def _attribution(
    score: ScoreFunction, method: str, parts: list[Tensor], *, largest: bool = False, expected_sum: Tensor | None = None
) -> Attribution:
    """Return attributions with their maps. `largest`: the strength of a place is the largest magnitude over its channels."""
    values = torch.cat(parts).detach().cpu()
    axis = {"image": 1, "tokens": 2}.get(score.inputs.kind) if method != "occlusion" else None
    maps = values if axis is None else values.sum(axis)
    strengths = values.abs().amax(axis) if largest and axis is not None else maps.abs()
    return Attribution(method, values, maps, strengths, expected_sum)
