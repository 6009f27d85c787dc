"""The monitor's statistics are torch's own, it names the first layer with a NaN, and it changes no computed number."""

import copy
import io
import itertools
import pickle

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.modules import module as torchs_modules
from torch.optim.optimizer import _global_optimizer_pre_hooks

import dlviz
from dlviz.kit.errors import DlvizError
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


def test_a_run_keeps_samples_from_its_beginning_to_its_end(always):
    net, (x, y) = model(), batch()
    run = dlviz.live()
    run.watch(net)
    norms = {}
    for step in run.steps(range(1, 201)):
        net.zero_grad()
        (step * F.cross_entropy(net(x), y)).backward()
        norms[step] = torch.cat([p.grad.flatten() for p in net[4].parameters()]).norm().item()
    samples = run._run.monitor.samples
    steps = [sample.step for sample in samples]
    assert (steps[0], steps[-1]) == (2, 200)
    assert 30 <= len(samples) <= model_monitor.MAX_SAMPLES
    assert max(b - a for a, b in itertools.pairwise(steps)) <= 8
    for sample in samples:
        assert sample.layers[4].gradient == pytest.approx(norms[sample.step], rel=1e-5)
    assert samples[-1].layers == run.layers
    for _ in run.steps(range(2)):
        net(x).sum().backward()
    assert run._run.monitor.samples[0].step == 2  # the same run goes on


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
    net = nn.Sequential(nn.ReLU())
    monitor = ModelMonitor(net)
    monitor._sampling = True
    x = torch.ones(2, 4, 3, 3)
    x[:, 0] = -1
    x[0, 1] = -1
    monitor._on_forward(net[0], F.relu(x))
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


def hooks(net):
    """Return the number of hooks in torch and in the model."""
    own = sum(len(module._forward_hooks) + len(module._backward_hooks) for module in net.modules())
    on_gradients = sum(bool(p._post_accumulate_grad_hooks) for p in net.parameters())
    in_optimizers = len(_global_optimizer_pre_hooks)
    return own + on_gradients + in_optimizers + len(torchs_modules._global_forward_hooks)


@pytest.mark.parametrize("end", ["finished", "break", "error", "closed"])
def test_hooks_last_as_long_as_the_loop(always, end):
    net, run, during = model(), dlviz.live(), []
    run.watch(net)
    assert hooks(net) == 0
    try:
        for step in run.steps(range(5)):
            net(torch.rand(2, 6)).sum().backward()
            during.append(hooks(net))
            if step == 3 and end == "break":
                break
            if step == 3 and end == "error":
                raise ValueError
            if step == 3 and end == "closed":
                run.close()
                assert hooks(net) == 0
    except ValueError:
        pass
    assert min(during) > 0
    assert hooks(net) == 0
    assert run.layers


def test_a_deleted_run_leaves_no_hooks():
    net = model()
    monitor = ModelMonitor(net)
    monitor.open()
    assert hooks(net) == 1
    del monitor
    assert hooks(net) == 0


def test_a_monitored_model_can_be_pickled_and_saved_and_its_copies_report_nothing(always):
    net, (x, y) = model(), batch()
    run = dlviz.live()
    run.watch(net)
    for _ in run.steps(range(3)):
        average = copy.deepcopy(net)
        loaded = pickle.loads(pickle.dumps(net))
        torch.save(net, io.BytesIO())
        for other in (average, loaded):
            assert not any(module._forward_hooks for module in other.modules())
            with torch.no_grad():
                other[2].weight.fill_(float("nan"))
            other(x)
        F.cross_entropy(net(x), y).backward()
    assert run.nonfinite_layer == ""
    assert run.layers[0].gradient > 0


def test_a_gradient_that_adds_up_over_several_backward_passes_is_read_as_torch_has_it(always):
    net = nn.Linear(4, 1, bias=False)
    run = dlviz.live()
    run.watch(net)
    for _ in run.steps(range(3)):
        net.zero_grad()
        for _ in range(4):
            net(torch.ones(1, 4)).sum().backward()
    assert run.layers[0].gradient == pytest.approx(net.weight.grad.norm().item()) == pytest.approx(8.0)


