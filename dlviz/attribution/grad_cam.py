"""Grad-CAM: which places of a layer's maps raise the score, at any layer whose output has places.

Source: R. Selvaraju et al., Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization, 2017 (arXiv 1610.02391).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from dlviz.attribution.attribution_map import Attribution
from dlviz.attribution.methods import running
from dlviz.attribution.score import ScoreFunction, gradient, gradients
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.torchkit.forward_trace import function_name, kind_of
from dlviz.torchkit.modules import named_children, named_modules

#: Functions whose outputs count as layers where forward calls them without a module.
_ACTIVATIONS = {"relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "hardswish", "tanh", "sigmoid"}
_FUNCTIONS = _ACTIVATIONS | {"max_pool1d", "max_pool2d", "avg_pool1d", "avg_pool2d"}
#: Tokens before the grid of a vision transformer: class token, distillation token and registers.
_MAX_PREFIX = 16
#: Parts of the names of layers that are not the default, because they only make maps coarser or leave them as they are.
_NOT_DEFAULT = ("pool", "dropout", "droppath", "identity", "softmax")


@dataclass(frozen=True)
class Layout:
    """How the places of an output (N, …) are arranged.

    Attributes:
        order: the output's axes as they would be after the batch: "CHW" or "HWC" for images, "CT" or "TC" for sequences; "TNC" for
            a sequence before the batch.
        grid: sizes of the axes of places.
        prefix: tokens before the grid.
    """

    order: str
    grid: tuple[int, ...]
    prefix: int = 0

    def to_maps(self, output: Tensor) -> Tensor:
        """Return an output as maps (N, C, *grid)."""
        if self.order == "TNC":
            output = output.transpose(0, 1)
        if self.order[0] != "C":
            output = output.movedim(-1, 1)
        tokens = output[:, :, self.prefix :] if self.prefix else output
        return tokens.reshape(*tokens.shape[:2], *self.grid)

    def from_maps(self, maps: Tensor, output: Tensor) -> Tensor:
        """Return maps (N, C, *grid) arranged as `output`, from which the tokens before the grid are taken."""
        if self.order == "TNC":
            output = output.transpose(0, 1)
        if self.order[0] != "C":
            output = output.movedim(-1, 1)
        made = maps.reshape(*maps.shape[:2], *output.shape[2:-1], -1) if not self.prefix else maps.flatten(2)
        if self.prefix:
            made = torch.cat([output[:, :, : self.prefix], made], 2)
        if self.order[0] != "C":
            made = made.movedim(1, -1)
        return made.transpose(0, 1) if self.order == "TNC" else made


@dataclass(frozen=True)
class LayerChoice:
    """A call of a layer whose output has places.

    Attributes:
        path: the module's path, or "F.relu" for a function called in ``forward``; later calls of the same are "path (2)", "path (3)", ….
        kind: the module's class, or the function's name.
        shape: channels and sizes of the maps, (C, h, w) or (C, T).
        note: what the learner should know about it, in words; "" for most.
        usable: whether the score changes with more than one of its places.
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
            values.append(method.attribute(score.point(index), relu_attributions=relu)[:, 0])
    coarse = torch.cat(values).detach().cpu()
    maps = interpolated(coarse, score.inputs.places)
    return Attribution("grad_cam", coarse, maps, maps.abs(), layer=chosen.path)


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

    with _visiting(score.holder, visit, functions=layer.path.startswith("F.")):
        return score(points, index)[:, score.target(index)]


@dataclass
class _Call:
    """An output on the way, what replaced it, and the paths that returned it."""

    path: str
    kind: str
    output: Tensor
    passed_on: Tensor
    paths: list[str] = field(default_factory=list)


def _find_layers(score: ScoreFunction) -> list[LayerChoice]:
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

    with score.running(), torch.enable_grad(), _visiting(score.holder, visit, functions=True):
        value = score(score.point(0).requires_grad_(), 0)[:, score.target(0)]
        by_outputs = gradients(value, [call.output for call in calls])
    grids = _grids(score, calls)
    blocks = {path for path, module in named_modules(score.holder) if named_children(module)}
    found, is_1d = [], False
    for call, by_output in zip(calls, by_outputs, strict=True):
        is_1d |= "1d" in call.kind
        layout = _layout(score, call, grids, is_1d)
        if by_output is not None and layout is not None and prod(layout.grid) > 1:
            found.append(_choice(call, layout, by_output, call.path in blocks))
    return found


def _choice(call: _Call, layout: Layout, by_output: Tensor, is_block: bool) -> LayerChoice:
    """Return a layer with what is to be said about it; `by_output` is the gradient of the score by its output."""
    moving = int(layout.to_maps(by_output)[0].flatten(1).ne(0).any(0).sum())
    notes = []
    if moving < 2:
        notes.append(message(f"attribution.layer.{'one' if moving else 'class_token' if layout.prefix else 'zero'}"))
    if call.passed_on._version:
        notes.append(message("attribution.layer.in_place"))
    if layout.prefix:
        notes.append(message("attribution.layer.prefix", count=layout.prefix))
    around = tuple(path for path in call.paths if call.path.startswith(f"{path}."))
    shape = tuple(layout.to_maps(call.output).shape[1:])
    return LayerChoice(call.path, call.kind, shape, " ".join(notes), moving > 1, around, is_block, layout)


