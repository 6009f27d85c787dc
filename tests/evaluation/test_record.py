"""Counts, recall, precision, losses and probabilities against scikit-learn and torch on random inputs."""

import pytest
import torch
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
from torch.nn import functional as F

import dlviz
from dlviz.evaluation import confusion_matrix as counts_of
from dlviz.evaluation import count_unclassified, f1, members, mistakes, precision, recall, score_examples
from dlviz.evaluation.record import kind_of


def case(seed: int):
    """Return random scores, targets and the number of classes; some classes do not occur or are never predicted."""
    generator = torch.Generator().manual_seed(seed)
    classes = int(torch.randint(2, 40, (1,), generator=generator))
    count = int(torch.randint(1, 300, (1,), generator=generator))
    dtype = (torch.float32, torch.float64)[seed % 2]
    scores = 3 * torch.randn(count, classes, generator=generator, dtype=dtype)
    targets = torch.randint(0, max(1, classes - seed % 3), (count,), generator=generator)
    return scores, targets, classes


@pytest.mark.parametrize("start", range(0, 300, 50))
def test_matrix_recall_precision_and_f1_are_scikit_learns(start):
    for seed in range(start, start + 50):
        scores, targets, classes = case(seed)
        scored = score_examples(scores, targets, classes)
        preds = scores.argmax(1)
        labels = range(classes)
        counts, unclassified = counts_of(scored), count_unclassified(scored)
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
        scored = score_examples(scores, targets, classes)
        assert scored.kind == "logits"
        assert torch.equal(scored.losses, each)
        assert scored.loss == pytest.approx(F.cross_entropy(scores.double(), targets).item(), rel=1e-5)
        same = score_examples(scores.softmax(1), targets, classes)
        assert same.kind == "probabilities"
        assert torch.allclose(same.losses, each, rtol=1e-3, atol=1e-5)
        assert torch.equal(same.predictions, scored.predictions)
        assert torch.allclose(scored.confidence, scores.softmax(1).amax(1))
        assert torch.allclose(scored.probs[:, 0].to(scores.dtype), scores.softmax(1).amax(1), atol=1e-6)


def test_one_logit_of_two_classes_is_binary_cross_entropy():
    for seed in range(100):
        generator = torch.Generator().manual_seed(seed)
        z = 4 * torch.randn(50, generator=generator)
        y = torch.randint(0, 2, (50,), generator=generator)
        scored = score_examples(z, y, 2)
        each = F.binary_cross_entropy_with_logits(z, y.float(), reduction="none")
        assert torch.allclose(scored.losses, each, rtol=1e-5, atol=1e-6)
        assert torch.equal(scored.predictions.long(), (z > 0).long())
        assert torch.allclose(scored.confidence, torch.where(z > 0, z.sigmoid(), 1 - z.sigmoid()), atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_read(dtype):
    scores, targets, classes = case(4)
    scored = score_examples(scores.to(dtype), targets, classes)
    assert torch.equal(scored.losses, F.cross_entropy(scores.to(dtype).float(), targets, reduction="none"))
    assert kind_of(scores.softmax(1).to(dtype)) == "probabilities"


def test_reading_scores_in_chunks_gives_the_same_result(monkeypatch):
    scores, targets, classes = case(8)
    whole = score_examples(scores, targets, classes)
    monkeypatch.setattr("dlviz.evaluation.record._CHUNK", 3 * classes)
    chunked = score_examples(scores, targets, classes)
    assert torch.equal(whole.losses, chunked.losses)
    assert torch.equal(whole.top_classes, chunked.top_classes)
    # The rows before the last are probabilities, but not the last one.
    assert kind_of(torch.cat((scores.softmax(1), scores[:1]))) == "logits"


def test_mistakes_are_sorted_by_loss_and_cells_by_confidence():
    for seed in range(50):
        scores, targets, classes = case(seed)
        scored = score_examples(scores, targets, classes)
        order = mistakes(scored)
        wrong = (scores.argmax(1) != targets).nonzero().squeeze(1)
        assert sorted(order.tolist()) == wrong.tolist()
        losses = F.cross_entropy(scores, targets, reduction="none")[order]
        assert bool((losses.diff() <= 0).all())
        for true, pred in {(int(targets[k]), int(scores[k].argmax())) for k in range(min(10, len(targets)))}:
            inside = members(scored, true, pred)
            assert sorted(inside.tolist()) == [
                k for k in range(len(targets)) if targets[k] == true and scores[k].argmax() == pred
            ]
            assert bool((scores.softmax(1).amax(1)[inside].diff() <= 1e-7).all())


def test_an_example_with_a_nan_has_no_prediction_and_is_the_worst_mistake():
    scores, targets, classes = case(3)
    scores[[2, 7], [0, 1]] = torch.nan
    scores[9] = torch.nan
    scored = score_examples(scores, targets, classes)
    assert scored.predictions[[2, 7, 9]].tolist() == [-1, -1, -1]
    assert set(mistakes(scored)[:3].tolist()) == {2, 7, 9}
    assert scored.loss != scored.loss
    assert int(count_unclassified(scored).sum()) == 3
    assert int(counts_of(scored).sum()) == len(targets) - 3


def test_unclassified_examples_lower_the_recall_of_their_class():
    scores = torch.eye(2)[[0, 0, 0, 1]]
    scores[0] = torch.nan
    scored = score_examples(scores, torch.tensor([0, 0, 1, 1]), 2)
    counts, unclassified = counts_of(scored), count_unclassified(scored)
    assert (counts.tolist(), unclassified.tolist()) == ([[1, 0], [1, 1]], [1, 0])
    assert recall(counts, unclassified).tolist() == [0.5, 0.5]
    assert precision(counts).tolist() == [0.5, 1.0]
    # Class 0 has one true positive, one false positive and one unclassified example.
    assert f1(counts, unclassified).tolist() == pytest.approx([2 / 4, 2 / 3])


def test_losses_of_infinite_logits_are_torchs():
    scores = torch.tensor([[0.0, -torch.inf, 1.0], [torch.inf, 0.0, 0.0], [0.0, -torch.inf, 2.0]])
    targets = torch.tensor([1, 0, 2])
    scored = score_examples(scores, targets, 3)
    each = F.cross_entropy(scores, targets, reduction="none")
    assert torch.allclose(scored.losses, each, equal_nan=True)
    assert scored.losses[0] == torch.inf
    assert scored.predictions.tolist() == [2, 0, 2]
    assert mistakes(scored).tolist() == [0]


def test_mistakes_of_predictions_without_scores_are_in_the_order_of_the_data():
    view = dlviz.confusion(torch.tensor([1, 0, 2, 0, 1]), torch.tensor([0, 0, 1, 2, 1]))
    assert view.matrix.tolist() == [[1, 1, 0], [0, 1, 1], [1, 0, 0]]
    assert view.worst.tolist() == [0, 2, 3]
    assert view.loss is None
    assert any("order of the data" in note["text"] for note in view.scene["notes"])
