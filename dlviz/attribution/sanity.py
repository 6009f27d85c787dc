"""Checks of an attribution map: does it change with the weights, with the class and under noise, and do its places move the score?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.attribution.attribution_map import Attribution
from dlviz.attribution.layer_choices import check_layer
from dlviz.attribution.methods import noise_std
from dlviz.attribution.record import Record, check_method
from dlviz.attribution.score import ScoreFunction
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.snapshots import evenly_spaced
from dlviz.kit.validation import is_integer
from dlviz.torchkit.modules import named_modules

#: Methods whose maps have no sign that speaks for or against the score: their places are ordered by strength.
_UNSIGNED = ("saliency", "smooth_grad")


@dataclass(frozen=True, eq=False)
class Randomization:
    """Maps of a net whose layers got random weights, one after the other from the last to the first.

    Attributes:
        layers: paths of the layers; at step k those up to this one are random, counted from the last.
        counts: how many layers are random at each step, (L,).
        correlations: Spearman's rank correlation of the map's strengths with those of the trained net, (L,); NaN for a constant map.
        maps, strengths: the maps at each step, (L, …).
    """

    layers: tuple[str, ...]
    counts: tuple[int, ...]
    correlations: Tensor
    maps: Tensor
    strengths: Tensor


@dataclass(frozen=True, eq=False)
class DeletionInsertion:
    """What becomes of the output when places are deleted, or inserted into the baseline, the strongest first.

    Attributes:
        is_prob: whether the curves are the target's probability, else its score.
        fractions: shares of the places, (F,).
        deletion, insertion: the output at each, (F,).
        random_deletion_mean, random_deletion_std: mean and standard deviation over random orders, (F,). They begin with the places that
            do not hold the baseline already: another one changes nothing, so every order that leaves those to the end looks better.
        random_insertion_mean, random_insertion_std: the same of insertion, (F,).
        auc_deletion, auc_insertion: areas under the curves; a good order has a small one and a large one.
        auc_random_deletion, auc_random_deletion_std: mean and standard deviation of the areas for random orders.
        auc_random_insertion, auc_random_insertion_std: the same of insertion.
    """

    is_prob: bool
    fractions: Tensor
    deletion: Tensor
    insertion: Tensor
    random_deletion_mean: Tensor
    random_deletion_std: Tensor
    random_insertion_mean: Tensor
    random_insertion_std: Tensor
    auc_deletion: float
    auc_insertion: float
    auc_random_deletion: float
    auc_random_deletion_std: float
    auc_random_insertion: float
    auc_random_insertion_std: float


@dataclass(frozen=True, eq=False)
class OtherClass:
    """The map of the same input for another output.

    Attributes:
        target: index of the other output.
        map, strengths: its map, in the shape of one.
        correlation: Spearman's rank correlation of the strengths of the two maps.
        signed_correlation: that of the signed maps.
    """

    target: int
    map: Tensor
    strengths: Tensor
    correlation: float
    signed_correlation: float


@dataclass(frozen=True, eq=False)
class InputNoise:
    """Maps of the input with noise.

    Attributes:
        sizes: standard deviations of the noise as shares of the input's range, (K,).
        correlations: Spearman's rank correlation of the map's strengths with those without noise, (K,).
        maps, strengths: the maps, (K, …).
        scores: score of the target for each, (K,).
        predictions: the predicted output for each, (K,).
    """

    sizes: tuple[float, ...]
    correlations: Tensor
    maps: Tensor
    strengths: Tensor
    scores: Tensor
    predictions: Tensor


def spearman(a: Tensor, b: Tensor) -> float:
    """Return Spearman's rank correlation of two sets of numbers; NaN if one is constant.

    Example:
        >>> round(spearman(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 10.0, 100.0])), 9)
        1.0
    """
    ranks = torch.stack([_ranks(a), _ranks(b)])
    centered = ranks - ranks.mean(1, keepdim=True)
    norms = centered.norm(dim=1)
    correlation = (centered[0] @ centered[1]) / (norms[0] * norms[1])  # NaN where a norm is 0
    return float(correlation.clamp(-1, 1))


def _ranks(values: Tensor) -> Tensor:
    """Return the rank of each number, float64; equal numbers share the mean of their ranks."""
    _, inverse, counts = values.double().flatten().unique(return_inverse=True, return_counts=True)
    return (counts.cumsum(0) - (counts - 1) / 2).double()[inverse]


def randomization(record: Record, method: str, index: int = 0, *, most: int = 10, seed: int = 0) -> Randomization:
    """Return the maps of one input while the net's layers get random weights, from the last layer to the first.

    The weights of a layer become normal random numbers with the mean and the standard deviation that they had.

    Args:
        most: how many steps at most; with more layers several become random in one step.
        seed: seed of the weights.

    Source: J. Adebayo et al., Sanity Checks for Saliency Maps, 2018 (arXiv 1810.03292).

    Raises:
        DlvizError: there is no such map, or the net has no weights.

    Example:
        >>> from dlviz.attribution import record
        >>> net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))
        >>> made = randomization(record(net, torch.rand(1, 6), methods="saliency"), "saliency")
        >>> made.layers, made.maps.shape
        (('2', '0'), torch.Size([2, 6]))
    """
    before = check_method(record, method, index)
    score = record.score
    layers = _weighted_layers(score)[::-1]
    if not layers:
        raise DlvizError(message("attribution.refused.no_weights"))
    state = dict(score.state)
    generator = torch.Generator().manual_seed(seed)
    ends = [k + 1 for k in evenly_spaced(len(layers), most)]
    names, correlations, maps, strengths, done = [], [], [], [], 0
    for end in ends:
        for _, keys in layers[done:end]:
            for key in keys:
                state[key] = _randomized(state[key], generator)
        done = end
        made = _map_of(record, method, score.variant(index, state=state))
        names.append(layers[end - 1][0])
        maps.append(made.maps[0])
        strengths.append(made.strengths[0])
        correlations.append(_similarity(made, before, index))
    return Randomization(
        tuple(names), tuple(ends), torch.tensor(correlations).double(), torch.stack(maps), torch.stack(strengths)
    )


def _own(attribution: Attribution, index: int) -> Tensor:
    """Return the numbers of a map before any interpolation."""
    return attribution.values[index] if attribution.layer else attribution.maps[index]


def _similarity(made: Attribution, before: Attribution, index: int) -> float:
    """Return the rank correlation of the strengths of a map of one input with an earlier map."""
    if made.layer:
        return spearman(_own(made, 0).abs(), _own(before, index).abs())
    return spearman(made.strengths[0], before.strengths[index])


def _weighted_layers(score: ScoreFunction) -> list[tuple[str, list[str]]]:
    """Return the modules with parameters of their own, in the order in which they run first, with the parameters' keys in the state."""
    order: list[nn.Module] = []

    def note(module: nn.Module, _: Any) -> None:
        order.append(module)

    handles = [
        nn.Module.register_forward_pre_hook(one, note) for _, one in named_modules(score.holder) if _takes_hooks(one)
    ]
    try:
        score.values(score.point(0), 0)
    finally:
        for handle in handles:
            handle.remove()
    rank = {id(module): k for k, module in reversed(list(enumerate(order)))}
    found = []
    for path, module in named_modules(score.holder):
        # By items, because the names alone cannot be read off a scripted module.
        keys = [f"{path}.{name}" if path else name for name, _ in module._parameters.items()]
        keys = [key for key in keys if key in score.state and score.state[key].is_floating_point()]
        if keys:
            found.append((rank.get(id(module), -1), path or type(module).__name__, keys))
    return [(path, keys) for _, path, keys in sorted(found, key=lambda one: one[0])]


