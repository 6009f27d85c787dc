"""Sizes that a learner names as those that may vary."""

from collections.abc import Mapping
from typing import Any

import torch

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_integer
from dlviz.model_export.example import Example


def named_sizes(dynamic: Any, example: Example) -> dict[int, dict[int, str]] | None:
    """Return the name of each dimension that may vary, by the place of its tensor; ``None`` if torch shall find out.

    Args:
        dynamic: ``None``, ``{0: "batch"}`` for the first tensor, or ``{"x": {0: "batch"}}``; an empty dictionary if no size may vary.
        example: the model's arguments.

    Raises:
        DlvizError: it is something else, or there is no such input or dimension.
    """
    if dynamic is None:
        return None
    if not isinstance(dynamic, Mapping):
        raise DlvizError(message("model_export.refused.dynamic", got=repr(dynamic)[:80]))
    names = example.names
    by_input = {names[0]: dynamic} if dynamic and all(map(is_integer, dynamic)) else dynamic
    found: dict[int, dict[int, str]] = {}
    for name, sizes in by_input.items():
        if name not in names:
            known = ", ".join(names)
            raise DlvizError(message("model_export.refused.dynamic_input", got=repr(name)[:80], known=known))
        if not isinstance(sizes, Mapping):
            raise DlvizError(message("model_export.refused.dynamic", got=repr(dynamic)[:80]))
        place = names.index(name)
        count = example.tensors[place].dim()
        for dim, text in sizes.items():
            if not is_integer(dim) or not 0 <= dim < count:
                raise DlvizError(
                    message("model_export.refused.dynamic_dim", name=name, got=repr(dim)[:80], last=count - 1)
                )
            if not isinstance(text, str) or not text.isidentifier():
                raise DlvizError(message("model_export.refused.dynamic_name", got=repr(text)[:80]))
            found.setdefault(place, {})[int(dim)] = text
    return found


def torch_sizes(named: Mapping[int, Mapping[int, str]] | None, example: Example) -> Any:
    """Return what ``torch.export.export`` takes for ``dynamic_shapes``: with ``Dim.AUTO`` for all sizes if none are named."""
    shapes = torch.export.ShapesCollection()
    made = {text: torch.export.Dim(text) for sizes in (named or {}).values() for text in sizes.values()}
    for place, tensor in enumerate(example.tensors):
        if named is None:
            shapes[tensor] = dict.fromkeys(range(tensor.dim()), torch.export.Dim.AUTO)
        elif place in named:
            shapes[tensor] = {dim: made[text] for dim, text in named[place].items()}
    return shapes
