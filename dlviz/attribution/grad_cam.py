"""Grad-CAM: which places of a layer's maps raise the score, at any layer whose output has places.

Source: R. Selvaraju et al., Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization, 2017 (arXiv 1610.02391).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlviz.attribution.attribution_map import Attribution
from dlviz.attribution.layer_choices import LayerChoice, check_layer
from dlviz.attribution.layer_visits import visiting
from dlviz.attribution.methods import running
from dlviz.attribution.net_outputs import gradient
from dlviz.attribution.score import ScoreFunction


@dataclass(frozen=True, eq=False)
class ChannelTerms:
    """The strongest channels of a layer for one input.

    Attributes:
        channels: their indices, (k,), by the magnitude of what they add to the sum of the map.
        weights: weight α of each, the mean gradient over its places, (k,).
        activations: their maps A, (k, *grid).
        count: how many channels the layer has.
    """

    channels: Tensor
    weights: Tensor
    activations: Tensor
    count: int


def grad_cam(score: ScoreFunction, layer: str | nn.Module | None = None, relu: bool = True) -> Attribution:
    """Return the sum of a layer's maps, each weighted by the mean gradient of the score over its places.

    Args:
        layer: path of the layer, or the module; by default the last one with places that is no pooling.
        relu: whether negative numbers become 0, as in the paper.

    Raises:
        DlvizError: no layer has places, or none of that name.

    Example:
        >>> from dlviz.attribution import score_function
        >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))
        >>> made = grad_cam(score_function(net, torch.rand(1, 8, 8)))
        >>> made.layer, made.values.shape, made.maps.shape
        ('1', torch.Size([1, 6, 6]), torch.Size([1, 8, 8]))
    """
    chosen = check_layer(score, layer)
    values = []
    with running(score) as attr:
        for index in range(len(score.inputs)):
            probe = nn.Identity()
            forward = partial(_through, score, chosen, probe, index=index)
            method = attr.LayerGradCam(forward, probe)
            values.append(method.attribute(score.point(index))[:, 0])
    before_relu = torch.cat(values).detach().cpu()
    coarse = before_relu.relu() if relu else before_relu
    maps = interpolated(coarse, score.inputs.places)
    return Attribution("grad_cam", coarse, maps, maps.abs(), layer=chosen.path, before_relu=before_relu)


def interpolated(coarse: Tensor, places: Sequence[int]) -> Tensor:
    """Return coarse maps (N, h, w) or (N, t) in the size of the input's, linearly interpolated."""
    if tuple(coarse.shape[1:]) == tuple(places):
        return coarse
    if coarse.dim() - 1 != len(places):  # a layer with one axis of places in a net of images
        return coarse.new_zeros(len(coarse), *places)
    mode = "bilinear" if len(places) == 2 else "linear"
    return F.interpolate(coarse[:, None], size=tuple(places), mode=mode, align_corners=False)[:, 0]


def activations_and_weights(score: ScoreFunction, layer: LayerChoice, index: int) -> tuple[Tensor, Tensor]:
    """Return the maps A (C, *grid) of a layer for one input, and the weight α of each, (C,)."""
    kept: list[Tensor] = []

    def probe(maps: Tensor) -> Tensor:
        kept.append(maps if maps.requires_grad else maps.detach().requires_grad_())
        return kept[0].clone()

    with score.running(), torch.enable_grad():
        value = _through(score, layer, probe, score.point(index), index=index)
        by_maps = gradient(value, kept[0])
    return kept[0][0].detach().cpu(), by_maps[0].flatten(1).mean(1).cpu()


def channel_terms(score: ScoreFunction, layer: str | nn.Module | None, index: int, most: int = 8) -> ChannelTerms:
    """Return the channels of a layer that add most to the sum of Grad-CAM's map of one input.

    Example:
        >>> from dlviz.attribution import score_function
        >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))
        >>> channel_terms(score_function(net, torch.rand(1, 8, 8)), "1", 0, most=2).activations.shape
        torch.Size([2, 6, 6])
    """
    maps, weights = activations_and_weights(score, check_layer(score, layer), index)
    order = (weights * maps.flatten(1).sum(1)).abs().argsort(descending=True, stable=True)[:most]
    return ChannelTerms(order, weights[order], maps[order], len(maps))


def _through(
    score: ScoreFunction, layer: LayerChoice, probe: Callable[[Tensor], Tensor], points: Tensor, *, index: int
) -> Tensor:
    """Return the explained score (K,), with the layer's maps (K, C, *grid) sent through `probe`."""

    def visit(path: str, kind: str, output: Tensor) -> Tensor:
        return layer.layout.from_maps(probe(layer.layout.to_maps(output)), output) if path == layer.path else output

    with visiting(score.holder, visit, functions=layer.path.startswith("F.")):
        return score(points, index)[:, score.target(index)]
