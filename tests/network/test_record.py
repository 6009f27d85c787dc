"""Every call in execution order, bit for bit equal to the output of a plain hook; the model stays unchanged."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dlviz.network import record
from dlviz.network.record import Source
from dlviz.torchkit.forward_trace import function_name
from tests.network.zoo import ZOO, model_and_input


def hooked(model, x):
    """Return what plain hooks see: the name of every leaf call and copies of all its tensors."""
    seen, inside, handles = [], [0], []

    def enter(module, _):
        inside[0] += 1

    def leave(module, _, output, name):
        inside[0] -= 1
        if inside[0] == 0:
            tensors = [output] if isinstance(output, torch.Tensor) else torch.utils._pytree.tree_flatten(output)[0]
            seen.append((name, [t.detach().clone() for t in tensors]))

    for name, module in model.named_modules():
        if module is not model and (not list(module.children()) or isinstance(module, nn.MultiheadAttention)):
            handles.append(module.register_forward_pre_hook(enter))
            handles.append(module.register_forward_hook(lambda m, i, o, name=name: leave(m, i, o, name)))
    try:
        with torch.no_grad():
            model(x)
    finally:
        for handle in handles:
            handle.remove()
    return seen


@pytest.mark.parametrize("name", ZOO)
def test_every_column_equals_what_a_hook_receives(name):
    model, x = model_and_input(name)
    reference = copy.deepcopy(model)
    torch.manual_seed(1)
    network = record(model, (x,), sample=1)
    torch.manual_seed(1)
    seen = hooked(reference, x)
    calls = [column for column in network.columns if column.module is not None]
    assert [column.path for column in calls] == [path for path, _ in seen]
    for column, (_, tensors) in zip(calls, seen, strict=True):
        for kept, full, batched in zip(column.outputs, tensors, column.batched, strict=True):
            assert torch.equal(kept, full[1] if batched else full)
    assert network.refusal == ""


@pytest.mark.parametrize("name", ZOO)
def test_the_last_columns_are_what_the_model_returns(name):
    model, x = model_and_input(name)
    torch.manual_seed(1)
    network = record(model, (x,))
    torch.manual_seed(1)
    with torch.no_grad():
        output = copy.deepcopy(model)(x)
    returned = {name: column for column in network.columns for name in column.returned}
    flat = torch.utils._pytree.tree_flatten(output)[0]
    assert len(returned) == len(flat)
    for tensor in flat:
        assert any(torch.equal(tensor[0], kept) for column in returned.values() for kept in column.outputs)


@pytest.mark.parametrize("name", ZOO)
def test_the_module_and_the_global_state_stay_unchanged(name):
    model, x = model_and_input(name)
    before = copy.deepcopy(model.state_dict())
    versions = [p._version for p in model.parameters()]
    random = torch.get_rng_state()
    kept = x.clone()
    record(model, (x,))
    assert torch.equal(torch.get_rng_state(), random)
    assert torch.equal(x, kept)
    assert [p._version for p in model.parameters()] == versions
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_functions_outside_modules_are_columns_too():
    model, x = model_and_input("residual")
    names = [column.name for column in record(model, (x,)).columns]
    assert names[:3] == ["x", "stem", "clone"]
    assert names[-2:] == ["mean", "head"]
    assert names.count("add") == 1
    assert "add (2)" in names
    assert "blocks.0.3" in names


def test_an_in_place_call_does_not_overwrite_an_earlier_output():
    torch.manual_seed(0)
    model, x = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True)), torch.randn(1, 1, 6, 6)
    _, conv, relu = record(model, (x,)).columns
    assert (conv.output < 0).any()
    assert torch.equal(relu.output, conv.output.relu())
    assert relu.sources == (Source(1),)


def test_sources_follow_a_skip_connection():
    model, x = model_and_input("residual")
    columns = record(model, (x,)).columns
    number = next(n for n, column in enumerate(columns) if column.kind == "add")
    names = [columns[source.column].name for source in columns[number].sources]
    assert names == ["stem", "blocks.0.3"]


def test_each_call_of_a_reused_layer_has_its_own_name():
    model, x = model_and_input("reused")
    columns = record(model, (x,)).columns
    assert [column.name for column in columns if column.module is not None] == ["step", "step (2)", "step (3)"]


def test_outputs_are_named_by_the_expressions_that_access_them():
    model, x = model_and_input("dictionary")
    returned = [column.returned for column in record(model, (x,)).columns if column.returned]
    assert sorted(returned) == [("output['box'][0]",), ("output['box'][1]",), ("output['logits']",)]


def test_batch_norm_in_training_mode_counts_the_batch_and_keeps_its_averages():
    model, x = model_and_input("normalized")
    mean = model.norm.running_mean.clone()
    columns = {column.name: column for column in record(model, (x,), sample=2).columns}
    full = F.batch_norm(model.conv(x), None, None, model.norm.weight, model.norm.bias, training=True)
    assert torch.allclose(columns["norm"].output, full[2], atol=1e-6)
    assert torch.equal(model.norm.running_mean, mean)


def test_calls_before_an_error_are_recorded():
    class Wrong(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.fc = nn.Conv2d(1, 2, 3), nn.Linear(100, 10)

        def forward(self, x):
            return self.fc(F.relu(self.conv(x)).flatten(1))

    network = record(Wrong(), (torch.zeros(2, 1, 6, 6),))
    assert [column.name for column in network.columns] == ["x", "conv", "relu", "flatten"]
    assert "mat1 and mat2 shapes cannot be multiplied (2x32 and 100x10)" in network.refusal
    assert network.failed_call == "fc (Linear)"
    assert network.output is None


def test_an_unbatched_image_is_one_sample():
    network = record(nn.Conv2d(1, 2, 3), (torch.zeros(1, 5, 5),))
    assert [column.shape for column in network.columns] == [(1, 5, 5), (2, 3, 3)]


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (torch.Tensor.__iadd__, "add"),
        (torch.Tensor.__rsub__, "sub"),
        (torch.Tensor.__truediv__, "div"),
        (torch.Tensor.__getitem__, "getitem"),
        (torch.Tensor.T.__get__, "T"),
        (torch.relu_, "relu"),
        (torch.cat, "cat"),
        (torch.max_pool2d, "max_pool2d"),
    ],
)
def test_functions_have_their_torch_names(function, name):
    assert function_name(function) == name