def test_a_gradient_is_the_one_that_the_optimizers_step_found(always):
    torch.manual_seed(0)
    generator, discriminator = nn.Sequential(nn.Linear(2, 3)), nn.Sequential(nn.Linear(3, 1))
    optimizers = [torch.optim.SGD(net.parameters(), lr=0.1) for net in (generator, discriminator)]
    run, found = dlviz.live(), {}
    run.watch(generator)
    run.watch(discriminator)
    for _ in run.steps(range(3)):
        z, real = torch.randn(8, 2), torch.randn(8, 3)
        optimizers[1].zero_grad()
        F.softplus(-discriminator(real)).mean().backward()
        F.softplus(discriminator(generator(z).detach())).mean().backward()
        nn.utils.clip_grad_norm_(discriminator.parameters(), 0.05)
        found["discriminator.0"] = torch.cat([p.grad.flatten() for p in discriminator.parameters()]).norm().item()
        optimizers[1].step()
        optimizers[0].zero_grad()
        F.softplus(-discriminator(generator(z))).mean().backward()  # adds to the discriminator's gradients too
        found["generator.0"] = torch.cat([p.grad.flatten() for p in generator.parameters()]).norm().item()
        optimizers[0].step()
    assert {layer.name: layer.gradient for layer in run.layers} == pytest.approx(found, rel=1e-5)


@pytest.mark.parametrize("optimizer", [True, False])
@pytest.mark.parametrize("place", ["before", "after"])
def test_autograd_grad_leaves_no_gradient_and_is_not_read(always, place, optimizer):
    net, (x, y) = model(), batch()
    weights = list(net.parameters())
    opt = torch.optim.SGD(weights, lr=0.1)
    run = dlviz.live()
    run.watch(net)

    def penalty():
        torch.autograd.grad(1000 * F.cross_entropy(net(x), y), weights)

    for _ in run.steps(range(3)):
        opt.zero_grad()
        if place == "before":
            penalty()
        F.cross_entropy(net(x), y).backward()
        wanted = [torch.cat([p.grad.flatten() for p in net[k].parameters()]).norm() for k in (0, 2, 4)]
        if place == "after":
            penalty()
        if optimizer:
            opt.step()
    found = [layer.gradient for layer in run.layers if layer.gradient is not None]
    torch.testing.assert_close(torch.tensor(found), torch.stack(wanted))


def test_a_gradient_penalty_is_read_as_torch_adds_it(always):
    net, (x, y) = model(), batch()
    run = dlviz.live()
    run.watch(net)
    for _ in run.steps(range(2)):
        net.zero_grad()
        leaf = x.clone().requires_grad_()
        loss = F.cross_entropy(net(leaf), y)
        (slope,) = torch.autograd.grad(loss, leaf, create_graph=True)
        (loss + slope.square().sum()).backward()
        wanted = [torch.cat([p.grad.flatten() for p in net[k].parameters()]).norm() for k in (0, 2, 4)]
    found = [layer.gradient for layer in run.layers if layer.gradient is not None]
    torch.testing.assert_close(torch.tensor(found), torch.stack(wanted))


@pytest.mark.parametrize("assigned", [True, False])
def test_with_autograd_grad_alone_a_gradient_is_the_one_assigned_for_the_optimizer(always, assigned):
    net, (x, y) = model(), batch()
    weights = list(net.parameters())
    opt = torch.optim.SGD(weights, lr=0.1)
    run = dlviz.live()
    run.watch(net)
    for _ in run.steps(range(2)):
        gradients = torch.autograd.grad(F.cross_entropy(net(x), y), weights)
        for p, gradient in zip(weights, gradients, strict=True):
            p.grad = gradient if assigned else None
        opt.step()
    found = [layer.gradient for layer in run.layers if layer.gradient is not None]
    wanted = [torch.cat([g.flatten() for g in gradients[k : k + 2]]).norm() for k in (0, 2, 4)] if assigned else []
    torch.testing.assert_close(torch.tensor(found), torch.tensor(wanted))


