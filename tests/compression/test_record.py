"""A trial holds what torch computes for the compressed copy, and the original stays as it was."""

import copy
import warnings

import pytest
import torch
from torch import nn

from dlviz.compression import (
    Settings,
    add_masks,
    compressed,
    distill,
    evaluate_model,
    make_permanent,
    quantize_int8,
    record,
)
from dlviz.compression.record import BINS
from dlviz.kit.errors import DlvizError
from dlviz.torchkit.model_copies import GeneratorStates
from tests.compression.models import classifier, evaluation, points

PLANS = [
    Settings(),
    Settings(0.5),
    Settings(0.5, "layer"),
    Settings(0.5, structured=True),
    Settings(0.3, quantize="int8 weights"),
    Settings(quantize="int8 dynamic"),
]


@pytest.mark.parametrize("plan", PLANS, ids=str)
def test_a_trial_is_what_the_compressed_copy_does(plan):
    net, (x, labels) = classifier().train(), points()
    state = copy.deepcopy(net.state_dict())
    trial = record(net, evaluation(), settings=plan)
    by_hand = copy.deepcopy(net).eval()
    if plan.amount:
        make_permanent(add_masks(by_hand, plan.amount, scope=plan.scope, structured=plan.structured))
    dense = [by_hand[k].weight.detach().clone() for k in (0, 4)]
    made = compressed(net, plan)
    with torch.no_grad():
        if plan.quantize == "none":
            assert torch.equal(made(x), by_hand(x))
        preds = made(x).argmax(1)
    assert trial.score == float((preds == labels).double().mean())
    assert net.training
    assert all(torch.equal(tensor, state[name]) for name, tensor in net.state_dict().items())
    for layer, weight, original in zip(trial.layers, dense, (net[0].weight, net[4].weight), strict=True):
        after = quantize_int8(weight).dequantize() if plan.quantize != "none" else weight
        kept = after != 0
        assert (layer.zeros, layer.count) == (int((~kept).sum()), original.numel())
        assert layer.quantized == (plan.quantize != "none")
        assert layer.error == float((after - original.detach())[kept].abs().max())
        bound = layer.limit
        assert layer.before.tolist() == torch.histc(original.detach(), BINS, -bound, bound).tolist()
        assert layer.after.tolist() == torch.histc(after[kept], BINS, -bound, bound).tolist()
    assert trial.nonzero == trial.parameters - sum(layer.zeros for layer in trial.layers) - int(
        sum((p == 0).sum() for p in net.parameters() if p.dim() == 1)
    )


def test_only_modules_are_recorded():
    with pytest.raises(DlvizError, match=r"net must be an nn\.Module, but got function"):
        record(lambda x: x, evaluation())


def test_settings_that_change_nothing_are_the_same_trial():
    assert Settings(0.0, "layer", True).effective == Settings()
    assert Settings(0.5, "global", True).effective == Settings(0.5, "layer", True).effective
    assert Settings(0.0, "layer", quantize="int8 weights").effective == Settings(quantize="int8 weights")


def test_rounded_weights_are_shown_beside_their_integers():
    net = nn.Linear(40, 30)
    (layer,) = record(
        net, lambda net: float(net(torch.ones(2, 40)).sum()), settings=Settings(0.3, quantize="int8 weights")
    ).layers
    steps, integers = layer.levels
    assert torch.equal(steps.round().long(), integers)
    assert len(steps) > 5
    assert bool((steps != integers).any())
    scaled = (net.weight.detach() / quantize_int8(net.weight.detach()).scale).flatten()
    assert bool(torch.isin(steps, scaled).all())


def test_weights_that_were_trained_again_are_not_shown_as_rounded():
    def finetune(net):
        with torch.no_grad():
            net.weight_orig.mul_(3)

    net = nn.Linear(40, 30)
    plan = Settings(0.3, quantize="int8 weights")
    (layer,) = record(net, lambda net: net(torch.ones(2, 40)).sum(), settings=plan, finetune=finetune).layers
    assert layer.quantized
    assert layer.levels is None


def test_finetuning_trains_what_is_left_and_starts_from_the_same_random_numbers():
    net, (x, labels) = classifier(), points()
    seen = []

    def finetune(model):
        seen.append((model.training, torch.is_grad_enabled(), torch.rand(1).item()))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        for _ in range(5):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), labels).backward()
            optimizer.step()

    start = GeneratorStates.now()
    plain, tuned = compressed(net, Settings(0.6)), compressed(net, Settings(0.6), finetune)
    assert torch.equal(torch.get_rng_state(), start.cpu)
    torch.rand(3)
    again = compressed(net, Settings(0.6), finetune, start)
    assert seen == [(True, True, seen[0][2])] * 2
    for k in (0, 4):
        assert torch.equal(plain[k].weight == 0, tuned[k].weight == 0)
        assert not torch.equal(plain[k].weight, tuned[k].weight)
        assert torch.equal(tuned[k].weight, again[k].weight)
    compressed(net, Settings(), finetune)
    assert len(seen) == 2


class Hiding(nn.Module):
    """A model whose attributes hide methods of nn.Module, with a part that takes no hooks."""

    def __init__(self, scripted=True):
        super().__init__()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.scripted = torch.jit.script(nn.Linear(6, 6)) if scripted else nn.ReLU()
        self.layer = nn.Linear(6, 3)
        self.modules, self.parameters, self.to, self.eval, self.state_dict = [], [], None, 0.5, "x"
        self.register_forward_pre_hook = self.named_modules = self.named_children = None

    def forward(self, x):
        return self.layer(self.scripted(x))


def test_a_model_with_attributes_of_any_name_is_compressed():
    net, (x, labels) = Hiding(), points()
    trial = record(net, lambda net: (net(x), labels), settings=Settings(0.5, quantize="int8 weights"))
    assert [layer.name for layer in trial.layers] == ["layer"]
    assert trial.sparsity >= 0.5
    assert trial.latency is not None
    trained = distill(net, Hiding(scripted=False), x, steps=2)
    assert evaluate_model(trained, lambda net: (net(x), labels)).recall is not None


def test_weights_that_are_not_finite_are_left_out_of_the_histograms():
    net = nn.Linear(10, 10)
    with torch.no_grad():
        net.weight[0, 0], net.weight[0, 1] = float("nan"), float("inf")
    (layer,) = record(net, lambda net: float(net(torch.ones(1, 10)).sum())).layers
    assert int(layer.before.sum()) == 98
    assert layer.limit < 1
    with torch.no_grad():
        net.weight.fill_(float("nan"))
    (layer,) = record(net, lambda net: float(net(torch.ones(1, 10)).sum())).layers
    assert int(layer.before.sum()) == 0
