"""The layers of a net whose outputs have places, each call by itself, as Grad-CAM can use them."""

from dataclasses import dataclass, field
from math import prod

import torch
from torch import Tensor, nn

from dlviz.attribution.layer_visits import visiting
from dlviz.attribution.map_layout import Layout, layout_of, token_grids
from dlviz.attribution.net_outputs import gradients
from dlviz.attribution.score import ScoreFunction
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.torchkit.modules import named_children, named_modules

#: Parts of the names of layers that are not the default, because they only make maps coarser or leave them as they are.
_NOT_DEFAULT = ("pool", "dropout", "droppath", "identity", "softmax")
#: Inputs that are asked at most whether a layer moves their score.
_ASKED = 8


@dataclass(frozen=True)
class LayerChoice:
    """A call of a layer whose output has places.

    Attributes:
        path: the module's path, or "F.relu" for a function called in ``forward``; later calls of the same are "path (2)", "path (3)", ….
        kind: the module's class, or the function's name.
        shape: channels and sizes of the maps, (C, h, w) or (C, T).
        note: what the learner should know about it, in words; "" for most.
        usable: whether the score of any of the first inputs changes with more than one of its places.
        aliases: paths of the modules around it that return the same output.
        is_block: whether the module holds others.
        layout: how its output is arranged.
    """

    path: str
    kind: str
    shape: tuple[int, ...]
    note: str
    usable: bool
    aliases: tuple[str, ...]
    is_block: bool
    layout: Layout


def layers(score: ScoreFunction) -> list[LayerChoice]:
    """Return every call of a layer whose output has places and moves the score, in execution order.

    Example:
        >>> from dlviz.attribution import score_function
        >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))
        >>> [(layer.path, layer.kind, layer.shape) for layer in layers(score_function(net, torch.rand(1, 8, 8)))]
        [('0', 'Conv2d', (4, 6, 6)), ('1', 'ReLU', (4, 6, 6))]
    """
    return list(score.once(("layers",), lambda: _find_layers(score)))


def default_layer(score: ScoreFunction) -> LayerChoice | None:
    """Return the last layer that is usable and no pooling, of a transformer the last block or norm; ``None`` without one."""
    usable = [layer for layer in layers(score) if layer.usable]
    good = [layer for layer in usable if not any(part in layer.kind.lower() for part in _NOT_DEFAULT)]
    # Queries, keys and values have places too, but only parts of what a token holds.
    best = [
        layer
        for layer in good
        if layer.layout.order[0] == "C" or layer.is_block or layer.aliases or "norm" in layer.kind.lower()
    ]
    return (best or good or usable or [None])[-1]  # type: ignore[list-item]


def check_layer(score: ScoreFunction, layer: str | nn.Module | LayerChoice | None) -> LayerChoice:
    """Return the layer that a learner named: a path, a module, or ``None`` for the default.

    Raises:
        DlvizError: there is none of that name.
    """
    if isinstance(layer, LayerChoice):
        return layer
    if isinstance(layer, nn.Module):
        layer = next((path for path, one in named_modules(score.holder) if one is layer), type(layer).__name__)
    found = layers(score)
    if layer is None:
        if (chosen := default_layer(score)) is None:
            raise DlvizError(message("attribution.refused.no_layer"))
        return chosen
    for one in found if isinstance(layer, str) else []:
        if layer in (one.path, *one.aliases):
            return one
    names = ", ".join(one.path for one in found if one.usable) or "–"
    raise DlvizError(message("attribution.refused.layer", names=names, got=repr(layer)[:60]))


@dataclass
class _Call:
    """An output on the way, what replaced it, and the paths that returned it."""

    path: str
    kind: str
    output: Tensor
    passed_on: Tensor
    paths: list[str] = field(default_factory=list)


def _find_layers(score: ScoreFunction) -> list[LayerChoice]:
    found = _layers_of(score, 0)
    for index in range(1, min(len(score.inputs), _ASKED)):
        if all(one.usable for one in found):
            break
        # A ReLU may be 0 everywhere for one input, and not for the next.
        others = {one.path: one for one in _layers_of(score, index) if one.usable}
        found = [one if one.usable else others.get(one.path, one) for one in found]
    return found


def _layers_of(score: ScoreFunction, index: int) -> list[LayerChoice]:
    """Return every call of a layer with places for one input, with what it says about that input."""
    calls: list[_Call] = []

    def visit(path: str, kind: str, output: Tensor) -> Tensor:
        known = next((call for call in reversed(calls) if call.passed_on is output), None)
        if known is not None and output._version == 0:
            known.paths.append(path)
            return output
        # A copy goes on, so that a later operation in place leaves the recorded output as it is.
        if output.is_floating_point() and output.requires_grad and output.dim() > 2:
            calls.append(_Call(path, kind, output, output.clone()))
            return calls[-1].passed_on
        return output

    with score.running(), torch.enable_grad(), visiting(score.holder, visit, functions=True):
        value = score(score.point(index).requires_grad_(), index)[:, score.target(index)]
        by_outputs = gradients(value, [call.output for call in calls])
    places = score.inputs.places
    grids = token_grids([call.output for call in calls], places)
    blocks = {path for path, module in named_modules(score.holder) if named_children(module)}
    found, is_1d = [], False
    for call, by_output in zip(calls, by_outputs, strict=True):
        is_1d |= "1d" in call.kind
        layout = layout_of(call.output, places, grids, is_1d)
        if by_output is not None and layout is not None and prod(layout.grid) > 1:
            found.append(_choice(call, layout, by_output, call.path in blocks))
    return found


def _choice(call: _Call, layout: Layout, by_output: Tensor, is_block: bool) -> LayerChoice:
    """Return a layer with what is to be said about it; `by_output` is the gradient of the score by its output."""
    moving = int(layout.to_maps(by_output)[0].flatten(1).ne(0).any(0).sum())
    notes = []
    if moving < 2:
        # The gradient by the tokens before the grid need not be 0.
        only = "one" if moving else "class_token" if by_output.any() else "zero"
        notes.append(message(f"attribution.layer.{only}"))
    if call.passed_on._version:
        notes.append(message("attribution.layer.in_place"))
    if layout.prefix:
        notes.append(message("attribution.layer.prefix", count=layout.prefix))
    around = tuple(path for path in call.paths if call.path.startswith(f"{path}."))
    shape = tuple(layout.to_maps(call.output).shape[1:])
    return LayerChoice(call.path, call.kind, shape, " ".join(notes), moving > 1, around, is_block, layout)
