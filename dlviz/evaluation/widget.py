"""`dlviz.confusion`: the confusion matrix of a classifier, its worst mistakes, and how they became fewer during training."""

import json
import operator
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import traitlets
from torch import Tensor

from dlviz.evaluation import confusion_counts
from dlviz.evaluation.record import members
from dlviz.evaluation.scene import (
    CELL,
    MISTAKES,
    WORST,
    Lists,
    album,
    drawn_classes,
    example_list,
    fit_pictures,
    listed_examples,
    page_lists,
    scene,
)
from dlviz.evaluation.snapshots import PredictionHistory, PredictionSnapshot
from dlviz.evaluation.still import draw
from dlviz.kit.arguments import suggests_names
from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.page import to_json
from dlviz.kit.precomputed import BUDGET
from dlviz.kit.snapshots import page_indices
from dlviz.kit.widget import Widget, binary

#: Examples on a page of the list.
PAGE = 12
#: Fraction of an exported page's budget that its snapshots may take.
_PAGE_FRACTION = 0.4


class Confusion(Widget):
    """Widget that shows a classifier's confusion matrix and its mistakes. A step of the player is a snapshot of its training.

    Attributes:
        shows: what a cell shows: "counts", "recall" (fraction of the row) or "precision" (fraction of the column).
        opened: ``[true, predicted]`` of the cell whose examples are listed, empty for the worst mistakes. A predicted class of −1
            stands for examples with a NaN among their scores.
        page: page of the list, from 0, with twelve examples each.
        example: index of the example that is shown in detail, −1 for none.
        albums: pictures of the listed examples, for the view.
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "evaluation"
    _function = "confusion"
    _tensor_attributes = ("_predictions",)

    shows = traitlets.Enum(("counts", "recall", "precision"), "counts", help="what a cell shows").tag(sync=True)
    opened = traitlets.List(traitlets.Int(min=-1), help="true and predicted class of the opened cell").tag(sync=True)
    page = traitlets.Int(0, min=0, help="page of the list").tag(sync=True)
    example = traitlets.Int(-1, min=-1, help="the example that is shown in detail").tag(sync=True)
    albums = traitlets.Dict(help="pictures of the listed examples").tag(sync=True)

    def __init__(
        self,
        scores: Any,
        targets: Any,
        inputs: Any,
        names: Sequence[Any] | None,
        ignore_index: int | None,
        variables: tuple[str, str],
        **traits: Any,
    ) -> None:
        self._predictions: PredictionHistory | None = PredictionHistory(scores, targets, inputs, names, ignore_index)
        dense = len(self._predictions.snapshots[0].shape) > 1
        #: What the learner indexes with an example's number: inputs, or the labels of all pixels.
        self._variable = f"{variables[0]}.flatten()" if dense else variables[0] if inputs is None else variables[1]
        #: Index of the snapshot that is drawn, or will be.
        self._at = 0
        #: Step, list and part of the list that the scene holds, and all examples in its lists.
        self._sent: tuple[Any, ...] = ()
        self._sent_examples: set[int] = set()
        # These are checked against the scene's lists, so they are set after the first drawing.
        later: dict[str, Any] = {name: traits.pop(name) for name in ("opened", "page", "example") if name in traits}
        self._check_options(later)
        super().__init__(**traits)
        self._show_last()
        self.observe(self._redraw, ["step", "opened", "page", "example"])
        for name, value in later.items():
            setattr(self, name, value)

    @property
    def matrix(self) -> Tensor:
        """Number of examples of each true class (row) that were predicted as each class (column), int64 (C, C)."""
        return self._snapshot.counts.clone()

    @property
    def accuracy(self) -> float:
        """Fraction of all examples that are classified correctly; one with a NaN among its scores is not."""
        return self._snapshot.accuracy

    @property
    def loss(self) -> float | None:
        """Mean cross-entropy; ``None`` for predictions without scores."""
        return self._snapshot.scored.loss

    @property
    def recall(self) -> Tensor:
        """Fraction of each class's examples that were predicted correctly, float64 (C,); NaN for a class without examples."""
        return confusion_counts.recall(self._snapshot.counts, self._snapshot.unclassified)

    @property
    def precision(self) -> Tensor:
        """Fraction of each class's predictions that are correct, float64 (C,); NaN for a class that was never predicted."""
        return confusion_counts.precision(self._snapshot.counts)

    @property
    def f1(self) -> Tensor:
        """Harmonic mean of recall and precision of each class, float64 (C,); NaN for a class that neither occurs nor is predicted."""
        return confusion_counts.f1(self._snapshot.counts, self._snapshot.unclassified)

    @property
    def predictions(self) -> Tensor:
        """Predicted class of each example, int64 in the shape of the labels; −1 for one with a NaN among its scores."""
        return self._snapshot.scored.predictions.long().view(self._snapshot.shape)

    @property
    def worst(self) -> Tensor:
        """Indices of all mistakes, the largest loss first (NaN before all others); without scores in the order of the data."""
        return self._snapshot.worst.clone()

    def cell(self, true: int, predicted: int) -> Tensor:
        """Return the indices of the examples of class `true` that were predicted as `predicted`, the most confident first.

        Args:
            true: the true class.
            predicted: the predicted class; −1 for examples with a NaN among their scores.

        Raises:
            DlvizError: there is no such class.
        """
        scored = self._snapshot.scored
        try:
            row, column = operator.index(true), operator.index(predicted)
        except TypeError:  # they are no whole numbers
            row = column = -2
        if not (0 <= row < scored.classes and -1 <= column < scored.classes):
            raise DlvizError(message("evaluation.refused.cell", last=scored.classes - 1, got=(true, predicted)))
        return members(scored, row, column)

    def update(self, scores: Any, targets: Any = None, inputs: Any = None) -> None:
        """Add a snapshot and show it; call it once an epoch, or more often: while the page still draws, snapshots are kept but not drawn.

        Up to 100 snapshots are kept, together up to 256 MB; beyond that every second one is dropped, never the first or the last.

        Args:
            scores: as in :func:`dlviz.confusion`, for as many classes.
            targets: the true classes; by default those of the snapshot before.
            inputs: the examples; by default those of the snapshot before, if the targets are the same.

        Raises:
            DlvizError: an argument does not fit.
        """
        self._history.add(scores, targets, inputs)
        self._at = self._history.last
        self._update_when_drawn(self._show_last)

    @property
    def _history(self) -> PredictionHistory:
        """All snapshots.

        Raises:
            DlvizError: the widget has been closed.
        """
        self._check_open()
        assert self._predictions is not None
        return self._predictions

    @property
    def _snapshot(self) -> PredictionSnapshot:
        """The snapshot that is drawn, or will be when the page has drawn the one before."""
        return self._history.at(self._at)

    def _show_last(self) -> None:
        """Go to the last snapshot and draw it."""
        self._sent = ()
        self._at = self._history.last
        with self.hold_sync():
            self.step = self._at
            # If the step has changed, its observer has drawn already.
            if not self._sent:
                self._draw()

    def _window(self) -> tuple[str, int, int]:
        """Return the key of the visible list, and start and length of the part that is sent."""
        key, length = (",".join(map(str, self.opened)), CELL) if self.opened else (MISTAKES, WORST)
        return key, self.page * PAGE // length * length, length

    def _redraw(self, change: Any) -> None:
        """Draw if the scene lacks what is visible now."""
        if self._closed:
            return
        if self.step > self._history.last:
            self.step = self._history.last
            return
        if change["name"] == "step":
            self._at = self.step
        if self._sent != (self.step, *self._window()) or self.example not in self._sent_examples:
            self._draw()

    def _draw(self) -> None:
        snapshot = self._history.at(self.step)
        key, start, length = self._window()
        self._sent = (self.step, key, start, length)
        lists = {
            MISTAKES: example_list(snapshot, MISTAKES, 0, WORST),
            key: example_list(snapshot, key, start, length),
        } | self._selected_list(snapshot)
        examples = listed_examples(lists)
        self._sent_examples = {-1, *examples}
        with self.hold_sync():
            self.albums = {str(snapshot.group): binary(album(snapshot.inputs, examples))}
            self.scene = self._scene(snapshot, lists)

    def _selected_list(self, snapshot: PredictionSnapshot) -> Lists:
        """Return a list of the selected example alone, so that it can be followed from snapshot to snapshot."""
        targets = snapshot.scored.targets
        exists = 0 <= self.example < len(targets) and int(targets[self.example]) >= 0
        return {"selected": {"total": 1, "start": 0, "items": [self.example]}} if exists else {}

    def _scene(
        self, snapshot: PredictionSnapshot, lists: Lists, snapshots: Sequence[PredictionSnapshot] | None = None
    ) -> dict[str, Any]:
        return dict(binary(scene(self._history, snapshot, lists, self._variable, snapshots)))

    @traitlets.validate("opened")
    def _check_opened(self, proposal: Any) -> list[int]:
        cell = list(proposal["value"])
        if cell and len(cell) != 2:
            raise DlvizError(message("evaluation.refused.cell", last=self._snapshot.scored.classes - 1, got=cell))
        if cell:
            self.cell(*cell)
        return cell

    def _page_state(self) -> dict[str, Any]:
        self._update_waiting()
        scenes, albums, step = self._page_scenes()
        state = super()._page_state() | {"step": step, "scene": scenes[step], "albums": albums}
        # A page holds the start of each list; later parts only a kernel can send.
        key, start, _ = self._window()
        return state | ({"page": 0} if start else {}) | ({} if key in state["scene"]["lists"] else {"opened": []})

    def _precomputed(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Return the scene of every snapshot that fits into a page."""
        scenes, _, _ = self._page_scenes()
        return {"step": {json.dumps(k): {"scene": page} for k, page in enumerate(scenes)}}

    def _page_scenes(self) -> tuple[list[dict[str, Any]], dict[str, Any], int]:
        """Return the scenes of the snapshots in a page, their pictures, and which scene is shown first, with longer lists."""
        history = self._history
        classes = drawn_classes(history.snapshots)
        size = len(to_json(self._scene(history.at(0), page_lists(history.at(0), classes, short=True))))
        indices = page_indices(len(history.snapshots), size, _PAGE_FRACTION * BUDGET)
        snapshots = [history.at(index) for index in indices]
        first = min(range(len(indices)), key=lambda k: abs(indices[k] - self.step))
        order = [first, *(k for k in reversed(range(len(indices))) if k != first)]
        lists = [self._selected_list(snapshots[k]) | page_lists(snapshots[k], classes, short=k != first) for k in order]
        cut, albums = fit_pictures([snapshots[k] for k in order], lists)
        scenes = {k: self._scene(snapshots[k], part, snapshots) for k, part in zip(order, cut, strict=True)}
        return [scenes[k] for k in range(len(indices))], binary(albums), first

    def _describe(self) -> str:
        snapshot = self._snapshot
        classes, correct = snapshot.scored.classes, snapshot.correct
        return message("evaluation.confusion.repr", total=snapshot.total, classes=classes, right=correct)

    def _still(self) -> str:
        self._update_waiting()
        signature, summary = self.scene["signature"], self.scene["summary"]
        return draw(self._history, self._snapshot, signature, summary, self._still_theme)


@suggests_names
def confusion(
    scores: Any,
    targets: Any,
    inputs: Any = None,
    names: Sequence[Any] | None = None,
    *,
    ignore_index: int | None = -100,
    shows: str = "counts",
    opened: Sequence[int] = (),
    page: int = 0,
    example: int = -1,
    speed: float = 1.0,
    theme: str = "auto",
) -> Confusion:
    """Show the confusion matrix of a classifier, and its worst mistakes as pictures.

    Call ``view.update(net(x))`` once an epoch: each call is a snapshot, and the player goes through them. Your objects stay as they are,
    and no autograd graph is kept: `scores` are read and released. Of `inputs` a reference is kept.

    An example with a NaN among its scores has no prediction. It counts as a mistake, is in no cell of the matrix, and comes first among
    the worst mistakes. (torch's ``argmax`` treats a NaN as the largest number.)

    Tensors, NumPy arrays, lists and columns of a table are accepted for all data.

    Args:
        scores: output of your model, on any device: logits (N, C), or probabilities if no score is negative and every row sums to 1;
            logits of two classes (N,) or (N, 1); or predictions (N,), whole numbers or names. Of images with a label for every pixel
            (N, C, H, W), as for ``cross_entropy``; every pixel is an example then. A fitted classifier of scikit-learn is asked about
            `inputs`. C is at most 1,000.
        targets: the true classes (N,), whole numbers from 0 or names; (N, H, W) for every pixel.
        inputs: the examples, (N, …): (N, 1, H, W), (N, 3, H, W) and (N, H, W) are drawn as pictures, others as text; or a list of
            strings, a table, or a sparse matrix of SciPy.
        names: names of the classes, in the order of the columns of `scores`; by default the names among the targets, sorted, or else
            numbers.
        ignore_index: label of examples that do not count, as for ``cross_entropy``; ``None`` for none.
        shows: what a cell shows, "counts", "recall" or "precision".
        opened: the true and the predicted class of the cell whose examples are listed.
        page: page of that list, from 0.
        example: index of the example that is shown in detail.
        speed: the player's speed, from 0.25 to 4.
        theme: "auto", "light" or "dark".

    Returns:
        The widget; ``.matrix``, ``.accuracy``, ``.loss``, ``.recall``, ``.precision``, ``.f1``, ``.worst``, ``.cell(true, predicted)``,
        ``.update(scores)``.

    Raises:
        DlvizError: an argument does not fit.

    Example:
        >>> import torch, dlviz
        >>> scores = torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.0, 3.0]])
        >>> view = dlviz.confusion(scores, torch.tensor([0, 0, 1]))
        >>> view
        dlviz.confusion(3 examples of 2 classes, 2 right)
        >>> view.matrix.tolist()
        [[1, 1], [0, 1]]
        >>> view.worst.tolist(), round(view.loss, 4)
        ([1], 0.4963)
        >>> dlviz.confusion(["cat", "dog", "dog"], ["cat", "cat", "dog"])
        dlviz.confusion(3 examples of 2 classes, 2 right)

    Source:
        https://scikit-learn.org/stable/modules/model_evaluation.html#confusion-matrix
    """
    scopes = scope()
    variables = name_of(targets, scopes, "targets"), name_of(inputs, scopes, "inputs")
    traits = {"shows": shows, "opened": opened, "page": page, "example": example, "speed": speed, "theme": theme}
    return Confusion(scores, targets, inputs, names, ignore_index, variables, **traits)
