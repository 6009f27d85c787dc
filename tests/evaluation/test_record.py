"""The matrix, its figures, losses and probabilities, against scikit-learn's and torch's own over many random cases."""

import pytest
import torch
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
from torch.nn import functional as F

import dlviz
from dlviz.evaluation import confusion_matrix as counts_of
from dlviz.evaluation import count_unclassified, f1, members, mistakes, precision, recall, score_examples
from dlviz.evaluation.record import kind_of


def case(seed: int):
    """Random scores of one of the kinds, and targets; some classes do not occur or are never predicted."""
    made = torch.Generator().manual_seed(seed)
    classes = int(torch.randint(2, 40, (1,), generator=made))
    count = int(torch.randint(1, 300, (1,), generator=made))
    dtype = (torch.float32, torch.float64)[seed % 2]
    scores = 3 * torch.randn(count, classes, generator=made, dtype=dtype)
    targets = torch.randint(0, max(1, classes - seed % 3), (count,), generator=made)
    return scores, targets, classes


@pytest.mark.parametrize("start", range(0, 300, 50))
def test_matrix_and_figures_are_scikit_learns(start):
    for seed in range(start, start + 50):
        scores, targets, classes = case(seed)
        found = score_examples(scores, targets, classes)
        preds = scores.argmax(1)
        labels = range(classes)
        counts, unclassified = counts_of(found), count_unclassified(found)
        assert counts.tolist() == confusion_matrix(targets, preds, labels=labels).tolist()
        assert counts.dtype is torch.int64
        p, r, f, _ = precision_recall_fscore_support(targets, preds, labels=labels, zero_division=float("nan"))
        for ours, theirs in ((precision(counts), p), (recall(counts, unclassified), r), (f1(counts, unclassified), f)):
            assert torch.allclose(ours, torch.from_numpy(theirs), rtol=0, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize("start", range(0, 200, 50))
def test_losses_are_cross_entropy_whether_logits_or_probabilities_are_passed(start):
    for seed in range(start, start + 50):
        scores, targets, classes = case(seed)
        each = F.cross_entropy(scores, targets, reduction="none")
        found = score_examples(scores, targets, classes)
        assert found.kind == "logits"
        assert torch.equal(found.losses, each)
        assert found.loss == pytest.approx(F.cross_entropy(scores.double(), targets).item(), rel=1e-5)
        same = score_examples(scores.softmax(1), targets, classes)
        assert same.kind == "probabilities"
        assert torch.allclose(same.losses, each, rtol=1e-3, atol=1e-5)
        assert torch.equal(same.predictions, found.predictions)
        assert torch.allclose(found.confidence, scores.softmax(1).amax(1))
        assert torch.allclose(found.probs[:, 0].to(scores.dtype), scores.softmax(1).amax(1), atol=1e-6)


def test_one_logit_of_two_classes_is_binary_cross_entropy():
    for seed in range(100):
        made = torch.Generator().manual_seed(seed)
        z = 4 * torch.randn(50, generator=made)
        y = torch.randint(0, 2, (50,), generator=made)
        found = score_examples(z, y, 2)
        each = F.binary_cross_entropy_with_logits(z, y.float(), reduction="none")
        assert torch.allclose(found.losses, each, rtol=1e-5, atol=1e-6)
        assert torch.equal(found.predictions.long(), (z > 0).long())
        assert torch.allclose(found.confidence, torch.where(z > 0, z.sigmoid(), 1 - z.sigmoid()), atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_read(dtype):
    scores, targets, classes = case(4)
    found = score_examples(scores.to(dtype), targets, classes)
    assert torch.equal(found.losses, F.cross_entropy(scores.to(dtype).float(), targets, reduction="none"))
    assert kind_of(scores.softmax(1).to(dtype)) == "probabilities"


def test_many_rows_are_read_in_pieces_to_the_same_end(monkeypatch):
    scores, targets, classes = case(8)
    whole = score_examples(scores, targets, classes)
    monkeypatch.setattr("dlviz.evaluation.record._CHUNK", 3 * classes)
    pieces = score_examples(scores, targets, classes)
    assert torch.equal(whole.losses, pieces.losses)
    assert torch.equal(whole.top_classes, pieces.top_classes)
    # The rows before the last are probabilities, but not the last one.
    assert kind_of(torch.cat((scores.softmax(1), scores[:1]))) == "logits"


def test_mistakes_come_worst_first_and_cells_surest_first():
    for seed in range(50):
        scores, targets, classes = case(seed)
        found = score_examples(scores, targets, classes)
        order = mistakes(found)
        wrong = (scores.argmax(1) != targets).nonzero().squeeze(1)
        assert sorted(order.tolist()) == wrong.tolist()
        losses = F.cross_entropy(scores, targets, reduction="none")[order]
        assert bool((losses.diff() <= 0).all())
        for true, pred in {(int(targets[k]), int(scores[k].argmax())) for k in range(min(10, len(targets)))}:
            inside = members(found, true, pred)
            assert sorted(inside.tolist()) == [
                k for k in range(len(targets)) if targets[k] == true and scores[k].argmax() == pred
            ]
            assert bool((scores.softmax(1).amax(1)[inside].diff() <= 1e-7).all())


def test_a_nan_is_no_prediction_and_is_the_worst_mistake():
    scores, targets, classes = case(3)
    scores[[2, 7], [0, 1]] = torch.nan
    scores[9] = torch.nan
    found = score_examples(scores, targets, classes)
    assert found.predictions[[2, 7, 9]].tolist() == [-1, -1, -1]
    assert set(mistakes(found)[:3].tolist()) == {2, 7, 9}
    assert found.loss != found.loss
    assert int(count_unclassified(found).sum()) == 3
    assert int(counts_of(found).sum()) == len(targets) - 3


def test_what_a_nan_left_unclassified_lowers_the_recall_of_its_class():
    scores = torch.eye(2)[[0, 0, 0, 1]]
    scores[0] = torch.nan
    found = score_examples(scores, torch.tensor([0, 0, 1, 1]), 2)
    counts, unclassified = counts_of(found), count_unclassified(found)
    assert (counts.tolist(), unclassified.tolist()) == ([[1, 0], [1, 1]], [1, 0])
    assert recall(counts, unclassified).tolist() == [0.5, 0.5]
    assert precision(counts).tolist() == [0.5, 1.0]
    # Of class 0: one found, one wrongly so, one unclassified.
    assert f1(counts, unclassified).tolist() == pytest.approx([2 / 4, 2 / 3])


def test_infinite_logits_are_torchs():
    scores = torch.tensor([[0.0, -torch.inf, 1.0], [torch.inf, 0.0, 0.0], [0.0, -torch.inf, 2.0]])
    targets = torch.tensor([1, 0, 2])
    found = score_examples(scores, targets, 3)
    each = F.cross_entropy(scores, targets, reduction="none")
    assert torch.allclose(found.losses, each, equal_nan=True)
    assert found.losses[0] == torch.inf
    assert found.predictions.tolist() == [2, 0, 2]
    assert mistakes(found).tolist() == [0]


def test_predictions_alone_keep_the_datas_order():
    view = dlviz.confusion(torch.tensor([1, 0, 2, 0, 1]), torch.tensor([0, 0, 1, 2, 1]))
    assert view.matrix.tolist() == [[1, 1, 0], [0, 1, 1], [1, 0, 0]]
    assert view.worst.tolist() == [0, 2, 3]
    assert view.loss is None
    assert any("order of the data" in note["text"] for note in view.scene["notes"])
