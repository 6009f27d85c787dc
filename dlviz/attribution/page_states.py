"""What an exported page holds in place of the kernel: other inputs, targets and layers, the terms of many places, and checks."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from math import prod
from time import perf_counter
from typing import Any

from dlviz.attribution.captions import check_scene
from dlviz.attribution.pictures import strongest_places
from dlviz.attribution.record import Record
from dlviz.attribution.scene import MAX_INPUTS, cam_scene, details, methods, opened, path_scene, scene
from dlviz.attribution.widget_state import CHECKS, AttributionState

#: Characters that the other inputs may take in a page, all terms, those of another target, and all checks.
_INPUTS, _TERMS, _TARGET_TERMS, _CHECKS = 1_200_000, 900_000, 60_000, 400_000
#: Seconds that the net may run for the checks of a page.
_SECONDS = 20.0
#: Inputs of so many places have the terms of each of them, larger ones those of the strongest places of every map.
_ALL_PLACES, _STRONGEST = 144, 4
#: Numbers of an input up to which the answers for all inputs and other targets are computed, which takes a while for larger ones.
_SMALL = 4096
#: Layers of Grad-CAM and other targets that a page offers at most.
_LAYERS, _TARGETS = 8, 9
#: How many maps, or runs of the net without gradients, each check takes at most.
_MAPS = {"other_class": 1, "input_noise": 5, "randomization": 10}
_RUNS = {"deletion_insertion": 440}
#: A run with gradients takes about so many times as long as one without.
_WITH_GRADIENT = 3


def carried(
    state: AttributionState, index: int, place: Sequence[int], method: str, name: str, size: Callable[[Any], int]
) -> dict[str, Any]:
    """Return the answers that a page holds, by their keys, such as "saliency 0 3,4" for the terms of a place.

    Args:
        state: the state behind the picture.
        index, place, method: the open input, the marked place and the open method.
        name: the learner's name of the net.
        size: function that returns how many characters data take in the page.
    """
    record = state.record
    count = min(len(record.inputs), MAX_INPUTS)
    order = [index, *(k for k in range(count) if k != index)]
    found: dict[str, Any] = {"opened": {}}
    budget = _INPUTS
    for k in order[1:]:
        one = opened(record, k, name)
        budget -= size(one)
        if budget < 0:
            break
        found["opened"][str(k)] = one
    near = [k for k in order if k == index or (_is_small(record) and str(k) in found["opened"])]
    found |= _answers(state, near, place, _TERMS, size)
    if "grad_cam" in record.attributions:
        found["cam"] = {str(k): cam_scene(state.channels(k), record, k) for k in near if k != index}
    return found | {"checks": _checks(state, near, method, size)}


def _is_small(record: Record) -> bool:
    return record.score.point(0).numel() <= _SMALL


def _answers(
    state: AttributionState, indices: Sequence[int], place: Sequence[int], budget: int, size: Callable[[Any], int]
) -> dict[str, Any]:
    """Return the paths of integrated gradients, and as many terms as fit into a budget."""
    record = state.record
    has_path = "integrated_gradients" in record.attributions
    found: dict[str, Any] = {"details": {}, "cam": {}, "checks": {}}
    found["path"] = {str(k): path_scene(state.path(k), record, k) for k in indices} if has_path else {}
    for method, k, at in _asked(record, indices, place):
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


def _checks(
    state: AttributionState, indices: Sequence[int], method: str, size: Callable[[Any], int]
) -> dict[str, dict[str, Any]]:
    """Return the checks that were computed, and as many others as fit into the time and room of a page, those of the open map first."""
    record = state.record
    names, seconds, budget = methods(record), _SECONDS, _CHECKS
    run = _seconds_of_run(record)
    found: dict[str, dict[str, Any]] = {}
    wanted = [(method, indices[0])]
    if _is_small(record):
        others = [(one, indices[0]) for one in names if one != method]
        wanted += [*others, *((method, k) for k in indices[1:])]
    rest = [(one, k) for k in indices for one in names if (one, k) not in wanted]
    for one, k in [*wanted, *rest]:
        done = state.checked(one, k)
        shown = {name: check_scene(value, record, one, k) for name, value in done.items()}
        for name in CHECKS if (one, k) in wanted else ():
            cost = run * (_MAPS.get(name, 0) * _runs(record, one) + _RUNS.get(name, 0))
            if name in done or cost > seconds or budget <= 0:
                continue
            seconds -= cost
            try:
                shown[name] = check_scene(state.check(name, one, k), record, one, k)
            except Exception:  # one output, no weights, or whatever a learner's net raises: the page has no result
                continue
            budget -= size(shown[name])
        if shown:
            found[f"{one} {k}"] = shown
    return found


def _seconds_of_run(record: Record) -> float:
    """Return how long one of several variants of an input takes in the net, without gradients."""
    count = min(4, record.score.chunk_size)
    points = record.score.point(0).repeat(count, *[1] * (record.score.point(0).dim() - 1))
    start = perf_counter()
    record.score.values(points, 0)
    return (perf_counter() - start) / count


def _runs(record: Record, method: str) -> int:
    """Return about how many runs of the net a map takes, one with gradients counted as several."""
    axes = zip(record.inputs.places, record.window, record.stride, strict=True)
    windows = prod(1 + -(-(side - window) // stride) for side, window, stride in axes)
    gradients = {"integrated_gradients": record.steps, "smooth_grad": record.samples}
    return windows if method == "occlusion" else _WITH_GRADIENT * gradients.get(method, 1)


def target_states(
    state: AttributionState, index: int, place: Sequence[int], name: str, size: Callable[[Any], int]
) -> list[tuple[int, Callable[[], dict[str, Any]]]]:
    """Return for other targets of the open input, those of the highest scores first, functions that return the traits that change."""
    record = state.record
    if not _is_small(record):
        return []

    def traits(target: int) -> dict[str, Any]:
        with state.at_target(index, target):
            now = state.record
            found: dict[str, Any] = {"scene": scene(now), "opened": opened(now, index, name), "details": {}}
            if "grad_cam" in now.attributions:
                found["cam"] = cam_scene(state.channels(index), now, index)
            return found | {"carried": {"opened": {}} | _answers(state, [index], place, _TARGET_TERMS, size)}

    ranked = record.scores[index].nan_to_num().argsort(descending=True).tolist()
    others = [target for target in ranked if target != record.score.target(index)][:_TARGETS]
    return [(target, partial(traits, target)) for target in others]


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
