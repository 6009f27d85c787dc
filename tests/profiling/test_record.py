"""Runs with and without the profiler, and what they leave of the learner's objects."""

import copy
import os
import sys

import pytest
import torch
from torch import nn

import dlviz
from dlviz.profiling import record
from tests.profiling.models import Net, Training


def test_how_often_a_function_runs_and_what_is_timed():
    calls = []

    def function(value):
        calls.append(value)
        return torch.ones(3) + value

    found = record(function, [2], warmup=2, repeats=3)
    assert calls == [2] * (2 + 3 + 1 + 3)  # the first profiled run is a warm-up too
    assert len(found.plain_walls) == len(found.profiled_walls) == 3
    assert found.wall == sorted(found.profiled_walls)[1]
    assert found.events.names[:2] == ["aten::ones", "aten::empty"]
    calls.clear()
    record(function, [2], warmup=0, repeats=1)
    assert len(calls) == 2


def test_without_a_number_of_repeats_slow_functions_run_less_often(monkeypatch):
    monkeypatch.setattr(sys.modules[record.__module__], "_SECONDS", -1.0)
    found = record(lambda: torch.ones(3))
    assert len(found.plain_walls) == len(found.profiled_walls) == 1


def test_the_wall_is_the_events_of_the_main_thread_and_what_is_between_them():
    found = record(Training().epoch, repeats=1)
    outermost = found.events.duration[found.events.parent < 0].sum()
    assert found.wall == pytest.approx(outermost + found.between)
    assert found.total == pytest.approx(outermost)
    assert found.between > 0


def test_operations_add_up_and_name_the_line_with_most_of_the_time():
    found = record(Training().epoch, repeats=1)
    assert sum(one.self_time for one in found.operations) == pytest.approx(found.total)
    assert sum(one.calls for one in found.operations) == len(found.events)
    times = [one.self_time for one in found.operations]
    assert times == sorted(times, reverse=True)
    by_name = {one.name: one for one in found.operations}
    assert by_name["aten::addmm"].other_lines == 1
    assert by_name["aten::addmm"].flops > 0
    assert by_name["aten::convolution_backward"].backward_time == by_name["aten::convolution_backward"].self_time
    assert by_name[""].calls == sum(row.calls for row in found.rows)


def state(training):
    tensors = [*training.net.parameters(), *training.net.buffers()]
    grads = [None if tensor.grad is None else tensor.grad.tolist() for tensor in tensors]
    return [tensor.tolist() for tensor in tensors], grads, repr(training.optimizer.state_dict())


@pytest.mark.parametrize("trained_before", [False, True], ids=["fresh", "trained"])
def test_a_function_that_trains_leaves_model_optimizer_and_generators_as_they_were(trained_before):
    training = Training()
    if trained_before:
        training.epoch()
    before, generator = copy.deepcopy(state(training)), torch.get_rng_state()
    identities = [id(tensor) for tensor in training.net.parameters()]
    grads = [tensor.grad for tensor in training.net.parameters()]
    losses = []

    def epoch():
        training.epoch()
        losses.append(training.net(training.x).sum().item() + float(torch.rand(1)))

    record(epoch, repeats=2)
    assert len(set(losses)) == len(losses)  # it really trained
    assert state(training) == before
    assert [id(tensor) for tensor in training.net.parameters()] == identities
    assert all(tensor.grad is old for tensor, old in zip(training.net.parameters(), grads, strict=True))
    assert torch.equal(torch.get_rng_state(), generator)
    training.epoch()  # the optimizer still moves these parameters
    assert state(training) != before


def test_a_scheduler_and_a_mode_are_restored():
    training = Training()
    scheduler = torch.optim.lr_scheduler.StepLR(training.optimizer, 1)

    def epoch():
        training.net.eval()
        training.epoch()
        scheduler.step()

    record(epoch, repeats=1)
    assert scheduler.last_epoch == 0
    assert training.optimizer.param_groups[0]["lr"] == 0.1
    assert training.net.training


