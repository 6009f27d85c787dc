"""`dlviz.embedding`: a map of vectors with labels, and what lies near what."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import traitlets

from dlviz.embeddings.explorer.labeled import Vectors, labeled
from dlviz.embeddings.explorer.scene import asked, chosen, layout, scene
from dlviz.embeddings.explorer.snapshots import Frame, Layout, thinned
from dlviz.embeddings.explorer.still import draw
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.widget import Widget, binary

#: So many rows are looked at; of a larger matrix the first ones.
MOST = 20_000
#: An exported page answers for at most so many words.
_ANSWERED = 500


class Embedding(Widget):
    """Words on a map. Choosing one lists its neighbors and takes their cosine apart; three make an analogy, two an axis.

    A step of the player is a moment that :meth:`update` kept.

    Attributes:
        method: "pca" or "tsne".
        dimensions: 2 or 3.
        lengths: "own" for the vectors as they are, "one" for all of them at length 1; t-SNE and neighbors always take length 1.
        axes: whether all moments stand on the axes of the last one, "fixed", or each on its own, turned onto the one before, "aligned".
        word: the row of the chosen word, −1 for none.
        other: which of its neighbors it is compared with, from 0.
        question: rows ``[a, b, c]`` of "a is to b as c is to ?", or empty.
        expected: the row whose rank among the answers is told, −1 for none.
        between: rows ``[low, high]`` of the words between which the map's axis of your own runs, or empty.
        found: neighbors, product and answers, as data for the view.
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "embedding"

    method = traitlets.Enum(("pca", "tsne"), "pca", help="how the map is drawn").tag(sync=True)
    dimensions = traitlets.Enum((2, 3), 2, help="of the map").tag(sync=True)
    lengths = traitlets.Enum(("own", "one"), "own", help="how long the map takes the vectors").tag(sync=True)
    axes = traitlets.Enum(("fixed", "aligned"), "fixed", help="on which axes earlier moments stand").tag(sync=True)
    word = traitlets.Int(-1, min=-1, help="the chosen word").tag(sync=True)
    other = traitlets.Int(0, min=0, help="the neighbor it is compared with").tag(sync=True)
    question = traitlets.List(traitlets.Int(min=0), help="a, b and c of an analogy").tag(sync=True)
    expected = traitlets.Int(-1, min=-1, help="the word whose rank is told").tag(sync=True)
    between = traitlets.List(traitlets.Int(min=0), help="the two words of an axis").tag(sync=True)
    found = traitlets.Dict(help="neighbors, product and answers").tag(sync=True)

    def __init__(self, vectors: Vectors, **traits: Any) -> None:
        self._named = vectors.labels
        self._moments = [Frame(0, message("embedding.frame.first"), _cut(vectors))]
        self._taken = 1
        self._placed: Layout | None = None
        super().__init__(**traits)
        self._draw()
        self._find()
        self.observe(self._redraw, ["method", "between", "dimensions", "lengths", "axes"])
        self.observe(self._find, ["word", "question", "expected"])
        self.observe(self._moved, "step")

    @property
    def vectors(self) -> Vectors:
        """What the player stands at, for ``dlviz.embeddings.neighbors``, ``analogy``, ``axis`` and the like."""
        return self._now().vectors

    @property
    def moments(self) -> list[str]:
        """The labels of what is kept, the oldest first."""
        return [frame.label for frame in self._moments]

    def update(self, vectors: Any, label: str = "") -> None:
        """Draw newer vectors of the same words, after some training; the player goes back to earlier ones.

        Up to 200 moments are kept, of more than 1,000 words fewer; where there are more, first, last and every second, fourth, … one stay.

        Args:
            vectors: as for :func:`dlviz.embedding`, with the same labels; a copy is kept.
            label: what to call this moment, such as "epoch 3"; without one it has its number.

        Raises:
            DlvizError: there are other labels, or vectors of another size.

        Example:
            >>> import dlviz
            >>> view = dlviz.embedding({"cat": [1.0, 0.2], "dog": [0.9, 0.3]})
            >>> view.update({"cat": [1.1, 0.2], "dog": [1.0, 0.3]}, "epoch 1")
            >>> view.moments
            ['start', 'epoch 1']
        """
        now = self._now().vectors
        known = isinstance(vectors, (Mapping, Vectors))
        given = labeled(vectors) if known else labeled(vectors, self._named)
        if given.labels != self._named or given.matrix.shape[1] != now.matrix.shape[1]:
            shapes = {"got": tuple(given.matrix.shape), "wanted": (len(self._named), now.matrix.shape[1])}
            raise DlvizError(message("embedding.refused.update", **shapes))
        frame = Frame(self._taken, str(label) or message("embedding.frame.number", number=self._taken), _cut(given))
        self._taken += 1
        self._moments = thinned([*self._moments, frame])
        with self.hold_sync():
            self._draw()
            self.step = len(self._moments) - 1
            self._find()

    def close(self) -> None:
        """Take the widget off the page and let go of the vectors."""
        self._moments.clear()
        self._placed = None
        super().close()

    def _now(self) -> Frame:
        """The moment that is asked: where the player stands; of t-SNE the last."""
        return self._moments[min(self.step, len(self._moments) - 1) if self._layout().maps else -1]

    def _layout(self) -> Layout:
        if self._placed is None:
            raise DlvizError(message("embedding.refused.closed"))
        return self._placed

    def _shown(self) -> list[Frame]:
        """All moments, their vectors as long as the map takes them."""
        return [frame.unit for frame in self._moments] if self.lengths == "one" else self._moments

    def _draw(self) -> None:
        notes = []
        if len(self._named) > MOST:
            count = f"{len(self._named):,}"
            notes.append({"kind": "warn", "text": message("embedding.map.cut", most=f"{MOST:,}", count=count)})
        shown, how = self._shown(), (self.method, self.between, self.axes)
        self._placed = layout(shown, *how, self.dimensions)
        self.scene = binary(scene(shown, self._placed, *how, notes))

    def _redraw(self, _: Any) -> None:
        with self.hold_sync():
            self._draw()
            self._find()

    def _find(self, _: Any = None) -> None:
        self.found = chosen(self._now(), self.word) | self._answers()

    def _answers(self) -> dict[str, Any]:
        return asked(self._now(), self._layout(), self._shown(), self.question, self.expected)

    def _moved(self, _: Any) -> None:
        last = len(self._moments) - 1
        if self.step > last:
            self.step = last
        else:
            self._find()

    @traitlets.validate("word", "expected")
    def _a_row(self, proposal: Any) -> int:
        value = int(proposal["value"])
        return value if value < 0 else self._moments[0].vectors.row(value)

    @traitlets.validate("question", "between")
    def _rows_of(self, proposal: Any) -> list[int]:
        wanted = 3 if proposal["trait"].name == "question" else 2
        rows = [self._moments[0].vectors.row(row) for row in proposal["value"]]
        if rows and len(rows) != wanted:
            raise DlvizError(
                message("embedding.refused.rows", name=proposal["trait"].name, wanted=wanted, got=len(rows))
            )
        return rows

    def _precomputed(self) -> dict[str, dict[str, dict[str, Any]]]:
        """The words that a page answers for: the chosen one, its neighbors, then the first rows."""
        near, answers = self.found.get("near", {}).get("rows", []), self._answers()
        now = self._now()
        rows = dict.fromkeys([-1, self.word, *near, *range(min(_ANSWERED, len(now.vectors.labels)))])
        return {"word": {json.dumps(row): {"found": chosen(now, row) | answers} for row in rows}}

    def _describe(self) -> str:
        if not self._moments:
            return message("embedding.map.repr_closed")
        count, size = self.vectors.matrix.shape
        return message("embedding.map.repr", count=count, size=size, method=self.method)

    def _still(self) -> str:
        theme = "dark" if self.theme == "dark" else "light"
        names = ("word", "question", "found", "dimensions", "step")
        return draw({name: getattr(self, name) for name in names}, self.scene, theme)