def test_a_trainers_last_evaluation_leaves_the_sample_of_its_training(always):
    net, (x, y) = model(), batch()
    opt = torch.optim.SGD(net.parameters(), lr=0.1)
    run = dlviz.live()
    run.watch(net)
    for step in range(1, 5):
        opt.zero_grad()
        F.cross_entropy(net(x), y).backward()
        wanted = torch.cat([p.grad.flatten() for p in net[4].parameters()]).norm()
        opt.step()
        run.log(loss=0.0, step=step)
    with torch.no_grad():
        run.log(eval_loss=F.cross_entropy(net(x), y), step=4)
    run.finish()
    torch.testing.assert_close(torch.tensor(run.layers[-1].gradient), wanted)


def test_without_an_optimizer_a_gradient_set_to_zero_between_two_passes_is_the_last_one(always):
    net = nn.Linear(3, 1, bias=False)
    run = dlviz.live()
    run.watch(net)
    for _ in run.steps(range(2)):
        net(torch.full((1, 3), 5.0)).sum().backward()
        net.zero_grad()
        net(torch.ones(1, 3)).sum().backward()
        last = net.weight.grad.norm().item()
        net.zero_grad()
    assert run.layers[0].gradient == pytest.approx(last)


def test_with_a_closure_the_gradient_is_the_last_one_that_the_step_computed(always):
    net, (x, y) = model(), batch()
    opt = torch.optim.LBFGS(net.parameters(), max_iter=3)
    run = dlviz.live()
    run.watch(net)

    def closure():
        opt.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        return loss

    for _ in run.steps(range(3)):
        opt.step(closure)
    norms = [torch.cat([p.grad.flatten() for p in net[k].parameters()]).norm().item() for k in (0, 2, 4)]
    assert [layer.gradient for layer in run.layers if layer.gradient is not None] == pytest.approx(norms, rel=1e-5)


@pytest.mark.parametrize("sparse", [False, True])
def test_complex_and_sparse_numbers_have_torchs_norms(always, sparse):
    torch.manual_seed(0)
    net = nn.Embedding(5, 4, sparse=True) if sparse else nn.Linear(4, 4, dtype=torch.complex64, bias=False)
    run = dlviz.live()
    run.watch(net)
    for _ in run.steps(range(3)):
        net.zero_grad()
        x = torch.tensor([1, 1, 3]) if sparse else torch.randn(2, 4, dtype=torch.complex64)
        net(x).abs().sum().backward()
    gradient = net.weight.grad.to_dense() if sparse else net.weight.grad
    assert run.layers[0].weight == pytest.approx(net.weight.norm().item())
    assert run.layers[0].gradient == pytest.approx(gradient.norm().item())
    assert sum(run.layers[0].counts) == net.weight.numel() * (1 if sparse else 2)


def test_a_nan_of_a_complex_layer_is_noticed_and_a_single_layer_has_a_name(always):
    net = nn.Linear(2, 2, dtype=torch.complex64)
    run = dlviz.live()
    run.watch(net)
    for _ in run.steps(range(2)):
        net(torch.full((1, 2), complex(0, float("nan"))))
    assert run.nonfinite_layer == "net"


def test_two_models_are_watched_side_by_side_and_one_of_the_same_name_is_replaced(always):
    first, second = model(), model()
    run = dlviz.live()
    run.watch(first)
    run.watch(second)
    for _ in run.steps(range(3)):
        second(first(torch.rand(2, 6))[:, [0, 1] * 3]).sum().backward()
    assert [layer.name for layer in run.layers] == [f"{name}.{k}" for name in ("first", "second") for k in range(5)]
    second = nn.Sequential(nn.Linear(2, 1))  # its cell runs again
    run.watch(second)
    for _ in run.steps(range(3)):
        second(first(torch.rand(2, 6))).sum().backward()
    assert [layer.name for layer in run.layers] == [*(f"first.{k}" for k in range(5)), "second.0"]


