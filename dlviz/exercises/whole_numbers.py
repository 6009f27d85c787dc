"""Exercises whose answer is a whole number, or a tuple or list of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from dlviz.exercises.function import CASES, Function
from dlviz.exercises.report import Result
from dlviz.kit.messages import message


@dataclass(frozen=True, kw_only=True, repr=False)
class WholeNumbers(Function):
    """Function whose results must be integers: 5.0 for 5 is its stored mistake ``floats``."""

    def judge(self, answer: Any, seed: int) -> Result:
        """Judge as a function, and refuse right numbers that are floats."""
        result = super().judge(answer, seed)
        if not result.passed:
            return result
        whole = [not _has_floats(self._run(answer, case, seed).value) for case in self.cases(seed)]
        if all(whole):
            return result
        return self.wrong(message(self.key("wrong", "floats")), misconception="floats", share=sum(whole) / CASES)


def _has_floats(value: Any) -> bool:
    """Return whether a number, or one in a tuple or list, is a float.

    >>> _has_floats((5, 3.0)), _has_floats([5, 3])
    (True, False)
    """
    if isinstance(value, (tuple, list)):
        return any(map(_has_floats, value))
    return isinstance(value, (float, np.floating)) or (isinstance(value, np.ndarray) and value.dtype.kind == "f")
