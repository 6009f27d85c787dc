"""`dlviz.split`: which example went where, what is doubtful about it, and how much a score depends on it."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import traitlets
from torch import Tensor

from dlviz.evaluation import validation
from dlviz.evaluation.assignment_strip import scene
from dlviz.evaluation.leakage import Finding, findings, first_copies
from dlviz.evaluation.split_scores import Score, number, summarize_scores
from dlviz.evaluation.split_still import draw
from dlviz.evaluation.splitting import METHODS, checked, cut
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.widget import Widget, binary

#: Seeds whose splits an exported page holds, the shares of its last part, and how many scores are kept.
_SEEDS, _SHARES, _SCORES = range(10), (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5), 1000
#: The button tries so many seeds.
TRIED = 5


class Split(Widget):
    """A data set and its parts. With ``how="folds"`` a step of the player is a fold.

    Attributes:
        how: "order" (as the file has them), "shuffled", "stratified" (every class in proportion), "grouped" (whole groups) or "folds".
        seed: scikit-learn's ``random_state``.
        shares: the share of every part, in the order of `parts`; together 1.
        folds: how many folds.
    """

    _view = Path(__file__).with_name("view") / "split.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "evaluation"
    _function = "split"

    how = traitlets.Enum(METHODS, "shuffled", help="the way to split").tag(sync=True)
    seed = traitlets.Int(0, min=0, max=2**32 - 1, help="scikit-learn's random_state").tag(sync=True)
    shares = traitlets.List(traitlets.Float(), help="the share of every part").tag(sync=True)
    folds = traitlets.Int(5, min=2, help="how many folds").tag(sync=True)

    def __init__(
        self, x: Any, y: Any, parts: Any, groups: Any, score: Callable[..., Any] | None, **traits: Any
    ) -> None:
        self._y = validation.whole("y", y).clone()
        count = len(self._y)
        if not count:
            raise DlvizError(message("evaluation.refused.split_empty"))
        if not hasattr(x, "__len__") or isinstance(x, str) or (isinstance(x, Tensor) and not x.dim()):
            raise DlvizError(message("evaluation.refused.x", got=type(x).__name__))
        if len(x) != count:
            raise DlvizError(message("evaluation.refused.x_length", count=count, got=len(x)))
        if score is not None and not callable(score):
            raise DlvizError(message("evaluation.refused.score_function", got=type(score).__name__))
        self._asked = checked(parts, count)
        self._groups, self._called = _groups(groups, count)
        self._alike = first_copies(x)
        self._score = score
        self._scores: list[Score] = []
        self._held_out: list[float] = []
        self._parts: dict[str, Tensor] = {}
        self._warnings: list[Finding] = []
        self._refusal, self._error, self._measuring = "", "", False
        settings = {name: traits.pop(name) for name in ("how", "seed", "folds", "step") if name in traits}
        if "shares" in traits:
            raise DlvizError(message("evaluation.refused.shares_twice"))
        traits["shares"] = [one / count if isinstance(one, int) else one for one in self._asked.values()]
        if settings["how"] not in METHODS:
            raise DlvizError(message("evaluation.refused.how", hows=", ".join(METHODS), got=repr(settings["how"])))
        super().__init__(**traits)
        try:
            for name, value in settings.items():
                setattr(self, name, value)
            self._cut()
            _ = self.parts
        except Exception:
            self.close()
            raise
        self.observe(self._changed, ["how", "seed", "folds", "step"])
        self.observe(self._sized, "shares")

    # What Python can ask.

    @property
    def parts(self) -> dict[str, Tensor]:
        """The indices of the examples in each part, int64 on the CPU, in scikit-learn's order: ``x[view.parts["train"]]``.

        Raises:
            DlvizError: scikit-learn refused the present settings.
        """
        if self._refusal:
            raise DlvizError(self._refusal)
        return {name: numbers.clone() for name, numbers in self._parts.items()}

    @property
    def warnings(self) -> list[Finding]:
        """What is doubtful about this split: each with ``.kind`` ("duplicates", "groups" or "missing"), ``.text`` and ``.indices``."""
        return list(self._warnings)

    @property
    def scores(self) -> list[Score]:
        """Every split that was measured, as ``(how, seed, score)``; the newest thousand."""
        return list(self._scores)

    def measure(self, seeds: int = TRIED) -> list[Score]:
        """Run the learner's function on splits of the present kind: one for each seed from 0 on; of "order" one; of "folds" every fold.

        The function is called with the indices of the first part and those of the second: of train, validation and test the test part
        stays untouched. It uses the random numbers that it uses; only the split is seeded here.

        Args:
            seeds: how many seeds.

        Returns:
            The new scores.

        Raises:
            DlvizError: there is no function, or it returned no number. What it raises itself is passed on.
        """
        if self._score is None:
            raise DlvizError(message("evaluation.refused.no_score"))
        if not isinstance(seeds, int) or seeds < 1:
            raise DlvizError(message("evaluation.refused.seeds", got=repr(seeds)))
        found = []
        self._measuring, self._error = True, ""
        try:
            for seed, fold in self._tries(seeds):
                train, held_out, *_ = self._drawn(self.how, seed, fold).values()
                found.append(Score(self.how, seed, number(self._score(train, held_out))))
                self._scores = [*self._scores, found[-1]][-_SCORES:]
                self._held_out = [*self._held_out, self._share()][-_SCORES:]
                self._show()
        finally:
            self._measuring = False
            self._show()
        return found

    def close(self) -> None:
        """Take the widget off the page and let go of its tensors and of the learner's function."""
        self._y, self._alike, self._groups = torch.zeros(0), torch.zeros(0), None
        self._parts, self._warnings, self._score = {}, [], None
        self._refusal = message("kit.refused.closed")
        super().close()

    # Splitting.

    def _drawn(self, how: str, seed: int, fold: int, asked: Mapping[str, float] | None = None) -> dict[str, Tensor]:
        return cut(
            self._y,
            asked or self._asked,
            how,
            seed,
            groups=self._groups,
            folds=self.folds,
            fold=min(fold, self.folds - 1),
        )

    def _tries(self, seeds: int) -> list[tuple[int, int]]:
        """Seed and fold of every split that is measured."""
        if self.how == "folds":
            return [(self.seed, fold) for fold in range(self.folds)]
        return [(seed, 0) for seed in range(1 if self.how == "order" else seeds)]

    def _share(self) -> float:
        """Which share a score is measured on, as it was asked for."""
        return 1 / self.folds if self.how == "folds" else self.shares[1]

    def _cut(self) -> None:
        """Split anew; where scikit-learn refuses, the last split stays in the picture and its reason stands above it."""
        try:
            self._parts = self._drawn(self.how, self.seed, self.step)
            self._refusal = ""
        except DlvizError as problem:
            self._refusal = str(problem)
        self._warnings = self._found(self._parts)
        self._show()

    def _found(self, parts: Mapping[str, Tensor]) -> list[Finding]:
        return findings(parts, self._y, self._alike, self._groups, self._called) if parts else []

    def _changed(self, change: Mapping[str, Any]) -> None:
        if not self._closed:
            self._cut()

    def _sized(self, change: Mapping[str, Any]) -> None:
        if not self._closed:
            self._asked = dict(zip(self._asked, change["new"], strict=True))
            self._cut()

    @traitlets.validate("how")
    def _how_is_possible(self, proposal: Any) -> str:
        how = str(proposal["value"])
        if how == "grouped" and self._groups is None:
            raise DlvizError(message("evaluation.refused.no_groups"))
        if how == "folds" and len(self._asked) != 2:
            raise DlvizError(message("evaluation.refused.folds_parts", got=", ".join(self._asked)))
        return how

    @traitlets.validate("shares")
    def _shares_are_parts(self, proposal: Any) -> list[float]:
        found = [float(one) for one in proposal["value"]]
        if len(found) != len(self._asked):
            raise DlvizError(message("evaluation.refused.shares", count=len(self._asked), got=found))
        checked(dict(zip(self._asked, found, strict=True)), len(self._y))
        return found

    @traitlets.validate("folds")
    def _folds_fit(self, proposal: Any) -> int:
        if proposal["value"] > len(self._y):
            raise DlvizError(message("evaluation.refused.folds", count=len(self._y), got=proposal["value"]))
        return int(proposal["value"])

    # Drawing.

    def _hows(self) -> list[str]:
        """The ways that are possible with these groups and parts."""
        possible = {"grouped": self._groups is not None, "folds": len(self._asked) == 2}
        return [how for how in METHODS if possible.get(how, True)]

    def _show(self) -> None:
        if not self._closed and self._parts:
            self.scene = self._scene(self._parts, self._warnings, self.how, self.seed, self.step, self._notes())

    def _scene(
        self, parts: Mapping[str, Tensor], warnings: Sequence[Finding], how: str, seed: int, fold: int, notes: Any
    ) -> dict[str, Any]:
        found = scene(
            parts,
            self._y,
            self._groups,
            warnings,
            summarize_scores(self._scores, self._held_out),
            how=how,
            seed=seed,
            folds=self.folds,
            fold=min(fold, self.folds - 1),
            hows=self._hows(),
            measurable=self._score is not None,
            measuring=self._measuring,
            notes=notes,
        )
        return dict(binary(found))

    def _notes(self) -> list[dict[str, str]]:
        notes = [{"kind": "bad", "text": text} for text in (self._refusal, self._error) if text]
        if self.how == "grouped":
            notes.append({"kind": "", "text": message("evaluation.note.grouped")})
        return notes

    def _on_measure(self, _: Any) -> None:
        """Measure for the button in the view; an error of the learner's function, which has no cell to appear in, becomes a note."""
        if self._score is None:
            return
        try:
            self.measure(TRIED)
        except Exception as error:
            self._error = message("evaluation.split.raised", error=f"{type(error).__name__}: {error}")
            self._show()

    def _precomputed(self) -> dict[str, dict[str, dict[str, Any]]]:
        """The other ways, the other folds, ten seeds and some shares."""
        frames = {
            "how": {json.dumps(how): self._frame(how=how, step=0) for how in self._hows()},
            "shares": {
                json.dumps(shares): self._frame(shares=shares) for shares in self._offered() if self.how != "folds"
            },
            "seed": {json.dumps(seed): self._frame(seed=seed) for seed in _SEEDS if self.how != "order"},
            "step": {json.dumps(step): self._frame(step=step) for step in range(self.folds) if self.how == "folds"},
        }
        return {trait: {value: one for value, one in values.items() if one} for trait, values in frames.items()}

    def _offered(self) -> list[list[float]]:
        """Shares that the sliders of a page can be put to: of two parts those of the second."""
        return [[1 - share, share] for share in _SHARES] if len(self._asked) == 2 else []

    def _frame(self, *, how: str = "", shares: Sequence[float] = (), seed: int = -1, step: int = -1) -> dict[str, Any]:
        """The traits with one of them changed; nothing where that cannot be."""
        asked = dict(zip(self._asked, shares, strict=True)) if shares else self._asked
        wanted = how or self.how, self.seed if seed < 0 else seed, self.step if step < 0 else step
        try:
            checked(asked, len(self._y))
            parts = self._drawn(*wanted, asked)
        except DlvizError:
            return {}
        found = self._scene(parts, self._found(parts), *wanted, self._notes() if not how else [])
        return {"scene": found} | ({"step": 0} if how else {})

    def _describe(self) -> str:
        counts = ", ".join(f"{name} {len(numbers)}" for name, numbers in self._parts.items())
        return message("evaluation.split.repr", total=len(self._y), parts=counts, how=self.how, seed=self.seed)

    def _still(self) -> str:
        return draw(
            self._parts,
            self._y,
            self._warnings,
            summarize_scores(self._scores, self._held_out),
            self.scene["signature"],
            self.scene["summary"],
            self._still_theme,
        )


