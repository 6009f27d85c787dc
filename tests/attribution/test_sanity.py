"""The checks of a map: their numbers are those that torch and SciPy compute, and they tell a good map from a bad one."""

import copy
import itertools

import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

from dlviz.attribution import record, saliency, score_function
from dlviz.attribution.sanity import deletion_insertion, input_noise, other_class, randomization, spearman
from dlviz.kit.errors import DlvizError
from tests.attribution.nets import ImageNet, RowNet, TokenNet

KINDS = {"image": ImageNet, "row": RowNet, "tokens": TokenNet}


@pytest.mark.parametrize("seed", range(5))
def test_spearman_equals_scipys_with_ties(seed):
    torch.manual_seed(seed)
    a, b = torch.randint(0, 5, (4, 6)).double(), torch.randn(4, 6)
    assert spearman(a, b) == pytest.approx(spearmanr(a.flatten(), b.flatten()).statistic, abs=1e-12)
    assert spearman(a, torch.ones(4, 6)) != spearman(a, torch.ones(4, 6))  # NaN


@pytest.mark.parametrize("kind", KINDS)
def test_random_weights_are_those_of_a_net_with_these_weights(kind):
    net = KINDS[kind](1)
    made = record(net, net.inputs(2), [0, net.classes - 1], methods=("saliency", "occlusion"))
    found = randomization(made, "saliency", 1)
    assert len(found.layers) == len(found.correlations) == len(found.maps)
    assert found.counts == tuple(range(1, len(found.layers) + 1))
    before = made.attributions["saliency"].strengths[1]
    for k in range(len(found.layers)):
        assert float(found.correlations[k]) == pytest.approx(
            spearmanr(found.strengths[k].flatten(), before.flatten()).statistic
        )
    again = randomization(made, "saliency", 1)
    assert torch.equal(again.maps, found.maps)
    assert not torch.equal(randomization(made, "saliency", 1, seed=1).maps, found.maps)


def test_layers_become_random_from_the_last_to_the_first():
    net = nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 7), nn.Tanh(), nn.Linear(7, 2)).double()
    x = torch.randn(1, 5, dtype=torch.float64)
    made = record(net, x, 0, methods="saliency")
    found = randomization(made, "saliency")
    assert found.layers == ("4", "2", "0")
    # Independent: the same draws into a copy, layer by layer.
    twin, generator = copy.deepcopy(net), torch.Generator().manual_seed(0)
    for step, layer in enumerate((4, 2, 0)):
        for weights in twin[layer].parameters():
            draws = torch.randn(weights.shape, generator=generator, dtype=torch.float64)
            with torch.no_grad():
                weights.copy_(weights.mean() + weights.std(correction=0) * draws)
        torch.testing.assert_close(found.maps[step], saliency(score_function(twin, x, 0)).maps[0], rtol=0, atol=1e-12)


def test_layers_are_ordered_as_they_run_not_as_they_are_registered():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.last, self.first = nn.Linear(4, 2), nn.Linear(3, 4)

        def forward(self, x):
            return self.last(self.first(x).tanh())

    assert randomization(record(Backwards(), torch.rand(1, 3), methods="saliency"), "saliency").layers == (
        "last",
        "first",
    )


def test_many_layers_become_random_in_few_steps():
    net = nn.Sequential(*[nn.Linear(4, 4) for _ in range(25)])
    found = randomization(record(net, torch.rand(1, 4), methods="saliency"), "saliency", most=4)
    assert found.counts == (1, 9, 17, 25)
    assert found.layers[-1] == "0"


def test_a_map_that_ignores_the_weights_keeps_its_correlation():
    class Ignores(nn.Module):
        def __init__(self):
            super().__init__()
            self.bias = nn.Linear(1, 2)

        def forward(self, x):
            return (x**3).sum(1, keepdim=True) + self.bias(torch.ones(1))

    found = randomization(record(Ignores(), torch.randn(1, 9), methods="saliency"), "saliency")
    assert found.correlations.tolist() == [1.0]


@pytest.mark.parametrize("kind", KINDS)
def test_curves_are_those_of_replaced_places(kind):
    net = KINDS[kind](2)
    x = net.inputs(2)
    made = record(net, x, 0, baseline=0.5, methods="occlusion")
    found = deletion_insertion(made, "occlusion", 1)
    twin = copy.deepcopy(net).eval()
    points = twin.embedding(x).detach() if kind == "tokens" else x
    scores = twin.from_embeddings if kind == "tokens" else twin
    point = points[1:]
    order = made.attributions["occlusion"].maps[1].flatten().argsort(descending=True)
    places = made.inputs.places
    for k, fraction in enumerate(found.fractions):
        size = round(float(fraction) * len(order))
        chosen = torch.zeros(len(order), dtype=torch.bool)
        chosen[order[:size]] = True
        mask = chosen.reshape(1, 1, *places) if kind == "image" else chosen.reshape(1, *places)
        mask = mask[..., None] if kind == "tokens" else mask
        base = torch.full_like(point, 0.5)
        for mine, changed in (
            (found.deletion, torch.where(mask, base, point)),
            (found.insertion, torch.where(mask, point, base)),
        ):
            with torch.no_grad():
                out = scores(changed.clone())
            value = out.softmax(1)[0, 0] if net.classes > 1 else out[0, 0]
            assert float(mine[k]) == pytest.approx(float(value), abs=1e-10)
    assert found.is_prob == (net.classes > 1)
    assert found.auc_deletion == pytest.approx(float(torch.trapezoid(found.deletion, found.fractions)))
    assert found.fractions[0] == 0
    assert found.fractions[-1] == 1
    torch.testing.assert_close(found.fractions + found.fractions.flip(0), torch.ones_like(found.fractions))