#: Variables of the file, as in a notebook: a function inside a function does not pass them on.
net_of_the_file, batches = nn.Linear(4, 2), torch.rand(3, 5, 4)
sgd, lbfgs = (make(net_of_the_file.parameters()) for make in (torch.optim.SGD, torch.optim.LBFGS))


def step_with_generator():
    sgd.zero_grad()
    sum(net_of_the_file(batch).sum() for batch in batches).backward()
    sgd.step()


def step_with_closure():
    def closure():
        lbfgs.zero_grad()
        loss = net_of_the_file(batches[0]).pow(2).sum()
        loss.backward()
        return loss

    lbfgs.step(closure)


def run_with_comprehension():
    return [net_of_the_file(batch).sum().backward() for batch in batches]


@pytest.mark.parametrize("step", [step_with_generator, step_with_closure, run_with_comprehension])
def test_a_model_that_is_used_only_inside_a_comprehension_or_a_closure_stays_as_it_was(step):
    before = net_of_the_file.weight.clone()
    record(step, repeats=1)
    assert torch.equal(net_of_the_file.weight, before)
    assert net_of_the_file.weight.grad is None


def test_what_a_function_gets_as_an_argument_does_not_train():
    net = nn.Linear(4, 2)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
    before = net.weight.clone()

    def step(model, optimizer, x):
        model(x).sum().backward()
        optimizer.step()

    x = torch.rand(3, 4, requires_grad=True)
    record(step, [net, optimizer, x], repeats=1)
    assert torch.equal(net.weight, before)
    assert net.weight.grad is None
    assert x.grad is None
    assert not optimizer.state


def test_what_an_optimizer_trains_is_restored_even_if_no_model_is_found():
    hidden = {"one": {"two": {"three": {"four": {"five": {"six": nn.Linear(4, 2)}}}}}}
    deep = hidden["one"]["two"]["three"]["four"]["five"]
    optimizer = torch.optim.SGD(deep["six"].parameters(), lr=0.1)
    weight = torch.zeros(2, requires_grad=True)
    before = deep["six"].weight.clone()

    def step():
        net = hidden["one"]["two"]["three"]["four"]["five"]["six"]
        optimizer.zero_grad()
        (net(torch.ones(1, 4)) * (weight + 1)).sum().backward()
        optimizer.step()
        with torch.no_grad():
            weight.sub_(weight.grad)

    record(step, repeats=1)
    assert torch.equal(deep["six"].weight, before)
    assert weight.tolist() == [0.0, 0.0]
    assert weight.grad is None


def test_a_gradient_scaler_a_scheduler_alone_and_a_generator_are_restored():
    net = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**16, growth_interval=1)
    generator = torch.Generator().manual_seed(3)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)

    def step():
        optimizer.zero_grad()
        scaler.scale(net(torch.rand(1, 4, generator=generator)).sum()).backward()
        scaler.step(optimizer)
        scaler.update()

    state = generator.get_state()
    record(step, repeats=1)
    assert scaler.get_scale() == 2.0**16
    assert torch.equal(generator.get_state(), state)
    record(lambda: scheduler.step(), repeats=1)
    assert optimizer.param_groups[0]["lr"] == 0.1


def test_a_model_behind_a_decorator_keeps_its_running_statistics():
    net = nn.BatchNorm1d(4)
    for decorated in (torch.enable_grad()(net.forward), torch.autocast("cpu")(net)):
        record(decorated, [torch.rand(8, 4)], repeats=1)
        assert net.running_mean.tolist() == [0.0] * 4
        assert net.num_batches_tracked == 0


class Doubling(nn.Module):
    def forward(self, x):
        return x.mul_(2)