def _takes_hooks(module: nn.Module) -> bool:
    return not isinstance(module, torch.jit.ScriptModule)


def _randomized(weights: Tensor, generator: torch.Generator) -> Tensor:
    """Return normal random numbers with the mean and the standard deviation of some weights."""
    values = weights.double()
    noise = torch.randn(weights.shape, generator=generator, dtype=torch.float64).to(values.device)
    return (values.mean() + values.std(correction=0) * noise).to(weights)


def _map_of(record: Record, method: str, score: ScoreFunction) -> Attribution:
    """Return the maps of another score function by one method, Grad-CAM's at the same layer."""
    layer = record.attributions[method].layer
    return record.attribute(method, score, check_layer(record.score, layer) if layer else None)


def deletion_insertion(
    record: Record, method: str, index: int = 0, *, points: int = 20, orders: int = 10, seed: int = 0
) -> DeletionInsertion:
    """Return what becomes of the target's output when the places of a map are deleted or inserted, the strongest first.

    A deleted place holds the baseline, in all channels. Maps without a meaningful sign are ordered by strength, others by their signed
    numbers; equal ones in random order.

    Args:
        points: at how many shares of the places, an even number.
        orders: how many random orders, an even number: half of them and their opposites.
        seed: seed of the orders.

    Source: V. Petsiuk, A. Das and K. Saenko, RISE: Randomized Input Sampling for Explanation, 2018 (arXiv 1806.07421). There, insertion
    starts from a blurred image.

    Raises:
        DlvizError: there is no such map.

    Example:
        >>> from dlviz.attribution import record
        >>> made = deletion_insertion(record(nn.Linear(6, 1), torch.rand(1, 6), methods="occlusion"), "occlusion")
        >>> made.auc_deletion < made.auc_insertion
        True
    """
    attribution = check_method(record, method, index)
    numbers = (attribution.strengths if method in _UNSIGNED else attribution.maps)[index].flatten().double()
    generator = torch.Generator().manual_seed(seed)
    shuffled = torch.randperm(len(numbers), generator=generator)
    order = shuffled[numbers[shuffled].argsort(descending=True, stable=True)]
    count = len(numbers)
    lower = [round(k * count / (points - 1)) for k in range(points // 2)]
    # As many places from the end as from the beginning.
    sizes = list(range(count + 1)) if count < points else [*lower, *(count - size for size in reversed(lower))]
    output = _output_of(record.score, index)
    differs = _differs(record.score, index)
    first, last = differs.nonzero()[:, 0], (~differs).nonzero()[:, 0]
    # Each random order and its opposite, whose errors about the mean nearly cancel.
    halves = [first[torch.randperm(len(first), generator=generator)] for _ in range(orders // 2)]
    every = [order, *(torch.cat((one, last)) for half in halves for one in (half, half.flip(0)))]
    masks = torch.cat([_masks(one, sizes) for one in every])
    curves = output(torch.cat((masks, ~masks))).reshape(2, len(every), len(sizes))
    insertion, deletion, (random_insertion, random_deletion) = curves[0, 0], curves[1, 0], curves[:, 1:]
    fractions = torch.tensor(sizes).double() / count
    areas = torch.trapezoid(curves[:, 1:], fractions)
    return DeletionInsertion(
        is_prob=record.probs is not None,
        fractions=fractions,
        deletion=deletion,
        insertion=insertion,
        random_deletion_mean=random_deletion.mean(0),
        random_deletion_std=random_deletion.std(0, correction=0),
        random_insertion_mean=random_insertion.mean(0),
        random_insertion_std=random_insertion.std(0, correction=0),
        auc_deletion=float(torch.trapezoid(deletion, fractions)),
        auc_insertion=float(torch.trapezoid(insertion, fractions)),
        auc_random_deletion=float(areas[1].mean()),
        auc_random_deletion_std=float(areas[1].std(correction=0)),
        auc_random_insertion=float(areas[0].mean()),
        auc_random_insertion_std=float(areas[0].std(correction=0)),
    )


def _differs(score: ScoreFunction, index: int) -> Tensor:
    """Return for each place of an input whether it differs from the baseline, in any channel or dimension, (P,)."""
    differs = (score.point(index)[0] != score.inputs.baseline).cpu()
    kind = score.inputs.kind
    return (differs.any(0) if kind == "image" else differs.any(-1) if kind == "tokens" else differs).flatten()


def _masks(order: Tensor, sizes: Sequence[int]) -> Tensor:
    """Return for each size which places are kept, the first of an order, (F, P)."""
    masks = torch.zeros(len(sizes), len(order), dtype=torch.bool)
    for row, size in enumerate(sizes):
        masks[row, order[:size]] = True
    return masks


def _output_of(score: ScoreFunction, index: int) -> Callable[[Tensor], Tensor]:
    """Return the function from masks of kept places (F, P) to the target's probability, or its score, float64 (F,)."""
    point, baseline, kind = score.point(index), score.inputs.baseline[None], score.inputs.kind
    places = score.inputs.places

    def output(masks: Tensor) -> Tensor:
        kept = masks.reshape(len(masks), *places).to(point.device)
        kept = kept[:, None] if kind == "image" else kept[..., None] if kind == "tokens" else kept
        with score.running():
            parts = [score.outputs(torch.where(part, point, baseline), index) for part in kept.split(score.chunk_size)]
        scores = torch.cat(parts).double().cpu()
        is_logit = score.probs is not None and not score.are_probs
        return (scores.softmax(1) if is_logit else scores)[:, score.target(index)]

    return output


def other_class(record: Record, method: str, index: int = 0, target: int | None = None) -> OtherClass:
    """Return the map of the same input for another output.

    Args:
        target: index of the output; by default the one of the highest score beside that of the map.

    Raises:
        DlvizError: there is no such map or output, or the net has only one.

    Example:
        >>> from dlviz.attribution import record
        >>> net = nn.Linear(6, 2)
        >>> net.weight.data[1] = -net.weight[0].detach()
        >>> made = other_class(record(net, torch.rand(1, 6), target=0, methods="saliency"), "saliency")
        >>> made.target, round(made.correlation, 3), round(made.signed_correlation, 3)
        (1, 1.0, -1.0)
    """
    before = check_method(record, method, index)
    scores, own = record.scores[index], record.score.target(index)
    if len(scores) == 1:
        raise DlvizError(message("attribution.refused.one_output"))
    if target is None:
        target = next(k for k in scores.argsort(descending=True).tolist() if k != own)
    if not is_integer(target) or not 0 <= target < len(scores):
        raise DlvizError(message("attribution.refused.target", last=len(scores) - 1, got=repr(target)[:60]))
    made = _map_of(record, method, record.score.variant(index, target=int(target)))
    return OtherClass(
        int(target),
        made.maps[0],
        made.strengths[0],
        _similarity(made, before, index),
        spearman(_own(made, 0), _own(before, index)),
    )


def input_noise(
    record: Record,
    method: str,
    index: int = 0,
    *,
    sizes: Sequence[float] = (0.02, 0.05, 0.1, 0.2, 0.4),
    seed: int = 0,
) -> InputNoise:
    """Return the maps of one input with Gaussian noise of several sizes; of tokens, noise in their embeddings.

    Args:
        sizes: standard deviations as shares of the input's range, maximum minus minimum.
        seed: seed of the noise, which differs between sizes by its scale only.

    Source: A. Ghorbani, A. Abid and J. Zou, Interpretation of Neural Networks Is Fragile, 2019 (arXiv 1710.10547).

    Raises:
        DlvizError: there is no such map.

    Example:
        >>> from dlviz.attribution import record
        >>> input_noise(record(nn.Linear(6, 2), torch.rand(1, 6), methods="saliency"), "saliency").correlations.min()
        tensor(1., dtype=torch.float64)
    """
    before = check_method(record, method, index)
    point = record.score.point(index)
    noise = torch.randn(point.shape, generator=torch.Generator().manual_seed(seed)).to(point)
    made, scores = [], []
    for size in sizes:
        score = record.score.variant(index, point=point + noise_std(point, size) * noise)
        made.append(_map_of(record, method, score))
        scores.append(score.scores[0])
    found = torch.stack(scores)
    return InputNoise(
        tuple(float(size) for size in sizes),
        torch.tensor([_similarity(one, before, index) for one in made]).double(),
        torch.stack([one.maps[0] for one in made]),
        torch.stack([one.strengths[0] for one in made]),
        found[:, record.score.target(index)],
        found.argmax(1),
    )