def _grids(score: ScoreFunction, calls: Sequence[_Call]) -> dict[int, tuple[int, int]]:
    """Return the grids of maps on the way, by their number of places: a vision transformer makes its tokens of one of them."""
    if score.inputs.kind != "image":
        return {}
    grids: dict[int, tuple[int, int]] = {}
    for call in calls:
        if (
            call.output.dim() == 4
            and len(call.output) == 1
            and (layout := _image_layout(score, call.output)) is not None
        ):
            grids.setdefault(prod(layout.grid), layout.grid)  # type: ignore[arg-type]
    return grids


def _layout(score: ScoreFunction, call: _Call, grids: Mapping[int, tuple[int, int]], is_1d: bool) -> Layout | None:
    """Return how the output of one input is arranged; ``None`` if it has no places. `is_1d`: a convolution of sequences came before."""
    output, places = call.output, score.inputs.places
    if len(places) == 2:
        if output.dim() == 4 and len(output) == 1:
            return _image_layout(score, output)
        return _grid_of_tokens(score, output, grids) if output.dim() == 3 and len(output) == 1 else None
    if output.dim() != 3:
        return None
    first, second, third = output.shape
    if first == 1 and second == places[0]:
        return Layout("TC", (second,))
    if second == 1 and first == places[0]:
        return Layout("TNC", (first,))
    # A class token before the features, as transformers for tables have it.
    if first == 1 and second == places[0] + 1 and not is_1d:
        return Layout("TC", places, 1)
    return Layout("CT", (third,)) if first == 1 and (is_1d or third == places[0]) else None


def _image_layout(score: ScoreFunction, output: Tensor) -> Layout | None:
    """Return the layout of (1, C, h, w), or of (1, h, w, C) where only that has the proportions of the image."""
    _, first, second, third = output.shape
    last = _fits(score, first, second) and not _fits(score, second, third)
    return Layout("HWC", (first, second)) if last else Layout("CHW", (second, third))


def _fits(score: ScoreFunction, height: int, width: int) -> bool:
    """Return whether a grid has the proportions of the image, apart from rounding."""
    full = score.inputs.places
    return abs(height * full[1] - width * full[0]) <= max(full)


def _grid_of_tokens(score: ScoreFunction, output: Tensor, grids: Mapping[int, tuple[int, int]]) -> Layout | None:
    """Return the layout of tokens (1, T, C) that stand for the places of an image."""
    for prefix in range(_MAX_PREFIX + 1):
        grid = grids.get(output.shape[1] - prefix)
        if grid is not None and prod(grid) > 1:
            return Layout("TC", grid, prefix)
    for prefix in (0, 1, 2, 5):
        count = output.shape[1] - prefix
        for height in range(2, int(max(count, 0) ** 0.5 * 4) + 1):
            width = count // height
            if height * width == count and height * score.inputs.places[1] == width * score.inputs.places[0]:
                return Layout("TC", (height, width), prefix)
    return None


@contextmanager
def _visiting(holder: nn.Module, visit: Callable[[str, str, Tensor], Tensor], *, functions: bool) -> Iterator[None]:
    """Send the output of every module through `visit`, which gets its name and kind; with `functions` those in ``forward`` too."""
    counts: dict[str, int] = {}
    mode = _FunctionVisitor(visit, counts)

    def leave(path: str, is_leaf: bool, module: nn.Module, args: Any, output: Any) -> Any:
        mode.depth -= is_leaf
        is_pair = isinstance(output, (tuple, list)) and not hasattr(output, "_fields") and len(output) > 0
        first = output[0] if is_pair else output
        if not isinstance(first, Tensor) or not path:
            return output
        with mode.suspended():
            made = visit(_numbered(counts, path), kind_of(module), first)
        if made is first:
            return output
        return type(output)([made, *output[1:]]) if is_pair else made

    def enter(is_leaf: bool, module: nn.Module, args: Any) -> None:
        mode.depth += is_leaf

    with ExitStack() as stack:
        for path, module in named_modules(holder):
            if not isinstance(module, torch.jit.ScriptModule):  # which takes no hooks
                is_leaf = not named_children(module) and module is not holder
                name = path.replace("_orig_mod.", "").removeprefix("_orig_mod")  # of a compiled module
                before = nn.Module.register_forward_pre_hook(module, partial(enter, is_leaf))
                after = nn.Module.register_forward_hook(module, partial(leave, name, is_leaf))
                stack.callback(before.remove)
                stack.callback(after.remove)
        stack.enter_context(mode if functions else nullcontext())
        yield


def _numbered(counts: dict[str, int], name: str) -> str:
    """Return the name of this call: "relu" of the first, "relu (2)" of the second."""
    counts[name] = counts.get(name, 0) + 1
    return name if counts[name] == 1 else f"{name} ({counts[name]})"


class _FunctionVisitor(TorchFunctionMode):
    """Sends the outputs of :data:`_FUNCTIONS` through `visit`, where no module without submodules calls them.

    Attributes:
        depth: how many such modules are running, and calls of `visit`.
    """

    def __init__(self, visit: Callable[[str, str, Tensor], Tensor], counts: dict[str, int]) -> None:
        super().__init__()
        self._visit, self._counts = visit, counts
        self.depth = 0

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Let functions inside the block pass."""
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        name = function_name(function) if self.depth == 0 else ""
        if name not in _FUNCTIONS:
            return function(*args, **(kwargs or {}))
        with self.suspended():  # one function may call another of them
            output = function(*args, **(kwargs or {}))
            return (
                self._visit(_numbered(self._counts, f"F.{name}"), name, output)
                if isinstance(output, Tensor)
                else output
            )