def test_models_without_a_variable_get_a_number(always):
    nets = [nn.Sequential(nn.Linear(1, 1)) for _ in range(2)]
    run = dlviz.live()
    for index in range(2):
        run.watch(nets[index])
    for _ in run.steps(range(3)):
        nets[1](nets[0](torch.ones(1, 1))).backward()
    assert [layer.name for layer in run.layers] == ["Sequential.0", "Sequential 2.0"]


class Chain(nn.Sequential):
    """torch compiles the forward pass of a user's own class, but not that of its own containers."""

    def forward(self, x):
        for layer in self:
            x = layer(x)
        return x


@pytest.mark.parametrize("way", ["function", "method"])
def test_a_compiled_model_has_its_layers_without_a_graph_break_and_a_note(always, way):
    torch._dynamo.reset()
    net, (x, y), graphs = Chain(*model()), batch(), []

    def backend(graph, _):
        graphs.append(graph)
        return graph.forward

    if way == "function":
        compiled = torch.compile(net, backend=backend)
    else:
        compiled = net
        net.compile(backend=backend)
    run = dlviz.live()
    run.watch(compiled)
    for _ in run.steps(range(3)):
        net.zero_grad()
        F.cross_entropy(compiled(x), y).backward()
    assert len(graphs) == 1
    assert [layer.name for layer in run.layers] == ["0", "2", "4"]
    norm = torch.cat([p.grad.flatten() for p in net[0].parameters()]).norm().item()
    assert run.layers[0].gradient == pytest.approx(norm, rel=1e-5)
    (note,) = run.scene["notes"]
    assert note["text"].startswith("compiled is compiled")


def test_a_compiled_step_around_a_watched_model_does_not_break(always):
    torch._dynamo.reset()
    net, (x, y), graphs = model(), batch(), []

    def backend(graph, _):
        graphs.append(graph)
        return graph.forward

    loss = torch.compile(lambda x, y: F.cross_entropy(net(x), y), backend=backend)
    run = dlviz.live()
    run.watch(net)
    for _ in run.steps(range(3)):
        loss(x, y).backward()
    assert len(graphs) == 1
    assert run.layers[0].gradient > 0


def test_a_scripted_model_and_a_lazy_one_are_watched(always):
    with pytest.warns(DeprecationWarning, match="script"):
        scripted = torch.jit.script(model())
    lazy = nn.Sequential(nn.LazyLinear(3), nn.ReLU())
    run = dlviz.live()
    run.watch(scripted)
    run.watch(lazy)
    for _ in run.steps(range(4)):
        lazy(scripted(torch.rand(2, 6))).sum().backward()
    layers = {layer.name: layer for layer in run.layers}
    assert layers["scripted.0"].gradient > 0
    assert layers["lazy.0"].gradient > 0


@pytest.mark.parametrize("thing", [torch.optim.SGD([torch.zeros(1)], lr=1.0), lambda x: x, None])
def test_only_a_module_can_be_watched(thing):
    with pytest.raises(DlvizError, match=r"watch: model must be a torch\.nn\.Module, but got"):
        dlviz.live().watch(thing)


def test_layers_in_a_plain_list_are_named():
    class Hidden(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = [nn.Linear(2, 2)]

    run = dlviz.live()
    run.watch(Hidden())
    assert "nn.ModuleList" in run.scene["notes"][0]["text"]


def test_outputs_inside_vmap_are_left_alone(always):
    net = model()
    run = dlviz.live()
    run.watch(net)
    for _ in run.steps(range(2)):
        torch.vmap(lambda x: net(x))(torch.rand(3, 6)).sum().backward()
    assert run.nonfinite_layer == ""


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
