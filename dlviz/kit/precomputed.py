"""Settings that were computed beforehand, so that an exported page answers its knobs without a kernel."""

import json
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

#: So many characters a page may have, frames included; it still opens at once and can be sent by mail.
BUDGET = 4_000_000

#: Of each trait, by the JSON of its value, the traits that change with it.
Frames = Mapping[str, Mapping[str, Mapping[str, Any]]]


def fit_budget(frames: Frames, base: Mapping[str, Any], room: int, size: Any) -> dict[str, dict[str, dict[str, Any]]]:
    """Frames as what differs from `base`, until `room` is used up.

    The first value of every trait goes before the second of any, so that a page with little room still has something for each knob.

    Args:
        frames: of each trait the values, the most useful one first.
        base: every trait as the page shows it first; its own values are among what is returned.
        room: what all frames together may take.
        size: what one takes, as a function of it.

    Example:
        >>> base = {"n": 1, "scene": {"a": 1, "b": 2}}
        >>> fit_budget({"n": {"2": {"scene": {"a": 1, "b": 3}}}}, base, 100, lambda one: len(str(one)))
        {'n': {'1': {}, '2': {'scene': {'b': 3}}}}
    """
    kept: dict[str, dict[str, dict[str, Any]]] = {
        trait: {json.dumps(base[trait]): {}} for trait, values in frames.items() if values
    }
    for trait, value, traits in _in_turn(frames):
        one = _difference(traits, base)
        room -= size(one)
        if room < 0:
            break
        kept[trait].setdefault(value, one)
    return kept


def _in_turn(frames: Frames) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    rows = zip_longest(*([(trait, *item) for item in values.items()] for trait, values in frames.items()))
    return (one for row in rows for one in row if one is not None)


def _difference(traits: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """Only what is not as in `base`; of a dictionary only the items that are not, ``None`` for one that is gone."""
    found = {}
    for name, value in traits.items():
        old = base.get(name)
        if value == old:
            continue
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            changed = {key: item for key, item in value.items() if key not in old or old[key] != item}
            value = changed | dict.fromkeys(old.keys() - value.keys())
        found[name] = value
    return found