def _groups(given: Any, count: int) -> tuple[Tensor | None, list[str]]:
    """Numbers for groups, in the order in which they sort, and what they are called."""
    if given is None:
        return None, []
    values = given.detach().cpu().tolist() if isinstance(given, Tensor) and given.dim() else given
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise DlvizError(message("evaluation.refused.groups", got=type(given).__name__))
    if len(values) != count:
        raise DlvizError(message("evaluation.refused.groups_length", count=count, got=len(values)))
    try:
        called = sorted(set(values))
    except TypeError:
        raise DlvizError(message("evaluation.refused.groups", got=type(values[0]).__name__)) from None
    code = {value: number for number, value in enumerate(called)}
    return torch.tensor([code[value] for value in values]), [str(value) for value in called]


def split(
    x: Tensor | Sequence[Any],
    y: Tensor,
    parts: Mapping[str, float] | None = None,
    *,
    how: str = "shuffled",
    groups: Tensor | Sequence[Any] | None = None,
    seed: int = 0,
    score: Callable[[Tensor, Tensor], Any] | None = None,
    **settings: Any,
) -> Split:
    """Split a data set and see what went where, whether the parts can be trusted, and how much a score depends on the split.

    scikit-learn draws: ``train_test_split(range(N), test_size=0.2, random_state=seed)`` gives the same indices as the default here.
    Your data stay as they are, in their order; no random number of torch's or NumPy's is used up.

    Args:
        x: the examples (N, …), or a list; read once, to find exact copies.
        y: their classes, whole numbers (N,).
        parts: what share (floats that add up to 1) or how many (ints that add up to N) go to each part, in the order in which they lie
            with ``how="order"``; ``{"train": 0.8, "test": 0.2}`` without it.
        how: "order", "shuffled", "stratified", "grouped" (needs `groups`) or "folds" (of ``folds=5``, the player steps through them;
            needs two parts).
        groups: (N,) which examples belong together, such as the writer of a digit; a list of names too.
        seed: scikit-learn's ``random_state``.
        score: your own ``score(train_indices, test_indices)``, a number; for ``.measure()`` and its button.
        settings: traits of :class:`Split`, such as ``folds``, ``step`` (the fold) or ``theme``.

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
    return Split(x, y, parts, groups, score, how=how, seed=seed, **settings)
