"""State behind the picture of a split: the data, the current parts with their warnings, and the measured scores."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from dlviz.evaluation.leakage import Finding, findings, first_copies
from dlviz.evaluation.split_scores import Score, as_number
from dlviz.evaluation.splitting import METHODS, SplitSettings, check_parts, cut
from dlviz.evaluation.validation import check_examples, check_labels, squeeze_column
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import check_length, has_length
from dlviz.torchkit.array_data import as_plain_tensor
from dlviz.torchkit.labels import list_of_names

#: Scores that are kept at most.
MAX_SCORES = 1000


class DataSplit:
    """A data set and its split.

    Args:
        x, y, parts, groups, score: as passed to :func:`dlviz.split`.

    Attributes:
        y: the labels (N,), a copy; of names their indices.
        class_names: the names, sorted; ``None`` for whole labels.
        requested: fraction or number of examples of each part.
        groups: (N,) group of each example as an index, ``None`` without groups.
        score: the learner's function, or ``None``.
        parts: the indices of the examples in each part.
        warnings: what is doubtful about the parts.
        refusal: the message of scikit-learn's error with the current settings, else "".
        measured: scores, each with the fraction of examples that was held out.
        is_measuring: whether the learner's function is being called.
        score_error: the message of an error in the learner's function, called by the button of the view, else "".

    Raises:
        DlvizError: an argument does not fit.
    """

    def __init__(self, x: Any, y: Any, parts: Any, groups: Any, score: Callable[..., Any] | None) -> None:
        labels, self.class_names = check_labels("y", y)
        self.y = labels.clone()
        if not len(self.y):
            raise DlvizError(message("evaluation.refused.split_empty"))
        examples = check_examples("x", x, len(self.y))
        if score is not None and not callable(score):
            raise DlvizError(message("evaluation.refused.score_function", got=type(score).__name__))
        self.requested = check_parts(parts, len(self.y))
        self.groups, self._group_names = _encode_groups(groups, len(self.y))
        self._first_copies = first_copies(examples)
        self.score = score
        self.parts: dict[str, Tensor] = {}
        self.warnings: list[Finding] = []
        self.measured: list[tuple[Score, float]] = []
        self.refusal = self.score_error = ""
        self.is_measuring = False

    @property
    def fractions(self) -> list[float]:
        """The fraction of each part that was asked for."""
        sizes = self.requested.values()
        return [size / len(self.y) if isinstance(size, int) else size for size in sizes]

    @property
    def methods(self) -> list[str]:
        """The ways to split that are possible with these groups and parts."""
        possible = {"grouped": self.groups is not None, "folds": len(self.requested) == 2}
        return [how for how in METHODS if possible.get(how, True)]

    def split(self, settings: SplitSettings) -> dict[str, Tensor]:
        """Return the parts with some settings.

        Raises:
            DlvizError: scikit-learn raises.
        """
        how, seed, folds, fold = settings.how, settings.seed, settings.folds, settings.fold
        return cut(self.y, settings.parts, how, seed, groups=self.groups, folds=folds, fold=fold)

    def apply(self, settings: SplitSettings) -> None:
        """Split with new settings; where scikit-learn raises, the last parts stay and :attr:`refusal` has the message."""
        try:
            self.parts = self.split(settings)
            self.refusal = ""
        except DlvizError as error:
            self.refusal = str(error)
        self.warnings = self.findings(self.parts)

    def findings(self, parts: Mapping[str, Tensor]) -> list[Finding]:
        """Return what is doubtful about some parts."""
        return findings(parts, self.y, self._first_copies, self.groups, self._group_names, self.class_names)

    def measure(self, settings: SplitSettings, seeds: int) -> Iterator[Score]:
        """Call the learner's function for each seed or fold, and yield each score after keeping it."""
        assert self.score is not None
        is_folds = settings.how == "folds"
        held_out = 1 / settings.folds if is_folds else self.fractions[1]
        runs = [(settings.seed, fold) for fold in range(settings.folds)] if is_folds else [(n, 0) for n in range(seeds)]
        for seed, fold in runs[:1] if settings.how == "order" else runs:
            run = SplitSettings(settings.parts, settings.how, seed, settings.folds, fold)
            train, test, *_ = self.split(run).values()
            score = Score(run.how, seed, as_number(self.score(train, test)))
            self.measured = [*self.measured, (score, held_out)][-MAX_SCORES:]
            yield score


def _encode_groups(groups: Any, count: int) -> tuple[Tensor | None, list[str]]:
    """Return each example's group as an index into the sorted groups, and the groups' names."""
    if groups is None:
        return None, []
    numbers = as_plain_tensor(groups)
    if numbers is not None and numbers.dim():
        values = squeeze_column(numbers).tolist()
    elif isinstance(groups, (str, bytes, Mapping)) or not has_length(groups):
        raise DlvizError(message("evaluation.refused.groups", got=type(groups).__name__))
    else:
        values = list_of_names("groups", groups)
    check_length(values, count, "evaluation.refused.groups_length")
    try:
        names = sorted(set(values))
    except TypeError:
        raise DlvizError(message("evaluation.refused.groups", got=type(values[0]).__name__)) from None
    index = {name: k for k, name in enumerate(names)}
    return torch.tensor([index[value] for value in values]), [str(name) for name in names]
