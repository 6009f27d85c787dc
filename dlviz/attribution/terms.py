"""The terms of one number of a map: what it is the sum or the mean of."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dlviz.attribution.grad_cam import activations_and_weights
from dlviz.attribution.layer_choices import check_layer
from dlviz.attribution.methods import covering, gauss_legendre, noise_std
from dlviz.attribution.path import path_gradients
from dlviz.attribution.record import Record, check_method
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_integer

#: Terms that are kept, those of the largest magnitude.
MAX_TERMS = 12
#: Units in the last place of the summed magnitudes that rounding may leave.
_ULPS = 64


@dataclass(frozen=True)
class Term:
    """One number that enters into a number of a map.

    Attributes:
        name: index of the channel or of the embedding's dimension; of occlusion the window's first place, "top, left".
        factors: named numbers from which the value follows: "gradient", "input", "difference" (input minus baseline), "mean_gradient",
            "mean" and "spread" (standard deviation) over samples, "weight" and "activation" of a channel, "before" and "after".
        value: their product, of occlusion the difference before − after.
    """

    name: str
    factors: tuple[tuple[str, float], ...]
    value: float


@dataclass(frozen=True)
class Terms:
    """The terms of one number of a map.

    Attributes:
        method, index, place: which number; the place is (row, column), (feature,) or (token,).
        cell: the place in Grad-CAM's coarse map, else the place.
        terms: at most :data:`MAX_TERMS`, those of the largest magnitude, in their order.
        how: "sum"; "relu_sum" for a sum whose negative values become 0; or "mean".
        value: the map's number there; of Grad-CAM that of the coarse map.
        rest: sum of the terms that are left out.
        count: how many terms there are.
        residual: the value minus what the terms give.
        rounding: how large a residual may be that comes from rounding alone.
        samples: of SmoothGrad the gradient in each noisy copy, whose mean is the value; else empty.
    """

    method: str
    index: int
    place: tuple[int, ...]
    cell: tuple[int, ...]
    terms: tuple[Term, ...]
    how: str
    value: float
    rest: float
    count: int
    residual: float
    rounding: float
    samples: tuple[float, ...] = ()


def terms(record: Record, method: str, index: int, place: Sequence[int]) -> Terms:
    """Return the terms of one number of a map.

    Args:
        record: as :func:`dlviz.attribution.record` returns it.
        method: one of its methods.
        index: index of the input.
        place: (row, column) of a pixel of the input, (feature,) or (token,).

    Raises:
        DlvizError: there is no such map or place.

    Example:
        >>> from dlviz.attribution import record
        >>> made = record(torch.nn.Linear(3, 2), torch.rand(1, 3), methods="gradient_x_input")
        >>> found = terms(made, "gradient_x_input", 0, (1,))
        >>> [name for name, _ in found.terms[0].factors], abs(found.residual) < 1e-6
        (['gradient', 'input'], True)
    """
    attribution = check_method(record, method, index)
    place = _check_place(place, record.inputs.places)
    cell, how, samples = place, "sum", ()
    if method == "grad_cam":
        cell = _cell(place, record.inputs.places, attribution.values.shape[1:])
        found, how = _channels(record, attribution.layer, index, cell), "relu_sum" if record.relu else "sum"
    elif method == "occlusion":
        found, how = _windows(record, index, place), "mean"
    elif method == "smooth_grad":
        gradients = _at(_noisy_gradients(record, index), place)
        found = [_term(k, ("mean", one.mean()), ("spread", one.std(correction=0))) for k, one in enumerate(gradients.T)]
        samples = tuple(gradients.sum(1).tolist())
    else:
        found = _input_terms(record, method, index, place)
    given = sum(term.value for term in found)
    result = given / len(found) if how == "mean" else max(given, 0.0) if how == "relu_sum" else given
    numbers = attribution.values if method == "grad_cam" else attribution.maps
    value = float(numbers[(index, *cell)])
    # Of a difference, of the numbers that were subtracted.
    sizes = [
        max(abs(number) for _, number in term.factors) if method == "occlusion" else abs(term.value) for term in found
    ]
    rounding = _ULPS * torch.finfo(numbers.dtype).eps * sum(sizes) / (len(sizes) if how == "mean" else 1)
    strongest = sorted(range(len(found)), key=lambda k: -abs(found[k].value))[:MAX_TERMS]
    kept = tuple(found[k] for k in sorted(strongest))
    rest = given - sum(term.value for term in kept)
    return Terms(method, index, place, cell, kept, how, value, rest, len(found), value - result, rounding, samples)


def _input_terms(record: Record, method: str, index: int, place: tuple[int, ...]) -> list[Term]:
    score, point = record.score, record.score.point(index)
    if method == "integrated_gradients":
        gradients, weights = path_gradients(score, index, record.steps), gauss_legendre(record.steps)[1]
        means = _at(gradients, place).T @ weights.to(gradients)
        differences = _at((point - score.inputs.baseline).cpu(), place)[0]
        rows = zip(differences, means, strict=True)
        return [_term(k, ("difference", one), ("mean_gradient", mean)) for k, (one, mean) in enumerate(rows)]
    gradient = score.once(("gradient", index), lambda: score.gradients(point, index)).cpu()
    gradients, inputs = _at(gradient, place)[0], _at(point.cpu(), place)[0]
    if method == "saliency":
        return [_term(k, ("gradient", one)) for k, one in enumerate(gradients)]
    rows = zip(gradients, inputs, strict=True)
    return [_term(k, ("gradient", one), ("input", value)) for k, (one, value) in enumerate(rows)]


def _noisy_gradients(record: Record, index: int) -> Tensor:
    """Return the gradients of SmoothGrad's copies of an input, (samples, …), with the noise that Captum draws from the same seed."""

    def compute() -> Tensor:
        point = score.point(index)
        std = torch.tensor(noise_std(point, record.noise), device=point.device)
        with score.running():
            torch.manual_seed(record.seed)
            noise = torch.normal(0, std.expand(record.samples, *point.shape[1:]).contiguous())
            return score.gradients(point + noise, index)

    score = record.score
    return score.once(("noise", index, record.noise, record.samples, record.seed), compute).cpu()  # type: ignore[no-any-return]


