"""Modules, phases and lines of events, compared with hooks, sequence numbers and the source code."""

import linecache

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import dlviz
from dlviz.profiling.attribution import BACKWARD, DATA, OPTIMIZER, PHASES
from tests.profiling import models
from tests.profiling.models import Net, Training


@pytest.fixture(scope="module")
def epoch():
    training = Training()
    with dlviz.profile(label="an epoch") as view:
        training.epoch()
    return view.record


def paths(record, prefix, phase=None):
    """Return the paths of the rows of all events whose names begin with a prefix."""
    found = record.attribution
    return {
        record.rows[found.row[i]].path
        for i, name in enumerate(record.events.names)
        if name.startswith(prefix) and (phase is None or found.phase[i] == phase)
    }


def test_own_times_add_up_to_the_total_and_times_to_those_of_the_parts(epoch):
    assert sum(row.own_time for row in epoch.rows) == pytest.approx(epoch.total)
    for k, row in enumerate(epoch.rows):
        parts = [other.time for other in epoch.rows if other.parent == k]
        assert row.time == pytest.approx(row.own_time + sum(parts))
        assert 0 <= row.backward_time <= row.time


def test_rows_are_the_modules_in_the_order_of_the_model_with_their_calls(epoch):
    rows = {row.path: row for row in epoch.rows}
    net = ["Net", *(f"Net.{path}" for path, _ in Net().named_modules() if path)]
    assert list(rows) == ["data", *net, "outside", "optimizer"]
    assert {path: rows[path].calls for path in net} == {path: 0 if path == "Net.blocks" else 3 for path in net}
    assert rows["Net.features.0"].kind == "Conv2d"
    assert epoch.rows[rows["Net.blocks.1"].parent].path == "Net.blocks"


def test_an_operation_belongs_to_the_innermost_module_that_runs(epoch):
    assert paths(epoch, "aten::conv2d") == {"Net.features.0"}
    assert paths(epoch, "aten::linear") == {"Net.blocks.0", "Net.blocks.1", "Net.head"}
    assert paths(epoch, "aten::mean") == {"Net"}
    assert paths(epoch, "aten::cross_entropy_loss") == {"outside"}
    assert paths(epoch, "Optimizer") == {"optimizer"}
    assert paths(epoch, "enumerate(DataLoader)") == {"data"}


def test_a_step_of_backward_belongs_to_the_module_of_its_forward(epoch):
    engine = "autograd::engine::evaluate_function: "
    assert paths(epoch, engine + "ConvolutionBackward") == {"Net.features.0"}
    assert paths(epoch, engine + "NativeBatchNormBackward") == {"Net.features.1"}
    assert paths(epoch, engine + "AddmmBackward") == {"Net.blocks.0", "Net.blocks.1", "Net.head"}
    assert paths(epoch, engine + "MeanBackward") == {"Net"}
    assert paths(epoch, engine + "NllLossBackward") == {"outside"}
    # The gradient of a parameter is added in the row of the module that holds it.
    holders = {"Net.features.0", "Net.features.1", "Net.blocks.0", "Net.blocks.1", "Net.head"}
    assert paths(epoch, engine + "torch::autograd::AccumulateGrad") == holders
    assert paths(epoch, "aten::convolution_backward", BACKWARD) == {"Net.features.0"}


def test_phases(epoch):
    phase = epoch.attribution.phase
    for i, name in enumerate(epoch.events.names):
        outermost = i
        while epoch.events.parent[outermost] >= 0:
            outermost = int(epoch.events.parent[outermost])
        first = epoch.events.names[outermost]
        expected = (
            BACKWARD if first.startswith("autograd::engine")
            else OPTIMIZER if first.startswith("Optimizer")
            else DATA if first.startswith("enumerate")
            else 0
        )  # fmt: skip
        assert PHASES[phase[i]] == PHASES[expected], name


def test_the_line_is_that_of_the_learners_code_and_in_backward_that_of_the_forward(epoch):
    def texts(prefix, wanted=None):
        found = epoch.attribution
        return {
            epoch.lines[found.line[i]].text
            for i, name in enumerate(epoch.events.names)
            if name.startswith(prefix) and (wanted is None or found.phase[i] == wanted)
        }

    assert texts("aten::conv2d") == {"x = self.features(x)"}
    assert texts("aten::convolution_backward") == {"x = self.features(x)"}
    assert texts("aten::flatten") == {"x = x.flatten(2).mean(1) * 2.0  # the product outside of all submodules"}
    assert texts("MeanBackward") == texts("aten::flatten")
    assert texts("aten::relu") == {"x = self.features(x)", "x = torch.relu(block(x))  # a block"}
    # After net(x) has returned, the rest of the line runs.
    assert texts("aten::cross_entropy_loss") == {"loss = nn.functional.cross_entropy(self.net(x), y)  # the loss"}
    assert texts("Optimizer.step") == {"self.optimizer.step()"}
    assert texts("enumerate(DataLoader)") == {"for x, y in self.loader:"}
    for line in epoch.lines:
        if line.where == "models.py":
            assert linecache.getline(models.__file__, line.number).strip() == line.text
    assert (epoch.attribution.line >= 0).mean() > 0.98


def test_a_module_that_is_called_twice_and_one_that_is_computed_again_in_backward():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x):
            return self.b(self.a(checkpoint(self.a, x, use_reentrant=False)))

    net = Shared()
    record = dlviz.profile(lambda: net(torch.randn(2, 4)).sum().backward(), repeats=1).record
    rows = {row.path: row for row in record.rows}
    assert rows["net.a"].calls == 3
    in_backward = record.attribution.row[record.attribution.phase == BACKWARD].tolist()
    counts = {row.path: in_backward.count(k) for k, row in enumerate(record.rows)}
    # The second and the third call of a, and its forward that is computed again.
    assert counts["net.a"] > counts["net.b"] > 0
    assert sum(row.own_time for row in record.rows) == pytest.approx(record.total)


def test_two_models_have_rows_and_names_of_their_own():
    first, second = nn.Sequential(nn.Linear(2, 2)), nn.Linear(2, 1)
    with dlviz.profile() as view:
        second(first(torch.ones(1, 2)))
    assert [row.path for row in view.rows] == ["first", "first.0", "second", "outside"]


def test_the_fast_path_of_a_transformer_stays():
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    with torch.no_grad():
        names = dlviz.profile(layer, torch.randn(1, 3, 8), repeats=1).record.events.names
    assert "aten::_transformer_encoder_layer_fwd" in names


def test_a_compiled_region_has_no_modules_but_its_operations_add_up():
    net = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    fast = torch.compile(net, backend="eager")
    view = dlviz.profile(fast, torch.ones(2, 4), repeats=1)
    assert any(name.startswith("Torch-Compiled Region") for name in view.record.events.names)
    assert sum(row.own_time for row in view.rows) == pytest.approx(view.total)
    assert np.isclose(view.total, view.record.events.self_time.sum())
    assert "compiled region" in view.scene["notes"][0]["text"]
