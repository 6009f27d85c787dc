"""`dlviz.embedding`: a map of labeled vectors, with neighbors and analogies."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import traitlets

from dlviz.embeddings.explorer.labeled_vectors import Vectors, has_labels, labeled
from dlviz.embeddings.explorer.scene import analogy_details, layout, scene, word_details
from dlviz.embeddings.explorer.snapshots import MapLayout, VectorsSnapshot, limit_snapshots
from dlviz.embeddings.explorer.still import draw
from dlviz.kit.arguments import suggests_names
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_iterable
from dlviz.kit.widget import Widget, binary

#: The widget reads only the first rows of a larger matrix.
MAX_ROWS = 20_000
#: How many words an exported page has details for.
_PAGE_WORDS = 500


class Embedding(Widget):
    """Widget that shows vectors as a map, the neighbors of a selected word, analogies, and an axis between two words.

    A step of the player is a snapshot that :meth:`update` added.

    Attributes:
        method: "pca" or "tsne".
        dimensions: 2 or 3.
        normalize: whether the map shows the vectors scaled to length 1. t-SNE and neighbors always use length 1.
        axes: "fixed" for the axes of the last snapshot in all of them, "aligned" for each snapshot's own axes, aligned with the one before.
        word: the row of the selected word, −1 for none.
        neighbor: which of its neighbors it is compared with, from 0.
        analogy: rows ``[a, b, c]`` of "a is to b as c is to ?", or empty.
        expected: the row whose rank among the answers is shown, −1 for none.
        axis: rows ``[low, high]`` of the two words of the map's horizontal axis, or empty.
        details: neighbors, similarities and answers, as data for the view.
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "embedding"
    _function = "embedding"
    _tensor_attributes = ("_snapshots", "_layout", "_labels")

    method = traitlets.Enum(("pca", "tsne"), "pca", help="how the map is computed").tag(sync=True)
    dimensions = traitlets.Enum((2, 3), 2, help="dimensions of the map").tag(sync=True)
    normalize = traitlets.Bool(False, help="whether the map shows vectors of length 1").tag(sync=True)
    axes = traitlets.Enum(("fixed", "aligned"), "fixed", help="the axes of earlier snapshots").tag(sync=True)
    word = traitlets.Int(-1, min=-1, help="the selected word").tag(sync=True)
    neighbor = traitlets.Int(0, min=0, help="the neighbor it is compared with").tag(sync=True)
    analogy = traitlets.List(traitlets.Int(min=0), help="a, b and c of an analogy").tag(sync=True)
    expected = traitlets.Int(-1, min=-1, help="the word whose rank is shown").tag(sync=True)
    axis = traitlets.List(traitlets.Int(min=0), help="the two words of an axis").tag(sync=True)
    details = traitlets.Dict(help="neighbors, similarities and answers").tag(sync=True)

    def __init__(self, vectors: Vectors, **traits: Any) -> None:
        self._labels = vectors.labels
        self._snapshots = [VectorsSnapshot(0, message("embedding.snapshot.first"), _truncate(vectors))]
        self._count = 1
        self._layout: MapLayout
        super().__init__(**traits)
        self._draw()
        self._update_details()
        self.observe(self._redraw, ["method", "axis", "dimensions", "normalize", "axes"])
        self.observe(self._update_details, ["word", "analogy", "expected"])
        self.observe(self._update_step, "step")

    @property
    def vectors(self) -> Vectors:
        """The vectors at the player's step, for ``dlviz.embeddings.neighbors``, ``analogy``, ``axis`` and so on."""
        return self._current().vectors

    @property
    def snapshots(self) -> list[str]:
        """The labels of the snapshots, the oldest first."""
        return [snapshot.label for snapshot in self._snapshots]

    def update(self, vectors: Any, label: str = "") -> None:
        """Add a snapshot of the same words after some training, and show it; the player returns to earlier ones.

        Up to 200 snapshots are kept, fewer for more than 1,000 words; beyond that the first, the last and every second, fourth, … stay.
        While a page still draws an earlier one, only the last of those that follow is drawn, so a loop is not slowed down.

        Args:
            vectors: as for :func:`dlviz.embedding`, with the same labels; a copy is kept.
            label: a name for the snapshot, such as "epoch 3"; by default its number.

        Raises:
            DlvizError: labels or sizes differ.

        Example:
            >>> import dlviz
            >>> view = dlviz.embedding({"cat": [1.0, 0.2], "dog": [0.9, 0.3]})
            >>> view.update({"cat": [1.1, 0.2], "dog": [1.0, 0.3]}, "epoch 1")
            >>> view.snapshots
            ['start', 'epoch 1']
        """
        self._check_open()
        size = self._snapshots[0].vectors.matrix.shape[1]
        new = labeled(vectors) if has_labels(vectors) else labeled(vectors, self._labels)
        if new.labels != self._labels or new.matrix.shape[1] != size:
            shapes = {"got": tuple(new.matrix.shape), "wanted": (len(self._labels), size)}
            raise DlvizError(message("embedding.refused.update", **shapes))
        name = str(label) or message("embedding.snapshot.number", number=self._count)
        self._snapshots = limit_snapshots([*self._snapshots, VectorsSnapshot(self._count, name, _truncate(new))])
        self._count += 1
        self._update_when_drawn(self._show_latest)

    def _show_latest(self) -> None:
        self._draw()
        self.step = len(self._snapshots) - 1
        self._update_details()

    def _current(self) -> VectorsSnapshot:
        """Return the snapshot at the player's step, after an update that waits for the page; a t-SNE map shows the last."""
        self._check_open()
        self._update_waiting()
        return self._snapshots[min(self.step, len(self._snapshots) - 1) if self._layout.maps else -1]

    def _on_map(self) -> list[VectorsSnapshot]:
        """Return all snapshots, normalized if the map is."""
        return [snapshot.normalized for snapshot in self._snapshots] if self.normalize else self._snapshots

    def _draw(self) -> None:
        notes = []
        if len(self._labels) > MAX_ROWS:
            text = message("embedding.map.truncated", most=f"{MAX_ROWS:,}", count=f"{len(self._labels):,}")
            notes.append({"kind": "warn", "text": text})
        snapshots, settings = self._on_map(), (self.method, self.axis, self.axes)
        self._layout = layout(snapshots, *settings, self.dimensions)
        self.scene = binary(scene(snapshots, self._layout, *settings, notes))

    def _redraw(self, _: Any) -> None:
        if self._closed:
            return
        with self.hold_sync():
            self._draw()
            self._update_details()

    def _update_details(self, _: Any = None) -> None:
        if self._closed:
            return
        self.details = word_details(self._current(), self.word) | self._analogy_details()

    def _analogy_details(self) -> dict[str, Any]:
        return analogy_details(self._current(), self._layout, self._on_map(), self.analogy, self.expected)

    def _update_step(self, _: Any) -> None:
        if self._closed:
            return
        last = len(self._snapshots) - 1
        if self.step > last:
            self.step = last
        else:
            self._update_details()

    @traitlets.validate("word", "expected")
    def _validate_row(self, proposal: Any) -> int:
        value = int(proposal["value"])
        return value if value < 0 or self._closed else self._snapshots[0].vectors.row(value)

    @traitlets.validate("analogy", "axis")
    def _validate_rows(self, proposal: Any) -> list[int]:
        name = proposal["trait"].name
        wanted = 3 if name == "analogy" else 2
        if self._closed:
            return list(proposal["value"])
        rows = [self._snapshots[0].vectors.row(row) for row in proposal["value"]]
        if rows and len(rows) != wanted:
            raise DlvizError(message("embedding.refused.rows", name=name, wanted=wanted, got=len(rows)))
        return rows

    def _precomputed(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Return the details of the selected word, its neighbors, and then the first rows."""
        neighbors, answers = self.details.get("neighbors", {}).get("rows", []), self._analogy_details()
        current = self._current()
        rows = dict.fromkeys([-1, self.word, *neighbors, *range(min(_PAGE_WORDS, len(current.vectors.labels)))])
        return {"word": {json.dumps(row): {"details": word_details(current, row) | answers} for row in rows}}

    def _describe(self) -> str:
        count, size = self.vectors.matrix.shape
        return message("embedding.map.repr", count=count, size=size, method=self.method)

    def _page_state(self) -> dict[str, Any]:
        self._update_waiting()
        return super()._page_state()

    def _still(self) -> str:
        self._update_waiting()
        names = ("word", "analogy", "details", "dimensions", "step")
        return draw({name: getattr(self, name) for name in names}, self.scene, self._still_theme)


def _truncate(vectors: Vectors) -> Vectors:
    """Return at most the first ``MAX_ROWS`` rows."""
    if len(vectors.labels) <= MAX_ROWS:
        return vectors
    return Vectors(vectors.matrix[:MAX_ROWS], vectors.labels[:MAX_ROWS])


@suggests_names
def embedding(
    vectors: Any,
    labels: Iterable[Any] | None = None,
    *,
    method: str = "pca",
    dimensions: int = 2,
    word: str | int | None = None,
    analogy: Sequence[str | int] | None = None,
    expected: str | int | None = None,
    axis: Sequence[str | int] | None = None,
    theme: str = "auto",
) -> Embedding:
    """Show labeled vectors as a map: click a word for its neighbors, ask for analogies, draw an axis between two words.

    Args:
        vectors: a matrix (N, D), dense or sparse, on any device, as a tensor, an array, a list or a pandas table; an ``nn.Embedding``;
            a dict of label to vector; or gensim's ``KeyedVectors``. It is copied and never changed. Only the first 20,000 rows are shown.
        labels: N labels in any script; a dict and gensim's vectors have their own. By default a table's index, otherwise row numbers.
        method: ``"pca"`` (the directions of largest variance) or ``"tsne"`` (keeps neighbors together, by scikit-learn; up to 3,000 rows).
        dimensions: 2 or 3.
        word: the label or row that is selected at first.
        analogy: three words (a, b, c): which words are nearest to b − a + c, computed from vectors of length 1?
        expected: the word whose rank among the answers is shown.
        axis: two words (low, high): the map's horizontal axis then runs from one to the other.
        theme: "light", "dark" or "auto".

    Returns:
        A widget; ``.update(vectors, label)`` adds a snapshot of the same words, ``.vectors`` goes into
        ``dlviz.embeddings.neighbors(view.vectors, "king")`` and the like, ``.save(path)`` writes SVG, PNG or a page that still answers.

    Raises:
        DlvizError: an argument does not fit.

    Source: T. Mikolov et al., Efficient Estimation of Word Representations in Vector Space, 2013, https://arxiv.org/abs/1301.3781.

    Example:
        >>> import dlviz
        >>> dlviz.embedding({"cat": [1.0, 0.2], "dog": [0.9, 0.3], "car": [-0.8, 0.5]}, word="cat")
        dlviz.embedding(3 vectors of 2 numbers, pca)
    """
    given = labeled(vectors, labels)
    if method not in ("pca", "tsne"):
        raise DlvizError(message("embedding.refused.method", got=repr(method)))
    if len(given.labels) < 2:
        raise DlvizError(message("embedding.refused.one_vector"))
    if dimensions not in (2, 3):
        raise DlvizError(message("embedding.refused.dimensions", got=repr(dimensions)))
    if theme not in ("auto", "light", "dark"):
        raise DlvizError(message("embedding.refused.theme", got=repr(theme)))
    for name, question, wanted in (("analogy", analogy, 3), ("axis", axis, 2)):
        if question is not None and (isinstance(question, str) or not is_iterable(question)):
            raise DlvizError(message("embedding.refused.question", name=name, wanted=wanted, got=repr(question)))
    rows = {
        "word": -1 if word is None else given.row(word),
        "analogy": [given.row(item) for item in (() if analogy is None else analogy)],
        "expected": -1 if expected is None else given.row(expected),
        "axis": [given.row(item) for item in (() if axis is None else axis)],
    }
    return Embedding(given, method=method, dimensions=dimensions, theme=theme, **rows)