def _channels(record: Record, layer: str, index: int, cell: tuple[int, ...]) -> list[Term]:
    score = record.score
    maps, weights = score.once(
        ("channels", layer, index), lambda: activations_and_weights(score, check_layer(score, layer), index)
    )
    here = maps[(slice(None), *cell)]
    rows = zip(weights, here, strict=True)
    return [_term(k, ("weight", weight), ("activation", one)) for k, (weight, one) in enumerate(rows)]


def _windows(record: Record, index: int, place: tuple[int, ...]) -> list[Term]:
    """Return the windows that cover a place, with the scores before and after they are replaced by the baseline."""
    score, kind = record.score, record.inputs.kind
    axes = [
        covering(at, side, window, stride)
        for at, side, window, stride in zip(place, record.inputs.places, record.window, record.stride, strict=True)
    ]
    point, baseline = score.point(index), score.inputs.baseline
    starts = list(itertools.product(*axes))
    hidden = point.repeat(len(starts), *[1] * (point.dim() - 1))
    for row, start in enumerate(starts):
        window = tuple(slice(first, first + side) for first, side in zip(start, record.window, strict=True))
        where = (slice(None), *window) if kind == "image" else window
        hidden[row][where] = baseline[where]
    with score.running():
        scores = score.values(torch.cat([point, hidden]), index).tolist()
    return [
        Term(", ".join(map(str, start)), (("before", scores[0]), ("after", after)), scores[0] - after)
        for start, after in zip(starts, scores[1:], strict=True)
    ]


def _at(values: Tensor, place: tuple[int, ...]) -> Tensor:
    """Return numbers (K, …) at one place, by channels or dimensions of the embedding, (K, C); of a feature (K, 1)."""
    found = values[:, :, place[0], place[1]] if len(place) == 2 else values[:, place[0]]
    return found.reshape(len(values), -1)


def _term(k: int, *factors: tuple[str, Tensor]) -> Term:
    numbers = tuple((name, float(value)) for name, value in factors)
    if numbers[0][0] == "mean":
        return Term(str(k), numbers, numbers[0][1])
    # In the tensors' own precision, as the map was computed.
    product = factors[0][1] * factors[1][1] if len(factors) == 2 else factors[0][1]
    return Term(str(k), numbers, float(product))


def _cell(place: tuple[int, ...], full: tuple[int, ...], coarse: Sequence[int]) -> tuple[int, ...]:
    """Return the cell of a coarse map in which a place of the input lies."""
    if len(coarse) != len(full):
        return tuple(0 for _ in coarse)
    return tuple(int((at + 0.5) * few / many) for at, few, many in zip(place, coarse, full, strict=True))


def _check_place(place: Any, places: tuple[int, ...]) -> tuple[int, ...]:
    given = tuple(place) if isinstance(place, (tuple, list)) else (place,)
    fits = len(given) == len(places) and all(map(is_integer, given))
    if not fits or not all(0 <= at < side for at, side in zip(given, places, strict=True)):
        raise DlvizError(message("attribution.refused.place", places=places, got=repr(place)[:60]))
    return tuple(map(int, given))
