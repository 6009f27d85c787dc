"""Every argument as a slider, a menu or a switch, and the settings that an exported page can hold of each."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from dlviz.convolution.operations import each

#: What a slider offers of an argument that is one number for each dimension.
LIMITS = {
    "kernel_size": (1, 5),
    "stride": (1, 4),
    "padding": (0, 4),
    "output_padding": (0, 3),
    "dilation": (1, 4),
}
MODES = ["zeros", "reflect", "replicate", "circular"]
SWITCHES = ("ceil_mode", "count_include_pad", "return_indices", "equivalent", "gradient")
#: So many samples of a batch are offered in a page.
_SAMPLES = 8


def described(names: Sequence[str], settings: Mapping[str, Any], dims: int, samples: int) -> list[dict[str, Any]]:
    """What the view draws for the arguments called `names`, as they stand in `settings`; a batch has a slider of its own."""
    found: list[dict[str, Any]] = []
    if samples > 1:
        found.append({"name": "sample", "kind": "one", "min": 0, "max": samples - 1})
    for name in names:
        if name in LIMITS:
            low, high = LIMITS[name]
            found.append(
                {"name": name, "kind": "numbers", "min": low, "max": max(high, *_numbers(name, settings, dims))}
            )
            if name == "padding" and "padding_mode" in names:
                found.append({"name": name, "kind": "menu", "options": ["", "same", "valid"]})
        elif name == "padding_mode":
            found.append({"name": name, "kind": "menu", "options": MODES})
        elif name == "groups":
            found.append({"name": name, "kind": "one", "min": 1, "max": max(4, settings[name])})
        elif name in SWITCHES:
            found.append({"name": name, "kind": "switch"})
    return found


def _numbers(name: str, settings: Mapping[str, Any], dims: int) -> tuple[int, ...]:
    value = settings[name]
    if name == "stride" and value is None:
        value = settings["kernel_size"]
    return (0,) * dims if isinstance(value, str) else each(value, dims)


def choices(knob: Mapping[str, Any], settings: Mapping[str, Any], dims: int) -> list[Any]:
    """Every value of a knob, those first that a learner reaches first.

    Example:
        >>> choices({"name": "stride", "kind": "numbers", "min": 1, "max": 2}, {"stride": 1}, 2)
        [[1, 1], [1, 2], [2, 1], [2, 2]]
        >>> choices({"name": "padding", "kind": "menu", "options": ["", "same"]}, {}, 1)
        [[0], 'same']
    """
    if knob["kind"] == "switch":
        return [False, True]
    if knob["kind"] == "menu":
        return [option or [0] * dims for option in knob["options"]]
    span = range(knob["min"], knob["max"] + 1)
    if knob["kind"] == "one":
        return list(span)[:_SAMPLES]
    now = _numbers(knob["name"], settings, dims)

    def far(values: tuple[int, ...]) -> tuple[int, int]:
        changed = sum(value != old for value, old in zip(values, now, strict=True))
        # One slider moved, or all to the same number: the rest are found on the way between those.
        return (
            int(changed > 1 and len(set(values)) > 1),
            sum(abs(v - old) for v, old in zip(values, now, strict=True)),
        )

    return [list(values) for values in sorted(product(span, repeat=dims), key=far)]
