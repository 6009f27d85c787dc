"""Vectors in every form that users hold are read, also of large and small numbers; anything else is named in an error of dlviz's."""

import types
import warnings

import numpy as np
import pytest
import scipy.sparse
import torch
from torch import nn
from torch._subclasses import FakeTensorMode

import dlviz
from dlviz.embeddings import align, analogy, axis, labeled, neighbors, pca, similarity
from dlviz.kit.errors import DlvizError

MATRIX = torch.tensor([[1.0, 2.0, 0.5], [3.0, -4.0, 0.0], [0.0, 1.0, 2.0], [2.0, 2.0, 2.0]])
ARRAY = MATRIX.numpy()


class KeyedVectors:
    """As gensim's: `len` counts the words, and iteration goes by numbers until a KeyError."""

    def __init__(self, words, vectors):
        self.index_to_key, self.vectors = list(words), np.asarray(vectors)

    def __len__(self):
        return len(self.index_to_key)

    def __getitem__(self, key):
        if key not in self.index_to_key[: len(self.vectors)]:
            raise KeyError(f"Key '{key}' not present")
        return self.vectors[self.index_to_key.index(key)]


class Table:
    """As pandas' DataFrame: iteration and `[…]` go by columns, whose names are numbers here."""

    def __init__(self, values, index=None, dtypes=None):
        self._values = np.asarray(values)
        self.index = range(len(self._values)) if index is None else index
        self.columns = list(range(self._values.shape[1]))
        self.dtypes = dtypes or [np.dtype(float)] * len(self.columns)
        self.iloc = None

    def to_numpy(self, dtype=None, na_value=None):
        return np.array([[na_value if number is None else number for number in row] for row in self._values], dtype)

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self._values, dtype)

    def __len__(self):
        return len(self._values)

    def __getitem__(self, column):
        if column not in self.columns:
            raise KeyError(column)
        return self._values[:, column]


class Column:
    """As pandas' Series of vectors: `[…]` goes by the index."""

    def __init__(self, values, index):
        self.values, self.index, self.iloc = list(values), list(index), None

    def to_numpy(self):
        return np.array(self.values)

    def __array__(self, dtype=None, copy=None):
        return self.to_numpy()

    def __len__(self):
        return len(self.values)

    def __iter__(self):
        return iter(self.values)

    def __getitem__(self, key):
        return self.values[self.index.index(key)]


class Growing:
    """A collection that is longer each time it is asked, and whose items have numbers."""

    length = 1

    def __len__(self):
        self.length += 1
        return self.length

    def __getitem__(self, key):
        if key > 100:
            raise IndexError(key)
        return [1.0, 2.0]