@pytest.mark.parametrize("is_function", [False, True], ids=["model", "function"])
def test_arguments_that_a_model_overwrites_are_restored(is_function):
    x = torch.tensor([[-1.0, 2.0, float("nan"), 4.0]])
    with torch.inference_mode():
        inferred = x.clone()
    tensors = {
        "plain": x,
        "computed": x.clone().requires_grad_() * 1,
        "inferred": inferred,
        "sparse": torch.eye(2).to_sparse(),
        "jagged": torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged),
    }
    for name, tensor in tensors.items():
        with torch.inference_mode(name == "inferred"):
            before = repr(list(tensor.detach().clone()))
            model = Doubling()
            record((lambda given, model=model: model(given)) if is_function else model, [tensor], repeats=1)
            assert repr(list(tensor.detach())) == before, name
    nested = {"a": [torch.ones(2)]}
    record((lambda given: given["a"][0].mul_(2)) if is_function else ReadsNested(), [nested], repeats=1)
    assert nested["a"][0].tolist() == [1.0, 1.0]
    record((lambda given: given + 1) if is_function else nn.Identity(), [x.expand(3, 4)], repeats=1)


class ReadsNested(nn.Module):
    def forward(self, given):
        return given["a"][0].mul_(2)


def test_lazy_layers_are_initialized_by_the_first_run_and_named():
    net = nn.Sequential(nn.LazyLinear(3))
    view = dlviz.profile(net, torch.ones(2, 4), repeats=1)
    assert net[0].weight.shape == (3, 4)
    assert [note["text"].partition(":")[0] for note in view.scene["notes"]] == ["0"]
    assert dlviz.profile(net, torch.ones(2, 4), repeats=1).scene["notes"] == []


def test_lazy_layers_of_a_function_that_trains_keep_the_numbers_of_their_first_call():
    net = nn.Sequential(nn.LazyLinear(2), nn.LazyBatchNorm1d())
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    first = []

    def step():
        optimizer.zero_grad()
        loss = net(torch.arange(12.0).view(3, 4)).pow(2).sum()
        first.append(net[0].weight.tolist())
        loss.backward()
        optimizer.step()

    record(step, repeats=1)
    assert first[1] != first[0] == net[0].weight.tolist()
    assert net[1].weight.tolist() == [1.0, 1.0]
    assert net[1].num_batches_tracked == 0
    assert net[0].weight.grad is None
    assert not net[0]._forward_pre_hooks


def test_gradients_that_accumulate_and_buffers_that_are_replaced_are_restored():
    class Counting(nn.Linear):
        def __init__(self):
            super().__init__(2, 1)
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x):
            self.calls = self.calls + 1
            return super().forward(x)

    net = Counting()
    net(torch.ones(1, 2)).sum().backward()
    record(lambda: net(torch.ones(1, 2)).sum().backward(), repeats=1)
    assert net.weight.grad.tolist() == [[1.0, 1.0]]
    assert net.calls == 1
    record(net, [torch.ones(1, 2)], repeats=1)
    assert net.calls == 1


def test_a_model_in_training_keeps_its_running_statistics_and_a_graph_that_waits():
    net = Net()
    waiting = net(torch.randn(4, 1, 4, 4)).sum()
    mean = net.features[1].running_mean.clone()
    record(net, [torch.randn(4, 1, 4, 4)], repeats=1)
    assert torch.equal(net.features[1].running_mean, mean)
    record(lambda: net(torch.randn(4, 1, 4, 4)), repeats=1)
    assert torch.equal(net.features[1].running_mean, mean)
    waiting.backward()


def test_the_error_of_a_function_is_its_own_and_ends_the_profiler():
    def function():
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        record(function)
    with pytest.raises(RuntimeError, match="mine"):
        record(function, warmup=0)
    assert not torch.autograd._profiler_enabled()
    record(lambda: torch.ones(1), repeats=1)


def test_nothing_is_left_when_it_is_off():
    hooks = [name for name in vars(nn.modules.module) if name.startswith("_global_") and name.endswith("_hooks")]
    before = {name: len(getattr(nn.modules.module, name) or ()) for name in hooks}
    with dlviz.profile():
        during = {name: len(getattr(nn.modules.module, name) or ()) for name in hooks}
    assert during != before
    assert {name: len(getattr(nn.modules.module, name) or ()) for name in hooks} == before


def test_the_profiler_writes_nothing_to_standard_error_but_the_code_does(capfd):
    with dlviz.profile():
        os.write(2, b"of the code\n")
        torch.ones(3)
    assert capfd.readouterr().err == "of the code\n"
