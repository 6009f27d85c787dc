"""`dlviz.embedding`: a map of vectors with labels, and what lies near what."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import traitlets

from dlviz.kit.problem import Problem
from dlviz.kit.widget import Widget, binary
from dlviz.kit.words import say
from dlviz.vectors.labelled import Vectors, labelled
from dlviz.vectors.scene import found, scene
from dlviz.vectors.still import draw

#: So many rows are looked at; of a larger matrix the first ones.
MOST = 20_000
#: An exported page answers for at most so many words.
_ANSWERED = 500


class Embedding(Widget):
    """Words on a map. Choosing one lists its neighbours and takes their cosine apart; three make an analogy, two an axis.

    Attributes:
        method: "pca" or "tsne".
        word: the row of the chosen word, −1 for none.
        other: which of its neighbours it is compared with, from 0.
        question: rows ``[a, b, c]`` of "a is to b as c is to ?", or empty.
        between: rows ``[low, high]`` of the words between which the map's axis of your own runs, or empty.
        found: neighbours, product and answers, as data for the view.
    """

    _view = Path(__file__).with_name("view.js")
    _style = Path(__file__).with_name("view.css")
    _room = "vectors"

    method = traitlets.Enum(("pca", "tsne"), "pca", help="how the map is drawn").tag(sync=True)
    word = traitlets.Int(-1, min=-1, help="the chosen word").tag(sync=True)
    other = traitlets.Int(0, min=0, help="the neighbour it is compared with").tag(sync=True)
    question = traitlets.List(traitlets.Int(min=0), help="a, b and c of an analogy").tag(sync=True)
    between = traitlets.List(traitlets.Int(min=0), help="the two words of an axis").tag(sync=True)
    found = traitlets.Dict(help="neighbours, product and answers").tag(sync=True)

    def __init__(self, vectors: Vectors, **traits: Any) -> None:
        self._rows = len(vectors.labels)
        self._vectors: Vectors | None = (
            vectors if self._rows <= MOST else Vectors(vectors.matrix[:MOST], vectors.labels[:MOST])
        )
        super().__init__(**traits)
        self._draw()
        self._find()
        self.observe(self._draw, ["method", "between"])
        self.observe(self._find, ["word", "question"])

    @property
    def vectors(self) -> Vectors:
        """What is shown, for ``dlviz.vectors.neighbours``, ``analogy``, ``axis`` and the like."""
        if self._vectors is None:
            raise Problem(say("vectors.refused.closed"))
        return self._vectors

    def close(self) -> None:
        """Take the widget off the page and let go of the vectors."""
        self._vectors = None
        super().close()

    def _draw(self, _: Any = None) -> None:
        notes = []
        if self._rows > MOST:
            notes.append({"kind": "warn", "text": say("vectors.map.cut", most=f"{MOST:,}", count=f"{self._rows:,}")})
        self.scene = binary(scene(self.vectors, self.method, self.between, notes))

    def _find(self, _: Any = None) -> None:
        self.found = found(self.vectors, self.word, self.question)

    @traitlets.validate("word")
    def _a_row(self, proposal: Any) -> int:
        value = int(proposal["value"])
        return value if value < 0 else self.vectors.row(value)

    @traitlets.validate("question", "between")
    def _rows_of(self, proposal: Any) -> list[int]:
        wanted = 3 if proposal["trait"].name == "question" else 2
        rows = [self.vectors.row(row) for row in proposal["value"]]
        if rows and len(rows) != wanted:
            raise Problem(say("vectors.refused.rows", name=proposal["trait"].name, wanted=wanted, got=len(rows)))
        return rows

    def _frames(self) -> dict[str, dict[str, dict[str, Any]]]:
        """The words that a page answers for: the chosen one, its neighbours, then the first rows."""
        near = self.found.get("near", {}).get("rows", [])
        rows = dict.fromkeys([-1, self.word, *near, *range(min(_ANSWERED, len(self.vectors.labels)))])
        return {"word": {json.dumps(row): {"found": found(self.vectors, row, self.question)} for row in rows}}

    def _describe(self) -> str:
        if self._vectors is None:
            return say("vectors.map.repr_closed")
        count, size = self._vectors.matrix.shape
        return say("vectors.map.repr", count=count, size=size, method=self.method)

    def _still(self) -> str:
        theme = "dark" if self.theme == "dark" else "light"
        return draw(self.vectors, self.word, self.found, self.scene, theme)


def embedding(
    vectors: Any,
    labels: Sequence[Any] | None = None,
    *,
    method: str = "pca",
    word: str | int | None = None,
    analogy: Sequence[str | int] | None = None,
    axis: Sequence[str | int] | None = None,
    theme: str = "auto",
) -> Embedding:
    """Show vectors with labels as a map: click a word for its neighbours, ask for analogies, draw an axis of your own.

    Args:
        vectors: a matrix (N, D), an ``nn.Embedding`` or a dict of label to vector, on any device; nothing of it is changed. Of more than
            20,000 rows the first are shown.
        labels: N labels in any script; a dict has its own. Without them rows are called by their number.
        method: ``"pca"`` (the directions of most variance, by torch) or ``"tsne"`` (keeps neighbours together, by scikit-learn; up to
            3,000 rows).
        word: the label or row that is chosen at first.
        analogy: three words (a, b, c): what lies nearest to b − a + c, of the vectors at length 1?
        axis: two words (low, high): the map's horizontal axis then runs from one to the other.
        theme: "light", "dark" or "auto".

    Returns:
        A widget; ``.vectors`` goes into ``dlviz.vectors.neighbours(view.vectors, "king")`` and the like, ``.save(path)`` writes SVG, PNG or
        a page that still answers.

    Raises:
        Problem: an argument does not fit.

    Source: T. Mikolov et al., Efficient Estimation of Word Representations in Vector Space, 2013, https://arxiv.org/abs/1301.3781.

    Example:
        >>> import dlviz
        >>> dlviz.embedding({"cat": [1.0, 0.2], "dog": [0.9, 0.3], "car": [-0.8, 0.5]}, word="cat")
        dlviz.embedding(3 vectors of 2 numbers, pca)
    """
    given = labelled(vectors, labels)
    if method not in ("pca", "tsne"):
        raise Problem(say("vectors.refused.method", got=repr(method)))
    if len(given.labels) < 2:
        raise Problem(say("vectors.refused.alone"))
    rows = {
        "word": -1 if word is None else given.row(word),
        "question": [given.row(one) for one in analogy or ()],
        "between": [given.row(one) for one in axis or ()],
    }
    return Embedding(given, method=method, theme=theme, **rows)
