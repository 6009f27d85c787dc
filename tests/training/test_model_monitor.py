"""The monitor's statistics are torch's own, it names the first layer with a NaN, and it changes no computed number."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import dlviz
from dlviz.training import model_monitor
from dlviz.training.model_monitor import ModelMonitor


def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))


def batch():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(16, 6, generator=generator), torch.randint(0, 2, (16,), generator=generator)


@pytest.fixture
def always(monkeypatch):
    """Sample every step, whatever it costs."""
    monkeypatch.setattr(model_monitor, "SAMPLE_PERIOD", 0.0)
    monkeypatch.setattr(model_monitor, "TIME_SHARE", 1e9)


@pytest.mark.parametrize("zero_last", [False, True])
def test_a_sample_has_torchs_own_norms(always, zero_last):
    net, (x, y) = model(), batch()
    opt = torch.optim.SGD(net.parameters(), lr=0.1)
    run = dlviz.live()
    run.watch(net)
    wanted = {}
    for _ in run.steps(range(3)):
        before = {
            name: torch.cat([p.detach().flatten().clone() for p in net[int(name)].parameters()]) for name in "024"
        }
        if not zero_last:
            opt.zero_grad()
        F.cross_entropy(net(x), y).backward()
        gradients = {name: torch.cat([p.grad.flatten() for p in net[int(name)].parameters()]) for name in "024"}
        opt.step()
        if zero_last:  # the gradient is gone before the step has ended
            opt.zero_grad()
        after = {name: torch.cat([p.detach().flatten().clone() for p in net[int(name)].parameters()]) for name in "024"}
        wanted = {
            name: (gradients[name].norm(), (after[name] - before[name]).norm() / before[name].norm()) for name in "024"
        }
    layers = {layer.name: layer for layer in run.layers}
    assert list(layers) == ["0", "1", "2", "3", "4"]
    for name, (gradient, ratio) in wanted.items():
        assert layers[name].gradient == pytest.approx(gradient.item(), rel=1e-5)
        assert layers[name].ratio == pytest.approx(ratio.item(), rel=1e-4)


def test_dead_units_are_those_that_are_zero_for_the_whole_batch(always):
    net, (x, y) = model(), batch()
    with torch.no_grad():
        net[0].bias[:3] = -1000
    run = dlviz.live()
    run.watch(net)
    for _ in run.steps(range(2)):
        F.cross_entropy(net(x), y).backward()
    dead = (net[1](net[0](x)) == 0).all(0).float().mean().item()
    layers = {layer.name: layer for layer in run.layers}
    assert dead >= 3 / 8
    assert layers["1"].dead == pytest.approx(dead)
    assert layers["0"].dead is None


def test_channels_of_a_convolution_are_units():
    monitor = ModelMonitor(nn.Sequential(nn.ReLU()))
    monitor._sampling = True
    x = torch.ones(2, 4, 3, 3)
    x[:, 0] = -1
    x[0, 1] = -1
    monitor._hook("0")(nn.ReLU(), (x,), F.relu(x))
    assert monitor._dead["0"].item() == 0.25


def test_a_nan_planted_in_a_layer_is_named_within_the_step(always):
    net, (x, y) = model(), batch()
    opt = torch.optim.SGD(net.parameters(), lr=0.1)
    run = dlviz.live()
    run.watch(net)
    for step in run.steps(range(6)):
        if step == 3:
            with torch.no_grad():
                net[2].weight[1, 1] = float("nan")
        loss = F.cross_entropy(net(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()  # now every layer before it holds NaN too
        run.log(loss=loss)
        if step == 3:
            assert run.nonfinite_layer == "2"
    (mark,) = [one for one in run.history.marks if one.kind == "nonfinite"]
    assert (mark.step, mark.name) == (4, "2")


def test_monitoring_changes_nothing_that_is_computed(always):
    def train(monitored):
        net, (x, y) = model(), batch()
        opt = torch.optim.Adam(net.parameters(), lr=0.01)
        run = dlviz.live()
        if monitored:
            run.watch(net)
        for _ in run.steps(range(10)):
            loss = F.cross_entropy(net(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
        return torch.cat([p.detach().flatten() for p in net.parameters()])

    assert torch.equal(train(False), train(True))


def test_samples_are_rarer_if_they_take_too_much_time(monkeypatch):
    monkeypatch.setattr(model_monitor, "TIME_SHARE", 0.0)  # any cost is too much
    monkeypatch.setattr(model_monitor, "FREE_SECONDS", -1.0)
    net, (x, y) = model(), batch()
    run = dlviz.live()
    run.watch(net)
    for _ in run.steps(range(5)):
        F.cross_entropy(net(x), y).backward()
    assert run.layers == []


def test_closing_removes_the_hooks():
    net = model()
    run = dlviz.live()
    run.watch(net)
    assert any(module._forward_hooks for module in net.modules())
    run.close()
    assert not any(module._forward_hooks for module in net.modules())


def test_watching_another_model_removes_the_hooks_of_the_first():
    first, second = model(), model()
    run = dlviz.live()
    run.watch(first)
    run.watch(second)
    assert not any(module._forward_hooks for module in first.modules())


def test_the_weights_histogram_is_torchs(always):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 50), nn.ReLU(), nn.Linear(50, 1))
    run = dlviz.live()
    run.watch(net)
    for _ in run.steps(range(2)):
        net(torch.rand(4, 3)).sum().backward()
    first = run.layers[0]
    weights = torch.cat([p.detach().flatten() for p in net[0].parameters()])
    assert first.counts == tuple(torch.histc(weights, 24).long().tolist())
    assert sum(first.counts) == 200
    assert (first.low, first.high) == (weights.min().item(), weights.max().item())
    assert run.layers[1].counts == ()


def test_nonfinite_weights_are_left_out_of_the_histogram(always):
    net = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        net.weight[0] = torch.tensor([float("nan"), float("inf")])
    run = dlviz.live()
    run.watch(net)
    for _ in run.steps(range(2)):
        net(torch.rand(1, 2)).sum().backward()
    assert sum(run.layers[0].counts) == 2
