"""What an exported page of a diffusion model shows for other settings than those it was written with."""

import json
import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from dlviz.diffusion.record import process, step_counts
from dlviz.diffusion.sampling import SAMPLERS
from dlviz.diffusion.scene import BETA_ENDS, STEPS, drawn_curve, drawn_predictions, drawn_walk, scene
from dlviz.diffusion.schedule import KINDS
from dlviz.diffusion.widget_state import DenoiseState

#: Strengths of guidance, those first that show most, because a page has room for some.
_GUIDANCES = (1.0, 0.0, 3.0, 8.0, 2.0, 5.0, 0.5, 1.5, 4.0, 6.0)
#: Classes that a page offers at most.
_CLASSES = 10

#: For each trait, by the JSON of a value, a function that returns the traits that change with it.
States = dict[str, dict[str, Callable[[], dict[str, Any]]]]


def page_states(state: DenoiseState, forward_steps: int, beta_end: float, snapshots: Sequence[int]) -> States:
    """Return the traits that change with other settings, one setting at a time, those first that matter most.

    Args:
        state: network, data and settings.
        forward_steps, beta_end: number of steps and last beta of a schedule that is tried.
        snapshots: those that a page has room for.
    """
    inputs, total = state.inputs, state.model.schedule.steps
    states: States = {}

    def offer(name: str, values: Iterable[Any], make: Callable[[str, Any], dict[str, Any]]) -> None:
        made: dict[str, Callable[[], dict[str, Any]]] = {
            json.dumps(value): partial(make, name, value) for value in values
        }
        if len(made) > 1:
            states[name] = made

    def walk(name: str, value: Any) -> dict[str, Any]:
        return walk_state(state, **{"steps" if name == "walk_steps" else name: value})

    def offer_walks(name: str, values: Iterable[Any]) -> None:
        most = state.page_walk_steps
        offer(name, [one for one in values if (one if name == "walk_steps" else state.settings.steps) <= most], walk)

    def tried(name: str, value: Any) -> dict[str, Any]:
        cosine = value == "cosine" or (name == "forward_steps" and state.schedule_kind == "cosine")
        kind = value if name == "forward_schedule" else "cosine" if cosine else "linear"
        settings = {"forward_steps": forward_steps, "beta_end": beta_end} | {name: value}
        return tried_schedule(state, kind, settings["forward_steps"], settings["beta_end"])

    if state.model.null is not None:
        offer_walks("guidance", _GUIDANCES)
    if inputs.labels is not None:
        offer_walks("condition", range(-1, min(_CLASSES, len(inputs.classes))))
    # Of many steps the grid has to be computed at other steps than those of the process, which takes room.
    offer_walks("walk_steps", (n for n in step_counts(total) if n <= 50 or n == total))
    offer_walks("sampler", SAMPLERS)
    offer_walks("snapshot", snapshots)
    # Classes leave less room for other schedules.
    most = (len(STEPS), len(BETA_ENDS)) if inputs.labels is None else (3, 2)
    offer("forward_steps", _nearest(STEPS, total, most[0]), tried)
    offer("forward_schedule", ("model", *KINDS), tried)
    offer("beta_end", _nearest(BETA_ENDS, beta_end, most[1]), tried)
    return states


def walk_state(state: DenoiseState, **setting: Any) -> dict[str, Any]:
    """Return the traits that change with another snapshot or another setting of the walk."""
    other = state.variant(**setting)
    walk = drawn_walk(other.walk_times, other.walk, other.walk_predictions, other)
    if setting.keys() <= {"steps", "sampler"}:
        return {"drawn_walk": walk}
    found = drawn_predictions(other.process_predictions, other.inputs)
    return {"drawn_walk": walk, "drawn_predictions": found, "drawn_curve": drawn_curve(other.curve)}


def tried_schedule(state: DenoiseState, kind: str, steps: int, beta_end: float) -> dict[str, Any]:
    """Return the traits that change with another schedule."""
    made = process(state.inputs, state.tried_schedule(kind, steps, beta_end))
    return {"forward_schedule": kind, "scene": scene(state, made, kind, beta_end)}


def _nearest(values: Sequence[float], value: float, most: int) -> list[float]:
    """Return values by how near they are in ratio, the nearest first."""
    return sorted(values, key=lambda other: abs(math.log(other / value)))[:most]
