"""The path of integrated gradients: its scores and gradients are torch's, and its running sum ends at the map's sum."""

import copy

import numpy as np
import pytest
import torch

from dlviz.attribution import integrated_gradients, integration_path, score_function
from tests.attribution import by_hand
from tests.attribution.nets import ImageNet, RowNet, TokenNet

EXACT = {"rtol": 0, "atol": 1e-10}


@pytest.mark.parametrize("kind", [ImageNet, RowNet, TokenNet])
def test_the_path_holds_what_torch_computes_at_each_alpha(kind):
    net = kind(3)
    x = net.inputs(2)
    twin = copy.deepcopy(net).eval()
    scores = twin.from_embeddings if kind is TokenNet else twin
    point = twin.embedding(x).detach()[1:] if kind is TokenNet else x[1:]
    base = torch.full_like(point, 0.5)
    score = score_function(net, x, 0, baseline=0.5)
    path = integration_path(score, 1, 6)
    nodes, weights = np.polynomial.legendre.leggauss(6)
    for k in range(6):
        here = base + (nodes[k] + 1) / 2 * (point - base)
        torch.testing.assert_close(path.gradients[k : k + 1], by_hand.gradient(scores, here, 0), **EXACT)
        with torch.no_grad():
            torch.testing.assert_close(path.scores[k], scores(here.clone())[0, 0], **EXACT)
        torch.testing.assert_close(path.weights[k], torch.tensor(weights[k] / 2), **EXACT)
        # Up to here the map of integrated gradients would be this.
        partial = sum(weights[j] / 2 * path.gradients[j] * (point - base)[0] for j in range(k + 1))
        torch.testing.assert_close(path.running[k], partial.sum(), **EXACT)
    made = integrated_gradients(score, 6)
    torch.testing.assert_close(path.mean_gradient * path.difference, made.values[1], **EXACT)
    torch.testing.assert_close(path.running[-1], made.sum[1], **EXACT)
    assert path.expected == pytest.approx(float(made.expected_sum[1]), abs=1e-10)
    with torch.no_grad():
        assert path.start == pytest.approx(float(scores(base.clone())[0, 0]), abs=1e-10)
        assert path.end == pytest.approx(float(scores(point.clone())[0, 0]), abs=1e-10)


def test_gradients_are_kept_until_they_are_too_many(monkeypatch):
    net = RowNet(0)
    score = score_function(net, net.inputs(2), 0)
    calls = []
    monkeypatch.setattr(
        score, "gradients", lambda points, index: calls.append(index) or type(score).gradients(score, points, index)
    )
    made = integrated_gradients(score, 4)
    first = integration_path(score, 0, 4)
    assert calls == [0, 1]
    torch.testing.assert_close(first.mean_gradient * first.difference, made.values[0], **EXACT)
    monkeypatch.setattr("dlviz.attribution.score._KEPT_NUMBERS", 1)
    integration_path(score, 1, 5)
    assert calls == [0, 1, 1]
    again = integration_path(score, 0, 4)
    assert calls == [0, 1, 1, 0]
    assert torch.equal(again.gradients, first.gradients)
