"""A fitted classifier of scikit-learn as a module from points to logits, so that it is drawn like a network."""

import copy
import pickle
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


class EstimatorModule(nn.Module):
    """A classifier with ``predict_proba`` as a module whose logits are the logarithms of its probabilities.

    Each time that it was fitted it is copied, and a buffer has the number of the copy. So a snapshot of the module's state is one of
    the classifier.

    Attributes:
        estimator: the learner's own classifier.
        class_names: the names of its classes.
        size: bytes that a copy takes.
    """

    fitted: Tensor

    def __init__(self, estimator: Any) -> None:
        super().__init__()
        self.estimator = estimator
        self.class_names = [str(label) for label in estimator.classes_]
        self._copies = _Copies()
        self.size = 0
        self.register_buffer("fitted", torch.zeros((), dtype=torch.long))
        self.refresh()
        # Of a class with the classifier's own name, which stands over its maps.
        kind: Any = type(type(estimator).__name__, (_Probabilities,), {})
        self.predict_proba = kind(self._predict)

    def refresh(self) -> None:
        """Copy the learner's classifier if it was fitted again."""
        content = _content(self.estimator)
        if self._copies.add(content, self.estimator):
            self.size = len(content)
            self.fitted = torch.tensor(self._copies.last)

    def forget_others(self, states: Iterable[Mapping[str, Tensor]]) -> None:
        """Forget the copies that none of some states refers to."""
        self._copies.keep({int(state["fitted"]) for state in states} | {self._copies.last})

    def estimator_in(self, fitted: Tensor) -> Any:
        """Return the classifier in a state of this module."""
        return self._copies.by_number[int(fitted)]

    def _predict(self, x: Tensor) -> Tensor:
        """Return the probabilities (N, C) of points (N, 2)."""
        estimator, points = self.estimator_in(self.fitted), x.detach().cpu().numpy()
        names, pandas = getattr(estimator, "feature_names_in_", None), sys.modules.get("pandas")
        if names is not None and pandas is not None and len(names) == points.shape[1]:
            points = pandas.DataFrame(points, columns=names)
        return torch.from_numpy(np.ascontiguousarray(estimator.predict_proba(points)))

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits (N, C) of points (N, 2)."""
        probs = self.predict_proba(x).numpy()
        return torch.from_numpy(np.log(np.clip(probs, np.finfo(probs.dtype).eps, None)))


class _Probabilities(nn.Module):
    """The probabilities of a classifier as a leaf module, so that they are a layer of the picture."""

    def __init__(self, predict: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self._predict = predict

    def forward(self, x: Tensor) -> Tensor:
        return self._predict(x)


class _Copies:
    """Copies of a classifier by number."""

    def __init__(self) -> None:
        self.by_number: dict[int, Any] = {}
        self.last = -1
        self._content = b""

    def add(self, content: bytes, estimator: Any) -> bool:
        """Copy a classifier if its content is another one than that of the last copy, or not known; return whether it is."""
        if self.by_number and content and content == self._content:
            return False
        self.last, self._content = self.last + 1, content
        self.by_number[self.last] = copy.deepcopy(estimator)
        return True

    def keep(self, numbers: set[int]) -> None:
        """Forget all copies with other numbers."""
        self.by_number = {number: estimator for number, estimator in self.by_number.items() if number in numbers}


def is_estimator(model: Any) -> bool:
    """Return whether `model` is a classifier of scikit-learn, or like one."""
    return not isinstance(model, nn.Module) and callable(getattr(model, "predict", None)) and hasattr(model, "fit")


def _content(estimator: Any) -> bytes:
    """Return bytes that differ after another fit; none of a classifier that cannot be pickled."""
    try:
        return pickle.dumps(estimator)
    except Exception:  # a classifier may hold anything
        return b""
