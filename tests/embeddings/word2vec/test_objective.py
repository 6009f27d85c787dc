"""The gradients computed by hand equal autograd's for all four objectives."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from dlviz.embeddings import negative_sampling, softmax
from dlviz.embeddings.word2vec.objective import max_gradient_error

SEEDS = range(25)


def case(seed, kind):
    """Random matrices and examples; for CBOW some inputs are padding, and a word may occur twice."""
    random = torch.Generator().manual_seed(seed)
    words, size, batch = 3 + seed % 9, 1 + seed % 6, 1 + seed % 4
    w, u = (torch.randn(words, size, generator=random, dtype=torch.float64, requires_grad=True) for _ in range(2))
    places = 1 if kind == "skip-gram" else 4
    inputs = torch.randint(words, (batch, places), generator=random)
    if kind == "cbow":
        inputs[:, 2:][torch.rand(batch, 2, generator=random) < 0.5] = -1
    targets = torch.randint(words, (batch,), generator=random)
    drawn = torch.randint(words, (batch, 5), generator=random)  # may contain the target, and words twice
    return w, u, inputs, targets, drawn


def hidden(w, inputs):
    return torch.stack([w[row[row >= 0]].mean(0) for row in inputs])


@pytest.mark.parametrize("kind", ["skip-gram", "cbow"])
@pytest.mark.parametrize("seed", SEEDS)
def test_softmax_gradients_equal_autograds(kind, seed):
    w, u, inputs, targets, _ = case(seed, kind)
    losses = F.cross_entropy(hidden(w, inputs) @ u.T, targets, reduction="none")
    losses.sum().backward()
    passed = softmax(w.detach(), u.detach(), inputs, targets)
    assert (passed.loss - losses.detach()).abs().max() < 1e-10
    for mine, given in zip(passed.gradients(len(w)), (w.grad, u.grad), strict=True):
        assert (mine - given).abs().max() < 1e-10


@pytest.mark.parametrize("kind", ["skip-gram", "cbow"])
@pytest.mark.parametrize("seed", SEEDS)
def test_negative_sampling_gradients_equal_autograds(kind, seed):
    w, u, inputs, targets, drawn = case(seed, kind)
    h = hidden(w, inputs)
    right = F.logsigmoid((u[targets] * h).sum(1))
    wrong = F.logsigmoid(-(u[drawn] @ h.unsqueeze(2)).squeeze(2)).sum(1)
    losses = -(right + wrong)
    losses.sum().backward()
    passed = negative_sampling(w.detach(), u.detach(), inputs, targets, drawn)
    assert (passed.loss - losses.detach()).abs().max() < 1e-10
    for mine, given in zip(passed.gradients(len(w)), (w.grad, u.grad), strict=True):
        assert (mine - given).abs().max() < 1e-10


def test_probabilities_sum_to_one_and_errors_are_probability_minus_truth():
    w, u, inputs, targets, drawn = case(7, "cbow")
    passed = softmax(w.detach(), u.detach(), inputs, targets)
    assert torch.allclose(passed.probs.sum(1), torch.ones(len(inputs), dtype=torch.float64))
    assert torch.equal(passed.truth.argmax(1), targets)
    other = negative_sampling(w.detach(), u.detach(), inputs, targets, drawn)
    assert torch.equal(other.candidates, torch.cat((targets[:, None], drawn), 1))
    assert (other.errors[:, 0] < 0).all()
    assert (other.errors[:, 1:] > 0).all()


def test_losses_are_finite_for_scores_of_a_thousand():
    w = torch.full((3, 1), 1000.0)
    u = torch.tensor([[1.0], [-1.0], [0.0]])
    one = torch.tensor([[0]])
    assert softmax(w, u, one, torch.tensor([1])).loss.item() == 2000
    assert negative_sampling(w, u, one, torch.tensor([1]), torch.tensor([[0]])).loss.item() == 2000


@pytest.mark.parametrize("seed", range(5))
def test_max_gradient_error_is_small_and_detects_a_wrong_error(seed):
    w, u, inputs, targets, drawn = (one.detach() for one in case(seed, "cbow"))
    for name, passed in (
        ("softmax", softmax(w, u, inputs, targets)),
        ("negative", negative_sampling(w, u, inputs, targets, drawn)),
    ):
        assert max_gradient_error(w, u, passed, name) < 1e-10
        wrong = replace(passed, errors=passed.errors * 1.01)
        assert max_gradient_error(w, u, wrong, name) > 1e-6
