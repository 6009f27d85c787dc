"""`dlviz.split`: a data set split into parts, what is doubtful about the split, and how much a score depends on it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import traitlets
from torch import Tensor

from dlviz.evaluation.leakage import Finding
from dlviz.evaluation.split_scene import scene
from dlviz.evaluation.split_scores import Score
from dlviz.evaluation.split_state import DataSplit
from dlviz.evaluation.split_still import draw
from dlviz.evaluation.splitting import METHODS, SplitSettings, check_parts
from dlviz.kit.arguments import suggests_names
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.widget import Widget, binary

#: Seeds whose splits an exported page holds, and the fractions of its second part.
_PAGE_SEEDS, _PAGE_FRACTIONS = range(10), (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
#: Seeds that the button of the view measures.
MEASURED_SEEDS = 5
#: Number of folds that are made if none is asked for, or one for each example if there are fewer.
_DEFAULT_FOLDS = 5


class Split(Widget):
    """Widget that shows a data set and its parts. With ``how="folds"`` a step of the player is a fold.

    Attributes:
        how: "order" (as in the file), "shuffled", "stratified" (every class in proportion), "grouped" (whole groups) or "folds".
        seed: scikit-learn's ``random_state``.
        shares: the fraction of every part, in the order of `parts`; together 1.
        folds: number of folds.
    """

    _view = Path(__file__).with_name("view") / "split.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "evaluation"
    _function = "split"
    _tensor_attributes = ("_data",)

    how = traitlets.Enum(METHODS, "shuffled", help="the way to split").tag(sync=True)
    seed = traitlets.Int(0, min=0, max=2**32 - 1, help="scikit-learn's random_state").tag(sync=True)
    shares = traitlets.List(traitlets.Float(), help="the fraction of every part").tag(sync=True)
    folds = traitlets.Int(_DEFAULT_FOLDS, min=2, help="number of folds").tag(sync=True)

    def __init__(
        self, x: Any, y: Any, parts: Any, groups: Any, score: Callable[..., Any] | None, **traits: Any
    ) -> None:
        self._data: DataSplit | None = DataSplit(x, y, parts, groups, score)
        # These are checked against the others, so they are set one by one.
        settings: dict[str, Any] = {
            name: traits.pop(name) for name in ("how", "seed", "folds", "step") if name in traits
        }
        if settings["folds"] is None:
            settings["folds"] = min(_DEFAULT_FOLDS, len(self._data.y))
        if settings["how"] not in METHODS:
            raise DlvizError(message("evaluation.refused.how", hows=", ".join(METHODS), got=repr(settings["how"])))
        self._check_options(settings)
        super().__init__(shares=self._data.fractions, **traits)
        try:
            for name, value in settings.items():
                setattr(self, name, value)
            self._split()
            if self._data.refusal:
                raise DlvizError(self._data.refusal)
        except Exception:
            self.close()
            raise
        self.observe(self._split, ["how", "seed", "folds", "step"])
        self.observe(self._change_shares, "shares")

    @property
    def parts(self) -> dict[str, Tensor]:
        """The indices of the examples in each part, int64 on the CPU, in scikit-learn's order: ``x[view.parts["train"]]``.

        Raises:
            DlvizError: scikit-learn raised with the current settings.
        """
        if self._state.refusal:
            raise DlvizError(self._state.refusal)
        return {name: indices.clone() for name, indices in self._state.parts.items()}

    @property
    def warnings(self) -> list[Finding]:
        """What is doubtful about this split: each with ``.kind`` ("duplicates", "groups" or "missing"), ``.text`` and ``.indices``."""
        return list(self._state.warnings)

    @property
    def scores(self) -> list[Score]:
        """Every split that was measured, as ``(how, seed, score)``; the newest thousand."""
        return [score for score, _ in self._state.measured]

    def measure(self, seeds: int = MEASURED_SEEDS) -> list[Score]:
        """Call the learner's function for several splits: one for each seed from 0 on; for "order" one; for "folds" every fold.

        The function receives the indices of the first and of the second part: of train, validation and test the test part stays
        unused. Only the split is seeded here, not the function's own random numbers.

        Args:
            seeds: number of seeds.

        Returns:
            The new scores.

        Raises:
            DlvizError: there is no function, or it did not return a number. Its own errors are passed on.
        """
        state, scores = self._state, []
        if state.score is None:
            raise DlvizError(message("evaluation.refused.no_score"))
        if not isinstance(seeds, int) or seeds < 1:
            raise DlvizError(message("evaluation.refused.seeds", got=repr(seeds)))
        state.is_measuring, state.score_error = True, ""
        try:
            for score in state.measure(self._settings, seeds):
                scores.append(score)
                self._show()
        finally:
            state.is_measuring = False
            self._show()
        return scores

    @property
    def _state(self) -> DataSplit:
        """The data set and its split.

        Raises:
            DlvizError: the widget has been closed.
        """
        self._check_open()
        assert self._data is not None
        return self._data

    @property
    def _settings(self) -> SplitSettings:
        fold = min(self.step, self.folds - 1)
        return SplitSettings(self._state.requested, self.how, self.seed, self.folds, fold)

    def _split(self, _: Any = None) -> None:
        if not self._closed:
            self._state.apply(self._settings)
            self._show()

    def _change_shares(self, change: Mapping[str, Any]) -> None:
        if not self._closed:
            self._state.requested = dict(zip(self._state.requested, change["new"], strict=True))
            self._split()

    @traitlets.validate("how")
    def _check_how(self, proposal: Any) -> str:
        how, parts = str(proposal["value"]), self._state.requested
        if how == "grouped" and self._state.groups is None:
            raise DlvizError(message("evaluation.refused.no_groups"))
        if how == "folds" and len(parts) != 2:
            raise DlvizError(message("evaluation.refused.folds_parts", got=", ".join(parts)))
        return how

    @traitlets.validate("shares")
    def _check_shares(self, proposal: Any) -> list[float]:
        shares, parts = [float(share) for share in proposal["value"]], self._state.requested
        if len(shares) != len(parts):
            raise DlvizError(message("evaluation.refused.shares", count=len(parts), got=shares))
        check_parts(dict(zip(parts, shares, strict=True)), len(self._state.y))
        return shares

    @traitlets.validate("folds")
    def _check_folds(self, proposal: Any) -> int:
        folds, count = int(proposal["value"]), len(self._state.y)
        if folds > count:
            raise DlvizError(message("evaluation.refused.folds", count=count, got=folds))
        return folds

    @traitlets.validate("step")
    def _check_step(self, proposal: Any) -> int:
        step = int(proposal["value"])
        if self.how == "folds" and step >= self.folds:
            raise DlvizError(message("evaluation.refused.fold", last=self.folds - 1, got=step))
        return step

    def _show(self) -> None:
        if not self._closed and self._state.parts:
            state = self._state
            errors = [text for text in (state.refusal, state.score_error) if text]
            self.scene = dict(binary(scene(state, self._settings, state.parts, state.warnings, errors)))

    def _on_measure(self, _: Any) -> None:
        """Measure for the button in the view; an error of the learner's function, which has no cell to appear in, becomes a note."""
        if self._state.score is None:
            return
        try:
            self.measure()
        except Exception as error:
            self._state.score_error = message("evaluation.split.raised", error=f"{type(error).__name__}: {error}")
            self._show()

    def _precomputed(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Return the scenes with the other ways to split, or with other fractions, seeds or folds."""
        state, settings = self._state, self._settings
        choices: dict[str, list[tuple[Any, SplitSettings]]] = {
            "how": [(how, replace(settings, how=how, fold=0)) for how in state.methods],
            "shares": [],
            "seed": [(seed, replace(settings, seed=seed)) for seed in _PAGE_SEEDS if self.how != "order"],
            "step": [(fold, replace(settings, fold=fold)) for fold in range(self.folds) if self.how == "folds"],
        }
        if len(state.requested) == 2 and self.how != "folds":
            for shares in ([1 - fraction, fraction] for fraction in _PAGE_FRACTIONS):
                parts = dict(zip(state.requested, shares, strict=True))
                choices["shares"].append((shares, replace(settings, parts=parts)))
        return {
            trait: {
                json.dumps(value): page | ({"step": 0} if trait == "how" else {})
                for value, changed in values
                if (page := self._page_scene(changed))
            }
            for trait, values in choices.items()
        }

    def _page_scene(self, settings: SplitSettings) -> dict[str, Any]:
        """Return the scene with other settings, empty where these are not possible."""
        state = self._state
        try:
            check_parts(settings.parts, len(state.y))
            parts = state.split(settings)
        except DlvizError:
            return {}
        return {"scene": dict(binary(scene(state, settings, parts, state.findings(parts))))}

    def _describe(self) -> str:
        sizes = ", ".join(f"{name} {len(indices)}" for name, indices in self._state.parts.items())
        return message("evaluation.split.repr", total=len(self._state.y), parts=sizes, how=self.how, seed=self.seed)

    def _still(self) -> str:
        return draw(self._state, self.scene["signature"], self.scene["summary"], self._still_theme)


@suggests_names
def split(
    x: Any,
    y: Any,
    parts: Mapping[str, float] | None = None,
    *,
    how: str = "shuffled",
    groups: Any = None,
    seed: int = 0,
    folds: int | None = None,
    step: int = 0,
    score: Callable[[Tensor, Tensor], Any] | None = None,
    playing: bool = False,
    speed: float = 1.0,
    theme: str = "auto",
) -> Split:
    """Split a data set, and show the parts, what is doubtful about them, and how much a score depends on the split.

    The split is scikit-learn's: ``train_test_split(range(N), test_size=0.2, random_state=seed)`` returns the same indices as the default
    here. Your data stay as they are, in their order, and so do the random number generators of Python, torch and NumPy.

    Tensors, NumPy arrays, lists, and columns and tables of pandas are accepted for all data, and for `x` a sparse matrix of SciPy.

    Args:
        x: the examples (N, …); read once, to find exact copies.
        y: their labels (N,), whole numbers or names.
        parts: fraction (floats that add up to 1) or number of examples (ints that add up to N) of each part, in the order in which
            ``how="order"`` takes them; ``{"train": 0.8, "test": 0.2}`` by default.
        how: "order", "shuffled", "stratified", "grouped" (needs `groups`) or "folds" (needs two parts; the player steps through them).
        groups: (N,) group of each example, such as the writer of a digit, as numbers or names.
        seed: scikit-learn's ``random_state``.
        folds: number of folds; by default 5, or the number of examples if there are fewer.
        step: the fold that is shown, from 0.
        score: your own ``score(train_indices, test_indices)`` that returns a number, for ``.measure()`` and its button.
        playing, speed: whether the player runs through the folds, and how fast, from 0.25 to 4.
        theme: "auto", "light" or "dark".

    Returns:
        The widget; ``.parts["train"]``, ``.warnings``, ``.measure(seeds=5)``, ``.scores``.

    Raises:
        DlvizError: an argument does not fit.

    Example:
        >>> import torch, dlviz
        >>> x, y = dlviz.data.digits()
        >>> view = dlviz.split(x, y)
        >>> view
        dlviz.split(1797 examples: train 1437, test 360; shuffled, seed 0)
        >>> view.parts["test"][:3]
        tensor([1081, 1707,  927])
        >>> view.how = "order"
        >>> view.parts["test"][:3]
        tensor([1437, 1438, 1439])

    Source:
        https://scikit-learn.org/stable/modules/cross_validation.html
    """
    settings = {"how": how, "seed": seed, "folds": folds, "step": step, "playing": playing, "speed": speed}
    return Split(x, y, parts, groups, score, theme=theme, **settings)
