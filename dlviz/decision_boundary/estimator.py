"""A fitted classifier of scikit-learn as a module from points to logits, so that it is drawn like a network."""

import pickle
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


class EstimatorModule(nn.Module):
    """A classifier with ``predict_proba`` as a module whose logits are the logarithms of its probabilities.

    The fitted classifier is kept as the bytes of its pickle in a buffer. So a snapshot of the module's state is one of the classifier.

    Attributes:
        estimator: the learner's own classifier.
        class_names: the names of its classes.
    """

    fitted: Tensor

    def __init__(self, estimator: Any) -> None:
        super().__init__()
        self.estimator = estimator
        self.class_names = [str(label) for label in estimator.classes_]
        self.register_buffer("fitted", _as_bytes(estimator))
        # Of a class with the classifier's own name, which stands over its maps.
        kind: Any = type(type(estimator).__name__, (_Probabilities,), {})
        self.predict_proba = kind(self._predict)
        self._unpickled = _Unpickled()

    def refresh(self) -> None:
        """Take over the learner's classifier as it is now, if it was fitted again."""
        now = _as_bytes(self.estimator)
        if not torch.equal(now, self.fitted):
            self.fitted = now

    def estimator_in(self, fitted: Tensor) -> Any:
        """Return the classifier that a state of this module holds."""
        content = fitted.numpy().tobytes()
        return self._unpickled.read(content) if content else self.estimator

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


class _Unpickled:
    """The classifier that was unpickled last."""

    def __init__(self) -> None:
        self._content, self._estimator = b"", None

    def read(self, content: bytes) -> Any:
        if content != self._content:
            self._content, self._estimator = content, pickle.loads(content)  # pickled by this module itself
        return self._estimator


def is_estimator(model: Any) -> bool:
    """Return whether `model` is a classifier of scikit-learn, or like one."""
    return not isinstance(model, nn.Module) and callable(getattr(model, "predict", None)) and hasattr(model, "fit")


def _as_bytes(estimator: Any) -> Tensor:
    """Return a classifier as the bytes of its pickle; none where it cannot be pickled, so that it is used as it is."""
    try:
        content = pickle.dumps(estimator)
    except Exception:  # a classifier may hold anything
        content = b""
    return torch.from_numpy(np.frombuffer(content, np.uint8).copy())
