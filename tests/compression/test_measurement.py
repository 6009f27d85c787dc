"""Sizes are those of saved files; timings alternate between the models; what an evaluation may return, and what not."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from dlviz.compression import Call, Latency, compressed, evaluate_model, latencies, record, size
from dlviz.compression.record import Settings
from dlviz.kit.errors import DlvizError
from tests.compression.models import classifier, points


def test_the_size_is_that_of_the_saved_state_dict(tmp_path):
    net = classifier()
    torch.save(net.state_dict(), tmp_path / "archive.pt")
    assert size(net).disk == (tmp_path / "archive.pt").stat().st_size
    assert size(net).zipped < size(net).disk


def test_zeros_take_as_many_bytes_and_zip_well_and_integers_take_fewer():
    net = nn.Linear(100, 100)
    pruned, rounded = (compressed(net, plan) for plan in (Settings(0.9), Settings(quantize="int8 weights")))
    assert size(pruned).disk == size(net).disk
    assert size(pruned).zipped < 0.5 * size(net).zipped
    assert size(rounded).disk < 0.4 * size(net).disk


class Noted(nn.Module):
    """A model that notes who was called and how."""

    def __init__(self, name, notes):
        super().__init__()
        self.name, self.notes = name, notes

    def forward(self, x, *, scale=1):
        self.notes.append((self.name, self.training, torch.is_grad_enabled(), len(x), scale))
        return scale * x


def test_arguments_that_a_model_overwrites_stay_as_they_were():
    x, scale = torch.tensor([[-1.0, 2.0]]), torch.ones(1)
    latencies([nn.ReLU(inplace=True)], Call((x,)))
    latencies([Doubled()], Call((), {"scale": scale}))
    assert x.tolist() == [[-1.0, 2.0]]
    assert scale.tolist() == [1.0]


class Doubled(nn.Module):
    def forward(self, scale):
        return scale.mul_(2)


def test_timings_alternate_between_models_that_run_as_they_are_shipped():
    notes = []
    one, other = Noted("a", notes), Noted("b", notes)
    first, second = latencies([one, other], Call((torch.zeros(7, 2),), {"scale": 3}))
    assert {note[1:] for note in notes} == {(False, False, 7, 3)}
    assert one.training
    order = "".join(note[0] for note in notes)
    assert len([1 for left, right in pairwise(order) if left != right]) >= 2 * first.rounds - 1
    assert first.rounds == second.rounds >= 5
    assert first.batch == 7
    assert first.threads == torch.get_num_threads()
    assert 0 < first.q25 <= first.median <= first.q75


def test_timings_overlap_if_their_quartiles_do():
    def timed(low, high):
        return Latency((low + high) / 2, low, high, 9, 1, None)

    assert timed(1, 3).overlaps(timed(2, 4))
    assert timed(2, 4).overlaps(timed(1, 3))
    assert not timed(1, 2).overlaps(timed(3, 4))
    assert not timed(3, 4).overlaps(timed(1, 2))


@pytest.mark.parametrize(
    "score", [0.5, 3, np.float32(0.25), torch.tensor(0.75), torch.tensor([2.0]), float("nan")], ids=repr
)
def test_a_number_is_the_score(score):
    net, (x, _) = classifier(), points()
    found = evaluate_model(net, lambda net: (net(x), score)[1])
    assert found.score == float(score) or found.score != found.score
    assert found.recall is None
    assert found.call.args[0] is x


def test_predictions_scores_arrays_and_names_give_one_accuracy():
    net, (x, labels) = classifier().eval(), points()
    with torch.no_grad():
        preds = net(x).argmax(1)
    names = ["ant", "bee", "cat"]
    ways = [
        lambda net: (net(x), labels),
        lambda net: (net(x).argmax(1), labels),
        lambda net: (net(x).argmax(1).numpy(), labels.tolist()),
        lambda net: ([names[k] for k in net(x).argmax(1)], [names[k] for k in labels]),
    ]
    for way in ways:
        found = evaluate_model(net, way)
        assert found.score == float((preds == labels).double().mean())
        for k in range(3):
            assert float(found.recall[k]) == float((preds[labels == k] == k).double().mean())
        assert found.counts.tolist() == [20, 20, 20]
    assert found.classes == ("ant", "bee", "cat")


def test_an_evaluation_runs_in_eval_mode_without_gradients_and_random_numbers_are_restored():
    net, (x, _) = classifier().train(), points()
    before = torch.get_rng_state()

    def evaluate(model):
        assert not model[3].training
        assert not torch.is_grad_enabled()
        torch.rand(1)
        return float(model(x).mean())

    evaluate_model(net, evaluate)
    assert net.training
    assert torch.equal(torch.get_rng_state(), before)
    assert not net._forward_pre_hooks


def test_the_first_call_of_the_model_is_timed_and_parts_alone_are_none():
    net, (x, _) = classifier(), points()
    assert evaluate_model(net, lambda net: (net[0](x), net(x[:9]), net(x), 1.0)[-1]).call.batch == 9
    assert evaluate_model(net, lambda net: float(net[0](x).mean())).call is None
    assert record(net, lambda net: float(net[0](x).mean())).latency is None


@pytest.mark.parametrize(
    ("evaluate", "says"),
    [
        (lambda net: 0.5, "did not call the model that it is given"),
        (lambda net: net(torch.zeros(1)), "evaluate raises for the model that it is given: RuntimeError"),
        (lambda net: net(torch.zeros(2, 6)), r"\(preds, labels\), but returned a tensor of shape \(2, 3\)"),
        (lambda net: (net(torch.zeros(2, 6)), "none")[1], "but returned str"),
        (lambda net: (net(torch.zeros(2, 6)), [0, 1, 2]), r"shapes \(2,\) and \(3,\)"),
        (lambda net: (net(torch.zeros(2, 6)), [0, -1]), "one is -1"),
        (lambda net: (net(torch.zeros(2, 6)), [0.5, 1]), "whole labels"),
    ],
)
def test_an_evaluation_that_does_not_fit_is_refused(evaluate, says):
    net = classifier()
    with pytest.raises(DlvizError, match=says):
        evaluate_model(net, evaluate)
    assert not net._forward_pre_hooks
    assert not net[0]._forward_pre_hooks
