"""Widgets that are closed keep nothing, even where a notebook's history keeps the widgets themselves."""

import gc

import pytest
import torch
from torch import nn

import dlviz

DATA = dlviz.data.sentences(60)
WORDS = len(dlviz.embeddings.vocabulary(DATA.tokens).words)


def shown_embedding():
    view = dlviz.embedding(torch.randn(50, 8), word=3, analogy=(1, 2, 3), method="tsne")
    view.update(torch.randn(50, 8))
    view.method, view.normalize, view.dimensions = "pca", True, 3
    view.axis = [1, 2]
    return view


def trained_word2vec():
    view = dlviz.word2vec(DATA)
    view.run(300)
    view._handle_custom_msg({"kind": "drawn", "from": "page", "update": 0}, [])
    view.run(20)
    view.step, view.axes, view.lr = 150, "fixed", 0.2
    return view


def recorded_word2vec():
    net = nn.Sequential(nn.EmbeddingBag(WORDS, 4), nn.Linear(4, WORDS, bias=False))
    view = dlviz.word2vec(DATA, kind="cbow", loss="softmax", model=net)
    for _ in range(5):
        view.update(1.0)
    return view


def tensors():
    gc.collect()
    return sum(issubclass(type(one), torch.Tensor) for one in gc.get_objects())


@pytest.mark.parametrize("make", [shown_embedding, trained_word2vec, recorded_word2vec])
def test_a_closed_widget_keeps_no_tensor_no_words_and_no_picture(make):
    make().close()  # caches that all widgets share are filled
    before, closed = tensors(), []
    for _ in range(2):
        view = make()
        view._still()
        view.to_html()
        view.close()
        closed.append(view)
    assert tensors() <= before  # fewer: what an earlier test had left is freed
    for view in closed:
        held = [value for value in vars(view).values() if isinstance(value, (tuple, list))]
        assert not any("the" in value or len(value) > 20 for value in held)
        assert view.scene == {}
        assert repr(view).endswith("(closed)")


@pytest.mark.parametrize("make", [shown_embedding, trained_word2vec, recorded_word2vec])
def test_a_widget_that_nobody_holds_is_freed_once_it_is_closed(make):
    make().close()
    before = tensors()
    for _ in range(2):
        view = make()
        view.close()
        del view
    assert tensors() <= before  # fewer: what an earlier test had left is freed
