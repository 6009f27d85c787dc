"""`dlviz.confusion`: what a classifier takes for what, its worst mistakes, and how they became fewer."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import traitlets
from torch import Tensor

from dlviz.evaluation import confusion_counts, validation
from dlviz.evaluation.examples import ExamplePreviews, examples
from dlviz.evaluation.record import kind_of, members, score_examples
from dlviz.evaluation.scene import CELL, MISTAKES, WORST, album, chosen, drawn, fit_thumbnails, page_lists, scene, shown
from dlviz.evaluation.snapshots import PredictionSnapshot, keep, take_snapshot
from dlviz.evaluation.still import draw
from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.page import to_json
from dlviz.kit.precomputed import BUDGET
from dlviz.kit.snapshots import page_indices
from dlviz.kit.widget import Widget, binary

#: So many examples a page of the list shows.
PAGE = 12
#: Which share of the room of an exported page goes to snapshots.
_SHARE = 0.4


class Confusion(Widget):
    """A classifier's confusion matrix and its mistakes. A step of the player is a snapshot of its training.

    Attributes:
        shows: what a cell tells: "counts", "recall" (its share of the row) or "precision" (its share of the column).
        opened: ``[true, predicted]`` of the cell whose examples are listed, else empty: then the worst mistakes are. −1 for predicted
            means those with a NaN among their scores.
        page: which page of the list is seen, from 0, twelve examples a page.
        example: the index of the example that is looked at closely, −1 for none.
        albums: pictures of the examples in sight, as data for the view.
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "evaluation"
    _function = "confusion"
    _tensor_attributes = ("_snapshots",)

    shows = traitlets.Enum(("counts", "recall", "precision"), "counts", help="what a cell tells").tag(sync=True)
    opened = traitlets.List(traitlets.Int(min=-1), help="true and predicted class of the opened cell").tag(sync=True)
    page = traitlets.Int(0, min=0, help="which page of the list is seen").tag(sync=True)
    example = traitlets.Int(-1, min=-1, help="the example that is looked at closely").tag(sync=True)
    albums = traitlets.Dict(help="pictures of the examples in sight").tag(sync=True)

    def __init__(
        self, scores: Any, targets: Any, inputs: Any, names: Sequence[Any] | None, called: str, **traits: Any
    ) -> None:
        self._called = called
        self._names: list[str] | None = None if names is None else [str(name) for name in names]
        self._snapshots: list[PredictionSnapshot] = []
        self._count = self._groups = 0
        self._seen: tuple[Any, ...] = ()
        self._loaded: set[int] = set()
        first = self._read(scores, targets, inputs)
        self._names = validation.names(names, first.found.classes)
        chosen = {name: traits.pop(name) for name in ("opened", "page", "example") if name in traits}
        super().__init__(**traits)
        self._keep(first)
        self.observe(self._moved, ["step", "opened", "page", "example"])
        for name, value in chosen.items():
            setattr(self, name, list(value) if isinstance(value, tuple) else value)

    # What Python can ask; of the snapshot that the player stands at.

    @property
    def matrix(self) -> Tensor:
        """How many examples of each true class (row) were taken for each class (column), int64 (C, C)."""
        return self._current().counts.clone()

    @property
    def accuracy(self) -> float:
        """The share of all examples that are classified rightly; one with a NaN among its scores is not."""
        return self._current().accuracy

    @property
    def loss(self) -> float | None:
        """The mean cross-entropy; ``None`` of predictions alone."""
        return self._current().found.loss

    @property
    def recall(self) -> Tensor:
        """Of the examples of each class, the share that was found, float64 (C,); NaN for a class without examples."""
        snapshot = self._current()
        return confusion_counts.recall(snapshot.counts, snapshot.unclassified)

    @property
    def precision(self) -> Tensor:
        """Of what was taken for each class, the share that belongs to it, float64 (C,); NaN for a class never predicted."""
        return confusion_counts.precision(self._current().counts)

    @property
    def f1(self) -> Tensor:
        """The harmonic mean of recall and precision of each class, float64 (C,); NaN for a class that neither occurs nor is predicted."""
        snapshot = self._current()
        return confusion_counts.f1(snapshot.counts, snapshot.unclassified)

    @property
    def predictions(self) -> Tensor:
        """The class that each example was taken for, int64 (N,); −1 for one with a NaN among its scores."""
        return self._current().found.predictions.long()

    @property
    def worst(self) -> Tensor:
        """Indices of all mistakes, the largest loss first (NaN before all others); of predictions alone in the data's order."""
        return self._current().worst.clone()

    def cell(self, true: int, predicted: int) -> Tensor:
        """Indices of the examples of class `true` that were taken for `predicted`, the surest first.

        Args:
            true: the true class.
            predicted: the predicted class; −1 for those with a NaN among their scores.

        Raises:
            DlvizError: there is no such class.
        """
        snapshot = self._current()
        last = snapshot.found.classes - 1
        if not (0 <= true <= last and -1 <= predicted <= last):
            raise DlvizError(message("evaluation.refused.cell", last=last, got=(true, predicted)))
        return members(snapshot.found, true, predicted)

    def update(self, scores: Any, targets: Any = None, inputs: Any = None) -> None:
        """Add a snapshot and show it; call it once an epoch.

        Up to 100 snapshots are kept, together up to 256 MB; beyond that every second one is forgotten, never the first or the last.

        Args:
            scores: as in :func:`dlviz.confusion`, of as many classes.
            targets: the true classes; without them those of the snapshot before.
            inputs: the examples; without them those of the snapshot before, if the targets are the same.

        Raises:
            DlvizError: an argument does not fit.
        """
        self._current()
        self._keep(self._read(scores, targets, inputs))

    # Snapshots.

    def _current(self) -> PredictionSnapshot:
        self._check_open()
        return self._snapshots[min(self.step, len(self._snapshots) - 1)]

    def _read(self, scores: Any, targets: Any, inputs: Any) -> PredictionSnapshot:
        """The next snapshot, every argument checked."""
        before = self._snapshots[-1] if self._snapshots else None
        given = validation.scores(scores)
        if targets is None and before is not None:
            labels = before.found.targets
            if len(given) != len(labels):
                raise DlvizError(
                    message("evaluation.refused.scores_length", count=len(labels), got=tuple(scores.shape))
                )
        else:
            labels = validation.targets(targets, len(given))
        classes = self._classes(scores, given, labels)
        if before is not None and classes != before.found.classes:
            raise DlvizError(message("evaluation.refused.classes", count=before.found.classes, got=classes))
        same = before is not None and torch.equal(labels, before.found.targets)
        shown = validation.inputs(inputs, len(labels))
        kept, group = self._inputs(shown, before if same else None)
        # Snapshots of the same targets share one tensor; the first has a copy of its own, which nobody else writes to.
        labels = before.found.targets if same and before is not None else labels.clone()
        return take_snapshot(self._count, score_examples(given, labels, classes), kept, group)

    def _classes(self, scores: Any, given: Tensor, labels: Tensor) -> int:
        """How many classes there are, and whether all labels are among them."""
        kind = kind_of(given) if given.dim() == 1 else "logits"
        if kind != "labels":
            count = 2 if given.dim() == 1 else given.shape[1]
            words = message("evaluation.refused.because_scores", count=count, shape=_shape(scores))
            validation.within("targets", labels, count, words)
            return count
        predictions = validation.whole("scores", given)
        if self._names is None:
            count = int(torch.maximum(predictions, labels).max()) + 1
        else:
            count = len(self._names)
            words = message("evaluation.refused.because_names", count=count)
            validation.within("scores", predictions, count, words)
            validation.within("targets", labels, count, words)
        if count > validation.CLASSES:
            raise DlvizError(message("evaluation.refused.many", most=validation.CLASSES, got=count))
        return count

    def _inputs(self, given: Any, before: PredictionSnapshot | None) -> tuple[ExamplePreviews | None, int]:
        """The examples of a snapshot, and the number of its group: the same as before where nothing new was passed."""
        if before is not None and (given is None or (before.inputs is not None and before.inputs.given is given)):
            return before.inputs, before.group
        self._groups += 1
        return (None if given is None else examples(given)), self._groups - 1

    def _keep(self, new: PredictionSnapshot) -> None:
        self._count += 1
        self._snapshots = keep([*self._snapshots, new])
        self._seen = ()
        with self.hold_sync():
            self.step = len(self._snapshots) - 1
            # Where the player has moved, its observer has drawn already.
            if not self._seen:
                self._draw()

    # Drawing.

    def _window(self) -> tuple[str, int, int]:
        """Which list is in sight, and which part of it."""
        key, most = (",".join(map(str, self.opened)), CELL) if self.opened else (MISTAKES, WORST)
        return key, self.page * PAGE // most * most, most

    def _moved(self, _: Any = None) -> None:
        if not self._snapshots:
            return
        last = len(self._snapshots) - 1
        if self.step > last:
            self.step = last
        elif self._seen != (self.step, *self._window()) or self.example not in self._loaded:
            self._draw()

    def _draw(self) -> None:
        snapshot = self._current()
        key, start, most = self._window()
        self._seen = (self.step, key, start, most)
        lists = {
            MISTAKES: chosen(snapshot, MISTAKES, 0, WORST),
            key: chosen(snapshot, key, start, most),
        } | self._selected_list(snapshot)
        self._loaded = {-1, *shown(lists)}
        with self.hold_sync():
            self.albums = {str(snapshot.group): binary(album(snapshot.inputs, shown(lists)))}
            self.scene = self._scene(snapshot, lists, self._snapshots)

    def _selected_list(self, snapshot: PredictionSnapshot) -> dict[str, dict[str, Any]]:
        """The example that is looked at, wherever it is, so that it can be followed from snapshot to snapshot."""
        here = 0 <= self.example < len(snapshot.found.targets)
        return {"picked": {"total": 1, "start": 0, "items": [self.example]}} if here else {}

    def _scene(
        self, snapshot: PredictionSnapshot, lists: Any, snapshots: Sequence[PredictionSnapshot]
    ) -> dict[str, Any]:
        notes = []
        if self._count > len(self._snapshots):
            text = message("evaluation.note.forgotten", kept=len(self._snapshots), count=self._count)
            notes.append({"kind": "", "text": text})
        if len(snapshots) < len(self._snapshots):
            text = message("evaluation.note.page_moments", shown=len(snapshots), count=len(self._snapshots))
            notes.append({"kind": "", "text": text})
        return dict(
            binary(
                scene(snapshot, lists, snapshots=snapshots, names=self._names or [], called=self._called, notes=notes)
            )
        )

    @traitlets.validate("opened")
    def _opened_is_a_cell(self, proposal: Any) -> list[int]:
        found = list(proposal["value"])
        if found and self._snapshots:
            if len(found) != 2:
                raise DlvizError(message("evaluation.refused.cell", last=self._current().found.classes - 1, got=found))
            self.cell(*found)
        return found

    # A page.

    def _page_state(self) -> dict[str, Any]:
        places = self._in_page()
        step = min(range(len(places)), key=lambda k: abs(places[k] - self.step))
        scenes, albums = self._carried(places, step)
        found = super()._page_state() | {"step": step, "scene": scenes[step], "albums": albums}
        # A page lists from the start; what is further on was for the kernel to tell.
        key, start, _ = self._window()
        return found | ({"page": 0} if start else {}) | ({} if key in found["scene"]["lists"] else {"opened": []})

    def _precomputed(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Every snapshot that there is room for."""
        places = self._in_page()
        scenes, _ = self._carried(places, min(range(len(places)), key=lambda k: abs(places[k] - self.step)))
        return {"step": {json.dumps(k): {"scene": one} for k, one in enumerate(scenes)}}

    def _carried(self, places: Sequence[int], first: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """The scenes of some snapshots, and the pictures for all of them; of the one they are `first` for there is more."""
        chosen_snapshots = [self._snapshots[place] for place in places]
        kept = drawn(self._snapshots)
        order = [first, *(k for k in reversed(range(len(chosen_snapshots))) if k != first)]
        every = [
            self._selected_list(chosen_snapshots[k]) | page_lists(chosen_snapshots[k], kept, short=k != first)
            for k in order
        ]
        cut, albums = fit_thumbnails([chosen_snapshots[k] for k in order], every)
        scenes = {k: self._scene(chosen_snapshots[k], one, chosen_snapshots) for k, one in zip(order, cut, strict=True)}
        return [scenes[k] for k in range(len(chosen_snapshots))], binary(albums)

    def _in_page(self) -> list[int]:
        """Numbers of the snapshots that a page has room for, evenly spread."""
        self._current()
        snapshot, count = self._snapshots[0], len(self._snapshots)
        one = len(
            to_json(self._scene(snapshot, page_lists(snapshot, drawn(self._snapshots), short=True), self._snapshots))
        )
        return page_indices(count, one, _SHARE * BUDGET)

    def _describe(self) -> str:
        snapshot = self._current()
        return message(
            "evaluation.confusion.repr",
            total=len(snapshot.found.targets),
            classes=snapshot.found.classes,
            right=snapshot.right,
        )

    def _still(self) -> str:
        snapshot = self._current()
        return draw(
            snapshot,
            self._snapshots,
            self._names or [],
            self.scene["signature"],
            self.scene["summary"],
            self._still_theme,
        )


def _shape(scores: Any) -> str:
    """The shape as PyTorch writes it in its documentation."""
    return "(N,)" if scores.dim() == 1 else f"(N, {scores.shape[1]})"


def confusion(
    scores: Tensor,
    targets: Tensor,
    inputs: Tensor | Sequence[Any] | None = None,
    names: Sequence[Any] | None = None,
    **settings: Any,
) -> Confusion:
    """Show what a classifier takes for what, and its worst mistakes as pictures.

    Call ``view.update(net(x))`` once an epoch: each call is a snapshot, and the player goes through them. Nothing of yours changes, and
    nothing holds on to a graph: scores are read and let go. Of `inputs` a reference is kept.

    An example with a NaN among its scores has no prediction. It counts as a mistake, is in no cell of the matrix and comes first among
    the worst. (torch's ``argmax`` takes a NaN for the largest number.)

    Args:
        scores: what your model returned, on any device: logits (N, C), or probabilities if every row is at least 0 and sums to 1; logits
            of two classes (N,) or (N, 1); or predictions, whole numbers (N,). C up to 1,000.
        targets: the true classes, whole numbers (N,).
        inputs: the examples, (N, …): (N, 1, H, W), (N, 3, H, W) and (N, H, W) are drawn as pictures, all else as text; a list of
            strings too.
        names: what the classes are called.
        settings: traits of :class:`Confusion`, such as ``shows``, ``opened`` or ``theme``.

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

    Source:
        https://scikit-learn.org/stable/modules/model_evaluation.html#confusion-matrix
    """
    found = scope()
    called = name_of(targets, found, "targets") if inputs is None else name_of(inputs, found, "inputs")
    return Confusion(scores, targets, inputs, names, called, **settings)
