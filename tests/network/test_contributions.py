"""Contributions of input channels add up to the map; linear and softmax terms equal torch's."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dlviz.network import channel_contributions, linear_terms, logits_column, record, softmax_terms
from dlviz.network.contributions import bias
from dlviz.network.sliding_ops import sliding_op
from tests.network.zoo import model_and_input


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 6, 3, stride=2, padding=1),
        nn.Conv2d(4, 6, (1, 3), dilation=2, groups=2, bias=False),
        nn.Conv2d(4, 4, 3, groups=4, padding=1, padding_mode="reflect"),
        nn.Conv2d(4, 2, 3, padding="same", padding_mode="circular"),
        nn.ConvTranspose2d(4, 6, 3, stride=2, output_padding=1),
        nn.ConvTranspose2d(4, 6, 2, groups=2),
    ],
    ids=str,
)
def test_channel_contributions_and_bias_sum_to_the_map(layer):
    torch.manual_seed(0)
    layer, x = copy.deepcopy(layer).double(), torch.randn(2, 4, 7, 7).double()
    network = record(nn.Sequential(layer), (x,), sample=1)
    column = network.columns[1]
    for channel in range(column.shape[0]):
        contributions, total = channel_contributions(network, 1, channel, 12)
        assert len(contributions) == total == 4 // layer.groups
        total_map = sum(each.contribution for each in contributions) + (bias(column, channel) or 0.0)
        assert torch.allclose(total_map, column.output[channel], atol=1e-12, rtol=0)
        for each in contributions:
            assert torch.equal(each.map, x[1, each.channel])


def test_contributions_of_a_sequence_and_of_a_function_sum_to_the_map():
    torch.manual_seed(0)
    weight, x = torch.randn(2, 3, 3).double(), torch.randn(1, 3, 9).double()

    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(weight)

        def forward(self, x):
            return F.conv1d(x, self.w, stride=2)

    network = record(Own(), (x,))
    contributions, _ = channel_contributions(network, 1, 1, 12)
    assert torch.allclose(sum(each.contribution for each in contributions), network.columns[1].output[1], atol=1e-12)


def test_contributions_use_the_given_state_dict():
    model, x = model_and_input("plain")
    state = {name: value + 1 for name, value in model.state_dict().items()}
    network = record(model, (x,), state_dict=state)
    contributions, _ = channel_contributions(network, 4, 2, 12, state)
    assert torch.allclose(
        sum(s.contribution for s in contributions) + bias(network.columns[4], 2, state),
        network.columns[4].output[2],
        atol=1e-4,
    )
    assert torch.equal(sliding_op(network.columns[4], state).weight, state["conv2.weight"])


def test_a_channelwise_call_has_the_same_channel_as_its_source():
    model, x = model_and_input("plain")
    network = record(model, (x,))
    relu, _ = channel_contributions(network, 2, 3, 12)
    assert [(each.source.column, each.channel, each.contribution) for each in relu] == [(1, 3, None)]


def test_the_source_of_a_concatenated_channel_is_its_own_branch():
    model, x = model_and_input("concatenating")
    network = record(model, (x,))
    number = next(n for n, column in enumerate(network.columns) if column.kind == "cat")
    names = [network.columns[channel_contributions(network, number, c, 12)[0][0].source.column].name for c in (0, 3, 8)]
    assert names == ["a", "b", "pool"]
    assert [channel_contributions(network, number, c, 12)[0][0].channel for c in (0, 3, 8)] == [0, 0, 1]


def test_the_terms_of_a_linear_unit_are_sorted_and_sum_to_it():
    model, x = model_and_input("plain")
    network = record(model, (x,))
    last = len(network.columns) - 1
    every = linear_terms(network, last, 7, 1000)
    sizes = [abs(term.product) for term in every]
    assert sizes == sorted(sizes, reverse=True)
    assert len(every) == 24
    value = sum(term.product for term in every) + model.fc.bias[7].item()
    assert value == pytest.approx(network.columns[last].output[7].item(), abs=1e-5)
    assert linear_terms(network, 1, 0, 10) is None


def test_softmax_terms_equal_torch():
    z = torch.tensor([1.0, 3.0, -2.0, 1000.0])
    terms = softmax_terms(z)
    assert torch.equal(terms["p"], torch.softmax(z, 0))
    assert torch.allclose(terms["e"] / terms["sum"], terms["p"])


def test_the_logits_column_is_the_one_before_the_softmax():
    model, x = model_and_input("dictionary")
    network = record(model, (x,))
    assert network.columns[logits_column(network)].name == "classes"
    assert logits_column(record(nn.Conv2d(1, 2, 3), (torch.zeros(1, 1, 5, 5),))) is None