def test_random_orders_have_the_mean_over_all_orders():
    net = RowNet(0)
    made = record(net, net.inputs(1), 0, methods="saliency")
    count = net.features
    assert count <= 5
    found = deletion_insertion(made, "saliency", orders=2000)
    x, twin = made.inputs.x, copy.deepcopy(net).eval()
    curves = []
    for order in itertools.permutations(range(count)):
        changed, curve = x.clone(), []
        for size in range(count + 1):
            if size:
                changed[0, order[size - 1]] = 0
            with torch.no_grad():
                out = twin(changed.clone())
            curve.append(out.softmax(1)[0, 0] if net.classes > 1 else out[0, 0])
        curves.append(torch.stack(curve))
    torch.testing.assert_close(found.random_deletion_mean, torch.stack(curves).mean(0), rtol=0, atol=0.02)
    torch.testing.assert_close(found.random_insertion_mean, torch.stack(curves).mean(0).flip(0), rtol=0, atol=0.02)


def test_a_good_order_is_better_than_a_random_one():
    torch.manual_seed(0)
    net = nn.Linear(30, 1).double()
    x = torch.randn(1, 30, dtype=torch.float64)
    found = deletion_insertion(record(net, x, 0, methods="gradient_x_input"), "gradient_x_input")
    assert found.auc_deletion < found.auc_random_deletion - 2 * found.auc_random_deletion_std
    assert found.auc_insertion > found.auc_random_insertion + 2 * found.auc_random_insertion_std


def test_random_orders_begin_with_the_places_that_differ_from_the_baseline():
    net = nn.Linear(30, 2).double()
    with torch.no_grad():  # every place that differs counts the same, so that only which places differ can be good
        net.weight.copy_(torch.tensor([[1.0], [-1.0]]).expand(2, 30))
    x = (torch.arange(30) % 3 == 0).double()[None]
    found = deletion_insertion(record(net, x, 0, methods="gradient_x_input"), "gradient_x_input")
    torch.testing.assert_close(found.random_deletion_mean, found.deletion)
    torch.testing.assert_close(found.random_insertion_mean, found.insertion)


def test_another_class_is_the_runner_up_or_the_one_asked_for():
    net = nn.Linear(6, 4).double()
    x = torch.randn(2, 6, dtype=torch.float64)
    made = record(net, x, methods=("saliency", "occlusion"))
    order = net(x[1]).argsort(descending=True)
    found = other_class(made, "saliency", 1)
    assert found.target == order[1]
    assert torch.equal(found.map, net.weight[order[1]].detach())
    first = net.weight[order[0]].detach()
    assert found.correlation == pytest.approx(spearmanr(found.map.abs(), first.abs()).statistic)
    assert found.signed_correlation == pytest.approx(spearmanr(found.map, first).statistic)
    assert torch.equal(other_class(made, "saliency", 1, target=3).map, net.weight[3].detach())


@pytest.mark.parametrize("kind", KINDS)
def test_noise_gives_the_maps_of_the_noisy_input(kind):
    net = KINDS[kind](3)
    x = net.inputs(2)
    made = record(net, x, 0, methods="gradient_x_input")
    found = input_noise(made, "gradient_x_input", 1, sizes=(0.0, 0.3), seed=4)
    assert found.correlations[0] == 1
    torch.testing.assert_close(found.maps[0], made.attributions["gradient_x_input"].maps[1], rtol=0, atol=1e-12)
    if kind == "tokens":
        return
    point = x[1:]
    draw = torch.randn(point.shape, generator=torch.Generator().manual_seed(4)).double()
    noisy = point + 0.3 * (point.max() - point.min()) * draw
    expected = record(net, noisy, 0, methods="gradient_x_input")
    torch.testing.assert_close(found.maps[1], expected.attributions["gradient_x_input"].maps[0], rtol=0, atol=1e-12)
    torch.testing.assert_close(found.scores[1], expected.scores[0, 0], rtol=0, atol=1e-12)
    assert found.predictions[1] == expected.scores[0].argmax()


def test_grad_cam_is_compared_at_its_own_cells_and_layer():
    net = ImageNet(1)
    made = record(net, net.inputs(1), 0, methods="grad_cam", layer="features.0", relu=False)
    found = other_class(made, "grad_cam")
    other = record(net, made.inputs.x, found.target, methods="grad_cam", layer="features.0", relu=False)
    values = [one.attributions["grad_cam"].values.flatten() for one in (made, other)]
    assert found.signed_correlation == pytest.approx(spearmanr(*values).statistic)


def test_what_cannot_be_checked_is_refused():
    with pytest.raises(DlvizError, match="one output, so there is no map for another class"):
        other_class(record(nn.Linear(3, 1), torch.rand(1, 3), methods="saliency"), "saliency")
    with pytest.raises(DlvizError, match="no weights"):
        randomization(record(lambda x: x**2, torch.rand(1, 3), methods="saliency"), "saliency")
    made = record(nn.Linear(3, 2), torch.rand(1, 3), methods="saliency")
    with pytest.raises(DlvizError, match="from 0 to 1, but got 5"):
        other_class(made, "saliency", target=5)
    for check in (randomization, deletion_insertion, other_class, input_noise):
        with pytest.raises(DlvizError, match="there is none of 'occlusion'"):
            check(made, "occlusion")