def quiet(make, *args, **kwargs):
    """Call a function of torch's that warns of being a prototype."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make(*args, **kwargs)


def fake():
    with FakeTensorMode():
        return torch.rand(4, 3)


@pytest.mark.parametrize(
    ("vectors", "labels"),
    [
        (ARRAY, "0123"),
        (ARRAY.astype(">f8"), "0123"),
        (ARRAY.astype(np.longdouble), "0123"),
        (ARRAY.astype(object), "0123"),
        (ARRAY[::-1][::-1], "0123"),
        (ARRAY.tolist(), "0123"),
        (list(MATRIX), "0123"),
        (tuple(ARRAY), "0123"),
        ([row.clone().requires_grad_() for row in MATRIX], "0123"),
        (nn.Embedding.from_pretrained(MATRIX), "0123"),
        (nn.EmbeddingBag.from_pretrained(MATRIX), "0123"),
        (nn.Parameter(MATRIX), "0123"),
        (MATRIX.to_sparse(), "0123"),
        (quiet(MATRIX.to_sparse_csr), "0123"),
        (scipy.sparse.csr_array(ARRAY), "0123"),
        (scipy.sparse.coo_matrix(ARRAY), "0123"),
        (list(scipy.sparse.csr_matrix(ARRAY)), "0123"),
        (quiet(torch.quantize_per_tensor, MATRIX, 0.5, 8, torch.quint8), "0123"),
        (dict(zip("abcd", MATRIX, strict=True)), "abcd"),
        (dict(zip("abcd", ARRAY.tolist(), strict=True)), "abcd"),
        (dict(zip("abcd", (Column(row, "xyz") for row in ARRAY), strict=True)), "abcd"),
        (dict(zip("abcd", map(scipy.sparse.csr_matrix, ARRAY), strict=True)), "abcd"),
        (KeyedVectors("abcd", ARRAY), "abcd"),
        (KeyedVectors([*"abcd", None, None], np.vstack([ARRAY, ARRAY[:2]])), "abcd"),
        (types.SimpleNamespace(wv=KeyedVectors("abcd", ARRAY)), "abcd"),
        (Table(ARRAY), "0123"),
        (Table(ARRAY, index="abcd"), "abcd"),
        (Column(ARRAY, "abcd"), "abcd"),
    ],
)
def test_vectors_in_any_form_give_the_same_matrix(vectors, labels):
    result = labeled(vectors)
    assert torch.equal(result.matrix.float(), MATRIX)
    assert result.labels == tuple(labels)
    view = dlviz.embedding(vectors, word=0)
    assert view.vectors.labels == tuple(labels)
    view.update(vectors)
    assert view.step == 1


def test_labels_may_be_a_column_an_array_or_a_tensor():
    for labels in (Column("wxyz", range(7, 11)), np.array([*"wxyz"]), iter("wxyz"), dict.fromkeys("wxyz")):
        assert labeled(Table(ARRAY, index="abcd"), labels).labels == tuple("wxyz")
    assert labeled(MATRIX, torch.tensor([4, 3, 2, 1])).labels == tuple("4321")


@pytest.mark.parametrize(
    ("vectors", "words"),
    [
        (KeyedVectors("ab", ARRAY), "one for each row, 4 of them, but got 2"),
        (Growing(), "but got Growing"),
        ({"a": None, "b": None}, "one is of type NoneType"),
        ({"a": "x", "b": "y"}, "one is of type str"),
        ({"a": [1.0], "b": [1.0, 2.0]}, r"all must have one shape, but got \(1,\), \(2,\)"),
        ({}, r"got shape \(0, 0\)"),
        ([[1, 2], [3]], r"all must have one shape, but got \(1,\), \(2,\)"),
        ([["a", "b"], ["c", "d"]], "must be a list of numbers"),
        (Table([[1, "x"], [2, "y"]], dtypes=[np.dtype(int), np.dtype(object)]), r"no numbers: 1\. Pass the others"),
        (Table([[1, None], [2, 3]]), "row 0 holds NaN"),
        (scipy.sparse.csr_array((20_000, 200_000)), r"more than 100,000,000 numbers.*TruncatedSVD"),
        (quiet(torch.sparse_coo_tensor, size=(20_000, 200_000)), "more than 100,000,000 numbers"),
        (torch.rand(4, 3, device="meta"), "a meta tensor, which holds no numbers"),
        (quiet(torch.nested.nested_tensor, [torch.rand(2, 3), torch.rand(4, 3)]), "a nested tensor"),
        (
            quiet(torch.nested.nested_tensor, [torch.rand(2, 3), torch.rand(4, 3)], layout=torch.jagged),
            "a nested tensor",
        ),
        (fake(), "is a fake tensor"),
        (MATRIX.double() * 1e300, r"row 0 holds 1e\+300, which is too large"),
        (b"hello", "but got bytes"),
        (None, "but got NoneType"),
        (nn.Linear(3, 4), "but got Linear"),
    ],
)
def test_anything_else_is_named_in_the_error(vectors, words):
    for call in (labeled, dlviz.embedding):
        with pytest.raises(DlvizError, match=words):
            call(vectors)


def test_labels_that_are_none_or_come_twice_are_named_in_the_error():
    with pytest.raises(DlvizError, match="labels must be a list with a label for each row, but got int"):
        labeled(MATRIX, 4)
    with pytest.raises(DlvizError, match="Vectors have theirs, as gensim's do"):
        labeled(KeyedVectors("abcd", ARRAY), "wxyz")


@pytest.mark.parametrize("factor", [1e-30, 1e30])
def test_large_and_small_numbers_give_the_same_neighbors_and_map(factor):
    plain = torch.randn(12, 4, generator=torch.Generator().manual_seed(0))
    scaled = labeled(plain * factor)
    for word in (0, 5):
        assert neighbors(scaled, word, 4).labels == neighbors(labeled(plain), word, 4).labels
        assert torch.allclose(neighbors(scaled, word).cosines, neighbors(labeled(plain), word).cosines, atol=1e-5)
    assert analogy(scaled, 0, 1, 2).neighbors.labels == analogy(labeled(plain), 0, 1, 2).neighbors.labels
    assert torch.allclose(axis(scaled, 0, 1), axis(labeled(plain), 0, 1), atol=1e-4)
    found, expected = pca(scaled.matrix), pca(plain)
    assert torch.allclose(found.coordinates / factor, expected.coordinates, atol=1e-4)
    assert torch.allclose(found.variance_ratio, expected.variance_ratio, atol=1e-4)
    rotation = torch.linalg.qr(torch.randn(2, 2, generator=torch.Generator().manual_seed(1)))[0]
    moved = found.coordinates @ rotation
    assert torch.allclose(align(moved, found.coordinates).rotation, rotation.T, atol=1e-4)
    item = similarity(scaled, 0, 1)
    assert item.dot.item() == pytest.approx((plain[0].double() @ plain[1].double()).item() * factor**2, rel=1e-4)
    assert item.norms.tolist() == pytest.approx((plain[:2].double().norm(dim=1) * factor).tolist(), rel=1e-4)


@pytest.mark.parametrize("settings", [{}, {"dimensions": 3}, {"axis": (0, 1)}, {"method": "tsne"}])
def test_pages_and_pictures_of_large_numbers_are_written(settings):
    view = dlviz.embedding(torch.randn(12, 4) * 1e30, word=0, analogy=(0, 1, 2), **settings)
    view.update(torch.randn(12, 4) * 1e30)
    for normalize in (False, True):
        view.normalize = normalize
        assert "NaN" not in view._still()
        assert "inf" not in view._still().replace("info", "")
        view.to_html()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"analogy": 3}, "analogy must be a list of 3 words or rows, but got 3"),
        ({"analogy": "abc"}, "analogy must be a list of 3 words or rows, but got 'abc'"),
        ({"axis": 1.5}, "axis must be a list of 2 words or rows, but got 1.5"),
        ({"word": [1]}, r"There is no word \[1\]"),
        ({"word": 1.5}, "There is no word 1.5"),
        ({"theme": "pink"}, "theme must be"),
        ({"method": None}, "method must be"),
    ],
)
def test_odd_arguments_are_named_in_the_error(arguments, words):
    with pytest.raises(DlvizError, match=words):
        dlviz.embedding(MATRIX, **arguments)


def test_rows_may_be_numbers_of_numpy_and_questions_arrays():
    view = dlviz.embedding(MATRIX, word=np.int64(2), analogy=np.array([0, 1, 2]), axis=np.array([0, 3]))
    assert (view.word, view.analogy, view.axis) == (2, [0, 1, 2], [0, 3])
