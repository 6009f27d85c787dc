"""Pruning is torch.nn.utils.prune's, weight for weight."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from dlviz.compression import add_masks, make_permanent, prunable
from tests.compression.models import classifier


class Tied(nn.Module):
    """A language model whose output layer shares the weight of its embedding."""

    def __init__(self):
        super().__init__()
        self.embedding, self.hidden, self.out = nn.Embedding(9, 4), nn.Linear(4, 4), nn.Linear(4, 9, bias=False)
        self.out.weight = self.embedding.weight

    def forward(self, x):
        return self.out(self.hidden(self.embedding(x)))


def test_weights_are_counted_once_and_normalizations_are_left():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.LayerNorm((2, 2)), nn.LSTM(2, 3), nn.BatchNorm1d(3), Tied())
    names = [weight.path for weight in prunable(net)]
    assert names == ["0.weight", "2.weight_ih_l0", "2.weight_hh_l0", "4.embedding.weight", "4.hidden.weight"]
    assert [weight.layer for weight in prunable(net)][:2] == ["0", "2.weight_ih_l0"]


@pytest.mark.parametrize("amount", [0.1, 0.5, 0.99])
@pytest.mark.parametrize("scope", ["global", "layer"])
def test_masks_are_those_of_torch(scope, amount):
    net, other = classifier(), classifier()
    add_masks(net, amount, scope=scope)
    layers = [(other[0], "weight"), (other[4], "weight")]
    if scope == "global":
        prune.global_unstructured(layers, prune.L1Unstructured, amount=amount)
    else:
        for layer, name in layers:
            prune.l1_unstructured(layer, name, amount)
    for k in (0, 4):
        assert torch.equal(net[k].weight_mask, other[k].weight_mask)
        assert not bool(net[k].weight_mask.all())


def test_a_global_threshold_separates_the_weights_of_all_layers():
    net = classifier()
    magnitudes = torch.cat([net[k].weight.detach().abs().flatten() for k in (0, 4)])
    make_permanent(add_masks(net, 0.6))
    kept = torch.cat([net[k].weight.detach().flatten() for k in (0, 4)]) != 0
    assert magnitudes[kept].min() > magnitudes[~kept].max()
    assert int((~kept).sum()) == round(0.6 * len(kept))


def test_whole_channels_are_pruned_except_those_of_the_last_layer():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.Flatten(), nn.Linear(8, 4), nn.Linear(4, 3))
    norms = net[0].weight.detach().flatten(1).norm(dim=1)
    make_permanent(add_masks(net, 0.5, structured=True))
    zero = (net[0].weight == 0).flatten(1).all(1)
    assert int(zero.sum()) == 4
    assert norms[zero].max() < norms[~zero].min()
    assert int((net[2].weight == 0).all(1).sum()) == 2
    assert not bool((net[3].weight == 0).any())


@pytest.mark.parametrize("make", [Tied, lambda: nn.LSTM(4, 5), lambda: nn.TransformerEncoderLayer(4, 2, 8)])
def test_a_model_with_permanent_masks_is_an_ordinary_one(make):
    torch.manual_seed(0)
    net = make()
    before = dict(copy.deepcopy(net).named_parameters())
    make_permanent(add_masks(net, 0.5))
    after = dict(net.named_parameters())
    assert set(after) == set(before)
    for name, parameter in after.items():
        kept = parameter != 0
        assert torch.equal(parameter[kept], before[name][kept])
    x = torch.randint(0, 9, (5,)) if isinstance(net, Tied) else torch.randn(5, 4)
    net(x)
    assert copy.deepcopy(net) is not net
    if isinstance(net, Tied):
        assert net.out.weight is net.embedding.weight
