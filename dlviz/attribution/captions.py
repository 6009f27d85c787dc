"""The checks of a map: what is drawn of them, and what their numbers mean in words."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlviz.attribution.pictures import color_limit, drawn_size, shades, shrunk
from dlviz.attribution.record import Record
from dlviz.attribution.sanity import DeletionInsertion, InputNoise, OtherClass, Randomization
from dlviz.kit.messages import message
from dlviz.kit.svg_grid import format_number
from dlviz.torchkit.modules import named_modules

#: From this rank correlation on a map has hardly changed; below the other one it has become a different map.
HARDLY, DIFFERENT = 0.7, 0.3
#: Noise, as a share of the input's range, for which the words give the correlation.
_NOISE = 0.05
#: Pixels along a side of the map of a check.
_SIDE = 48

Check = Randomization | DeletionInsertion | OtherClass | InputNoise


def check_scene(found: Check, record: Record, method: str, index: int) -> dict[str, Any]:
    """Return the picture of a check, its number, and a sentence that says how to read it.

    Args:
        found: what the check found.
        record: the record whose map was checked.
        method, index: which map.
    """
    before = record.attributions[method].maps[index]
    if isinstance(found, DeletionInsertion):
        return _curves(found)
    if isinstance(found, Randomization):
        kinds = {path: type(one).__name__ for path, one in named_modules(record.score.holder)}
        titles = [_layers(found, k, kinds) for k in range(len(found.layers))]
        texts = [_rho(float(value)) for value in found.correlations]
        last = float(found.correlations[-1])
        words = _words("randomization", _verdict(last), rho=_number(last))
        return words | _maps(before, found.maps, [message("attribution.check.trained"), *titles], ["", *texts])
    if isinstance(found, OtherClass):
        classes, target = record.inputs.classes, int(record.inputs.targets[index])
        names = [message("attribution.check.class_name", name=classes[k]) for k in (target, found.target)]
        words = _words(
            "other_class",
            _verdict(found.correlation),
            rho=_number(found.correlation),
            signed=_number(found.signed_correlation),
            other=classes[found.target],
        )
        return words | _maps(before, found.map[None], names, ["", _rho(found.correlation)])
    titles = [message("attribution.check.noise", size=format_number(100 * size, 3)) for size in found.sizes]
    texts = [_noise_text(found, record, index, k) for k in range(len(found.sizes))]
    k = min(range(len(found.sizes)), key=lambda k: abs(found.sizes[k] - _NOISE))
    value = float(found.correlations[k])
    score = float(record.scores[index, int(record.inputs.targets[index])])
    words = _words(
        "input_noise",
        _verdict(value),
        rho=_number(value),
        size=format_number(100 * found.sizes[k], 3),
        before=format_number(score, 3),
        after=format_number(float(found.scores[k]), 3),
    )
    return words | _maps(before, found.maps, [message("attribution.check.no_noise"), *titles], ["", *texts])


def _words(name: str, verdict: str, **values: Any) -> dict[str, Any]:
    return {
        "text": message(f"attribution.check.{name}.{verdict}", **values),
        "how": message(f"attribution.check.{name}.how"),
    }


def _verdict(rho: float) -> str:
    if math.isnan(rho):
        return "constant"
    return "same" if rho >= HARDLY else "changed" if rho < DIFFERENT else "partly"


def _layers(found: Randomization, k: int, kinds: Mapping[str, str]) -> str:
    """Return the layers that become random at a step."""
    more = found.counts[k] - (found.counts[k - 1] if k else 0) - 1
    layer = f"{found.layers[k]} {kinds.get(found.layers[k], '')}".strip()
    return message("attribution.check.layers", layer=layer, more=more) if more else layer


def _noise_text(found: InputNoise, record: Record, index: int, k: int) -> str:
    """Return the correlation, and the prediction where noise has changed it."""
    text, prediction = _rho(float(found.correlations[k])), int(found.predictions[k])
    if prediction == int(record.scores[index].argmax()):
        return text
    return text + message("attribution.check.predicts", name=record.inputs.classes[prediction])


def _maps(before: Tensor, maps: Tensor, titles: Sequence[str], texts: Sequence[str]) -> dict[str, Any]:
    """Return small maps with titles and texts, the unchanged one first, each with a color scale of its own."""
    every = torch.cat((before[None], maps)).double()
    every = every if every.dim() == 3 else every[:, None]
    full = (int(every.shape[1]), int(every.shape[2]))
    size = drawn_size(full, _SIDE) if before.dim() == 2 else full
    shown = shrunk(every, size)
    return {
        "shape": list(size),
        "values": np.stack([shades(one, color_limit(one)) for one in shown]),
        "titles": list(titles),
        "texts": list(texts),
    }


def _curves(found: DeletionInsertion) -> dict[str, Any]:
    better = [
        found.auc_deletion < found.auc_random_deletion - 2 * found.auc_random_deletion_std,
        found.auc_insertion > found.auc_random_insertion + 2 * found.auc_random_insertion_std,
    ]
    verdict = "better" if all(better) else "no_better" if not any(better) else "deletion" if better[0] else "insertion"
    words = _words(
        "deletion_insertion",
        verdict,
        deletion=_number(found.auc_deletion),
        insertion=_number(found.auc_insertion),
        random_deletion=_number(found.auc_random_deletion),
        deletion_std=format_number(found.auc_random_deletion_std, 2),
        random_insertion=_number(found.auc_random_insertion),
        insertion_std=format_number(found.auc_random_insertion_std, 2),
    )
    random = [f"random_{name}" for name in ("deletion_mean", "deletion_std", "insertion_mean", "insertion_std")]
    return words | {
        "is_prob": found.is_prob,
        "axis": message(f"attribution.check.{'prob' if found.is_prob else 'score'}"),
        **{
            name: getattr(found, name).double().cpu().numpy()
            for name in ("fractions", "deletion", "insertion", *random)
        },
    }


def _number(value: float) -> str:
    return format_number(round(value, 3), 3)


def _rho(value: float) -> str:
    return message("attribution.check.rho", value=_number(value))