def _cut(vectors: Vectors) -> Vectors:
    """The first rows, as many as are looked at."""
    return vectors if len(vectors.labels) <= MOST else Vectors(vectors.matrix[:MOST], vectors.labels[:MOST])


def embedding(
    vectors: Any,
    labels: Sequence[Any] | None = None,
    *,
    method: str = "pca",
    dimensions: int = 2,
    word: str | int | None = None,
    analogy: Sequence[str | int] | None = None,
    expected: str | int | None = None,
    axis: Sequence[str | int] | None = None,
    theme: str = "auto",
) -> Embedding:
    """Show vectors with labels as a map: click a word for its neighbors, ask for analogies, draw an axis of your own.

    Args:
        vectors: a matrix (N, D), an ``nn.Embedding`` or a dict of label to vector, on any device; nothing of it is changed. Of more than
            20,000 rows the first are shown.
        labels: N labels in any script; a dict has its own. Without them rows are called by their number.
        method: ``"pca"`` (the directions of most variance, by torch) or ``"tsne"`` (keeps neighbors together, by scikit-learn; up to
            3,000 rows).
        dimensions: 2 or 3.
        word: the label or row that is chosen at first.
        analogy: three words (a, b, c): what lies nearest to b − a + c, of the vectors at length 1?
        expected: the word whose rank among the answers is told.
        axis: two words (low, high): the map's horizontal axis then runs from one to the other.
        theme: "light", "dark" or "auto".

    Returns:
        A widget; ``.update(vectors, label)`` keeps another moment of the same words, ``.vectors`` goes into
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
        raise DlvizError(message("embedding.refused.alone"))
    if dimensions not in (2, 3):
        raise DlvizError(message("embedding.refused.dimensions", got=repr(dimensions)))
    rows = {
        "word": -1 if word is None else given.row(word),
        "question": [given.row(one) for one in analogy or ()],
        "expected": -1 if expected is None else given.row(expected),
        "between": [given.row(one) for one in axis or ()],
    }
    return Embedding(given, method=method, dimensions=dimensions, theme=theme, **rows)
