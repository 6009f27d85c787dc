"""States computed for other settings beforehand, so that the controls of an exported page work without a kernel."""

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import zip_longest
from typing import Any

#: Most characters of an exported page, precomputed states included: it opens at once and can be sent by mail.
BUDGET = 4_000_000

#: The traits that change with a value of one trait, or a function that computes them, which is called only while the page has room.
State = Mapping[str, Any] | Callable[[], Mapping[str, Any]]
#: For each trait, by the JSON of a value, the traits that change with that value.
Precomputed = Mapping[str, Mapping[str, State]]


def fit_budget(
    states: Precomputed, base: Mapping[str, Any], budget: int, size: Any
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the differences of `states` from `base`, as many as fit `budget`.

    The first value of every trait goes before the second of any, so that a small page still has something for each control.

    Args:
        states: for each trait the precomputed values, the most useful one first.
        base: every trait as the page first shows it; the values in it are always among those returned.
        budget: what all states together may take.
        size: function that returns what one state takes.

    Example:
        >>> base = {"n": 1, "scene": {"a": 1, "b": 2}}
        >>> fit_budget({"n": {"2": {"scene": {"a": 1, "b": 3}}}}, base, 100, lambda state: len(str(state)))
        {'n': {'1': {}, '2': {'scene': {'b': 3}}}}
    """
    kept: dict[str, dict[str, dict[str, Any]]] = {
        trait: {json.dumps(base[trait]): {}} for trait, values in states.items() if values
    }
    full: set[str] = set()
    for trait, value, traits in _round_robin(states):
        if value in kept[trait] or trait in full or budget <= 0:
            continue
        state = _difference(traits() if callable(traits) else traits, base)
        needed = size(state)
        # Of a trait whose state is too large no other one is computed, but smaller states of others may still fit.
        if needed > budget:
            full.add(trait)
            continue
        budget -= needed
        kept[trait][value] = state
    return kept


def _round_robin(states: Precomputed) -> Iterator[tuple[str, str, State]]:
    rows = zip_longest(*([(trait, *item) for item in values.items()] for trait, values in states.items()))
    return (state for row in rows for state in row if state is not None)


def _difference(traits: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """Return what differs from `base`; of a dictionary only the items that differ, ``None`` for one that is missing."""
    different = {}
    for name, value in traits.items():
        old = base.get(name)
        if value == old:
            continue
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            changed = {key: item for key, item in value.items() if key not in old or old[key] != item}
            value = changed | dict.fromkeys(old.keys() - value.keys())
        different[name] = value
    return different
