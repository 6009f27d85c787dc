"""What an exported page holds in place of the kernel: other inputs, the terms of many places, other layers of Grad-CAM."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from math import prod
from typing import Any

from dlviz.attribution.captions import check_scene
from dlviz.attribution.pictures import strongest_places
from dlviz.attribution.record import Record
from dlviz.attribution.scene import MAX_INPUTS, cam_scene, details, methods, opened, path_scene, scene
from dlviz.attribution.widget_state import AttributionState

#: Characters that the other inputs may take in a page, and all terms.
_INPUTS, _TERMS = 1_200_000, 900_000
#: Inputs of so many places have the terms of each of them, larger ones those of the strongest places of every map.
_ALL_PLACES, _STRONGEST = 144, 4
#: Numbers of an input up to which paths and terms of all inputs are computed, which takes a while for larger ones.
_SMALL = 4096
#: Layers of Grad-CAM that a page offers at most.
_LAYERS = 8


def carried(
    state: AttributionState, index: int, place: Sequence[int], name: str, size: Callable[[Any], int]
) -> dict[str, Any]:
    """Return the answers that a page holds, by their keys, such as "saliency 0 3,4" for the terms of a place.

    Args:
        state: the state behind the picture.
        index, place: the open input and the marked place.
        name: the learner's name of the net.
        size: function that returns how many characters data take in the page.
    """
    record = state.record
    count = min(len(record.inputs), MAX_INPUTS)
    order = [index, *(k for k in range(count) if k != index)]
    found: dict[str, Any] = {"opened": {}, "details": {}, "path": {}, "cam": {}, "checks": {}}
    budget = _INPUTS
    for k in order[1:]:
        one = opened(record, k, name)
        budget -= size(one)
        if budget < 0:
            break
        found["opened"][str(k)] = one
    is_small = record.score.point(0).numel() <= _SMALL
    near = [k for k in order if k == index or (is_small and str(k) in found["opened"])]
    for method in methods(record):
        for k in near:
            if method == "integrated_gradients":
                found["path"][str(k)] = path_scene(state.path(k), record, k)
            if method == "grad_cam":
                found["cam"][str(k)] = cam_scene(state.channels(k), record, k)
            checks = {key: check_scene(one, record, method, k) for key, one in state.checked(method, k).items()}
            if checks:
                found["checks"][f"{method} {k}"] = checks
    budget = _TERMS
    for method, k, at in _asked(record, near, place):
        path = state.path(k) if method == "integrated_gradients" else None
        one = details(state.terms(method, k, at), record, path)
        budget -= size(one)
        if budget < 0:
            break
        found["details"][f"{method} {k} {','.join(map(str, at))}"] = one
    return found


def _asked(record: Record, indices: Sequence[int], place: Sequence[int]) -> Iterator[tuple[str, int, tuple[int, ...]]]:
    """Yield method, input and place of the terms that a page should hold, the most useful ones first."""
    names = methods(record)
    best = [
        one for name in names for one in strongest_places(record.attributions[name].strengths[indices[0]], _STRONGEST)
    ]
    first = list(dict.fromkeys([*([tuple(place)] if place else []), *best]))
    yield from ((name, k, at) for k in indices for name in names for at in first)
    if prod(record.inputs.places) <= _ALL_PLACES:
        every = [at for at in product(*map(range, record.inputs.places)) if at not in first]
        yield from ((name, k, at) for k in indices for at in every for name in names)


def layer_states(
    state: AttributionState, index: int, place: Sequence[int], method: str, name: str
) -> dict[str, list[tuple[Any, Callable[[], dict[str, Any]]]]]:
    """Return for other layers of Grad-CAM, and with or without its ReLU, functions that return the traits that change."""
    record = state.record
    if "grad_cam" not in record.attributions:
        return {}

    def traits(layer: str, relu: bool) -> dict[str, Any]:
        with state.at_layer(layer, relu):
            now = state.record
            found = {
                "scene": scene(now),
                "opened": opened(now, index, name),
                "cam": cam_scene(state.channels(index), now, index),
                "relu": relu,
            }
            if method == "grad_cam" and place:
                found["details"] = details(state.terms(method, index, place), now, None)
            return found

    usable = [one.path for one in record.layers if one.usable]
    others = [path for path in reversed(usable) if path != state.layer][: _LAYERS - 1]
    return {
        "layer": [(path, partial(traits, path, record.relu)) for path in others],
        "relu": [(not record.relu, partial(traits, state.layer, not record.relu))],
    }
