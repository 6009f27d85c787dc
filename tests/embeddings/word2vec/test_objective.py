"""The gradients by hand are autograd's, in all four objectives."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from dlviz.embeddings import negative_sampling, softmax
from dlviz.embeddings.word2vec.objective import max_gradient_error

SEEDS = range(25)


def case(seed, kind):
    """Random matrices and examples; of CBOW some places are empty, and words may stand there twice."""
    random = torch.Generator().manual_seed(seed)
    words, size, batch = 3 + seed % 9, 1 + seed % 6, 1 + seed % 4
    w, u = (torch.randn(words, size, generator=random, dtype=torch.float64, requires_grad=True) for _ in range(2))
    places = 1 if kind == "skip-gram" else 4
    inputs = torch.randint(words, (batch, places), generator=random)
    if kind == "cbow":
        inputs[:, 2:][torch.rand(batch, 2, generator=random) < 0.5] = -1
    targets = torch.randint(words, (batch,), generator=random)
    drawn = torch.randint(words, (batch, 5), generator=random)  # among them the target, and some twice
    return w, u, inputs, targets, drawn


def hidden(w, inputs):
    return torch.stack([w[row[row >= 0]].mean(0) for row in inputs])


@pytest.mark.parametrize("kind", ["skip-gram", "cbow"])
@pytest.mark.parametrize("seed", SEEDS)
def test_softmax_gradients_equal_autograds(kind, seed):
    w, u, inputs, targets, _ = case(seed, kind)
    losses = F.cross_entropy(hidden(w, inputs) @ u.T, targets, reduction="none")
    losses.sum().backward()
    seen = softmax(w.detach(), u.detach(), inputs, targets)
    assert (seen.loss - losses.detach()).abs().max() < 1e-10
    for mine, given in zip(seen.gradients(len(w)), (w.grad, u.grad), strict=True):
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
    seen = negative_sampling(w.detach(), u.detach(), inputs, targets, drawn)
    assert (seen.loss - losses.detach()).abs().max() < 1e-10
    for mine, given in zip(seen.gradients(len(w)), (w.grad, u.grad), strict=True):
        assert (mine - given).abs().max() < 1e-10


def test_probabilities_are_shares_of_one_and_errors_are_what_is_missing():
    w, u, inputs, targets, drawn = case(7, "cbow")
    seen = softmax(w.detach(), u.detach(), inputs, targets)
    assert torch.allclose(seen.probs.sum(1), torch.ones(len(inputs), dtype=torch.float64))
    assert torch.equal(seen.truth.argmax(1), targets)
    other = negative_sampling(w.detach(), u.detach(), inputs, targets, drawn)
    assert torch.equal(other.candidates, torch.cat((targets[:, None], drawn), 1))
    assert (other.errors[:, 0] < 0).all()
    assert (other.errors[:, 1:] > 0).all()


def test_scores_of_a_thousand_stay_finite():
    w = torch.full((3, 1), 1000.0)
    u = torch.tensor([[1.0], [-1.0], [0.0]])
    one = torch.tensor([[0]])
    assert softmax(w, u, one, torch.tensor([1])).loss.item() == 2000
    assert negative_sampling(w, u, one, torch.tensor([1]), torch.tensor([[0]])).loss.item() == 2000


@pytest.mark.parametrize("seed", range(5))
def test_the_gap_to_autograd_is_told_and_a_wrong_error_opens_it(seed):
    w, u, inputs, targets, drawn = (one.detach() for one in case(seed, "cbow"))
    for name, seen in (
        ("softmax", softmax(w, u, inputs, targets)),
        ("negative", negative_sampling(w, u, inputs, targets, drawn)),
    ):
        assert max_gradient_error(w, u, seen, name) < 1e-10
        wrong = replace(seen, errors=seen.errors * 1.01)
        assert max_gradient_error(w, u, wrong, name) > 1e-6
