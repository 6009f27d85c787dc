"""A model runs on copies: its tensors, attributes, hooks and the random generators stay as they were."""

import random
import threading
from collections import UserDict
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dlviz.torchkit.forward_trace import CallTracer
from dlviz.torchkit.model_copies import (
    GeneratorStates,
    argument_copies,
    generators_restored,
    initialize_lazy,
    on_copies,
)
from dlviz.torchkit.modules import modules
from dlviz.torchkit.nested import map_tensors, named_tensors
from dlviz.torchkit.tensor_blocks import as_plain
from tests.torchkit.quantized import Quantized


class Writing(nn.Module):
    """Writes into everything that it has."""

    def __init__(self):
        super().__init__()
        self.layer, self.norm = nn.Linear(2, 2), nn.BatchNorm1d(2)
        self.words = nn.Embedding(3, 2, max_norm=0.1)
        self.tied = self.layer.weight
        self.average, self.history, self.cache = torch.zeros(2), [torch.zeros(1)], {"runs": 0}
        self.outside = [nn.Linear(2, 2)]
        self.last = None

    def forward(self, x):
        with torch.no_grad():
            self.layer.weight.mul_(0.5)
            self.outside[0].weight.zero_()
            self.average += 1
            self.history[0] += 1
            self.history.append(x)
            self.cache["runs"] += 1
        self.last, self.training = x, False
        self.bias = nn.Parameter(torch.ones(2))
        self.layer.bias.data = torch.ones(2)
        assert self.tied is self.layer.weight
        return self.norm(self.layer(x)) + self.words(torch.tensor([0, 1])) + self.outside[0](x)


def everything(model):
    """Return all tensors of a model with their versions, and all other attributes of its modules."""
    found = {}
    for number, module in enumerate([*modules(model), model.outside[0]]):
        for name, value in vars(module).items():
            items = list(value.items()) if isinstance(value, dict) else value
            found[number, name] = list(items) if isinstance(items, list) else items
    return found


def fingerprint(value):
    """Return a value with every tensor as its id, version and numbers."""
    if isinstance(value, torch.Tensor):
        return id(value), value._version, value.tolist()
    return [fingerprint(item) for item in value] if isinstance(value, (list, tuple)) else repr(value)


def test_a_model_that_writes_into_everything_stays_as_it_was():
    torch.manual_seed(0)
    model = Writing()
    before = {key: fingerprint(value) for key, value in everything(model).items()}
    with torch.no_grad(), on_copies(model):
        model(torch.ones(2, 2))
    assert {key: fingerprint(value) for key, value in everything(model).items()} == before


def test_a_model_that_raises_is_restored_too():
    model = Writing()
    before = {key: fingerprint(value) for key, value in everything(model).items()}
    with pytest.raises(RuntimeError), torch.no_grad(), on_copies(model):
        model(torch.ones(2, 5))
    assert {key: fingerprint(value) for key, value in everything(model).items()} == before


def test_a_state_dict_replaces_tensors_and_ties_hold():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].weight = model[0].weight
    with on_copies(model, {"0.weight": torch.zeros(2, 2), "1.bias": torch.ones(2)}):
        assert torch.equal(model(torch.ones(1, 2)), torch.ones(1, 2))
    assert model[1].weight is model[0].weight
    assert not torch.equal(model[0].weight, torch.zeros(2, 2))


def test_recurrent_weights_are_the_models_own_again():
    lstm, x = nn.LSTM(2, 3), torch.ones(4, 1, 2)
    expected = lstm(x)[0]
    with on_copies(lstm, {"weight_hh_l0": torch.zeros(12, 3)}):
        assert not torch.equal(lstm(x)[0], expected)
    assert all(any(weight is own for own in lstm.parameters()) for weight in lstm._flat_weights)
    assert torch.equal(lstm(x)[0], expected)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_scripted_module_gets_its_values_back():
    scripted = torch.jit.script(nn.BatchNorm1d(2))
    with on_copies(scripted, {"weight": torch.zeros(2)}):
        assert torch.equal(scripted(torch.rand(4, 2)), torch.zeros(4, 2))
    assert torch.equal(scripted.running_mean, torch.zeros(2))
    assert torch.equal(scripted.weight, torch.ones(2))


def test_generators_start_from_given_states_and_are_restored():
    def draws():
        return random.random(), np.random.rand(), torch.rand(1).item()

    start = GeneratorStates.now()
    first = draws()
    before = GeneratorStates.now()
    with generators_restored(start):
        assert draws() == first
    after = draws()
    before.set()
    assert draws() == after


