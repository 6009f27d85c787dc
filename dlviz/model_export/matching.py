"""Which operations of an exported program come from which call of the eager forward pass."""

from collections.abc import Sequence
from itertools import groupby

import numpy as np
import torch

from dlviz.model_export.eager_trace import EagerCall
from dlviz.model_export.program import Operation

#: Operators whose name differs from that of the function a learner calls.
_OPERATORS = {
    "getitem": {"select", "slice", "index", "unsqueeze"},
    "T": {"numpy_T", "transpose", "permute", "t"},
    "mT": {"mT", "transpose"},
    "max_pool2d": {"max_pool2d", "max_pool2d_with_indices"},
    "matmul": {"matmul", "mm", "bmm"},
    "to": {"to", "_to_copy"},
    "float": {"to", "_to_copy"},
    "reshape": {"reshape", "view"},
    "contiguous": {"contiguous", "clone"},
}
#: Points for an operation of the same line of code, of the same module, of the same name, and of a function that torch has no operator
#: for; and for a call to which nothing belonged before.
_LINE, _MODULE, _NAME, _COMPOSITE, _FIRST = 2, 4, 8, 2, 1


def match(calls: Sequence[EagerCall], operations: Sequence[Operation]) -> list[int]:
    """Return for each operation the index of the call that it comes from, −1 if it comes from none.

    Both run in the same order, so that of all assignments in order the one with the most points is taken: for the line of code, the
    module, and the name.
    """
    if not calls or not operations:
        return [-1] * len(operations)
    groups = [list(group) for _, group in groupby(range(len(operations)), lambda i: operations[i].call or f" {i}")]
    # most[j]: points of the groups so far, if the last of them that belongs to a call belongs to the call j.
    most = np.zeros(len(calls), dtype=np.int64)
    before: list[np.ndarray] = []
    for group in groups:
        points = np.array([sum(_points(call, operations[i]) for i in group) for call in calls], dtype=np.int64)
        earlier = np.concatenate([[0], np.maximum.accumulate(most)[:-1]])
        came_from = np.concatenate([[-1], _first_maximum(most)[:-1]])
        stays = most + points
        moves = earlier + points + _FIRST
        fits = points > 0
        # −2: the group belongs to no call; −1 or an index: the call of the group before; the call itself: the same one.
        own = np.arange(len(calls))
        before.append(np.where(fits, np.where(moves > stays, came_from, own), -2))
        most = np.where(fits, np.maximum(moves, stays), most)
    matched, j = [-1] * len(operations), int(_first_maximum(most)[-1])
    for group, choice in zip(reversed(groups), reversed(before), strict=True):
        if j < 0 or choice[j] == -2:
            continue
        for i in group:
            matched[i] = j
        j = int(choice[j])
    return matched


def _first_maximum(values: np.ndarray) -> np.ndarray:
    """Return for each place the index of the first largest value up to there."""
    highest = np.maximum.accumulate(values)
    is_new = np.concatenate([[True], highest[1:] > highest[:-1]])
    return np.maximum.accumulate(np.where(is_new, np.arange(len(values)), 0))


def _points(call: EagerCall, operation: Operation) -> int:
    """Return how much speaks for an operation to come from a call, 0 if it cannot."""
    is_added = operation.kind != "tensor" and not operation.call
    if is_added or call.lines != operation.lines[: len(call.lines)]:
        return 0
    if not call.is_function:
        inside = operation.module == call.module or operation.module.startswith(f"{call.module}.") or not call.module
        return _LINE + _MODULE + _NAME if inside else 0
    # A call is recorded if it uses an input or a parameter.
    if operation.is_constant or (operation.lines != call.lines and operation.module != call.module):
        return 0
    name = call.name.partition(" ")[0]
    is_operator = name in _OPERATORS or hasattr(torch.ops.aten, name)
    is_same = operation.name.strip("_") in _OPERATORS.get(name, set()) | {name}
    points = _LINE + _MODULE * (operation.module == call.module)
    return points + (_NAME if is_same else 0 if is_operator else _COMPOSITE)
