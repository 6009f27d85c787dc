"""A control for every argument, and the values whose results an exported page precomputes."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from dlviz.convolution.operations import per_dimension

#: Range of the sliders of arguments with one number for each spatial dimension.
RANGES = {
    "kernel_size": (1, 5),
    "stride": (1, 4),
    "padding": (0, 4),
    "output_padding": (0, 3),
    "dilation": (1, 4),
}
PADDING_MODES = ["zeros", "reflect", "replicate", "circular"]
SWITCHES = ("ceil_mode", "count_include_pad", "return_indices", "equivalent", "gradient")
#: An exported page precomputes this many samples of a batch.
_MAX_SAMPLES = 8


def control_list(names: Sequence[str], settings: Mapping[str, Any], dims: int, samples: int) -> list[dict[str, Any]]:
    """Return the view's controls for the arguments called `names` with their current `settings`, and for the sample of a batch."""
    controls: list[dict[str, Any]] = []
    if samples > 1:
        controls.append({"name": "sample", "kind": "slider", "min": 0, "max": samples - 1})
    for name in names:
        if name in RANGES:
            low, high = RANGES[name]
            high = max(high, *_numbers(name, settings, dims))
            controls.append({"name": name, "kind": "sliders", "min": low, "max": high})
            if name == "padding" and "padding_mode" in names:
                menu = {"name": name, "label": "padding_as", "kind": "menu", "options": ["", "same", "valid"]}
                controls.append(menu)
        elif name == "padding_mode":
            controls.append({"name": name, "kind": "menu", "options": PADDING_MODES})
        elif name == "groups":
            controls.append({"name": name, "kind": "slider", "min": 1, "max": max(4, settings[name])})
        elif name in SWITCHES:
            controls.append({"name": name, "kind": "switch"})
    return controls


def _numbers(name: str, settings: Mapping[str, Any], dims: int) -> tuple[int, ...]:
    value = settings[name]
    if name == "stride" and value in (None, (), []):
        value = settings["kernel_size"]
    return (0,) * dims if isinstance(value, str) else per_dimension(value, dims)


def control_values(control: Mapping[str, Any], settings: Mapping[str, Any], dims: int) -> list[Any]:
    """Return every value of a control, the ones nearest to the current setting first.

    Example:
        >>> control_values({"name": "stride", "kind": "sliders", "min": 1, "max": 2}, {"stride": 1}, 2)
        [[1, 1], [1, 2], [2, 1], [2, 2]]
        >>> control_values({"name": "padding", "kind": "menu", "options": ["", "same"]}, {}, 1)
        [[0], 'same']
    """
    if control["kind"] == "switch":
        return [False, True]
    if control["kind"] == "menu":
        return [option or [0] * dims for option in control["options"]]
    values = range(control["min"], control["max"] + 1)
    if control["kind"] == "slider":
        return list(values)[:_MAX_SAMPLES]
    current = _numbers(control["name"], settings, dims)

    def distance(numbers: tuple[int, ...]) -> tuple[int, int]:
        changed = sum(a != b for a, b in zip(numbers, current, strict=True))
        # First the values that differ in one dimension or are equal in all.
        is_mixed = changed > 1 and len(set(numbers)) > 1
        return int(is_mixed), sum(abs(a - b) for a, b in zip(numbers, current, strict=True))

    return [list(numbers) for numbers in sorted(product(values, repeat=dims), key=distance)]