def test_lazy_layers_are_initialized_as_by_a_first_call_and_nothing_else_changes():
    def lazy():
        return nn.Sequential(nn.LazyConv2d(2, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(3))

    x = torch.rand(2, 1, 5, 5)
    torch.manual_seed(0)
    plain = lazy()
    plain(x)
    torch.manual_seed(0)
    ours = lazy()
    random_state = torch.get_rng_state()
    assert initialize_lazy(ours, [x]) == ["0", "1", "3"]
    assert torch.equal(torch.get_rng_state(), random_state)
    assert torch.equal(ours[3].weight, plain[3].weight)
    assert type(ours[0]) is nn.Conv2d
    assert torch.equal(ours[1].running_mean, torch.zeros(2))
    assert ours[1].num_batches_tracked == 0
    assert initialize_lazy(ours, [x]) == []
    assert not any(module._forward_pre_hooks for module in ours.modules())


def test_lazy_layers_behind_an_error_stay_lazy():
    model = nn.Sequential(nn.LazyLinear(3), nn.Linear(4, 2), nn.LazyLinear(3))
    assert initialize_lazy(model, [torch.ones(1, 2)]) == ["0"]


@dataclass
class Batch:
    x: torch.Tensor
    y: int = 3


def test_tensors_are_found_and_replaced_in_every_container():
    value = [UserDict(a=torch.ones(1)), Batch(torch.ones(2)), (torch.ones(3), "text")]
    assert [name for name, _ in named_tensors(value, "x")] == ["x[0]['a']", "x[1].x", "x[2][0]"]
    mapped = map_tensors(len, value)
    assert (mapped[0]["a"], mapped[1].x, mapped[1].y, mapped[2]) == (1, 2, 3, (3, "text"))
    assert torch.equal(value[1].x, torch.ones(2))


class Subclass(torch.Tensor):
    """A subclass of the simplest kind."""


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x,
        nn.Parameter,
        lambda x: x.as_subclass(Subclass),
        torch.Tensor.to_sparse,
        lambda x: torch.quantize_per_tensor(x, 0.5, 0, torch.qint8),
        Quantized.of,
    ],
)
@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
def test_the_numbers_of_any_tensor_are_read(make):
    plain = as_plain(make(torch.ones(2, 2)))
    assert type(plain) is torch.Tensor
    assert torch.equal(plain, torch.ones(2, 2))


def test_tensors_without_numbers_are_not_read():
    assert as_plain(torch.ones(2, device="meta")) is None
    assert as_plain(nn.parameter.UninitializedParameter()) is None


def test_modules_run_with_tensors_that_have_functions_of_their_own():
    """As torchao's quantized weights: `linear` is theirs, and only they know how to run it."""

    class Tracer(CallTracer):
        calls: list[str]

        def on_call(self, name, *rest):
            self.calls.append(name)

    model, x = nn.Sequential(nn.Linear(2, 2), nn.ReLU()), torch.ones(1, 2)
    model[0].weight = nn.Parameter(Quantized.of(model[0].weight), requires_grad=False)
    tracer = Tracer(model)
    tracer.calls = []
    with torch.no_grad():
        assert torch.equal(tracer.run((x,)), model(x))
    assert tracer.calls == ["0", "1"]


def test_a_default_device_holds_inside_layers():
    class Making(nn.Module):
        def forward(self, x):
            return torch.ones(2) + torch.ones(2, device=x.device)

    model = nn.Sequential(Making())
    tracer = CallTracer(model)
    tracer.on_call = lambda *call: None
    with torch.device("meta"):
        assert tracer.run((torch.ones(2, device="meta"),)).is_meta


def test_a_direct_call_of_forward_is_a_call_of_the_layer():
    class Direct(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = self.same = nn.Linear(2, 2)

        def forward(self, x):
            return F.relu(self.layer.forward(self.same(x)))

    model = Direct()
    tracer = CallTracer(model)
    seen = []
    tracer.on_call = lambda name, module, *call: seen.append((name, module))
    tracer.run((torch.ones(1, 2),))
    assert seen[:2] == [("layer", model.layer)] * 2
    assert "forward" not in vars(model.layer)


class Cache:
    def __init__(self, keys):
        self.keys, self.counts = keys, [1]


def test_a_call_changes_copies_of_its_arguments_and_the_graph_of_autograd_reaches_them():
    x, weight = torch.ones(2), torch.ones(2, requires_grad=True)
    cache, ids, generator = Cache(weight * 2), [1, x], torch.Generator().manual_seed(3)
    layer, lock = torch.nn.Linear(1, 1), threading.Lock()
    given = [x, x, weight, cache, ids, generator, layer, lock, x[:1].expand(4)]
    own, keywords = argument_copies(given, {"memory": ids})
    first, second, same, copied, listed, drawn, module, held, expanded = own
    assert first is second is listed[1]
    assert keywords["memory"] is listed
    assert (same is weight, module is layer, held is lock, expanded is given[-1]) == (True,) * 4
    first.zero_()
    listed.append(2)
    copied.counts.append(2)
    torch.rand(1, generator=drawn)
    copied.keys.sum().backward()
    copied.keys.data.zero_()
    assert x.tolist() == [1, 1]
    assert weight.grad.tolist() == [2, 2]
    assert (cache.counts, cache.keys.tolist(), len(ids)) == ([1], [2, 2], 2)
    assert torch.equal(generator.get_state(), torch.Generator().manual_seed(3).get_state())
