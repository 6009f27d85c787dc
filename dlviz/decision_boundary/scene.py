"""A shot as a JSON-able picture: the heat, the points, a map for every unit, and where every layer moves the plane."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from dlviz.decision_boundary.equation import equation, inputs, linear_of
from dlviz.decision_boundary.forward import Call
from dlviz.decision_boundary.projection import WIDEST, fold
from dlviz.decision_boundary.record import Shot
from dlviz.decision_boundary.subsample import kept, single, thinned
from dlviz.decision_boundary.validation import Limits
from dlviz.kit.messages import message

#: So many layers are drawn, so many units of each, and so many weights of a unit.
LAYERS, UNITS, WEIGHTS = 16, 32, 16
#: All maps of units together hold up to so many numbers, and one has up to so many along a side.
NUMBERS, MAP = 120_000, 40


def thinning(side: int, units: int, numbers: int = NUMBERS) -> int:
    """Every how many-th place of the grid a unit's map keeps, so that all maps together stay small.

    Example:
        >>> thinning(80, 40), thinning(80, 300)
        (2, 4)
    """
    most = max(8, min(MAP, math.isqrt(numbers // max(1, units))))
    return math.ceil(side / most)


def scene(
    shot: Shot,
    y: Tensor,
    *,
    limits: Limits,
    side: int,
    classes: Sequence[str],
    signature: str,
    code: str,
    notes: Sequence[Mapping[str, str]],
    moments: Mapping[str, Any],
    edited: bool,
    own: int,
    numbers: int = NUMBERS,
) -> dict[str, Any]:
    """Everything the view draws.

    Args:
        shot: the model at the moment that is drawn.
        y: labels of the points (N,).
        limits, side: the grid.
        classes: what they are called.
        signature: the line in the head.
        code: the plain loop.
        notes: what else has to be told.
        moments: the snapshots' labels, losses and accuracies.
        edited: whether weights have been edited.
        own: how many of the points are the learner's; what comes after has been painted.
        numbers: how many numbers all maps of units may hold.
    """
    chosen = _chosen(shot.plane.calls)
    every = thinning(side, sum(min(UNITS, shot.plane.calls[n].units) for n in chosen), numbers)
    places = _places(side, every)
    drawn = kept(len(y))
    heat = _square(shot.chances, side)
    layers = [_layer(shot.plane.calls, n, side, every) for n in chosen]
    for layer in layers:
        layer["linear"] = chosen.index(layer["linear"]) if layer["linear"] in chosen else -1
    folds = [_fold(shot, n, places, drawn) for n in chosen]
    return {
        "limits": list(limits),
        "side": side,
        "heat": single(heat),
        "classes": list(classes),
        "points": single(shot.points.calls[0].output[drawn]),
        "labels": y[drawn].to(torch.int32).cpu().numpy(),
        "guesses": shot.guesses[drawn].to(torch.int32).cpu().numpy(),
        "point_every": thinned(len(y)),
        "painted_from": int((drawn < own).sum()),
        "layers": layers,
        "map": len(range(every // 2, side, every)),
        "every": every,
        "folds": folds,
        "moments": dict(moments),
        "edited": edited,
        "code": code,
        "signature": signature,
        "badge": {"kind": "", "text": message("decision_boundary.edited")}
        if edited
        else {"kind": "good", "text": message("decision_boundary.badge")},
        "notes": [*notes, *_notes(shot, chosen, drawn, len(y))],
        "summary": message(
            "decision_boundary.summary",
            classes=", ".join(classes),
            points=len(y),
            accuracy=percent(shot.accuracy),
            layers=len(shot.plane.calls) - 1,
        ),
    }


def percent(share: float | None) -> str:
    """A share as "97.3%", and "–" for none; what is not quite all is never rounded up to 100%."""
    if share is None:
        return "–"
    return "100%" if share == 1 else f"{min(99.9, round(100 * share, 1)):g}%"


def _chosen(calls: Sequence[Call]) -> list[int]:
    """Numbers of the calls that are drawn: all, or the first ones and the last."""
    count = len(calls)
    return list(range(count)) if count <= LAYERS else [*range(LAYERS - 1), count - 1]


def _places(side: int, every: int) -> Tensor:
    """Numbers of the grid's places that a map keeps, row by row."""
    along = torch.arange(every // 2, side, every)
    return (along[:, None] * side + along).flatten()


def _square(values: Tensor, side: int) -> Tensor:
    """(side · side, K) as K maps."""
    return values.T.reshape(-1, side, side)


def _layer(calls: Sequence[Call], number: int, side: int, every: int) -> dict[str, Any]:
    call = calls[number]
    drawn = min(UNITS, call.units)
    weight = call.weight
    return {
        "call": number,
        "name": call.name,
        "kind": call.kind,
        "about": f"{call.kind}({call.about})" if call.path is not None else call.kind,
        "from": [_called(calls[source]) for source in call.sources],
        "units": call.units,
        "drawn": drawn,
        "values": single(_square(call.output[:, :drawn], side)[:, every // 2 :: every, every // 2 :: every]),
        "equations": [equation(calls, number, unit) for unit in range(drawn)],
        "linear": linear_of(calls, number),
        "inputs": inputs(calls, number)[:WEIGHTS],
        "fan": 0 if weight is None else weight.shape[1],
        "weight": None if weight is None else single(weight[:drawn, :WEIGHTS]),
        "bias": None if call.bias is None else single(call.bias[:drawn]),
        "editable": weight is not None and call.path is not None,
    }


def _called(call: Call) -> str:
    """Name and class: "1 (ReLU)"; of a function and of the input the name alone."""
    return f"{call.name} ({call.kind})" if call.path and call.name != call.kind else call.name


def _fold(shot: Shot, number: int, places: Tensor, drawn: Tensor) -> dict[str, Any] | None:
    plane, points = shot.plane.calls[number], shot.points.calls[number]
    finite = bool(torch.isfinite(plane.output).all()) and bool(torch.isfinite(points.output).all())
    if plane.units > WIDEST or plane.units == 0 or not finite:
        return None
    found = fold(plane.output[places.to(plane.output.device)], points.output[drawn])
    return {
        "plane": single(found.plane),
        "points": single(found.points),
        "units": found.units,
        "shares": list(found.shares),
    }


def _notes(shot: Shot, chosen: Sequence[int], drawn: Tensor, count: int) -> list[dict[str, str]]:
    calls = shot.plane.calls
    notes = []
    wild = next((call.name for call in calls if not bool(torch.isfinite(call.output).all())), "")
    if wild:
        notes.append({"kind": "bad", "text": message("decision_boundary.note.wild", name=wild)})
    if calls[-1].kind.lower() in ("sigmoid", "softmax"):
        notes.append(
            {
                "kind": "warn",
                "text": message("decision_boundary.note.squashed", name=calls[-1].name, kind=calls[-1].kind),
            }
        )
    if len(chosen) < len(calls):
        notes.append(
            {"kind": "", "text": message("decision_boundary.note.layers", shown=len(chosen) - 1, count=len(calls) - 1)}
        )
    wide = max((calls[n] for n in chosen), key=lambda call: call.units)
    if wide.units > UNITS:
        notes.append(
            {"kind": "", "text": message("decision_boundary.note.units", name=wide.name, shown=UNITS, count=wide.units)}
        )
    if len(drawn) < count:
        notes.append({"kind": "", "text": message("decision_boundary.note.points", shown=len(drawn), count=count)})
    if shot.classes > 5:
        notes.append({"kind": "", "text": message("decision_boundary.note.colors")})
    return notes
